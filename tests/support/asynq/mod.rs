//! The recorded asynq logs and the truth about them: what was planted into payloads, and what must stay.
//!
//! Nothing here asks the filter, or reads a log as it does.

pub mod metadata;
pub mod payloads;
pub mod views;

use std::{collections::HashMap, fs, path::PathBuf};

use serde::Deserialize;
use tamis::host::Encoding;

use self::views::Views;
use crate::logs::{self, Log};

/// The filter.
pub const FILTER: &str = "asynq-payload-redactor";

/// Tokens for everything, with a key that needs neither file nor environment.
pub const KEYED: &str = r#"{"key":{"id":"k1","value":"a test key of enough bytes"},"payload":{"values":"token"},
    "deny_keys":{"rules":{"all":"token"}},"detectors":{"all":"token"}}"#;

/// All recorded logs, by name.
pub fn corpus() -> Vec<Log> {
    logs::corpus("asynq", &["log", "jsonl"], 22)
}

/// What the records of a log are, as `tamis run` sees it: by its first line.
pub fn encoding(log: &Log) -> Encoding {
    if log.bytes.starts_with(b"{") { Encoding::Json } else { Encoding::Text }
}

/// A sensitive value that the generator put into payloads, and that occurs in a log.
#[derive(Debug, Clone, Deserialize)]
pub struct Planted {
    /// What it is: `email`, `card_number`, ...
    pub class: String,
    /// The value.
    pub value: String,
    /// So short that it occurs by chance.
    #[serde(default)]
    pub weak: bool,
}

impl Planted {
    /// Whether a hit counts only beside a name that tells what it is.
    fn needs_name(&self) -> bool {
        self.weak || self.value.len() <= 6 && self.value.bytes().all(|b| b.is_ascii_digit())
    }
}

/// What was planted into a log; nothing where there is no list.
pub fn planted(log: &Log) -> Vec<Planted> {
    let stem = log.name.rsplit_once('.').map_or(&*log.name, |(stem, _)| stem);
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus/asynq/planted");
    let Ok(text) = fs::read_to_string(dir.join(format!("{stem}.jsonl"))) else { return Vec::new() };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where a planted value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its index in the list.
    pub value: usize,
    /// The codings that had to be undone to see it.
    pub path: String,
    /// What stands around it.
    pub around: String,
    /// It is too short to tell it from chance: no name beside it says what it is.
    pub chance: bool,
}

/// Finds planted values in a text, in whatever they are encoded.
#[derive(Debug)]
pub struct Finder<'a> {
    planted: &'a [Planted],
    /// Indexes by the first bytes of the value.
    starts: HashMap<[u8; 3], Vec<usize>>,
    /// Whether there are any, by a hash of two of these bytes.
    any: Vec<bool>,
}

impl<'a> Finder<'a> {
    /// A finder of these values.
    pub fn new(planted: &'a [Planted]) -> Self {
        let mut starts: HashMap<[u8; 3], Vec<usize>> = HashMap::new();
        let mut any = vec![false; 1 << 16];
        for (i, p) in planted.iter().enumerate() {
            let start = p.value.as_bytes()[..3].try_into().unwrap();
            any[slot(start)] = true;
            starts.entry(start).or_default().push(i);
        }
        Self { planted, starts, any }
    }

    /// All hits in a text and in what is encoded in it.
    pub fn find(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        Views::default().each(text, &mut |path, view| {
            for (at, window) in view.array_windows().enumerate() {
                if !self.any[slot(*window)] {
                    continue;
                }
                let Some(candidates) = self.starts.get(window) else { continue };
                for &value in candidates {
                    if let Some(chance) = self.hit(view, at, &self.planted[value]) {
                        let around = &view[at.saturating_sub(60)..view.len().min(at + 60)];
                        let around = String::from_utf8_lossy(around).into_owned();
                        hits.push(Hit { value, path: path.to_owned(), around, chance });
                    }
                }
            }
        });
        hits
    }

    /// Whether the value stands at `at`, and if so, whether that may be chance.
    fn hit(&self, view: &[u8], at: usize, planted: &Planted) -> Option<bool> {
        let value = planted.value.as_bytes();
        if !view[at..].starts_with(value) {
            return None;
        }
        // Other values may begin or end like it.
        let word = |b: u8| match planted.class.as_str() {
            "ip" => b.is_ascii_hexdigit() || b == b'.',
            "email" => b.is_ascii_alphanumeric() || b"._+-".contains(&b),
            "name" => b.is_ascii_alphanumeric(),
            _ => planted.needs_name() && (b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')),
        };
        let (before, after) = (&view[..at], &view[at + value.len()..]);
        if before.last().is_some_and(|b| word(*b)) && !before.ends_with(b"\x1b[0m") {
            return None;
        }
        // An address may have anything behind it that is of no coding.
        let whole = planted.class != "email";
        if whole && after.first().is_some_and(|b| word(*b)) && !ends_sentence(after) {
            return None;
        }
        Some(planted.needs_name() && !is_named(&view[..at]))
    }
}

fn slot([a, b, c]: [u8; 3]) -> usize {
    (usize::from(a) << 8 | usize::from(b)) ^ usize::from(c) << 4
}

fn ends_sentence(rest: &[u8]) -> bool {
    rest[0] == b'.' && !rest.get(1).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether the last word before a value tells that it is a code.
fn is_named(before: &[u8]) -> bool {
    let near = before[before.len().saturating_sub(24)..].to_ascii_lowercase();
    let name = near.iter().rposition(u8::is_ascii_alphabetic).map_or(&b""[..], |end| &near[..=end]);
    // Only signs may stand between.
    near.len() - name.len() <= 8
        && [&b"cvc"[..], b"cvv", b"otp", b"code", b"pin", b"code is"].iter().any(|n| name.ends_with(n))
}

/// The text of a log as one, with lines that a container runtime cut in pieces put together again.
pub fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut text = lines.join(&b'\n');
    let piece = |line: &[u8]| -> Option<(usize, bool)> {
        let tag = line.iter().take(50).position(|b| *b == b' ')?;
        let rest = line.get(tag..)?;
        (rest.starts_with(b" stderr ") || rest.starts_with(b" stdout ")).then_some(())?;
        Some((tag + 10, rest.get(8)? == &b'P'))
    };
    if lines.iter().take(5).all(|l| piece(l).is_some()) {
        text.push(b'\n');
        for line in lines {
            let (start, cut) = piece(line).unwrap_or((0, false));
            text.extend_from_slice(line.get(start..).unwrap_or_default());
            if !cut {
                text.push(b'\n');
            }
        }
    }
    text
}
