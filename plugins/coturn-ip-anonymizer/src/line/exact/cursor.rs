//! Reading a line from its start: literals and shapes, by words of eight bytes.
//!
//! All of this is inlined: in an interpreter a call costs as much as the comparison of some words,
//! and what stays in registers there is what never leaves a function.

/// The high bits of the bytes of a word.
pub const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Text with digits: in its pattern, `0` stands for any digit and all else for itself.
#[derive(Debug)]
pub struct Shape<const LEN: usize, const WORDS: usize>([Word; WORDS]);

/// Eight bytes of a pattern.
#[derive(Debug, Clone, Copy)]
struct Word {
    pattern: u64,
    /// What lifts a byte to 0x80 or more if it differs from the pattern by more than it may.
    lift: u64,
}

impl<const LEN: usize, const WORDS: usize> Shape<LEN, WORDS> {
    /// The shape of a pattern of eight bytes or more.
    pub const fn new(pattern: &[u8; LEN]) -> Self {
        assert!(LEN >= 8 && WORDS == LEN.div_ceil(8));
        let mut words = [Word { pattern: 0, lift: 0 }; WORDS];
        let mut i = 0;
        while i < WORDS {
            let mut byte = 8;
            while byte > 0 {
                byte -= 1;
                let sign = pattern[Self::at(i) + byte];
                words[i].pattern = words[i].pattern << 8 | sign as u64;
                words[i].lift = words[i].lift << 8 | if sign == b'0' { 0x76 } else { 0x7F };
            }
            i += 1;
        }
        Self(words)
    }

    /// Where word `i` is; the last may overlap the one before it.
    const fn at(i: usize) -> usize {
        if i * 8 + 8 > LEN { LEN - 8 } else { i * 8 }
    }

    /// Whether `text` has this shape.
    #[inline(always)]
    pub fn fits(&self, text: &[u8; LEN]) -> bool {
        let mut wrong = 0;
        for (i, word) in self.0.iter().enumerate() {
            // What a digit has beyond `0`, and 0 for what is as in the pattern.
            let beyond = word_at(text, Self::at(i)) ^ word.pattern;
            wrong |= beyond.wrapping_add(word.lift) | beyond;
        }
        wrong & HIGHS == 0
    }
}

/// The eight bytes at `at`; the caller knows that there are so many.
#[inline(always)]
fn word_at(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |w| u64::from_le_bytes(*w))
}

/// As [`word_at`], four bytes.
#[inline(always)]
fn half_at(text: &[u8], at: usize) -> u32 {
    text.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |w| u32::from_le_bytes(*w))
}

/// Whether two texts are the same, by words; the last may overlap the one before it.
#[inline(always)]
fn is_literal<const N: usize>(text: &[u8; N], literal: &[u8; N]) -> bool {
    match N {
        0..4 => text == literal,
        4..8 => {
            let at = N - 4;
            (half_at(text, 0) ^ half_at(literal, 0)) | (half_at(text, at) ^ half_at(literal, at)) == 0
        }
        _ => {
            let mut differ = 0;
            for i in 0..N.div_ceil(8) {
                let at = (i * 8).min(N - 8);
                differ |= word_at(text, at) ^ word_at(literal, at);
            }
            differ == 0
        }
    }
}

/// What is left of a line. Methods that say `None` or `false` have read nothing, or nothing that
/// matters any more: the line is not of the kind that was thought.
#[derive(Debug, Clone, Copy)]
pub struct Line<'t> {
    /// What is left. There is nothing else here, so that a line is handed on in registers.
    pub rest: &'t [u8],
}

impl<'t> Line<'t> {
    /// The whole line.
    #[inline(always)]
    pub fn new(text: &'t [u8]) -> Self {
        Self { rest: text }
    }

    /// How many bytes are left.
    #[inline(always)]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Go on behind the next `len` bytes; at most to the end.
    #[inline(always)]
    pub fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// The next bytes are `literal`.
    #[inline(always)]
    pub fn lit<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let (text, rest) = self.rest.split_first_chunk::<N>()?;
        if !is_literal(text, literal) {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// Whether the next bytes are `literal`.
    #[inline(always)]
    pub fn is<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        self.lit(literal).is_some()
    }

    /// Whether the next bytes have this shape.
    #[inline(always)]
    pub fn has<const LEN: usize, const WORDS: usize>(&mut self, shape: &Shape<LEN, WORDS>) -> bool {
        match self.rest.split_first_chunk::<LEN>() {
            Some((text, rest)) if shape.fits(text) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The next byte; 0 at the end.
    #[inline(always)]
    pub fn byte(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// One or more digits.
    #[inline(always)]
    pub fn number(&mut self) -> Option<()> {
        let mut rest = self.rest;
        while let [b'0'..=b'9', behind @ ..] = rest {
            rest = behind;
        }
        let any = rest.len() < self.rest.len();
        self.rest = rest;
        any.then_some(())
    }

    /// The end of the text, perhaps with its line terminator.
    #[inline(always)]
    pub fn end(&self) -> Option<()> {
        (self.rest.is_empty() || matches!(self.rest, b"\n" | b"\r\n" | b"\r")).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_takes_any_digit_and_nothing_else() {
        const TIME: Shape<11, 2> = Shape::new(b"at 00:00, x");
        assert!(TIME.fits(b"at 09:57, x"));
        for i in 0..11 {
            for byte in 0..=255 {
                let mut text = *b"at 12:34, x";
                let same = text[i] == byte || text[i].is_ascii_digit() && byte.is_ascii_digit();
                text[i] = byte;
                assert_eq!(TIME.fits(&text), same, "{text:?}");
            }
        }
    }

    #[test]
    fn literals_of_all_lengths() {
        let mut line = Line::new(b"ab, abcdefgh, abcdefghijklm 12!");
        assert!(line.is(b"ab, ") && line.is(b"abcdefgh") && line.is(b", ") && !line.is(b"abcdefghijkl!"));
        assert!(line.is(b"abcdefghijklm") && line.is(b" "));
        assert_eq!((line.left(), line.number(), line.byte(), line.end()), (3, Some(()), b'!', None));
        assert_eq!((line.is(b"!!"), line.is(b"!"), line.byte(), line.end()), (false, true, 0, Some(())));
    }
}
