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
pub mod aggregate;
mod bytes;
pub mod config;
pub mod counts;
pub mod line;
pub mod names;

use tamis_sdk::{ConfigError, Filter, Key, KeyConfig, OnError, Record, Verdict, record::Kind};

use crate::{
    aggregate::{Aggregator, Taken},
    config::Config,
    line::Scrubber,
};

/// The filter.
#[derive(Debug)]
pub struct CoturnIpAnonymizer {
    scrubber: Scrubber,
    /// Field names whose strings are filtered; `None` is every string.
    fields: Option<Vec<Vec<u8>>>,
    aggregator: Option<Aggregator>,
    counts_field: Option<String>,
    counts_json: Vec<u8>,
}

impl Filter for CoturnIpAnonymizer {
    const NAME: &'static str = "coturn-ip-anonymizer";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");
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
        if let Some(aggregate) = &config.aggregate
            && !(1..=604_800).contains(&aggregate.window_seconds)
        {
            let message = format!("must be 1 to 604800, is {}", aggregate.window_seconds);
            return Err(ConfigError::new("$.aggregate.window_seconds", message));
        }
        let all = config.fields.iter().any(|f| f == "*");
        Ok(Self {
            scrubber: Scrubber::new(&config, key.as_ref())?,
            fields: (!all).then(|| config.fields.iter().map(|f| f.as_bytes().to_vec()).collect()),
            aggregator: config
                .aggregate
                .as_ref()
                .map(|a| Aggregator::new(a, &config.ip, &config.users.rest_separator)),
            counts_field: config.counts_field,
            counts_json: Vec::new(),
        })
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        let before = self.counts_field.is_some().then(|| *self.scrubber.counts());
        let (tag, timestamp_ns) = (record.tag(), record.timestamp_ns());
        for index in 0..record.nodes().len() {
            let Some(node) = record.node(index) else { break };
            if node.kind != Kind::String {
                continue;
            }
            let key = record.key(&node);
            let wanted = record.is_text() || self.fields.as_ref().is_none_or(|f| f.iter().any(|f| f == key));
            if !wanted {
                continue;
            }
            if let Some(aggregator) = &mut self.aggregator {
                let mut taken = Taken::No;
                record.edit_text(index, |text, _| taken = aggregator.take(text, timestamp_ns));
                if taken != Taken::No {
                    self.scrubber.counts_mut().add(counts::Kind::Aggregated);
                    if taken == Taken::Swallowed {
                        return Verdict::Drop;
                    }
                    record.replace_whole(|out| out.extend_from_slice(aggregator.summary()));
                    return Verdict::Keep;
                }
            }
            let scrubber = &mut self.scrubber;
            record.edit_text(index, |text, edits| scrubber.scrub(tag, key, text, edits));
        }
        if let (Some(field), Some(before)) = (&self.counts_field, before) {
            self.counts_json.clear();
            if self.scrubber.counts().write_since(&before, &mut self.counts_json) {
                record.append(field, &self.counts_json);
            }
        }
        Verdict::Keep
    }

    fn flush(&mut self, emit: &mut dyn FnMut(&[u8])) {
        if let Some(summary) = self.aggregator.as_mut().and_then(Aggregator::finish) {
            emit(summary);
        }
    }

    fn counts(&self) -> &[u64] {
        self.scrubber.counts().all()
    }
}

tamis_sdk::export_filter!(CoturnIpAnonymizer);
