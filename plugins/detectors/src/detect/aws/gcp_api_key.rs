//! Google API keys.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, JOINER},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "gcp-api-key",
    title: "Google API key",
    what: "`AIza` and 35 characters of base64url.",
    why: "Spends quota and money of a project; unrestricted ones reach all its APIs.",
    severity: Severity::High,
    pattern: r"\bAIza[A-Za-z0-9_-]{35}",
    validator: "",
    on_by_default: true,
    matches: &[Example {
        text: concat!("&sensor=1&api ", "AIza", "Cxnm-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5", ","),
        found: &[concat!("AIza", "Cxnm-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5")],
    }],
    no_matches: &[
        "AIzaShort",
        concat!("xAIza", "Cxnm-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5"),
        concat!("AIza", "Cxnm-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5p6"),
    ],
};

/// The `A` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if !scan.has(at, b"AIza") {
        return None;
    }
    let end = scan.skip(at, ALNUM | JOINER);
    let whole = end - at == 39 || (end - at < 39 && end - at >= 12 && scan.is_cut(end));
    whole.then(|| found(scan, Id::GcpApiKey, at, end)).flatten()
}
