//! The config of the filter: what users write, and its defaults.

use std::collections::BTreeMap;

use serde::Deserialize;
use tamis_sdk::{
    KeyConfig, OnError,
    config::{optional_section, section},
};

/// The keys under which programs log payloads, however they spell them (`taskPayload`, `TASK_PAYLOAD`, ...).
pub const PAYLOAD_KEYS: &[&str] = &[
    "payload",
    "task_payload",
    "job_payload",
    "raw_payload",
    "data",
    "task_data",
    "job_data",
    "input_data",
    "event_data",
    "template_data",
    "args",
    "task_args",
    "job_args",
    "kwargs",
    "arguments",
    "body",
    "content",
    "input",
    "job_input",
    "raw",
    "result",
    "params",
    "request_body",
    "response_body",
    "req_body",
    "resp_body",
    "message_body",
    "raw_body",
];

/// The whole config. Every key has a default; `{}` is a valid config.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The key of all pseudonyms. Needed by the mode `token` and by `size-and-hash`.
    #[serde(deserialize_with = "optional_section")]
    pub key: Option<KeyConfig>,
    /// What becomes of a record that is not JSON where JSON was promised.
    pub on_error: OnError,
    /// Task payloads.
    #[serde(deserialize_with = "section")]
    pub payload: PayloadConfig,
    /// What may be seen of the payloads of a task type. A name that ends with `*` is a prefix; the entry
    /// `default` is for all types that no other entry names. Without entries nothing may be seen.
    pub tasks: BTreeMap<String, TaskConfig>,
    /// Field names whose values are sensitive wherever they stand.
    #[serde(deserialize_with = "section")]
    pub deny_keys: DenyConfig,
    /// What happens to what a detector finds, by the detector's name in the catalogue; `all` is for those not named.
    pub detectors: BTreeMap<String, Rule>,
    /// Detectors of your own.
    pub custom: Vec<CustomRule>,
    /// Turn asynq's own lines into fields: level, pid, task id, queue, type, error.
    pub lift: bool,
    /// Add an object of this name to every changed record that says how much of what was done.
    pub counts_field: Option<String>,
    /// Streams (tags) for which a payload that is spread over records is followed at the same time, 1 to 4096.
    pub streams: u16,
    /// Pseudonyms that are remembered, per kind. 128 bytes each.
    pub cache_entries: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key: None,
            on_error: OnError::default(),
            payload: PayloadConfig::default(),
            tasks: BTreeMap::new(),
            deny_keys: DenyConfig::default(),
            detectors: BTreeMap::new(),
            custom: Vec::new(),
            lift: false,
            counts_field: None,
            streams: 64,
            cache_entries: 256,
        }
    }
}

/// Task payloads.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PayloadConfig {
    /// Names of the fields that hold payloads, in any case style. Setting it replaces the default.
    pub keys: Vec<String>,
    /// More such names.
    pub extra_keys: Vec<String>,
    /// Take a JSON object or a Go dump that is printed into a text for a payload.
    pub in_text: bool,
    /// What is left of a payload.
    pub mode: PayloadMode,
    /// What takes the place of a value that is not allowed.
    pub values: Rule,
    /// Details of payloads, that is the values that are allowed, only in records of at most this level; in others
    /// the payload goes whole. Without it the level does not matter.
    pub min_level: Option<Level>,
    /// How a payload is written that was in base64, hex or a list of bytes.
    pub encoding: Reencode,
}

impl Default for PayloadConfig {
    fn default() -> Self {
        Self {
            keys: PAYLOAD_KEYS.iter().map(|k| (*k).to_owned()).collect(),
            extra_keys: Vec::new(),
            in_text: true,
            mode: PayloadMode::default(),
            values: Rule::default(),
            min_level: None,
            encoding: Reencode::default(),
        }
    }
}

/// What is left of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PayloadMode {
    /// Its structure, and the values that are allowed (default).
    #[default]
    Redact,
    /// A marker.
    Drop,
    /// Its size and a keyed hash: `[REDACTED:payload 93 bytes payload-k1-mfzxg4tbonqwg3dp]`. Needs a key.
    SizeAndHash,
}

/// How a payload is written that was in base64, hex or a list of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reencode {
    /// As it was (default).
    #[default]
    Keep,
    /// As plain text.
    Plain,
}

/// Levels of records, the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Also for records that say `trace`.
    Trace,
    /// `debug`.
    Debug,
    /// `info`.
    Info,
    /// `warn`, `warning`.
    #[serde(alias = "warning")]
    Warn,
    /// `error`.
    Error,
    /// `fatal`, `panic`, `dpanic`.
    Fatal,
}

/// What may be seen of a payload.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Paths such as `user_id`, `customer.id`, `items[].sku`, `meta.*`; `*` alone is everything. An allowed value
    /// still goes through the key rules and the detectors.
    pub allow: Vec<String>,
}

/// Field names whose values are sensitive wherever they stand.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DenyConfig {
    /// More names, in any case style; `*` at an end is a wildcard.
    pub names: Vec<String>,
    /// Names that are not sensitive after all.
    pub except: Vec<String>,
    /// What happens to the values, by class of name (`password`, `secret`, `code`, `person`, `contact`, `national-id`,
    /// `financial`, `network`); `all` is for those not named.
    pub rules: BTreeMap<String, Rule>,
}

/// What happens to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// It becomes `[REDACTED:<kind>]` (default).
    #[default]
    Mask,
    /// It becomes `<kind>-<key id>-<16 characters>`, HMAC-SHA256; the same value has the same token. Needs a key.
    Token,
    /// Its first and last characters stay, if that is less than half of it.
    Partial {
        /// How many characters at the start stay.
        #[serde(default)]
        first: u8,
        /// How many characters at the end stay.
        #[serde(default)]
        last: u8,
    },
    /// It goes, with its key where it has one.
    Remove,
    /// It stays.
    Off,
}

/// A detector of your own.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomRule {
    /// Its name, as it stands in markers: lower-case letters, digits and dashes.
    pub name: String,
    /// A regular expression (ASCII classes). If it has a group, the first group is what is sensitive.
    pub pattern: String,
    /// It is only tried where one of these words occurs, in any case.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// What happens to what it finds.
    #[serde(default)]
    pub rule: Rule,
}
