//! A text that is copied and edited in one go, from its start to its end.

use super::edits::push_long;

/// Copies a record, with what stands in place of some of its text. Unlike [`Edits`](super::Edits)
/// it keeps no list: replacements come in the order of their positions.
#[derive(Debug)]
pub struct Splice<'a> {
    body: &'a [u8],
    /// Where the text starts in `body`.
    base: usize,
    /// Up to where `body` is in `out`, or replaced.
    done: usize,
    changed: bool,
    out: &'a mut Vec<u8>,
}

impl<'a> Splice<'a> {
    /// Edit the text that starts at `base` in `body`.
    #[inline(always)]
    pub(crate) fn new(body: &'a [u8], base: usize, out: &'a mut Vec<u8>) -> Self {
        Self { body, base, done: 0, changed: false, out }
    }

    /// Let what `write` appends stand in place of bytes `start..end` of the text, if `write` says
    /// `true`; says what it said. Bytes before the end of the last replacement are out of reach.
    #[inline(always)]
    pub fn try_replace_with(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let mark = self.out.len();
        if let Some(before) = self.body.get(self.done..self.base + start) {
            push_long(self.out, before);
        }
        let wanted = write(self.out);
        if wanted {
            self.done = self.done.max(self.base + end);
            self.changed = true;
        } else {
            self.out.truncate(mark);
        }
        wanted
    }

    /// Copy what is left; `false`, with nothing copied, if nothing was replaced.
    #[inline(always)]
    pub(crate) fn finish(self) -> bool {
        if let (true, Some(rest)) = (self.changed, self.body.get(self.done..)) {
            push_long(self.out, rest);
        }
        self.changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_replaced_is_copied() {
        let mut out = b">".to_vec();
        let mut splice = Splice::new(b"{a bob c}", 1, &mut out);
        assert!(!splice.try_replace_with(1, 2, |out| {
            out.push(b'?');
            false
        }));
        assert!(splice.try_replace_with(2, 5, |out| {
            out.extend_from_slice(b"[user]");
            true
        }));
        assert!(splice.finish());
        assert_eq!(out, b">{a [user] c}");
    }

    #[test]
    fn without_replacements_nothing_is_copied() {
        let mut out = Vec::new();
        assert!(!Splice::new(b"text", 0, &mut out).finish());
        assert!(out.is_empty());
    }
}
