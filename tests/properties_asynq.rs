//! What must hold for made-up payloads in every form and in every logger's line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use asynq_payload_redactor::AsynqPayloadRedactor;
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use tamis::host::{Action, Encoding};
use tamis_sdk::{Meta, Session};
use tamis_tests::{
    asynq::{
        FILTER, KEYED,
        payloads::{Form, Logger, Payload, own_lines, payload},
        views::Views,
    },
    logs::contains,
    records::{self, TIMESTAMP_NS, show},
};

const CONFIGS: [&str; 6] = [
    "",
    KEYED,
    r#"{"payload":{"values":{"partial":{"first":2,"last":2}}},"deny_keys":{"rules":{"all":{"partial":{"first":2,"last":2}}}},
        "detectors":{"all":{"partial":{"first":2,"last":2}}}}"#,
    r#"{"payload":{"values":"remove"},"deny_keys":{"rules":{"all":"remove"}},"detectors":{"all":"remove"}}"#,
    r#"{"payload":{"mode":"drop"},"counts_field":"tamis"}"#,
    r#"{"payload":{"encoding":"plain","min_level":"debug"},"tasks":{"email:welcome":{"allow":["allowed_one"]}}}"#,
];

/// Configs that add nothing to a record.
const IDEMPOTENT: [&str; 4] = [CONFIGS[0], CONFIGS[1], CONFIGS[2], CONFIGS[3]];

const ALLOWING: &str = r#"{"tasks":{"email:welcome":{"allow":["allowed_one","allowed_two.inner"]},"default":{"allow":["allowed_one","allowed_two.inner"]}}}"#;

fn session_of(config: &str) -> Session<AsynqPayloadRedactor> {
    Session::new(config, |key| key.resolve_from_process()).unwrap()
}

fn filter(session: &mut Session<AsynqPayloadRedactor>, encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let meta = Meta { tag: b"asynq", timestamp_ns: TIMESTAMP_NS };
    match session.process(meta, encoding, body, &mut out) {
        Action::Keep => body.to_vec(),
        Action::Replace | Action::ReplaceJson => out,
        Action::Drop => panic!("dropped: {}", show(body)),
    }
}

fn filter_all(config: &str, encoding: Encoding, lines: &[String]) -> Vec<Vec<u8>> {
    let mut session = session_of(config);
    lines.iter().map(|l| filter(&mut session, encoding, l.as_bytes())).collect()
}

fn encoding_of(logger: Logger) -> Encoding {
    if logger.is_json() { Encoding::Json } else { Encoding::Text }
}

/// The first of the secrets that is in a text, in any form, and in which.
fn leak(text: &[u8], secrets: &[String]) -> Option<String> {
    let mut found = None;
    Views::default().each(text, &mut |path, view| {
        if let Some(secret) = secrets.iter().find(|s| contains(view, s.as_bytes())) {
            found.get_or_insert_with(|| format!("{secret} as{path}"));
        }
    });
    found
}

/// The lines with what a container runtime put before their pieces taken away.
fn whole(lines: &[Vec<u8>], logger: Logger) -> Vec<u8> {
    let start =
        if logger == Logger::CriPieces { "2026-11-21T00:23:23.958335703+00:00 stderr F ".len() } else { 0 };
    lines.iter().flat_map(|l| l.get(start..).unwrap_or_default().to_vec()).collect()
}

/// Pieces that begin, end or break what the filter looks for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => select(vec![
            "payload=", "payload: ", "PAYLOAD: ", "data=", "\"payload\":", "{\"", "{", "}", "[", "]", "map[", "&{", "\"", "\\\"", "\\\\\\\"",
            "\\", "&main.T{", "[]byte{0x", "7b22", "7b 22 ", "eyJhIjoi", "[123 34 ", "123,34,", ":", "=", ", ", " ", "\n", "\r", "\t", "\0",
            "a@b.co", "4111111111111111", "password=", "token:", "type=email:welcome ", "{ID:", " Type:", "Payload:[1 2 3]", "asynq: pid=1 ",
            "2026/11/21 00:15:48 ", "2026-11-21T00:23:23.958335703+00:00 stderr P ", "2026-11-21T00:23:23.958335703+00:00 stderr F ",
            "\\n\\remail:welcome\\x12\\x0e", "\\u0022", "\\x", "\\u", "%7B%22", "\x1b[36m", "...", "…", "é", "\u{1F600}", "-----BEGIN RSA PRIVATE KEY-----",
            "{\"level\":\"info\",\"msg\":\"", "[REDACTED:payload]", "payload-k1-abcdefghijklmnop", "level=debug ", "`", "'", "<nil>", "0x",
        ]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => "[a-z0-9:.]{0,12}".prop_map(String::into_bytes),
    ]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..16).prop_map(|p| p.concat())
}

/// JSON of any shape around such pieces.
fn record() -> impl Strategy<Value = Value> {
    let string = line().prop_map(|l| json!(String::from_utf8_lossy(&l)));
    let leaf = prop_oneof![
        5 => string,
        1 => select(vec![json!(null), json!(true), json!(42), json!(-1.5e300), json!(4_111_111_111_111_111_u64), json!({}), json!([])]),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|b| json!(b)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = select(vec![
            "log", "message", "payload", "data", "task", "password", "email", "a\"b", "", "level", "type",
            "user_id", "Payload",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn keys(record: &[u8]) -> Vec<String> {
    match serde_json::from_slice(record) {
        Ok(Value::Object(map)) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Whatever prints a payload, and in whatever line: nothing of it survives, and what is around it does.
    #[test]
    fn no_value_survives(
        payload in payload(),
        form in select(Form::ALL.to_vec()),
        logger in select(Logger::ALL.to_vec()),
        nested in 0..4usize,
    ) {
        // Without quotes or coding, JSON in a string is one more Go-quoted text.
        let nested = if form == Form::Url { 0 } else { nested };
        let lines = logger.print(&form.print(&payload.json, nested));
        for config in CONFIGS {
            let out = filter_all(config, encoding_of(logger), &lines);
            let all = whole(&out, logger);
            let found = leak(&all, &payload.secrets);
            prop_assert!(found.is_none(), "{:?} in {:?} with {config}: {}\n in  {}\n out {}", form, logger, found.unwrap(), lines.join("\n"), show(&out.join(&b'\n')));
        }
    }

    /// Bytes before and after a payload whose end can be told stay as they are.
    #[test]
    fn what_is_around_a_payload_stays(
        payload in payload(),
        form in select(Form::ALL.to_vec()),
        logger in select(Logger::ALL.to_vec()),
    ) {
        let lines = logger.print(&form.print(&payload.json, 0));
        let (before, after) = logger.around();
        let quoted = !matches!(logger, Logger::Std | Logger::StdProse | Logger::FluentBit | Logger::Journald);
        for config in &CONFIGS[..4] {
            let out = filter_all(config, encoding_of(logger), &lines);
            let mut text = whole(&out, logger);
            if logger.is_json() && matches!(logger, Logger::FluentBit | Logger::Journald) {
                let record: Value = serde_json::from_slice(&text).unwrap();
                text = match (&record["log"], &record["MESSAGE"]) {
                    (Value::String(log), _) => log.clone().into_bytes(),
                    (_, Value::Array(list)) => list.iter().map(|b| b.as_u64().unwrap() as u8).collect(),
                    other => panic!("{other:?}"),
                };
            }
            let message = || format!("{form:?} in {logger:?} with {config}:\n in  {}\n out {}", lines.join("\n"), show(&text));
            prop_assert!(text.starts_with(before.as_bytes()), "before: {}", message());
            // Within a piece of a line, where a payload goes on in the next one, no one can tell all of its ends.
            if logger != Logger::CriPieces && (quoted || form.has_end() && form != Form::Url) {
                prop_assert!(text.ends_with(after.as_bytes()), "after: {}", message());
            }
        }
    }

    /// asynq's own lines, and redis' MONITOR.
    #[test]
    fn no_value_survives_in_asynqs_own_lines(payload in payload()) {
        for config in CONFIGS {
            for line in own_lines(&payload.json) {
                let out = filter(&mut session_of(config), Encoding::Text, line.as_bytes());
                let found = leak(&out, &payload.secrets);
                prop_assert!(found.is_none(), "{config}: {}\n in  {line}\n out {}", found.unwrap(), show(&out));
                for kept in ["email:welcome", "94afbc3f-9ffc-48ea-a403-0516878ba1c0"] {
                    prop_assert!(!line.contains(kept) || contains(&out, kept.as_bytes()), "{kept} is gone: {}", show(&out));
                }
            }
        }
    }

    /// What is allowed survives in the forms that name it; nothing else does.
    #[test]
    fn only_what_is_allowed_survives(
        payload in payload(),
        one in "A[a-z]{8}Y",
        two in "B[a-z]{8}Y",
        form in select(vec![Form::Json, Form::Decimal, Form::Commas, Form::Hex, Form::SpacedHex, Form::GoBytes, Form::Base64, Form::Base64Url, Form::Quoted, Form::Pretty]),
        logger in select(vec![Logger::Std, Logger::StdProse, Logger::LogrusText, Logger::SlogText, Logger::ZapConsole, Logger::JsonString, Logger::FluentBit, Logger::Cri]),
    ) {
        let Payload { json, secrets } = payload;
        let mut json = json;
        json["allowed_one"] = json!(one);
        json["allowed_two"] = json!({"inner": two, "other": "Qaaaaaaaaaaa0X"});
        let lines = logger.print(&form.print(&json, 0));
        let out = filter_all(ALLOWING, encoding_of(logger), &lines).join(&b'\n');
        let mut secrets = secrets;
        secrets.push("Qaaaaaaaaaaa0X".to_owned());
        let found = leak(&out, &secrets);
        prop_assert!(found.is_none(), "{:?} in {:?}: {}\n in  {}\n out {}", form, logger, found.unwrap(), lines.join("\n"), show(&out));
        for allowed in [one, two] {
            let missing = || format!("{form:?} in {logger:?}: {allowed} is gone\n in  {}\n out {}", lines.join("\n"), show(&out));
            prop_assert!(leak(&out, std::slice::from_ref(&allowed)).is_some(), "{}", missing());
        }
    }

    #[test]
    fn filtering_twice_is_filtering_once(
        payload in payload(),
        form in select(Form::ALL.to_vec()),
        logger in select(Logger::ALL.to_vec()),
        nested in 0..3usize,
    ) {
        let lines = logger.print(&form.print(&payload.json, nested));
        for config in IDEMPOTENT {
            // Of what is removed from a piece of a line nothing tells the next run that the rest belongs to it.
            if config.contains("remove") && matches!(logger, Logger::CriPieces) {
                continue;
            }
            let once = filter_all(config, encoding_of(logger), &lines);
            let text: Vec<String> = once.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
            let twice = filter_all(config, encoding_of(logger), &text);
            let twice: Vec<String> = twice.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect();
            prop_assert_eq!(text, twice, "{:?} in {:?} with {}: {}", form, logger, config, lines.join("\n"));
        }
    }

    /// Any bytes, as text and as JSON: an answer, no panic, no record lost.
    #[test]
    fn any_bytes_are_safe(bodies in prop::collection::vec(prop_oneof![line(), prop::collection::vec(any::<u8>(), 0..64)], 1..6)) {
        for config in CONFIGS {
            for encoding in [Encoding::Text, Encoding::Json] {
                let mut session = session_of(config);
                for body in &bodies {
                    filter(&mut session, encoding, body);
                }
            }
        }
    }

    /// Several records of one stream: what one left open must not break the next.
    #[test]
    fn valid_json_stays_valid_with_the_same_fields(records in prop::collection::vec(record(), 1..4)) {
        for (i, config) in CONFIGS.iter().enumerate() {
            let mut session = session_of(config);
            for record in &records {
                let text = record.to_string();
                let out = filter(&mut session, Encoding::Json, text.as_bytes());
                let valid = serde_json::from_slice::<serde::de::IgnoredAny>(&out);
                prop_assert!(valid.is_ok(), "{:?} with {config}\n in  {text}\n out {}", valid, show(&out));
                // The others take fields away, or add some.
                if i < 3 {
                    prop_assert_eq!(keys(text.as_bytes()), keys(&out), "{}", config);
                }
            }
        }
    }

    /// However a stream is cut into batches, the same comes out.
    #[test]
    fn batches_do_not_matter(lines in prop::collection::vec(line(), 1..12), len in 1..12usize, json in any::<bool>()) {
        let options = tamis::host::HostOptions::default();
        let encoding = if json { Encoding::Json } else { Encoding::Text };
        for config in CONFIGS {
            let open = || tamis::host::native::open(FILTER, config, &options).unwrap();
            let together = records::run(&mut *open(), encoding, &lines, lines.len());
            prop_assert_eq!(&together, &records::run(&mut *open(), encoding, &lines, len));
        }
    }

    /// A line in which there is no payload and nothing sensitive stays, byte for byte.
    #[test]
    fn plain_words_stay(words in "[A-Za-z ,()#'!?*+_~-]{0,80}", number in 0..1000u32) {
        let text = format!("2026/11/21 00:15:48 {words} {number}");
        for config in CONFIGS {
            let out = filter(&mut session_of(config), Encoding::Text, text.as_bytes());
            prop_assert_eq!(String::from_utf8(out).unwrap(), text.as_str());
        }
    }
}

/// Guests get fewer cases: each costs an instance.
#[test]
fn all_hosts_agree_on_hostile_pieces() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let lines: Vec<Vec<u8>> = (0..2000)
        .map(|_| line().new_tree(&mut runner).unwrap().current())
        // What hosts cannot hold: line ends and NULs in text, bytes that are not UTF-8 in JSON.
        .map(|l| String::from_utf8_lossy(&l).replace(['\r', '\n', '\0'], "").into_bytes())
        .filter(|l| !l.trim_ascii().is_empty())
        .collect();
    let jsons: Vec<Vec<u8>> = (0..1000)
        .map(|_| record().new_tree(&mut runner).unwrap().current())
        // What collectors hold are objects.
        .map(|r| if r.is_object() { r } else { json!({ "log": r }) }.to_string().into_bytes())
        .collect();
    for config in CONFIGS {
        tamis_tests::differential::all_hosts_agree(FILTER, config, Encoding::Text, &lines, &[lines.len()]);
        tamis_tests::differential::all_hosts_agree(FILTER, config, Encoding::Json, &jsons, &[jsons.len()]);
    }
}
