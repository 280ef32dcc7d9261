//! The hosts: one folder each, one trait over them, one place that chooses.

use std::{fmt, str::FromStr};

use anyhow::{bail, ensure};
pub use tamis_sdk::{Action, Encoding};

pub mod component;
pub mod engine;
pub mod fluent_bit;
mod machine_code;
pub mod native;
pub mod proxy_wasm;

pub use engine::{Engines, HostOptions, Refused};

/// Which host ABI runs a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostKind {
    /// The filter as plain Rust in this process: the oracle the others are held against.
    Native,
    /// The WIT contract, on Wasmtime.
    Component,
    /// The ABI of Fluent Bit's `filter_wasm`, on Wasmtime.
    FluentBit,
    /// proxy-wasm 0.2.1, on Wasmtime.
    ProxyWasm,
}

impl HostKind {
    /// All of them, the oracle first.
    pub const ALL: [Self; 4] = [Self::Native, Self::Component, Self::FluentBit, Self::ProxyWasm];

    /// The name used on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Component => "component",
            Self::FluentBit => "fluent-bit",
            Self::ProxyWasm => "proxy-wasm",
        }
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HostKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|k| k.name() == s)
            .ok_or_else(|| format!("no host is called '{s}': native, component, fluent-bit or proxy-wasm"))
    }
}

/// Records that go through a host together, column by column (see `wit/log-filter.wit`).
#[derive(Debug, Clone)]
pub struct Batch {
    /// The tag all records share.
    pub tag: String,
    /// What the bodies are.
    pub encoding: Encoding,
    /// One per record: nanoseconds since 1970, 0 if not known.
    pub timestamps_ns: Vec<u64>,
    /// All bodies, one after the other.
    pub bodies: Vec<u8>,
    /// One per record: where its body ends in `bodies`.
    pub ends: Vec<u32>,
}

impl Batch {
    /// An empty batch.
    pub fn new(tag: impl Into<String>, encoding: Encoding) -> Self {
        Self { tag: tag.into(), encoding, timestamps_ns: Vec::new(), bodies: Vec::new(), ends: Vec::new() }
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Add a record.
    pub fn push(&mut self, timestamp_ns: u64, body: &[u8]) {
        self.bodies.extend_from_slice(body);
        self.ends.push(u32::try_from(self.bodies.len()).unwrap_or(u32::MAX));
        self.timestamps_ns.push(timestamp_ns);
    }

    /// Remove all records, keep the memory.
    pub fn clear(&mut self) {
        self.timestamps_ns.clear();
        self.bodies.clear();
        self.ends.clear();
    }

    /// Body of record `i`.
    pub fn body(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.bodies[start..self.ends[i] as usize]
    }
}

/// What became of a batch: an action per record, and the bodies of the changed ones.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    /// One per record of the batch.
    pub actions: Vec<Action>,
    /// Bodies of the `Replace` and `ReplaceJson` records, one after the other.
    pub bodies: Vec<u8>,
    /// One per such record: where its body ends in `bodies`.
    pub ends: Vec<u32>,
}

impl Outcome {
    /// Remove everything, keep the memory.
    pub fn clear(&mut self) {
        self.actions.clear();
        self.bodies.clear();
        self.ends.clear();
    }

    /// Body `i` of the changed records: the `i`-th `Replace` or `ReplaceJson`.
    pub fn body(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.bodies[start..self.ends[i] as usize]
    }

    /// Whether this can be the answer to a batch of `records`: guests are not trusted to
    /// keep the columns in step.
    ///
    /// # Errors
    /// When lengths do not agree or an end lies outside of the bodies.
    pub fn check(&self, records: usize) -> anyhow::Result<()> {
        ensure!(
            self.actions.len() == records,
            "the guest broke the contract: {} verdicts for {records} records",
            self.actions.len(),
        );
        // In bytes, so that many are counted together.
        let changed: usize = (self.actions.chunks(255))
            .map(|some| {
                let changed = |a: &Action| u8::from(matches!(a, Action::Replace | Action::ReplaceJson));
                usize::from(some.iter().fold(0, |sum: u8, action| sum.wrapping_add(changed(action))))
            })
            .sum();
        ensure!(
            changed == self.ends.len(),
            "the guest broke the contract: {} bodies for {changed} changed records",
            self.ends.len(),
        );
        // All of them, without a look after each: this is done for every batch.
        let ascending = self.ends.windows(2).fold(true, |so_far, pair| so_far & (pair[0] <= pair[1]));
        let last = self.ends.last().map_or(0, |end| *end as usize);
        ensure!(
            ascending && last == self.bodies.len(),
            "the guest broke the contract: bodies that end at {:?} in {} bytes",
            self.ends.iter().take(20).collect::<Vec<_>>(),
            self.bodies.len(),
        );
        Ok(())
    }
}

/// Start a filter in a guest ABI from the bytes of its artifact; the one place that
/// chooses. For [`HostKind::Native`] there are no such bytes: see [`native::open`].
///
/// # Errors
/// [`Refused`] when the filter does not accept its config, else when the artifact cannot
/// be compiled or does not keep to its ABI.
pub fn open(
    kind: HostKind,
    engines: &Engines,
    wasm: &[u8],
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    start(engines, &compile(kind, engines, wasm)?, config, options)
}

/// An artifact as machine code, which any number of instances can be started from.
#[derive(Debug, Clone)]
pub enum Compiled {
    /// For [`component`].
    Component(component::Compiled),
    /// For [`fluent_bit`].
    FluentBit(fluent_bit::Compiled),
    /// For [`proxy_wasm`].
    ProxyWasm(proxy_wasm::Compiled),
}

/// The first half of [`open`].
///
/// # Errors
/// When the artifact cannot be compiled or is plainly not of this ABI.
pub fn compile(kind: HostKind, engines: &Engines, wasm: &[u8]) -> anyhow::Result<Compiled> {
    Ok(match kind {
        HostKind::Native => bail!("the native host runs built-in filters by name, not artifacts"),
        HostKind::Component => Compiled::Component(component::compile(engines, wasm)?),
        HostKind::FluentBit => Compiled::FluentBit(fluent_bit::compile(engines, wasm)?),
        HostKind::ProxyWasm => Compiled::ProxyWasm(proxy_wasm::compile(engines, wasm)?),
    })
}

/// The second half of [`open`]: an instance, with its filter started.
///
/// # Errors
/// As [`open`].
pub fn start(
    engines: &Engines,
    compiled: &Compiled,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    match compiled {
        Compiled::Component(compiled) => component::start(engines, compiled, config, options),
        Compiled::FluentBit(compiled) => fluent_bit::start(engines, compiled, config, options),
        Compiled::ProxyWasm(compiled) => proxy_wasm::start(engines, compiled, config, options),
    }
}

/// A running filter in some host ABI.
pub trait Host {
    /// Filter a batch. `outcome` is cleared first.
    ///
    /// # Errors
    /// When the guest trapped, broke the ABI or ran out of its limits.
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()>;

    /// End of the stream: JSON objects that the filter still held back. Hosts whose ABI
    /// has no such call give none.
    ///
    /// # Errors
    /// As [`Host::process`].
    fn flush(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    /// What the filter counted so far; empty where the ABI has no such call.
    ///
    /// # Errors
    /// As [`Host::process`].
    fn counters(&mut self) -> anyhow::Result<Vec<(String, u64)>> {
        Ok(Vec::new())
    }

    /// How much linear memory the guest has, in bytes; it never shrinks. `None` without a guest.
    fn memory_bytes(&self) -> Option<usize> {
        None
    }
}
