//! The report as one HTML page.

use std::{collections::BTreeMap, fmt::Write};

use tamis_detectors::Severity;

use super::{
    report::{FileCount, Finding, Hour, Report, SEVERITIES},
    suggest,
};
use crate::render::{
    chart::{self, Bar},
    columns::size,
    html::{close, esc, not_read, open, tile},
};

const STYLE: &str = include_str!("report.css");
/// Findings that the page lists: browsers stay quick with that many.
const MAX_FINDINGS: usize = 5000;
/// Hours without a gap in the chart over time.
const MAX_HOURS: usize = 24 * 14;

/// Write the page.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    open("tamis audit", STYLE, &mut out);
    head(report, &mut out);
    charts(report, &mut out);
    findings(report, &mut out);
    payloads(report, &mut out);
    loggers(report, &mut out);
    not_read("Could not be scanned", &report.errors, MAX_FINDINGS, &mut out);
    not_read("Left out", &report.skipped, MAX_FINDINGS, &mut out);
    next(report, &mut out);
    close("values are shown as shapes: letters are *, digits are #", &mut out);
    out
}

fn head(report: &Report, out: &mut String) {
    let s = &report.summary;
    out.push_str("<h1>tamis audit</h1>\n<ul class=\"tiles\">\n");
    let mut tile = |value: String, label: &str, class: &str| tile(&value, label, class, out);
    tile(s.findings.to_string(), "findings", "");
    for severity in SEVERITIES {
        let count = s.by_severity.get(severity.label()).copied().unwrap_or_default();
        tile(count.to_string(), severity.label(), severity.label());
    }
    tile(s.occurrences.to_string(), "occurrences", "");
    tile(s.known.to_string(), "in the baseline", "");
    tile(format!("{} of {}", s.files_with_findings, s.files), "files", "");
    tile(size(s.bytes), "scanned", "");
    tile(s.lines.to_string(), "lines", "");
    out.push_str("</ul>\n");
}

fn charts(report: &Report, out: &mut String) {
    if report.rules.is_empty() {
        return;
    }
    out.push_str("<div class=\"charts\">\n");
    let rules = report.rules.iter().map(|r| (r.rule.clone(), r.count + r.in_payloads, r.severity.label()));
    chart::bars("By detector", rules.collect(), out);
    let mut files: BTreeMap<&str, (u64, Severity)> = BTreeMap::new();
    for rule in &report.rules {
        for FileCount { file, count } in &rule.files {
            let sum = files.entry(file).or_insert((0, Severity::Low));
            sum.0 += count;
            sum.1 = sum.1.max(rule.severity);
        }
    }
    let files: Vec<Bar> = files.into_iter().map(|(f, (n, s))| (f.to_owned(), n, s.label())).collect();
    chart::bars("By file", files, out);
    out.push_str("</div>\n");
    over_time(report, out);
}

fn over_time(report: &Report, out: &mut String) {
    let hours = &report.timeline.hours;
    let untimed: u64 = report.timeline.untimed.values().sum();
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return };
    let shown = &hours[hours.len().saturating_sub(MAX_HOURS)..];
    let sum = |h: &Hour| h.rules.values().sum::<u64>();
    let max = shown.iter().map(sum).max().unwrap_or(1).max(1);
    out.push_str("<section>\n<h2>Over time</h2>\n");
    let column = |hour: &Hour| chart::Column {
        title: format!("{}: {}", hour.hour, sum(hour)),
        heights: vec![sum(hour)],
        gap: false,
    };
    let columns: Vec<chart::Column> = shown.iter().map(column).collect();
    chart::columns(&format!("Values found per hour, at most {max}"), &["low"], &columns, out);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<p>{} to {}, hours with findings; at most {max} in an hour{}</p>\n</section>",
        esc(&shown.first().unwrap_or(first).hour),
        esc(&last.hour),
        if untimed > 0 { format!("; {untimed} in records without a time") } else { String::new() }
    );
}

fn findings(report: &Report, out: &mut String) {
    out.push_str("<section>\n<h2>Findings</h2>\n");
    if report.findings.is_empty() {
        out.push_str("<p>None.</p>\n</section>\n");
        return;
    }
    out.push_str(
        "<p class=\"filter\" hidden><label>Filter <input id=\"filter\" type=\"search\"></label> \
         <label>Severity <select id=\"severity\"><option value=\"\">all</option>",
    );
    for severity in SEVERITIES {
        let _ = write!(out, "<option>{}</option>", severity.label());
    }
    out.push_str(
        "</select></label></p>\n<div class=\"scroll\">\n<table id=\"findings\" class=\"sortable\">\n<thead><tr><th>Severity</th>\
         <th>Rule</th><th>Form</th><th>Count</th><th>Where</th><th>Record</th></tr></thead>\n<tbody>\n",
    );
    for finding in report.findings.iter().take(MAX_FINDINGS) {
        row(finding, out);
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    if report.findings.len() > MAX_FINDINGS {
        let _ =
            writeln!(out, "<p>and {} more: see the JSON report</p>", report.findings.len() - MAX_FINDINGS);
    }
    out.push_str("</section>\n");
}

fn row(f: &Finding, out: &mut String) {
    let severity = f.severity.label();
    let rank = SEVERITIES.iter().position(|s| *s == f.severity).unwrap_or_default();
    let known = if f.known { " class=\"known\"" } else { "" };
    let _ = write!(
        out,
        "<tr{known} data-severity=\"{severity}\"><td data-sort=\"{rank}\"><span class=\"tag {severity}\">{severity}</span>{}</td>\
         <td>{}</td><td>{}</td><td data-sort=\"{}\">{}</td><td>{}:{}<br><small>{}</small></td><td>",
        if f.known { " <small>known</small>" } else { "" },
        esc(&f.rule),
        esc(f.form),
        f.count,
        f.count,
        esc(&f.file),
        f.first_line,
        esc(&f.place)
    );
    if !f.contains.is_empty() {
        let list: Vec<String> = f.contains.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
        let _ = write!(out, "<small>contains {}</small><br>", esc(&list.join(", ")));
    }
    if f.samples.is_empty() {
        let _ = write!(out, "<code>{}</code>", esc(&f.message));
    }
    for sample in &f.samples {
        let _ = write!(
            out,
            "<code><small>{}:{}</small> {}</code> <small>{}</small><br>",
            sample.line,
            sample.column,
            esc(&sample.context),
            esc(&sample.value)
        );
    }
    out.push_str("</td></tr>\n");
}

fn payloads(report: &Report, out: &mut String) {
    if report.payloads.is_empty() {
        return;
    }
    out.push_str(
        "<section>\n<h2>Where payloads are logged</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th>File</th>\
         <th>Place</th><th>Form</th><th>Count</th><th>By</th></tr></thead>\n<tbody>\n",
    );
    for p in report.payloads.iter().take(MAX_FINDINGS) {
        let sites: Vec<String> = p.call_sites.iter().map(|s| format!("<code>{}</code>", esc(s))).collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            esc(&p.file),
            esc(&p.place),
            esc(p.form),
            p.count,
            sites.join("<br>")
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

fn loggers(report: &Report, out: &mut String) {
    out.push_str("<section>\n<h2>Loggers</h2>\n<div class=\"scroll\">\n<table>\n<tbody>\n");
    for file in report.loggers.iter().take(MAX_FINDINGS) {
        let list: Vec<String> = file
            .loggers
            .iter()
            .map(|l| format!("{} {}%", l.name, l.percent))
            .chain(file.wrappers.iter().map(|w| format!("wrapped by {} {}%", w.name, w.percent)))
            .collect();
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            esc(&file.file),
            esc(&list.join(", "))
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

fn next(report: &Report, out: &mut String) {
    let config = suggest::config(report);
    if config.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section>\n<h2>What to do next</h2>\n<p>Stop logging payloads at the call sites above. Until then, put the \
         filter asynq-payload-redactor in front of what stores the log. A start for its config: move into \
         <code>allow</code> what may be seen, and delete the comments.</p>\n<pre>{}</pre>\n</section>",
        esc(&config)
    );
}
