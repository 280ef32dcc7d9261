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

use tamis_sdk::{
    ConfigError, Edits, Filter, Key, KeyConfig, OnError, Record, Splice, Verdict,
    record::{Kind, Node},
};

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

impl CoturnIpAnonymizer {
    /// journald gives a message with control bytes as the array of its bytes. Whether the value at `index` is one.
    fn scrub_bytes(&mut self, record: &mut Record<'_>, index: usize) -> bool {
        let Some(array) = record.node(index) else { return false };
        let elements = record.nodes().get(index + 1..array.next as usize).unwrap_or_default();
        // Shorter than any line that says something.
        if elements.len() < 4 {
            return false;
        }
        let byte =
            |node: &Node| std::str::from_utf8(record.raw(node)).ok().and_then(|t| t.parse::<u8>().ok());
        let Some(message) = elements.iter().map(byte).collect::<Option<Vec<u8>>>() else { return false };
        let mut edits = Edits::default();
        self.scrubber.scrub(record.tag(), record.key(&array), &message, &mut edits);
        if !edits.is_empty() {
            let clean = edits.applied(&message);
            record.replace_plain(index, |out| {
                for (i, byte) in clean.iter().enumerate() {
                    out.push(if i == 0 { b'[' } else { b',' });
                    counts::write_number(u64::from(*byte), out);
                }
                out.push(b']');
            });
        }
        true
    }
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
        if config.counts_field.as_deref() == Some("") {
            return Err(ConfigError::new("$.counts_field", "is empty: name a field, or leave it out"));
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

    #[inline(always)]
    fn try_text(&mut self, key: Option<&[u8]>, text: &[u8], splice: &mut Splice<'_>) -> bool {
        let wanted = match (key, &self.fields) {
            (Some(key), Some(fields)) => fields.iter().any(|f| f == key),
            _ => true,
        };
        wanted
            && self.aggregator.is_none()
            && self.counts_field.is_none()
            && self.scrubber.scrub_exact(text, splice)
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        let before = self.counts_field.is_some().then(|| *self.scrubber.counts());
        let (tag, timestamp_ns) = (record.tag(), record.timestamp_ns());
        let mut index = 0;
        while let Some(node) = record.node(index) {
            let here = index;
            index += 1;
            let key = record.key(&node);
            let wanted = record.is_text() || self.fields.as_ref().is_none_or(|f| f.iter().any(|f| f == key));
            if node.kind == Kind::Array && wanted && self.scrub_bytes(record, here) {
                index = node.next as usize;
            }
            if node.kind != Kind::String || !wanted {
                continue;
            }
            if let Some(aggregator) = &mut self.aggregator {
                let mut taken = Taken::No;
                record.edit_text(here, |text, _| taken = aggregator.take(text, timestamp_ns));
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
            record.edit_text(here, |text, edits| scrubber.scrub(tag, key, text, edits));
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

#[cfg(test)]
mod tests {
    use tamis_sdk::{Action, Encoding, Meta, Session};

    use super::*;

    fn filtered(encoding: Encoding, body: &str) -> String {
        let mut session = Session::<CoturnIpAnonymizer>::new("", |k| k.resolve_from_process()).unwrap();
        let mut out = Vec::new();
        match session.process(Meta { tag: b"", timestamp_ns: 0 }, encoding, body.as_bytes(), &mut out) {
            Action::Keep => body.to_owned(),
            _ => String::from_utf8(out).unwrap(),
        }
    }

    #[test]
    fn a_message_as_an_array_of_bytes_is_read() {
        let array = |text: &str| format!("{{\"MESSAGE\":{:?},\"x\":[1,2,3,4,300]}}", text.as_bytes());
        let line = "ERROR: check_stun_auth: user bob credentials are incorrect";
        let clean = line.replace("bob", "[REDACTED:user]");
        assert_eq!(
            filtered(Encoding::Json, &array(line)),
            array(&clean).replacen(", ", ",", clean.len() - 1)
        );
        let other = "{\"MESSAGE\":[ 49, 50,51,52 ]}";
        assert_eq!(filtered(Encoding::Json, other), other);
    }

    #[test]
    fn json_within_a_text_is_read() {
        let line = r#"2026-11-21T00:06:35.1Z stdout F {"msg":"3: : session 001000000000000005: realm \u003cr\u003e user \u003cbob\u003e: incoming packet REFRESH processed, success"}"#;
        assert_eq!(filtered(Encoding::Text, line), line.replace("bob", "[REDACTED:user]"));
        let nested = format!("{{\"log\":{line:?}}}");
        assert_eq!(filtered(Encoding::Json, &nested), nested.replace("bob", "[REDACTED:user]"));
    }
}
