//! What holds for every text: no panic, findings in order, nothing new in a redacted text, linear time.

#![allow(clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tamis_detectors::{Detectors, Finding, definitions, keys::KeyRules};

fn scan(text: &[u8]) -> Vec<Finding> {
    thread_local! {
        static ALL: Detectors = Detectors::new(|_| true, &[]).expect("built-in detectors");
    }
    let mut found = Vec::new();
    ALL.with(|d| d.scan(text, &mut found));
    found
}

fn redact(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    for f in scan(text) {
        out.extend_from_slice(&text[at..f.start]);
        out.extend_from_slice(format!("[REDACTED:{}]", definitions()[usize::from(f.detector)].id).as_bytes());
        at = f.end;
    }
    out.extend_from_slice(&text[at..]);
    out
}

fn check_order(text: &[u8]) -> Result<(), TestCaseError> {
    let found = scan(text);
    let mut at = 0;
    for f in &found {
        prop_assert!(
            at <= f.start && f.start < f.end && f.end <= text.len(),
            "{:?} in {:?}",
            found,
            String::from_utf8_lossy(text)
        );
        at = f.end;
    }
    Ok(())
}

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    check_order(text)?;
    let once = redact(text);
    let again = scan(&once);
    prop_assert!(
        again.is_empty(),
        "{:?}\n  becomes {:?}\n  in which is found {:?}",
        String::from_utf8_lossy(text),
        String::from_utf8_lossy(&once),
        again.iter().map(|f| String::from_utf8_lossy(&once[f.start..f.end])).collect::<Vec<_>>()
    );
    Ok(())
}

/// Pieces of values and of what stands between them.
fn fragment() -> impl Strategy<Value = String> {
    let examples: Vec<&'static str> = definitions()
        .iter()
        .flat_map(|d| d.matches.iter().map(|e| e.text).chain(d.no_matches.iter().copied()))
        .collect();
    let glue = [
        " ",
        "",
        ":",
        "=",
        "\"",
        "\\\"",
        ",",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\n",
        "\\n",
        "&",
        "?",
        "/",
        "://",
        "@",
        "%40",
        "-",
        "_",
        ".",
        "+",
        "'",
        ";",
        "*",
        "***",
        "[REDACTED]",
        "[REDACTED:x]",
        "[FILTERED]",
        "::",
        "1",
        "a",
        "é",
        "。",
        "\x1b[36m",
        "\\x1a",
        "%3A%2F%2F",
        "Bearer ",
        "password",
        "token",
        "code ",
        "key",
        "Cookie",
        "passport",
        "SIN ",
        "-----",
        "->",
        "dial tcp ",
    ];
    prop_oneof![
        3 => proptest::sample::select(examples.clone()).prop_map(str::to_owned),
        2 => (proptest::sample::select(examples), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(e, a, b)| {
            let chars: Vec<char> = e.chars().collect();
            let (a, b) = (a.index(chars.len() + 1), b.index(chars.len() + 1));
            chars[a.min(b)..a.max(b)].iter().collect()
        }),
        4 => proptest::sample::select(glue.to_vec()).prop_map(str::to_owned),
        1 => "[0-9]{1,6}",
        1 => "[a-zA-Z]{1,6}",
    ]
}

fn separator() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![" | ", "\n", "\" \"", ", x ", " <> "])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(4000), ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&text)?;
    }

    #[test]
    fn any_printable_text(text in "[ -~]{0,120}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn glued_fragments(parts in proptest::collection::vec(fragment(), 0..8)) {
        check_order(parts.concat().as_bytes())?;
    }

    #[test]
    fn separate_fragments(parts in proptest::collection::vec(fragment(), 0..8), separator in separator()) {
        check(parts.join(separator).as_bytes())?;
    }

    #[test]
    fn any_field_name(key in proptest::collection::vec(any::<u8>(), 0..100), parent in ".{0,20}") {
        let rules = KeyRules::new(&["*x*".to_owned(), "y*".to_owned(), "*z".to_owned(), "w".to_owned()], &["*token".to_owned()]);
        let _ = (rules.judge(&key), rules.judge_under(&key, parent.as_bytes()));
    }
}

/// Texts that make a detector look far; twice the text may take twice the time, not four times.
#[test]
fn linear_time() {
    let pieces = [
        "a",
        "1",
        "-1",
        "a-1",
        "_1",
        "1.",
        "1 ",
        "11 ",
        "+1",
        "(1",
        ":",
        "::",
        "a:",
        "1:",
        "=",
        "@",
        "a@",
        "a.",
        "@a.",
        "%40",
        "-",
        "-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----\n",
        "*",
        "[",
        "[REDACTED",
        "[REDACTED:",
        "eyJ",
        "eyJa.",
        "://",
        "a://",
        "a://a:",
        "a://:@",
        "token=",
        "password=",
        "password:",
        "password:a ",
        "\"password\":\"",
        "\\",
        "\\\"",
        "Bearer ",
        "Basic ",
        "code ",
        "Cookie: a=b;",
        "AKIA",
        "AIza",
        "SG.",
        "xoxb-",
        "sk-",
        "~",
        "?key=",
        "&token=",
        "/reset/",
        "\n",
        "%3A%2F%2F",
        "é",
        "\0",
        "AKIAIOSFODNN7EXAMPLE ",
        "/a",
        "{password:a ",
        "4111 ",
        "4111-",
        "2001:db8:",
        "a1",
    ];
    let mut slow = Vec::new();
    for piece in pieces {
        let text = piece.repeat(250_000 / piece.len());
        let start = Instant::now();
        let _ = scan(text.as_bytes());
        let took = start.elapsed();
        if took > Duration::from_millis(250) {
            slow.push(format!("{piece:?} takes {took:?} for 250 kB"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
