//! JSON string escapes: decoding a string's text, encoding a replacement, and carrying
//! byte offsets from the one to the other.

use super::edits::push_short;

/// Append the content of a JSON string (the text between its quotes) to `out`.
///
/// Lenient: the escapes that only Go's `strconv.Quote` (and redis) writes, `\a`, `\v`, `\'`, `\xNN` and
/// `\UNNNNNNNN`, are read as well; another escape that JSON does not have stands for itself, a lone surrogate
/// becomes U+FFFD, bytes that are not UTF-8 stay.
pub fn decode(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(raw.len());
    let mut rest = raw;
    loop {
        // Eight bytes at a time, and where a backslash is among them, those from it on are taken back.
        while let Some((word, behind)) = rest.split_first_chunk::<8>() {
            out.extend_from_slice(word);
            let after = 8 - backslash(u64::from_le_bytes(*word));
            if after > 0 {
                out.truncate(out.len() - after);
                rest = &rest[8 - after..];
                break;
            }
            rest = behind;
        }
        if rest.len() < 8 && rest.first() != Some(&b'\\') {
            let run = rest.iter().position(|b| *b == b'\\').unwrap_or(rest.len());
            out.extend_from_slice(&rest[..run]);
            rest = &rest[run..];
        }
        if rest.is_empty() {
            return;
        }
        if rest.get(1) == Some(&b'"') {
            out.push(b'"');
            rest = &rest[2..];
            continue;
        }
        let unit = unit(rest, 0);
        out.extend_from_slice(&unit.bytes[..unit.decoded_len]);
        rest = &rest[unit.raw_len..];
    }
}

/// Which byte of a word is the first that is a backslash; 8 if none is.
fn backslash(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = word ^ (ONES * 0x5C);
    // A byte that is 0 borrows; those before it are told right.
    (word.wrapping_sub(ONES) & !word & (ONES << 7)).trailing_zeros() as usize / 8
}

/// One escape: how long it is and what it stands for.
struct Unit {
    raw_len: usize,
    bytes: [u8; 4],
    decoded_len: usize,
}

fn unit(raw: &[u8], at: usize) -> Unit {
    let one = |byte: u8| Unit { raw_len: 2, bytes: [byte, 0, 0, 0], decoded_len: 1 };
    match raw.get(at + 1) {
        Some(b'n') => one(b'\n'),
        Some(b't') => one(b'\t'),
        Some(b'r') => one(b'\r'),
        Some(b'b') => one(8),
        Some(b'f') => one(12),
        Some(b'a') => one(7),
        Some(b'v') => one(11),
        Some(&b @ (b'"' | b'\\' | b'/' | b'\'')) => one(b),
        Some(b'x') => match hex(raw, at + 2, 2) {
            Some(byte) => Unit { raw_len: 4, bytes: [byte as u8, 0, 0, 0], decoded_len: 1 },
            None => Unit { raw_len: 1, bytes: [b'\\', 0, 0, 0], decoded_len: 1 },
        },
        Some(b'U') => match hex(raw, at + 2, 8) {
            Some(code) => scalar(code, 10),
            None => Unit { raw_len: 1, bytes: [b'\\', 0, 0, 0], decoded_len: 1 },
        },
        Some(b'u') => match hex4(raw, at + 2) {
            Some(high @ 0xD800..=0xDBFF) => match (raw.get(at + 6), raw.get(at + 7), hex4(raw, at + 8)) {
                (Some(b'\\'), Some(b'u'), Some(low @ 0xDC00..=0xDFFF)) => {
                    scalar(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00), 12)
                }
                _ => scalar(0xFFFD, 6),
            },
            Some(code) => scalar(code, 6),
            None => Unit { raw_len: 1, bytes: [b'\\', 0, 0, 0], decoded_len: 1 },
        },
        // Not an escape: the backslash stands for itself.
        _ => Unit { raw_len: 1, bytes: [b'\\', 0, 0, 0], decoded_len: 1 },
    }
}

fn scalar(code: u32, raw_len: usize) -> Unit {
    let c = char::from_u32(code).unwrap_or('\u{FFFD}');
    let mut bytes = [0; 4];
    let decoded_len = c.encode_utf8(&mut bytes).len();
    Unit { raw_len, bytes, decoded_len }
}

fn hex4(raw: &[u8], at: usize) -> Option<u32> {
    hex(raw, at, 4)
}

/// `digits` (at most 8) hex digits at `at`.
fn hex(raw: &[u8], at: usize, digits: usize) -> Option<u32> {
    let mut code = 0;
    for &b in raw.get(at..at + digits)? {
        code = code << 4 | (b as char).to_digit(16)?;
    }
    Some(code)
}

/// Walks a string's text once to turn ascending offsets of its content into offsets of
/// its text.
pub struct OffsetMap<'a> {
    raw: &'a [u8],
    raw_pos: usize,
    decoded_pos: usize,
}

impl<'a> OffsetMap<'a> {
    /// Start at the beginning of `raw`.
    pub fn new(raw: &'a [u8]) -> Self {
        Self { raw, raw_pos: 0, decoded_pos: 0 }
    }

    /// Where the content's byte `decoded` stands in the text. An offset within the bytes
    /// of one escape gives the escape's start. Offsets must not descend.
    pub fn start(&mut self, decoded: usize) -> usize {
        while self.decoded_pos < decoded && self.raw_pos < self.raw.len() {
            let (raw_len, decoded_len) = self.step(decoded);
            if self.decoded_pos + decoded_len > decoded {
                break;
            }
            self.raw_pos += raw_len;
            self.decoded_pos += decoded_len;
        }
        self.raw_pos
    }

    /// As [`start`](Self::start), but an offset within an escape gives the escape's end.
    pub fn end(&mut self, decoded: usize) -> usize {
        while self.decoded_pos < decoded && self.raw_pos < self.raw.len() {
            let (raw_len, decoded_len) = self.step(decoded);
            self.raw_pos += raw_len;
            self.decoded_pos += decoded_len;
        }
        self.raw_pos
    }

    fn step(&self, decoded: usize) -> (usize, usize) {
        if self.raw[self.raw_pos] == b'\\' {
            let unit = unit(self.raw, self.raw_pos);
            return (unit.raw_len, unit.decoded_len);
        }
        let rest = &self.raw[self.raw_pos..];
        let run = memchr::memchr(b'\\', rest).unwrap_or(rest.len()).min(decoded - self.decoded_pos);
        (run, run)
    }
}

/// Append `text` to `out` as it must stand between the quotes of a JSON string.
///
/// A byte that is not UTF-8 becomes the code point U+E000 + byte, as Fluent Bit has it.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    let mut done = 0;
    while let Some(at) = next_special(text, done) {
        push_short(out, text, done, at);
        done = match text[at..].iter().position(u8::is_ascii) {
            Some(0) => {
                push_escaped(text[at], out);
                at + 1
            }
            ascii => {
                let end = ascii.map_or(text.len(), |length| at + length);
                push_utf8(&text[at..end], out);
                end
            }
        };
    }
    push_short(out, text, done, text.len());
}

/// Append an ASCII byte, escaped if it must be.
fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        0..0x20 => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
        _ => return out.push(byte),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Append bytes that are not ASCII: characters as they are, other bytes mapped.
fn push_utf8(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for &byte in chunk.invalid() {
            out.extend_from_slice(&mapped_byte(byte));
        }
    }
}

/// Where from `start` on the first byte is that is not printable ASCII, or is `"` or `\`: all others stand for
/// themselves. Eight bytes at a time.
fn next_special(text: &[u8], start: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    // The lowest bit that is set is exact; a borrow or carry may set others above it.
    let special = |word: u64| {
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let del_or_high = word.wrapping_add(ONES) | word;
        (control | del_or_high | zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C))) & HIGHS
    };
    let mut at = start;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = special(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = text.get(at..).unwrap_or_default();
    let found = tail.iter().position(|b| !(0x20..0x7F).contains(b) || matches!(b, b'"' | b'\\'));
    found.map(|i| at + i)
}

/// U+E000 + `byte` in UTF-8: how Fluent Bit hands over a byte that is not UTF-8.
pub fn mapped_byte(byte: u8) -> [u8; 3] {
    [0xEE, 0x80 | (byte >> 6), 0x80 | (byte & 0x3F)]
}

/// Append `content` to `out` with mapped bytes (U+E080 to U+E0FF) undone, so that one name has
/// one pseudonym whether it came as raw bytes or through a host that maps them.
pub fn unmap(content: &[u8], out: &mut Vec<u8>) {
    let mut pos = 0;
    while let Some(i) = memchr::memchr(0xEE, &content[pos..]) {
        let at = pos + i;
        out.extend_from_slice(&content[pos..at]);
        match content.get(at + 1..at + 3) {
            Some(&[a @ (0x82 | 0x83), b @ 0x80..=0xBF]) => {
                out.push(((a & 3) << 6) | (b & 0x3F));
                pos = at + 3;
            }
            _ => {
                out.push(0xEE);
                pos = at + 1;
            }
        }
    }
    out.extend_from_slice(&content[pos..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(raw: impl AsRef<[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        decode(raw.as_ref(), &mut out);
        out
    }

    #[test]
    fn escapes_decode() {
        assert_eq!(decoded(r#"a\n\t\"\\\/\u003cb\u003e\u00e9\ud83d\ude00"#), "a\n\t\"\\/<b>é😀".as_bytes());
        assert_eq!(decoded(r"\ud800x \q \u12 \"), "\u{FFFD}x \\q \\u12 \\".as_bytes());
    }

    #[test]
    fn offsets_of_content_become_offsets_of_text() {
        let raw = br#"user \u003calice\u003e \u00e9x"#;
        let mut map = OffsetMap::new(raw);
        assert_eq!(map.start(6), 11);
        assert_eq!(map.end(11), 16);
        // within the two bytes of é
        assert_eq!(map.start(14), 23);
        assert_eq!(map.end(14), 29);
        assert_eq!(map.end(99), raw.len());
    }

    proptest! {
        #[test]
        fn special_is_what_cannot_stand_for_itself(bytes in proptest::collection::vec(prop_oneof![9 => 0x20..0x7Fu8, 1 => any::<u8>()], 0..30)) {
            for start in 0..=bytes.len() {
                let special = |&b: &u8| !(0x20..0x7F).contains(&b) || b == b'"' || b == b'\\';
                let expected = bytes[start..].iter().position(special).map(|i| start + i);
                prop_assert_eq!(next_special(&bytes, start), expected);
            }
        }

        #[test]
        fn encode_then_decode_then_unmap_is_identity(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut raw, mut content, mut back, mut expected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            encode(&bytes, &mut raw);
            prop_assert!(serde_json::from_slice::<String>(&[b"\"", &raw[..], b"\""].concat()).is_ok());
            decode(&raw, &mut content);
            unmap(&content, &mut back);
            unmap(&bytes, &mut expected);
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn offset_map_agrees_with_decode(raw in "([a-z<é]|\\\\n|\\\\u003c|\\\\u00e9|\\\\|\\\\ud83d\\\\ude00){0,30}") {
            let content = decoded(raw.as_bytes());
            for cut in 0..=content.len() {
                let (mut a, mut b) = (OffsetMap::new(raw.as_bytes()), OffsetMap::new(raw.as_bytes()));
                let (start, end) = (a.start(cut), b.end(cut));
                prop_assert!(start <= end);
                if start == end {
                    prop_assert_eq!(decoded(&raw.as_bytes()[..start]), &content[..cut]);
                }
            }
        }
    }
}
