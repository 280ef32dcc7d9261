//! Tables for people.

use std::fmt::Write as _;

use super::{
    compare::Comparison,
    histogram::Latency,
    report::{Case, Report},
};

/// A run as text.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut out = String::new();
    let (machine, input) = (&report.machine, &report.input);
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{}: {} records, {} bytes, {}; {} rounds, medians; tamis {} on {} {}, {} CPUs\n",
        input.name,
        input.records,
        input.bytes,
        input.encoding,
        report.rounds,
        report.tamis,
        machine.os,
        machine.arch,
        machine.cpus
    );
    let width = width(report.cases.iter().map(Case::id));
    let _ = writeln!(
        out,
        "{:width$} {:>11} {:>9} {:>10} {:>11} {:>8} {:>10}",
        "", "compile ms", "start us", "ns/record", "records/s", "MB/s", "x identity"
    );
    for case in &report.cases {
        let _ = writeln!(
            out,
            "{:width$} {:>11} {:>9.0} {:>10.0} {:>11} {:>8.0} {:>10}",
            name(case.id()),
            optional(case.compile_ms, |ms| format!("{ms:.0}")),
            case.start_us,
            case.ns_per_record,
            thousands(case.records_per_s),
            case.mb_per_s,
            optional(over_control(report, case), |ratio| format!("{ratio:.2}")),
        );
    }
    let _ = writeln!(
        out,
        "\n{:width$} {:>24} {:>24} {:>9} {:>9}",
        "", "us a batch, of tamis run", "us a record, alone", "memory", "RSS"
    );
    let _ = writeln!(
        out,
        "{:width$} {:>24} {:>24} {:>9} {:>9}",
        "", "p50/p99/p99.9", "p50/p99/p99.9", "MB", "MB"
    );
    for case in &report.cases {
        let _ = writeln!(
            out,
            "{:width$} {:>24} {:>24} {:>9} {:>9}",
            name(case.id()),
            latency(&case.batch_latency),
            latency(&case.record_latency),
            optional(case.guest_memory_bytes, |bytes| format!("{:.1}", bytes as f64 / 1e6)),
            optional(case.rss_growth_bytes, |bytes| format!("+{:.1}", bytes as f64 / 1e6)),
        );
    }
    sweep(&mut out, report, width);
    if let Some(bytes) = report.peak_rss_bytes {
        let _ = writeln!(out, "\npeak RSS of all: {:.0} MB", bytes as f64 / 1e6);
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

fn sweep(out: &mut String, report: &Report, width: usize) {
    let sizes = report.cases.first().map_or(&[][..], |case| &case.sweep);
    if sizes.is_empty() {
        return;
    }
    let _ = write!(out, "\n{:width$}", "ns/record in batches of");
    for step in sizes {
        let _ = write!(out, " {:>9}", step.records);
    }
    out.push('\n');
    for case in &report.cases {
        let _ = write!(out, "{:width$}", name(case.id()));
        for step in &case.sweep {
            let _ = write!(out, " {:>9.0}", step.ns_per_record);
        }
        out.push('\n');
    }
}

/// How often a case takes the time that the identity filter takes in the same host.
pub(super) fn over_control(report: &Report, case: &Case) -> Option<f64> {
    let identity =
        report.cases.iter().find(|c| c.control && c.host == case.host && c.filter == "identity")?;
    Some(case.ns_per_record / identity.ns_per_record)
}

/// A comparison as text.
#[must_use]
pub fn comparison(found: &Comparison) -> String {
    let width = width(found.cases.iter().map(|c| (c.filter.as_str(), c.host.as_str())));
    let mut out = format!(
        "\n{:width$} {:>10} {:>10} {:>9} {:>9} {:>9} {:>9}\n",
        "against the saved run", "then ns", "now ns", "change", "fastest", "start", "memory"
    );
    for case in &found.cases {
        let _ = writeln!(
            out,
            "{:width$} {:>10.0} {:>10.0} {:>+8.1}% {:>+8.1}% {:>+8.1}% {:>9}{}",
            name((&case.filter, &case.host)),
            case.then_ns,
            case.now_ns,
            case.percent,
            case.fastest_percent,
            case.start_percent,
            format!("{:+.1} MB", case.memory_bytes as f64 / 1e6),
            if case.slower { "  SLOWER" } else { "" },
        );
    }
    for (title, names) in [("only in the saved run", &found.gone), ("new", &found.new)] {
        if !names.is_empty() {
            let _ = writeln!(out, "{title}: {}", names.join(", "));
        }
    }
    for note in &found.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

pub(super) fn name((filter, host): (&str, &str)) -> String {
    format!("{filter} {host}").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn width<'a>(ids: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    ids.map(|id| name(id).chars().count()).max().unwrap_or(0).max(24)
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn latency(latency: &Latency) -> String {
    [latency.p50_ns, latency.p99_ns, latency.p999_ns].map(micros).join("/")
}

/// Three digits that count.
pub(super) fn micros(ns: u64) -> String {
    let us = ns as f64 / 1e3;
    match us {
        _ if us < 10.0 => format!("{us:.2}"),
        _ if us < 100.0 => format!("{us:.1}"),
        _ => format!("{us:.0}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::{compare, tests::made_up};

    #[test]
    fn columns_stand_below_their_titles() {
        let text = report(&made_up(50.0, [100.0, 110.0, 130.0]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2].chars().count(), lines[4].chars().count(), "{text}");
        assert!(lines[4].ends_with("9,090,909     1182       2.20"), "{text}");
        assert!(text.contains("1.00/1.00/1.00") && text.contains("peak RSS of all: 52 MB"), "{text}");
        assert!(text.contains("ns/record in batches of"), "{text}");
    }

    #[test]
    fn a_slower_case_is_loud() {
        let found = compare(&made_up(50.0, [100.0; 3]), &made_up(50.0, [150.0; 3]), Some(10.0));
        let text = comparison(&found);
        assert!(text.contains("100        150    +50.0%    +50.0%     +0.0%   +0.0 MB  SLOWER"), "{text}");
        assert_eq!(text.matches("SLOWER").count(), 1);
    }
}
