//! Users' own detectors.

#![allow(clippy::expect_used, clippy::panic)]

use tamis_detectors::{CustomDetector, Detectors, Severity};

fn custom(name: &str, pattern: &str, keywords: &[&str]) -> CustomDetector {
    CustomDetector {
        name: name.to_owned(),
        pattern: pattern.to_owned(),
        keywords: keywords.iter().map(|k| (*k).to_owned()).collect(),
        severity: Severity::Low,
    }
}

fn found(detectors: &Detectors, text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    detectors.scan(text.as_bytes(), &mut found);
    found.iter().map(|f| (detectors.name(f.detector).to_owned(), text[f.start..f.end].to_owned())).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn patterns_groups_and_keywords() {
    let own =
        [custom("order", r"\bORD-([0-9]{6})\b", &[]), custom("badge", r"\b[A-Z]{2}[0-9]{4}\b", &["Badge"])];
    let detectors = Detectors::new(|_| true, &own).expect("good patterns");
    assert_eq!(
        found(&detectors, "ORD-123456 ORD-654321"),
        pairs(&[("order", "123456"), ("order", "654321")])
    );
    assert_eq!(found(&detectors, "XY1234"), []);
    assert_eq!(found(&detectors, "BADGE XY1234"), pairs(&[("badge", "XY1234")]));
    let index = detectors.len() - 1;
    assert_eq!(detectors.name(u16::try_from(index).expect("few")), "badge");
    assert_eq!(detectors.severity(u16::try_from(index).expect("few")), Severity::Low);
    assert_eq!(detectors.name(u16::MAX), "");
}

#[test]
fn the_longer_finding_stays() {
    let own = [custom("whole", r"from \S+", &[]), custom("part", r"example", &[])];
    let detectors = Detectors::new(|_| true, &own).expect("good patterns");
    assert_eq!(
        found(&detectors, "mail from ada@example.org, example"),
        pairs(&[("whole", "from ada@example.org,"), ("part", "example")])
    );
}

#[test]
fn markers_are_passed_over() {
    let detectors = Detectors::new(|_| true, &[custom("red", "RED[A-Z]+", &[])]).expect("good pattern");
    assert_eq!(found(&detectors, "[REDACTED:red] [REDACTED] REDO"), pairs(&[("red", "REDO")]));
}

#[test]
fn bad_ones_are_told() {
    let long = "a".repeat(1001);
    for (pattern, says) in [
        ("(", "unclosed group"),
        ("a*", "empty text"),
        (r"\w{1000}{1000}", "too big"),
        (long.as_str(), "longer than 1000"),
        ("(?<x>a)(?=b)", "look-around"),
    ] {
        let own = [custom("good", "x", &[]), custom("bad", pattern, &[])];
        let (index, message) = Detectors::new(|_| true, &own).expect_err(pattern);
        assert_eq!(index, 1);
        assert!(message.contains(says), "{pattern}: {message}");
        assert!(message.starts_with(|c: char| c.is_lowercase()) && !message.contains('\n'), "{message}");
    }
    let many: Vec<_> = (0..65).map(|i| custom(&format!("n{i}"), "x", &[])).collect();
    assert_eq!(Detectors::new(|_| true, &many).expect_err("too many").0, 64);
    assert!(Detectors::new(|_| true, &[custom("", "x", &[])]).is_err());
    assert!(Detectors::new(|_| true, &[custom("x", "x", &[""])]).is_err());
}

#[test]
fn fields_of_a_config() {
    let own: CustomDetector = serde_json::from_str(r#"{"name":"a","pattern":"b"}"#).expect("two fields do");
    assert_eq!(own.severity, Severity::Medium);
    assert!(serde_json::from_str::<CustomDetector>(r#"{"name":"a","pattern":"b","keyword":[]}"#).is_err());
}
