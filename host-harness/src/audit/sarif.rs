//! The report in SARIF 2.1.0, for code scanning.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use serde_json::{Value, json};
use tamis_detectors::{Severity, definitions};

use super::{
    report::{Finding, Report},
    tally::Sample,
};

/// Results of one run; GitHub takes no more than this.
const MAX_RESULTS: usize = 25_000;

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
    let problem = |n: &super::walk::NotScanned, level: &str| {
        json!({
            "level": level,
            "message": { "text": format!("{}: {}", n.path, n.reason) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&n.path) } } }],
        })
    };
    let notifications: Vec<Value> = report
        .errors
        .iter()
        .map(|n| problem(n, "error"))
        .chain(report.skipped.iter().map(|n| problem(n, "note")))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tamis audit",
                "version": report.tool.version,
                "semanticVersion": report.tool.version,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.errors.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
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
    json!({
        "id": id,
        "name": title,
        "shortDescription": { "text": title },
        "fullDescription": { "text": what },
        "help": {
            "text": format!("{what} {why} {cure}"),
            "markdown": format!("**{title}**\n\n{what}\n\n{why}\n\n{cure}"),
        },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "tags": ["security", "privacy", "logging"],
            "precision": "high",
            "security-severity": score(finding.severity),
        },
    })
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

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// The scale of code scanning: 9.0 and above is critical, 7.0 high, 4.0 medium.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
    }
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if Path::new(path).is_absolute() {
        uri.push_str("file://");
        if !path.starts_with('/') {
            uri.push('/');
        }
    }
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte as char)
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_become_uris() {
        for (path, uri) in [
            ("./logs/app.log", "logs/app.log"),
            ("logs/a b#1.log", "logs/a%20b%231.log"),
            ("<stdin>", "%3Cstdin%3E"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(super::uri(path), uri);
        }
        if cfg!(unix) {
            assert_eq!(super::uri("/var/log/x"), "file:///var/log/x");
        }
    }
}
