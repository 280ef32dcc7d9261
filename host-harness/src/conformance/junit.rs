//! Reports as JUnit XML, which CI systems show.

use std::io::{self, Write};

use super::report::{Report, Status};

/// Print reports as JUnit XML: a suite per artifact, a test case per check. A warning is a
/// passed case with a note.
///
/// # Errors
/// When writing fails.
pub fn junit(reports: &[Report], out: &mut impl Write) -> io::Result<()> {
    let total = |count: fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let seconds = |report: &Report| report.checks.iter().map(|o| o.seconds).sum::<f64>();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="tamis conformance" tests="{}" failures="{}" skipped="{}" errors="0" time="{:.3}">"#,
        total(|r| r.checks.len()),
        total(|r| r.count(Status::Fail)),
        total(|r| r.count(Status::Skip)),
        reports.iter().map(seconds).sum::<f64>(),
    )?;
    for report in reports {
        let suite = escape(&format!("{}.{}", report.artifact, report.host));
        writeln!(
            out,
            r#"  <testsuite name="{suite}" tests="{}" failures="{}" skipped="{}" errors="0" time="{:.3}">"#,
            report.checks.len(),
            report.count(Status::Fail),
            report.count(Status::Skip),
            seconds(report),
        )?;
        for outcome in &report.checks {
            let detail = escape(&outcome.detail);
            write!(
                out,
                r#"    <testcase classname="{suite}" name="{}" time="{:.3}">"#,
                escape(outcome.check),
                outcome.seconds
            )?;
            match outcome.status {
                Status::Pass => {}
                Status::Warn => write!(
                    out,
                    "<system-out>warning: {detail}&#10;why: {}&#10;cure: {}</system-out>",
                    escape(outcome.why),
                    escape(outcome.cure)
                )?,
                Status::Fail => write!(
                    out,
                    r#"<failure message="{detail}">why: {}&#10;cure: {}</failure>"#,
                    escape(outcome.why),
                    escape(outcome.cure)
                )?,
                Status::Skip => write!(out, r#"<skipped message="{detail}"/>"#)?,
            }
            writeln!(out, "</testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            // XML 1.0 has no word for these.
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(escape("a\"<b>&\u{0}\nc"), "a&quot;&lt;b&gt;&amp;\u{fffd}&#10;c");
    }
}
