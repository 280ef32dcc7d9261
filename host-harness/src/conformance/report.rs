//! What the checks found, for people and for programs.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{Artifact, catalogue::Check};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// It works, but not everywhere, or not for certain.
    Warn,
    /// It does not work.
    Fail,
    /// Not checked.
    Skip,
}

/// How a check came out, and what was seen.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub status: Status,
    pub detail: String,
}

impl Verdict {
    pub fn pass(detail: impl Into<String>) -> Self {
        Self { status: Status::Pass, detail: detail.into() }
    }
    pub fn warn(detail: impl Into<String>) -> Self {
        Self { status: Status::Warn, detail: detail.into() }
    }
    pub fn fail(detail: impl Into<String>) -> Self {
        Self { status: Status::Fail, detail: detail.into() }
    }
    pub fn skip(detail: impl Into<String>) -> Self {
        Self { status: Status::Skip, detail: detail.into() }
    }
}

/// One check of an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The name of the check.
    pub check: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was seen.
    pub detail: String,
    /// Why it matters.
    pub why: &'static str,
    /// How to cure it.
    pub cure: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// All checks of an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The artifact.
    pub artifact: String,
    /// Its host.
    pub host: &'static str,
    /// The function that Fluent Bit calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// In the order of the catalogue.
    pub checks: Vec<Outcome>,
    /// Checks that did not run because of a failure.
    #[serde(skip)]
    blocked: BTreeSet<&'static str>,
}

impl Report {
    pub(super) fn new(artifact: &Artifact) -> Self {
        Self {
            artifact: artifact.name.clone(),
            host: artifact.kind.name(),
            function: artifact.function.clone(),
            checks: Vec::new(),
            blocked: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, check: &'static Check, verdict: Verdict, elapsed: Duration) {
        if verdict.status == Status::Skip && verdict.detail.starts_with('`') {
            self.blocked.insert(check.name);
        }
        self.checks.push(Outcome {
            check: check.name,
            status: verdict.status,
            detail: verdict.detail,
            why: check.why,
            cure: check.cure,
            seconds: elapsed.as_secs_f64(),
        });
    }

    /// Why what needs a check cannot run.
    pub(super) fn why_not(&self, needed: &str) -> Option<String> {
        if self.status_of(needed) == Some(Status::Fail) {
            return Some(format!("`{needed}` failed"));
        }
        self.blocked.contains(needed).then(|| format!("`{needed}` could not run"))
    }

    /// How a check came out, if it is there.
    #[must_use]
    pub fn status_of(&self, check: &str) -> Option<Status> {
        self.checks.iter().find(|o| o.check == check).map(|o| o.status)
    }

    /// How many checks came out like this.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|o| o.status == status).count()
    }

    /// Names of the checks that came out like this.
    #[must_use]
    pub fn names(&self, status: Status) -> Vec<&'static str> {
        self.checks.iter().filter(|o| o.status == status).map(|o| o.check).collect()
    }
}

/// Print reports for people.
///
/// # Errors
/// When writing fails.
pub fn text(reports: &[Report], colour: bool, out: &mut impl Write) -> io::Result<()> {
    let paint =
        |text: &str, code: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let width = reports.iter().flat_map(|r| &r.checks).map(|o| o.check.len()).max().unwrap_or(0);
    for report in reports {
        let function = report.function.as_ref().map(|f| format!(", function `{f}`")).unwrap_or_default();
        writeln!(out, "{} ({}{})", paint(&visible(&report.artifact), "1"), report.host, visible(&function))?;
        for outcome in &report.checks {
            let word = match outcome.status {
                Status::Pass => paint("pass", "32"),
                Status::Warn => paint("warn", "33"),
                Status::Fail => paint("FAIL", "31;1"),
                Status::Skip => paint("skip", "2"),
            };
            writeln!(out, "  {word}  {:width$}  {}", outcome.check, visible(&outcome.detail))?;
            if matches!(outcome.status, Status::Fail | Status::Warn) {
                writeln!(out, "        why:  {}", outcome.why)?;
                writeln!(out, "        cure: {}", outcome.cure)?;
            }
        }
        writeln!(
            out,
            "  {} passed, {} failed, {} warnings, {} skipped",
            report.count(Status::Pass),
            report.count(Status::Fail),
            report.count(Status::Warn),
            report.count(Status::Skip),
        )?;
    }
    Ok(())
}

/// Text of an artifact as it may go to a terminal: it may hold anything.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
