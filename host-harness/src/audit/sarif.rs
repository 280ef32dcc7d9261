//! The report in SARIF 2.1.0, for code scanning.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};
use tamis_detectors::definitions;

use super::{
    report::{Finding, Report},
    tally::Sample,
};
use crate::sarif::{self, MAX_RESULTS, level, uri};

/// The report as a SARIF document.
pub fn sarif(report: &Report) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut results = Vec::new();
    for finding in report.findings.iter().take(MAX_RESULTS) {
        let id = rule_id(finding.kind, &finding.rule);
        let rule = *index.entry(id.clone()).or_insert_with(|| {
            rules.push(rule(&id, finding));
            rules.len() - 1
        });
        results.push(result(finding, &id, rule));
    }
    let errors = report.errors.iter().map(|n| sarif::notification(&n.path, &n.reason, "error"));
    let skipped = report.skipped.iter().map(|n| sarif::notification(&n.path, &n.reason, "note"));
    sarif::Run {
        tool: "tamis audit",
        rules,
        results,
        successful: report.errors.is_empty(),
        notifications: errors.chain(skipped).collect(),
    }
    .document()
}

fn rule_id(kind: &str, rule: &str) -> String {
    if kind == "key" { format!("key-{rule}") } else { rule.to_owned() }
}

fn rule(id: &str, finding: &Finding) -> Value {
    let definition = definitions().iter().find(|d| finding.kind == "detector" && d.id == finding.rule);
    let (title, what, why) = match (finding.kind, definition) {
        (_, Some(d)) => (d.title.to_owned(), d.what.to_owned(), d.why.to_owned()),
        ("payload", _) => (
            "Task payload".to_owned(),
            "The payload of a task is in a log.".to_owned(),
            "Payloads hold whatever the application works on: people's data and credentials.".to_owned(),
        ),
        ("key", _) => (
            format!("Value under a sensitive name: {}", finding.rule),
            format!("A field whose name says that it holds sensitive data (class {}).", finding.rule),
            "Who reads the logs reads the value.".to_owned(),
        ),
        _ => (
            format!("Custom detector: {}", finding.rule),
            format!("What the custom detector '{}' of the config finds.", finding.rule),
            "The config says that it is sensitive.".to_owned(),
        ),
    };
    let cure = "Log ids, types and sizes instead, or put the filter asynq-payload-redactor in front of what stores \
                the log.";
    sarif::Rule {
        id,
        title: &title,
        what: &what,
        why: &why,
        cure,
        severity: finding.severity,
        tags: &["security", "privacy", "logging"],
    }
    .descriptor()
}

fn result(finding: &Finding, id: &str, rule: usize) -> Value {
    let mut text = match finding.kind {
        "payload" => format!("Payload logged here: {} in {}", finding.place, finding.form),
        _ => format!("{} in {}, {}", finding.rule, finding.place, finding.form),
    };
    // Writing to a String cannot fail.
    let _ = match finding.count {
        1 => write!(text, "."),
        n => write!(text, "; {n} times up to line {}.", finding.last_line),
    };
    if !finding.contains.is_empty() {
        let list: Vec<String> = finding.contains.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
        let _ = write!(text, " Contains {}.", list.join(", "));
    }
    let location = |sample: Option<&Sample>| {
        let mut region = json!({
            "startLine": sample.map_or(finding.first_line, |s| s.line),
            "startColumn": sample.map_or(finding.first_column, |s| s.column),
        });
        if let Some(sample) = sample {
            region["endColumn"] = sample.end_column.into();
            region["message"] = json!({ "text": sample.context });
        }
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file) },
            "region": region,
        }})
    };
    let related: Vec<Value> = finding
        .samples
        .iter()
        .skip(1)
        .enumerate()
        .map(|(i, s)| {
            let mut place = location(Some(s));
            place["id"] = (i + 1).into();
            place
        })
        .collect();
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location(finding.samples.first())],
        "occurrenceCount": finding.count,
        "partialFingerprints": { "tamisAudit/v1": finding.fingerprint },
        "properties": { "severity": finding.severity.label(), "form": finding.form, "message": finding.message },
    });
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    if finding.known {
        result["suppressions"] = json!([{ "kind": "external", "justification": "in the baseline" }]);
    }
    result
}
