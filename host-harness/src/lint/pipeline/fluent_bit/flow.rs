//! Which filters the records of an input pass on their way to an output.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    model::{Pipeline, Plugin},
    tags::{Fit, Rule},
};
use crate::lint::pipeline::node::is_off;

/// Ways that are followed: filters that write tags anew can make many.
const MAX_WAYS: usize = 2000;

/// Inputs that give no logs.
const NO_LOGS: [&str; 22] = [
    "cpu",
    "mem",
    "disk",
    "netif",
    "proc",
    "health",
    "thermal",
    "dummy",
    "random",
    "collectd",
    "statsd",
    "docker",
    "podman_metrics",
    "nginx_metrics",
    "gpu_metrics",
    "fluentbit_metrics",
    "node_exporter_metrics",
    "process_exporter_metrics",
    "windows_exporter_metrics",
    "prometheus_scrape",
    "prometheus_remote_write",
    "prometheus_textfile",
];

/// Outputs from which nobody reads logs.
const NO_READERS: [&str; 5] = ["null", "counter", "exit", "flowcounter", "prometheus_exporter"];

/// What came out.
#[derive(Debug, Default)]
pub struct Flow {
    /// Which filters saw anything, by index.
    pub used: BTreeSet<usize>,
    /// Records without a filter: input, output, tag, and whether some have one.
    pub unfiltered: BTreeSet<(usize, usize, String, bool)>,
    /// Filters that were passed one after the other, by index.
    pub orders: BTreeSet<Vec<usize>>,
}

/// Records with one tag from one input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    input: usize,
    tag: String,
    passed: Vec<usize>,
    cover: Cover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    None,
    Partly,
    Full,
}

/// Follow all records.
pub fn follow(pipeline: &Pipeline, environment: &BTreeMap<String, String>) -> Flow {
    let resolve = |text: &str| pipeline.resolve(text, environment);
    let rules = |plugins: &[Plugin]| plugins.iter().map(|p| Rule::of(p, resolve)).collect::<Vec<Rule>>();
    let filters = rules(&pipeline.filters);
    let mut outputs = rules(&pipeline.outputs);
    // With one of each, an output without a rule takes everything.
    if let ([_], [rule @ Rule::Missing]) = (pipeline.inputs.as_slice(), outputs.as_mut_slice()) {
        *rule = Rule::Glob(vec!['*']);
    }
    let mut flow = Flow::default();
    let mut waiting = ways(pipeline, &resolve);
    let mut seen: BTreeSet<Way> = BTreeSet::new();
    while let Some(mut way) = waiting.pop() {
        if seen.len() >= MAX_WAYS || !seen.insert(way.clone()) {
            continue;
        }
        // Filters that saw records under this tag.
        let mut here: Vec<&Rule> = Vec::new();
        for (index, (filter, rule)) in pipeline.filters.iter().zip(&filters).enumerate() {
            let fit = rule.fit(&way.tag);
            if fit == Fit::None {
                continue;
            }
            if filter.is_wasm() {
                flow.used.insert(index);
                way.passed.push(index);
                here.push(rule);
                let cover = if fit == Fit::Some { Cover::Partly } else { Cover::Full };
                way.cover = way.cover.max(cover);
            } else if filter.name == "rewrite_tag" {
                waiting.extend(rewritten(filter, &way, &resolve));
            }
        }
        for (index, (output, rule)) in pipeline.outputs.iter().zip(&outputs).enumerate() {
            let passes = rule.fit(&way.tag);
            let reads = !NO_READERS.contains(&output.name.as_str());
            if matches!(passes, Fit::None | Fit::Unknown)
                || !reads
                || output.processors.iter().any(Plugin::is_wasm)
            {
                continue;
            }
            // An output that takes some of the tags needs a filter for those only.
            let taken = rule.narrow(&way.tag);
            let covered = way.cover == Cover::Full || here.iter().any(|r| r.fit(&taken) == Fit::All);
            if !covered {
                flow.unfiltered.insert((way.input, index, way.tag.clone(), way.cover == Cover::Partly));
            }
        }
        flow.orders.insert(way.passed);
    }
    flow
}

/// What the inputs give.
fn ways(pipeline: &Pipeline, resolve: &impl Fn(&str) -> Option<String>) -> Vec<Way> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ways = Vec::new();
    for (input, plugin) in pipeline.inputs.iter().enumerate() {
        let count = counts.entry(&plugin.name).or_default();
        let number = *count;
        *count += 1;
        if NO_LOGS.contains(&plugin.name.as_str()) {
            continue;
        }
        let cover = if plugin.processors.iter().any(Plugin::is_wasm) { Cover::Full } else { Cover::None };
        ways.push(Way { input, tag: tag(plugin, number, resolve), passed: Vec::new(), cover });
    }
    ways
}

/// The tag that an input gives; a star is what is not known.
fn tag(plugin: &Plugin, number: usize, resolve: &impl Fn(&str) -> Option<String>) -> String {
    let unknown = || "*".to_owned();
    // http takes the path of a request, whatever its own tag is; tag_key takes what a record says.
    if plugin.name == "http" || plugin.setting("tag_key").is_some() {
        return unknown();
    }
    if let Some(setting) = plugin.setting("tag_prefix") {
        return resolve(&setting.text).unwrap_or_default() + "*";
    }
    let Some(setting) = plugin.setting("tag") else {
        let from_path = !plugin.setting("tag_from_uri").is_some_and(|s| is_off(&s.text));
        return match plugin.name.as_str() {
            // The client says it.
            "forward" => unknown(),
            "opentelemetry" if from_path => unknown(),
            name => format!("{name}.{number}"),
        };
    };
    let Some(text) = resolve(&setting.text) else { return unknown() };
    // tail fills in what its tag_regex found: <name>.
    let mut tag = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        let Some((_, tail)) = after.split_once('>') else { break };
        tag.push_str(before);
        tag.push('*');
        rest = tail;
    }
    tag + rest
}

/// Records that `rewrite_tag` sends once more through all filters: `rule KEY REGEX NEW_TAG KEEP`.
fn rewritten(filter: &Plugin, way: &Way, resolve: &impl Fn(&str) -> Option<String>) -> Vec<Way> {
    let rules = filter.settings.iter().filter(|s| s.key == "rule");
    rules
        .filter_map(|s| {
            let text = resolve(&s.text)?;
            let new = text.split_ascii_whitespace().nth(2)?;
            let mut tag = String::new();
            let mut rest = new;
            // `$TAG[1]`, `$field['key']`: known only when it runs.
            while let Some((before, after)) = rest.split_once('$') {
                tag.push_str(before);
                tag.push('*');
                let end =
                    after.find(|c: char| !(c.is_alphanumeric() || "_[]'".contains(c))).unwrap_or(after.len());
                rest = &after[end..];
            }
            Some(Way { tag: tag + rest, ..way.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::pipeline::fluent_bit::read::{Text, classic};

    fn flow(text: &str) -> Flow {
        let base = std::path::Path::new(".");
        follow(&classic(Text { file: "x", text, offset: 0, base, beside: &[] }), &BTreeMap::new())
    }

    const FILTER: &str = "[FILTER]\n Name wasm\n Match app\n";
    const OUTPUT: &str = "[OUTPUT]\n Name http\n Match *\n";

    #[test]
    fn a_filter_that_matches_covers() {
        let f = flow(&format!("[INPUT]\n Name tail\n Tag app\n{FILTER}{OUTPUT}"));
        assert!(f.unfiltered.is_empty() && f.used.contains(&0), "{f:?}");
        let f = flow(&format!("[INPUT]\n Name tail\n{FILTER}{OUTPUT}"));
        assert_eq!(f.unfiltered, BTreeSet::from([(0, 0, "tail.0".to_owned(), false)]));
        assert!(f.used.is_empty());
        let f = flow(&format!("[INPUT]\n Name forward\n{FILTER}[OUTPUT]\n Name http\n Match app\n"));
        assert!(f.unfiltered.is_empty(), "the output takes what the filter takes: {f:?}");
        let f = flow(&format!("[INPUT]\n Name http\n Tag app\n{FILTER}{OUTPUT}"));
        assert_eq!(f.unfiltered.len(), 1, "the path of a request is the tag");
        let f = flow(&format!("[INPUT]\n Name forward\n{FILTER}{OUTPUT}"));
        assert_eq!(f.unfiltered, BTreeSet::from([(0, 0, "*".to_owned(), true)]));
    }

    #[test]
    fn tags_that_are_written_anew() {
        let input = "[INPUT]\n Name tail\n Tag raw\n";
        let rewrite = "[FILTER]\n Name rewrite_tag\n Match raw\n Rule $log ^ERR app false\n";
        // The new tag comes to the filter, the old one does not.
        let f = flow(&format!("{input}{rewrite}{FILTER}[OUTPUT]\n Name http\n Match app\n"));
        assert!(f.unfiltered.is_empty() && f.used.contains(&1), "{f:?}");
        // Filtered before it gets its new tag.
        let f = flow(&format!("{input}[FILTER]\n Name wasm\n Match raw\n{rewrite}{OUTPUT}"));
        assert!(f.unfiltered.is_empty(), "{f:?}");
        // For ever: each round is the same way.
        let f = flow(&format!(
            "{input}[FILTER]\n Name rewrite_tag\n Match *\n Rule $log ^ERR x$TAG false\n{OUTPUT}"
        ));
        assert!(!f.unfiltered.is_empty());
    }

    #[test]
    fn metrics_and_nobody() {
        let f = flow(&format!("[INPUT]\n Name cpu\n{FILTER}{OUTPUT}"));
        assert!(f.unfiltered.is_empty());
        let f = flow(&format!("[INPUT]\n Name tail\n{FILTER}[OUTPUT]\n Name null\n Match *\n"));
        assert!(f.unfiltered.is_empty());
    }
}
