//! The matchers written by hand and the documented patterns agree, where a pattern and a check say all there is.

#![allow(clippy::expect_used, clippy::panic)]

use proptest::{prelude::*, string::string_regex};
use regex::bytes::{Regex, RegexBuilder};
use tamis_detectors::{Detectors, definitions};

fn compile(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap_or_else(|e| panic!("{pattern}: {e}"))
}

fn digits(text: &[u8]) -> Vec<u32> {
    text.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect()
}

fn has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

fn always(_: &[u8]) -> bool {
    true
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

fn luhn(text: &[u8]) -> bool {
    let digits = digits(text);
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { *d } else { d * 2 / 10 + d * 2 % 10 })
        .sum();
    sum.is_multiple_of(10)
}

fn cpf(text: &[u8]) -> bool {
    let d = digits(text);
    let first = weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    let second = weighted(&d[..10], &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    first == d[9] && second == d[10] && d.iter().any(|x| *x != d[0])
}

fn ahv(text: &[u8]) -> bool {
    weighted(&digits(text), &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn nir(text: &[u8]) -> bool {
    let all = digits(text).iter().fold(0u64, |n, d| n * 10 + u64::from(*d));
    97 - all / 100 % 97 == all % 100
}

fn nino(text: &[u8]) -> bool {
    !["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].iter().any(|p| text.starts_with(p.as_bytes()))
}

fn dni(text: &[u8]) -> bool {
    let number = text.iter().fold(0u32, |n, b| match b {
        b'X' if n == 0 => 0,
        b'Y' if n == 0 => 1,
        b'Z' if n == 0 => 2,
        b'0'..=b'9' => n * 10 + u32::from(b - b'0'),
        _ => n,
    });
    text.last() == b"TRWAGMYFPDXBNJZSQVHLCKE".get((number % 23) as usize)
}

type Check = fn(&[u8]) -> bool;

/// Detector, and what its validator says in other words than the crate's.
const ORACLES: &[(&str, Check)] = &[
    ("us-ssn", always),
    ("uk-nino", nino),
    ("br-cpf", cpf),
    ("ch-ahv", ahv),
    ("fr-nir", nir),
    ("es-dni", dni),
    ("aws-access-key-id", always),
    ("github-token", has_digit),
    ("gitlab-token", has_digit),
    ("npm-token", has_digit),
    ("twilio-key", has_digit),
    ("sendgrid-key", always),
];

fn native(id: &str, text: &[u8]) -> Vec<Vec<u8>> {
    let detectors = Detectors::new(|d| d.id == id, &[]).expect("built-in detectors");
    let mut found = Vec::new();
    detectors.scan(text, &mut found);
    found.iter().map(|f| text[f.start..f.end].to_vec()).collect()
}

fn documented(id: &str, check: Check, text: &[u8]) -> Vec<Vec<u8>> {
    let definition = definitions().iter().find(|d| d.id == id).expect("a detector");
    compile(definition.pattern)
        .captures_iter(text)
        .filter_map(|c| c.get(1).or(c.get(0)))
        .map(|m| m.as_bytes().to_vec())
        .filter(|m| check(m))
        .collect()
}

fn value(pattern: &'static str) -> BoxedStrategy<String> {
    string_regex(&pattern.replace(r"\b", "").replace(",}", ",60}"))
        .expect("patterns without boundaries")
        .boxed()
}

/// A place in a value, and what takes the place of the character there.
type Change = Option<(prop::sample::Index, Option<char>)>;

fn case() -> impl Strategy<Value = (&'static str, Check, String, Change)> {
    let one = proptest::sample::select(ORACLES.to_vec()).prop_flat_map(|(id, check)| {
        let pattern = definitions().iter().find(|d| d.id == id).expect("a detector").pattern;
        (Just(id), value(pattern)).prop_map(move |(id, text)| (id, check, text))
    });
    let change = proptest::option::of((
        any::<prop::sample::Index>(),
        proptest::option::of(proptest::char::ranges(vec!['0'..='9', 'A'..='F', 'a'..='f'].into())),
    ));
    (one, change).prop_map(|((id, check, text), change)| (id, check, text, change))
}

#[test]
fn all_patterns_compile() {
    for definition in definitions() {
        compile(definition.pattern);
    }
}

/// Examples are matched by the pattern, too, wherever the text has no escapes or bytes that only the matcher knows.
#[test]
fn examples_fit_the_patterns() {
    let mut share = (0, 0);
    for definition in definitions() {
        let pattern = compile(definition.pattern);
        let matched = definition.matches.iter().filter(|e| pattern.is_match(e.text.as_bytes())).count();
        assert!(matched > 0, "{}: no example fits the pattern", definition.id);
        share = (share.0 + matched, share.1 + definition.matches.len());
    }
    assert!(share.0 * 20 >= share.1 * 17, "{share:?}: patterns no longer say about what is found");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn matchers_agree_with_patterns((id, check, mut text, change) in case()) {
        if let Some((index, with)) = change
            && !text.is_empty()
        {
            let at = index.index(text.len());
            text.remove(at);
            if let Some(c) = with {
                text.insert(at, c);
            }
        }
        let text = format!("x {text} y");
        prop_assert_eq!(native(id, text.as_bytes()), documented(id, check, text.as_bytes()), "{} in {:?}", id, text);
    }

    #[test]
    fn cards_agree_with_luhn(prefix in "4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}", separator in proptest::option::of(" |-")) {
        for last in 0..10 {
            let number = format!("{prefix}{last}");
            let shown = match (&separator, number.len()) {
                (Some(s), 16) => [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(s),
                (Some(s), _) => [&number[..4], &number[4..10], &number[10..]].join(s),
                (None, _) => number.clone(),
            };
            let found = !native("payment-card", format!("pay {shown} now").as_bytes()).is_empty();
            prop_assert_eq!(found, luhn(number.as_bytes()), "{}", shown);
        }
    }

    #[test]
    fn ibans_agree_with_mod_97(bban in "[0-9]{18}", spaced: bool) {
        // DE: 13 14.
        let rest = |check: u32| {
            format!("{bban}1314{check:02}").bytes().fold(0u32, |n, b| (n * 10 + u32::from(b - b'0')) % 97)
        };
        for check in 2..99 {
            let compact = format!("DE{check:02}{bban}");
            let shown = if spaced {
                compact.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
            } else {
                compact
            };
            let found = !native("iban", format!("to {shown}, please").as_bytes()).is_empty();
            prop_assert_eq!(found, rest(check) == 1, "{}", shown);
        }
    }
}
