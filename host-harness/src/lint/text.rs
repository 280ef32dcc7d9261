//! The report for people.

use std::fmt::Write;

use tamis_detectors::Severity;

use super::Report;
use crate::audit::Style;

/// Write the report.
#[must_use]
pub fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for f in &report.findings {
        let place = f.line.map_or_else(|| plain(&f.file), |line| format!("{}:{line}", plain(&f.file)));
        let severity = style.severity(f.severity, f.severity.label());
        let fixed = if f.fixed { " (fixed)" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}: {severity} {}{fixed}", style.paint("1", &place), f.rule);
        let _ = writeln!(out, "    {}", plain(&f.message));
        let _ = writeln!(out, "    cure: {}", plain(&f.cure));
        if let Some(line) = &f.advised {
            let _ = writeln!(out, "    line: {}", style.paint("32", &plain(line)));
        }
    }
    if !report.findings.is_empty() {
        out.push('\n');
    }
    for fact in &report.facts {
        let _ = writeln!(out, "{}: {}: {}", plain(&fact.file), fact.name, plain(&fact.value));
    }
    if !report.facts.is_empty() {
        out.push('\n');
    }
    summary(report, style, &mut out);
    out
}

fn summary(report: &Report, style: Style, out: &mut String) {
    let s = &report.summary;
    let _ = write!(out, "{}", style.paint("1", &plural(s.findings, "finding")));
    let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let by: Vec<String> = all
        .into_iter()
        .filter_map(|severity| {
            let count = s.by_severity.get(severity.label())?;
            Some(style.severity(severity, &format!("{count} {}", severity.label())))
        })
        .collect();
    if !by.is_empty() {
        let _ = write!(out, ": {}", by.join(", "));
    }
    if s.fixed > 0 {
        let _ = write!(out, "; {} fixed", s.fixed);
    }
    out.push('\n');
}

fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
