//! UK national insurance numbers.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups},
    },
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, UPPER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "uk-nino",
    title: "UK national insurance number",
    what: "Two capital letters, six digits and a letter from A to D, compact or with blanks.",
    why: "Given for life, used for taxes and benefits.",
    severity: Severity::High,
    pattern: r"\b[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z](?:[0-9]{6}| [0-9]{2} [0-9]{2} [0-9]{2} )[A-D]\b",
    validator: "Not one of the prefixes BG, GB, KN, NK, NT, TN, ZZ.",
    on_by_default: true,
    matches: &[
        Example { text: "nino AB123456C", found: &["AB123456C"] },
        Example { text: "NI number: QQ 12 34 56 C, JG 10 30 59 A", found: &["JG 10 30 59 A"] },
    ],
    no_matches: &["QQ123456C", "GB123456C", "AB123456E", "AB123456", "XAB123456C", "ab123456c", "AB123456CD"],
};

/// The token `start..end` of nine bytes.
pub(crate) fn compact(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let token = &scan.text[start..end];
    (token.len() == 9 && token[2..8].iter().all(|&b| is(b, DIGIT))).then(|| check(scan, start, end)).flatten()
}

/// The first two digits are at `digits`, with the letters before them.
pub(crate) fn grouped(scan: &mut Scan<'_, '_>, digits: usize) -> Option<usize> {
    let start = digits.checked_sub(3).filter(|s| *s >= scan.floor() && scan.text[s + 2] == b' ')?;
    let end = groups(scan, digits, b' ', &[2, 2, 2]).filter(|e| scan.at(*e) == b' ')? + 2;
    check(scan, start, end)
}

fn check(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let &[a, b, .., last] = scan.text.get(start..end)? else { return None };
    let letters = is(a, UPPER) && is(b, UPPER) && !b"DFIQUV".contains(&a) && !b"DFIOQUV".contains(&b);
    let given = !matches!(&[a, b], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ");
    let alone = !is(scan.before(start), ALNUM | JOINER) && !is(scan.at(end), ALNUM | JOINER);
    (letters && given && alone && matches!(last, b'A'..=b'D'))
        .then(|| found(scan, Id::UkNino, start, end))
        .flatten()
}
