//! Recorded logs, as they lie in `corpus/`.

use std::{fs, path::PathBuf};

/// A recorded log.
#[derive(Debug, Clone)]
pub struct Log {
    /// Its file name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Log {
    /// Its lines without their line feeds.
    pub fn lines(&self) -> Vec<&[u8]> {
        lines(&self.bytes)
    }
}

/// The lines of a text, without line feeds; a last one without a line feed counts.
pub fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    if lines.last().is_some_and(|l| l.is_empty()) {
        lines.pop();
    }
    lines
}

/// All logs of a folder of `corpus/` with one of these extensions, by name: at least `at_least`.
pub fn corpus(folder: &str, extensions: &[&str], at_least: usize) -> Vec<Log> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut logs: Vec<Log> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)))
        .map(|path| Log {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bytes: fs::read(&path).unwrap(),
        })
        .collect();
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(logs.len() >= at_least, "only {} logs in {}", logs.len(), dir.display());
    logs
}

/// Whether `needle` is in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}
