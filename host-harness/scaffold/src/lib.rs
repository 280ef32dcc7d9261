//! template-filter: what follows a marker such as `password=` is replaced.
//!
//! Change [`TemplateFilter::process`](Filter::process) to what your filter is to do; the config is in
//! `config`. Nothing here knows in which host it runs.

#![cfg_attr(target_family = "wasm", allow(unsafe_code))]

pub mod config;

use memchr::memmem::Finder;
use tamis_sdk::{ConfigError, Edits, Filter, Key, OnError, Record, Verdict, record::Kind};

use crate::config::Config;

/// The filter.
#[derive(Debug)]
pub struct TemplateFilter {
    markers: Vec<Finder<'static>>,
    replacement: Vec<u8>,
    /// One per name in `COUNTERS`.
    counts: [u64; 1],
}

/// Whether a secret is over at this byte.
fn ends_secret(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"',;&<>".contains(&byte)
}

impl TemplateFilter {
    /// Note what is to be replaced in one text.
    fn redact(&mut self, text: &[u8], edits: &mut Edits) {
        for marker in &self.markers {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| marker.find(rest)) {
                let start = from + at + marker.needle().len();
                let rest = text.get(start..).unwrap_or_default();
                let secret = &rest[..rest.iter().take_while(|b| !ends_secret(**b)).count()];
                from = start + secret.len();
                // What is redacted already stays: filtering twice is filtering once.
                if !secret.is_empty() && secret != self.replacement {
                    edits.replace(start, from, &self.replacement);
                    self.counts[0] += 1;
                }
            }
        }
    }
}

impl Filter for TemplateFilter {
    const NAME: &'static str = "template-filter";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");
    const COUNTERS: &'static [&'static str] = &["redacted"];

    type Config = Config;

    fn on_error(config: &Config) -> OnError {
        config.on_error
    }

    fn new(config: Config, _key: Option<Key>) -> Result<Self, ConfigError> {
        if let Some(i) = config.markers.iter().position(String::is_empty) {
            let message = "is empty: every byte would be a secret";
            return Err(ConfigError::new(format!("$.markers[{i}]"), message));
        }
        if config.replacement.bytes().any(ends_secret) {
            let message = "must not hold what ends a secret: a blank, a quote, or one of ,;&<>";
            return Err(ConfigError::new("$.replacement", message));
        }
        Ok(Self {
            markers: config.markers.iter().map(|m| Finder::new(m.as_bytes()).into_owned()).collect(),
            replacement: config.replacement.into_bytes(),
            counts: [0],
        })
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        // A line of text is one string; a JSON record has as many as stand in it, at any depth.
        let mut index = 0;
        while let Some(node) = record.node(index) {
            if node.kind == Kind::String {
                record.edit_text(index, |text, edits| self.redact(text, edits));
            }
            index += 1;
        }
        Verdict::Keep
    }

    fn counts(&self) -> &[u64] {
        &self.counts
    }
}

tamis_sdk::export_filter!(TemplateFilter);

#[cfg(test)]
mod tests {
    use tamis_sdk::{Action, Encoding, Meta, Session};

    use super::*;

    fn session(config: &str) -> Result<Session<TemplateFilter>, ConfigError> {
        Session::new(config, |section| section.resolve(|_| Err("no files".into()), |_| Err("no env".into())))
    }

    fn filtered(config: &str, encoding: Encoding, body: &str) -> String {
        let mut out = Vec::new();
        let meta = Meta { tag: b"test", timestamp_ns: 0 };
        match session(config).unwrap().process(meta, encoding, body.as_bytes(), &mut out) {
            Action::Keep => body.to_owned(),
            _ => String::from_utf8(out).unwrap(),
        }
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (line, expected) in [
            ("nothing to see", "nothing to see"),
            ("login user=alice password=hunter2 ok", "login user=alice password=[REDACTED] ok"),
            ("?token=abc&page=2", "?token=[REDACTED]&page=2"),
            ("password=token=abc", "password=[REDACTED]"),
            ("password=", "password="),
        ] {
            let once = filtered("", Encoding::Text, line);
            assert_eq!(once, expected);
            assert_eq!(filtered("", Encoding::Text, &once), once, "twice is once");
        }
    }

    #[test]
    fn json_keeps_its_spelling() {
        assert_eq!(
            filtered("{}", Encoding::Json, r#"{ "n": 1.0, "m": "password=\u0061b \u00e9", "n": [null] }"#),
            r#"{ "n": 1.0, "m": "password=[REDACTED] \u00e9", "n": [null] }"#
        );
    }

    #[test]
    fn a_config_is_used_or_refused() {
        let config = r#"{"markers": ["pin:"], "replacement": "xxx"}"#;
        assert_eq!(filtered(config, Encoding::Text, "pin:1234 token=a"), "pin:xxx token=a");
        for (config, path) in [
            (r#"{"marker": []}"#, "$.marker"),
            (r#"{"markers": ["a", ""]}"#, "$.markers[1]"),
            (r#"{"replacement": "two words"}"#, "$.replacement"),
        ] {
            assert_eq!(session(config).err().unwrap().path, path, "{config}");
        }
    }
}
