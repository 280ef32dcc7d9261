//! The config of a filter that a pipeline names: whether the filter takes it, and whether it lets things pass.

use std::path::Path;

use tamis_sdk::{
    ConfigError,
    payload::{PluginConfig, Refusal, Rule},
};

use super::{node::Node, rules as r, yaml};
use crate::{
    host::native,
    keys,
    lint::{Finding, Place, Report, read},
};

/// A config in a file.
pub fn file(filter: &str, path: &Path, report: &mut Report) {
    let name = path.display().to_string();
    match read(path) {
        Err(reason) => report.problem(Place::file(&name), reason),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            check(filter, &text, |e| e, &Site { place: Place::file(&name), first_line: Some(1) }, report);
        }
    }
}

/// Where a config stands.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its beginning.
    pub place: Place,
    /// The line of its first one, if lines can be counted from there.
    pub first_line: Option<u64>,
}

/// A config that is in the pipeline's own: for Envoy, with options for bodies around it.
pub fn plugin(filter: &str, text: &str, site: &Site, report: &mut Report) -> Option<PluginConfig> {
    let config = match PluginConfig::parse(text) {
        Ok(config) => config,
        Err(error) => {
            let finding = Finding::new(&r::CONFIG_REFUSED, site.place.clone(), format!("{filter}: {error}"));
            report.findings.push(finding);
            return None;
        }
    };
    check(filter, &config.filter, |e| config.locate(e), site, report);
    let body = &config.body;
    let rules = body.content_types.values().chain(body.paths.values()).chain([&body.format]);
    let mut passing = Vec::new();
    passing.extend((body.over_limit == Refusal::Pass).then_some("over_limit"));
    passing.extend((body.on_unsupported == Refusal::Pass).then_some("on_unsupported"));
    passing.extend(rules.into_iter().any(|r| *r == Rule::Pass).then_some("format"));
    for key in passing {
        let words = format!("{filter}: {key} is pass");
        report.findings.push(Finding::new(&r::PASSES_ON_ERROR, site.place.clone(), words));
    }
    Some(config)
}

fn check(
    filter: &str,
    text: &str,
    locate: impl FnOnce(ConfigError) -> ConfigError,
    site: &Site,
    report: &mut Report,
) {
    if let Err(error) = native::check(filter, text, keys::stand_in).map_err(locate) {
        let finding = Finding::new(&r::CONFIG_REFUSED, site.place.clone(), format!("{filter}: {error}"));
        return report.findings.push(finding);
    }
    // JSON is a part of YAML, and this parser tells lines.
    let Ok(documents) = yaml::parse(text) else { return };
    let on_error = documents.first().and_then(|d| d.field("on_error"));
    if let Some(field) = on_error.filter(|f| f.value.text() == Some("pass")) {
        let line = site.first_line.map(|first| first + field.line - 1).or(site.place.line);
        let place = Place { line, ..site.place.clone() };
        report.findings.push(Finding::new(&r::PASSES_ON_ERROR, place, format!("{filter}: on_error is pass")));
    }
}

/// Whether a plugin only watches: then it may fail open, nothing depends on it.
pub fn only_watches(text: &str, config: &PluginConfig) -> bool {
    let live = |document: &Node| document.get("live").or_else(|| document.at(&["filter", "live"])).is_some();
    let watches = yaml::parse(text).is_ok_and(|documents| documents.first().is_some_and(live));
    watches || !config.body.request && !config.body.response
}
