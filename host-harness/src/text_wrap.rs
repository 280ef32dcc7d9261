//! Lines of text as Fluent Bit records and back.
//!
//! Fluent Bit holds a line as `{"log":"..."}`. JSON has no way to hold a byte that is not
//! UTF-8, so Fluent Bit gives byte `b` as the character U+E000 + `b`. The way back has to
//! be unambiguous: a character of that range that was in the line itself (U+E080 to
//! U+E0FF) is therefore taken apart into its three bytes, as if it were not UTF-8.

use memchr::memchr;

/// The first character that stands for a byte; bytes below 0x80 never need one.
const FIRST: u32 = 0xE080;
/// The last.
const LAST: u32 = 0xE0FF;

/// Append `{"log":"<line>"}` to `out`.
pub fn wrap(line: &[u8], out: &mut Vec<u8>) {
    out.reserve(line.len() + 16);
    out.extend_from_slice(b"{\"log\":\"");
    for part in line.utf8_chunks() {
        escape(part.valid(), out);
        for &byte in part.invalid() {
            push_byte_as_char(byte, out);
        }
    }
    out.extend_from_slice(b"\"}");
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => 0,
            // Lead byte of U+E000 to U+EFFF; FIRST to LAST are EE 82 80 to EE 83 BF.
            0xEE if matches!(bytes.get(at + 1), Some(0x82 | 0x83)) => {
                out.extend_from_slice(&bytes[copied..at]);
                for &b in &bytes[at..at + 3] {
                    push_byte_as_char(b, out);
                }
                copied = at + 3;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        if short == 0 {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        } else {
            out.extend_from_slice(&[b'\\', short]);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

fn push_byte_as_char(byte: u8, out: &mut Vec<u8>) {
    // U+E080 + n as UTF-8: EE, then twelve bits in two bytes.
    out.extend_from_slice(&[0xEE, 0x80 | byte >> 6, 0x80 | byte & 0x3F]);
}

/// The line in `json`, if that is an object with a `log` string and nothing else, and the
/// line can stand on one line of text. `None` if it has to stay JSON.
pub fn unwrap(json: &[u8]) -> Option<Vec<u8>> {
    let mut line = Vec::with_capacity(json.len());
    unwrap_into(json, &mut line).then_some(line)
}

/// As [`unwrap`], appended to `out`; false, with `out` as it was, where that gives `None`.
pub fn unwrap_into(json: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let done = parse(json, out).is_some() && memchr(b'\n', &out[before..]).is_none();
    if !done {
        out.truncate(before);
    }
    done
}

fn parse(json: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let after = |rest: &'_ [u8], token: &[u8]| -> Option<usize> {
        let trimmed = trim_start(rest);
        trimmed.starts_with(token).then(|| rest.len() - trimmed.len() + token.len())
    };
    let mut rest = json;
    for token in [b"{".as_slice(), b"\"log\"", b":", b"\""] {
        rest = &rest[after(rest, token)?..];
    }
    let end = string(rest, out)?;
    rest = &rest[end..];
    rest = &rest[after(rest, b"}")?..];
    trim_start(rest).is_empty().then_some(())
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
    &bytes[blank..]
}

/// Append the content of the string that starts at `rest`; gives where it ends, after its
/// closing quote.
fn string(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        let plain = rest[at..].iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0xEE)).count();
        out.extend_from_slice(&rest[at..at + plain]);
        at += plain;
        match rest.get(at)? {
            b'"' => return Some(at + 1),
            0xEE => {
                let (byte, len) = match rest.get(at + 1..at + 3) {
                    Some(&[high @ (0x82 | 0x83), low @ 0x80..=0xBF]) => (high << 6 | low & 0x3F, 3),
                    _ => (0xEE, 1),
                };
                out.push(byte);
                at += len;
            }
            _ => at += escaped(&rest[at..], out)?,
        }
    }
}

/// Append what the escape at the start of `rest` stands for; gives its length.
fn escaped(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let byte = match rest.get(1)? {
        b'u' => return unicode(rest, out),
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'f' => 0x0c,
        same @ (b'"' | b'\\' | b'/') => *same,
        _ => return None,
    };
    out.push(byte);
    Some(2)
}

fn unicode(rest: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let hex = |at: usize| -> Option<u32> {
        rest.get(at..at + 4)?.iter().try_fold(0, |n, &b| Some(n << 4 | (b as char).to_digit(16)?))
    };
    let first = hex(2)?;
    let (code, len) = match first {
        FIRST..=LAST => {
            out.push((first & 0xFF) as u8);
            return Some(6);
        }
        0xD800..=0xDBFF => {
            let second = hex(8).filter(|s| (0xDC00..=0xDFFF).contains(s))?;
            if rest.get(6..8)? != b"\\u" {
                return None;
            }
            (0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
        }
        _ => (first, 6),
    };
    // A lone surrogate is no character, and no byte that a line could have held.
    let c = char::from_u32(code)?;
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(line: &[u8]) -> String {
        let mut out = Vec::new();
        wrap(line, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_fluent_bit_has_it() {
        assert_eq!(wrapped(b""), r#"{"log":""}"#);
        assert_eq!(wrapped(b"a\"\\\t\0\x1fb"), "{\"log\":\"a\\\"\\\\\\t\\u0000\\u001fb\"}");
        assert_eq!(wrapped(b"\xff\xc3"), "{\"log\":\"\u{e0ff}\u{e0c3}\"}");
        assert_eq!(wrapped("é".as_bytes()), "{\"log\":\"é\"}");
    }

    #[test]
    fn characters_of_the_range_survive() {
        for c in ["\u{e000}", "\u{e07f}", "\u{e080}", "\u{e0ff}", "\u{e100}", "\u{efff}"] {
            assert_eq!(unwrap(wrapped(c.as_bytes()).as_bytes()).unwrap(), c.as_bytes());
        }
    }

    #[test]
    fn other_spellings() {
        let line = |json: &str| unwrap(json.as_bytes());
        assert_eq!(
            line(" { \"log\" : \"a\\/\\u00e9\\ud83d\\ude00\\ue0ff\" } \r\n").unwrap(),
            "a/é😀".bytes().chain([0xff]).collect::<Vec<_>>()
        );
        for stays in [
            "",
            "{}",
            "{\"log\"",
            "{\"log\":1}",
            "{\"log\":\"a",
            "{\"log\":\"a\"",
            "{\"log\":\"a\",\"b\":1}",
            "{\"b\":1,\"log\":\"a\"}",
            "{\"log\":\"a\"}x",
            "[\"log\"]",
            "{\"log\":\"\\x\"}",
            "{\"log\":\"\\u12\"}",
            "{\"log\":\"\\ud800\"}",
            "{\"log\":\"\\ud800\\n\"}",
            "{\"log\":\"two\\nlines\"}",
            "{\"log\":\"\\",
        ] {
            assert_eq!(line(stays), None, "{stays}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(line in proptest::collection::vec(any::<u8>().prop_filter("a line", |b| *b != b'\n'), 0..300)) {
            let json = wrapped(&line);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
            prop_assert_eq!(unwrap(json.as_bytes()).unwrap(), line);
        }

        #[test]
        fn there_and_back_near_the_range(line in "[\u{e07e}-\u{e102}\"\\\\a]{0,40}") {
            prop_assert_eq!(unwrap(wrapped(line.as_bytes()).as_bytes()).unwrap(), line.as_bytes());
        }

        #[test]
        fn no_panic(json in proptest::collection::vec(any::<u8>(), 0..60)) {
            unwrap(&json);
            unwrap(&[b"{\"log\":\"", json.as_slice()].concat());
        }
    }
}
