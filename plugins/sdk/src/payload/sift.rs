//! The worker of all formats: passes records through the sieve and notes what changes.

use super::{Format, Malformed, Report, Sieve, envelope, json, lines, patch::Patch};
use crate::{
    Action, Encoding, Meta,
    record::{
        Kind, Node, TEXT_FIELD, escape,
        scan::{self, ScanError},
    },
    timestamp,
};

/// Filters bodies. Holds the buffers, to be used again for the next body.
#[derive(Debug, Default)]
pub struct Sifter {
    pub(super) tape: Vec<Node>,
    buffers: Buffers,
}

#[derive(Debug, Default)]
struct Buffers {
    patch: Patch,
    /// The content of a string without its escapes.
    decoded: Vec<u8>,
    /// What the filter makes of a record.
    new: Vec<u8>,
    /// Tape of a document within a string.
    inner: Vec<Node>,
}

impl Sifter {
    /// Pass the records of `body` through `sieve`. If the report says `rewritten`, the new
    /// body was appended to `out`, else nothing was.
    ///
    /// # Errors
    /// When the body is not what `format` says; `out` is then as it was. Records before
    /// that place have been through the filter, which counts them.
    pub fn run(
        &mut self,
        format: Format,
        body: &[u8],
        tag: &[u8],
        sieve: &mut dyn Sieve,
        out: &mut Vec<u8>,
    ) -> Result<Report, Malformed> {
        let Self { tape, buffers } = self;
        buffers.patch.clear();
        let mut work = Work { body, tag, sieve, buffers, report: Report::default() };
        let done = match format {
            Format::Text | Format::Lines | Format::Ndjson => {
                return Ok(lines::run(format, &mut work, tape, out));
            }
            Format::Bulk => lines::bulk(&mut work, tape),
            Format::Json => json::run(&mut work, tape),
            Format::Loki => envelope::run(envelope::Shape::Loki, &mut work, tape),
            Format::Otlp => envelope::run(envelope::Shape::Otlp, &mut work, tape),
            Format::SplunkHec => envelope::run(envelope::Shape::Splunk, &mut work, tape),
        };
        done.map_err(|e| Malformed { format, offset: e.offset })?;
        let mut report = work.report;
        if !buffers.patch.is_empty() {
            report.rewritten = true;
            out.reserve(body.len());
            buffers.patch.apply(body, out);
        }
        Ok(report)
    }
}

/// One body on its way through the sieve.
pub(super) struct Work<'a> {
    pub body: &'a [u8],
    tag: &'a [u8],
    sieve: &'a mut dyn Sieve,
    buffers: &'a mut Buffers,
    pub report: Report,
}

impl Work<'_> {
    pub fn patch(&mut self) -> &mut Patch {
        &mut self.buffers.patch
    }

    /// Pass bytes of the body through the sieve; what it makes of them is in
    /// [`replacement`](Self::replacement).
    pub fn sift(&mut self, encoding: Encoding, start: usize, end: usize, timestamp_ns: u64) -> Action {
        let record = self.body.get(start..end).unwrap_or_default();
        // A document may say itself when it was written.
        let timestamp_ns = match encoding {
            Encoding::Json if timestamp_ns == 0 => timestamp::of_json(record),
            _ => timestamp_ns,
        };
        let meta = Meta { tag: self.tag, timestamp_ns };
        self.buffers.new.clear();
        self.sieve.sieve(meta, encoding, record, &mut self.buffers.new)
    }

    /// What the last [`sift`](Self::sift) made of its record, if it replaced it.
    pub fn replacement(&self) -> &[u8] {
        &self.buffers.new
    }

    /// Filter a JSON document that is a part of the body. The caller counts and drops.
    pub fn document(&mut self, start: usize, end: usize, timestamp_ns: u64) -> Action {
        let action = self.sift(Encoding::Json, start, end, timestamp_ns);
        if matches!(action, Action::Replace | Action::ReplaceJson) {
            let Buffers { patch, new, .. } = &mut *self.buffers;
            patch.replace(start, end, |arena| arena.extend_from_slice(new));
        }
        action
    }

    /// Filter the content of a string of the body as a record: as JSON if it is a JSON
    /// object, else as text. The caller counts and drops.
    pub fn line(&mut self, node: &Node, timestamp_ns: u64) -> Action {
        self.string(node, timestamp_ns, false)
    }

    /// Filter a string that stands beside the records, such as a label. It is not counted
    /// and cannot be dropped: what a filter wants gone becomes the empty string.
    pub fn attribute(&mut self, node: &Node, timestamp_ns: u64) {
        self.string(node, timestamp_ns, true);
    }

    fn string(&mut self, node: &Node, timestamp_ns: u64, attribute: bool) -> Action {
        let (start, end) = (node.start as usize, node.end as usize);
        let raw = self.body.get(start..end).unwrap_or_default();
        let meta = Meta { tag: self.tag, timestamp_ns };
        let Buffers { patch, decoded, new, inner } = &mut *self.buffers;
        let content: &[u8] = if node.escaped {
            decoded.clear();
            escape::decode(raw, decoded);
            decoded
        } else {
            raw
        };
        let encoding = if is_object(content, inner) { Encoding::Json } else { Encoding::Text };
        new.clear();
        let action = self.sieve.sieve(meta, encoding, content, new);
        match action {
            Action::Keep => {}
            Action::Replace => {
                patch.replace(start, end, |arena| reencode(raw, content, new, arena));
            }
            // Fields make sense on a record; a label stays the string that it is.
            Action::ReplaceJson if attribute => {
                if text_field(new, inner) != Some(raw) {
                    patch.replace(start, end, |arena| match text_field(new, inner) {
                        Some(text) => arena.extend_from_slice(text),
                        None => escape::encode(new, arena),
                    });
                }
            }
            Action::ReplaceJson => patch.replace(start, end, |arena| escape::encode(new, arena)),
            Action::Drop if attribute => patch.delete(start, end),
            Action::Drop => {}
        }
        action
    }
}

fn is_object(content: &[u8], tape: &mut Vec<Node>) -> bool {
    let trimmed = content.trim_ascii();
    trimmed.first() == Some(&b'{') && trimmed.last() == Some(&b'}') && scan::scan(content, tape).is_ok()
}

/// The text, as it stands between its quotes, of a text record that has become an object.
fn text_field<'a>(object: &'a [u8], tape: &mut Vec<Node>) -> Option<&'a [u8]> {
    scan::scan(object, tape).ok()?;
    let node = tape.iter().find(|n| {
        n.parent == 0
            && n.kind == Kind::String
            && object.get(n.key_start as usize..n.key_end as usize) == Some(TEXT_FIELD.as_bytes())
    })?;
    object.get(node.start as usize..node.end as usize)
}

/// Append `new` as the text of a JSON string. What it has in common with `old` at both ends
/// keeps the escapes that it had in `raw`, the text that `old` was decoded from.
fn reencode(raw: &[u8], old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let continues = |at: usize| new.get(at).is_some_and(|b| b & 0xC0 == 0x80);
    let mut prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    while prefix > 0 && continues(prefix) {
        prefix -= 1;
    }
    let rest = old[prefix..].iter().rev().zip(new[prefix..].iter().rev());
    let mut suffix = rest.take_while(|(a, b)| a == b).count();
    while suffix > 0 && continues(new.len() - suffix) {
        suffix -= 1;
    }
    if raw.len() == old.len() {
        // No escapes: text and content are the same bytes.
        out.extend_from_slice(&raw[..prefix]);
        escape::encode(&new[prefix..new.len() - suffix], out);
        out.extend_from_slice(&raw[raw.len() - suffix..]);
        return;
    }
    let mut map = escape::OffsetMap::new(raw);
    let raw_prefix = map.start(prefix);
    let raw_suffix = map.end(old.len() - suffix);
    // An end that lies within an escape has moved to the border of the escape.
    let mut scratch = Vec::new();
    escape::decode(&raw[..raw_prefix], &mut scratch);
    let prefix = scratch.len().min(prefix);
    scratch.clear();
    escape::decode(&raw[raw_suffix..], &mut scratch);
    let suffix = scratch.len().min(suffix);
    out.extend_from_slice(&raw[..raw_prefix]);
    escape::encode(&new[prefix..new.len() - suffix], out);
    out.extend_from_slice(&raw[raw_suffix..]);
}

/// Scan the JSON value that starts at `from`, which others may follow. Gives where the next
/// one starts (the end of the body if none does). Positions on the tape count from `from`.
pub(super) fn scan_value(body: &[u8], from: usize, tape: &mut Vec<Node>) -> Result<usize, ScanError> {
    match scan::scan(body.get(from..).unwrap_or_default(), tape) {
        Ok(()) => Ok(body.len()),
        Err(error) => {
            // The scanner stops at what follows a complete root: then the root stands.
            let complete = tape.first().is_some_and(|root| match root.kind {
                Kind::Object | Kind::Array => root.end > root.start,
                Kind::String | Kind::Number | Kind::Literal => true,
            });
            let offset = from + error.offset;
            if complete && error.offset > 0 { Ok(offset) } else { Err(ScanError { offset }) }
        }
    }
}

/// The first byte at or after `from` that is not JSON white space.
pub(super) fn skip_space(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reencoded(raw: &str, new: &str) -> String {
        let (mut old, mut out) = (Vec::new(), Vec::new());
        escape::decode(raw.as_bytes(), &mut old);
        reencode(raw.as_bytes(), &old, new.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_outside_the_change_stay_as_they_were() {
        assert_eq!(reencoded(r"\u0061\/ secret \u00E9\/", "a/ [x] é/"), r"\u0061\/ [x] \u00E9\/");
        assert_eq!(reencoded(r"\u00e9\u00e8", "éé"), r"\u00e9é");
        assert_eq!(reencoded(r"\ud83d\ude00x", "😀"), r"\ud83d\ude00");
        assert_eq!(reencoded("é", "è"), "è");
        assert_eq!(reencoded("aa", "aaa"), "aaa");
        assert_eq!(reencoded(r"a\n", "a\n\"\n"), r#"a\n\"\n"#);
        assert_eq!(reencoded("abc", ""), "");
    }

    #[test]
    fn values_are_found_one_after_the_other() {
        let mut tape = Vec::new();
        let body = br#"{"a":1} [2]3 "x" tru"#;
        let mut starts = vec![0];
        let error = loop {
            match scan_value(body, *starts.last().unwrap(), &mut tape) {
                Ok(next) => starts.push(next),
                Err(e) => break e.offset,
            }
        };
        assert_eq!((starts, error), (vec![0, 8, 11, 13, 17], 17));
        assert!(scan_value(b"{", 0, &mut tape).is_err());
        assert!(scan_value(b"[1,", 0, &mut tape).is_err());
        assert!(scan_value(b"", 0, &mut tape).is_err());
    }
}
