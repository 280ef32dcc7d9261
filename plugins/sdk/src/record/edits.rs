//! Edits: what is to stand where, collected first and written once.

/// One edit: bytes `start..end` of the text make way for `arena[new_start..new_end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// First byte replaced.
    pub start: usize,
    /// End of what is replaced (exclusive).
    pub end: usize,
    new_start: usize,
    new_end: usize,
}

/// Append bytes `start..end` of `source` to `out`.
///
/// A copy of unknown length is a call out of the guest in some hosts, and replacements are short: up to
/// 32 bytes go as one or two of fixed length, the excess being cut off again.
#[inline(always)]
pub fn push_short(out: &mut Vec<u8>, source: &[u8], start: usize, end: usize) {
    let len = end.saturating_sub(start);
    let rest = source.get(start..).unwrap_or_default();
    let keep = out.len() + len;
    if len <= 16
        && let Some(chunk) = rest.first_chunk::<16>()
    {
        push_chunk(out, chunk);
        out.truncate(keep);
    } else if len <= 32
        && let Some(chunk) = rest.first_chunk::<32>()
    {
        push_chunk(out, chunk);
        out.truncate(keep);
    } else {
        push_long(out, rest.get(..len).unwrap_or(rest));
    }
}

/// Append `source` to `out`.
///
/// For the same reason as in [`push_short`], a guest on a compiling host copies what is not long in two
/// pieces of fixed length, which may overlap; elsewhere a copy of unknown length is the fastest there is.
#[inline(always)]
pub(super) fn push_long(out: &mut Vec<u8>, source: &[u8]) {
    if cfg!(all(target_family = "wasm", target_feature = "simd128")) {
        push_pieces(out, source);
    } else {
        out.extend_from_slice(source);
    }
}

/// In a function of its own, so that all it works with is in registers.
#[inline(never)]
fn push_pieces(out: &mut Vec<u8>, source: &[u8]) {
    match source.len() {
        4..=8 => push_ends::<4>(out, source),
        9..=15 => push_ends::<8>(out, source),
        16..=32 => push_ends::<16>(out, source),
        33..=64 => push_ends::<32>(out, source),
        65..=128 => push_ends::<64>(out, source),
        129..=256 => push_ends::<128>(out, source),
        _ => out.extend_from_slice(source),
    }
}

/// Append `source` by copying its first `N` and its last `N` bytes, which are all there are.
#[inline(always)]
#[allow(unsafe_code)]
fn push_ends<const N: usize>(out: &mut Vec<u8>, source: &[u8]) {
    let len = source.len();
    out.reserve(len);
    if let (Some(first), Some(last), Some(room)) =
        (source.first_chunk::<N>(), source.last_chunk::<N>(), out.spare_capacity_mut().get_mut(..len))
        && len <= 2 * N
    {
        if let Some(start) = room.first_chunk_mut::<N>() {
            start.write_copy_of_slice(first);
        }
        if let Some(end) = room.last_chunk_mut::<N>() {
            end.write_copy_of_slice(last);
        }
        // SAFETY: there is room for `len` bytes more, which have just been written: `len` is `N` to `2 * N`.
        unsafe { out.set_len(out.len() + len) };
    } else {
        out.extend_from_slice(source);
    }
}

/// Append a chunk, by a store and not by a call: `extend_from_slice` is one function for all lengths.
#[inline(always)]
#[allow(unsafe_code)]
fn push_chunk<const N: usize>(out: &mut Vec<u8>, chunk: &[u8; N]) {
    let len = out.len();
    let Some(room) = out.spare_capacity_mut().first_chunk_mut::<N>() else {
        out.extend_from_slice(chunk);
        return;
    };
    room.write_copy_of_slice(chunk);
    // SAFETY: there is room for `N` bytes more, which have just been written.
    unsafe { out.set_len(len + N) };
}

/// A list of edits over one text, with the memory of their replacements. Reused from
/// record to record: in steady state it allocates nothing.
#[derive(Debug, Default)]
pub struct Edits {
    list: Vec<Edit>,
    arena: Vec<u8>,
}

impl Edits {
    /// Forget all edits, keep the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.arena.clear();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Where the list stands now, to come back to with [`rollback`](Self::rollback).
    pub fn mark(&self) -> (usize, usize) {
        (self.list.len(), self.arena.len())
    }

    /// Forget the edits made since `mark`.
    pub fn rollback(&mut self, mark: (usize, usize)) {
        self.list.truncate(mark.0);
        self.arena.truncate(mark.1);
    }

    /// Let `new` stand in place of bytes `start..end`.
    pub fn replace(&mut self, start: usize, end: usize, new: &[u8]) {
        self.replace_with(start, end, |arena| arena.extend_from_slice(new));
    }

    /// As [`replace`](Self::replace); `write` appends the replacement.
    pub fn replace_with(&mut self, start: usize, end: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let new_start = self.arena.len();
        write(&mut self.arena);
        self.list.push(Edit { start, end: end.max(start), new_start, new_end: self.arena.len() });
    }

    /// As [`replace_with`](Self::replace_with), but only if `write` says `true`; says what it said.
    pub fn try_replace_with(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let new_start = self.arena.len();
        let wanted = write(&mut self.arena);
        if wanted {
            self.list.push(Edit { start, end: end.max(start), new_start, new_end: self.arena.len() });
        } else {
            self.arena.truncate(new_start);
        }
        wanted
    }

    /// The edits, in the order they were made.
    pub fn iter(&self) -> impl Iterator<Item = (Edit, &[u8])> {
        self.list.iter().map(|e| (*e, &self.arena[e.new_start..e.new_end]))
    }

    /// `text` with the edits made, as they are.
    pub fn applied(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        self.normalise(0);
        self.apply_plain(text, &mut out);
        out
    }

    /// Shift or map the positions of the edits from `from` on.
    pub fn remap(&mut self, from: usize, mut map: impl FnMut(&mut usize, &mut usize)) {
        for edit in &mut self.list[from..] {
            map(&mut edit.start, &mut edit.end);
        }
    }

    /// Bring edits `from..` into ascending order and merge those that overlap: the union
    /// of their ranges gets the replacement of the first. Nothing that an edit covers survives.
    pub fn normalise(&mut self, from: usize) {
        if self.list[from..].windows(2).all(|w| w[0].end <= w[1].start) {
            return;
        }
        self.list[from..].sort_by_key(|e| e.start);
        let mut kept = from;
        for i in from + 1..self.list.len() {
            let edit = self.list[i];
            if edit.start < self.list[kept].end {
                self.list[kept].end = self.list[kept].end.max(edit.end);
            } else {
                kept += 1;
                self.list[kept] = edit;
            }
        }
        self.list.truncate(kept + 1);
    }

    /// Append `text` to `out` with the edits made; `write` puts a replacement down.
    pub(super) fn apply(&mut self, text: &[u8], out: &mut Vec<u8>, write: impl Fn(&[u8], &mut Vec<u8>)) {
        let mut done = 0;
        for edit in &self.list {
            let start = edit.start.clamp(done, text.len());
            push_short(out, text, done, start);
            write(&self.arena[edit.new_start..edit.new_end], out);
            done = edit.end.clamp(start, text.len());
        }
        push_short(out, text, done, text.len());
    }

    /// Append `text` to `out` with the edits made, replacements as they are. They must be in order
    /// ([`normalise`](Self::normalise)).
    pub fn apply_plain(&mut self, text: &[u8], out: &mut Vec<u8>) {
        // So that the last replacement can be copied with excess, too.
        self.arena.extend_from_slice(&[0; 32]);
        let mut done = 0;
        for edit in &self.list {
            let start = edit.start.clamp(done, text.len());
            push_short(out, text, done, start);
            push_short(out, &self.arena, edit.new_start, edit.new_end);
            done = edit.end.clamp(start, text.len());
        }
        push_short(out, text, done, text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_whole() {
        let text: Vec<u8> = (0..=255).chain(0..=255).collect();
        for len in 0..300 {
            let (mut long, mut short) = (b"x".to_vec(), b"x".to_vec());
            push_pieces(&mut long, &text[..len]);
            push_short(&mut short, &text, 3, len + 3);
            assert_eq!((&long[..1], &long[1..]), (&b"x"[..], &text[..len]));
            assert_eq!((&short[..1], &short[1..]), (&b"x"[..], &text[3..len + 3]));
        }
    }

    fn applied(edits: &mut Edits, text: &str) -> String {
        edits.normalise(0);
        let mut out = Vec::new();
        edits.apply(text.as_bytes(), &mut out, |new, out| out.extend_from_slice(new));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn edits_are_applied_in_order_of_position() {
        let mut edits = Edits::default();
        edits.replace(6, 11, b"there");
        edits.replace(0, 0, b">");
        assert_eq!(applied(&mut edits, "hello world"), ">hello there");
    }

    #[test]
    fn overlapping_edits_leave_nothing_of_what_either_covers() {
        let mut edits = Edits::default();
        edits.replace(4, 9, b"B");
        edits.replace(2, 6, b"A");
        edits.replace(20, 30, b"C");
        assert_eq!(applied(&mut edits, "0123456789"), "01A9C");
    }
}
