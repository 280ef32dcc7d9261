//! Findings that are known already. A baseline holds fingerprints, and for whoever reviews it what they are of.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::report::Report;

/// The name of the format.
pub const SCHEMA: &str = "tamis-audit-baseline/1";

/// Known findings.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    fingerprints: HashSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: String,
    findings: BTreeMap<String, Known>,
}

/// What a fingerprint is of; nothing reads it but people.
#[derive(Serialize, Deserialize)]
struct Known {
    rule: String,
    file: String,
    place: String,
    message: String,
}

impl Baseline {
    /// From what [`write`] wrote.
    ///
    /// # Errors
    /// When it is no baseline.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        // What serde says about it could show what is in it.
        let document = serde_json::from_str::<Document>(text).ok();
        let document = document.context("is no baseline: write one with --write-baseline")?;
        ensure!(
            document.schema == SCHEMA,
            "has the schema '{}', not '{SCHEMA}': write it again with --write-baseline",
            document.schema
        );
        Ok(Self { fingerprints: document.findings.into_keys().collect() })
    }

    /// Whether a finding is known.
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.fingerprints.contains(fingerprint)
    }
}

/// A baseline that knows all findings of a report.
///
/// # Errors
/// Never for a report; the type cannot say so.
pub fn write(report: &Report) -> serde_json::Result<String> {
    let known = |f: &super::report::Finding| {
        let known = Known {
            rule: f.rule.clone(),
            file: f.stable_file.clone(),
            place: f.place.clone(),
            message: f.message.clone(),
        };
        (f.fingerprint.clone(), known)
    };
    let findings = report.findings.iter().map(known).collect();
    let mut text = serde_json::to_string_pretty(&Document { schema: SCHEMA.to_owned(), findings })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_baseline_is_refused() {
        for (text, words) in [
            ("", "is no baseline"),
            ("[]", "is no baseline"),
            (r#"{"schema":"tamis-audit-baseline/9","findings":{}}"#, "write it again"),
        ] {
            let error = format!("{:#}", Baseline::read(text).unwrap_err());
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!(!Baseline::read(r#"{"schema":"tamis-audit-baseline/1","findings":{}}"#).unwrap().knows("x"));
    }
}
