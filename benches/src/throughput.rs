//! Hosts in this process: CPU time of the one thread that calls `Host::process` on batches
//! that are ready. Nothing is read, cut into lines, written or put together again.

use std::{collections::BTreeSet, fmt, time::Duration};

use anyhow::{Context, ensure};
pub use tamis::bench::clock::median;
use tamis::{
    bench::clock::thread_cpu_time,
    host::{Encoding, Host, HostKind, HostOptions, Outcome},
    select::{Opener, Target},
};

use crate::corpus::{Batches, Corpus};

/// A filter in a host, and the encoding of the records it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The filter.
    pub filter: &'static str,
    /// The host.
    pub host: HostKind,
    /// What the records are.
    pub encoding: Encoding,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            Encoding::Text => "text",
            Encoding::Json => "json",
        };
        write!(f, "{} {} {encoding}", self.host, self.filter)
    }
}

/// What is measured for one filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suite {
    /// The filter.
    pub filter: &'static str,
    /// The recorded logs, in `tests/corpus`.
    pub logs: &'static [&'static str],
    /// How much slower than native a component may be.
    pub ratio_goal: f64,
    /// How fast a component should be at least, in MB/s.
    pub speed_goal: Option<f64>,
}

/// One suite per filter, the first is the default.
pub const SUITES: [Suite; 3] = [
    Suite {
        filter: "coturn-ip-anonymizer",
        logs: &["coturn/4.6.1-load-mixed.log"],
        ratio_goal: 1.4,
        speed_goal: Some(250.0),
    },
    Suite {
        filter: "asynq-payload-redactor",
        logs: &["asynq/zerolog.jsonl", "asynq/slog-json.jsonl", "asynq/std-log.log"],
        ratio_goal: 1.5,
        speed_goal: None,
    },
    Suite {
        filter: "chatwoot-auth-tagger",
        logs: &["chatwoot/rails-default.log", "chatwoot/rails-lograge.log"],
        ratio_goal: 1.5,
        speed_goal: None,
    },
];

impl Suite {
    /// The suite of a filter.
    #[must_use]
    pub fn of(filter: &str) -> Option<Self> {
        SUITES.into_iter().find(|s| s.filter == filter)
    }

    /// What everything is held against.
    #[must_use]
    pub fn yardstick(&self, encoding: Encoding) -> Case {
        Case { filter: self.filter, host: HostKind::Native, encoding }
    }

    /// All cases for a log, the yardstick among them. Text is measured as JSON, too.
    #[must_use]
    pub fn cases(&self, encoding: Encoding) -> Vec<Case> {
        let encodings = match encoding {
            Encoding::Text => &[Encoding::Text, Encoding::Json][..],
            Encoding::Json => &[Encoding::Json],
        };
        let mut cases = Vec::new();
        for &encoding in encodings {
            for host in HostKind::ALL {
                for filter in ["identity", self.filter] {
                    cases.push(Case { filter, host, encoding });
                }
            }
        }
        cases
    }
}

/// How long one case took, round by round.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The case.
    pub case: Case,
    /// How many records went through in a round.
    pub records: u64,
    /// How many went through the yardstick.
    pub yardstick_records: u64,
    /// How many bytes of a file they stand for.
    pub bytes: u64,
    /// CPU time of each round.
    pub rounds: Vec<Duration>,
}

/// Start the filter of a case with its default config.
///
/// # Errors
/// When it does not start.
pub fn open(opener: &Opener, case: Case) -> anyhow::Result<Box<dyn Host>> {
    opener
        .open(&Target::find(case.filter)?, case.host, "", &HostOptions::default())
        .with_context(|| format!("cannot start {case}"))
}

/// Filter all batches once; the answer is the CPU time of this thread.
///
/// # Errors
/// When the filter fails.
pub fn pass(host: &mut dyn Host, batches: &Batches, outcome: &mut Outcome) -> anyhow::Result<Duration> {
    let start = thread_cpu_time();
    for batch in &batches.batches {
        host.process(batch, outcome)?;
    }
    Ok(thread_cpu_time().saturating_sub(start))
}

/// Measure all cases on `bytes` bytes of log, every case once in each round, so that a
/// slow minute of the machine hits all of them.
///
/// # Errors
/// When a filter fails, or its answers differ from those of the native host: a figure for
/// something else would be worth nothing.
pub fn measure(suite: &Suite, corpus: &Corpus, bytes: u64, rounds: usize) -> anyhow::Result<Vec<Timing>> {
    let opener = Opener::default();
    let mut timings = Vec::new();
    let all = suite.cases(corpus.encoding);
    let mut yardstick_records = 0;
    // One encoding after the other: both would need twice the memory.
    for encoding in [Encoding::Text, Encoding::Json] {
        if all.iter().all(|case| case.encoding != encoding) {
            continue;
        }
        let batches = corpus.batches(encoding, bytes);
        if encoding == corpus.encoding {
            yardstick_records = batches.records;
        }
        let mut running = Vec::new();
        for &case in all.iter().filter(|case| case.encoding == encoding) {
            running.push((case, open(&opener, case)?, Vec::with_capacity(rounds)));
        }
        let mut outcome = Outcome::default();
        let mut known: BTreeSet<(&str, Vec<u8>)> = BTreeSet::new();
        for (case, host, _) in &mut running {
            let batch = batches.batches.first().context("no records to measure with")?;
            host.process(batch, &mut outcome).with_context(|| case.to_string())?;
            // Native comes first.
            let answer = (case.filter, outcome.bodies.clone());
            ensure!(
                case.host == HostKind::Native || known.contains(&answer),
                "{case} answers otherwise than the native host: run `make test` first"
            );
            known.insert(answer);
        }
        for _ in 0..rounds {
            for (case, host, times) in &mut running {
                times.push(pass(host.as_mut(), &batches, &mut outcome).with_context(|| case.to_string())?);
            }
        }
        timings.extend(running.into_iter().map(|(case, _, rounds)| Timing {
            case,
            records: batches.records,
            yardstick_records,
            bytes: batches.bytes,
            rounds,
        }));
    }
    Ok(timings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yardstick_is_one_of_the_cases() {
        for suite in SUITES {
            for encoding in [Encoding::Text, Encoding::Json] {
                assert!(suite.cases(encoding).contains(&suite.yardstick(encoding)));
            }
        }
    }

    #[test]
    fn all_hosts_are_measured_on_the_same_answers() {
        let corpus = Corpus::new(b"session 1: peer 203.0.113.5 lifetime updated: 600\n".to_vec()).unwrap();
        let timings = measure(&SUITES[0], &corpus, 1000, 2).unwrap();
        assert_eq!(timings.len(), SUITES[0].cases(Encoding::Text).len());
        assert!(
            timings.iter().all(|t| t.rounds.len() == 2 && t.records == timings[0].records
                || t.case.encoding == Encoding::Json)
        );
    }
}
