//! Users' own patterns: compiled within limits, run after the built-in detectors.

use regex::bytes::{Regex, RegexBuilder};

use crate::{
    CustomDetector, Finding, Severity,
    detect::DEFINITIONS,
    text::{MARKER_BYTES, contains_word, marker_end},
};

const MAX_DETECTORS: usize = 64;
const MAX_PATTERN_BYTES: usize = 1000;
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// A user's detector, compiled.
#[derive(Debug)]
pub(crate) struct Custom {
    pub name: String,
    pub severity: Severity,
    pattern: Regex,
    keywords: Vec<Vec<u8>>,
}

/// Compile all, or tell which one does not work and why.
pub(crate) fn compile(detectors: &[CustomDetector]) -> Result<Vec<Custom>, (usize, String)> {
    if detectors.len() > MAX_DETECTORS {
        return Err((
            MAX_DETECTORS,
            format!("more than {MAX_DETECTORS} custom detectors: put patterns together"),
        ));
    }
    detectors.iter().enumerate().map(|(i, d)| compile_one(d).map_err(|message| (i, message))).collect()
}

fn compile_one(detector: &CustomDetector) -> Result<Custom, String> {
    if detector.name.is_empty() {
        return Err("name must not be empty".to_owned());
    }
    if detector.pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("pattern is longer than {MAX_PATTERN_BYTES} bytes: split it"));
    }
    let pattern = RegexBuilder::new(&detector.pattern)
        .unicode(false)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|e| match e {
            regex::Error::CompiledTooBig(_) => {
                "pattern is too big once compiled: use smaller repeat counts".to_owned()
            }
            other => {
                // The message is many lines, with the pattern and a marker; the last one says what is wrong.
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("pattern is no regular expression: {}", last.strip_prefix("error: ").unwrap_or(last))
            }
        })?;
    if pattern.is_match(b"") {
        return Err("pattern matches the empty text: it must need at least one character".to_owned());
    }
    if detector.keywords.iter().any(String::is_empty) {
        return Err("keywords must not be empty".to_owned());
    }
    let keywords = detector.keywords.iter().map(|k| k.to_ascii_lowercase().into_bytes()).collect();
    Ok(Custom { name: detector.name.clone(), severity: detector.severity, pattern, keywords })
}

/// Add the findings of `custom` to those from `first` on; where two overlap, the longer one stays, or the older.
pub(crate) fn scan(custom: &[Custom], text: &[u8], first: usize, found: &mut Vec<Finding>) {
    for (index, detector) in custom.iter().enumerate() {
        if !detector.keywords.is_empty() && !detector.keywords.iter().any(|k| contains_word(text, k)) {
            continue;
        }
        let id = u16::try_from(DEFINITIONS.len() + index).unwrap_or(u16::MAX);
        let mut at = 0;
        while let Some(whole) = detector.pattern.find_at(text, at) {
            at = whole.end().max(whole.start() + 1);
            // Only a match costs the allocation of a capture.
            let part = if detector.pattern.captures_len() > 1 {
                detector.pattern.captures_at(text, whole.start()).and_then(|c| c.get(1)).unwrap_or(whole)
            } else {
                whole
            };
            if part.start() < part.end() && !inside_marker(text, part.start()) {
                insert(Finding { detector: id, start: part.start(), end: part.end() }, first, found);
            }
            if at > text.len() {
                break;
            }
        }
    }
}

fn insert(new: Finding, first: usize, found: &mut Vec<Finding>) {
    let low = first + found[first..].partition_point(|f| f.end <= new.start);
    let high = low + found[low..].partition_point(|f| f.start < new.end);
    let longest = found[low..high].iter().map(|f| f.end - f.start).max().unwrap_or(0);
    if longest < new.end - new.start {
        found.splice(low..high, [new]);
    }
}

/// Whether `at` is within `[REDACTED...]`.
fn inside_marker(text: &[u8], at: usize) -> bool {
    let from = at.saturating_sub(MARKER_BYTES);
    let Some(open) = text[from..=at].iter().rposition(|&b| b == b'[') else { return false };
    marker_end(text, from + open).is_some_and(|end| at < end)
}
