//! Azure client secrets.

pub(crate) mod storage_key;

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "azure-client-secret",
    title: "Azure client secret",
    what: "A secret of an application in Entra ID: three characters, a digit, `Q~`, then 31 to 34 characters.",
    why: "Acts as the application in the tenant.",
    severity: Severity::Critical,
    pattern: r"\b[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}\b",
    validator: "",
    on_by_default: true,
    matches: &[Example {
        text: concat!("client abc", "8Q", "~a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", " used"),
        found: &[concat!("abc", "8Q", "~a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6")],
    }],
    no_matches: &["abc8Q~short", "~", "8Q~a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"],
};

fn fits(byte: u8) -> bool {
    is(byte, ALNUM | JOINER) || matches!(byte, b'~' | b'.')
}

/// The `~` at `at`.
pub(crate) fn client_secret(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let start = at.checked_sub(5).filter(|s| *s >= scan.floor())?;
    let text = scan.text;
    if text[at - 1] != b'Q'
        || !is(text[at - 2], DIGIT)
        || !text[start..at].iter().all(|&b| fits(b))
        || fits(scan.before(start))
    {
        return None;
    }
    let mut end = at + 1 + text[at + 1..].iter().take(40).take_while(|b| fits(**b)).count();
    while text[end - 1] == b'.' {
        end -= 1;
    }
    (31..=34).contains(&(end - at - 1)).then(|| found(scan, Id::AzureClientSecret, start, end)).flatten()
}
