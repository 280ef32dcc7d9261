//! A record like others that stayed as they were is let pass without a look: never one that a look would change.

#![allow(clippy::unwrap_used)]

use asynq_payload_redactor::AsynqPayloadRedactor;
use regex::bytes::{Captures, Regex};
use tamis_sdk::{Action, Encoding, Meta, Session};
use tamis_tests::{
    asynq,
    records::{TIMESTAMP_NS, show},
};

/// A rule of the user's own that finds nothing: with one, nothing is passed over.
const LOOKS_AT_ALL: &str = r#"{"custom":[{"name":"never","pattern":"zqzqzqzqzqzqzqzqzqzq"}]}"#;

/// What the forms of records leave out, and numbers and times that they do not.
const VARIES: &str = concat!(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    r"|(?-u:\b)(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{16})(?-u:\b)",
    r"|[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?",
    r#"|":-?[0-9][0-9.]{0,14}"#,
    r"|[ =](?:[0-9]{1,7}|[0-9]{1,3}\.[0-9]{1,9})(?-u:\b)",
);

fn session(config: &str) -> Session<AsynqPayloadRedactor> {
    Session::new(config, |key| key.resolve_from_process()).unwrap()
}

fn filter(session: &mut Session<AsynqPayloadRedactor>, encoding: Encoding, body: &[u8]) -> (Action, Vec<u8>) {
    let mut out = Vec::new();
    let action =
        session.process(Meta { tag: b"asynq", timestamp_ns: TIMESTAMP_NS }, encoding, body, &mut out);
    (action, out)
}

/// Numbers without a pattern: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Other digits in the place of digits, hex digits in that of hex digits.
    fn vary(&mut self, found: &[u8]) -> Vec<u8> {
        let hex = found.len() >= 16 && !found.contains(&b':');
        // Seldom all of them are decimal, as those of a card are, or the number is 0.
        let decimal = self.next().is_multiple_of(4);
        if !hex && found.starts_with(b"\":") && self.next().is_multiple_of(16) {
            return b"\":0".to_vec();
        }
        let digit = |numbers: &mut Self, byte: u8| match byte {
            b'0'..=b'9' | b'a'..=b'f' if hex && !decimal => b"0123456789abcdef"[numbers.next() as usize % 16],
            b'0'..=b'9' | b'a'..=b'f' => b"0123456789"[numbers.next() as usize % 10],
            other => other,
        };
        found.iter().map(|byte| digit(self, *byte)).collect()
    }
}

/// The lines of a log as they are, then some times with other times, ids and numbers.
fn variants(lines: &[&[u8]], numbers: &mut Numbers) -> Vec<Vec<u8>> {
    let varies = Regex::new(VARIES).unwrap();
    let mut all: Vec<Vec<u8>> = lines.iter().map(|l| l.to_vec()).collect();
    for _ in 0..4 {
        for line in lines {
            all.push(varies.replace_all(line, |found: &Captures<'_>| numbers.vary(&found[0])).into_owned());
        }
    }
    all
}

#[test]
fn what_is_known_to_stay_would_stay_if_it_was_looked_at() {
    for log in asynq::corpus() {
        let json = asynq::encoding(&log) == tamis::host::Encoding::Json;
        let mut numbers = Numbers(log.lines().len() as u64);
        let lines = variants(&log.lines(), &mut numbers);
        // As text, and as the records that Fluent Bit makes of it.
        let wrapped = |line: &[u8]| {
            serde_json::to_vec(&serde_json::json!({ "log": String::from_utf8_lossy(line) })).unwrap()
        };
        let forms: [Vec<(Encoding, Vec<u8>)>; 2] = [
            lines.iter().map(|l| (if json { Encoding::Json } else { Encoding::Text }, l.clone())).collect(),
            lines.iter().map(|l| (Encoding::Json, wrapped(l))).collect(),
        ];
        for records in forms {
            let (mut quick, mut thorough) = (session(""), session(LOOKS_AT_ALL));
            for (encoding, record) in &records {
                assert_eq!(
                    filter(&mut quick, *encoding, record),
                    filter(&mut thorough, *encoding, record),
                    "{}: {}",
                    log.name,
                    show(record)
                );
            }
        }
    }
}

/// Words beside which a value may be sensitive, and what may be between them.
const WORDS: [&str; 34] = [
    "password",
    "pass",
    "secret",
    "token",
    "api key",
    "api_key",
    "key",
    "code",
    "verification code",
    "your code is",
    "otp",
    "pin",
    "cvc",
    "sid",
    "session",
    "session_id",
    "Bearer",
    "Basic",
    "Authorization",
    "card",
    "iban",
    "ssn",
    "passport",
    "phone",
    "tel",
    "account",
    "name",
    "payload",
    "data",
    "id",
    "task id",
    "user",
    "goroutine",
    "took",
];
const BETWEEN: [&str; 9] = [" ", "=", ": ", ":", " = ", " is ", " #", " (", "=\u{1b}[0m"];
const BEHIND: [&str; 9] = ["", " ", ", ", ". ", ") x", " and on", ": x", " 12 ", "\n"];
const VALUES: [&str; 28] = [
    "1fae43d8-f4b9-49fe-9a37-1a55628641e7",
    "c6a6c7b4-77ae-5bd3-9ad6-38ca8fa3bd1f",
    "00000000-0000-0000-0000-000000000000",
    "aaaaaaaa-bbbb-aaaa-bbbb-aaaaaaaaaaaa",
    "12345678-1111-1111-1111-111111111111",
    "0",
    "5",
    "12",
    "249",
    "4711",
    "20260",
    "151819",
    "1234567",
    "0.5",
    "12.5",
    "4.274089ms",
    "5ms",
    "137s",
    "fc7232374def3e8ff97252397e4b26cf",
    "0171",
    "12345678",
    "123456789",
    "12345678901",
    "86095742719",
    "1.5",
    "13.639994ms",
    "123.639994ms",
    "1234ms",
];

/// How a value may stand beside a word, as `WORD` and `VALUE`: in prose, as a pair, in JSON that is printed into a text.
fn shapes() -> Vec<String> {
    let mut shapes = Vec::new();
    for quote in ["", "\""] {
        for behind in BEHIND {
            shapes.extend(BETWEEN.map(|between| format!("x WORD{between}{quote}VALUE{quote}{behind}")));
            for (open, close) in [(r#"{"a":"b",""#, "}"), (r#"{""#, r#","a":"b"}"#), (r#"""#, ",")] {
                shapes.push(format!("x {open}WORD\":{quote}VALUE{quote}{close}{behind}"));
                shapes.push(format!("{open}WORD\":{quote}VALUE{quote}{close}{behind}"));
            }
        }
    }
    shapes
}

/// Every word with every value, forwards and then backwards: each of two that are alike is the first once.
#[test]
fn a_value_beside_a_word_is_known_only_if_all_its_like_stay() {
    for shape in shapes() {
        let (mut quick, mut thorough) = (session(""), session(LOOKS_AT_ALL));
        for word in WORDS {
            for value in VALUES.iter().chain(VALUES.iter().rev()) {
                let line =
                    format!("2026/11/21 00:15:48 {}", shape.replace("WORD", word).replace("VALUE", value));
                let wrapped = serde_json::to_vec(&serde_json::json!({ "log": line })).unwrap();
                for (encoding, body) in [(Encoding::Text, line.as_bytes()), (Encoding::Json, &wrapped)] {
                    assert_eq!(
                        filter(&mut quick, encoding, body),
                        filter(&mut thorough, encoding, body),
                        "{}",
                        show(body)
                    );
                }
            }
        }
    }
}

/// A value that is sensitive in one record and not in another.
#[test]
fn what_decides_is_part_of_the_form() {
    let id = "1fae43d8-f4b9-49fe-9a37-1a55628641e7";
    let time = "2026-11-21T00:15:48Z";
    let stays = [
        format!(r#"{{"time":"{time}","msg":"done","task_id":"{id}","n":12}}"#),
        r#"{"pin":0,"level":"info"}"#.to_owned(),
        r#"{"name":"colour","value":"blue"}"#.to_owned(),
        format!("2026/11/21 00:15:48 done id={id}"),
        r#"{"log":"2026/11/21 00:15:48 done"}"#.to_owned(),
    ];
    let goes = [
        format!(r#"{{"time":"{time}","msg":"done","password":"{id}","n":12}}"#),
        r#"{"pin":4711,"level":"info"}"#.to_owned(),
        r#"{"name":"password","value":"blue"}"#.to_owned(),
        format!("2026/11/21 00:15:48 done password={id}"),
        r#"{"log":"2026/11/21 00:15:48 done by ada@example.org"}"#.to_owned(),
    ];
    let mut session = session("");
    for _ in 0..4 {
        for (record, expected) in
            stays.iter().map(|r| (r, Action::Keep)).chain(goes.iter().map(|r| (r, Action::Replace)))
        {
            let encoding = if record.starts_with('{') { Encoding::Json } else { Encoding::Text };
            assert_eq!(filter(&mut session, encoding, record.as_bytes()).0, expected, "{record}");
        }
    }
}

/// What a line means may depend on those before it, however often it was seen.
#[test]
fn within_a_structure_over_lines_nothing_is_known() {
    let mut session = session("");
    let line = br#"  "colour": "blue","#;
    for _ in 0..4 {
        assert_eq!(filter(&mut session, Encoding::Text, line).0, Action::Keep);
    }
    assert_eq!(filter(&mut session, Encoding::Text, b"payload={").0, Action::Keep);
    assert_eq!(filter(&mut session, Encoding::Text, line).0, Action::Replace);
}
