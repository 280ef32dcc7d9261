//! Measurements of filters: what `tamis bench` does.
//!
//! Cases (a filter in a host, and the controls) are opened side by side and measured in rounds,
//! each case once in each round and never in the same order, so that a slow minute of the machine
//! hits all of them. Compiling, starting and calling are measured apart. While the clock runs,
//! nothing is read, cut into lines, allocated or printed by the harness: batches are ready, and
//! times go into counters.
//!
//! What belongs to a host's work is in its figures: copying records into a guest of Fluent Bit's
//! ABI and its answer out again, making a body of a batch for a proxy and taking it apart.

pub mod chart;
pub mod clock;
pub mod compare;
pub mod control;
pub mod corpus;
pub mod histogram;
mod measure;
pub mod report;
pub mod sample;
pub mod table;

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::{host::HostKind, select::Target};
pub(crate) use measure::input;
pub use measure::run;

/// A filter in a host, to be measured.
#[derive(Debug)]
pub struct Subject<'a> {
    /// What reports call the filter.
    pub label: String,
    /// The filter; none for the control that copies.
    pub target: Option<&'a Target>,
    /// The host.
    pub host: HostKind,
    /// The text of its config.
    pub config: &'a str,
    /// Where relative paths in it start.
    pub config_base_dir: Option<PathBuf>,
    /// Whether it is there for comparison.
    pub control: bool,
}

/// How to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often.
    pub rounds: u32,
    /// How much of the log goes through a case each time, in bytes.
    pub bytes: u64,
    /// Sizes of batches, in records, beside the one of `tamis run`.
    pub sweep: Vec<u32>,
    /// How much linear memory a guest may have, in bytes.
    pub memory_limit_bytes: usize,
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
