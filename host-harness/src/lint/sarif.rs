//! The report in SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Finding, Report, rule};
use crate::sarif::{self, MAX_RESULTS, level, uri};

/// The report as a SARIF document; `command` is such as `tamis lint coturn`.
#[must_use]
pub fn sarif(report: &Report, command: &str) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    let mut results = Vec::new();
    for finding in report.findings.iter().filter(|f| !f.fixed).take(MAX_RESULTS) {
        let at = *index.entry(finding.rule).or_insert_with(|| {
            rules.extend(descriptor(finding.rule));
            rules.len() - 1
        });
        results.push(result(finding, at));
    }
    sarif::Run {
        tool: command,
        rules,
        results,
        successful: report.errors.is_empty(),
        notifications: report
            .errors
            .iter()
            .map(|e| sarif::notification(&e.file, &e.reason, "error"))
            .collect(),
    }
    .document()
}

fn descriptor(id: &str) -> Option<Value> {
    let rule = rule(id)?;
    let sentence = |text: &str| {
        let mut chars = text.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).chain(['.']).collect::<String>()
    };
    let rule = sarif::Rule {
        id: rule.id,
        title: rule.finds,
        what: &sentence(rule.finds),
        why: &sentence(rule.why),
        cure: &sentence(rule.cure),
        severity: rule.severity,
        tags: &["security", "privacy", "logging", "configuration"],
    };
    Some(rule.descriptor())
}

fn result(finding: &Finding, rule: usize) -> Value {
    let mut text = format!("{}. Cure: {}.", finding.message, finding.cure);
    if let Some(line) = &finding.advised {
        text.push_str(&format!(" Line: {line}"));
    }
    // Code scanning shows nothing without a line.
    let place = json!({
        "artifactLocation": { "uri": uri(&finding.file) },
        "region": { "startLine": finding.line.unwrap_or(1) },
    });
    // Not the line: findings stay known while lines move.
    let hash = Sha256::new()
        .chain_update(finding.rule)
        .chain_update([0])
        .chain_update(uri(&finding.file))
        .chain_update([0])
        .chain_update(&finding.message)
        .finalize();
    let fingerprint: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": place }],
        "partialFingerprints": { "tamisLint/v1": fingerprint },
        "properties": { "severity": finding.severity.label() },
    })
}
