//! Passport numbers: no check digit, so only next to the word.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, stands_alone},
    },
    scan::Scan,
    text::{DIGIT, UPPER, contains_word, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "passport",
    title: "Passport number",
    what: "A number of 7 to 9 characters, up to two capital letters and then digits, after the word passport.",
    why: "Identity theft: it is what banks and borders ask for.",
    severity: Severity::High,
    pattern: r#"(?i:passport)(?i:[ _-]?(?:number|no|nr|num))?[ .:="'#\\]{1,6}([A-Z]{1,2}[0-9]{6,8}|[0-9]{9})\b"#,
    validator: "The word passport right before it or its `number`.",
    on_by_default: true,
    matches: &[
        Example { text: "passport C31465834 rejected", found: &["C31465834"] },
        Example { text: "{ApplicantID:7 Passport:T42812629 Name:x}", found: &["T42812629"] },
        Example { text: "\"passport_number\":\"912803456\"", found: &["912803456"] },
        Example { text: "Passport No. AB1234567", found: &["AB1234567"] },
    ],
    no_matches: &[
        "order C31465834",
        "passport.pdf",
        "passport check took 912803456 ns",
        "passport expired 2026",
        "build AB1234567",
    ],
};

/// The token `start..end`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let token = &scan.text[start..end];
    let letters = token.iter().take_while(|b| is(**b, UPPER)).count();
    let digits = token[letters..].iter().all(|&b| is(b, DIGIT));
    let shape = matches!((letters, token.len() - letters), (1 | 2, 6..=8) | (0, 9));
    if !digits || !shape || !scan.on(Id::Passport) || !stands_alone(scan, start, end) {
        return None;
    }
    let context = scan.context(start, 48);
    // Between the word and the number only what belongs to a field name.
    let tail = context
        .iter()
        .rposition(|b| !matches!(b, b' ' | b'.' | b':' | b'=' | b'"' | b'\'' | b'#' | b'\\'))?
        + 1;
    let context = &context[tail.saturating_sub(20)..tail];
    let named = [&b"passport"[..], b"number", b"no", b"nr", b"num"]
        .iter()
        .any(|w| context.len() >= w.len() && context[context.len() - w.len()..].eq_ignore_ascii_case(w));
    (named && contains_word(context, b"passport")).then(|| found(scan, Id::Passport, start, end)).flatten()
}
