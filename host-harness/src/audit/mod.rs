//! What is in logs that should not be there: the same rules as the filter asynq-payload-redactor has, which here
//! change nothing and are reported.
//!
//! | module | what it knows |
//! |---|---|
//! | `walk`, `glob` | which files there are |
//! | `chunks`, `pool` | how they come to all cores, with a report that does not depend on how many there are |
//! | `scan` | one chunk: what is found in each record |
//! | `place`, `inside`, `trace` | where a value stands, what is in a payload, where it comes from |
//! | `logger`, `hour`, `shape` | what a record says of itself |
//! | `mask` | how values are shown |
//! | `tally` | findings, added up |
//! | `report`, `baseline` | what is reported, what is known already |
//! | `text`, `sarif`, `html`, `suggest` | how it is written; JSON is the report itself |

pub mod baseline;
pub mod chunks;
pub mod glob;
pub(crate) mod hour;
mod html;
mod inside;
pub mod logger;
mod mask;
mod place;
pub mod pool;
pub mod report;
pub mod sarif;
mod scan;
mod shape;
mod suggest;
mod tally;
mod text;
mod trace;
pub mod walk;

use asynq_payload_redactor::config::Config;
use tamis_sdk::{ConfigError, Key};

pub use self::{baseline::Baseline, html::html, report::Report, text::text};
use crate::input::InputMode;
pub use crate::render::Style;

/// What to scan for, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The config of the filter: allow-lists, names, detectors.
    pub config: Config,
    /// Its key, if it has one.
    pub secret: Option<Key>,
    /// How lines are read.
    pub mode: InputMode,
    /// Occurrences that are shown per finding.
    pub samples: usize,
    /// Threads that scan.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { config: Config::default(), secret: None, mode: InputMode::Auto, samples: 3, threads: 1 }
    }
}

/// Scan what was found by [`walk::walk`]; `progress` is told how many bytes were read.
///
/// # Errors
/// When the config is refused.
pub fn audit(
    walked: walk::Walked,
    options: &Options,
    progress: &pool::Progress,
) -> Result<Report, ConfigError> {
    let scanned = pool::run(&walked.inputs, options, progress, None)?;
    Report::new(walked, scanned, options)
}
