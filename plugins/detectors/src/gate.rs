//! Texts in which nothing can be found, told in one pass over pairs of bytes.
//!
//! Most strings of a log are words, ids, times and hashes. A table of all pairs of bytes costs one look-up per two
//! bytes, which is what counts where every instruction is interpreted; the same table answers what the walk asks about
//! the two letters before a blank, a colon or a dash.

use crate::{
    detect, keys,
    text::{DIGIT, HEX, is},
};

/// A byte without which no detector finds anything.
const LOOK: u8 = 1;
/// A byte that is not of a uuid or a hash.
const NOT_HEX: u8 = 2;
/// How a word ends after which a value may follow a blank.
const WORD_END: u8 = 4;
/// How a field name ends that may name something sensitive.
const KEY_END: u8 = 8;
/// How the fixed start of a credential ends, before its `_` or `-`.
const PREFIX_END: u8 = 16;

/// What pairs of bytes mean.
pub(crate) struct Gate {
    pairs: Box<[u8; 1 << 16]>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    pub(crate) fn new() -> Self {
        let mut gate = Self { pairs: blank(NOT_HEX) };
        let hex = || (0..=255u8).filter(|&b| b == b'-' || (is(b, HEX) && !b.is_ascii_uppercase()));
        for (first, second) in hex().flat_map(|a| hex().map(move |b| (a, b))) {
            gate.pairs[index(first, second)] = 0;
        }
        for look in (b'0'..=b'9').chain(*b"@%:=B") {
            for other in 0..=255 {
                gate.pairs[index(look, other)] |= LOOK;
                gate.pairs[index(other, look)] |= LOOK;
            }
        }
        // At an even offset or the next: dashes of PEM, and AWS key ids without a digit.
        for pair in [b"--", b"AK", b"KI", b"AS", b"SI", b"AB", b"BI", b"AC", b"CC"] {
            gate.pairs[index(pair[0], pair[1])] |= LOOK;
        }
        for word in detect::value_after::WORDS {
            gate.mark_end(word.as_bytes(), WORD_END);
        }
        for head in keys::heads() {
            gate.mark_end(head.as_bytes(), KEY_END);
        }
        for prefix in detect::prefixed::PREFIXES {
            gate.mark_end(prefix.stem(), PREFIX_END);
        }
        gate
    }

    fn mark_end(&mut self, word: &[u8], mark: u8) {
        let &[.., a, b] = word else { return };
        for (a, b) in [
            (a, b),
            (a.to_ascii_uppercase(), b),
            (a, b.to_ascii_uppercase()),
            (a.to_ascii_uppercase(), b.to_ascii_uppercase()),
        ] {
            self.pairs[index(a, b)] |= mark;
        }
    }

    /// Whether a telling word may end with these two letters.
    #[inline]
    pub(crate) fn ends_word(&self, first: u8, second: u8) -> bool {
        self.pairs[index(first, second)] & WORD_END != 0
    }

    /// Whether a telling field name may end with these two letters.
    #[inline]
    pub(crate) fn ends_key(&self, first: u8, second: u8) -> bool {
        self.pairs[index(first, second)] & KEY_END != 0
    }

    /// Whether the fixed start of a credential may end with these two letters.
    #[inline]
    pub(crate) fn ends_prefix(&self, first: u8, second: u8) -> bool {
        self.pairs[index(first, second)] & PREFIX_END != 0
    }

    /// Whether anything can be found in `text`.
    #[inline]
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        let mut marks = 0;
        let mut chunks = text.chunks_exact(8);
        for c in chunks.by_ref() {
            marks |= self.pairs[index(c[0], c[1])]
                | self.pairs[index(c[2], c[3])]
                | self.pairs[index(c[4], c[5])]
                | self.pairs[index(c[6], c[7])];
            // Both known: nothing can change any more.
            if marks & (LOOK | NOT_HEX) == LOOK | NOT_HEX {
                return !is_time(text);
            }
        }
        let mut pairs = chunks.remainder().chunks_exact(2);
        for c in pairs.by_ref() {
            marks |= self.pairs[index(c[0], c[1])];
        }
        if let &[last] = pairs.remainder() {
            marks |= self.pairs[index(last, last)];
        }
        match marks & (LOOK | NOT_HEX) {
            LOOK => !is_uuid(text),
            0 | NOT_HEX => false,
            _ => !is_time(text),
        }
    }
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

/// Whether `text`, of hexadecimal digits and dashes only, has the dashes of a uuid. That there are no others is not
/// looked at: nothing that a detector knows has these.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36 && [8, 13, 18, 23].iter().all(|&i| text.get(i) == Some(&b'-'))
}

/// Whether `rest` is such as `.378735899Z`, `+01:00` or nothing.
fn is_fraction_and_zone(rest: &[u8]) -> bool {
    let digits = rest.iter().skip(1).take_while(|b| is(**b, DIGIT)).count();
    let zone = if rest.first() == Some(&b'.') { &rest[1 + digits..] } else { rest };
    matches!(zone, [] | [b'Z'] | [b'+' | b'-', _, _, _, _] | [b'+' | b'-', _, _, b':', _, _])
}

/// Whether `text` is a time such as `2026-11-21T00:17:19.378735899Z`.
fn is_time(text: &[u8]) -> bool {
    (19..=35).contains(&text.len())
        && text[4] == b'-'
        && text[7] == b'-'
        && matches!(text[10], b'T' | b' ')
        && text[13] == b':'
        && text[16] == b':'
        && text[..4].iter().all(|&b| is(b, DIGIT))
        && text[5..19].iter().all(|&b| matches!(b, b'0'..=b'9' | b'-' | b':' | b'T' | b' '))
        && is_fraction_and_zone(&text[19..])
}
