//! Italian tax codes (codice fiscale).

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, LOWER, UPPER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "it-codice-fiscale",
    title: "Italian tax code",
    what: "Sixteen letters and digits made from name, date and place of birth.",
    why: "Tells name, sex, date and place of birth, and stands for the person everywhere.",
    severity: Severity::High,
    pattern: r"\b(?i:[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z])\b",
    validator: "Check character.",
    on_by_default: true,
    matches: &[
        Example { text: "cf RSSMRA85T10A562S", found: &["RSSMRA85T10A562S"] },
        Example { text: "mrtmtt91d08f205j;", found: &["mrtmtt91d08f205j"] },
    ],
    no_matches: &["RSSMRA85T10A562T", "RSSMRA85X10A562S", "ABCDEF12G34H567I", "_RSSMRA85T10A562S"],
};

/// What a character in an odd place counts, by its value (digits and letters alike start at 0).
static ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// The token `start..end` of 16 bytes.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let code = &scan.text[start..end];
    let shape = code.len() == 16
        && code
            .iter()
            .enumerate()
            .all(|(i, &b)| is(b, if matches!(i, 6 | 7 | 9 | 10 | 12..=14) { DIGIT } else { UPPER | LOWER }))
        && b"ABCDEHLMPRST".contains(&code[8].to_ascii_uppercase());
    if !shape || is(scan.before(start), ALNUM | JOINER) || is(scan.at(end), ALNUM | JOINER) {
        return None;
    }
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(i, &b)| {
            let value = if is(b, DIGIT) { b - b'0' } else { b.to_ascii_uppercase() - b'A' };
            if i % 2 == 0 { ODD[usize::from(value)] } else { u32::from(value) }
        })
        .sum();
    let right = u32::from(code[15].to_ascii_uppercase() - b'A') == sum % 26;
    right.then(|| found(scan, Id::ItCodiceFiscale, start, end)).flatten()
}
