//! Bytes: their classes, redaction markers, words in any case.

pub(crate) const DIGIT: u8 = 1;
pub(crate) const UPPER: u8 = 2;
pub(crate) const LOWER: u8 = 4;
pub(crate) const ALNUM: u8 = DIGIT | UPPER | LOWER;
/// `a-f`, `A-F`; digits have only `DIGIT`.
pub(crate) const HEX_LETTER: u8 = 8;
pub(crate) const HEX: u8 = DIGIT | HEX_LETTER;
/// `_` and `-`, which base64url has too.
pub(crate) const JOINER: u8 = 16;
/// White space.
pub(crate) const BLANK: u8 = 32;
/// `+`, `/` and `=` of base64.
pub(crate) const BASE64: u8 = 64;
/// Bytes of characters beyond ASCII.
pub(crate) const WIDE: u8 = 128;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "below 256")]
        let b = i as u8;
        table[i] = match b {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'F' => UPPER | HEX_LETTER,
            b'G'..=b'Z' => UPPER,
            b'a'..=b'f' => LOWER | HEX_LETTER,
            b'g'..=b'z' => LOWER,
            b'_' | b'-' => JOINER,
            b' ' | b'\t' | b'\n' | b'\r' => BLANK,
            b'+' | b'/' | b'=' => BASE64,
            0x80.. => WIDE,
            _ => 0,
        };
        i += 1;
    }
    table
}

/// Whether `byte` is in one of `classes`.
#[inline]
pub(crate) fn is(byte: u8, classes: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// The classes of `byte`.
#[inline]
pub(crate) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Longest marker: `[REDACTED:` and a name.
pub(crate) const MARKER_BYTES: usize = 128;

/// The end of the redaction marker `[REDACTED]`, `[REDACTED:name]`, `[FILTERED]` or `***` that starts at `at`. One
/// that the text's end cuts ends there.
pub(crate) fn marker_end(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if rest.starts_with(b"***") {
        return Some(at + rest.iter().position(|&b| b != b'*').unwrap_or(rest.len()));
    }
    if rest.starts_with(b"[FILTERED]") {
        return Some(at + 10);
    }
    let name = rest.strip_prefix(b"[REDACTED")?;
    match name.first() {
        None => Some(text.len()),
        Some(b']') => Some(at + 10),
        Some(b':') => {
            let window = &name[..name.len().min(MARKER_BYTES)];
            match window.iter().position(|&b| b == b']' || b == b'\n' || b == b'"') {
                Some(close) if window[close] == b']' => Some(at + 9 + close + 1),
                None if window.len() == name.len() => Some(text.len()),
                _ => None,
            }
        }
        Some(_) => None,
    }
}

/// Length of what follows the backslash of an escape at the start of `text`: `n`, `x1a` or `u0013`.
pub(crate) fn escape_length(text: &[u8]) -> usize {
    let hex = |n: usize| text.get(1..=n).is_some_and(|t| t.iter().all(|&b| is(b, HEX)));
    match text.first() {
        Some(b'u') if hex(4) => 5,
        Some(b'x') if hex(2) => 3,
        Some(b'n' | b'r' | b't' | b'a' | b'b' | b'f' | b'v' | b'e') => 1,
        _ => 0,
    }
}

/// Whether `text` has `lower`, a word in lower case, somewhere, in any case.
pub(crate) fn contains_word(text: &[u8], lower: &[u8]) -> bool {
    let Some(&head) = lower.first() else { return true };
    text.len() >= lower.len()
        && (0..=text.len() - lower.len()).any(|i| {
            text[i].to_ascii_lowercase() == head && text[i..i + lower.len()].eq_ignore_ascii_case(lower)
        })
}
