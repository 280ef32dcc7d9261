//! Records: untouched bytes stay, edits land where they belong.

use proptest::prelude::*;

use super::*;
use crate::session::Meta;

const META: Meta<'static> = Meta { tag: b"test", timestamp_ns: 0 };

/// Replace every occurrence of `from` in every string.
fn replace_all(record: &mut Record<'_>, from: &str, to: &str) {
    for i in 0..record.nodes().len() {
        record.edit_text(i, |text, edits| {
            for at in memchr::memmem::find_iter(text, from.as_bytes()) {
                edits.replace(at, at + from.len(), to.as_bytes());
            }
        });
    }
}

fn json(body: &str, edit: impl FnOnce(&mut Record<'_>)) -> Option<String> {
    let mut ws = Workspace::default();
    let mut record = Record::json(META, body.as_bytes(), &mut ws).unwrap();
    edit(&mut record);
    let mut out = Vec::new();
    match record.finish(&mut out) {
        Action::Keep => None,
        _ => Some(String::from_utf8(out).unwrap()),
    }
}

#[test]
fn only_the_edited_bytes_change() {
    let body = r#"{ "log" : "user \u003calice\u003e\n", "n": 1.0e+2, "log":["alice", {"k":"\u0061lice"}] }"#;
    assert_eq!(
        json(body, |r| replace_all(r, "alice", "\"x\"")).unwrap(),
        r#"{ "log" : "user \u003c\"x\"\u003e\n", "n": 1.0e+2, "log":["\"x\"", {"k":"\"x\""}] }"#
    );
    assert_eq!(json(body, |r| replace_all(r, "bob", "x")), None);
}

#[test]
fn fields_are_added_before_the_last_brace() {
    assert_eq!(json(r#"{"a":"b" } "#, |r| r.append("n", b"1")).unwrap(), r#"{"a":"b" ,"n":1} "#);
    assert_eq!(
        json("{}", |r| {
            r.append("n", b"1");
            r.append("m", b"{}");
        })
        .unwrap(),
        r#"{"n":1,"m":{}}"#
    );
    assert_eq!(
        json(r#"{"a":"bob"}"#, |r| {
            replace_all(r, "bob", "x");
            r.append("n", b"1");
        })
        .unwrap(),
        r#"{"a":"x","n":1}"#
    );
    assert_eq!(json(r#"["a"]"#, |r| r.append("n", b"1")), None);
}

#[test]
fn paths_find_values() {
    let body = r#"{"a":{"x":1,"b":[10,{"c":"hit"}]},"a":2}"#;
    let mut ws = Workspace::default();
    let record = Record::json(META, body.as_bytes(), &mut ws).unwrap();
    let at = |path: &str| {
        record
            .find(&Path::parse(path).unwrap())
            .and_then(|i| record.node(i))
            .map(|n| String::from_utf8_lossy(record.raw(&n)).into_owned())
    };
    assert_eq!(at("a.b[1].c").as_deref(), Some("hit"));
    assert_eq!(at("a.b[0]").as_deref(), Some("10"));
    assert_eq!(at("a.b[2]"), None);
    assert_eq!(at("a.c"), None);
    assert_eq!(at("b"), None);
    assert!(Path::parse("a..b").is_err());
    assert!(Path::parse("a[x]").is_err());
}

#[test]
fn a_text_record_with_fields_becomes_json() {
    let mut ws = Workspace::default();
    let mut record = Record::text(META, b"say \"hi\" \xFF", &mut ws);
    replace_all(&mut record, "hi", "yo");
    record.append("n", b"1");
    let mut out = Vec::new();
    assert_eq!(record.finish(&mut out), Action::ReplaceJson);
    assert_eq!(String::from_utf8(out).unwrap(), "{\"log\":\"say \\\"yo\\\" \u{E0FF}\",\"n\":1}");
}

#[test]
fn a_lifted_text_record_becomes_json_without_fields() {
    let mut ws = Workspace::default();
    let mut record = Record::text(META, b"say \"hi\"", &mut ws);
    record.lift();
    let mut out = Vec::new();
    assert_eq!(record.finish(&mut out), Action::ReplaceJson);
    assert_eq!(String::from_utf8(out).unwrap(), "{\"log\":\"say \\\"hi\\\"\"}");
    assert_eq!(json("{ }", |r| r.lift()), None);
}

#[test]
fn broken_json_is_one_string_with_escapes() {
    let mut ws = Workspace::default();
    let body = br#"{"log":"user \u003calice\u003e cut"#;
    assert!(Record::json(META, body, &mut ws).is_err());
    let mut record = Record::broken(META, body, &mut ws);
    replace_all(&mut record, "<alice>", "<x>");
    let mut out = Vec::new();
    assert_eq!(record.finish(&mut out), Action::Replace);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"log":"user <x> cut"#);
}

proptest! {
    #[test]
    fn any_bytes_are_safe(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut ws = Workspace::default();
        let mut out = Vec::new();
        let mut record = match Record::json(META, &body, &mut ws) {
            Ok(record) => record,
            Err(_) => Record::broken(META, &body, &mut ws),
        };
        replace_all(&mut record, "a", "b");
        record.finish(&mut out);
    }

    #[test]
    fn scanned_json_is_json_and_stays_json(body in "[\\[\\]{}\",:0-9a\\\\ntrue ]{0,40}") {
        let mut ws = Workspace::default();
        if serde_json::from_str::<serde_json::Value>(&body).is_ok() {
            let mut record = Record::json(META, body.as_bytes(), &mut ws).unwrap();
            replace_all(&mut record, "a", "\"\\\n");
            record.append("k", b"[]");
            let mut out = Vec::new();
            if record.finish(&mut out) != Action::Keep {
                prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
            }
        }
    }
}
