//! The filter that does nothing: the control in every measurement, and the smallest
//! example of how a filter is written.

#![cfg_attr(target_family = "wasm", allow(unsafe_code))]

use serde::Deserialize;
use tamis_sdk::{ConfigError, Filter, Key, Record, Verdict};

/// Keeps every record as it came.
#[derive(Debug)]
pub struct Identity;

/// It has no options.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Filter for Identity {
    const NAME: &'static str = "identity";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"identity","type":"object","additionalProperties":false}"#;

    type Config = Config;

    fn new(_config: Config, _key: Option<Key>) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn process(&mut self, _record: &mut Record<'_>) -> Verdict {
        Verdict::Keep
    }
}

tamis_sdk::export_filter!(Identity);
