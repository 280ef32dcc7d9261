//! Formats: only what the filter changed changes, and what it drops goes with its separators.

use proptest::prelude::*;

use super::*;
use crate::record::{Kind, Record, Workspace};

/// Replaces `secret` by `[x]` in every string and drops records that hold `dropme`.
#[derive(Default)]
struct Redactor {
    workspace: Workspace,
    times_ns: Vec<u64>,
}

impl Sieve for Redactor {
    fn sieve(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Action {
        self.times_ns.push(meta.timestamp_ns);
        if memchr::memmem::find(body, b"dropme").is_some() {
            return Action::Drop;
        }
        let ws = &mut self.workspace;
        let mut record = match encoding {
            Encoding::Text => Record::text(meta, body, ws),
            Encoding::Json => match Record::json(meta, body, ws) {
                Ok(record) => record,
                Err(_) => Record::broken(meta, body, ws),
            },
        };
        for i in 0..record.nodes().len() {
            record.edit_text(i, |text, edits| {
                for at in memchr::memmem::find_iter(text, b"secret") {
                    edits.replace(at, at + 6, b"[x]");
                }
            });
        }
        record.finish(out)
    }
}

fn sift(format: Format, body: &str) -> (String, Report) {
    let mut out = Vec::new();
    let report =
        Sifter::default().run(format, body.as_bytes(), b"t", &mut Redactor::default(), &mut out).unwrap();
    assert_eq!(report.rewritten, !out.is_empty() || report.all_dropped(), "{body}");
    let new = if report.rewritten { String::from_utf8(out).unwrap() } else { body.to_owned() };
    (new, report)
}

fn check(format: Format, body: &str, expected: &str) {
    assert_eq!(sift(format, body).0, expected, "{} {body}", format.name());
}

#[test]
fn text_keeps_its_line_ends() {
    check(Format::Text, "a secret\r\n\r\n\nb\nsecret", "a [x]\r\n\r\n\nb\n[x]");
    check(Format::Text, "dropme\na\r\ndropme\r\nb\ndropme", "a\r\nb\n");
    check(Format::Text, "", "");
    check(Format::Text, r#"{"a":"\u0073ecret"}"#, r#"{"a":"\u0073ecret"}"#);
    let (_, report) = sift(Format::Text, "secret\na\ndropme\n");
    assert_eq!(report, Report { records: 3, changed: 1, dropped: 1, rewritten: true });
}

#[test]
fn lines_are_json_where_they_can_be() {
    check(Format::Lines, "{\"a\":\"\\u0073ecret\"}\n{ secret\n", "{\"a\":\"[x]\"}\n{ [x]\n");
}

#[test]
fn ndjson_is_filtered_by_line() {
    check(
        Format::Ndjson,
        "{\"a\" : \"secret\", \"n\":1.0}\r\n{\"a\":\"dropme\"}\r\n\n{\"b\":1e5}",
        "{\"a\" : \"[x]\", \"n\":1.0}\r\n\n{\"b\":1e5}",
    );
}

#[test]
fn arrays_lose_dropped_records_with_their_commas() {
    let d = r#"{"a":"dropme"}"#;
    for (body, expected) in [
        (format!("[{d}]"), "[]".to_owned()),
        (format!("[ {d} , {d} ]"), "[  ]".to_owned()),
        (format!("[{d}, 1 ,2]"), "[1 ,2]".to_owned()),
        (format!("[1, {d} ,2]"), "[1 ,2]".to_owned()),
        (format!("[1 ,2, {d} ]"), "[1 ,2 ]".to_owned()),
        (format!("[{d},{d},\"secret\",{d},{d},3,{d}]"), "[\"[x]\",3]".to_owned()),
        (
            format!(" {{\"a\":\"secret\"}}\n{d}\n[{{\"b\":\"secret\"}}]\n{d}\n"),
            " {\"a\":\"[x]\"}\n[{\"b\":\"[x]\"}]\n".to_owned(),
        ),
        ("[[{\"a\":\"secret\"},\"secret\"],null]".to_owned(), "[[{\"a\":\"[x]\"},\"[x]\"],null]".to_owned()),
        ("\"secret\"".to_owned(), "\"[x]\"".to_owned()),
        (" \n".to_owned(), " \n".to_owned()),
    ] {
        check(Format::Json, &body, &expected);
    }
}

#[test]
fn bulk_keeps_action_lines() {
    let body = "{\"index\":{\"_id\":\"secret\"}}\n{\"m\":\"secret\"}\n\
        {\"delete\":{\"_id\":\"secret\"}}\n\
        {\"create\":{}}\r\n{\"m\":\"dropme\"}\r\n\
        { \"update\" : {\"_id\":\"1\"}}\n{\"doc\":{\"m\":\"secret\"},\"upsert\":{\"m\":\"secret\"},\"script\":{\"params\":{\"p\":\"secret\"}}}\n\
        {\"update\":{}}\n{\"doc\":{\"m\":\"secret\"},\"upsert\":{\"m\":\"dropme\"}}\n";
    let expected = "{\"index\":{\"_id\":\"secret\"}}\n{\"m\":\"[x]\"}\n\
        {\"delete\":{\"_id\":\"secret\"}}\n\
        { \"update\" : {\"_id\":\"1\"}}\n{\"doc\":{\"m\":\"[x]\"},\"upsert\":{\"m\":\"[x]\"},\"script\":{\"params\":{\"p\":\"[x]\"}}}\n";
    let (new, report) = sift(Format::Bulk, body);
    assert_eq!(new, expected);
    assert_eq!((report.records, report.dropped), (5, 2));
}

#[test]
fn loki_lines_labels_and_metadata() {
    check(
        Format::Loki,
        r#"{"streams": [ {"stream":{"job":"secret"},"values":[ ["1","a \"secret\"\n\u00e9\/"], ["2","dropme"],["3","{\"k\":\"\\u0073ecret\"}",{"m":"secret"}] ] },{"stream":{},"values":[["4","dropme"]]}]}"#,
        r#"{"streams": [ {"stream":{"job":"[x]"},"values":[ ["1","a \"[x]\"\n\u00e9\/"],["3","{\"k\":\"[x]\"}",{"m":"[x]"}] ] },{"stream":{},"values":[]}]}"#,
    );
    // the first, undocumented shape of the API
    check(
        Format::Loki,
        r#"{"streams":[{"labels":"{a=\"secret\"}","entries":[{"ts":"x","line":"secret"},{"line":"dropme"}]}]}"#,
        r#"{"streams":[{"labels":"{a=\"[x]\"}","entries":[{"ts":"x","line":"[x]"}]}]}"#,
    );
    // a shape nobody knows is filtered all the same
    check(Format::Loki, r#"[{"x":["secret"]}]"#, r#"[{"x":["[x]"]}]"#);
}

#[test]
fn otlp_bodies_and_attributes() {
    check(
        Format::Otlp,
        r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"secret","value":{"stringValue":"secret"}}]},"scopeLogs":[{"scope":{"name":"n"},"logRecords":[
 {"timeUnixNano":"5","traceId":"secret","body":{"stringValue":"a secret"},"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"str\u0069ngValue":"secret"}]}}}]},
 {"body":{"stringValue":"dropme"}},
 {"body":{"kvlistValue":{"values":[{"key":"secret","value":{"stringValue":"secret"}}]}}}]}]}]}"#,
        r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"secret","value":{"stringValue":"[x]"}}]},"scopeLogs":[{"scope":{"name":"n"},"logRecords":[
 {"timeUnixNano":"5","traceId":"secret","body":{"stringValue":"a [x]"},"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"str\u0069ngValue":"[x]"}]}}}]},
 {"body":{"kvlistValue":{"values":[{"key":"secret","value":{"stringValue":"[x]"}}]}}}]}]}]}"#,
    );
}

#[test]
fn splunk_events_are_strings_or_objects() {
    let (new, report) = sift(
        Format::SplunkHec,
        r#"{"time":1.5,"host":"secret","sourcetype":"secret","event":"secret"} {"event":"dropme"}
{"event":{"m":"secret","n":[1,"secret"]},"fields":{"f":"secret"}}{"event":{"m":"dropme"}}"#,
    );
    assert_eq!(
        new,
        r#"{"time":1.5,"host":"[x]","sourcetype":"secret","event":"[x]"} {"event":{"m":"[x]","n":[1,"[x]"]},"fields":{"f":"[x]"}}"#
    );
    assert_eq!((report.records, report.changed, report.dropped), (4, 2, 2));
}

#[test]
fn records_carry_their_time() {
    let times = |format, body: &str| {
        let mut redactor = Redactor::default();
        let mut out = Vec::new();
        Sifter::default().run(format, body.as_bytes(), b"", &mut redactor, &mut out).unwrap();
        redactor.times_ns
    };
    assert_eq!(times(Format::Loki, r#"{"streams":[{"values":[["17","a"],["x","b"]]}]}"#), [17, 0]);
    assert_eq!(
        times(
            Format::Otlp,
            r#"{"x":[{"logRecords":[{"body":{"stringValue":"a"},"observedTimeUnixNano":"3","timeUnixNano":"4"}]}]}"#
        ),
        [4]
    );
    assert_eq!(
        times(Format::Ndjson, "{\"time\":7}\n{\"date\":8,\"time\":9}\n{}\n"),
        [7_000_000_000, 8_000_000_000, 0]
    );
    assert_eq!(times(Format::Text, "{\"time\":7}"), [0]);
    assert_eq!(times(Format::SplunkHec, r#"{"event":"a","time":"1.25"}"#), [1_250_000_000]);
}

#[test]
fn all_is_dropped_only_if_nothing_is_left() {
    for (format, body, all) in [
        (Format::Bulk, "{\"index\":{}}\n{\"a\":\"dropme\"}\n", true),
        (Format::Bulk, "{\"index\":{}}\n{\"a\":\"dropme\"}\n{\"delete\":{}}\n", false),
        (Format::SplunkHec, "{\"event\":\"dropme\"}", true),
        (Format::SplunkHec, "{\"event\":\"dropme\"}{\"event\":\"metric\",\"fields\":{}}", false),
        (Format::SplunkHec, "{\"event\":\"dropme\"}{\"fields\":{}}", false),
        (
            Format::Otlp,
            r#"{"logRecords":[{"body":{"stringValue":"dropme"}},{"body":{"intValue":1}}]}"#,
            false,
        ),
        (Format::Json, "[\"dropme\",1]", false),
        (Format::Text, "dropme\n\n", true),
        (Format::Text, "", false),
    ] {
        assert_eq!(sift(format, body).1.all_dropped(), all, "{body}");
    }
}

#[test]
fn malformed_bodies_are_refused_and_write_nothing() {
    for (format, body, offset) in [
        (Format::Json, "{\"a\":", 5),
        (Format::Json, "[1,2", 4),
        (Format::Json, "{} }", 3),
        (Format::Loki, "secret", 0),
        (Format::Otlp, "{\"a\":\"secret\"", 13),
        (Format::Bulk, "{\"m\":\"secret\"}\n", 0),
        (Format::Bulk, "{\"index\":{}}\n", 13),
        (Format::Bulk, "{\"index\":{}}\n{}\nx\n", 16),
    ] {
        let mut out = Vec::new();
        let result = Sifter::default().run(format, body.as_bytes(), b"", &mut Redactor::default(), &mut out);
        assert_eq!(result, Err(Malformed { format, offset }), "{body}");
        assert!(out.is_empty());
    }
}

#[test]
fn depth_costs_no_stack() {
    for format in Format::ALL {
        let n = 100_000;
        let body = format!("{}\"secret\"{}", "[".repeat(n), "]".repeat(n));
        let mut out = Vec::new();
        // Refused or filtered, both are fine.
        let _ = Sifter::default().run(format, body.as_bytes(), b"", &mut Redactor::default(), &mut out);
        let body = format!(
            "{{\"streams\":[{{\"values\":[[\"1\",{body}]]}}],\"logRecords\":[{{\"body\":{body}}}],\"event\":{body}}}"
        );
        let _ = Sifter::default().run(format, body.as_bytes(), b"", &mut Redactor::default(), &mut out);
    }
}

/// Changes nothing.
struct Identity;

impl Sieve for Identity {
    fn sieve(&mut self, _: Meta<'_>, _: Encoding, _: &[u8], _: &mut Vec<u8>) -> Action {
        Action::Keep
    }
}

/// Answers with each action in turn, whatever the record.
struct Erratic(u32);

impl Sieve for Erratic {
    fn sieve(&mut self, _: Meta<'_>, encoding: Encoding, _: &[u8], out: &mut Vec<u8>) -> Action {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match self.0 >> 30 {
            0 => Action::Keep,
            1 => Action::Drop,
            _ if encoding == Encoding::Text => {
                out.extend_from_slice(b"new \" \\ \n text");
                Action::Replace
            }
            _ => {
                out.extend_from_slice(b"{\"new\":\n1}");
                Action::Replace
            }
        }
    }
}

fn any_format() -> impl Strategy<Value = Format> {
    (0..Format::ALL.len()).prop_map(|i| Format::ALL[i])
}

/// Text that looks like the formats, so that their insides are reached.
fn jsonish() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\n",
        " ",
        "\\",
        "\"a\":",
        "\"streams\":",
        "\"values\":",
        "\"logRecords\":",
        "\"body\":",
        "\"stringValue\":",
        "\"event\":",
        "\"time\":",
        "{\"index\":{}}\n",
        "{\"update\":{}}\n",
        "\"doc\":",
        "\"secret\"",
        "\"dropme\"",
        "\"\\u0073ecret\\n\"",
        "[\"1\",\"secret\"]",
        "{\"event\":\"secret\"}",
        "{\"a\":\"secret\"}",
        "1",
        "null",
        "é",
        "\r\n",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a-z \"\\\\\n\u{1F600}é]{0,6}(secret)?".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "streams",
        "values",
        "stream",
        "resourceLogs",
        "scopeLogs",
        "logRecords",
        "body",
        "stringValue",
        "event",
        "a",
    ]);
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_safe(format in any_format(), body in prop::collection::vec(any::<u8>(), 0..200), seed in any::<u32>()) {
        let mut out = Vec::new();
        let _ = Sifter::default().run(format, &body, b"", &mut Erratic(seed), &mut out);
    }

    #[test]
    fn anything_like_json_is_safe(format in any_format(), body in jsonish(), seed in any::<u32>()) {
        let mut out = Vec::new();
        let mut sifter = Sifter::default();
        let _ = sifter.run(format, body.as_bytes(), b"", &mut Erratic(seed), &mut out);
        out.clear();
        let _ = sifter.run(format, body.as_bytes(), b"", &mut Redactor::default(), &mut out);
        out.clear();
        if let Ok(report) = sifter.run(format, body.as_bytes(), b"", &mut Identity, &mut out) {
            prop_assert!(!report.rewritten);
        }
        prop_assert!(out.is_empty());
    }

    #[test]
    fn only_the_targeted_strings_change(format in any_format(), value in value(), pretty in any::<bool>()) {
        prop_assume!(!matches!(format, Format::Bulk));
        let body = if pretty && !matches!(format, Format::Text | Format::Lines | Format::Ndjson) {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        }.unwrap();
        let (new, _) = sift(format, &body);
        // Each format filters every string of such a document: keys hold no secret.
        prop_assert_eq!(new, body.replace("secret", "[x]"));
    }

    #[test]
    fn json_stays_json_whatever_is_dropped(value in value(), seed in any::<u32>(), envelope in 0..4usize) {
        let format = [Format::Json, Format::Loki, Format::Otlp, Format::SplunkHec][envelope];
        let body = serde_json::to_string_pretty(&value).unwrap();
        let mut out = Vec::new();
        let report = Sifter::default().run(format, body.as_bytes(), b"", &mut Erratic(seed), &mut out).unwrap();
        if report.rewritten && !out.is_empty() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok(), "{} -> {}", body, String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn filtering_twice_is_filtering_once(format in any_format(), body in jsonish()) {
        let mut out = Vec::new();
        if Sifter::default().run(format, body.as_bytes(), b"", &mut Redactor::default(), &mut out).is_ok_and(|r| r.rewritten) {
            let mut again = Vec::new();
            if let Ok(report) = Sifter::default().run(format, &out, b"", &mut Redactor::default(), &mut again) {
                prop_assert!(!report.rewritten, "{:?}", String::from_utf8_lossy(&again));
            }
        }
    }
}

#[test]
fn scanned_kinds_are_what_json_has() {
    // Guards the assumption of the walkers that a tape lists containers before their content.
    let mut ws = Workspace::default();
    let meta = Meta { tag: b"", timestamp_ns: 0 };
    let record = Record::json(meta, b"[{\"a\":[]}]", &mut ws).unwrap();
    let kinds: Vec<Kind> = record.nodes().iter().map(|n| n.kind).collect();
    assert_eq!(kinds, [Kind::Array, Kind::Object, Kind::Array]);
}
