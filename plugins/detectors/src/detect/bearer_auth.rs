//! Bearer tokens.

use crate::{
    Definition, Example, Severity,
    scan::Scan,
    text::{ALNUM, BASE64, DIGIT, JOINER, LOWER, contains_word, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "bearer-auth",
    title: "Bearer token",
    what: "What follows `Bearer` and a blank.",
    why: "Whoever has it is the user or the service, for as long as it is valid.",
    severity: Severity::High,
    pattern: r"\b(?i:bearer) ([A-Za-z0-9._~+/=-]{8,})",
    validator: "At least one digit, or 20 characters, or the word Authorization before it; a JWT counts as one.",
    on_by_default: true,
    matches: &[
        Example { text: "Authorization: Bearer abcdefgh", found: &["abcdefgh"] },
        Example {
            text: "curl -H 'authorization: bearer 4ETfMuOdfkMAWOLBVKh6dh' x",
            found: &["4ETfMuOdfkMAWOLBVKh6dh"],
        },
        Example { text: "map[Authorization:[Bearer a1b2c3d4]]", found: &["a1b2c3d4"] },
        Example { text: "Bearer a1B2-c3D4_e5F6.", found: &["a1B2-c3D4_e5F6"] },
    ],
    no_matches: &[
        "bearer token missing",
        "Bearer authentication failed 3 times",
        "Authorization: Bearer [REDACTED]",
        "Bearer ***",
        "Bearer realm=\"x\"",
        "bearer 1234",
    ],
};

/// The end of the token at `value`.
pub(crate) fn end(scan: &Scan<'_, '_>, word: usize, value: usize) -> Option<usize> {
    let text = scan.text;
    let mut end = value;
    while is(scan.at(end), ALNUM | JOINER | BASE64) || matches!(scan.at(end), b'.' | b'~') {
        end += 1;
    }
    while end > value && text[end - 1] == b'.' && !is_jwt(text, value) {
        end -= 1;
    }
    let token = &text[value..end];
    // `Bearer realm="x"` of a challenge.
    if token.len() < 8
        || (token.ends_with(b"=")
            && matches!(scan.at(end), b'"' | b'\\')
            && token.iter().all(|&b| is(b, LOWER) || b == b'='))
    {
        return None;
    }
    let telling = token.iter().any(|&b| is(b, DIGIT)) || token.len() >= 20;
    (telling || contains_word(scan.context(word, 24), b"authorization")).then_some(end)
}

fn is_jwt(text: &[u8], at: usize) -> bool {
    text[at..].starts_with(b"eyJ")
}
