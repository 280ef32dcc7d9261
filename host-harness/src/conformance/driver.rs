//! What the behaviour checks need of an ABI: give a record, see what becomes of it.

use std::fmt::Write as _;

use wasmtime::Trap;

use super::corpus::Sample;

/// The tag of all records.
pub(super) const TAG: &str = "conformance";

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It went on as it came.
    Kept,
    /// It went on like this.
    Changed(Vec<u8>),
    /// The filter let it end there.
    Dropped,
    /// A proxy answered with this status instead of letting it on.
    Refused(u32),
    /// The host would lose it.
    Lost(String),
}

impl Fate {
    /// What goes on in place of a record, if something does.
    pub fn body<'a>(&'a self, came: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Kept => Some(came),
            Self::Changed(body) => Some(body),
            _ => None,
        }
    }
}

/// The guest trapped, did not come back, or broke its contract.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// It did not come back in time.
    pub hung: bool,
    pub text: String,
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Self { hung: is_hang(&error), text: brief(&error) }
    }
}

/// A running filter.
pub(super) trait Driver {
    /// Give one record.
    fn give(&mut self, sample: &Sample) -> Result<Fate, Fault>;

    /// Give records together, where the ABI has batches.
    fn give_all(&mut self, samples: &[Sample]) -> Result<Vec<Fate>, Fault> {
        samples.iter().map(|sample| self.give(sample)).collect()
    }

    /// How much linear memory it has. It never shrinks.
    fn memory_bytes(&mut self) -> usize;
}

/// A filter that can be started any number of times.
pub(super) trait Subject {
    /// Start it.
    fn start(&self) -> Result<Box<dyn Driver>, Fault>;

    /// Whether the host goes on with an instance that has trapped.
    fn outlives_traps(&self) -> bool {
        false
    }
}

/// Whether a guest was interrupted at its deadline.
pub(super) fn is_hang(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Trap>() == Some(&Trap::Interrupt)
        || error.chain().any(|cause| cause.to_string().contains("did not come back"))
}

/// An error on one line, without the addresses of its backtrace.
pub(super) fn brief(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if cause.starts_with("error while executing at wasm backtrace") {
            continue;
        }
        let line = cause.lines().next().unwrap_or_default().trim_end_matches(':');
        if !line.is_empty() && !text.ends_with(line) {
            let _ = write!(text, "{}{line}", if text.is_empty() { "" } else { ": " });
        }
    }
    if text.is_empty() { error.to_string() } else { text }
}
