//! The file of a recording: JSON lines, the first of which says what the others are.
//! docs/record.md describes it; what is written here is read by later versions.

use std::{
    fmt,
    io::{self, BufRead, Read, Write},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::time;
use crate::host::Encoding;

/// The version of the format. Readers take this one, and refuse a later one.
pub const VERSION: u32 = 1;

/// The longest line that is read: a record of 16 MiB, every byte of it an escape, has room.
const MAX_LINE_BYTES: u64 = 128 << 20;

/// What the first line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`].
    #[serde(rename = "tamis_recording")]
    pub version: u32,
    /// When it was started, RFC 3339.
    pub created: String,
    /// The filters that the records went through; none: as they came.
    pub filters: Vec<String>,
}

impl Header {
    /// The header of a recording that starts now.
    pub fn new(filters: Vec<String>) -> Self {
        Self { version: VERSION, created: time::format(time::now_ns()).unwrap_or_default(), filters }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Tag, stream or route.
    pub tag: String,
    /// When it happened, by the record itself, else when it came: nanoseconds since 1970.
    pub time_ns: u64,
    /// What the body is.
    pub encoding: Encoding,
    /// Any bytes.
    pub body: Vec<u8>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    tag: &'a str,
    encoding: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// As [`Line`], on the way back.
#[derive(Deserialize)]
struct OwnedLine {
    time: String,
    tag: String,
    encoding: Kind,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Text,
    Json,
}

/// Append the first line.
///
/// # Errors
/// When the header does not go into JSON, which none does.
pub fn write_header(header: &Header, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, header)?;
    out.push(b'\n');
    Ok(())
}

/// Append the line of one record. A body that is not UTF-8 goes as base64.
///
/// # Errors
/// When writing into memory fails, which it does not.
pub fn write_entry(
    tag: &str,
    time_ns: u64,
    encoding: Encoding,
    body: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let text = std::str::from_utf8(body).ok();
    let line = Line {
        time: time::format(time_ns).unwrap_or_else(|| time::format(0).unwrap_or_default()),
        tag,
        encoding: match encoding {
            Encoding::Text => Kind::Text,
            Encoding::Json => Kind::Json,
        },
        body: text,
        body_base64: text.is_none().then(|| BASE64.encode(body)),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// What is wrong with a recording, with the number of the line.
#[derive(Debug)]
pub enum Error {
    /// It is none, or not of a version that is known here.
    Header(String),
    /// A line that is no record.
    Line(u64, String),
    /// It could not be read.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(what) => f.write_str(what),
            Self::Line(number, what) => write!(f, "line {number}: {what}"),
            Self::Io(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for Error {}

/// Reads a recording, line by line.
pub struct Reader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    header: Header,
}

impl<R: BufRead> Reader<R> {
    /// Read the first line.
    ///
    /// # Errors
    /// When this is no recording of a known version.
    pub fn new(input: R) -> Result<Self, Error> {
        let header = Header { version: 0, created: String::new(), filters: Vec::new() };
        let mut reader = Self { input, line: Vec::new(), number: 0, header };
        let no = || Error::Header("is no recording: its first line has no 'tamis_recording'".to_owned());
        if !reader.next_line()? {
            return Err(no());
        }
        reader.header = match serde_json::from_slice::<Header>(&reader.line) {
            Ok(header) => header,
            Err(_) => return Err(no()),
        };
        if reader.header.version != VERSION {
            let message = format!(
                "is a recording of version {}, and this is a tamis for version {VERSION}",
                reader.header.version
            );
            return Err(Error::Header(message));
        }
        Ok(reader)
    }

    /// What the first line says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When a line is no record, is cut off, or cannot be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if !self.next_line()? {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let wrong = |what: String| Error::Line(self.number, what);
        let line: OwnedLine =
            serde_json::from_slice(&self.line).map_err(|e| wrong(format!("is no record: {e}")))?;
        let time_ns = time::parse(&line.time)
            .ok_or_else(|| wrong(format!("'{}' is no RFC 3339 time", line.time.escape_debug())))?;
        let body = match (line.body, line.body_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => BASE64.decode(text).map_err(|e| wrong(format!("body_base64: {e}")))?,
            _ => return Err(wrong("needs either 'body' or 'body_base64'".to_owned())),
        };
        let encoding = match line.encoding {
            Kind::Text => Encoding::Text,
            Kind::Json => Encoding::Json,
        };
        Ok(Some(Entry { tag: line.tag, time_ns, encoding, body }))
    }

    fn next_line(&mut self) -> Result<bool, Error> {
        self.line.clear();
        self.number += 1;
        let read =
            self.input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line).map_err(Error::Io)?;
        if read as u64 >= MAX_LINE_BYTES {
            return Err(Error::Line(self.number, "is longer than any record".to_owned()));
        }
        if read > 0 && self.line.last() != Some(&b'\n') && self.number > 1 {
            return Err(Error::Line(
                self.number,
                "is cut off: the recording ended before its time".to_owned(),
            ));
        }
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recording(entries: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_header(&Header::new(vec!["identity".to_owned()]), &mut bytes).unwrap();
        for e in entries {
            write_entry(&e.tag, e.time_ns, e.encoding, &e.body, &mut bytes).unwrap();
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
        let mut reader = Reader::new(bytes)?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let body = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80),
            ".{0,40}".prop_map(String::into_bytes),
        ];
        (".{0,12}", 0..16_000_000_000_000_000_000u64, any::<bool>(), body).prop_map(
            |(tag, time_ns, json, body)| {
                let encoding = if json { Encoding::Json } else { Encoding::Text };
                Entry { tag, time_ns, encoding, body }
            },
        )
    }

    proptest! {
        #[test]
        fn any_bytes_survive(entries in proptest::collection::vec(entry(), 0..12)) {
            let bytes = recording(&entries);
            prop_assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), entries.len() + 1);
            prop_assert!(std::str::from_utf8(&bytes).is_ok());
            prop_assert_eq!(read(&bytes).unwrap(), entries);
        }

        #[test]
        fn no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = read(&[recording(&[]), bytes].concat());
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let header = r#"{"tamis_recording":1,"created":"","filters":[]}"#;
        let frame = |rest: &str| {
            format!(
                "{header}\n{{\"time\":\"2026-01-01T00:00:00Z\",\"tag\":\"t\",\"encoding\":\"text\"{rest}}}\n"
            )
        };
        for (text, says) in [
            (String::new(), "is no recording"),
            ("{\"a\":1}\n".into(), "is no recording"),
            ("plain\n".into(), "is no recording"),
            (header.replace(":1,", ":2,"), "is a recording of version 2"),
            (format!("{header}\nnot json\n"), "line 2: is no record"),
            (frame(""), "line 2: needs either 'body' or 'body_base64'"),
            (frame(",\"body\":\"a\",\"body_base64\":\"YQ==\""), "line 2: needs either"),
            (frame(",\"body_base64\":\"?\""), "line 2: body_base64"),
            (frame(",\"body\":\"a\"").replace("2026", "20x6"), "is no RFC 3339 time"),
            (frame(",\"body\":\"a\"").trim_end().into(), "line 2: is cut off"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(read(frame(",\"body\":\"a\",\"later\":1").as_bytes()).unwrap()[0].body, b"a");
    }
}
