//! coturn-ip-anonymizer: client addresses, user names, session ids and credentials in coturn
//! logs become truncated, pseudonymous or gone, and the logs stay useful.
//!
//! | module | what it knows |
//! |---|---|
//! | `config` | what users write |
//! | `address` | IP addresses in text, and what takes their place |
//! | `names` | user names and other names, and what takes their place |
//! | `line` | coturn's lines: where in them identifiers stand |
//! | `aggregate` | summaries instead of session events |
//!
//! Not in here: how a record comes and goes (that is the SDK).

#![cfg_attr(target_family = "wasm", allow(unsafe_code))]

pub mod address;
pub mod config;
pub mod counts;
pub mod line;
pub mod names;

use tamis_sdk::{ConfigError, Filter, Key, KeyConfig, OnError, Record, Verdict, record::Kind};

use crate::{config::Config, line::Scrubber};

/// The filter.
#[derive(Debug)]
pub struct CoturnIpAnonymizer {
    scrubber: Scrubber,
    /// Field names whose strings are filtered; `None` is every string.
    fields: Option<Vec<Vec<u8>>>,
    counts_field: Option<String>,
    counts_json: Vec<u8>,
}

impl Filter for CoturnIpAnonymizer {
    const NAME: &'static str = "coturn-ip-anonymizer";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = "{}";
    const COUNTERS: &'static [&'static str] = counts::NAMES;

    type Config = Config;

    fn key_config(config: &Config) -> Option<&KeyConfig> {
        config.key.as_ref()
    }

    fn on_error(config: &Config) -> OnError {
        config.on_error
    }

    fn new(config: Config, key: Option<Key>) -> Result<Self, ConfigError> {
        if config.fields.is_empty() {
            return Err(ConfigError::new("$.fields", "names no field: name some, or leave it out for all"));
        }
        let all = config.fields.iter().any(|f| f == "*");
        Ok(Self {
            scrubber: Scrubber::new(&config, key.as_ref())?,
            fields: (!all).then(|| config.fields.iter().map(|f| f.as_bytes().to_vec()).collect()),
            counts_field: config.counts_field,
            counts_json: Vec::new(),
        })
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        let before = *self.scrubber.counts();
        let tag = record.tag();
        for index in 0..record.nodes().len() {
            let Some(node) = record.node(index) else { break };
            if node.kind != Kind::String {
                continue;
            }
            let key = record.key(&node);
            let wanted = record.is_text() || self.fields.as_ref().is_none_or(|f| f.iter().any(|f| f == key));
            if wanted {
                let scrubber = &mut self.scrubber;
                record.edit_text(index, |text, edits| scrubber.scrub(tag, key, text, edits));
            }
        }
        if let Some(field) = &self.counts_field {
            self.counts_json.clear();
            if self.scrubber.counts().write_since(&before, &mut self.counts_json) {
                record.append(field, &self.counts_json);
            }
        }
        Verdict::Keep
    }

    fn counts(&self) -> &[u64] {
        self.scrubber.counts().all()
    }
}

tamis_sdk::export_filter!(CoturnIpAnonymizer);
