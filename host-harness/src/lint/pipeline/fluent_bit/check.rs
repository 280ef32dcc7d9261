//! The rules for Fluent Bit.

use tamis_pack::Abi;

use super::{
    flow::{self, Flow},
    model::{Pipeline, Plugin},
    tags::Rule,
};
use crate::lint::{
    Finding, Report, Version,
    pipeline::{
        Options,
        artifact::{Artifact, Site},
        filter_config, net,
        node::{is_off, is_on},
        rules as r,
    },
};

/// Outputs that speak over a network without TLS unless told.
const PLAIN: [&str; 16] = [
    "http",
    "es",
    "opensearch",
    "loki",
    "forward",
    "splunk",
    "opentelemetry",
    "influxdb",
    "tcp",
    "websocket",
    "nats",
    "datadog",
    "kafka-rest",
    "skywalking",
    "udp",
    "syslog",
];

/// What Fluent Bit gives a module if nothing is said, in bytes.
const DEFAULT_WASM_BYTES: u64 = 8192;

/// Directories that hold more than the config of a filter.
const WIDE: [&str; 22] = [
    "/", ".", "..", "~", "/bin", "/boot", "/data", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root",
    "/run", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/log", "/var/tmp",
];

pub(in crate::lint::pipeline) fn check(
    pipeline: &Pipeline,
    options: &Options,
    site: &Site,
    report: &mut Report,
) {
    for (place, reason) in &pipeline.problems {
        report.problem(place.clone(), reason);
    }
    let mut check = Check { pipeline, options, site, report };
    let artifacts: Vec<Option<Artifact>> =
        pipeline.filters.iter().map(|f| f.is_wasm().then(|| check.filter(f))).collect();
    let processors = pipeline.inputs.iter().chain(&pipeline.outputs).flat_map(|p| &p.processors);
    let mut wasm = artifacts.iter().flatten().count();
    for processor in processors.filter(|p| p.is_wasm()) {
        check.filter(processor);
        wasm += 1;
    }
    for output in &pipeline.outputs {
        check.output(output);
    }
    if wasm == 0 {
        // Includes, or a file that is included, may hold the rest.
        if let Some(output) = pipeline.outputs.first().filter(|_| !pipeline.inputs.is_empty()) {
            let words = "no filter wasm is between inputs and outputs";
            check.report.findings.push(Finding::new(&r::NO_FILTER, output.place(), words));
        }
        return;
    }
    let flow = flow::follow(pipeline, &options.environment);
    check.ways(&flow);
    check.order(&flow, &artifacts);
}

struct Check<'c> {
    pipeline: &'c Pipeline,
    options: &'c Options,
    site: &'c Site,
    report: &'c mut Report,
}

impl Check<'_> {
    fn add(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    /// The text of a setting; `Err` if a variable in it is not known.
    fn text(&self, plugin: &Plugin, key: &str) -> Result<Option<String>, ()> {
        let Some(setting) = plugin.setting(key) else { return Ok(None) };
        self.pipeline.resolve(&setting.text, &self.options.environment).map(Some).ok_or(())
    }

    /// A filter by itself.
    fn filter(&mut self, filter: &Plugin) -> Artifact {
        let artifact = self.artifact(filter);
        if let Ok(Some(format)) = self.text(filter, "event_format")
            && format.eq_ignore_ascii_case("msgpack")
        {
            let place = filter.place_of("event_format");
            self.add(
                Finding::new(&r::EVENT_FORMAT, place, "event_format is msgpack").advise("event_format: json"),
            );
        }
        self.function(filter, &artifact);
        self.memory(filter);
        self.paths(filter, &artifact);
        self.version(filter);
        artifact
    }

    fn artifact(&mut self, filter: &Plugin) -> Artifact {
        let path = match self.text(filter, "wasm_path") {
            Ok(Some(path)) => path,
            Ok(None) => {
                self.add(Finding::new(&r::WASM_MISSING, filter.place(), "wasm_path is not set"));
                return Artifact::default();
            }
            Err(()) => return Artifact::default(),
        };
        let artifact = Artifact::find(&path, self.site);
        let place = filter.place_of("wasm_path");
        if artifact.missing {
            self.add(Finding::new(&r::WASM_MISSING, place.clone(), format!("there is no {path}")));
        }
        if let Some(abi) = artifact.abi.filter(|abi| *abi != Abi::FluentBit) {
            self.add(Finding::new(&r::WRONG_HOST, place, format!("{path} is for the host {abi}")));
        }
        artifact
    }

    fn function(&mut self, filter: &Plugin, artifact: &Artifact) {
        let name = match self.text(filter, "function_name") {
            Ok(Some(name)) => name,
            Ok(None) => {
                let words = "function_name is not set";
                return self.add(
                    Finding::new(&r::FUNCTION_NAME, filter.place(), words).advise("function_name: filter"),
                );
            }
            Err(()) => return,
        };
        let known = match &artifact.functions {
            Some(functions) => functions.contains(&name),
            // One of tamis that cannot be read here.
            None => artifact.filter.is_none() || name == "filter",
        };
        if !known && artifact.abi.is_none_or(|abi| abi == Abi::FluentBit) {
            let words = format!("the artifact has no function {name}");
            let place = filter.place_of("function_name");
            self.add(Finding::new(&r::FUNCTION_NAME, place, words).advise("function_name: filter"));
        }
    }

    fn memory(&mut self, filter: &Plugin) {
        for key in ["wasm_heap_size", "wasm_stack_size"] {
            let Ok(Some(text)) = self.text(filter, key) else { continue };
            if size(&text).is_none_or(|bytes| bytes < DEFAULT_WASM_BYTES) {
                let words = format!("{key} is {text}, below the default of {DEFAULT_WASM_BYTES} bytes");
                self.add(Finding::new(&r::WASM_MEMORY, filter.place_of(key), words));
            }
        }
    }

    fn paths(&mut self, filter: &Plugin, artifact: &Artifact) {
        let paths = match self.text(filter, "accessible_paths") {
            Ok(Some(paths)) => paths,
            Ok(None) => {
                let words =
                    "accessible_paths is not set: the module can read the working directory of Fluent Bit";
                let finding = Finding::new(&r::ACCESSIBLE_PATHS, filter.place(), words);
                return self.add(finding.advise("accessible_paths: /etc/tamis"));
            }
            Err(()) => return,
        };
        let place = filter.place_of("accessible_paths");
        for path in paths.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let plain = if path.len() > 1 { path.trim_end_matches('/') } else { path };
            let home = plain.strip_prefix("/home/").is_some_and(|user| !user.contains('/'));
            if WIDE.contains(&plain) || home || plain.split('/').any(|name| name == "..") {
                let words = format!("accessible_paths opens {path}");
                let finding = Finding::new(&r::ACCESSIBLE_PATHS, place.clone(), words);
                self.add(finding.advise("accessible_paths: /etc/tamis"));
            }
            let Some(filter) = &artifact.filter else { continue };
            let file = format!("{plain}/{filter}.json");
            if let Some(found) = self.site.find(&file) {
                filter_config::file(filter, &found, self.report);
            }
        }
    }

    fn version(&mut self, filter: &Plugin) {
        let Some(version) = self.options.fluent_bit_version else { return };
        let words = if version < Version(4, 0, 3) {
            "it refuses modules with reference types, and starts an instance for each chunk"
        } else if version < Version(4, 1, 0) {
            "it starts an instance for each chunk: alerts, sums and caches forget"
        } else if version < Version(4, 1, 2) {
            "it never frees what it hands to a module (issue 11072); tamis artifacts bring an allocator that copes, others lose records"
        } else {
            return;
        };
        let words = format!("Fluent Bit {version}: {words}");
        self.add(Finding::new(&r::FLUENT_BIT_VERSION, filter.place(), words));
    }

    fn output(&mut self, output: &Plugin) {
        self.transport(output);
        if let Ok(Some(text)) = self.text(output, "tls.verify")
            && is_off(&text)
        {
            self.add(
                Finding::new(&r::TLS_VERIFY, output.place_of("tls.verify"), "tls.verify is off")
                    .advise("tls.verify: on"),
            );
        }
    }

    fn transport(&mut self, output: &Plugin) {
        let text = |key: &str| self.text(output, key);
        let has =
            |key: &str, wanted: &str| matches!(text(key), Ok(Some(t)) if t.eq_ignore_ascii_case(wanted));
        let host = match output.name.as_str() {
            "kafka" => match text("brokers") {
                Ok(Some(brokers)) => brokers,
                _ => return,
            },
            _ => match text("host") {
                Ok(Some(host)) => host,
                Ok(None) if output.name == "datadog" => "http-intake.logs.datadoghq.com".to_owned(),
                // They go to this machine then.
                Ok(None) => return,
                Err(()) => "a host that is not known here".to_owned(),
            },
        };
        if host.split(',').all(|h| net::is_loopback(h.trim())) {
            return;
        }
        let on = match text("tls") {
            Ok(Some(text)) => Some(is_on(&text)),
            Ok(None) => None,
            Err(()) => return,
        };
        let safe = match output.name.as_str() {
            "kafka" => {
                has("rdkafka.security.protocol", "ssl") || has("rdkafka.security.protocol", "sasl_ssl")
            }
            "gelf" | "syslog" if has("mode", "unix_tcp") || has("mode", "unix_udp") => true,
            "gelf" | "syslog" => has("mode", "tls") && on != Some(false),
            name if PLAIN.contains(&name) => on == Some(true),
            // Others have TLS on by themselves.
            _ => on != Some(false),
        };
        if !safe {
            let words = format!("{} sends to {host} without TLS", output.name);
            let finding = Finding::new(&r::PLAIN_OUTPUT, output.place(), words);
            self.add(match output.name.as_str() {
                "kafka" => finding.advise("rdkafka.security.protocol: ssl"),
                "gelf" | "syslog" => finding.advise("mode: tls"),
                "udp" | "nats" => finding.cure("use another output: this one has no TLS"),
                _ => finding.advise("tls: on"),
            });
        }
    }

    /// Records that get past the filters, and filters that get no records.
    fn ways(&mut self, flow: &Flow) {
        let pipeline = self.pipeline;
        let resolve = |text: &str| pipeline.resolve(text, &self.options.environment);
        let mut findings = Vec::new();
        for (index, filter) in pipeline.filters.iter().enumerate().filter(|(_, f)| f.is_wasm()) {
            if matches!(Rule::of(filter, resolve), Rule::Missing) {
                let words = "the filter has no match";
                findings.push(Finding::new(&r::NO_MATCH, filter.place(), words).advise("match: '*'"));
            } else if !flow.used.contains(&index) && !pipeline.inputs.is_empty() {
                let key = if filter.setting("match_regex").is_some() { "match_regex" } else { "match" };
                let text = filter.setting(key).map_or("", |s| &s.text);
                let words = format!("{key} {text} fits the tag of no input");
                findings.push(Finding::new(&r::MATCHES_NOTHING, filter.place_of(key), words));
            }
        }
        for (input, output, tag, partly) in &flow.unfiltered {
            let (Some(input), Some(output)) = (pipeline.inputs.get(*input), pipeline.outputs.get(*output))
            else {
                continue;
            };
            let tag =
                if tag == "*" { "tags that are not known here".to_owned() } else { format!("the tag {tag}") };
            let way = format!("from the input {} ({}:{})", input.name, input.file, input.line);
            let place = output.place_of("match");
            findings.push(if *partly {
                let words = format!("only some of the records with {tag} {way} pass a filter");
                Finding::new(&r::PARTLY_FILTERED, place, words)
            } else {
                let words = format!("records with {tag} {way} come here without a filter");
                Finding::new(&r::UNFILTERED, place, words)
            });
        }
        self.report.findings.extend(findings);
    }

    fn order(&mut self, flow: &Flow, artifacts: &[Option<Artifact>]) {
        let is = |index: &usize, what: fn(&Artifact) -> bool| {
            artifacts.get(*index).and_then(Option::as_ref).is_some_and(what)
        };
        for passed in &flow.orders {
            let mut before = None;
            for index in passed {
                if is(index, Artifact::is_redactor) {
                    before = before.or(Some(*index));
                }
                let late = is(index, Artifact::is_tagger);
                if let (true, Some(first), Some(tagger)) = (late, before, self.pipeline.filters.get(*index)) {
                    let first = self.pipeline.filters.get(first).map_or(0, |f| f.line);
                    let words = format!("chatwoot-auth-tagger comes after the filter in line {first}");
                    self.add(Finding::new(&r::FILTER_ORDER, tagger.place(), words));
                }
            }
        }
    }
}

/// A size as Fluent Bit has it: 8192, 8K, 1M.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().trim_end_matches(['b', 'B']);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}
