//! The tables: rows from measurements, as text for people and as data for programs.

use std::{fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::{
    fuel,
    process::{Program, Usage},
    throughput::{Case, Suite, Timing, median},
};

/// How much memory `tamis run` may have at most, in bytes.
const MEMORY_GOAL_BYTES: u64 = 200_000_000;

/// How many templates the table of instructions shows.
const TEMPLATES: usize = 16;

/// One row of the table of speeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Whether it is a program of its own.
    pub program: bool,
    /// MB (1,000,000 bytes) of the log per second of CPU time, median of the rounds.
    pub mb_per_cpu_s: f64,
    /// MB per second of the clock; programs only.
    pub mb_per_s: Option<f64>,
    /// CPU time per record in nanoseconds, median of the rounds.
    pub ns_per_record: f64,
    /// CPU time per record as a multiple of the yardstick's, median over the rounds of the
    /// ratio within a round.
    pub ratio: f64,
    /// The most memory it had, in bytes; programs only.
    pub peak_rss_bytes: Option<u64>,
    /// A goal and whether it was met, or what a peer does less.
    pub note: String,
}

/// Rows for the hosts in this process.
#[must_use]
pub fn host_rows(yardstick: Case, timings: &[Timing]) -> Vec<Row> {
    let rounds = timings.iter().find(|t| t.case == yardstick).map_or(&[][..], |t| &t.rounds);
    timings.iter().map(|timing| host_row(yardstick, timing, rounds)).collect()
}

fn host_row(yardstick: Case, timing: &Timing, yardstick_rounds: &[Duration]) -> Row {
    let seconds = median(timing.rounds.iter().map(Duration::as_secs_f64).collect());
    let records = timing.records.max(1) as f64;
    // JSON records are longer, so that fewer of them make up the same bytes. A row of JSON
    // is compared by the record as well: it is the same lines.
    let yardstick_records = timing.yardstick_records.max(1) as f64;
    let ratios = timing.rounds.iter().zip(yardstick_rounds).map(|(time, yardstick)| {
        (time.as_secs_f64() / records) / (yardstick.as_secs_f64() / yardstick_records)
    });
    let ratio = median(ratios.collect());
    let mb_per_cpu_s = timing.bytes as f64 / 1e6 / seconds;
    let note = if timing.case == yardstick { "the yardstick" } else { "" };
    Row {
        name: timing.case.to_string(),
        program: false,
        mb_per_cpu_s,
        mb_per_s: None,
        ns_per_record: seconds * 1e9 / records,
        ratio,
        peak_rss_bytes: None,
        note: note.into(),
    }
}

/// Rows for programs, each with what its rounds used on so many bytes and records of log. `yardstick` and `component` are the
/// places of the filter in the native host and in the component host, for which the goals are.
#[must_use]
pub fn program_rows(
    suite: &Suite,
    programs: &[(Program, Vec<Usage>)],
    bytes: u64,
    records: u64,
    [yardstick, component]: [usize; 2],
) -> Vec<Row> {
    let cpu = |usage: &Usage| usage.cpu.as_secs_f64();
    let yardstick_rounds = programs.get(yardstick).map_or(&[][..], |(_, rounds)| rounds);
    let row = |(place, (program, rounds)): (usize, &(Program, Vec<Usage>))| {
        let seconds = median(rounds.iter().map(cpu).collect());
        let wall = median(rounds.iter().map(|u| u.wall.as_secs_f64()).collect());
        let ratio = median(rounds.iter().zip(yardstick_rounds).map(|(a, b)| cpu(a) / cpu(b)).collect());
        let mb_per_cpu_s = bytes as f64 / 1e6 / seconds;
        let mut note = program.note.to_owned();
        if place == yardstick {
            note = "the yardstick".into();
        } else if place == component {
            note = format!("goal: ratio <= {} {}", suite.ratio_goal, met(ratio <= suite.ratio_goal));
            if let Some(speed) = suite.speed_goal {
                let _ = write!(note, ", >= {speed} MB/s {}", met(mb_per_cpu_s >= speed));
            }
        }
        Row {
            name: program.name.clone(),
            program: true,
            mb_per_cpu_s,
            mb_per_s: Some(bytes as f64 / 1e6 / wall),
            ns_per_record: seconds * 1e9 / records.max(1) as f64,
            ratio,
            peak_rss_bytes: rounds.iter().map(|u| u.peak_rss_bytes).max(),
            note,
        }
    };
    programs.iter().enumerate().map(row).collect()
}

/// The table of speeds as text. `missing` are lines for peers that are not there.
#[must_use]
pub fn speeds(rows: &[Row], missing: &[String]) -> String {
    let mut out = String::new();
    line(&mut out, &["", "MB per CPU s", "MB/s", "ns/record", "x native", "peak RSS", ""]);
    for program in [false, true] {
        let header = match program {
            false => "Host::process on ready batches, one thread of this process",
            true => "whole programs on one core, file to /dev/null, all threads and start-up",
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "-- {header}");
        for row in rows.iter().filter(|row| row.program == program) {
            line(
                &mut out,
                &[
                    &row.name,
                    &format!("{:.0}", row.mb_per_cpu_s),
                    &row.mb_per_s.map_or(String::new(), |n| format!("{n:.0}")),
                    &format!("{:.0}", row.ns_per_record),
                    &format!("{:.2}", row.ratio),
                    &row.peak_rss_bytes.map_or(String::new(), |n| format!("{:.0} MB", n as f64 / 1e6)),
                    &row.note,
                ],
            );
        }
    }
    for peer in missing {
        out.push_str(peer);
        out.push('\n');
    }
    out
}

fn line(out: &mut String, cells: &[&str; 7]) {
    let [name, cpu, wall, ns, ratio, rss, note] = cells;
    let mut text = format!("{name:<44}{cpu:>13}{wall:>7}{ns:>11}{ratio:>10}{rss:>10}");
    if !note.is_empty() {
        let _ = write!(text, "  {note}");
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// The table of executed instructions as text.
#[must_use]
pub fn instructions(report: &fuel::Report, with_templates: bool) -> String {
    let mut out = format!(
        "{:<54}{:>8}{:>7}   {:>8}{:>8}{:>7}   {:>8}{:>8}{:>7}\n",
        "", "records", "bytes", "identity", "filter", "ratio", "identity", "filter", "ratio"
    );
    let mut rows = |header: &str, lines: &[fuel::Line]| {
        let _ = writeln!(out, "-- {header}");
        for l in lines {
            let _ = writeln!(
                out,
                "{:<54}{:>8}{:>7.0}   {:>8.0}{:>8.0}{:>7.2}   {:>8.0}{:>8.0}{:>7.2}",
                l.group,
                l.records,
                l.bytes,
                l.identity,
                l.filter,
                l.ratio,
                l.dispatched_identity,
                l.dispatched_filter,
                l.dispatched_ratio
            );
        }
    };
    rows("all lines", std::slice::from_ref(&report.total));
    rows("by kind", &report.groups);
    if with_templates {
        let most = &report.templates[..report.templates.len().min(TEMPLATES)];
        rows("by template, those that cost most in all", most);
    }
    out
}

/// What `--memory` found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Memory {
    /// Bytes into the filter.
    pub bytes_in: u64,
    /// Bytes out of it.
    pub bytes_out: u64,
    /// The most memory it had, in bytes.
    pub peak_rss_bytes: u64,
    /// MB per second of the clock, this process feeding it and reading from it.
    pub mb_per_s: f64,
}

impl Memory {
    /// From one run between two pipes.
    #[must_use]
    pub fn new(usage: Usage, bytes_in: u64, bytes_out: u64) -> Self {
        let mb_per_s = bytes_in as f64 / 1e6 / usage.wall.as_secs_f64();
        Self { bytes_in, bytes_out, peak_rss_bytes: usage.peak_rss_bytes, mb_per_s }
    }
}

/// What `--memory` found, as text.
#[must_use]
pub fn memory(name: &str, found: &Memory) -> String {
    format!(
        "{name}, standard input to standard output: {:.0} MB in, {:.0} MB out at {:.0} MB/s, \
         peak RSS {:.1} MB (goal: < {} MB {})\n",
        found.bytes_in as f64 / 1e6,
        found.bytes_out as f64 / 1e6,
        found.mb_per_s,
        found.peak_rss_bytes as f64 / 1e6,
        MEMORY_GOAL_BYTES / 1_000_000,
        met(found.peak_rss_bytes < MEMORY_GOAL_BYTES),
    )
}

fn met(goal: bool) -> &'static str {
    if goal { "met" } else { "MISSED" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throughput::SUITES;
    use tamis::host::{Encoding, HostKind};

    fn timing(host: HostKind, rounds: [u64; 3]) -> Timing {
        let rounds = rounds.map(Duration::from_millis).to_vec();
        let case = Case { host, ..SUITES[0].yardstick(Encoding::Text) };
        Timing { case, records: 1_000_000, yardstick_records: 1_000_000, bytes: 100_000_000, rounds }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was twice as slow in the second round.
        let native = timing(HostKind::Native, [200, 400, 200]);
        let component = timing(HostKind::Component, [260, 520, 260]);
        let rows = host_rows(SUITES[0].yardstick(Encoding::Text), &[native, component]);
        assert!((rows[0].ratio - 1.0).abs() < 1e-9);
        assert!((rows[1].ratio - 1.3).abs() < 1e-9);
        assert!((rows[1].ns_per_record - 260.0).abs() < 1e-6);
        let table = speeds(&rows, &["anonip: not installed".into()]);
        assert!(table.contains("component coturn-ip-anonymizer text"), "{table}");
        assert!(table.ends_with("anonip: not installed\n"), "{table}");
    }

    #[test]
    fn goals_are_for_whole_programs() {
        let rounds = |ms: [u64; 3]| {
            let usage =
                |ms| Usage { wall: Duration::ZERO, cpu: Duration::from_millis(ms), peak_rss_bytes: 1 };
            ms.map(usage).to_vec()
        };
        let program = |args: &[&str]| Program::tamis(None, args).unwrap();
        let programs = [
            (program(&["f"]), rounds([130, 520, 130])),
            (program(&["f", "--host", "native"]), rounds([100, 400, 100])),
            (program(&["slow"]), rounds([141, 564, 141])),
        ];
        let rows = program_rows(&SUITES[0], &programs, 100_000_000, 1_000_000, [1, 0]);
        assert!((rows[0].ratio - 1.3).abs() < 1e-9);
        assert_eq!(rows[0].note, "goal: ratio <= 1.4 met, >= 250 MB/s met");
        let rows = program_rows(&SUITES[0], &programs, 100_000_000, 1_000_000, [1, 2]);
        assert_eq!(rows[2].note, "goal: ratio <= 1.4 MISSED, >= 250 MB/s met");
    }

    #[test]
    fn a_missed_goal_is_loud() {
        let usage = Usage { wall: Duration::from_secs(4), cpu: Duration::ZERO, peak_rss_bytes: 300_000_000 };
        let found = Memory::new(usage, 1_000_000_000, 1_000_000_000);
        assert!(memory("tamis", &found).contains("peak RSS 300.0 MB (goal: < 200 MB MISSED)"));
    }
}
