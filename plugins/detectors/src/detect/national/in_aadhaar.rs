//! Indian Aadhaar numbers.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
    text::{DIGIT, is},
    valid::verhoeff::verhoeff,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "in-aadhaar",
    title: "Aadhaar number",
    what: "Twelve digits in groups of four, with blanks or dashes; the first is 2 to 9.",
    why: "Stands for the person in India, tied to biometrics and bank accounts.",
    severity: Severity::Critical,
    pattern: r"\b[2-9][0-9]{3}(?: [0-9]{4} [0-9]{4}|-[0-9]{4}-[0-9]{4})\b",
    validator: "Verhoeff check digit; not one of more groups.",
    on_by_default: true,
    matches: &[Example { text: "aadhaar 3675 9834 6016", found: &["3675 9834 6016"] }],
    no_matches: &[
        "3675 9834 6012",
        "1675 9834 6016",
        "3675 9834 6016 1111",
        "1111 3675 9834 6016",
        "3675 9834 60161",
    ],
};

/// Groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let separator = scan.at(start + 4);
    let end = groups(scan, start, separator, &[4, 4, 4])?;
    // Before it no group is left: the walk passes over longer rows of groups whole.
    let more = scan.at(end) == separator && is(scan.at(end + 1), DIGIT);
    let right = scan.text[start] >= b'2' && !more && verhoeff(&scan.text[start..end]);
    (right && stands_alone(scan, start, end)).then(|| found(scan, Id::InAadhaar, start, end)).flatten()
}
