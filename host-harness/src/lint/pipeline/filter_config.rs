//! The config of a filter that a pipeline names: whether the filter takes it, and whether it lets things pass.

use std::path::Path;

use serde_json::Value;
use tamis_sdk::{
    ConfigError,
    payload::{PluginConfig, Refusal, Rule},
};

use super::rules as r;
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
            let site = Site { place: Place::file(&name), first_line: Some(1) };
            if let Err(error) = native::check(filter, &text, keys::stand_in) {
                return refused(filter, &error, &site, report);
            }
            on_error(filter, &text, &site, report);
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
            refused(filter, &error, site, report);
            return None;
        }
    };
    if let Err(error) = native::check(filter, &config.filter, keys::stand_in) {
        refused(filter, &config.locate(error), site, report);
        return None;
    }
    on_error(filter, text, site, report);
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

fn refused(filter: &str, error: &ConfigError, site: &Site, report: &mut Report) {
    report.findings.push(Finding::new(&r::CONFIG_REFUSED, site.place.clone(), format!("{filter}: {error}")));
}

/// Finds `on_error` in the filter's config, by itself or below `filter`.
fn on_error(filter: &str, text: &str, site: &Site, report: &mut Report) {
    let config: Value = serde_json::from_str(text).unwrap_or_default();
    let section = config.get("filter").filter(|f| f.is_object()).unwrap_or(&config);
    if section.get("on_error").and_then(Value::as_str) != Some("pass") {
        return;
    }
    let below = text.lines().position(|l| l.contains("\"on_error\"")).unwrap_or(0) as u64;
    let line = site.first_line.map(|first| first + below).or(site.place.line);
    let place = Place { line, ..site.place.clone() };
    report.findings.push(Finding::new(&r::PASSES_ON_ERROR, place, format!("{filter}: on_error is pass")));
}

/// Whether a plugin only watches: then it may fail open, nothing depends on it.
pub fn only_watches(text: &str, config: &PluginConfig) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let live = ["/live", "/filter/live"].iter().any(|p| document.pointer(p).is_some());
    live || !config.body.request && !config.body.response
}
