//! The report: what `--format json` writes and the other formats are made from. Its names are an interface; what
//! they mean is in `docs/lint.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tamis_detectors::Severity;

use super::Rule;
use crate::audit::report::Tool;

/// The name of this interface. Fields may be added; anything else gets another number.
pub const SCHEMA: &str = "tamis-lint/1";

/// All that is reported.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The program.
    pub tool: Tool,
    /// Totals.
    pub summary: Summary,
    /// What was found, by file and line.
    pub findings: Vec<Finding>,
    /// What was seen that is neither good nor bad.
    pub facts: Vec<Fact>,
    /// What could not be looked at.
    pub errors: Vec<Problem>,
}

/// Totals.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Files and folders that were looked at.
    pub files: u64,
    /// Findings that are not fixed.
    pub findings: u64,
    /// Findings that were fixed.
    pub fixed: u64,
    /// Findings that are not fixed, by severity.
    pub by_severity: BTreeMap<&'static str, u64>,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file or folder.
    pub file: String,
    /// The line, from 1; none for the file as a whole.
    pub line: Option<u64>,
}

impl Place {
    /// A line of a file.
    #[must_use]
    pub fn line(file: &str, line: u64) -> Self {
        Self { file: file.to_owned(), line: Some(line) }
    }

    /// A file as a whole.
    #[must_use]
    pub fn file(file: &str) -> Self {
        Self { file: file.to_owned(), line: None }
    }
}

/// What a rule found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder.
    pub file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong here.
    pub message: String,
    /// What to do.
    pub cure: String,
    /// The line as it should be, secrets left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advised: Option<String>,
    /// It was fixed.
    pub fixed: bool,
}

impl Finding {
    /// A finding whose cure is that of the rule.
    #[must_use]
    pub fn new(rule: &Rule, place: Place, message: impl Into<String>) -> Self {
        Self {
            rule: rule.id,
            severity: rule.severity,
            file: place.file,
            line: place.line,
            message: message.into(),
            cure: rule.cure.to_owned(),
            advised: None,
            fixed: false,
        }
    }

    /// With a cure for this case.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    /// With the line as it should be.
    #[must_use]
    pub fn advise(mut self, line: impl Into<String>) -> Self {
        self.advised = Some(line.into());
        self
    }
}

/// Something that was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// The file or folder.
    pub file: String,
    /// What it is about.
    pub name: &'static str,
    /// What was seen.
    pub value: String,
}

/// What could not be looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file or folder.
    pub file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool { name: "tamis", version: env!("CARGO_PKG_VERSION") },
            summary: Summary::default(),
            findings: Vec::new(),
            facts: Vec::new(),
            errors: Vec::new(),
        }
    }
}

impl Report {
    /// Something could not be looked at.
    pub fn problem(&mut self, place: Place, reason: impl Into<String>) {
        self.errors.push(Problem { file: place.file, line: place.line, reason: reason.into() });
    }

    /// Leave out rules, sort, count.
    pub fn finish(&mut self, allowed: &BTreeSet<&str>) {
        self.findings.retain(|f| !allowed.contains(f.rule));
        self.findings.sort_by(|a, b| {
            (&a.file, a.line, a.rule, &a.message).cmp(&(&b.file, b.line, b.rule, &b.message))
        });
        self.findings
            .dedup_by(|b, a| (&a.file, a.line, a.rule, &a.message) == (&b.file, b.line, b.rule, &b.message));
        let open = || self.findings.iter().filter(|f| !f.fixed);
        self.summary.findings = open().count() as u64;
        self.summary.fixed = self.findings.len() as u64 - self.summary.findings;
        self.summary.by_severity = BTreeMap::new();
        for finding in open() {
            *self.summary.by_severity.entry(finding.severity.label()).or_default() += 1;
        }
    }

    /// Whether something as severe as this is left.
    #[must_use]
    pub fn reaches(&self, limit: Severity) -> bool {
        self.findings.iter().any(|f| !f.fixed && f.severity >= limit)
    }

    /// The report for programs.
    ///
    /// # Errors
    /// Never, but serde does not know.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
