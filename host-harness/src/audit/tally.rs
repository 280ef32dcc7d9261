//! What was found, added up: per file, rule, form, place and shape of the message. It is bounded, whatever is in
//! the logs.

use std::collections::{BTreeMap, BTreeSet};

use asynq_payload_redactor::sieve::Form;

use super::{
    logger::{Logger, Wrapper},
    place::Place,
};

/// Findings that are told apart, per file; those after them are added up under one name.
pub const MAX_FINDINGS: usize = 1000;
/// The same for files that come when [`CROWDED`] findings are there already.
pub const MAX_FINDINGS_CROWDED: usize = 64;
/// See [`MAX_FINDINGS_CROWDED`].
pub const CROWDED: usize = 20_000;
/// Field names, task types and call sites that are remembered per finding.
const MAX_NAMES: usize = 64;
/// Pairs of an hour and a rule that are told apart, per file.
const MAX_HOURS: usize = 20_000;
/// The shape of messages that are not told apart.
pub const OTHER: &str = "(other messages)";

/// What makes two findings the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The rule: a pen of the filter.
    pub rule: u16,
    /// In what form the value stood.
    pub form: Form,
    /// Under which name, in which kind of print.
    pub place: Place,
    /// The shape of the message.
    pub shape: String,
}

impl Default for Key {
    fn default() -> Self {
        Self { rule: 0, form: Form::Plain, place: Place::default(), shape: String::new() }
    }
}

/// One occurrence, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sample {
    /// Line, from 1.
    pub line: u64,
    /// First character in the line, from 1.
    pub column: u64,
    /// Character after the last one.
    pub end_column: u64,
    /// The shape of the value.
    pub value: String,
    /// The record around it, with everything that was found in it masked.
    pub context: String,
}

/// What is known about one kind of finding in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// How often it is there.
    pub count: u64,
    /// Values in payloads; for others the same as `count`.
    pub values: u64,
    /// Where it is for the first time: line and column.
    pub first: Option<(u64, u64)>,
    /// The last line with it.
    pub last_line: u64,
    /// The first occurrences.
    pub samples: Vec<Sample>,
    /// Types of the tasks whose payloads they are, empty if not known, and names of the fields of their payloads.
    pub tasks: BTreeMap<String, BTreeSet<String>>,
    /// Where in the program it was logged.
    pub callers: BTreeSet<String>,
    /// What the rules know of the values in payloads.
    pub inside: BTreeMap<u16, u64>,
}

impl Entry {
    /// Remember a name, if there is room for it.
    pub fn remember(set: &mut BTreeSet<String>, name: &str) {
        if set.len() < MAX_NAMES && !set.contains(name) {
            set.insert(name.to_owned());
        }
    }

    /// The names of the fields that payloads of a task have, if there is room for it.
    pub fn fields_of(&mut self, task: &str) -> Option<&mut BTreeSet<String>> {
        if self.tasks.len() < MAX_NAMES && !self.tasks.contains_key(task) {
            self.tasks.insert(task.to_owned(), BTreeSet::new());
        }
        self.tasks.get_mut(task)
    }

    fn merge(&mut self, later: Self, samples: usize) {
        self.count += later.count;
        self.values += later.values;
        self.first = self.first.or(later.first);
        self.last_line = self.last_line.max(later.last_line);
        let room = samples.saturating_sub(self.samples.len());
        self.samples.extend(later.samples.into_iter().take(room));
        later.callers.iter().for_each(|name| Self::remember(&mut self.callers, name));
        for (task, fields) in &later.tasks {
            if let Some(mine) = self.fields_of(task) {
                fields.iter().for_each(|name| Self::remember(mine, name));
            }
        }
        for (rule, count) in later.inside {
            *self.inside.entry(rule).or_default() += count;
        }
    }
}

/// What was found in a file, or in a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The findings: where in `entries` each of them is.
    pub index: BTreeMap<Key, usize>,
    /// What is known about them.
    pub entries: Vec<Entry>,
    /// Lines per [`Logger`].
    pub loggers: Vec<u64>,
    /// Lines per [`Wrapper`].
    pub wrappers: Vec<u64>,
    /// Values per hour and rule.
    pub hours: BTreeMap<(u64, u16), u64>,
    /// Values in records without a time.
    pub untimed: BTreeMap<u16, u64>,
    /// Findings that are told apart.
    pub max_entries: usize,
}

impl Tally {
    /// One that tells so many findings apart.
    pub fn new(max_entries: usize) -> Self {
        Self {
            index: BTreeMap::new(),
            entries: Vec::new(),
            loggers: vec![0; Logger::ALL.len()],
            wrappers: vec![0; Wrapper::ALL.len()],
            hours: BTreeMap::new(),
            untimed: BTreeMap::new(),
            max_entries,
        }
    }

    /// The entry of `key`, or of what it is added up under.
    pub fn entry(&mut self, key: &Key) -> &mut Entry {
        let index = match self.index.get(key) {
            Some(index) => *index,
            None if self.entries.len() < self.max_entries => self.insert(key.clone()),
            None => {
                let mut rough = Key { shape: OTHER.to_owned(), ..key.clone() };
                if self.entries.len() >= self.max_entries + self.max_entries / 4 {
                    // What is left to tell apart is bounded by rules, forms and prints.
                    rough.place.key.clear();
                }
                let known = self.index.get(&rough).copied();
                known.unwrap_or_else(|| self.insert(rough))
            }
        };
        &mut self.entries[index]
    }

    fn insert(&mut self, key: Key) -> usize {
        self.index.insert(key, self.entries.len());
        self.entries.push(Entry::default());
        self.entries.len() - 1
    }

    /// One more line.
    pub fn line(&mut self, (logger, wrapper): (Logger, Option<Wrapper>)) {
        self.loggers[logger as usize] += 1;
        if let Some(wrapper) = wrapper {
            self.wrappers[wrapper as usize] += 1;
        }
    }

    /// So many more values that `rule` knows.
    pub fn at_hour(&mut self, hour: Option<u64>, rule: u16, count: u64) {
        match hour {
            Some(hour) if self.hours.len() < MAX_HOURS || self.hours.contains_key(&(hour, rule)) => {
                *self.hours.entry((hour, rule)).or_default() += count;
            }
            _ => *self.untimed.entry(rule).or_default() += count,
        }
    }

    /// Add what was found in the part that follows.
    pub fn merge(&mut self, later: Self, samples: usize) {
        let mut entries = later.entries;
        for (key, index) in later.index {
            self.entry(&key).merge(std::mem::take(&mut entries[index]), samples);
        }
        for (mine, theirs) in [(&mut self.loggers, later.loggers), (&mut self.wrappers, later.wrappers)] {
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine += theirs;
            }
        }
        for ((hour, rule), count) in later.hours {
            self.at_hour(Some(hour), rule, count);
        }
        for (rule, count) in later.untimed {
            self.at_hour(None, rule, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_nothing_is_lost() {
        let mut whole = Tally::new(8);
        let mut parts = Tally::new(8);
        for part in 0..4 {
            let mut tally = Tally::new(8);
            for i in 0..50u16 {
                let place = Place { key: format!("key{i}"), ..Place::default() };
                let key = Key { rule: i % 3, place, shape: format!("message {part} {i}"), ..Key::default() };
                for t in [&mut tally, &mut whole] {
                    t.entry(&key).count += 1;
                    t.at_hour(Some(u64::from(i)), key.rule, 1);
                }
            }
            parts.merge(tally, 3);
        }
        for tally in [&whole, &parts] {
            assert_eq!(tally.entries.iter().map(|e| e.count).sum::<u64>(), 200);
            assert!(tally.entries.len() <= 8 + 2 + 3, "{}", tally.entries.len());
            assert_eq!(tally.hours.values().sum::<u64>(), 200);
        }
    }
}
