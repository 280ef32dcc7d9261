//! The log that everything is measured on, as records in batches that are ready.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, ensure};

use crate::{
    host::{Batch, Encoding},
    input::{READ_BYTES, decode},
    text_wrap,
};

/// The tag of all records.
const TAG: &str = "tamis";

/// The log, and its records as hosts get them.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// The file; ends in a line feed.
    pub bytes: Vec<u8>,
    /// What its lines are.
    pub encoding: Encoding,
    /// Its lines, without terminators.
    text: Vec<Vec<u8>>,
    /// The same lines as Fluent Bit holds them.
    json: Vec<Vec<u8>>,
}

/// Records of one encoding, in batches as `tamis run` makes them.
#[derive(Debug, Clone)]
pub struct Batches {
    /// The batches.
    pub batches: Vec<Batch>,
    /// How many records they hold.
    pub records: u64,
    /// How many bytes they have, with a line terminator each.
    pub bytes: u64,
    /// How many bytes of the log they stand for: the same, but for text within JSON.
    pub line_bytes: u64,
}

impl Corpus {
    /// The first `max_bytes` bytes of a file, decompressed; up to the last line that is whole. Lines
    /// with a NUL in them, which ends a record in Fluent Bit's ABI, are left out.
    ///
    /// # Errors
    /// When it cannot be read, or has no line that can be measured on.
    pub fn read(path: &Path, max_bytes: u64) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        Self::read_from(file, max_bytes).with_context(|| format!("cannot measure on {shown}"))
    }

    /// As [`Corpus::read`], from anywhere.
    ///
    /// # Errors
    /// As there.
    pub fn read_from(log: impl Read + Send + 'static, max_bytes: u64) -> anyhow::Result<Self> {
        let mut bytes = Vec::new();
        let log = decode::decode(log).context("cannot read it")?.reader;
        log.take(max_bytes).read_to_end(&mut bytes).context("cannot read it")?;
        ensure!(!bytes.is_empty(), "it is empty: name a log with at least one line");
        let whole = (bytes.len() as u64) < max_bytes;
        match bytes.iter().rposition(|b| *b == b'\n') {
            _ if whole && bytes.last().is_some_and(|last| *last != b'\n') => bytes.push(b'\n'),
            Some(last) => bytes.truncate(last + 1),
            None => bytes.clear(),
        }
        ensure!(!bytes.is_empty(), "its first line is longer than the {max_bytes} bytes that are read");
        if bytes.contains(&0) {
            let lines = bytes.split_inclusive(|b| *b == b'\n');
            bytes = lines.filter(|l| !l.contains(&0)).collect::<Vec<_>>().concat();
        }
        ensure!(!bytes.is_empty(), "each of its lines has a NUL, which ends a record in Fluent Bit's ABI");
        Self::new(bytes)
    }

    /// A log of one's own.
    ///
    /// # Errors
    /// When it is empty or its last line does not end: repeated, lines would be glued.
    pub fn new(bytes: Vec<u8>) -> anyhow::Result<Self> {
        ensure!(!bytes.contains(&0), "it has a NUL, which ends a record in Fluent Bit's ABI: leave it out");
        let Some(lines) = bytes.strip_suffix(b"\n") else {
            anyhow::bail!("it is empty or its last line has no line feed: add one");
        };
        let text: Vec<Vec<u8>> = lines.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        let encoding = if bytes.starts_with(b"{") { Encoding::Json } else { Encoding::Text };
        let json = text.iter().map(|line| {
            if encoding == Encoding::Json {
                return line.clone();
            }
            let mut record = Vec::new();
            text_wrap::wrap(line, &mut record);
            record
        });
        Ok(Self { json: json.collect(), encoding, text, bytes })
    }

    /// Its records in an encoding.
    #[must_use]
    pub fn records(&self, encoding: Encoding) -> &[Vec<u8>] {
        match encoding {
            Encoding::Text => &self.text,
            Encoding::Json => &self.json,
        }
    }

    /// The log over and over, to at least `bytes` bytes, in batches of about the size of
    /// one read of `tamis run`.
    #[must_use]
    pub fn batches(&self, encoding: Encoding, bytes: u64) -> Batches {
        self.cut(encoding, bytes, None)
    }

    /// The same in batches of `len` records.
    #[must_use]
    pub fn batches_of(&self, encoding: Encoding, bytes: u64, len: usize) -> Batches {
        self.cut(encoding, bytes, Some(len))
    }

    fn cut(&self, encoding: Encoding, bytes: u64, len: Option<usize>) -> Batches {
        let mut all = Batches { batches: Vec::new(), records: 0, bytes: 0, line_bytes: 0 };
        let mut batch = Batch::new(TAG, encoding);
        for (record, line) in self.records(encoding).iter().zip(&self.text).cycle() {
            if all.bytes >= bytes {
                break;
            }
            batch.push(0, record);
            all.records += 1;
            all.bytes += record.len() as u64 + 1;
            all.line_bytes += line.len() as u64 + 1;
            let full = match len {
                Some(len) => batch.len() >= len,
                None => batch.bodies.len() + batch.len() >= READ_BYTES,
            };
            if full {
                all.batches.push(std::mem::replace(&mut batch, Batch::new(TAG, encoding)));
            }
        }
        if !batch.is_empty() {
            all.batches.push(batch);
        }
        all
    }

    /// Write the log over and over, whole, to at least `bytes` bytes; the answer is how
    /// many were written.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write_repeated(&self, out: &mut dyn Write, bytes: u64) -> io::Result<u64> {
        let mut written = 0;
        while written < bytes {
            out.write_all(&self.bytes)?;
            written += self.bytes.len() as u64;
        }
        out.flush()?;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_line_in_order_and_count_file_bytes() {
        let corpus = Corpus::new(b"one\n\nthree \"3\"\n".to_vec()).unwrap();
        let text = corpus.batches(Encoding::Text, 16);
        assert_eq!((text.records, text.bytes, text.batches.len()), (4, 19, 1));
        let bodies: Vec<&[u8]> = (0..4).map(|i| text.batches[0].body(i)).collect();
        assert_eq!(bodies, [&b"one"[..], b"", b"three \"3\"", b"one"]);
        let json = corpus.batches(Encoding::Json, 1);
        assert_eq!(json.batches[0].body(0), br#"{"log":"one"}"#);
    }

    #[test]
    fn a_log_that_would_glue_lines_is_refused() {
        assert!(Corpus::new(b"one\ntwo".to_vec()).is_err());
        assert!(Corpus::new(Vec::new()).is_err());
    }
}
