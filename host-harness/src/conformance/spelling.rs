//! What a filter has done to members that it did not mean to change.
//!
//! A redactor may replace any value by another. What nobody means to do is to read a number as
//! a float and write another number, or to lose one of two members of the same name.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// Records with members in odd spellings.
pub(super) const PROBES: [&str; 6] = [
    r#"{"log":"x","tamis_a":9007199254740993,"tamis_b":18446744073709551615,"tamis_c":-9223372036854775808}"#,
    r#"{"log":"x","tamis_a":1.0,"tamis_b":1E5,"tamis_c":-0,"tamis_d":0.10000000000000000001,"tamis_e":100e-2}"#,
    r#"{"log":"x","tamis_a":"\u00e9\/\u0041","tamis_b":"a\tb\u0009","tamis_c":"\ud83d\ude00"}"#,
    r#"{ "tamis_b" : 2 , "log" : "x" , "tamis_a" : [ 1 , 2.50 , { } ] }"#,
    r#"{"log":"x","tamis_a":1,"tamis_a":2}"#,
    r#"{"log":"x","tamis_a":123456789012345678901234567890,"tamis_b":1e400}"#,
];

/// What happened to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The same value in other bytes.
    Respelled(String),
    /// Another value that only looks like the first.
    Altered(String),
}

/// Compare an object that went in with the one that came out. What was replaced by something
/// quite different was meant to be. Nothing if one of them is no object.
pub(super) fn changes(before: &[u8], after: &[u8]) -> Vec<Change> {
    let (Some(before), Some(after)) = (members(before), members(after)) else { return Vec::new() };
    let mut changes = Vec::new();
    for (at, (name, value)) in before.iter().enumerate() {
        let nth = before[..at].iter().filter(|(n, _)| n == name).count();
        let twice = before.iter().filter(|(n, _)| n == name).count() > 1;
        let found = after.iter().filter(|(n, _)| n == name).nth(nth);
        match found {
            Some((_, new)) => changes.extend(compare(name, value, new)),
            None if twice && after.iter().any(|(n, _)| n == name) => {
                changes.push(Change::Altered(format!("one of two members `{name}` is gone")));
            }
            None => {}
        }
    }
    changes
}

fn compare(name: &str, old: &str, new: &str) -> Option<Change> {
    if old == new {
        return None;
    }
    let respelled = || Some(Change::Respelled(format!("`{name}` was {old} and is {new}")));
    if is_number(old) && is_number(new) {
        return match (decimal(old), decimal(new)) {
            (Some(a), Some(b)) if a == b => respelled(),
            _ if old.parse::<f64>().ok()? == new.parse::<f64>().ok()? => {
                Some(Change::Altered(format!("`{name}` was {old} and is {new}")))
            }
            _ => None,
        };
    }
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    if value(old).is_some_and(|old| value(new) == Some(old)) { respelled() } else { None }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Digits without zeros at their ends, and the power of ten of the last: the same for the same
/// number. Nothing for exponents that no one writes.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((negative, String::new(), 0));
    }
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let power = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
    Some((negative, significant.to_owned(), power))
}

/// Names and the text of values, in order, duplicates and all.
fn members(json: &[u8]) -> Option<Vec<(String, String)>> {
    struct Members(Vec<(String, String)>);
    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> de::Visitor<'de> for Visitor {
                type Value = Members;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        members.push((name, value.get().to_owned()));
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_slice::<Members>(json).ok().map(|members| members.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_other_and_replaced_values_are_told_apart() {
        let change = |old: &str, new: &str| compare("a", old, new);
        for (old, new) in
            [("1.0", "1"), ("1E5", "100000.0"), ("100e-2", "1"), ("-0.0", "-0"), ("\"\\u0041\"", "\"A\"")]
        {
            assert!(matches!(change(old, new), Some(Change::Respelled(_))), "{old} {new}");
        }
        for (old, new) in [("9007199254740993", "9007199254740992"), ("0.10000000000000000001", "0.1")] {
            assert!(matches!(change(old, new), Some(Change::Altered(_))), "{old} {new}");
        }
        for (old, new) in [("1", "1"), ("1", "2"), ("1", "\"***\""), ("\"a\"", "null"), ("1e400", "null")] {
            assert_eq!(change(old, new), None, "{old} {new}");
        }
    }

    #[test]
    fn members_may_go_but_not_one_of_two() {
        assert_eq!(changes(b"{\"a\":1,\"b\":2}", b"{\"b\":2}"), []);
        assert_eq!(changes(b"{\"a\":1}", b"no object"), []);
        let lost = changes(b"{\"a\":1,\"a\":2}", b"{\"a\":1}");
        assert!(matches!(lost.as_slice(), [Change::Altered(_)]), "{lost:?}");
    }
}
