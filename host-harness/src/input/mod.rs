//! From bytes to batches: decompression, and lines cut out of large reads.
//!
//! A [`Chunk`] keeps the bytes as they came beside the records found in them, so that
//! what no filter changes is written out in one piece, line terminators included.

use std::io::{self, Read};

use memchr::{memchr, memrchr};
use tamis_sdk::timestamp;

use crate::host::{Batch, Encoding};

pub mod decode;

/// How many bytes one read asks for.
pub const READ_BYTES: usize = 1 << 17;

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
    /// How many bytes were read to fill it, after decompression.
    pub bytes_read: u64,
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
            bytes_read: 0,
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
        self.bytes_read = 0;
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

/// A line that is longer than allowed, of which little but its length is kept.
#[derive(Debug, Clone, Copy)]
struct Skipping {
    bytes: u64,
    last: u8,
    looks_like_json: bool,
}

/// Cuts one input into chunks.
pub struct Lines<R> {
    reader: R,
    encoding: Option<Encoding>,
    max_record_bytes: usize,
    fill: bool,
    carry: Vec<u8>,
    skipping: Option<Skipping>,
    at_end: bool,
    failed: Option<io::Error>,
}

impl<R: Read> Lines<R> {
    /// Read lines of at most `max_record_bytes` bytes. With `fill`, reads are gathered
    /// until a chunk is worth its while; without, what one read gives is passed on at
    /// once, which is what a live pipe needs.
    pub fn new(reader: R, mode: InputMode, max_record_bytes: usize, fill: bool) -> Self {
        Self {
            reader,
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
            failed: None,
        }
    }

    /// Fill `chunk` with the next lines; false at the end of the input.
    ///
    /// # Errors
    /// When reading or decompressing fails. The whole lines before that are given first;
    /// a line that was cut off by the failure is not given at all.
    pub fn next_chunk(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        chunk.clear();
        if self.at_end {
            return self.failed.take().map_or(Ok(false), Err);
        }
        chunk.append(&self.carry);
        self.carry.clear();
        // Where the last whole line ends, and up to where line ends were looked for.
        let (mut whole, mut searched) = (0, 0);
        loop {
            if let Some(at) = memrchr(b'\n', &chunk.bytes[searched..chunk.len]) {
                whole = searched + at + 1;
                if !self.fill || whole >= READ_BYTES / 2 {
                    self.carry.extend_from_slice(&chunk.bytes[whole..chunk.len]);
                    chunk.len = whole;
                    self.cut(chunk);
                    return Ok(true);
                }
            }
            searched = chunk.len;
            // One byte more than the limit may be the first of CR LF.
            if chunk.len - whole > self.max_record_bytes + 1 {
                self.start_skipping(chunk, whole);
                searched = whole;
            }
            let before = chunk.len;
            let read = match self.read_into(chunk) {
                Ok(read) => read,
                Err(error) => {
                    self.at_end = true;
                    self.failed = Some(error);
                    chunk.len = whole;
                    self.cut(chunk);
                    return Ok(true);
                }
            };
            if read == 0 {
                self.at_end = true;
                self.cut(chunk);
                if let Some(skipped) = self.skipping.take() {
                    self.put_notice(chunk, skipped, b"");
                }
                return Ok(chunk.len > 0);
            }
            if self.skipping.is_some() {
                if self.skip(chunk, before) {
                    return Ok(true);
                }
                searched = chunk.len;
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
                    chunk.bytes_read += n as u64;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The line that starts at `start` is too long already: forget its bytes.
    fn start_skipping(&mut self, chunk: &mut Chunk, start: usize) {
        let line = &chunk.bytes[start..chunk.len];
        self.skipping = Some(Skipping {
            bytes: line.len() as u64,
            last: line.last().copied().unwrap_or(0),
            looks_like_json: line.trim_ascii_start().first() == Some(&b'{'),
        });
        chunk.len = start;
    }

    /// Drop what was read after `start` up to the end of the long line. True if that end
    /// was found: the chunk then closes with the notice.
    fn skip(&mut self, chunk: &mut Chunk, start: usize) -> bool {
        let Some(mut skipped) = self.skipping.take() else { return false };
        let fresh = &chunk.bytes[start..chunk.len];
        let Some(at) = memchr(b'\n', fresh) else {
            skipped.bytes += fresh.len() as u64;
            skipped.last = fresh.last().copied().unwrap_or(skipped.last);
            self.skipping = Some(skipped);
            chunk.len = start;
            return false;
        };
        let last = if at == 0 { skipped.last } else { fresh[at - 1] };
        skipped.bytes += at as u64;
        let terminator: &[u8] = if last == b'\r' {
            skipped.bytes -= 1;
            b"\r\n"
        } else {
            b"\n"
        };
        self.carry.extend_from_slice(&fresh[at + 1..]);
        chunk.len = start;
        self.cut(chunk);
        self.put_notice(chunk, skipped, terminator);
        true
    }

    fn put_notice(&mut self, chunk: &mut Chunk, skipped: Skipping, terminator: &[u8]) {
        let encoding = *self.encoding.get_or_insert(if skipped.looks_like_json {
            Encoding::Json
        } else {
            Encoding::Text
        });
        chunk.append(notice(encoding, skipped.bytes).as_bytes());
        chunk.append(terminator);
        chunk.withheld += 1;
    }

    /// Turn the lines of `chunk` into records.
    fn cut(&mut self, chunk: &mut Chunk) {
        if self.encoding.is_none() {
            self.encoding = detect(chunk.raw());
        }
        let encoding = self.encoding.unwrap_or(Encoding::Text);
        chunk.batch.encoding = encoding;
        let mut start = 0;
        while start < chunk.len {
            let line = &chunk.bytes[start..chunk.len];
            let (mut body, mut end) = match memchr(b'\n', line) {
                Some(at) if at > 0 && line[at - 1] == b'\r' => (at - 1, at + 1),
                Some(at) => (at, at + 1),
                None => (line.len(), line.len()),
            };
            if body > self.max_record_bytes {
                let notice = notice(encoding, body as u64);
                chunk.bytes.splice(start..start + body, notice.bytes());
                chunk.len -= body - notice.len();
                chunk.withheld += 1;
                start += notice.len() + (end - body);
                continue;
            }
            let line = &line[..body];
            body += start;
            end += start;
            let blank = encoding == Encoding::Json && line.trim_ascii().is_empty();
            if !blank {
                let timestamp_ns = match encoding {
                    Encoding::Json => timestamp::of_json(line),
                    Encoding::Text => 0,
                };
                chunk.batch.push(timestamp_ns, line);
                // A chunk is at most a read and a line long: far below 4 GiB.
                chunk.spans.push(Span { start: start as u32, body_end: body as u32, end: end as u32 });
            }
            start = end;
        }
    }
}

/// The encoding that the first line with something in it speaks for.
pub(crate) fn detect(raw: &[u8]) -> Option<Encoding> {
    let line = raw.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty())?;
    let json = line.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
    Some(if json { Encoding::Json } else { Encoding::Text })
}

/// What stands for a line that is too long. It is not cut into pieces: a secret across
/// the seam would pass.
fn notice(encoding: Encoding, bytes: u64) -> String {
    let text = format!("line of {bytes} bytes withheld, over --max-record-bytes");
    match encoding {
        Encoding::Json => format!("{{\"tamis\":\"{text}\"}}"),
        Encoding::Text => format!("[tamis: {text}]"),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
