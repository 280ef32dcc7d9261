//! US social security numbers.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "us-ssn",
    title: "US social security number",
    what: "Nine digits with dashes, 3-2-4. Without dashes it is found by its field name only.",
    why: "The key to credit and identity in the United States; it does not change.",
    severity: Severity::Critical,
    pattern: r"\b(?:00[1-9]|0[1-9][0-9]|[1-57-8][0-9]{2}|6(?:[0-57-9][0-9]|6[0-57-9]))-(?:0[1-9]|[1-9][0-9])-(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})\b",
    validator: "Area not 000, 666 or 900 and up, group not 00, serial not 0000.",
    on_by_default: true,
    matches: &[
        Example { text: "ssn 078-05-1120", found: &["078-05-1120"] },
        Example { text: "{SSN:457-55-5462 DOB:1989-12-24}", found: &["457-55-5462"] },
        Example { text: "\"219-09-9999\"", found: &["219-09-9999"] },
    ],
    no_matches: &[
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "123-00-4567",
        "123-45-0000",
        "1123-45-6789",
        "123-45-67890",
        "2026-11-21",
        "123-45-6789-0",
        "a-123-45-6789",
        "123.45-6789",
    ],
};

/// Groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let end = groups(scan, start, b'-', &[3, 2, 4])?;
    let text = &scan.text[start..end];
    let area = &text[..3];
    let given =
        area != b"000" && area != b"666" && area[0] != b'9' && &text[4..6] != b"00" && &text[7..] != b"0000";
    (given && stands_alone(scan, start, end)).then(|| found(scan, Id::UsSsn, start, end)).flatten()
}
