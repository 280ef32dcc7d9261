//! The one trait a filter implements.

use serde::de::DeserializeOwned;

use crate::{
    config::{ConfigError, OnError},
    key::{Key, KeyConfig},
    live,
    record::{Record, Splice},
    session::{Encoding, Meta},
};

/// What becomes of a record after [`Filter::process`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, with the edits made to it; without edits, byte for byte as it came.
    Keep,
    /// It ends here.
    Drop,
}

/// A log filter: what to do with one record, and nothing about where it runs.
///
/// Nothing reachable from [`process`](Filter::process) may panic, recurse on the input or
/// allocate in steady state: in Fluent Bit a panic loses the record and, in the end, the
/// instance.
pub trait Filter: Sized + 'static {
    /// The name users configure, such as `coturn-ip-anonymizer`.
    const NAME: &'static str;
    /// Semver, normally `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// JSON Schema (draft 2020-12) of [`Config`](Filter::Config): the generated, checked-in file.
    const CONFIG_SCHEMA: &'static str;
    /// What [`counts`](Filter::counts) counts, in its order.
    const COUNTERS: &'static [&'static str] = &[];
    /// The headers that the live mode needs; `None`: this filter has no live mode.
    const LIVE: Option<live::Headers> = None;

    /// Whether every line of text becomes a JSON object, `{"log": <the line>}`, also one that nothing is added to.
    const LIFTS: bool = false;

    /// The config. Derive `Deserialize` with `deny_unknown_fields` and `default`.
    type Config: DeserializeOwned + Default;

    /// The `key` section of the config, if the filter has one. The shell resolves it.
    fn key_config(_config: &Self::Config) -> Option<&KeyConfig> {
        None
    }

    /// What becomes of a record that is not the JSON it should be.
    fn on_error(_config: &Self::Config) -> OnError {
        OnError::Redact
    }

    /// Build the filter.
    ///
    /// # Errors
    /// When values of the config do not fit together; the error names the path.
    fn new(config: Self::Config, key: Option<Key>) -> Result<Self, ConfigError>;

    /// Whether this record, which may be anything, is one that stays as it is: the quickest look there is. `false`: it
    /// goes the way of all records.
    #[inline(always)]
    fn is_known(&mut self, _meta: Meta<'_>, _encoding: Encoding, _body: &[u8]) -> bool {
        false
    }

    /// A short cut for a text that is all there is of a record: a line, or what stands between the
    /// quotes in `{"key":"text"}`. Without one, all records go to [`process`](Filter::process).
    ///
    /// `true`: the record is done, with what `splice` has replaced, which is printable ASCII without
    /// `"` and `\`. With a `key`, the text has not been scanned: then `true` also vouches that no
    /// byte of it is `"` or `\`. `false`: as if this had not been called.
    #[inline(always)]
    fn try_text(&mut self, _key: Option<&[u8]>, _text: &[u8], _splice: &mut Splice<'_>) -> bool {
        false
    }

    /// Filter one record.
    fn process(&mut self, record: &mut Record<'_>) -> Verdict;

    /// The stream has ended: give out what is held back, each as one JSON object.
    fn flush(&mut self, _emit: &mut dyn FnMut(&[u8])) {}

    /// Live mode: whether to read the body of a request.
    fn wants_body(&self, _exchange: &live::Exchange) -> bool {
        false
    }

    /// Live mode: a request was answered. Whether it was an event, and `event`, which comes empty, holds it.
    fn watch(&mut self, _exchange: &live::Exchange, _event: &mut live::Event) -> bool {
        false
    }

    /// Live mode: another instance has sent the [`relay`](live::Event::relay) of an event. Whether it raised alerts, and
    /// `event`, which comes empty, holds it with them.
    fn collect(&mut self, _relay: &[u8], _event: &mut live::Event) -> bool {
        false
    }

    /// How often each of [`COUNTERS`](Filter::COUNTERS) happened since the start.
    fn counts(&self) -> &[u64] {
        &[]
    }
}
