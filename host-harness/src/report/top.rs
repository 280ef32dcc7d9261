//! Who is behind the most: counts per name in bounded memory.

use std::collections::HashMap;

/// Names that are kept when there are too many; twice as many are remembered at times.
const KEPT: usize = 8192;

/// What is known of a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Those that failed.
    pub failures: u64,
    /// Alerts.
    pub alerts: u64,
    /// Hour of the last event, 0 if not known.
    pub last_hour: u64,
}

impl Counts {
    /// What makes it matter, the most important first.
    fn rank(&self) -> (u64, u64, u64) {
        (self.alerts, self.failures, self.events)
    }
}

/// Counts per name.
#[derive(Debug, Default)]
pub struct Top {
    names: HashMap<String, Counts>,
    /// Names that were forgotten; the same one may be among them several times.
    forgotten: u64,
}

impl Top {
    /// The counts of `name`.
    pub fn of(&mut self, name: &str) -> &mut Counts {
        if !self.names.contains_key(name) {
            if self.names.len() >= KEPT * 2 {
                self.forget();
            }
            return self.names.entry(name.to_owned()).or_default();
        }
        self.names.entry(name.to_owned()).or_default()
    }

    /// Forget the names that matter least.
    fn forget(&mut self) {
        let mut all: Vec<_> = std::mem::take(&mut self.names).into_iter().collect();
        all.sort_unstable_by(|a, b| b.1.rank().cmp(&a.1.rank()).then_with(|| a.0.cmp(&b.0)));
        self.forgotten += all.len().saturating_sub(KEPT) as u64;
        all.truncate(KEPT);
        self.names = all.into_iter().collect();
    }

    /// How many names there are; `false` if there may be less, because some were forgotten and counted again.
    pub fn distinct(&self) -> (u64, bool) {
        (self.names.len() as u64 + self.forgotten, self.forgotten == 0)
    }

    /// The first names, those that matter most before the others.
    pub fn first(&self, count: usize) -> Vec<(&str, Counts)> {
        let mut all: Vec<_> = self.names.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
        all.sort_unstable_by(|a, b| b.1.rank().cmp(&a.1.rank()).then_with(|| a.0.cmp(b.0)));
        all.truncate(count);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_those_that_matter_stay() {
        let mut top = Top::default();
        for i in 0..100_000 {
            top.of(&format!("once-{i}")).events += 1;
            if i % 100 == 0 {
                top.of("often").failures += 1;
            }
        }
        assert!(top.names.len() <= KEPT * 2);
        assert_eq!(top.first(1), [("often", Counts { failures: 1000, ..Counts::default() })]);
        assert_eq!(top.distinct(), (100_001, false));
    }
}
