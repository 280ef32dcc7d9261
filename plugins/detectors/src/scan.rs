//! The text under scan: what stands where, what was found so far.

use crate::{
    Finding,
    detect::Id,
    text::{is, marker_end},
};

/// One scan of one text.
pub(crate) struct Scan<'t, 'f> {
    pub text: &'t [u8],
    enabled: u64,
    /// End of the last finding or marker. Nothing before it is looked at, so that a text with its findings replaced
    /// reads like the text itself.
    floor: usize,
    /// Where an escape such as `\x1a` ended, so that what starts there is attached to nothing.
    open: usize,
    /// Where the secret that goes with a key id was seen ahead.
    secret: (usize, usize),
    /// End of a long run of bytes in which no value without quotes is worth a look, because one was refused.
    dull: usize,
    found: &'f mut Vec<Finding>,
    first: usize,
}

impl<'t, 'f> Scan<'t, 'f> {
    pub(crate) fn new(text: &'t [u8], enabled: u64, found: &'f mut Vec<Finding>) -> Self {
        let first = found.len();
        Self { text, enabled, floor: 0, open: 0, secret: (0, 0), dull: 0, found, first }
    }

    /// Whether `id` runs.
    #[inline]
    pub(crate) fn on(&self, id: Id) -> bool {
        self.enabled & id.bit() != 0
    }

    #[inline]
    pub(crate) fn floor(&self) -> usize {
        self.floor
    }

    /// Raise the floor: what is before `at` has been dealt with.
    pub(crate) fn settle(&mut self, at: usize) -> usize {
        self.floor = self.floor.max(at);
        at
    }

    /// What starts at `at` follows an escape.
    pub(crate) fn open(&mut self, at: usize) -> usize {
        self.open = at;
        at
    }

    pub(crate) fn expect_secret(&mut self, start: usize, end: usize) {
        self.secret = (start, end);
    }

    pub(crate) fn expected_secret(&self) -> (usize, usize) {
        self.secret
    }

    /// Whether a value without quotes at `at` is part of a long one that was refused.
    pub(crate) fn is_dull(&self, at: usize) -> bool {
        at < self.dull
    }

    /// A value without quotes was refused. Short ones are looked into again, for names within them.
    pub(crate) fn refuse(&mut self, start: usize, end: usize) {
        if end - start > 256 {
            self.dull = end;
        }
    }

    /// Note a finding if its detector runs; where the scan goes on.
    pub(crate) fn push(&mut self, id: Id, start: usize, end: usize) -> usize {
        if start >= self.floor && start < end && self.on(id) && marker_end(self.text, start).is_none() {
            self.found.push(Finding { detector: id as u16, start, end });
            self.floor = end;
        }
        end
    }

    /// Take the last finding back if it ends at `at` and is one of `ids`; where it started.
    pub(crate) fn reopen(&mut self, at: usize, ids: u64) -> Option<usize> {
        let last = *self.found.get(self.first..)?.last()?;
        if last.end != at || at != self.floor || 1 << last.detector & ids == 0 {
            return None;
        }
        self.found.pop();
        self.floor = self.found.get(self.first..)?.last().map_or(0, |f| f.end);
        Some(last.start)
    }

    /// The byte at `at`; 0 after the end.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`: a blank at the start, a letter right after a finding or marker, because whatever was
    /// there is glued to it.
    #[inline]
    pub(crate) fn before(&self, at: usize) -> u8 {
        match at {
            0 => b' ',
            _ if at == self.open => b' ',
            _ if at <= self.floor => b'x',
            _ => self.text[at - 1],
        }
    }

    /// Where looking back from `at` ends: at the last finding, or an escape after it.
    #[inline]
    pub(crate) fn limit(&self, at: usize) -> usize {
        self.floor.max(if self.open <= at { self.open } else { 0 })
    }

    /// The first position from `at` on whose byte is in none of `classes`.
    #[inline]
    pub(crate) fn skip(&self, at: usize, classes: u8) -> usize {
        let mut i = at;
        while i < self.text.len() && is(self.text[i], classes) {
            i += 1;
        }
        i
    }

    /// The start of the run of `classes` that ends at `at`.
    #[inline]
    pub(crate) fn skip_back(&self, at: usize, classes: u8) -> usize {
        let mut i = at;
        let limit = self.limit(at);
        while i > limit && is(self.text[i - 1], classes) {
            i -= 1;
        }
        i
    }

    /// Whether `word` starts at `at`.
    #[inline]
    pub(crate) fn has(&self, at: usize, word: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|t| t.starts_with(word))
    }

    /// Whether `word` starts at `at`, in any case.
    pub(crate) fn has_in_any_case(&self, at: usize, word: &[u8]) -> bool {
        self.text.get(at..at + word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word))
    }

    /// Whether `word` ends at `at`, in any case.
    pub(crate) fn ends_in_any_case(&self, at: usize, word: &[u8]) -> bool {
        at.checked_sub(word.len())
            .is_some_and(|s| s >= self.floor && self.text[s..at].eq_ignore_ascii_case(word))
    }

    /// At most `reach` bytes before `at`.
    pub(crate) fn context(&self, at: usize, reach: usize) -> &'t [u8] {
        &self.text[at.saturating_sub(reach).max(self.floor).min(at)..at]
    }

    /// Whether the text, or what was logged of it, ends at `at`.
    pub(crate) fn is_cut(&self, at: usize) -> bool {
        let rest = &self.text[at.min(self.text.len())..];
        rest.is_empty() || rest.starts_with(b"...") || rest.starts_with("…".as_bytes())
    }
}
