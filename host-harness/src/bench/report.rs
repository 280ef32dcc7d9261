//! What was measured, as it is printed, drawn and saved.

use serde::{Deserialize, Serialize};

use super::histogram::Latency;

/// The version of the format of saved runs.
pub const FORMAT: u32 = 1;

/// One run of `tamis bench`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of tamis.
    pub tamis: String,
    /// Where it ran.
    pub machine: Machine,
    /// What it was measured on.
    pub input: Input,
    /// How often everything was measured.
    pub rounds: u32,
    /// The most memory that this process had in the end, in bytes; none if it cannot be told.
    pub peak_rss_bytes: Option<u64>,
    /// The cases, controls first.
    pub cases: Vec<Case>,
    /// What to know about the figures, each a line.
    pub notes: Vec<String>,
}

/// Where a run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The operating system.
    pub os: String,
    /// The instruction set.
    pub arch: String,
    /// How many threads it runs at a time; measured is on one.
    pub cpus: usize,
}

/// What a run was measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The file, or which sample.
    pub name: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// `text` or `json`.
    pub encoding: String,
    /// How many records it has.
    pub records: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A filter in a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The filter: a built-in name, or the path of an artifact.
    pub filter: String,
    /// The host.
    pub host: String,
    /// Whether it is there for comparison: it does nothing to a record.
    pub control: bool,
    /// SHA-256 of its config, in hex.
    pub config_sha256: String,
    /// How many bytes its artifact has; none if it has none.
    pub artifact_bytes: Option<u64>,
    /// To machine code, in milliseconds, without the cache; none for native.
    pub compile_ms: Option<f64>,
    /// From machine code to a filter that has taken its config, in microseconds.
    pub start_us: f64,
    /// CPU time per record in nanoseconds, in batches as `tamis run` makes them: the median.
    pub ns_per_record: f64,
    /// The same of each round.
    pub rounds_ns_per_record: Vec<f64>,
    /// Records per second of CPU time.
    pub records_per_s: f64,
    /// MB (1,000,000 bytes) of the log per second of CPU time.
    pub mb_per_s: f64,
    /// By how many records are in a batch.
    pub sweep: Vec<Step>,
    /// How long a call with a batch as of `tamis run` takes.
    pub batch_latency: Latency,
    /// How long a call with one record takes.
    pub record_latency: Latency,
    /// Linear memory of the guest in the end, in bytes; none for native.
    pub guest_memory_bytes: Option<u64>,
    /// What this process grew by from before the start to after the first pass, in bytes.
    pub rss_growth_bytes: Option<u64>,
    /// What became of the input, once.
    pub output: Output,
}

/// One size of batches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// How many records are in a batch.
    pub records: u32,
    /// CPU time per record in nanoseconds, the median.
    pub ns_per_record: f64,
}

/// What a filter made of the first batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Records that were changed.
    pub changed: u64,
    /// Records that were dropped.
    pub dropped: u64,
    /// SHA-256 of the bodies of those that were changed, in hex.
    pub sha256: String,
}

impl Case {
    /// What a case is told apart by.
    #[must_use]
    pub fn id(&self) -> (&str, &str) {
        (&self.filter, &self.host)
    }

    /// The fastest round, in nanoseconds per record.
    #[must_use]
    pub fn fastest_ns(&self) -> f64 {
        self.rounds_ns_per_record.iter().copied().fold(f64::INFINITY, f64::min)
    }
}
