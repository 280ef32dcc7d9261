//! The bodies in which log shippers send records over HTTP: finding the records in them,
//! passing each through a filter, and putting the changed ones back.
//!
//! A body is edited by spans. What no filter changed leaves byte for byte as it came:
//! white space, key order, number spelling, escapes and line terminators. In the JSON
//! envelopes (Loki, OTLP, Splunk) every string is filtered unless the format gives it a
//! structural meaning, such as a time or a trace id: a shape that this code does not know
//! is then filtered too, not passed.
//!
//! Not in here: headers, limits and policies (that is the shell in
//! [`abi`](crate::abi)) and anything that knows a mitigation.

mod choice;
mod envelope;
mod gzip;
mod json;
mod lines;
mod patch;
mod policy;
mod sift;

use std::fmt;

use crate::{Action, Encoding, Filter, Meta, Session, config};

pub use choice::{Choice, MediaKind, choose, media_kind, media_type, path_of};
pub use gzip::{GunzipError, gunzip};
pub use policy::{BodyPolicy, Plan, PluginConfig, Refusal, Rule};
pub use sift::Sifter;

/// How records lie in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines of text, one record each; a line that is JSON is still text.
    Text,
    /// Lines, one record each: JSON where a line is a JSON object or array, else text.
    Lines,
    /// One JSON document per line.
    Ndjson,
    /// JSON documents, one after the other; an array is an array of records.
    Json,
    /// Elasticsearch and OpenSearch `_bulk`: pairs of action and source lines.
    Bulk,
    /// Loki push: `streams[].values[][1]`.
    Loki,
    /// OTLP/HTTP JSON logs: `resourceLogs[].scopeLogs[].logRecords[]`.
    Otlp,
    /// Splunk HTTP event collector: concatenated objects with an `event`.
    SplunkHec,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Lines,
        Self::Ndjson,
        Self::Json,
        Self::Bulk,
        Self::Loki,
        Self::Otlp,
        Self::SplunkHec,
    ];

    /// The name used in a config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Lines => "lines",
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Bulk => "bulk",
            Self::Loki => "loki",
            Self::Otlp => "otlp",
            Self::SplunkHec => "splunk-hec",
        }
    }

    /// The format of this name.
    ///
    /// # Errors
    /// When there is none, with the nearest name.
    pub fn from_name(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|f| f.name()).collect();
            config::unknown("format", name, &known)
        })
    }

    /// What the store would have answered to a request whose every record was taken: status,
    /// content type and body. For when the filter has dropped all of them and there is
    /// nothing left to send.
    pub const fn accepted(self) -> (u32, &'static str, &'static str) {
        const JSON: &str = "application/json";
        match self {
            Self::Bulk => (200, JSON, r#"{"took":0,"errors":false,"items":[]}"#),
            Self::Otlp => (200, JSON, "{}"),
            Self::SplunkHec => (200, JSON, r#"{"text":"Success","code":0}"#),
            Self::Text | Self::Lines | Self::Ndjson | Self::Json | Self::Loki => (204, "", ""),
        }
    }
}

/// What records pass through: a [`Session`] of any filter.
pub trait Sieve {
    /// Filter one record; a changed body is appended to `out`.
    fn sieve(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Action;
}

impl<F: Filter> Sieve for Session<F> {
    fn sieve(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Action {
        self.process(meta, encoding, body, out)
    }
}

/// What was done to a body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Records found.
    pub records: u64,
    /// Records that the filter changed.
    pub changed: u64,
    /// Records that the filter removed.
    pub dropped: u64,
    /// Whether the body has changed, be it by a record or by a string beside the records.
    pub rewritten: bool,
}

impl Report {
    /// Whether there were records and none is left.
    pub fn all_dropped(&self) -> bool {
        self.records > 0 && self.dropped == self.records
    }

    fn note(&mut self, action: Action) {
        self.records += 1;
        match action {
            Action::Keep => {}
            Action::Replace | Action::ReplaceJson => self.changed += 1,
            Action::Drop => self.dropped += 1,
        }
    }
}

/// A body that is not what its format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// What it was read as.
    pub format: Format,
    /// Byte offset where it stopped making sense.
    pub offset: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body is not {} from byte {} on", self.format.name(), self.offset)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests;
