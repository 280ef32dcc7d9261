//! The records in the body of a request, as the filters in a proxy would meet them.
//!
//! Of the envelopes only the records are taken: a Loki entry is its line, an OTLP log record
//! is made a flat object. Labels and resources stay behind.

use tamis_sdk::{
    Meta,
    payload::{Format, Malformed, Sieve, Sifter},
    record::{Kind, Node, escape, scan},
    timestamp,
};

use crate::{
    host::{Action, Batch, Encoding},
    recording::time,
};

/// Records in the order in which they came, in batches of one encoding.
#[derive(Debug, Default)]
pub struct Records {
    tag: String,
    /// The batches.
    pub batches: Vec<Batch>,
}

impl Records {
    fn push(&mut self, timestamp_ns: u64, encoding: Encoding, body: &[u8]) {
        match self.batches.last_mut() {
            Some(batch) if batch.encoding == encoding => batch.push(timestamp_ns, body),
            _ => {
                let mut batch = Batch::new(self.tag.as_str(), encoding);
                batch.push(timestamp_ns, body);
                self.batches.push(batch);
            }
        }
    }
}

/// Takes what comes by, and lets it be.
struct Capture<'a> {
    records: &'a mut Records,
    /// Strings beside the records of a bulk update come as text.
    json_only: bool,
}

impl Sieve for Capture<'_> {
    fn sieve(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], _out: &mut Vec<u8>) -> Action {
        if encoding == Encoding::Json || !self.json_only {
            self.records.push(meta.timestamp_ns, encoding, body);
        }
        Action::Keep
    }
}

/// The records of a body. One that is not what its format says is read as lines, as a proxy
/// does.
pub fn records(format: Format, body: &[u8], tag: &str) -> Records {
    let mut found = Records { tag: tag.to_owned(), batches: Vec::new() };
    let read = match format {
        Format::Loki | Format::Otlp => envelope(format, body, &mut found),
        // An event is recorded with what stands beside it: its time, source and fields.
        Format::SplunkHec => sift(Format::Json, body, &mut found),
        _ => sift(format, body, &mut found),
    };
    if read.is_none() {
        found.batches.clear();
        sift(Format::Lines, body, &mut found);
    }
    found
}

fn sift(format: Format, body: &[u8], records: &mut Records) -> Option<()> {
    let tag = records.tag.clone();
    let mut capture = Capture { records, json_only: format == Format::Bulk };
    let done: Result<_, Malformed> =
        Sifter::default().run(format, body, tag.as_bytes(), &mut capture, &mut Vec::new());
    done.ok().map(|_| ())
}

/// A scanned body.
struct Document<'a> {
    body: &'a [u8],
    tape: Vec<Node>,
}

fn envelope(format: Format, body: &[u8], records: &mut Records) -> Option<()> {
    let mut tape = Vec::new();
    scan::scan(body, &mut tape).ok()?;
    let document = Document { body, tape };
    let mut inner = Vec::new();
    let mut at = 0;
    while let Some(node) = document.tape.get(at) {
        let holds = node.kind == Kind::Array
            && match (format, document.key(node)) {
                (Format::Otlp, b"logRecords" | b"log_records") => true,
                (Format::Loki, b"values") => document.is_in_streams(node),
                _ => false,
            };
        if !holds {
            at += 1;
            continue;
        }
        let end = (node.next as usize).max(at + 1);
        for entry in document.children(at) {
            if format == Format::Loki {
                document.loki_entry(entry, &mut inner, records);
            } else {
                document.otlp_record(entry, records);
            }
        }
        at = end;
    }
    Some(())
}

impl<'a> Document<'a> {
    fn key(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
    }

    fn text(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// A value as it stands in the body, with the quotes of a string.
    fn raw(&self, node: &Node) -> &'a [u8] {
        let quote = usize::from(node.kind == Kind::String);
        self.body
            .get((node.start as usize).saturating_sub(quote)..node.end as usize + quote)
            .unwrap_or_default()
    }

    /// Tape indices of the values right in a container.
    fn children(&self, container: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.tape.get(container).map_or(0, |n| n.next as usize);
        let mut at = container + 1;
        std::iter::from_fn(move || {
            let node = self.tape.get(at).filter(|_| at < end)?;
            let here = at;
            at = (node.next as usize).max(at + 1);
            Some(here)
        })
    }

    fn member(&self, object: usize, names: &[&[u8]]) -> Option<usize> {
        self.children(object).find(|i| self.tape.get(*i).is_some_and(|n| names.contains(&self.key(n))))
    }

    fn node(&self, index: Option<usize>) -> Option<&Node> {
        self.tape.get(index?)
    }

    /// Whether this is `streams[].values`.
    fn is_in_streams(&self, values: &Node) -> bool {
        let above = |node: &Node| self.tape.get(node.parent as usize);
        let streams = above(values).and_then(above);
        streams.is_some_and(|n| n.kind == Kind::Array && self.key(n) == b"streams")
    }

    /// `["<ns>", "<line>", {...}]`.
    fn loki_entry(&self, entry: usize, inner: &mut Vec<Node>, records: &mut Records) {
        let mut values = self.children(entry).filter_map(|i| self.tape.get(i));
        let (Some(at), Some(line)) = (values.next(), values.next()) else { return };
        if line.kind != Kind::String {
            return;
        }
        let mut content = Vec::new();
        escape::decode(self.text(line), &mut content);
        let object = content.trim_ascii_start().first() == Some(&b'{') && scan::scan(&content, inner).is_ok();
        let encoding = if object { Encoding::Json } else { Encoding::Text };
        records.push(number(self.text(at)), encoding, &content);
    }

    /// A log record as an object, its attributes as another: so that filters can tell by the name of
    /// an attribute what it holds.
    fn otlp_record(&self, record: usize, records: &mut Records) {
        let at = |names: &[&[u8]]| self.node(self.member(record, names)).map_or(0, |n| number(self.text(n)));
        let time_ns = match at(&[b"timeUnixNano", b"time_unix_nano"]) {
            0 => at(&[b"observedTimeUnixNano", b"observed_time_unix_nano"]),
            time_ns => time_ns,
        };
        let mut out = b"{".to_vec();
        if let Some(text) = time::format(time_ns).filter(|_| time_ns > 0) {
            field("timestamp", format!("\"{text}\"").as_bytes(), &mut out);
        }
        for (name, names) in [
            ("severity_text", [b"severityText".as_slice(), b"severity_text"]),
            ("trace_id", [b"traceId", b"trace_id"]),
            ("span_id", [b"spanId", b"span_id"]),
        ] {
            if let Some(node) = self.node(self.member(record, &names)) {
                field(name, self.raw(node), &mut out);
            }
        }
        if let Some(body) = self.member(record, &[b"body"]) {
            // Not `body`: in other logs that is the key of a payload.
            field("message", self.any_value(body), &mut out);
        }
        if let Some(attributes) = self.member(record, &[b"attributes"]) {
            let mut object = b"{".to_vec();
            for attribute in self.children(attributes) {
                let key = self.node(self.member(attribute, &[b"key"]));
                let value = self.member(attribute, &[b"value"]);
                if let (Some(key), Some(value)) = (key.filter(|k| k.kind == Kind::String), value) {
                    separate(&mut object);
                    object.extend_from_slice(self.raw(key));
                    object.push(b':');
                    object.extend_from_slice(self.any_value(value));
                }
            }
            object.push(b'}');
            field("attributes", &object, &mut out);
        }
        out.push(b'}');
        let timestamp_ns = if time_ns > 0 { time_ns } else { timestamp::of_json(&out) };
        records.push(timestamp_ns, Encoding::Json, &out);
    }

    /// What is in `{"stringValue": ...}` and its like; lists and maps stay as they are.
    fn any_value(&self, value: usize) -> &'a [u8] {
        const SCALARS: [&[u8]; 8] = [
            b"stringValue",
            b"string_value",
            b"intValue",
            b"int_value",
            b"doubleValue",
            b"double_value",
            b"boolValue",
            b"bool_value",
        ];
        let scalar = self.node(self.member(value, &SCALARS));
        scalar.or(self.tape.get(value)).map_or(b"null", |node| self.raw(node))
    }
}

fn separate(object: &mut Vec<u8>) {
    if object.last() != Some(&b'{') {
        object.push(b',');
    }
}

fn field(name: &str, json: &[u8], out: &mut Vec<u8>) {
    separate(out);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(json);
}

/// Nanoseconds in decimal digits; 0 if they are not.
fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(format: Format, body: &str) -> Vec<(u64, bool, String)> {
        let records = records(format, body.as_bytes(), "t");
        let mut all = Vec::new();
        for batch in records.batches {
            for (i, time_ns) in batch.timestamps_ns.iter().enumerate() {
                let json = batch.encoding == Encoding::Json;
                all.push((*time_ns, json, String::from_utf8(batch.body(i).to_vec()).unwrap()));
            }
        }
        all
    }

    fn all(format: Format, body: &str, expected: &[(u64, bool, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(t, j, b)| (*t, *j, (*b).to_owned())).collect();
        assert_eq!(found(format, body), expected, "{body}");
    }

    #[test]
    fn records_of_every_format() {
        let s = 1_000_000_000;
        all(Format::Text, "a\r\n{\"b\":1}\n", &[(0, false, "a"), (0, false, "{\"b\":1}")]);
        all(
            Format::Lines,
            "a\n{\"time\":2}\nb",
            &[(0, false, "a"), (2 * s, true, "{\"time\":2}"), (0, false, "b")],
        );
        all(
            Format::Ndjson,
            "{\"a\":1}\n\n{\"b\":2.0}\n",
            &[(0, true, "{\"a\":1}"), (0, true, "{\"b\":2.0}")],
        );
        all(
            Format::Json,
            "[{\"date\":3}, {\"b\": \"x\"}]",
            &[(3 * s, true, "{\"date\":3}"), (0, true, "{\"b\": \"x\"}")],
        );
        all(
            Format::Bulk,
            "{\"index\":{}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{}}\n{\"doc\":{\"b\":\"x\"},\"script\":\"y\"}\n",
            &[(0, true, "{\"a\":1}"), (0, true, "{\"b\":\"x\"}")],
        );
        all(
            Format::Loki,
            r#"{"streams":[{"stream":{"app":"x"},"values":[["7","a \"b\"\nc"],["8","{\"m\":1}",{"k":"v"}]]}]}"#,
            &[(7, false, "a \"b\"\nc"), (8, true, "{\"m\":1}")],
        );
        all(
            Format::Otlp,
            r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"host","value":{"stringValue":"h"}}]},"scopeLogs":[{"logRecords":[
              {"timeUnixNano":"1000000000","severityText":"INFO","body":{"stringValue":"hello \u00e9"},"attributes":[{"key":"password","value":{"stringValue":"x"}},{"key":"n","value":{"intValue":"5"}},{"key":"l","value":{"arrayValue":{"values":[]}}}]},
              {"observedTimeUnixNano":"9"}]}]}]}"#,
            &[
                (
                    s,
                    true,
                    r#"{"timestamp":"1970-01-01T00:00:01.000000000Z","severity_text":"INFO","message":"hello \u00e9","attributes":{"password":"x","n":"5","l":{"arrayValue":{"values":[]}}}}"#,
                ),
                (9, true, r#"{"timestamp":"1970-01-01T00:00:00.000000009Z"}"#),
            ],
        );
        all(
            Format::SplunkHec,
            r#"{"time":4.5,"event":"a"}{"event":{"b":1}}"#,
            &[(4 * s + s / 2, true, r#"{"time":4.5,"event":"a"}"#), (0, true, r#"{"event":{"b":1}}"#)],
        );
    }

    #[test]
    fn what_is_not_its_format_is_read_as_lines() {
        for format in [Format::Loki, Format::Otlp, Format::SplunkHec, Format::Json, Format::Bulk] {
            all(format, "{\"a\":1}\nplain {", &[(0, true, "{\"a\":1}"), (0, false, "plain {")]);
        }
    }

    proptest! {
        #[test]
        fn no_panic(body in proptest::collection::vec(any::<u8>(), 0..120), which in 0..8usize) {
            records(Format::ALL[which], &body, "t");
        }

        #[test]
        fn otlp_records_are_json(body in "[a-z\"\\\\{}]{0,20}", key in "[a-z]{1,5}") {
            let text = serde_json::json!({"logRecords":[{"body":{"stringValue":body},"attributes":[{"key":key,"value":{"stringValue":body}}]}]}).to_string();
            for (_, json, record) in found(Format::Otlp, &text) {
                prop_assert!(json);
                let value: serde_json::Value = serde_json::from_str(&record).unwrap();
                prop_assert_eq!(&value["message"], &body);
            }
        }
    }
}
