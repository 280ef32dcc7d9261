//! French social security numbers (numéro d'inscription au répertoire).

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        national::value,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "fr-nir",
    title: "French social security number",
    what: "Fifteen digits, compact or in groups: sex, year, month, place, order, key. Corsican ones (2A, 2B) are left out.",
    why: "Tells sex, birth month and place, and opens health records.",
    severity: Severity::High,
    pattern: r"\b[12](?:[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{10}| [0-9]{2} (?:0[1-9]|1[0-2]) [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2})\b",
    validator: "Key: 97 minus the other digits modulo 97.",
    on_by_default: true,
    matches: &[
        Example { text: "nir 255081416802538", found: &["255081416802538"] },
        Example { text: "2 55 08 14 168 025 38 ok", found: &["2 55 08 14 168 025 38"] },
    ],
    no_matches: &["255081416802539", "255991416802538", "2 55 08 14 168 025 39", "1 2 3 4 5 6 7"],
};

/// The digits `start..end`.
pub(crate) fn compact(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    (end - start == 15).then(|| check(scan, start, end)).flatten()
}

/// Groups from `start` on.
pub(crate) fn grouped(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let end = groups(scan, start, b' ', &[1, 2, 2, 2, 3, 3, 2])?;
    check(scan, start, end)
}

fn check(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let all = value(&scan.text[start..end]);
    let (body, key) = (all / 100, all % 100);
    let (sex, month) = (body / 1_000_000_000_000, body / 100_000_000 % 100);
    let right = matches!(sex, 1 | 2) && matches!(month, 1..=12) && 97 - body % 97 == key;
    (right && stands_alone(scan, start, end)).then(|| found(scan, Id::FrNir, start, end)).flatten()
}
