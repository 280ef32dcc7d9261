//! The ABI of Fluent Bit's `filter_wasm` on Wasmtime, in its JSON mode.
//!
//! What Fluent Bit does with a record, this does: it copies tag and record into memory from
//! the guest's `malloc`, each with a NUL behind it, calls `filter`, copies the C string
//! that comes back, and frees the two copies or, as 4.1.0 and 4.1.1, forgets to. Where
//! Fluent Bit loses a record and goes on, this fails: a lost record is what is looked for.

mod guest;

use anyhow::{Context, bail};
use memchr::{memchr, memmem};
use tamis_sdk::record::{
    Kind,
    scan::{self, Node},
};

use super::{Action, Batch, Encoding, Engines, Host, HostOptions, Outcome, Refused};
use crate::{keys, text_wrap};
pub(crate) use guest::filter_name;
use guest::{Answer, Guest};
pub use guest::{Compiled, Copies};

/// Compile a module.
///
/// # Errors
/// When this is none.
pub fn compile(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Compiled> {
    Compiled::new(engines, wasm)
}

/// Start a module.
///
/// # Errors
/// [`Refused`] when the filter does not accept its config; else when this is no module that
/// Fluent Bit could run as a filter.
pub fn start(
    engines: &Engines,
    compiled: &Compiled,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    Ok(Box::new(FluentBit::start(engines, compiled, config, options, Copies::Freed)?))
}

/// A filter that runs as in Fluent Bit.
#[derive(Debug)]
pub struct FluentBit {
    guest: Guest,
    /// The record as the guest gets it, where that is not what came.
    record: Vec<u8>,
    answer: Vec<u8>,
    tape: Vec<Node>,
}

impl FluentBit {
    /// Compile and start a module; `copies` says what becomes of the copies of tag and record.
    ///
    /// # Errors
    /// As [`compile`] and [`start`].
    pub fn open(
        engines: &Engines,
        wasm: &[u8],
        config: &str,
        options: &HostOptions,
        copies: Copies,
    ) -> anyhow::Result<Self> {
        Self::start(engines, &compile(engines, wasm)?, config, options, copies)
    }

    fn start(
        engines: &Engines,
        compiled: &Compiled,
        config: &str,
        options: &HostOptions,
        copies: Copies,
    ) -> anyhow::Result<Self> {
        // The guest could read a key file itself, but only below a directory that is open
        // to it; here keys may be anywhere, and in the environment.
        let config =
            keys::inline(config, options.config_base_dir.as_deref()).map_err(|e| Refused(e.to_string()))?;
        Ok(Self {
            guest: Guest::start(engines, compiled, &config, options, copies)?,
            record: Vec::new(),
            answer: Vec::new(),
            tape: Vec::new(),
        })
    }

    /// How much linear memory the guest has, in bytes. It never shrinks.
    pub fn memory_bytes(&self) -> usize {
        self.guest.memory_bytes()
    }

    /// Whether the filter makes a JSON object of every line of text.
    pub fn lifts(&self) -> bool {
        self.guest.lifts()
    }

    fn process_one(
        &mut self,
        tag: &[u8],
        encoding: Encoding,
        timestamp_ns: u64,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> anyhow::Result<Action> {
        self.record.clear();
        let nul = match encoding {
            Encoding::Text => {
                text_wrap::wrap(body, &mut self.record);
                false
            }
            Encoding::Json => {
                let nul = memchr(0, body).is_some();
                if nul {
                    replace_all(body, &[0], NUL_AS_CHAR, &mut self.record);
                }
                nul
            }
        };
        let record = if nul || encoding == Encoding::Text { &self.record } else { body };
        self.answer.clear();
        match self.guest.filter(tag, timestamp_ns, record, &mut self.answer)? {
            Answer::Same if encoding == Encoding::Text && self.lifts() => {
                out.extend_from_slice(&self.record);
                return Ok(Action::ReplaceJson);
            }
            Answer::Same => return Ok(Action::Keep),
            Answer::Nothing => return Ok(Action::Drop),
            Answer::Changed => {}
        }
        if !is_object(&self.answer, &mut self.tape) && is_object(record, &mut self.tape) {
            bail!("the record is lost: its answer of {} bytes is not a JSON object", self.answer.len());
        }
        if encoding == Encoding::Text {
            if !self.lifts() && text_wrap::unwrap_into(&self.answer, out) {
                return Ok(Action::Replace);
            }
            out.extend_from_slice(&self.answer);
            return Ok(Action::ReplaceJson);
        }
        if nul {
            replace_all(&self.answer, NUL_AS_CHAR, &[0], out);
        } else {
            out.extend_from_slice(&self.answer);
        }
        Ok(Action::Replace)
    }
}

impl Host for FluentBit {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.clear();
        for (i, &timestamp_ns) in batch.timestamps_ns.iter().enumerate() {
            let body = batch.body(i);
            let tag = batch.tag.as_bytes();
            let action = self
                .process_one(tag, batch.encoding, timestamp_ns, body, &mut outcome.bodies)
                .with_context(|| format!("record {} of {}", i + 1, batch.len()))?;
            if matches!(action, Action::Replace | Action::ReplaceJson) {
                outcome.ends.push(u32::try_from(outcome.bodies.len())?);
            }
            outcome.actions.push(action);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> Option<usize> {
        Some(self.guest.memory_bytes())
    }
}

/// A NUL ends a record in this ABI. Fluent Bit never has one there, because its records
/// are JSON that it has made itself; broken JSON with NULs comes from files and tests only.
/// It goes in as Fluent Bit would hold such a byte, and comes out as it was.
const NUL_AS_CHAR: &[u8] = "\u{e000}".as_bytes();

fn replace_all(from: &[u8], what: &[u8], with: &[u8], out: &mut Vec<u8>) {
    let mut done = 0;
    for at in memmem::find_iter(from, what) {
        out.extend_from_slice(&from[done..at]);
        out.extend_from_slice(with);
        done = at + what.len();
    }
    out.extend_from_slice(&from[done..]);
}

fn is_object(json: &[u8], tape: &mut Vec<Node>) -> bool {
    scan::scan(json, tape).is_ok() && tape.first().is_some_and(|root| root.kind == Kind::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_goes_in_as_a_character_and_comes_back() {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        replace_all(b"\0a\0\0b", &[0], NUL_AS_CHAR, &mut there);
        assert_eq!(there, "\u{e000}a\u{e000}\u{e000}b".as_bytes());
        replace_all(&there, NUL_AS_CHAR, &[0], &mut back);
        assert_eq!(back, b"\0a\0\0b");
    }
}
