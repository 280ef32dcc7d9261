//! SARIF 2.1.0, for code scanning: the document around the results of `tamis audit` and `tamis lint`.

use std::{fmt::Write, path::Path};

use serde_json::{Value, json};
use tamis_detectors::Severity;

/// Results of one run; GitHub takes no more than this.
pub const MAX_RESULTS: usize = 25_000;

/// What a rule is about.
#[derive(Debug, Clone)]
pub struct Rule<'a> {
    /// Its id, stable.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it finds.
    pub what: &'a str,
    /// Why that matters.
    pub why: &'a str,
    /// What to do about it.
    pub cure: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is filed under.
    pub tags: &'a [&'a str],
}

impl Rule<'_> {
    /// The rule as a reporting descriptor.
    #[must_use]
    pub fn descriptor(&self) -> Value {
        let Self { id, title, what, why, cure, severity, tags } = self;
        json!({
            "id": id,
            "name": title,
            "shortDescription": { "text": title },
            "fullDescription": { "text": what },
            "help": {
                "text": format!("{what} {why} {cure}"),
                "markdown": format!("**{title}**\n\n{what}\n\n{why}\n\n{cure}"),
            },
            "defaultConfiguration": { "level": level(*severity) },
            "properties": {
                "tags": tags,
                "precision": "high",
                "security-severity": score(*severity),
            },
        })
    }
}

/// One run of a tool.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// The command, such as `tamis audit`.
    pub tool: &'a str,
    /// The descriptors of the rules that results refer to.
    pub rules: Vec<Value>,
    /// The results.
    pub results: Vec<Value>,
    /// Whether everything could be looked at.
    pub successful: bool,
    /// What could not be, and what was left out: see [`notification`].
    pub notifications: Vec<Value>,
}

impl Run<'_> {
    /// The whole document.
    #[must_use]
    pub fn document(self) -> Value {
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": self.tool,
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules,
                }},
                "columnKind": "unicodeCodePoints",
                "invocations": [{
                    "executionSuccessful": self.successful,
                    "toolExecutionNotifications": self.notifications,
                }],
                "results": self.results,
            }],
        })
    }
}

/// Something about a file that is no finding; `level` is `error` or `note`.
#[must_use]
pub fn notification(path: &str, reason: &str, level: &str) -> Value {
    json!({
        "level": level,
        "message": { "text": format!("{path}: {reason}") },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } }],
    })
}

/// How SARIF calls a severity.
#[must_use]
pub fn level(severity: Severity) -> &'static str {
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
#[must_use]
pub fn uri(path: &str) -> String {
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
                uri.push(byte as char);
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => {
                // Writing to a String cannot fail.
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
