//! What filters say that they have removed: by counting it (`counts_field`), or by the marks they leave.

use std::{collections::BTreeMap, sync::OnceLock};

use memchr::memmem;

use super::object::Object;

const MARK: &[u8] = b"[REDACTED:";
/// A record that says more is not believed: sums stay far from what overflows.
const MAX_COUNT: u64 = 1 << 48;
/// What is counted under no name that the filters have.
const OTHER: &str = "other";

/// The names of all that filters remove. A mark with another name was not made by them, or by a detector that a
/// config defines: its name is not shown, it may be anything.
fn kinds() -> &'static [&'static str] {
    static KINDS: OnceLock<Vec<&str>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let filters = [coturn_ip_anonymizer::counts::NAMES, asynq_payload_redactor::counts::NAMES];
        let detectors = tamis_detectors::definitions().iter().map(|d| d.id);
        let mut kinds: Vec<&str> = filters.into_iter().flatten().copied().chain(detectors).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    })
}

fn kind(name: &[u8]) -> Option<&'static str> {
    let at = kinds().binary_search_by(|kind| kind.as_bytes().cmp(name)).ok()?;
    kinds().get(at).copied()
}

/// Add what the counts field of a record says; whether there is one that the filters could have written.
pub fn counted(object: Object<'_>, field: &str, sums: &mut BTreeMap<&'static str, u64>) -> bool {
    let Some(counts) = object.object("", field) else { return false };
    let read = |(name, at)| Some((kind(name)?, counts.number_at(at)?));
    let Some(found) = counts.members().map(read).collect::<Option<Vec<_>>>() else { return false };
    for (kind, count) in &found {
        let sum = sums.entry(kind).or_default();
        *sum = sum.saturating_add((*count).min(MAX_COUNT)).min(MAX_COUNT);
    }
    !found.is_empty()
}

/// Add the marks in a record.
pub fn marked(record: &[u8], sums: &mut BTreeMap<&'static str, u64>) {
    for at in memmem::find_iter(record, MARK) {
        let name = record.get(at + MARK.len()..).unwrap_or_default();
        let len = name.iter().take(64).take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)).count();
        let kind = kind(name.get(..len).unwrap_or_default()).unwrap_or(OTHER);
        *sums.entry(kind).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use tamis_sdk::record::scan;

    use super::*;

    #[test]
    fn counts_and_marks() {
        let mut sums = BTreeMap::new();
        let mut count = |json: &str| {
            let mut nodes = Vec::new();
            scan::scan(json.as_bytes(), &mut nodes).unwrap();
            counted(Object::root(json.as_bytes(), &nodes).unwrap(), "redactions", &mut sums)
        };
        assert!(count(r#"{"log":"x","redactions":{"ip":2,"user":1}}"#));
        assert!(!count(r#"{"redactions":{"ip":2,"alice":1}}"#));
        assert!(!count(r#"{"redactions":{"ip":"2"}}"#));
        assert!(!count(r#"{"redactions":{}}"#));
        assert!(!count(r#"{"redactions":7}"#));
        marked(b"user <[REDACTED:user]> [REDACTED:email]@example.org [REDACTED:alice] [REDACTED:payload 9 bytes]", &mut sums);
        let expected = [("email", 1), ("ip", 2), ("other", 1), ("payload", 1), ("user", 2)];
        assert_eq!(sums.into_iter().collect::<Vec<_>>(), expected);
    }
}
