//! Replacements over one body, in ascending order, of which the last ones can be taken back.

/// Spans of a body and what is to stand in their place.
#[derive(Debug, Default)]
pub(super) struct Patch {
    spans: Vec<Span>,
    arena: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Where its replacement ends in the arena; it starts where the one before it ends.
    arena_end: usize,
}

/// A place in a [`Patch`] to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(usize);

impl Patch {
    pub fn clear(&mut self) {
        self.spans.clear();
        self.arena.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn mark(&self) -> Mark {
        Mark(self.spans.len())
    }

    /// Take back all that was noted since `mark`.
    pub fn undo(&mut self, mark: Mark) {
        self.spans.truncate(mark.0);
        self.arena.truncate(self.spans.last().map_or(0, |s| s.arena_end));
    }

    /// Let what `write` appends stand in place of `start..end`. Spans must come in order.
    pub fn replace(&mut self, start: usize, end: usize, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.arena);
        self.spans.push(Span { start, end, arena_end: self.arena.len() });
    }

    pub fn delete(&mut self, start: usize, end: usize) {
        self.replace(start, end, |_| ());
    }

    /// Append `body` to `out` with all replacements made.
    pub fn apply(&self, body: &[u8], out: &mut Vec<u8>) {
        let (mut done, mut new_start) = (0, 0);
        for span in &self.spans {
            let start = span.start.clamp(done, body.len());
            out.extend_from_slice(&body[done..start]);
            out.extend_from_slice(&self.arena[new_start..span.arena_end]);
            new_start = span.arena_end;
            done = span.end.clamp(start, body.len());
        }
        out.extend_from_slice(&body[done..]);
    }
}

/// Removes elements of one array with exactly the commas that go with them.
#[derive(Debug, Default)]
pub(super) struct ArrayEditor {
    /// An element that stays has been seen.
    kept: bool,
    /// All elements so far are to go: where the first of them starts.
    pending: Option<usize>,
    last_end: usize,
}

impl ArrayEditor {
    /// An element starts at `start`. Before any edit in it.
    pub fn enter(&mut self, start: usize, patch: &mut Patch) {
        if let Some(from) = self.pending.take() {
            // Nothing stands before it: the comma after its predecessor goes.
            patch.delete(from, start);
        }
    }

    /// The element `start..end` ends, to stay or to go; edits made since `mark` are in it.
    pub fn leave(&mut self, start: usize, end: usize, dropped: bool, mark: Mark, patch: &mut Patch) {
        if !dropped {
            self.kept = true;
        } else {
            patch.undo(mark);
            if self.kept {
                patch.delete(self.last_end, end);
            } else {
                self.pending = Some(start);
            }
        }
        self.last_end = end;
    }

    /// The array is over.
    pub fn close(&mut self, patch: &mut Patch) {
        if let Some(from) = self.pending.take() {
            patch.delete(from, self.last_end);
        }
    }
}
