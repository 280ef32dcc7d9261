//! What a proxy does with bodies: the config of a plugin around the config of its filter.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Format,
    choice::{MediaKind, media_kind, media_type, path_of},
};
use crate::{
    config::{self, ConfigError},
    live::LiveConfig,
    record::{Kind, scan},
};

/// Largest `max_bytes` that can be set: 256 MiB. A body, its scan and its new text have to
/// fit into the memory of one instance.
const MAX_MAX_BYTES: u32 = 256 << 20;

/// What is to become of a body that cannot be filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It is not let through (default).
    #[default]
    Reject,
    /// It is let through as it came.
    Pass,
}

/// How bodies of some kind are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// By content type, path and first bytes (default).
    #[default]
    Auto,
    /// As [`Format::Text`].
    Text,
    /// As [`Format::Lines`].
    Lines,
    /// As [`Format::Ndjson`].
    Ndjson,
    /// As [`Format::Json`].
    Json,
    /// As [`Format::Bulk`].
    Bulk,
    /// As [`Format::Loki`].
    Loki,
    /// As [`Format::Otlp`].
    Otlp,
    /// As [`Format::SplunkHec`].
    SplunkHec,
    /// Not at all: such bodies are let through as they came.
    Pass,
    /// Such bodies are not let through.
    Reject,
}

/// The `body` section of a plugin's config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BodyPolicy {
    /// Filter the bodies of requests.
    pub request: bool,
    /// Filter the bodies of responses.
    pub response: bool,
    /// Largest body that is filtered, in bytes, before and after unfolding gzip.
    pub max_bytes: u32,
    /// What becomes of larger ones: 413, or through unfiltered.
    pub over_limit: Refusal,
    /// What becomes of bodies that are not read here (protobuf, snappy, images, upgraded
    /// connections): 415, or through unfiltered.
    pub on_unsupported: Refusal,
    /// Whether a body that is not what it claims to be is filtered as lines; else 400.
    pub text_fallback: bool,
    /// How all bodies are handled, unless `paths` or `content_types` says otherwise.
    pub format: Rule,
    /// By media type, such as `application/x-custom`; comes before `format`.
    pub content_types: BTreeMap<String, Rule>,
    /// By path, such as `/ingest`, exactly; comes before `content_types`.
    pub paths: BTreeMap<String, Rule>,
}

impl Default for BodyPolicy {
    fn default() -> Self {
        Self {
            request: true,
            response: false,
            max_bytes: 4 << 20,
            over_limit: Refusal::Reject,
            on_unsupported: Refusal::Reject,
            text_fallback: true,
            format: Rule::Auto,
            content_types: BTreeMap::new(),
            paths: BTreeMap::new(),
        }
    }
}

/// What is to be done with a body, as far as its headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Filter it as this format.
    Format(Format),
    /// Filter it as what [`choose`](super::choose) says once the body is there.
    Choose(MediaKind),
    /// Let it through.
    Pass,
    /// Do not let it through: it cannot be read here, or a rule says so.
    Reject,
}

impl BodyPolicy {
    /// What is to be done with a body of this content type, sent to this request target.
    pub fn plan(&self, content_type: &[u8], target: &[u8]) -> Plan {
        let path = path_of(target);
        let by_path = || self.paths.iter().find(|(p, _)| path_of(p.as_bytes()) == path);
        let by_type = || {
            let media = media_type(content_type);
            self.content_types.iter().find(|(t, _)| media_type(t.as_bytes()) == media)
        };
        let rule = by_path().or_else(by_type).map_or(self.format, |(_, rule)| *rule);
        Plan::Format(match rule {
            Rule::Auto => {
                return match (media_kind(content_type), self.on_unsupported) {
                    (MediaKind::Other, Refusal::Pass) => Plan::Pass,
                    (MediaKind::Other, Refusal::Reject) => Plan::Reject,
                    (kind, _) => Plan::Choose(kind),
                };
            }
            Rule::Pass => return Plan::Pass,
            Rule::Reject => return Plan::Reject,
            Rule::Text => Format::Text,
            Rule::Lines => Format::Lines,
            Rule::Ndjson => Format::Ndjson,
            Rule::Json => Format::Json,
            Rule::Bulk => Format::Bulk,
            Rule::Loki => Format::Loki,
            Rule::Otlp => Format::Otlp,
            Rule::SplunkHec => Format::SplunkHec,
        })
    }
}

/// The config of a plugin: `{"filter": {...}, "body": {...}}`, `{"filter": {...}, "live": {...}}`, or that of the filter
/// alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig {
    /// JSON text of the filter's config; empty for all defaults.
    pub filter: String,
    /// What happens to bodies.
    pub body: BodyPolicy,
    /// The filter does not read logs but watches requests.
    pub live: Option<LiveConfig>,
    wrapped: bool,
}

impl PluginConfig {
    /// Parse the text that the proxy hands over.
    ///
    /// # Errors
    /// When it has a `filter`, `body` or `live` section and anything else beside them, or a `body`
    /// or `live` section that is wrong. Text that is not JSON is left to the filter to refuse.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut plugin =
            Self { filter: text.to_owned(), body: BodyPolicy::default(), live: None, wrapped: false };
        let mut tape = Vec::new();
        if scan::scan(text.as_bytes(), &mut tape).is_err() {
            return Ok(plugin);
        }
        let slice = |start: u32, end: u32| text.get(start as usize..end as usize).unwrap_or_default();
        let mut members = Vec::new();
        let mut at = 1;
        while let Some(node) = tape.get(at).filter(|_| tape[0].kind == Kind::Object) {
            let quote = u32::from(node.kind == Kind::String);
            members.push((
                slice(node.key_start, node.key_end),
                slice(node.start.saturating_sub(quote), node.end.saturating_add(quote)),
            ));
            at = (node.next as usize).max(at + 1);
        }
        if !members.iter().any(|(key, _)| matches!(*key, "filter" | "body" | "live")) {
            return Ok(plugin);
        }
        plugin.wrapped = true;
        plugin.filter.clear();
        let mut seen = Vec::new();
        for (key, value) in members {
            if seen.contains(&key) {
                return Err(ConfigError::new(format!("$.{key}"), "is there twice: keep one"));
            }
            seen.push(key);
            match key {
                "filter" => value.clone_into(&mut plugin.filter),
                // An array would pass for the fields of a struct in their order.
                "body" | "live" if !value.starts_with('{') => {
                    return Err(ConfigError::new(format!("$.{key}"), "must be an object"));
                }
                "body" => plugin.body = config::parse(value).map_err(|e| below(e, "body"))?,
                "live" => plugin.live = Some(LiveConfig::parse(value).map_err(|e| below(e, "live"))?),
                _ => {
                    let message = config::unknown("key", key, &["filter", "body", "live"]);
                    let message = format!("{message}; options of the filter belong into 'filter'");
                    return Err(ConfigError::new(format!("$.{key}"), message));
                }
            }
        }
        if plugin.live.is_some() && seen.contains(&"body") {
            let message = "cannot stand beside 'live': an instance either filters bodies or watches requests";
            return Err(ConfigError::new("$.body", message));
        }
        if !(1..=MAX_MAX_BYTES).contains(&plugin.body.max_bytes) {
            let message = format!("must be 1 to {MAX_MAX_BYTES}");
            return Err(ConfigError::new("$.body.max_bytes", message));
        }
        Ok(plugin)
    }

    /// An error of the filter's config, with its path in the plugin's config.
    pub fn locate(&self, error: ConfigError) -> ConfigError {
        if self.wrapped { below(error, "filter") } else { error }
    }
}

fn below(error: ConfigError, section: &str) -> ConfigError {
    let path = error.path.strip_prefix('$').unwrap_or(&error.path);
    ConfigError::new(format!("$.{section}{path}"), error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filters_config_may_stand_alone() {
        for text in ["", " ", "{}", r#"{"ip":{"mode":"token"}}"#, "[1]", "not json"] {
            let plugin = PluginConfig::parse(text).unwrap();
            assert_eq!((plugin.filter.as_str(), plugin.body), (text, BodyPolicy::default()));
        }
    }

    #[test]
    fn sections_are_taken_apart_as_they_are_written() {
        let text =
            r#"{ "filter" : { "a": 1.0 }, "body": {"response":true,"max_bytes":7,"format":"splunk-hec"} }"#;
        let plugin = PluginConfig::parse(text).unwrap();
        assert_eq!(plugin.filter, r#"{ "a": 1.0 }"#);
        let expected =
            BodyPolicy { response: true, max_bytes: 7, format: Rule::SplunkHec, ..BodyPolicy::default() };
        assert_eq!(plugin.body, expected);
        let error = plugin.locate(ConfigError::new("$.ip.mode", "x"));
        assert_eq!(error.path, "$.filter.ip.mode");
        assert_eq!(PluginConfig::parse(r#"{"body":{}}"#).unwrap().filter, "");
    }

    #[test]
    fn errors_name_the_place() {
        for (text, path, message) in [
            (r#"{"body":{"max_byte":1}}"#, "$.body.max_byte", "did you mean 'max_bytes'?"),
            (r#"{"body":{"max_bytes":0}}"#, "$.body.max_bytes", "must be 1 to"),
            (r#"{"body":{"format":"nd-json"}}"#, "$.body.format", "did you mean 'ndjson'?"),
            (r#"{"body":{"paths":{"/x":"lokki"}}}"#, "$.body.paths./x", "did you mean 'loki'?"),
            (r#"{"body":{},"ip":{}}"#, "$.ip", "belong into 'filter'"),
            (r#"{"body":{},"body":{}}"#, "$.body", "twice"),
            (r#"{"body":[]}"#, "$.body", "must be an object"),
            (r#"{"live":[]}"#, "$.live", "must be an object"),
            (r#"{"live":{"trusted_hop":1}}"#, "$.live.trusted_hop", "did you mean 'trusted_hops'?"),
            (r#"{"live":{},"body":{}}"#, "$.body", "beside 'live'"),
        ] {
            let error = PluginConfig::parse(text).unwrap_err();
            assert_eq!(error.path, path, "{text}");
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
    }

    #[test]
    fn rules_go_from_path_to_type_to_all() {
        let text = r#"{"body":{"format":"json","content_types":{"Text/Plain":"pass","application/x-snappy":"reject"},"paths":{"/bulk/":"bulk"}}}"#;
        let policy = PluginConfig::parse(text).unwrap().body;
        assert_eq!(policy.plan(b"text/plain", b"/bulk?x=1"), Plan::Format(Format::Bulk));
        assert_eq!(policy.plan(b"text/plain; charset=utf-8", b"/"), Plan::Pass);
        assert_eq!(policy.plan(b"application/x-snappy", b"/"), Plan::Reject);
        assert_eq!(policy.plan(b"image/png", b"/"), Plan::Format(Format::Json));
        let auto = BodyPolicy::default();
        assert_eq!(auto.plan(b"image/png", b"/"), Plan::Reject);
        assert_eq!(auto.plan(b"application/json", b"/"), Plan::Choose(MediaKind::Json));
    }
}
