//! Executed WebAssembly instructions per record, in the ABI of Fluent Bit.
//!
//! Fluent Bit interprets its filters, so what a record costs there follows the number of
//! instructions, and not the time that compiled code takes. Wasmtime counts them when it
//! meters fuel. Two counts are taken:
//!
//! - [`Count::Executed`]: every instruction but those that generate no code (`block`,
//!   `loop`, `end`, `drop`, ...);
//! - [`Count::Dispatched`]: without reads and writes of locals and without constants as
//!   well. A register-based interpreter, as WAMR's fast one, turns most of those into
//!   operands of other instructions, so this is the closer estimate of its work.
//!
//! A bulk operation (`memory.copy`) counts as one, whatever its length.
//!
//! Counted is all that a host calls for a record: `malloc` for tag and record, `filter`,
//! `free` for both. A first pass over the log warms caches and buffers and does not count.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, ensure};
use serde::Serialize;
use tamis::{
    artifacts,
    host::{Encoding, HostKind},
};
use wasmtime::{Config, Engine, Linker, Memory, Module, OperatorCost, Store, TypedFunc};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

use crate::corpus::Corpus;

/// What a guest may burn before it is taken for one that does not end.
const TANK: u64 = u64::MAX / 2;

/// The tag of all records.
const TAG: &[u8] = b"coturn";

/// How many characters of a masked line tell its template.
const TEMPLATE_CHARS: usize = 52;

/// Which instructions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// All that generate code.
    Executed,
    /// Those that an interpreter with registers has to dispatch, as an estimate.
    Dispatched,
}

/// A filter in the ABI of Fluent Bit whose instructions are counted.
pub struct Meter {
    store: Store<WasiP1Ctx>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: TypedFunc<(u32, u32, u32, u32, u32, u32), u32>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

/// What one record cost, and whether the filter changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Instructions.
    pub instructions: u64,
    /// Another record came back.
    pub changed: bool,
}

impl Meter {
    /// Start a module of Fluent Bit's ABI with its default config.
    ///
    /// # Errors
    /// When it is no such module, or does not start.
    pub fn start(wasm: &[u8], count: Count) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config.consume_fuel(true);
        if count == Count::Dispatched {
            let free = OperatorCost {
                LocalGet: 0,
                LocalSet: 0,
                LocalTee: 0,
                I32Const: 0,
                I64Const: 0,
                F32Const: 0,
                F64Const: 0,
                ..OperatorCost::default()
            };
            config.operator_cost(free);
        }
        let engine = Engine::new(&config).map_err(anyhow::Error::from)?;
        let module = Module::new(&engine, wasm).map_err(anyhow::Error::from)?;
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi).map_err(anyhow::Error::from)?;
        let wasi = WasiCtxBuilder::new().allow_blocking_current_thread(true).inherit_stderr().build_p1();
        let mut store = Store::new(&engine, wasi);
        store.set_fuel(TANK).map_err(anyhow::Error::from)?;
        let instance = linker.instantiate(&mut store, &module).map_err(anyhow::Error::from)?;
        let initialize = instance.get_typed_func::<(), ()>(&mut store, "_initialize");
        let initialize = initialize.map_err(anyhow::Error::from)?;
        initialize.call(&mut store, ()).map_err(anyhow::Error::from).context("the filter does not start")?;
        Ok(Self {
            memory: instance.get_memory(&mut store, "memory").context("no export `memory`")?,
            malloc: instance.get_typed_func(&mut store, "malloc").map_err(anyhow::Error::from)?,
            free: instance.get_typed_func(&mut store, "free").map_err(anyhow::Error::from)?,
            filter: instance.get_typed_func(&mut store, "filter").map_err(anyhow::Error::from)?,
            store,
        })
    }

    /// Filter one record, as the host does.
    ///
    /// # Errors
    /// When the guest traps or gives addresses outside of its memory.
    pub fn record(&mut self, record: &[u8]) -> anyhow::Result<Cost> {
        self.store.set_fuel(TANK).map_err(anyhow::Error::from)?;
        let tag = self.copy_in(TAG)?;
        let at = self.copy_in(record)?;
        let args = (tag, u32::try_from(TAG.len())?, 0, 0, at, u32::try_from(record.len())?);
        let answer = self.filter.call(&mut self.store, args).map_err(anyhow::Error::from)?;
        ensure!(answer != 0, "`filter` gave a null pointer");
        for copy in [tag, at] {
            self.free.call(&mut self.store, copy).map_err(anyhow::Error::from)?;
        }
        let left = self.store.get_fuel().map_err(anyhow::Error::from)?;
        Ok(Cost { instructions: TANK.saturating_sub(left), changed: answer != at })
    }

    fn copy_in(&mut self, bytes: &[u8]) -> anyhow::Result<u32> {
        let size = u32::try_from(bytes.len() + 1)?;
        let address = self.malloc.call(&mut self.store, size).map_err(anyhow::Error::from)?;
        ensure!(address != 0, "`malloc` of {size} bytes gave a null pointer");
        let start = usize::try_from(address)?;
        self.memory.write(&mut self.store, start, bytes)?;
        self.memory.write(&mut self.store, start + bytes.len(), &[0])?;
        Ok(address)
    }
}

/// What records of one kind cost on average, in instructions per record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Which records.
    pub group: String,
    /// How many there are in the log.
    pub records: u64,
    /// Their bytes on average, as JSON.
    pub bytes: f64,
    /// The control: the identity filter.
    pub identity: f64,
    /// The filter.
    pub filter: f64,
    /// `filter / identity`.
    pub ratio: f64,
    /// The same for [`Count::Dispatched`].
    pub dispatched_identity: f64,
    /// The same for [`Count::Dispatched`].
    pub dispatched_filter: f64,
    /// The same for [`Count::Dispatched`].
    pub dispatched_ratio: f64,
}

/// What a log costs, as a whole, by kind of line, and by template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// All records in one line.
    pub total: Line,
    /// By kind of line.
    pub groups: Vec<Line>,
    /// By template, the one that costs most in all first.
    pub templates: Vec<Line>,
}

/// Instructions of the filters of one line: identity and the filter, both counts.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    records: u64,
    bytes: u64,
    /// `[identity, filter]` for executed, then for dispatched instructions.
    instructions: [u64; 4],
}

impl Sum {
    fn add(&mut self, bytes: usize, instructions: [u64; 4]) {
        self.records += 1;
        self.bytes += bytes as u64;
        for (sum, n) in self.instructions.iter_mut().zip(instructions) {
            *sum += n;
        }
    }

    fn line(&self, group: &str) -> Line {
        let per_record = |n: u64| n as f64 / self.records.max(1) as f64;
        let [identity, filter, dispatched_identity, dispatched_filter] = self.instructions.map(per_record);
        Line {
            group: group.to_owned(),
            records: self.records,
            bytes: per_record(self.bytes),
            identity,
            filter,
            ratio: filter / identity.max(1.0),
            dispatched_identity,
            dispatched_filter,
            dispatched_ratio: dispatched_filter / dispatched_identity.max(1.0),
        }
    }
}

/// Count what `filter` executes on the log, beside the identity filter.
///
/// # Errors
/// When there is no artifact of the filter, or it fails.
pub fn measure(corpus: &Corpus, filter: &str) -> anyhow::Result<Report> {
    let mut meters = Vec::new();
    for count in [Count::Executed, Count::Dispatched] {
        for name in ["identity", filter] {
            let artifact = artifacts::find(name, HostKind::FluentBit)
                .with_context(|| format!("there is no artifact of '{name}' for fluent-bit"))?;
            meters.push(Meter::start(artifact.wasm, count).with_context(|| format!("filter '{name}'"))?);
        }
    }
    let records = corpus.records(Encoding::Json);
    for meter in &mut meters {
        for record in records {
            meter.record(record)?;
        }
    }
    let (mut total, mut groups, mut templates) =
        (Sum::default(), BTreeMap::<&str, Sum>::new(), BTreeMap::<String, Sum>::new());
    for (record, text) in records.iter().zip(corpus.records(Encoding::Text)) {
        let (mut instructions, mut changed) = ([0; 4], false);
        for (meter, n) in meters.iter_mut().zip(&mut instructions) {
            let cost = meter.record(record)?;
            *n = cost.instructions;
            changed |= cost.changed;
        }
        total.add(record.len(), instructions);
        groups.entry(group(text, changed)).or_default().add(record.len(), instructions);
        templates.entry(template(text)).or_default().add(record.len(), instructions);
    }
    let mut templates: Vec<(String, Sum)> = templates.into_iter().collect();
    templates.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.instructions[1]));
    Ok(Report {
        total: total.line("all"),
        groups: groups.iter().map(|(name, sum)| sum.line(name)).collect(),
        templates: templates.iter().map(|(name, sum)| sum.line(name)).collect(),
    })
}

/// The kind of a line. What a filter leaves alone tells what the search for it costs.
fn group(line: &[u8], changed: bool) -> &'static str {
    let coturn = contains(line, b"session ");
    let asynq = contains(line, b"asynq") || contains(line, b"task");
    match (changed, coturn) {
        (true, false) if asynq => "asynq's and workers' lines, changed",
        (false, false) if asynq => "asynq's and workers' lines, left alone",
        (true, true) if contains(line, b": peer ") => "peer lines, changed",
        (true, true) => "session lines, changed",
        (true, false) => "other lines, changed",
        (false, true) => "session lines, left alone",
        (false, false) => "other lines, left alone",
    }
}

fn contains(line: &[u8], what: &[u8]) -> bool {
    line.windows(what.len()).any(|w| w == what)
}

/// A line without what varies: numbers, addresses, time stamps and what stands in `<>`.
fn template(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    // The time stamp ends where the message starts.
    let message = text.split_once("+0000: ").map_or(&*text, |(_, message)| message);
    let mut masked = String::new();
    let mut rest = message;
    while let Some(c) = rest.chars().next() {
        let run =
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_hexdigit() || ".:".contains(c)).len();
        if run > 0 && rest[..run].contains(|c: char| c.is_ascii_digit()) {
            masked.push('#');
            rest = &rest[run..];
            continue;
        }
        let len = match (c, rest.find('>')) {
            ('<', Some(close)) => {
                masked.push_str(if close == 1 { "<>" } else { "<..>" });
                close + 1
            }
            _ => {
                // A whole run of letters, so that its tail is not taken for a number.
                let len = run.max(c.len_utf8());
                masked.push_str(&rest[..len]);
                len
            }
        };
        rest = &rest[len..];
    }
    masked.chars().take(TEMPLATE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_forget_what_varies() {
        let of = |line: &str| template(line.as_bytes());
        assert_eq!(
            of("2026-11-21T00:22:17+0000: session 0041: peer [2001:db8:30::1]:3481 lifetime updated: 600"),
            "session # peer [#]# lifetime updated: #"
        );
        assert_eq!(of("a: session 1: realm <r> user <>: x"), "a: session # realm <..> user <>: x");
        assert_eq!(of("added <open"), "added <open");
        assert_eq!(of(""), "");
    }

    #[test]
    fn counts_are_the_same_in_every_run_and_free_locals_count_less() {
        let corpus = Corpus::new(b"session 1: peer 203.0.113.5:80 lifetime updated: 600\nplain\n".to_vec());
        let corpus = corpus.unwrap();
        let first = measure(&corpus, "coturn-ip-anonymizer").unwrap();
        assert_eq!(first, measure(&corpus, "coturn-ip-anonymizer").unwrap());
        assert_eq!(first.total.records, 2);
        assert!(first.total.filter > first.total.dispatched_filter);
        assert!(first.total.identity >= 1.0);
    }
}
