//! What in a configuration lets sensitive data into logs, or out of the place where they belong.
//!
//! | module | what it knows |
//! |---|---|
//! | `coturn` | `turnserver.conf`: what is logged, and how to log less |
//! | `storage` | files and folders of logs: who can read them, how long they stay, what is below them |
//! | `pipeline` | Fluent Bit, Envoy and Vector: whether records can get past the filters |
//! | `rule` | what a rule is: reports, SARIF and `docs/lint.md` are made from the definitions |
//! | `report`, `text`, `sarif` | what was found, and how it is written |

pub mod coturn;
pub mod pipeline;
mod report;
mod rule;
mod sarif;
pub mod storage;
mod text;
mod version;

use std::{fs, io::Read, path::Path};

pub use self::{
    report::{Fact, Finding, Place, Problem, Report, SCHEMA},
    rule::{Rule, all as rules, find as rule},
    sarif::sarif,
    text::text,
    version::Version,
};

/// A configuration that is larger than this is none.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// Read a configuration file.
///
/// # Errors
/// When it cannot be read or is larger than any configuration.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    if path.is_dir() {
        return Err("this is a directory, not a config".to_owned());
    }
    let file = fs::File::open(path).map_err(|e| format!("cannot read it: {e}"))?;
    read_from(file)
}

/// Read a configuration from anywhere.
///
/// # Errors
/// As [`read`].
pub fn read_from(source: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    source.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot read it: {e}"))?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(format!("over {} MiB: this is no config", MAX_CONFIG_BYTES >> 20));
    }
    Ok(bytes)
}
