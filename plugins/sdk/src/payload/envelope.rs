//! Formats that wrap records into one JSON document: Loki push, OTLP/HTTP JSON, Splunk HEC.
//!
//! Each shape says which arrays hold records, which strings of a record are its lines, where
//! its time is, and which strings mean something to the store and are left alone. All other
//! strings are filtered as text, wherever they stand.

use super::{
    json::{outer, shifted},
    patch::ArrayEditor,
    sift::{Work, scan_value, skip_space},
};
use crate::{
    Action,
    record::{
        Kind, Node, escape,
        scan::{NO_NODE, ScanError},
    },
};

/// Which envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Loki,
    Otlp,
    Splunk,
}

/// What a value within a record is to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The record itself: a line or a document. It can drop the record.
    Line,
    /// Its time.
    Time,
    /// Left as it is.
    Structure,
    /// Any other string.
    Attribute,
}

/// The scanned document that holds records, with its place in the body.
struct Document<'t> {
    shape: Shape,
    tape: &'t [Node],
    base: usize,
}

/// Filter all records of the body.
pub(super) fn run(shape: Shape, work: &mut Work<'_>, tape: &mut Vec<Node>) -> Result<(), ScanError> {
    let mut base = skip_space(work.body, 0);
    while base < work.body.len() {
        let next = scan_value(work.body, base, tape)?;
        let document = Document { shape, tape, base };
        if shape == Shape::Splunk && tape.first().is_some_and(|root| root.kind == Kind::Object) {
            let mark = work.patch().mark();
            if document.record(work, 0) {
                work.patch().undo(mark);
                work.patch().delete(base, next);
            }
        } else {
            document.walk(work);
        }
        base = next;
    }
    Ok(())
}

impl Document<'_> {
    fn node(&self, index: usize) -> Option<Node> {
        self.tape.get(index).map(|n| shifted(n, self.base))
    }

    /// The key of a value, decoded into `buffer` if it has escapes: `"str\u0069ngValue"`
    /// is the same key to the store.
    fn key<'a>(&self, body: &'a [u8], node: &Node, buffer: &'a mut Vec<u8>) -> &'a [u8] {
        let raw = body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default();
        if memchr::memchr(b'\\', raw).is_none() {
            return raw;
        }
        buffer.clear();
        escape::decode(raw, buffer);
        buffer
    }

    /// All values of the document, records one by one.
    fn walk(&self, work: &mut Work<'_>) {
        let mut key = Vec::new();
        let mut at = 0;
        while let Some(node) = self.node(at) {
            let end = (node.next as usize).max(at + 1);
            if node.kind == Kind::Array && self.holds_records(work.body, at, &node, &mut key) {
                self.records(work, at + 1, end);
                at = end;
                continue;
            }
            let structure = node.kind == Kind::String && self.structure(self.key(work.body, &node, &mut key));
            if node.kind == Kind::String && !structure {
                work.attribute(&node, 0);
            }
            at += 1;
        }
    }

    /// The elements of an array of records: tape indices `at..end`.
    fn records(&self, work: &mut Work<'_>, mut at: usize, end: usize) {
        let mut editor = ArrayEditor::default();
        while let Some(node) = self.node(at).filter(|_| at < end) {
            let (from, to) = outer(&node);
            editor.enter(from, work.patch());
            let mark = work.patch().mark();
            let dropped = self.record(work, at);
            editor.leave(from, to, dropped, mark, work.patch());
            at = (node.next as usize).max(at + 1);
        }
        editor.close(work.patch());
    }

    /// Filter one record, the value at tape index `root`. Gives whether it is to go.
    fn record(&self, work: &mut Work<'_>, root: usize) -> bool {
        let Some(end) = self.tape.get(root).map(|n| (n.next as usize).max(root + 1)) else {
            return false;
        };
        let mut key = Vec::new();
        let timestamp_ns = self.time(work.body, root, end, &mut key);
        let mut verdict = Action::Keep;
        // Until where the values belong to a member of the record, and what that member is.
        let (mut member_end, mut member, mut index) = (root + 1, Role::Attribute, 0);
        let mut at = if end == root + 1 { root } else { root + 1 };
        while let Some(node) = self.node(at).filter(|_| at < end) {
            at += 1;
            if at > member_end {
                member = self.role(work.body, root, index, &node, &mut key);
                member_end = node.next as usize;
                index += 1;
            }
            let whole = self.shape == Shape::Splunk && member == Role::Line;
            let action = match node.kind {
                // An event that is an object is a record as it stands.
                Kind::Object | Kind::Array if whole => {
                    at = (node.next as usize).max(at);
                    work.document(node.start as usize, node.end as usize, timestamp_ns)
                }
                Kind::String if !self.structure(self.key(work.body, &node, &mut key)) => match member {
                    Role::Line => work.line(&node, timestamp_ns),
                    Role::Attribute => {
                        work.attribute(&node, timestamp_ns);
                        continue;
                    }
                    Role::Time | Role::Structure => continue,
                },
                _ => continue,
            };
            match action {
                Action::Keep => {}
                Action::Drop => {
                    verdict = Action::Drop;
                    break;
                }
                changed => verdict = changed,
            }
        }
        work.report.note(verdict);
        verdict == Action::Drop
    }

    /// Whether the array at tape index `at` is one whose elements are records.
    fn holds_records(&self, body: &[u8], at: usize, node: &Node, key: &mut Vec<u8>) -> bool {
        match (self.shape, self.key(body, node, key)) {
            (Shape::Otlp, b"logRecords" | b"log_records") => true,
            (Shape::Loki, b"values" | b"entries") => {
                // streams[].values: two levels up is the array of streams.
                let above = |index: usize| self.tape.get(index).map_or(NO_NODE, |n| n.parent) as usize;
                self.node(above(above(at))).is_some_and(|streams| {
                    streams.kind == Kind::Array && self.key(body, &streams, key) == b"streams"
                })
            }
            _ => false,
        }
    }

    /// What member number `index` of the record at tape index `root` is.
    fn role(&self, body: &[u8], root: usize, index: usize, node: &Node, key: &mut Vec<u8>) -> Role {
        let in_array = self.tape.get(root).is_some_and(|r| r.kind == Kind::Array);
        if self.shape == Shape::Loki && in_array {
            // [time, line, structured metadata]
            return match index {
                0 => Role::Time,
                1 => Role::Line,
                _ => Role::Attribute,
            };
        }
        match (self.shape, self.key(body, node, key)) {
            (Shape::Loki, b"line") | (Shape::Otlp, b"body") | (Shape::Splunk, b"event") => Role::Line,
            (Shape::Loki, b"ts") | (Shape::Splunk, b"time") => Role::Time,
            (Shape::Splunk, b"sourcetype" | b"index") => Role::Structure,
            _ => Role::Attribute,
        }
    }

    /// Whether a string with this key means something to the store wherever it stands.
    fn structure(&self, key: &[u8]) -> bool {
        self.shape == Shape::Otlp
            && matches!(
                key,
                b"key"
                    | b"traceId"
                    | b"trace_id"
                    | b"spanId"
                    | b"span_id"
                    | b"timeUnixNano"
                    | b"time_unix_nano"
                    | b"observedTimeUnixNano"
                    | b"observed_time_unix_nano"
                    | b"intValue"
                    | b"int_value"
            )
    }

    /// The time of a record in nanoseconds since 1970, 0 if it has none that can be read.
    fn time(&self, body: &[u8], root: usize, end: usize, key: &mut Vec<u8>) -> u64 {
        let mut time_ns = 0;
        let (mut at, mut index) = (root + 1, 0);
        while let Some(node) = self.node(at).filter(|_| at < end) {
            at = (node.next as usize).max(at + 1);
            let text = body.get(node.start as usize..node.end as usize).unwrap_or_default();
            let nanoseconds = match self.shape {
                Shape::Otlp => match self.key(body, &node, key) {
                    b"timeUnixNano" | b"time_unix_nano" => decimal(text, 0),
                    // Second choice, whichever of the two comes first.
                    b"observedTimeUnixNano" | b"observed_time_unix_nano" if time_ns == 0 => decimal(text, 0),
                    _ => 0,
                },
                Shape::Loki if index == 0 => decimal(text, 0),
                Shape::Splunk if self.key(body, &node, key) == b"time" => decimal(text, 9),
                Shape::Loki | Shape::Splunk => 0,
            };
            if nanoseconds != 0 {
                time_ns = nanoseconds;
            }
            index += 1;
        }
        time_ns
    }
}

/// A decimal number with its point moved `scale` places to the right; what stands behind
/// that is cut off. 0 if it is not such a number or too big.
fn decimal(text: &[u8], scale: u32) -> u64 {
    let mut parts = text.splitn(2, |b| *b == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return 0;
    }
    let fraction = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(scale as usize);
    let mut digits = whole.iter().copied().chain(fraction);
    let number = digits.try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn times_are_read_in_nanoseconds() {
        assert_eq!(decimal(b"1700000000123456789", 0), 1_700_000_000_123_456_789);
        assert_eq!(decimal(b"1700000000.25", 9), 1_700_000_000_250_000_000);
        assert_eq!(decimal(b"1700000000", 9), 1_700_000_000_000_000_000);
        for bad in ["", "x", "-1", "1e9", "99999999999999999999", ".5"] {
            assert_eq!(decimal(bad.as_bytes(), 0), 0, "{bad}");
        }
    }
}
