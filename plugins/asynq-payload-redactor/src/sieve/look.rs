//! What a text may hold, told in one pass over pairs of bytes. Most strings of a log are words, ids and times, and hold
//! nothing; where every instruction is interpreted, one look-up per two bytes is what a look may cost.

use super::pair::is_name_start;

/// Something may start that is no plain text: a structure, a pair, quotes, an escape.
pub(super) const START: u8 = 1;
/// Bytes that are no printable ASCII.
pub(super) const ODD: u8 = 2;
/// JSON in base64 or hex may start.
pub(super) const CODED: u8 = 4;

/// What pairs of bytes mean.
pub(super) struct Look {
    pairs: Box<[u8; 1 << 16]>,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

impl Look {
    pub(super) fn new() -> Self {
        let mut pairs = blank(0);
        let mut mark = |a: u8, b: u8, mark: u8| pairs[index(a, b)] |= mark;
        for other in 0..=255 {
            for start in *b"{[=\"`\\" {
                mark(start, other, START);
                mark(other, start, START);
            }
            for odd in (0..0x20).chain(0x7F..=0xFF) {
                mark(odd, other, ODD);
                mark(other, odd, ODD);
            }
        }
        // A colon counts before a blank, a quote, a bracket, or what the value of a name starts with: between two pairs
        // it may be before any of them.
        for before in 0..=255 {
            mark(before, b':', START);
        }
        for after in (0..=255).filter(|b| b" \"{[&`".contains(b) || is_name_start(*b)) {
            mark(b':', after, START);
        }
        // `eyJ`, `ewo`, `W3s`, `WyJ`, `eyA`, and `7b22`, `7b0a`, `5b7b`, at even offsets and at odd ones.
        for pair in [
            b"ey", b"ew", b"W3", b"Wy", b"yJ", b"yA", b"wo", b"3s", b"7b", b"7B", b"5b", b"5B", b"b2", b"b0",
            b"b7", b"B2", b"B0", b"B7",
        ] {
            mark(pair[0], pair[1], CODED);
        }
        Self { pairs }
    }

    /// Whether anything may start in `text` that is to be taken apart.
    #[inline]
    pub(super) fn may_start(&self, text: &[u8]) -> bool {
        let marks = self.at(text);
        if marks & (ODD | CODED) != 0 {
            return true;
        }
        // A colon in the second half of a pair may be followed by anything: look again.
        text.len() >= LONG || (marks & START != 0 && has_start(text))
    }

    /// The sum of the marks of all pairs of `text`.
    #[inline]
    pub(super) fn at(&self, text: &[u8]) -> u8 {
        let mut marks = 0;
        let mut chunks = text.chunks_exact(8);
        for c in chunks.by_ref() {
            marks |= self.pairs[index(c[0], c[1])]
                | self.pairs[index(c[2], c[3])]
                | self.pairs[index(c[4], c[5])]
                | self.pairs[index(c[6], c[7])];
        }
        let mut pairs = chunks.remainder().chunks_exact(2);
        for c in pairs.by_ref() {
            marks |= self.pairs[index(c[0], c[1])];
        }
        if let &[last] = pairs.remainder() {
            marks |= self.pairs[index(last, b'.')];
        }
        marks
    }
}

/// Texts from this length on may be hex with blanks.
const LONG: usize = 47;

fn has_start(text: &[u8]) -> bool {
    text.iter().zip(text.iter().skip(1).chain(b" ")).enumerate().any(|(at, (b, next))| match b {
        b'{' | b'[' | b'=' | b'"' | b'`' | b'\\' => true,
        b':' => {
            matches!(next, b' ' | b'"' | b'{' | b'[' | b'&' | b'`')
                || is_name_start(*next) && ends_name(&text[..at])
        }
        _ => false,
    })
}

/// Whether a text ends like a name, with a letter and up to two digits after it: not like `08:15` or `10.0.0.1:80`.
fn ends_name(text: &[u8]) -> bool {
    let digits = text.iter().rev().take(2).take_while(|b| b.is_ascii_digit()).count();
    text[..text.len() - digits].last().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
}

/// A table on the heap: it is no guest for a stack.
fn blank(mark: u8) -> Box<[u8; 1 << 16]> {
    let table: Box<[u8]> = vec![mark; 1 << 16].into_boxed_slice();
    table.try_into().unwrap_or_else(|_| unreachable!("it has that length"))
}

#[inline]
fn index(first: u8, second: u8) -> usize {
    usize::from(u16::from_le_bytes([first, second]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_counts_behind_a_name() {
        let look = Look::new();
        for (text, starts) in [
            ("first_name:Ada", true),
            ("line1:Main", true),
            ("ssn:123", true),
            ("x: y", true),
            ("at 08:15", false),
            ("10.0.0.1:80", false),
            ("email:welcome", false),
        ] {
            for before in ["", " "] {
                assert_eq!(look.may_start(format!("{before}{text}").as_bytes()), starts, "{text}");
            }
        }
    }

    #[test]
    fn marks_are_seen_at_every_offset() {
        let look = Look::new();
        for (text, mark) in [
            ("{", START),
            ("=", START),
            ("data: x", START),
            ("ssn:1fae43", START),
            ("name:Ada", START),
            ("\\", START),
            ("é", ODD),
            ("\x01", ODD),
            ("eyJhIjoi", CODED),
            ("ewogICJh", CODED),
            ("W3siYSI6", CODED),
            ("WyJhIl0=", CODED),
            ("7b226122", CODED),
            ("7b0a2020", CODED),
            ("5B7B2261", CODED),
        ] {
            for before in 0..20 {
                for after in 0..10 {
                    let text = format!("{}{text}{}", "x".repeat(before), "x".repeat(after));
                    assert_ne!(look.at(text.as_bytes()) & mark, 0, "{text}");
                }
            }
        }
        for text in ["", "INFO", "task done", "default", "image_resize", "host-1.example.org/x,y;z"] {
            assert_eq!(look.at(text.as_bytes()), 0, "{text}");
        }
    }
}
