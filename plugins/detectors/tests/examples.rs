//! Every example of every definition is true, with all detectors running.

#![allow(clippy::expect_used, clippy::panic)]

use tamis_detectors::{Detectors, definitions};

fn all() -> Detectors {
    Detectors::new(|_| true, &[]).expect("built-in detectors")
}

fn found<'t>(detectors: &Detectors, text: &'t str) -> Vec<(String, &'t str)> {
    let mut found = Vec::new();
    detectors.scan(text.as_bytes(), &mut found);
    found
        .iter()
        .map(|f| {
            (
                detectors.name(f.detector).to_owned(),
                text.get(f.start..f.end).unwrap_or("<cut in a character>"),
            )
        })
        .collect()
}

#[test]
fn examples_match() {
    let detectors = all();
    let mut wrong = Vec::new();
    for definition in definitions() {
        assert!(!definition.matches.is_empty() && !definition.no_matches.is_empty(), "{}", definition.id);
        for example in definition.matches {
            let got = found(&detectors, example.text);
            if got.iter().map(|(_, t)| *t).ne(example.found.iter().copied()) {
                wrong.push(format!(
                    "{}: {:?}\n  wants {:?}\n  gets  {got:?}",
                    definition.id, example.text, example.found
                ));
            } else if !got.iter().any(|(id, _)| id == definition.id) {
                wrong.push(format!("{}: {:?} is found by {got:?} only", definition.id, example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_texts_do_not() {
    let detectors = all();
    let mut wrong = Vec::new();
    for definition in definitions() {
        for text in definition.no_matches {
            let got = found(&detectors, text);
            if !got.is_empty() {
                wrong.push(format!("{}: {text:?} gives {got:?}", definition.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A finding is the same wherever in a text it stands.
#[test]
fn examples_match_within_text() {
    let detectors = all();
    let mut wrong = Vec::new();
    for definition in definitions() {
        for example in definition.matches {
            let text = format!("2026/11/21 00:15:48 worker-7f9c {}", example.text);
            let got = found(&detectors, &text);
            if got.iter().map(|(_, t)| *t).ne(example.found.iter().copied()) {
                wrong.push(format!(
                    "{}: {text:?}\n  wants {:?}\n  gets  {got:?}",
                    definition.id, example.found
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_kebab_case_and_described() {
    let mut ids: Vec<&str> = definitions().iter().map(|d| d.id).collect();
    for d in definitions() {
        assert!(d.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", d.id);
        assert!(
            !d.title.is_empty() && !d.what.is_empty() && !d.why.is_empty() && !d.pattern.is_empty(),
            "{}",
            d.id
        );
    }
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn disabled_detectors_do_not_run() {
    let detectors = Detectors::new(|d| d.id == "email", &[]).expect("built-in detectors");
    assert_eq!(found(&detectors, "4111111111111111 a@example.com"), [("email".to_owned(), "a@example.com")]);
    assert_eq!(detectors.scan_number(b"4111111111111111"), None);
    let card = all().scan_number(b"4111111111111111").expect("a card");
    assert_eq!(all().name(card), "payment-card");
    for not in ["1795221788161147", "4111111111111111.5", "-4111111111111111", "4.1e15", "42", ""] {
        assert_eq!(all().scan_number(not.as_bytes()), None, "{not}");
    }
}
