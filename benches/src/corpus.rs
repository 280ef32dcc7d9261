//! The recorded logs that everything is measured on.

use std::path::PathBuf;

use anyhow::Context;
pub use tamis::bench::corpus::{Batches, Corpus};

/// Read one from the repository.
///
/// # Errors
/// When the repository is not where this program was built, or the log is not usable.
pub fn read(name: &str) -> anyhow::Result<Corpus> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus")).join(name);
    Corpus::read(&path, u64::MAX).context("run this program in the repository that it was built in")
}
