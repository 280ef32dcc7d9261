//! The report for people, at most [`WIDTH`] columns wide.

use std::fmt::Write;

use super::{
    report::{FileLoggers, Finding, LoggerLines, Report, RuleCount, SEVERITIES},
    suggest,
};
use crate::render::columns::{Style, WIDTH, cut, cut_start, more, not_read, plural, size};

/// Findings that are listed.
const MAX_FINDINGS: usize = 30;
/// Rows of the other tables.
const MAX_ROWS: usize = 20;

/// Write the report.
pub fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    head(report, style, &mut out);
    findings(report, style, &mut out);
    rules(report, style, &mut out);
    payloads(report, style, &mut out);
    loggers(report, style, &mut out);
    not_read("Left out", &report.skipped, MAX_ROWS, style, &mut out);
    not_read("Could not be scanned", &report.errors, MAX_ROWS, style, &mut out);
    next(report, style, &mut out);
    out
}

fn head(report: &Report, style: Style, out: &mut String) {
    let s = &report.summary;
    let _ = writeln!(
        out,
        "{} scanned, {}, {}: {}",
        plural(s.files, "file"),
        size(s.bytes),
        plural(s.lines, "line"),
        style.paint("1", &plural(s.findings, "finding"))
    );
    let by: Vec<String> = SEVERITIES
        .iter()
        .filter_map(|sev| {
            let count = *s.by_severity.get(sev.label())?;
            (count > 0).then(|| style.severity(*sev, &format!("{count} {}", sev.label())))
        })
        .collect();
    if s.findings > 0 {
        let _ = writeln!(
            out,
            "{}; {} in {}",
            by.join(", "),
            plural(s.occurrences, "occurrence"),
            plural(s.files_with_findings, "file")
        );
    }
    if s.known > 0 {
        let _ = writeln!(out, "{} in the baseline, not listed", plural(s.known, "finding"));
    }
}

fn findings(report: &Report, style: Style, out: &mut String) {
    let new = || report.findings.iter().filter(|f| !f.known);
    if new().next().is_none() {
        return;
    }
    style.title(out, "Findings");
    let _ = writeln!(out, "{:8}  {:22} {:9} {:>7}  WHERE", "SEVERITY", "RULE", "FORM", "COUNT");
    for finding in new().take(MAX_FINDINGS) {
        row(finding, style, out);
    }
    let more = new().count().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        let _ = writeln!(out, "... and {more} more: --format html or json has them all");
    }
}

fn row(f: &Finding, style: Style, out: &mut String) {
    let place = format!("{}:{}:{} {}", f.file, f.first_line, f.first_column, f.place);
    let severity = style.severity(f.severity, &format!("{:8}", f.severity.label()));
    let _ = writeln!(
        out,
        "{severity}  {:22} {:9} {:>7}  {}",
        cut(&f.rule, 22),
        f.form,
        f.count,
        cut_start(&place, WIDTH - 51)
    );
    let indent = "          ";
    if !f.contains.is_empty() {
        let mut contains: Vec<_> = f.contains.iter().collect();
        contains.sort_by(|a, b| b.1.cmp(a.1));
        let list: Vec<String> = contains.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        let _ = writeln!(out, "{indent}contains {}", cut(&list.join(", "), WIDTH - 19));
    }
    let shown = f.samples.first().map_or(&f.message, |s| &s.context);
    let _ = writeln!(out, "{indent}{}", style.paint("2", &cut(shown, WIDTH - 10)));
}

fn rules(report: &Report, style: Style, out: &mut String) {
    if report.rules.is_empty() {
        return;
    }
    style.title(out, "What was found");
    let _ = writeln!(
        out,
        "{:8}  {:22} {:>9} {:>12} {:>6}  MOST IN",
        "SEVERITY", "RULE", "COUNT", "IN PAYLOADS", "FILES"
    );
    for rule in &report.rules {
        let RuleCount { severity, count, in_payloads, files, .. } = rule;
        let most = files.first().map_or("", |f| &f.file);
        let severity = style.severity(*severity, &format!("{:8}", severity.label()));
        let name = cut(&rule.rule, 22);
        let _ = writeln!(
            out,
            "{severity}  {name:22} {count:>9} {in_payloads:>12} {:>6}  {}",
            files.len(),
            cut_start(most, WIDTH - 64)
        );
    }
}

fn payloads(report: &Report, style: Style, out: &mut String) {
    if report.payloads.is_empty() {
        return;
    }
    style.title(out, "Where payloads are logged");
    let _ = writeln!(out, "{:30} {:30} {:9} {:>7}  BY", "FILE", "PLACE", "FORM", "COUNT");
    for p in report.payloads.iter().take(MAX_ROWS) {
        let site = p.call_sites.first().map_or("", String::as_str);
        let _ = writeln!(
            out,
            "{:30} {:30} {:9} {:>7}  {}",
            cut_start(&p.file, 30),
            cut(&p.place, 30),
            p.form,
            p.count,
            cut(site, WIDTH - 82)
        );
    }
    more(report.payloads.len(), MAX_ROWS, out);
}

fn loggers(report: &Report, style: Style, out: &mut String) {
    if report.loggers.is_empty() {
        return;
    }
    style.title(out, "Loggers");
    let share = |l: &LoggerLines| format!("{} {}%", l.name, l.percent);
    for FileLoggers { file, loggers, wrappers } in report.loggers.iter().take(MAX_ROWS) {
        let mut list: Vec<String> = loggers.iter().map(share).collect();
        if list.is_empty() {
            list.push("empty".to_owned());
        }
        let wrapped: Vec<&str> = wrappers.iter().map(|w| w.name).collect();
        let wrapped =
            if wrapped.is_empty() { String::new() } else { format!(" (wrapped by {})", wrapped.join(", ")) };
        let _ =
            writeln!(out, "{:30} {}", cut_start(file, 30), cut(&(list.join(", ") + &wrapped), WIDTH - 31));
    }
    more(report.loggers.len(), MAX_ROWS, out);
}

fn next(report: &Report, style: Style, out: &mut String) {
    if report.summary.findings == 0 {
        return;
    }
    style.title(out, "What to do next");
    out.push_str(
        "Stop logging payloads where the call sites above say; log ids, types and sizes instead.\n\
         Until then: tamis run asynq-payload-redactor --config asynq.json FILE, or the same filter in\n\
         Fluent Bit or Envoy. What is harmless goes on with --baseline: see docs/audit.md.\n",
    );
    let config = suggest::config(report);
    if !config.is_empty() {
        out.push_str(
            "A start for asynq.json: move into \"allow\" what may be seen, and delete the comments.\n\n",
        );
        out.push_str(&config);
    }
}
