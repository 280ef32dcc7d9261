//! A run against a saved one.

use anyhow::{bail, ensure};
use serde::Serialize;

use super::report::{Case, FORMAT, Input, Report};

/// By how many per cent the control may differ before the machine counts as another one.
const DRIFT_PERCENT: f64 = 10.0;

/// What became of the figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Cases of both runs, in the order of this one.
    pub cases: Vec<Change>,
    /// Cases of the saved run that this one does not have.
    pub gone: Vec<String>,
    /// Cases that only this run has.
    pub new: Vec<String>,
    /// What to know about the comparison, each a line.
    pub notes: Vec<String>,
    /// The limit, in per cent, if there is one.
    pub limit_percent: Option<f64>,
    /// Whether a case is slower than the limit allows.
    pub slower: bool,
}

/// A case then and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The filter.
    pub filter: String,
    /// The host.
    pub host: String,
    /// Whether it is there for comparison: it is never too slow.
    pub control: bool,
    /// CPU time per record in nanoseconds, in the saved run.
    pub then_ns: f64,
    /// The same in this one.
    pub now_ns: f64,
    /// More time, in per cent of what it was; less is negative.
    pub percent: f64,
    /// The same of the fastest rounds, which other programs have disturbed least.
    pub fastest_percent: f64,
    /// More time to start, in per cent.
    pub start_percent: f64,
    /// More linear memory, in bytes.
    pub memory_bytes: i64,
    /// Both the median and the fastest round are slower than the limit allows.
    pub slower: bool,
}

/// Read a saved run.
///
/// # Errors
/// When the text is none.
pub fn parse(text: &str) -> anyhow::Result<Report> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let Ok(Version { format }) = serde_json::from_str(text) else {
        bail!("this is no run that `tamis bench --save` has written");
    };
    ensure!(
        format == FORMAT,
        "this run has format {format}, and this tamis reads format {FORMAT}: save a run with it first"
    );
    Ok(serde_json::from_str(text)?)
}

/// Whether a saved run was measured on the same log.
///
/// # Errors
/// When it was not: its figures say nothing about this one.
pub fn check_input(then: &Report, now: &Input) -> anyhow::Result<()> {
    ensure!(
        then.input.sha256 == now.sha256,
        "the saved run was measured on another log ({}, {} bytes) than this one ({}, {} bytes)",
        then.input.name,
        then.input.bytes,
        now.name,
        now.bytes
    );
    Ok(())
}

/// Hold a run against a saved one. A case that takes more than `limit_percent` longer per record, in
/// the median and in the fastest round, is too slow.
#[must_use]
pub fn compare(then: &Report, now: &Report, limit_percent: Option<f64>) -> Comparison {
    let find = |cases: &[Case], id| cases.iter().find(|c| c.id() == id).cloned();
    let name = |case: &Case| format!("{} {}", case.filter, case.host);
    let mut notes = Vec::new();
    let (mut cases, mut new) = (Vec::new(), Vec::new());
    for case in &now.cases {
        let Some(old) = find(&then.cases, case.id()) else {
            new.push(name(case));
            continue;
        };
        if old.config_sha256 != case.config_sha256 {
            notes.push(format!("{}: the config is not the one of the saved run", name(case)));
        } else if old.output != case.output {
            notes.push(format!("{}: the output is not the one of the saved run", name(case)));
        }
        let (percent, fastest_percent) =
            (more(old.ns_per_record, case.ns_per_record), more(old.fastest_ns(), case.fastest_ns()));
        let over = |limit: f64| percent > limit && fastest_percent > limit;
        if case.control && percent.abs() > DRIFT_PERCENT && fastest_percent.abs() > DRIFT_PERCENT {
            notes.push(format!(
                "{}: the control differs by {percent:+.0} %: is it the same machine, as idle?",
                name(case)
            ));
        }
        cases.push(Change {
            filter: case.filter.clone(),
            host: case.host.clone(),
            control: case.control,
            then_ns: old.ns_per_record,
            now_ns: case.ns_per_record,
            percent,
            fastest_percent,
            start_percent: more(old.start_us, case.start_us),
            memory_bytes: signed(case.guest_memory_bytes) - signed(old.guest_memory_bytes),
            slower: !case.control && limit_percent.is_some_and(over),
        });
    }
    if then.machine != now.machine {
        notes.push("the saved run was made on another machine".to_owned());
    }
    let gone = then.cases.iter().filter(|case| find(&now.cases, case.id()).is_none()).map(name).collect();
    let slower = cases.iter().any(|case| case.slower);
    Comparison { cases, gone, new, notes, limit_percent, slower }
}

/// By how many per cent of `then` it is more now.
fn more(then: f64, now: f64) -> f64 {
    if then > 0.0 { (now / then - 1.0) * 100.0 } else { 0.0 }
}

fn signed(bytes: Option<u64>) -> i64 {
    bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::{
        histogram::Histogram,
        report::{Machine, Output, Step},
    };

    /// A run with made-up figures: a control and a filter.
    pub(in crate::bench) fn made_up(control_ns: f64, rounds_ns: [f64; 3]) -> Report {
        let mut latency = Histogram::default();
        latency.add(1_000);
        let case = |filter: &str, control, rounds: [f64; 3]| Case {
            filter: filter.to_owned(),
            host: "component".to_owned(),
            control,
            config_sha256: "c".to_owned(),
            artifact_bytes: Some(300_000),
            compile_ms: Some(500.0),
            start_us: 80.0,
            ns_per_record: rounds[1],
            rounds_ns_per_record: rounds.to_vec(),
            records_per_s: 1e9 / rounds[1],
            mb_per_s: 130.0 * 1e3 / rounds[1],
            sweep: [1, 64]
                .map(|records| Step { records, ns_per_record: rounds[1] + 900.0 / f64::from(records) })
                .to_vec(),
            batch_latency: latency.latency(),
            record_latency: latency.latency(),
            guest_memory_bytes: Some(1 << 20),
            rss_growth_bytes: None,
            output: Output { changed: 1, dropped: 0, sha256: "o".to_owned() },
        };
        Report {
            format: FORMAT,
            tamis: "0.1.0".to_owned(),
            machine: Machine { os: "linux".to_owned(), arch: "x86_64".to_owned(), cpus: 2 },
            input: Input {
                name: "<log> & \"more\"".to_owned(),
                sha256: "i".to_owned(),
                encoding: "text".to_owned(),
                records: 10,
                bytes: 1_300,
            },
            rounds: 3,
            peak_rss_bytes: Some(50 << 20),
            cases: vec![
                case("identity", true, [control_ns; 3]),
                case("./<mine> & co.wasm", false, rounds_ns),
            ],
            notes: Vec::new(),
        }
    }

    #[test]
    fn slower_is_what_median_and_fastest_round_say() {
        let then = made_up(10.0, [100.0, 105.0, 120.0]);
        for (rounds, percent, slower) in [
            ([100.0, 105.0, 120.0], 0.0, false),
            ([90.0, 100.0, 130.0], -4.8, false),
            // Disturbed: the fastest round is as it was.
            ([101.0, 150.0, 200.0], 42.9, false),
            ([119.0, 126.0, 130.0], 20.0, true),
            // Within the limit.
            ([105.0, 110.0, 120.0], 4.8, false),
        ] {
            let found = compare(&then, &made_up(10.0, rounds), Some(10.0));
            assert_eq!(found.slower, slower, "{rounds:?}");
            assert!((found.cases[1].percent - percent).abs() < 0.1, "{rounds:?}: {}", found.cases[1].percent);
            assert!(found.notes.is_empty(), "{:?}", found.notes);
            assert!(!compare(&then, &made_up(10.0, rounds), None).slower);
        }
    }

    #[test]
    fn a_control_is_never_too_slow_but_is_noted() {
        let found = compare(&made_up(10.0, [100.0; 3]), &made_up(20.0, [100.0; 3]), Some(10.0));
        assert!(!found.slower);
        assert!(found.notes[0].contains("the control differs by +100 %"), "{:?}", found.notes);
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let then = made_up(10.0, [100.0; 3]);
        let mut now = made_up(10.0, [100.0; 3]);
        now.cases[0].output.changed = 2;
        now.cases[1].host = "fluent-bit".to_owned();
        now.machine.cpus = 64;
        let found = compare(&then, &now, Some(1.0));
        assert_eq!(found.gone, ["./<mine> & co.wasm component"]);
        assert_eq!(found.new, ["./<mine> & co.wasm fluent-bit"]);
        assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
        assert!(check_input(&then, &now.input).is_ok());
        now.input.sha256 = "other".to_owned();
        assert!(check_input(&then, &now.input).is_err());
    }

    #[test]
    fn saved_runs_are_read_back_and_others_refused() {
        let run = made_up(10.0, [100.0; 3]);
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(parse(&text).unwrap(), run);
        assert!(parse("{}").unwrap_err().to_string().contains("--save"));
        let other = text.replace("\"format\":1", "\"format\":9");
        assert!(parse(&other).unwrap_err().to_string().contains("format 9"));
    }
}
