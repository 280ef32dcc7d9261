//! From bytes to batches: decompression, and lines cut out of large reads.
//!
//! A [`Chunk`] keeps the bytes as they came beside the records found in them, so that
//! what no filter changes is written out in one piece, line terminators included.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use crate::host::{Batch, Encoding};

pub mod decode;
pub mod timestamp;

/// How many bytes one read asks for.
pub const READ_BYTES: usize = 1 << 20;

/// The smallest `max_record_bytes`: a notice about a withheld line must be shorter.
pub const MIN_MAX_RECORD_BYTES: usize = 1 << 10;

/// The largest `max_record_bytes`: positions in a batch are 32 bits wide.
pub const MAX_MAX_RECORD_BYTES: usize = 1 << 30;

/// How the lines of an input are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InputMode {
    /// JSON lines if the first line that is not blank is a JSON object, else text.
    #[default]
    Auto,
    /// Every line is one record of text, any bytes.
    Text,
    /// Every line is one JSON document; blank lines pass by.
    Json,
}

/// Where a record lies in the bytes of its chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: u32,
    /// Where the record ends and the line terminator starts.
    pub body_end: u32,
    /// Where the line terminator ends.
    pub end: u32,
}

/// Whole lines, as bytes and as records.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    len: usize,
    /// One per record of `batch`. Bytes between spans belong to no record and pass as
    /// they are.
    pub spans: Vec<Span>,
    /// The records.
    pub batch: Batch,
    /// How many lines were replaced by a notice because they were too long.
    pub withheld: u64,
}

impl Chunk {
    /// An empty chunk whose records will have this tag.
    pub fn new(tag: &str) -> Self {
        Self {
            bytes: Vec::new(),
            len: 0,
            spans: Vec::new(),
            batch: Batch::new(tag, Encoding::Text),
            withheld: 0,
        }
    }

    /// The lines, as they came, terminators included.
    pub fn raw(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn clear(&mut self) {
        self.len = 0;
        self.spans.clear();
        self.batch.clear();
        self.withheld = 0;
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len = end;
    }
}

/// A line that is longer than allowed, of which nothing but its length is kept.
#[derive(Debug, Clone, Copy)]
struct Skipping {
    bytes: u64,
    last: u8,
}

/// Cuts one input into chunks.
pub struct Lines<R> {
    reader: R,
    mode: InputMode,
    encoding: Option<Encoding>,
    max_record_bytes: usize,
    fill: bool,
    carry: Vec<u8>,
    skipping: Option<Skipping>,
    at_end: bool,
    bytes_read: u64,
}

impl<R: Read> Lines<R> {
    /// Read lines of at most `max_record_bytes` bytes. With `fill`, reads are gathered
    /// until a chunk is worth its while; without, what one read gives is passed on at
    /// once, which is what a live pipe needs.
    pub fn new(reader: R, mode: InputMode, max_record_bytes: usize, fill: bool) -> Self {
        Self {
            reader,
            mode,
            encoding: match mode {
                InputMode::Auto => None,
                InputMode::Text => Some(Encoding::Text),
                InputMode::Json => Some(Encoding::Json),
            },
            max_record_bytes: max_record_bytes.clamp(MIN_MAX_RECORD_BYTES, MAX_MAX_RECORD_BYTES),
            fill,
            carry: Vec::new(),
            skipping: None,
            at_end: false,
            bytes_read: 0,
        }
    }

    /// How many bytes were read so far, after decompression.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Fill `chunk` with the next lines; false at the end of the input.
    ///
    /// # Errors
    /// When reading or decompressing fails. Lines read before that are lost only if they
    /// are not whole: `chunk` then holds the whole ones.
    pub fn next_chunk(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        chunk.clear();
        if self.at_end {
            return Ok(false);
        }
        chunk.append(&self.carry);
        self.carry.clear();
        // No line ends before here.
        let mut searched = chunk.len;
        loop {
            let read = self.read_into(chunk)?;
            if read == 0 {
                self.at_end = true;
                if let Some(skipped) = self.skipping.take() {
                    self.put_notice(chunk, 0, skipped.bytes, b"");
                }
                self.cut(chunk);
                return Ok(chunk.len > 0);
            }
            self.skip(chunk, read);
            if let Some(at) = memrchr(b'\n', &chunk.bytes[searched..chunk.len]) {
                let whole = searched + at + 1;
                if self.fill && whole < READ_BYTES / 2 {
                    searched = chunk.len.min(whole);
                } else {
                    self.carry.extend_from_slice(&chunk.bytes[whole..chunk.len]);
                    chunk.len = whole;
                    self.cut(chunk);
                    return Ok(true);
                }
            } else {
                searched = self.give_up_on_long_line(chunk, searched);
            }
        }
    }

    fn read_into(&mut self, chunk: &mut Chunk) -> io::Result<usize> {
        let want = chunk.len + READ_BYTES;
        if chunk.bytes.len() < want {
            chunk.bytes.resize(want, 0);
        }
        loop {
            match self.reader.read(&mut chunk.bytes[chunk.len..want]) {
                Ok(n) => {
                    chunk.len += n;
                    self.bytes_read += n as u64;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}
