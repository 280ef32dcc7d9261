//! Twilio keys.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, HEX, JOINER, UPPER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "twilio-key",
    title: "Twilio API key",
    what: "`SK` and 32 lower-case hexadecimal digits.",
    why: "Sends messages and makes calls at the company's expense.",
    severity: Severity::High,
    pattern: r"\bSK[0-9a-f]{32}\b",
    validator: "",
    on_by_default: true,
    matches: &[Example {
        text: concat!("sid ", "SK", "0123456789abcdef0123456789abcdef", " ok"),
        found: &[concat!("SK", "0123456789abcdef0123456789abcdef")],
    }],
    no_matches: &[
        "SK0123",
        "TASK0123456789abcdef0123456789abcdef",
        concat!("SK", "0123456789ABCDEF0123456789ABCDEF"),
    ],
};

/// The `S` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if !scan.has(at, b"SK") || is(scan.before(at), ALNUM | JOINER) {
        return None;
    }
    let end = scan.skip(at + 2, HEX);
    let body = &scan.text[at + 2..end];
    let lower = body.len() == 32 && !body.iter().any(|&b| is(b, UPPER)) && body.iter().any(|&b| is(b, DIGIT));
    (lower && !is(scan.at(end), ALNUM | JOINER)).then(|| found(scan, Id::TwilioKey, at, end)).flatten()
}
