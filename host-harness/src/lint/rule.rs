//! What a rule is. Every text about one comes from its definition.

use tamis_detectors::Severity;

use super::{coturn, pipeline, storage};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// `<command>/<name>`.
    pub id: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What it finds.
    pub finds: &'static str,
    /// Why that is bad.
    pub why: &'static str,
    /// What to do.
    pub cure: &'static str,
    /// Whether `--fix` cures it.
    pub fixable: bool,
}

/// Define rules, and the list of them.
macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $(($fix:ident))? { $finds:literal $why:literal $cure:literal })+) => {
        $(pub(super) static $name: $crate::lint::Rule = $crate::lint::Rule {
            id: $id,
            severity: tamis_detectors::Severity::$severity,
            finds: $finds,
            why: $why,
            cure: $cure,
            fixable: $crate::lint::rule::rules!(@fixable $($fix)?),
        };)+

        /// All rules of this command.
        pub static RULES: &[&$crate::lint::Rule] = &[$(&$name),+];
    };
    (@fixable) => { false };
    (@fixable fix) => { true };
}

pub(super) use rules;

/// All rules, by command.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [coturn::RULES, storage::RULES, pipeline::RULES].into_iter().flatten().copied()
}

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|r| r.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn definitions_are_complete() {
        let ids: BTreeSet<&str> = all().map(|r| r.id).collect();
        assert_eq!(ids.len(), all().count(), "an id is there twice");
        for rule in all() {
            let (group, name) = rule.id.split_once('/').unwrap();
            assert!(["coturn", "storage", "pipeline"].contains(&group), "{}", rule.id);
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.id);
            for text in [rule.finds, rule.why, rule.cure] {
                let words = !text.is_empty() && !text.contains(['\n', '|']) && !text.ends_with('.');
                assert!(words, "{}: {text}", rule.id);
            }
        }
    }
}
