//! An input cut into pieces of whole lines that threads can take one by one. Where it is cut depends on nothing but
//! its bytes, so that the report is the same for any number of threads.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use crate::{
    host::Encoding,
    input::{self, InputMode},
};

/// How much of an input one thread takes at a time.
pub const CHUNK_BYTES: usize = 4 << 20;
/// Lines before a chunk that are read again for the sake of payloads that are spread over lines.
pub const CONTEXT_BYTES: usize = 256 << 10;
/// Longer lines are not scanned.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// How much of an input decides whether it is text.
const SNIFF_BYTES: usize = 8 << 10;

/// Whole lines of one input, with some that came before them.
#[derive(Debug)]
pub struct Chunk {
    /// Context, then the lines of the chunk itself.
    pub bytes: Vec<u8>,
    /// Where its own lines start.
    pub own: usize,
    /// The number of its first own line; the first of an input is 1.
    pub first_line: u64,
    /// How its lines are read.
    pub encoding: Encoding,
}

/// Why an input cannot be cut any further.
#[derive(Debug)]
pub enum Stop {
    /// It is no text.
    Binary,
    /// Reading failed.
    Io(io::Error),
}

/// Cuts one input.
pub struct Chunks<R> {
    reader: R,
    /// Context, then what has been read and not given yet.
    bytes: Vec<u8>,
    own: usize,
    next_line: u64,
    encoding: Option<Encoding>,
    at_end: bool,
    sniffed: bool,
    /// In the middle of a line that is not scanned.
    skipping: bool,
    failed: Option<io::Error>,
    /// Numbers of the lines that were too long, at most [`MAX_TOLD`](Self::MAX_TOLD) of them.
    pub too_long: Vec<u64>,
    /// Bytes read so far.
    pub bytes_read: u64,
}

impl<R: Read> Chunks<R> {
    const MAX_TOLD: usize = 16;

    /// Cut what `reader` gives.
    pub fn new(reader: R, mode: InputMode) -> Self {
        Self {
            reader,
            bytes: Vec::new(),
            own: 0,
            next_line: 1,
            encoding: match mode {
                InputMode::Auto => None,
                InputMode::Text => Some(Encoding::Text),
                InputMode::Json => Some(Encoding::Json),
            },
            at_end: false,
            sniffed: false,
            skipping: false,
            failed: None,
            too_long: Vec::new(),
            bytes_read: 0,
        }
    }

    /// How many lines have been given or left out.
    pub fn lines(&self) -> u64 {
        self.next_line - 1
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// When the input is no text, or reading fails; the whole lines before that are given first.
    pub fn next_chunk(&mut self) -> Result<Option<Chunk>, Stop> {
        loop {
            self.fill(CHUNK_BYTES);
            if !self.sniffed {
                self.sniffed = true;
                if is_binary(&self.bytes[..self.bytes.len().min(SNIFF_BYTES)]) {
                    return Err(Stop::Binary);
                }
            }
            if self.skipping {
                self.skip();
                if self.bytes.len() == self.own && !self.at_end {
                    continue;
                }
            }
            if self.bytes.len() > self.own {
                if let Some(end) = self.cut() {
                    return Ok(Some(self.give(end)));
                }
                continue;
            }
            return match self.failed.take() {
                Some(error) => Err(Stop::Io(error)),
                None => Ok(None),
            };
        }
    }

    /// Where the chunk ends; `None` if there is nothing to give yet.
    fn cut(&mut self) -> Option<usize> {
        let own = &self.bytes[self.own..];
        let window = own.len().min(CHUNK_BYTES);
        if let Some(at) = memrchr(b'\n', &own[..window]) {
            // The rest of the window may be all there is.
            let all = self.at_end && own.len() == window && self.failed.is_none();
            return Some(self.own + if all { window } else { at + 1 });
        }
        self.fill(MAX_LINE_BYTES + 1);
        let own = &self.bytes[self.own..];
        match memchr(b'\n', own) {
            Some(at) => Some(self.own + at + 1),
            // A line that a failed read cut off is not looked at: half of a value may be no value.
            None if self.at_end && self.failed.is_some() => {
                self.bytes.truncate(self.own);
                None
            }
            None if own.len() <= MAX_LINE_BYTES => Some(self.bytes.len()),
            None => {
                if self.too_long.len() < Self::MAX_TOLD {
                    self.too_long.push(self.next_line);
                }
                self.skipping = true;
                self.bytes.truncate(self.own);
                None
            }
        }
    }

    /// Leave out the rest of a line that is too long.
    fn skip(&mut self) {
        let own = &self.bytes[self.own..];
        match memchr(b'\n', own) {
            Some(at) => {
                self.bytes.drain(self.own..=self.own + at);
                self.skipping = false;
                self.next_line += 1;
            }
            None => {
                self.bytes.truncate(self.own);
                self.next_line += u64::from(self.at_end);
                self.skipping = !self.at_end;
            }
        }
    }

    fn give(&mut self, end: usize) -> Chunk {
        let encoding = self
            .encoding
            .or_else(|| input::detect(&self.bytes[self.own..end]))
            .inspect(|found| self.encoding = Some(*found))
            .unwrap_or(Encoding::Text);
        let context = self.context(end);
        let mut next = Vec::with_capacity(CONTEXT_BYTES + CHUNK_BYTES);
        next.extend_from_slice(&self.bytes[context..]);
        let own = self.own;
        let mut bytes = std::mem::replace(&mut self.bytes, next);
        bytes.truncate(end);
        self.own = end - context;
        let first_line = self.next_line;
        let feeds = memchr_iter(b'\n', &bytes[own..]).count() as u64;
        self.next_line += feeds + u64::from(bytes.last() != Some(&b'\n'));
        Chunk { bytes, own, first_line, encoding }
    }

    /// Where the context of a chunk that starts at `end` starts.
    fn context(&self, end: usize) -> usize {
        let from = end.saturating_sub(CONTEXT_BYTES);
        if from == 0 {
            return 0;
        }
        memchr(b'\n', &self.bytes[from..end]).map_or(end, |at| from + at + 1)
    }

    /// Read until so many bytes are there, or there are no more.
    fn fill(&mut self, want: usize) {
        let target = self.own + want;
        while !self.at_end && self.bytes.len() < target {
            let room = (target - self.bytes.len()).min(1 << 20);
            let before = self.bytes.len();
            self.bytes.resize(before + room, 0);
            let read = self.reader.read(&mut self.bytes[before..]);
            self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.at_end = true,
                Ok(n) => self.bytes_read += n as u64,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.at_end = true;
                    self.failed = Some(e);
                }
            }
        }
    }
}

/// Whether the start of an input is that of something else than text. A few control bytes are not enough: programs
/// log raw payloads.
fn is_binary(start: &[u8]) -> bool {
    const MAGIC: [&[u8]; 9] = [
        b"\x7fELF",
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"PK\x03\x04",
        b"%PDF-",
        b"SQLite format 3\0",
        b"LPKSHHRH",
        b"\0asm",
        b"\xca\xfe\xba\xbe",
    ];
    let control = |b: &&u8| matches!(**b, 0..=8 | 14..=26 | 28..=31);
    MAGIC.iter().any(|m| start.starts_with(m)) || start.iter().filter(control).count() * 20 > start.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time at first, then ever more.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = (self.1 * 2).clamp(1, 300_000);
            let n = self.1.min(buf.len()).min(self.0.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(bytes: &[u8], step: usize) -> (Vec<Chunk>, u64, Vec<u64>) {
        let mut chunks = Chunks::new(Trickle(bytes, step), InputMode::Auto);
        let mut out = Vec::new();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            out.push(chunk);
        }
        (out, chunks.lines(), chunks.too_long)
    }

    #[test]
    fn own_lines_make_up_the_input() {
        let line = [vec![b'x'; 999], vec![b'\n']].concat();
        let mut input = line.repeat(9000);
        input.extend_from_slice(b"no line feed");
        let (chunks, lines, _) = all(&input, 1);
        assert_eq!(lines, 9001);
        assert!(chunks.len() > 2);
        let own: Vec<u8> = chunks.iter().flat_map(|c| c.bytes[c.own..].to_vec()).collect();
        assert!(own == input);
        let mut line = 1;
        for chunk in &chunks {
            assert_eq!(chunk.first_line, line);
            line += memchr_iter(b'\n', &chunk.bytes[chunk.own..]).count() as u64;
            assert!(chunk.own <= CONTEXT_BYTES);
            assert!(chunk.own == 0 || chunk.bytes[chunk.own - 1] == b'\n');
        }
        // However the bytes come, the cuts are the same.
        let (again, _, _) = all(&input, 100_000);
        assert_eq!(chunks.len(), again.len());
        assert!(chunks.iter().zip(&again).all(|(a, b)| a.bytes == b.bytes && a.own == b.own));
    }

    #[test]
    fn long_lines_are_left_out_and_numbered() {
        let long = vec![b'y'; MAX_LINE_BYTES + 5];
        let input = [&b"a\n"[..], &long, b"\nb\n", &long].concat();
        let (chunks, lines, too_long) = all(&input, 70_000);
        let own: Vec<u8> = chunks.iter().flat_map(|c| c.bytes[c.own..].to_vec()).collect();
        assert_eq!(own, b"a\nb\n");
        assert_eq!(too_long, [2, 4]);
        assert_eq!(lines, 4);
        assert_eq!(chunks.last().unwrap().first_line, 3);
        // As long as it may be.
        let input = [&long[..MAX_LINE_BYTES], b"\nz\n"].concat();
        let (chunks, lines, too_long) = all(&input, 70_000);
        assert_eq!((chunks.len(), lines, too_long.len()), (2, 2, 0));
    }

    #[test]
    fn empty_and_binary() {
        assert_eq!(all(b"", 1).0.len(), 0);
        for bytes in [&b"\x7fELF\x02\x01"[..], b"\0\0\0\0", b"ab\x01\x02\x03"] {
            assert!(matches!(Chunks::new(bytes, InputMode::Auto).next_chunk(), Err(Stop::Binary)));
        }
        let log = [&b"2026/11/21 00:15:48 raw payload \x00\x01\xff of a task\n"[..], &b"text\n".repeat(50)]
            .concat();
        assert_eq!(all(&log, 1).0.len(), 1);
    }
}
