//! Field names as words, whatever their style: `resetToken`, `reset-token`, `RESET_TOKEN`, `user.resetToken`.

use crate::text::{ALNUM, DIGIT, LOWER, UPPER, class, is};

/// Longer names are judged by their last bytes: the head of a name is its end.
const MAX_BYTES: usize = 64;
const MAX_WORDS: usize = 12;

/// A name's words in lower case.
pub(crate) struct Words {
    bytes: [u8; MAX_BYTES],
    /// Where each word starts; one more than there are words.
    starts: [u8; MAX_WORDS + 1],
    len: usize,
    numbered: bool,
}

impl Words {
    #[allow(clippy::cast_possible_truncation, reason = "MAX_BYTES fits")]
    pub(crate) fn new(key: &[u8]) -> Self {
        let key = &key[key.len().saturating_sub(MAX_BYTES)..];
        let mut words = Self { bytes: [0; MAX_BYTES], starts: [0; MAX_WORDS + 1], len: 0, numbered: false };
        let (mut n, mut previous) = (0, 0);
        for (i, &b) in key.iter().enumerate() {
            let kind = class(b);
            if kind & ALNUM == 0 {
                previous = 0;
                continue;
            }
            let humps = kind & UPPER != 0
                && (previous & (LOWER | DIGIT) != 0
                    || (previous & UPPER != 0 && key.get(i + 1).is_some_and(|&next| is(next, LOWER))));
            if previous == 0 || humps {
                if words.len == MAX_WORDS {
                    words.forget_first();
                }
                words.starts[words.len] = n as u8;
                words.len += 1;
            }
            words.bytes[n] = b.to_ascii_lowercase();
            n += 1;
            previous = kind;
            words.starts[words.len] = n as u8;
        }
        words.numbered = key.last().is_some_and(|&b| is(b, DIGIT));
        while words.len > 1 && words.last(0).iter().all(|&b| is(b, DIGIT)) {
            words.len -= 1;
        }
        words
    }

    fn forget_first(&mut self) {
        self.starts.copy_within(1.., 0);
        self.len -= 1;
    }

    /// The `back`-th word from the end, the last being 0; empty if there is none.
    pub(crate) fn last(&self, back: usize) -> &[u8] {
        match self.len.checked_sub(back + 1) {
            Some(i) => &self.bytes[usize::from(self.starts[i])..usize::from(self.starts[i + 1])],
            None => b"",
        }
    }

    /// The last word without digits at its end: `line` of `Line1`.
    pub(crate) fn head(&self) -> &[u8] {
        let mut head = self.last(0);
        while let [rest @ .., b'0'..=b'9'] = head {
            head = rest;
        }
        head
    }

    pub(crate) fn first(&self) -> &[u8] {
        self.last(self.len.saturating_sub(1))
    }

    /// Whether it ends with a digit, as `Line1` and `line_2` do.
    pub(crate) fn is_numbered(&self) -> bool {
        self.numbered
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}
