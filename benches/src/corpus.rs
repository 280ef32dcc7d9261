//! The recorded logs that everything is measured on.

use std::{fs, io, io::Write, path::PathBuf};

use anyhow::{Context, ensure};
use tamis::{
    host::{Batch, Encoding},
    input::READ_BYTES,
    text_wrap,
};

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
    /// How many bytes of a file they stand for, line terminators included.
    pub bytes: u64,
}

impl Corpus {
    /// Read one from the repository; lines with a NUL in them, which ends a record in Fluent Bit's ABI, are left out.
    ///
    /// # Errors
    /// When the repository is not where this program was built, or the log is not usable.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus")).join(name);
        let mut bytes = fs::read(&path).with_context(|| {
            format!("cannot read {}: run this program in the repository that it was built in", path.display())
        })?;
        if bytes.contains(&0) {
            let lines = bytes.split_inclusive(|b| *b == b'\n');
            bytes = lines.filter(|l| !l.contains(&0)).collect::<Vec<_>>().concat();
        }
        Self::new(bytes).with_context(|| format!("{} cannot be measured on", path.display()))
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
        let mut all = Batches { batches: Vec::new(), records: 0, bytes: 0 };
        let mut batch = Batch::new("coturn", encoding);
        for record in self.records(encoding).iter().cycle() {
            if all.bytes >= bytes {
                break;
            }
            batch.push(0, record);
            all.records += 1;
            all.bytes += record.len() as u64 + 1;
            if batch.bodies.len() + batch.len() >= READ_BYTES {
                all.batches.push(std::mem::replace(&mut batch, Batch::new("coturn", encoding)));
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
