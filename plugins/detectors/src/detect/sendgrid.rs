//! SendGrid keys.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "sendgrid-key",
    title: "SendGrid API key",
    what: "`SG.`, 22 characters, a dot and 43 characters in base64url.",
    why: "Sends mail in the name of the company, and reads its recipients.",
    severity: Severity::Critical,
    pattern: r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    validator: "Not longer.",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "mail via ",
            "SG",
            ".a1B2c3D4e5F6g7H8i9J0k1",
            ".a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V",
            ";"
        ),
        found: &[concat!("SG", ".a1B2c3D4e5F6g7H8i9J0k1", ".a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V")],
    }],
    no_matches: &["SG.short.key", "MSG.a1B2c3D4e5F6g7H8i9J0k1.x", "SG."],
};

/// The `S` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if !scan.has(at, b"SG.") || is(scan.before(at), ALNUM | JOINER) {
        return None;
    }
    let dot = scan.skip(at + 3, ALNUM | JOINER);
    let end = scan.skip(dot + 1, ALNUM | JOINER);
    (dot - at == 25 && scan.at(dot) == b'.' && end - dot == 44)
        .then(|| found(scan, Id::SendgridKey, at, end))
        .flatten()
}
