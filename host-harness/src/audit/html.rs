//! The report as one HTML file that needs nothing else: no network, no scripts to read it, and nothing in it that
//! came from a log is ever markup.

use std::{collections::BTreeMap, fmt::Write};

use sha2::{Digest, Sha256};
use tamis_detectors::Severity;

use super::{
    report::{FileCount, Finding, Report, SEVERITIES},
    suggest,
    text::size,
    walk::NotScanned,
};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// Findings that the page lists: browsers stay quick with that many.
const MAX_FINDINGS: usize = 5000;
/// Bars of a chart.
const MAX_BARS: usize = 25;
/// Hours without a gap in the chart over time.
const MAX_HOURS: usize = 24 * 14;

/// Write the page.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{}'\">\n<title>tamis audit</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        hash(SCRIPT)
    );
    head(report, &mut out);
    charts(report, &mut out);
    findings(report, &mut out);
    payloads(report, &mut out);
    loggers(report, &mut out);
    not_scanned("Could not be scanned", &report.errors, &mut out);
    not_scanned("Left out", &report.skipped, &mut out);
    next(report, &mut out);
    let _ = write!(
        out,
        "<footer>tamis {} · values are shown as shapes: letters are *, digits are #</footer>\n</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        esc(report.tool.version)
    );
    out
}

fn head(report: &Report, out: &mut String) {
    let s = &report.summary;
    out.push_str("<h1>tamis audit</h1>\n<ul class=\"tiles\">\n");
    let mut tile = |value: String, label: &str, class: &str| {
        let _ = writeln!(out, "<li class=\"{class}\"><b>{}</b> {}</li>", esc(&value), esc(label));
    };
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
    let rules = report.rules.iter().map(|r| (r.rule.clone(), r.count + r.in_payloads, r.severity));
    bars("By detector", rules.collect(), out);
    let mut files: BTreeMap<&str, (u64, Severity)> = BTreeMap::new();
    for rule in &report.rules {
        for FileCount { file, count } in &rule.files {
            let sum = files.entry(file).or_insert((0, Severity::Low));
            sum.0 += count;
            sum.1 = sum.1.max(rule.severity);
        }
    }
    bars("By file", files.into_iter().map(|(f, (n, s))| (f.to_owned(), n, s)).collect(), out);
    out.push_str("</div>\n");
    over_time(report, out);
}

fn bars(title: &str, mut rows: Vec<(String, u64, Severity)>, out: &mut String) {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let max = rows.first().map_or(1, |r| r.1).max(1);
    let _ = writeln!(out, "<section>\n<h2>{}</h2>\n<table class=\"bars\">", esc(title));
    for (label, count, severity) in rows.iter().take(MAX_BARS) {
        let width = *count as f64 * 100.0 / max as f64;
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\"><rect class=\"{}\" width=\"{width:.2}\" height=\"10\"/></svg></td><td>{count}</td></tr>",
            esc(label),
            severity.label()
        );
    }
    out.push_str("</table>\n");
    if rows.len() > MAX_BARS {
        let _ = writeln!(out, "<p>and {} more</p>", rows.len() - MAX_BARS);
    }
    out.push_str("</section>\n");
}

fn over_time(report: &Report, out: &mut String) {
    let hours = &report.timeline.hours;
    let untimed: u64 = report.timeline.untimed.values().sum();
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return };
    let shown = &hours[hours.len().saturating_sub(MAX_HOURS)..];
    let sum = |h: &super::report::Hour| h.rules.values().sum::<u64>();
    let max = shown.iter().map(sum).max().unwrap_or(1).max(1);
    let _ = writeln!(
        out,
        "<section>\n<h2>Over time</h2>\n<svg class=\"time\" viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"Values found per hour, at most {max}\">",
        shown.len().max(24) * 10
    );
    for (i, hour) in shown.iter().enumerate() {
        let height = sum(hour) as f64 * 100.0 / max as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{}\" y=\"{:.2}\" width=\"9\" height=\"{height:.2}\"><title>{}: {}</title></rect>",
            i * 10,
            100.0 - height,
            esc(&hour.hour),
            sum(hour)
        );
    }
    let _ = writeln!(
        out,
        "</svg>\n<p>{} to {}, hours with findings; at most {max} in an hour{}</p>\n</section>",
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
        "</select></label></p>\n<div class=\"scroll\">\n<table id=\"findings\">\n<thead><tr><th>Severity</th>\
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

fn not_scanned(title: &str, list: &[NotScanned], out: &mut String) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h2>{}</h2>\n<ul>", esc(title));
    for NotScanned { path, reason } in list.iter().take(MAX_FINDINGS) {
        let _ = writeln!(out, "<li>{}: {}</li>", esc(path), esc(reason));
    }
    out.push_str("</ul>\n</section>\n");
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

fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The hash by which the page's policy knows its script.
fn hash(script: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(script.as_bytes());
    let mut out = String::new();
    for chunk in digest.chunks(3) {
        let bits = chunk.iter().fold(0u32, |b, c| b << 8 | u32::from(*c)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(esc("<script>\"'&\u{1b}"), "&lt;script&gt;&quot;&#39;&amp; ");
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
