//! Swiss social insurance numbers (AHV, AVS).

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
    valid::ean13::ean13,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "ch-ahv",
    title: "Swiss social insurance number",
    what: "Thirteen digits that start with 756, as 756.1234.5678.97.",
    why: "Given for life, used by all authorities.",
    severity: Severity::High,
    pattern: r"\b756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}\b",
    validator: "EAN-13 check digit.",
    on_by_default: true,
    matches: &[Example { text: "AHV 756.9217.0769.85", found: &["756.9217.0769.85"] }],
    no_matches: &["756.9217.0769.84", "757.9217.0769.85", "1756.9217.0769.85", "756.9217.0769.85.1"],
};

/// Groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.has(start, b"756.") {
        return None;
    }
    let end = groups(scan, start, b'.', &[3, 4, 4, 2])?;
    (ean13(&scan.text[start..end]) && stands_alone(scan, start, end))
        .then(|| found(scan, Id::ChAhv, start, end))
        .flatten()
}
