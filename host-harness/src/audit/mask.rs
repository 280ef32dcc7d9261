//! What reports show of values and of the records around them: shapes, never values.

use memchr::memmem;

/// A range of a record that is not to be shown, and what stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask<'r> {
    /// First byte.
    pub start: usize,
    /// End, exclusive.
    pub end: usize,
    /// The rule that found it.
    pub rule: &'r str,
}

/// Values of so many characters show their first and last one, unless it is a digit.
const MIN_SHOWN: usize = 8;
/// Characters of a sample.
const SAMPLE_CHARS: usize = 32;
/// Characters of a context.
const CONTEXT_CHARS: usize = 120;
/// Bytes before a value that a context shows, if there are as many.
const BEFORE_BYTES: usize = 60;

/// The shape of a value: `a**@*******.**g`, `#### #### #### ####`.
pub fn sample(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let count = text.chars().count();
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i + 1 == SAMPLE_CHARS && count > SAMPLE_CHARS {
            out.push('…');
            break;
        }
        let edge = i == 0 || i + 1 == count;
        out.push(match c {
            _ if c.is_ascii_digit() => '#',
            _ if c.is_ascii_alphabetic() && edge && count >= MIN_SHOWN => c,
            '@' | '.' | '-' | '_' | '+' | ':' | '/' | ' ' => c,
            _ => '*',
        });
    }
    out
}

/// The text around `start..end` with all masks applied, on one line, cut.
pub fn context(record: &[u8], masks: &[Mask<'_>], start: usize, end: usize) -> String {
    let mut from = start.saturating_sub(BEFORE_BYTES);
    // Not within a mask: what is left of it would be shown.
    if let Some(mask) = masks.iter().find(|m| m.start < from && from < m.end) {
        from = mask.start;
    }
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    let mut at = from;
    let mut budget = CONTEXT_CHARS;
    for mask in masks.iter().filter(|m| m.end > from) {
        push_plain(&mut out, record.get(at..mask.start).unwrap_or_default(), &mut budget);
        push_text(&mut out, &format!("<{}>", mask.rule), &mut budget);
        at = at.max(mask.end);
        if budget == 0 {
            return out;
        }
    }
    let rest = record.get(at..).unwrap_or_default();
    push_plain(
        &mut out,
        &rest[..rest.len().min(4 * CONTEXT_CHARS).max(end.saturating_sub(at)).min(rest.len())],
        &mut budget,
    );
    out
}

fn push_plain(out: &mut String, bytes: &[u8], budget: &mut usize) {
    // More than this many bytes cannot be shown, and half a character at the cut is not either.
    let bytes = &bytes[..bytes.len().min(4 * *budget + 4)];
    let mut plain = String::new();
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            // A colour code.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else if c.is_control() || c == ' ' || is_direction(c) {
            if !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else {
            plain.push(c);
        }
    }
    push_text(out, &plain, budget);
}

/// Characters that change how the text after them is shown.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn push_text(out: &mut String, text: &str, budget: &mut usize) {
    if *budget == 0 {
        return;
    }
    let len = text.chars().count();
    if len <= *budget {
        out.push_str(text);
        *budget -= len;
    } else {
        out.extend(text.chars().take(*budget));
        out.push('…');
        *budget = 0;
    }
}

/// Whether a text is nothing but what a filter has put in place of values: there is nothing left to find in it.
pub fn is_redacted(text: &[u8]) -> bool {
    const MARK: &[u8] = b"REDACTED";
    let mut rest = text;
    let mut marks = 0;
    while let Some(at) = memmem::find(rest, MARK) {
        if rest[..at].iter().any(u8::is_ascii_alphanumeric) {
            return false;
        }
        let tail = &rest[at + MARK.len()..];
        // A name, and for whole payloads a size; to the end if the text was cut there.
        let name = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b' ' | b':');
        let len = tail.iter().take_while(|b| name(b)).count();
        if len > 64 || tail.get(len).is_some_and(|b| *b != b']') {
            return false;
        }
        rest = &tail[len..];
        marks += 1;
    }
    marks > 0 && !rest.iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
}

/// A name that may be shown: one that a programmer wrote, not one that came with data.
pub fn is_identifier(name: &[u8]) -> bool {
    (1..=40).contains(&name.len())
        && name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && name.iter().filter(|b| b.is_ascii_digit()).count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_shapes() {
        for (value, shown) in [
            ("ada@example.org", "a**@*******.**g"),
            ("4111 1111 1111 1111", "#### #### #### ####"),
            ("secret", "******"),
            ("Søren 이", "***** *"),
            ("1a2b3c4d5e", "#*#*#*#*#e"),
            ("", ""),
            ("x<script>y", "x*******"),
        ] {
            assert!(sample(value.as_bytes()).starts_with(shown), "{value}: {}", sample(value.as_bytes()));
        }
        let long = sample(&b"abc".repeat(100));
        assert_eq!(long.chars().count(), SAMPLE_CHARS);
        assert!(long.starts_with("a*") && long.ends_with('…'));
    }

    #[test]
    fn replacements_are_no_values() {
        for (text, redacted) in [
            ("[REDACTED:email]", true),
            ("REDACTED:payload", true),
            ("[REDACTED:payload 93 bytes payload-k1-mfzxg4tbonqwg3dp]", true),
            ("[REDACTED:payload]\",\"[REDACTED:email]", true),
            ("\\\"[REDACTED]", true),
            ("[REDACTED:email] ada", false),
            ("ada [REDACTED:email]", false),
            ("[REDACTED:email]ö", false),
            ("ada", false),
            ("", false),
        ] {
            assert_eq!(is_redacted(text.as_bytes()), redacted, "{text}");
        }
    }

    #[test]
    fn contexts_show_what_is_not_masked() {
        let record = b"user \x1b[36mada@example.org\x1b[0m paid with\t4111111111111111 today";
        let mask = |start, end, rule| Mask { start, end, rule };
        let masks = [mask(10, 25, "email"), mask(40, 56, "payment-card")];
        assert_eq!(context(record, &masks, 10, 25), "user <email> paid with <payment-card> today");
        // A window that starts in a mask starts with it.
        let record = [&b"x".repeat(200)[..], b" tail"].concat();
        let all = [mask(0, 200, "secret")];
        assert_eq!(context(&record, &all, 150, 160), "<secret> tail");
        let long = context(&b"word ".repeat(100), &[mask(0, 4, "a")], 0, 4);
        assert_eq!(long.chars().count(), CONTEXT_CHARS + 1);
    }
}
