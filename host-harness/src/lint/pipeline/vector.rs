//! Vector, in which tamis is a process: an `exec` source runs it, or a sink hands records to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    artifact::{REDACTORS, TAGGER},
    net,
    node::{Node, is_off, is_on},
    rules as r,
};
use crate::lint::{Finding, Place, Report};

/// Sinks from which nobody reads logs, or that stay on the machine.
const LOCAL_SINKS: [&str; 5] =
    ["blackhole", "file", "console", "prometheus_exporter", "prometheus_remote_write"];

/// Sources that give no logs.
const NO_LOGS: [&str; 8] = [
    "internal_metrics",
    "internal_logs",
    "host_metrics",
    "prometheus_scrape",
    "apache_metrics",
    "nginx_metrics",
    "postgresql_metrics",
    "demo_logs",
];

pub fn is_vector(document: &Node) -> bool {
    document.get("sinks").is_some_and(|s| !s.fields().is_empty())
        || document.get("sources").is_some_and(|s| s.fields().iter().any(|f| f.value.get("type").is_some()))
}

pub fn check(document: &Node, file: &str, offset: u64, report: &mut Report) {
    let mut check = Check { file, offset, report };
    let part = |name: &str| document.get(name).map(Node::fields).unwrap_or_default();
    let (sources, transforms, sinks) = (part("sources"), part("transforms"), part("sinks"));
    let mut clean: BTreeSet<&str> = BTreeSet::new();
    for source in sources {
        if check.source(&source.value, source.line) {
            clean.insert(&source.name);
        }
    }
    for transform in transforms.iter().filter(|t| t.value.text_of("type") == Some("wasm")) {
        let words = format!("the transform {} is of type wasm", transform.name);
        check.add(Finding::new(&r::WASM_TRANSFORM, check.at(transform.line), words));
    }
    for sink in sinks {
        check.sink(&sink.name, &sink.value, sink.line);
    }
    // A sink on this machine hands over to something, which may well be tamis.
    let hands_over = |sink: &Node| address(sink).is_some_and(net::is_loopback);
    if clean.is_empty() && !sinks.iter().any(|s| hands_over(&s.value)) {
        if let (Some(sink), false) = (sinks.first(), sources.is_empty()) {
            let words = "no source runs tamis, and no sink hands records to it";
            check.add(Finding::new(&r::NO_FILTER, check.at(sink.line), words));
        }
        return;
    }
    if clean.is_empty() {
        return;
    }
    let inputs: BTreeMap<&str, &Node> = transforms.iter().map(|t| (t.name.as_str(), &t.value)).collect();
    let raw: BTreeSet<&str> = sources
        .iter()
        .filter(|s| !clean.contains(s.name.as_str()) && gives_logs(&s.value))
        .map(|s| s.name.as_str())
        .collect();
    for sink in sinks.iter().filter(|s| !hands_over(&s.value) && reads(&s.value)) {
        for source in reached(&sink.value, &inputs, &raw) {
            let words =
                format!("records of the source {source} come to the sink {} without a filter", sink.name);
            check.add(Finding::new(&r::UNFILTERED, check.at(sink.line), words));
        }
    }
}

fn gives_logs(source: &Node) -> bool {
    !source.text_of("type").is_some_and(|t| NO_LOGS.contains(&t))
}

fn reads(sink: &Node) -> bool {
    !matches!(sink.text_of("type"), Some("blackhole" | "prometheus_exporter" | "prometheus_remote_write"))
}

/// The raw sources behind a sink. Names may have stars, and outputs of a transform a dot.
fn reached<'s>(
    sink: &Node,
    transforms: &BTreeMap<&str, &Node>,
    raw: &BTreeSet<&'s str>,
) -> BTreeSet<&'s str> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![sink];
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(node) = waiting.pop() {
        for input in node.get("inputs").into_iter().flat_map(Node::one_or_more).filter_map(Node::text) {
            found.extend(raw.iter().filter(|s| fits(input, s)));
            for (name, transform) in transforms.iter().filter(|(name, _)| fits(input, name)) {
                if seen.insert(name) {
                    waiting.push(transform);
                }
            }
        }
    }
    found
}

fn fits(input: &str, name: &str) -> bool {
    let output = input.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    output
        || input.split_once('*').is_some_and(|(start, end)| {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
}

/// Where a sink sends to.
fn address(sink: &Node) -> Option<&str> {
    let first = |name: &str| sink.get(name)?.one_or_more().first().copied()?.text();
    ["address", "endpoint", "uri", "endpoints", "bootstrap_servers", "url"]
        .iter()
        .find_map(|name| first(name))
        .or_else(|| sink.at(&["protocol", "uri"])?.text())
}

struct Check<'c> {
    file: &'c str,
    offset: u64,
    report: &'c mut Report,
}

impl Check<'_> {
    fn add(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn at(&self, line: u64) -> Place {
        Place::line(self.file, line + self.offset)
    }

    /// Whether the source gives what tamis has filtered.
    fn source(&mut self, source: &Node, line: u64) -> bool {
        if source.text_of("type") != Some("exec") {
            return false;
        }
        let command = source.get("command").into_iter().flat_map(Node::one_or_more).filter_map(Node::text);
        let words: Vec<String> = command.flat_map(str::split_ascii_whitespace).map(str::to_owned).collect();
        let is_tamis = |w: &String| w.trim_matches(['"', '\'', '(', ';']).rsplit('/').next() == Some("tamis");
        let Some(start) = words.iter().position(is_tamis) else { return false };
        let filters = |name: &str| words[start..].iter().position(|w| w.trim_matches(['"', '\'']) == name);
        let before = REDACTORS.iter().filter_map(|f| filters(f)).min();
        if let (Some(tagger), Some(first)) = (filters(TAGGER), before)
            && first < tagger
        {
            let at = source.field("command").map_or(line, |f| f.line);
            let words = "chatwoot-auth-tagger comes after a filter that anonymises";
            self.add(Finding::new(&r::FILTER_ORDER, self.at(at), words));
        }
        if !source.text_of("include_stderr").is_some_and(is_off) {
            let words =
                "what tamis says on standard error becomes records (include_stderr is true unless set)";
            let finding = Finding::new(&r::STDERR_RECORDS, self.at(line), words);
            self.add(finding.advise("include_stderr: false"));
        }
        words[start..].iter().any(|w| w == "run")
    }

    fn sink(&mut self, name: &str, sink: &Node, line: u64) {
        let kind = sink.text_of("type").unwrap_or_default();
        let tls = sink.get("tls");
        if let Some(field) = tls.and_then(|t| {
            t.field("verify_certificate")
                .or_else(|| t.field("verify_hostname"))
                .filter(|f| f.value.text().is_some_and(is_off))
        }) {
            let words = format!("the sink {name} has {} off", field.name);
            self.add(Finding::new(&r::TLS_VERIFY, self.at(field.line), words));
        }
        let Some(address) = address(sink).filter(|_| !LOCAL_SINKS.contains(&kind)) else { return };
        // Of a variable nothing is known.
        if net::is_loopback(address) || address.starts_with("${") {
            return;
        }
        let on = tls.is_some_and(|t| t.text_of("enabled").is_some_and(is_on));
        let safe = if address.contains("://") {
            let scheme = address.split("://").next().unwrap_or_default();
            on || !matches!(scheme, "http" | "tcp" | "ws" | "nats" | "redis" | "amqp" | "grpc" | "mqtt")
        } else {
            on
        };
        if !safe {
            let words = format!("the sink {name} sends to {address} without TLS");
            self.add(Finding::new(&r::PLAIN_OUTPUT, self.at(line), words).advise("tls.enabled: true"));
        }
    }
}
