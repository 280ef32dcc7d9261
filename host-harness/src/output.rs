//! From outcomes back to bytes: what was kept is written as it came, in as long runs as
//! there are.

use std::io::{self, Write};

use crate::{
    host::{Action, Outcome},
    input::Chunk,
};

/// Writes lines, and joins lines that came without a terminator to what follows them.
pub struct LineWriter<W> {
    sink: W,
    buffer: Vec<u8>,
    unterminated: bool,
    bytes_written: u64,
}

impl<W: Write> LineWriter<W> {
    /// Write to `sink`, which needs no buffer of its own.
    pub fn new(sink: W) -> Self {
        Self { sink, buffer: Vec::new(), unterminated: false, bytes_written: 0 }
    }

    /// How many bytes were written so far.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Write a chunk with what became of its records.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_chunk(&mut self, chunk: &Chunk, outcome: &Outcome) -> io::Result<()> {
        let raw = chunk.raw();
        if outcome.ends.is_empty() && !outcome.actions.contains(&Action::Drop) {
            return self.write_lines(raw);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let (mut copied, mut body) = (0, 0);
        for (action, span) in outcome.actions.iter().zip(&chunk.spans) {
            match action {
                Action::Keep => {}
                Action::Replace | Action::ReplaceJson => {
                    buffer.extend_from_slice(&raw[copied..span.start as usize]);
                    buffer.extend_from_slice(outcome.body(body));
                    body += 1;
                    copied = span.body_end as usize;
                }
                Action::Drop => {
                    buffer.extend_from_slice(&raw[copied..span.start as usize]);
                    copied = span.end as usize;
                }
            }
        }
        buffer.extend_from_slice(&raw[copied..]);
        let written = self.write_lines(&buffer);
        self.buffer = buffer;
        written
    }

    /// Write records that had no line of their own, each on one.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_records(&mut self, records: &[Vec<u8>]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut lines = records.join(&b'\n');
        lines.push(b'\n');
        self.write_lines(&lines)
    }

    /// End the output.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(last) = lines.last() else { return Ok(()) };
        if self.unterminated {
            self.sink.write_all(b"\n")?;
            self.bytes_written += 1;
        }
        self.sink.write_all(lines)?;
        self.bytes_written += lines.len() as u64;
        self.unterminated = *last != b'\n';
        Ok(())
    }
}
