//! A recording as the input of a recorded case (see [`replay`](crate::replay)).

use std::{
    fs,
    io::BufRead,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::format::Reader;
use crate::host::Encoding;

/// A case is read and compared as a whole, and looked at by people.
const MAX_INPUT_BYTES: usize = 64 << 20;

/// The input of a case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// What it holds: decides whether it is `input.log` or `input.jsonl`.
    pub encoding: Option<Encoding>,
    /// Records as lines.
    pub bytes: Vec<u8>,
    /// How many records there are.
    pub records: u64,
    /// Records of text that have become several lines, since there are line feeds in them.
    pub broken: u64,
}

/// Read the records of one encoding; without `only`, all of them must have the same.
///
/// # Errors
/// When the recording cannot be read, holds both text and JSON, nothing, or too much.
pub fn input(reader: &mut Reader<impl BufRead>, only: Option<Encoding>) -> anyhow::Result<Input> {
    let mut input = Input { encoding: only, ..Input::default() };
    while let Some(mut entry) = reader.next_entry()? {
        if only.is_some_and(|only| only != entry.encoding) {
            continue;
        }
        if *input.encoding.get_or_insert(entry.encoding) != entry.encoding {
            bail!(
                "the recording holds both text and JSON, a case one of them: say --only text or --only json"
            );
        }
        if entry.body.contains(&b'\n') {
            match entry.encoding {
                Encoding::Text => input.broken += 1,
                // Between the tokens of JSON a blank is as good; within strings there is none.
                Encoding::Json => entry.body.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' '),
            }
        }
        input.bytes.extend_from_slice(&entry.body);
        input.bytes.push(b'\n');
        input.records += 1;
        if input.bytes.len() > MAX_INPUT_BYTES {
            bail!(
                "the recording is too large for a case (over {MAX_INPUT_BYTES} bytes): cut it with --max-records"
            );
        }
    }
    if input.records == 0 {
        bail!("the recording holds no record that could be the input of a case");
    }
    Ok(input)
}

/// Write a case without an expectation into a folder that is new or empty. Gives the path of
/// its input.
///
/// # Errors
/// When there is something in the folder, or writing fails.
pub fn write(dir: &Path, input: &Input, description: &str, config: Option<&str>) -> anyhow::Result<PathBuf> {
    let cannot = || format!("cannot write the case {}", dir.display());
    fs::create_dir_all(dir).with_context(cannot)?;
    if fs::read_dir(dir).with_context(cannot)?.next().is_some() {
        bail!("{} is there already and not empty: give the case another name", dir.display());
    }
    let extension = if input.encoding == Some(Encoding::Json) { "jsonl" } else { "log" };
    let path = dir.join(format!("input.{extension}"));
    fs::write(&path, &input.bytes).with_context(cannot)?;
    fs::write(dir.join("describe.txt"), format!("{description}\n")).with_context(cannot)?;
    if let Some(config) = config {
        fs::write(dir.join("config.json"), config).with_context(cannot)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::format::{Header, write_entry, write_header};

    fn recording(entries: &[(Encoding, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_header(&Header::new(Vec::new()), &mut bytes).unwrap();
        for (encoding, body) in entries {
            write_entry("t", 1, *encoding, body, &mut bytes).unwrap();
        }
        bytes
    }

    fn made(bytes: &[u8], only: Option<Encoding>) -> anyhow::Result<Input> {
        input(&mut Reader::new(bytes).unwrap(), only)
    }

    #[test]
    fn a_case_has_one_encoding() {
        let mixed =
            recording(&[(Encoding::Text, b"a\nb"), (Encoding::Json, b"{\n}"), (Encoding::Text, b"\xff")]);
        assert!(made(&mixed, None).unwrap_err().to_string().contains("--only text"));
        let text = made(&mixed, Some(Encoding::Text)).unwrap();
        assert_eq!((&text.bytes[..], text.records, text.broken), (&b"a\nb\n\xff\n"[..], 2, 1));
        assert_eq!(made(&mixed, Some(Encoding::Json)).unwrap().bytes, b"{ }\n");
        assert!(made(&recording(&[]), None).unwrap_err().to_string().contains("no record"));
    }

    #[test]
    fn a_case_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let case = dir.path().join("filter/case");
        let input = made(&recording(&[(Encoding::Json, b"{}")]), None).unwrap();
        write(&case, &input, "seen", Some("{}")).unwrap();
        assert_eq!(fs::read(case.join("input.jsonl")).unwrap(), b"{}\n");
        assert_eq!(fs::read(case.join("describe.txt")).unwrap(), b"seen\n");
        assert!(write(&case, &input, "again", None).unwrap_err().to_string().contains("not empty"));
    }
}
