//! Spanish identity numbers: DNI of citizens, NIE of others.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "es-dni",
    title: "Spanish DNI or NIE",
    what: "Eight digits and a capital letter, or X, Y or Z, seven digits and a letter; a dash may stand before the last letter.",
    why: "Stands for the person in all dealings with state and banks.",
    severity: Severity::High,
    pattern: r"\b(?:[0-9]{8}-?|[XYZ][0-9]{7}-?)[TRWAGMYFPDXBNJZSQVHLCKE]\b",
    validator: "Check letter: the number modulo 23.",
    on_by_default: true,
    matches: &[
        Example { text: "dni 12345678Z", found: &["12345678Z"] },
        Example { text: "DNI: 12345678-Z.", found: &["12345678-Z"] },
        Example { text: "nie X1234567L, X1234567-L", found: &["X1234567L", "X1234567-L"] },
    ],
    no_matches: &["12345678A", "X1234567A", "12345678z", "112345678Z", "12345678Zx", "20261121T001719Z"],
};

const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The token `start..end` of nine bytes.
pub(crate) fn compact(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    check(scan, start, end, end)
}

/// Eight digits, or a letter and seven, `start..end`, then perhaps a dash and a letter.
pub(crate) fn dashed(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    (end - start == 8 && scan.at(end) == b'-').then(|| check(scan, start, end, end + 2)).flatten()
}

fn check(scan: &mut Scan<'_, '_>, start: usize, digits_end: usize, end: usize) -> Option<usize> {
    let letter = *scan.text.get(end - 1)?;
    let body = &scan.text[start..digits_end.min(end - 1)];
    if body.len() != 8 || is(scan.before(start), ALNUM | JOINER) || is(scan.at(end), ALNUM | JOINER) {
        return None;
    }
    let first = match body[0] {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        d if is(d, DIGIT) => u32::from(d - b'0'),
        _ => return None,
    };
    if !body[1..].iter().all(|&b| is(b, DIGIT)) {
        return None;
    }
    let number = body[1..].iter().fold(first, |n, b| n * 10 + u32::from(b - b'0'));
    (LETTERS[(number % 23) as usize] == letter).then(|| found(scan, Id::EsDni, start, end)).flatten()
}
