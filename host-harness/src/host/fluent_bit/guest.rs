//! One instance: its exports, its memory, and nothing that knows what a record is.

use std::{fmt, fs, time::Duration};

use anyhow::{Context, anyhow, bail};
use memchr::memchr;
use tamis_sdk::ConfigError;
use wasmparser::{Parser, Payload};
use wasmtime::{Instance, Linker, Memory, Module, Store, Trap, TypedFunc, WasmParams, WasmResults};
use wasmtime_wasi::{
    FsPerms, I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
    p2::pipe::MemoryOutputPipe,
};

use super::{Engines, HostOptions, Refused};
use crate::host::engine::Limits;

/// Where the guest finds its config, as it would below `accessible_paths`.
const CONFIG_DIR: &str = "/etc/tamis";

/// How much of what a guest says on stderr is kept, in bytes.
const STDERR_BYTES: usize = 64 << 10;

/// What becomes of the copies of tag and record after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// They are freed, as they should be.
    Freed,
    /// They are forgotten, as by Fluent Bit 4.1.0 and 4.1.1.
    Leaked,
}

/// What came back for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The record, byte for byte.
    Same,
    /// Something else; it was appended.
    Changed,
    /// The empty string: Fluent Bit skips the record.
    Nothing,
}

struct State {
    wasi: WasiP1Ctx,
    limits: Limits,
}

type Filter = TypedFunc<(u32, u32, u32, u32, u32, u32), u32>;

pub(super) struct Guest {
    store: Store<State>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: Filter,
    copies: Copies,
    lifts: bool,
    stderr: MemoryOutputPipe,
    call_ticks: u64,
    call_timeout: Duration,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("copies", &self.copies).finish_non_exhaustive()
    }
}

/// A module that was compiled.
#[derive(Clone)]
pub struct Compiled {
    module: Module,
    /// The filter's name, by which its config file is called.
    filter: Option<String>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl Compiled {
    pub(super) fn new(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Self> {
        let module = Module::new(engines.engine(), wasm)
            .map_err(anyhow::Error::from)
            .context("this is not a WebAssembly module that can be compiled")?;
        Ok(Self { module, filter: filter_name(wasm) })
    }
}

impl Guest {
    pub(super) fn start(
        engines: &Engines,
        Compiled { module, filter: name }: &Compiled,
        config: &str,
        options: &HostOptions,
        copies: Copies,
    ) -> anyhow::Result<Self> {
        let engine = engines.engine();
        // It goes when the guest has read its config, which may hold a key.
        let dir = tempfile::tempdir().context("cannot make a directory for the guest's config")?;
        if !config.trim_ascii().is_empty() {
            let Some(name) = name else {
                bail!(
                    "this module does not say which filter it is, so its config file has no \
                     name: pack it with tamis, or run it without a config"
                );
            };
            fs::write(dir.path().join(format!("{name}.json")), config)
                .context("cannot write the guest's config")?;
        }
        let stderr = MemoryOutputPipe::new(STDERR_BYTES);
        let wasi = WasiCtxBuilder::new()
            .allow_blocking_current_thread(true)
            .stderr(stderr.clone())
            .preopened_dir(dir.path(), CONFIG_DIR, FsPerms::ReadOnly)
            .map_err(anyhow::Error::from)
            .context("cannot open the directory of the guest's config")?
            .build_p1();

        let mut linker = Linker::new(engine);
        p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)
            .map_err(anyhow::Error::from)?;
        let mut store = Store::new(engine, State { wasi, limits: Limits::new(options) });
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(engines.ticks(options.init_timeout));
        let instance = linker
            .instantiate(&mut store, module)
            .map_err(anyhow::Error::from)
            .context("this module imports what Fluent Bit does not give")?;

        let memory = instance
            .get_memory(&mut store, "memory")
            .context("no memory is exported as `memory`: Fluent Bit could not give it records")?;
        let mut guest = Self {
            malloc: function(&instance, &mut store, "malloc")?,
            free: function(&instance, &mut store, "free")?,
            filter: function(&instance, &mut store, "filter")?,
            memory,
            store,
            copies,
            lifts: false,
            stderr,
            call_ticks: engines.ticks(options.call_timeout),
            call_timeout: options.call_timeout,
        };
        let initialize = function::<(), ()>(&instance, &mut guest.store, "_initialize")?;
        initialize
            .call(&mut guest.store, ())
            .map_err(|error| guest.not_started(name.as_deref().unwrap_or_default(), error))?;
        // Filters of others do not have it.
        if let Ok(lifts) = instance.get_typed_func::<(), u32>(&mut guest.store, "tamis_lifts") {
            let answer = lifts.call(&mut guest.store, ()).map_err(|e| guest.failed("tamis_lifts", e))?;
            guest.lifts = answer != 0;
        }
        Ok(guest)
    }

    /// Whether the filter makes a JSON object of every line of text.
    pub(super) fn lifts(&self) -> bool {
        self.lifts
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Filter one record; what comes back changed is appended to `out`.
    pub(super) fn filter(
        &mut self,
        tag: &[u8],
        timestamp_ns: u64,
        record: &[u8],
        out: &mut Vec<u8>,
    ) -> anyhow::Result<Answer> {
        self.store.set_epoch_deadline(self.call_ticks);
        let tag_at = self.copy_in(tag).context("no memory for the tag")?;
        let record_at = self.copy_in(record).context("no memory for the record")?;
        let (sec, nsec) = (timestamp_ns / 1_000_000_000, timestamp_ns % 1_000_000_000);
        let args = (
            tag_at,
            u32::try_from(tag.len())?,
            // Fluent Bit cuts seconds off in the same way.
            sec as u32,
            u32::try_from(nsec)?,
            record_at,
            u32::try_from(record.len())?,
        );
        let answer = self.filter.call(&mut self.store, args).map_err(|e| self.failed("filter", e))?;
        if answer == 0 {
            bail!("the record is lost: `filter` gave a null pointer");
        }
        let text = usize::try_from(answer)
            .ok()
            .and_then(|start| self.memory.data(&self.store).get(start..))
            .and_then(|rest| rest.get(..memchr(0, rest)?))
            .ok_or_else(|| {
                anyhow!("the record is lost: no NUL follows its answer at {answer:#x} in memory")
            })?;
        // The pointer tells for records that are empty themselves.
        let kind = if answer == record_at && text == record {
            Answer::Same
        } else if text.is_empty() {
            Answer::Nothing
        } else if text == record {
            Answer::Same
        } else {
            out.extend_from_slice(text);
            Answer::Changed
        };
        if self.copies == Copies::Freed {
            for copy in [tag_at, record_at] {
                self.free.call(&mut self.store, copy).map_err(|e| self.failed("free", e))?;
            }
        }
        Ok(kind)
    }

    fn copy_in(&mut self, bytes: &[u8]) -> anyhow::Result<u32> {
        let size = bytes.len() + 1;
        let address =
            self.malloc.call(&mut self.store, u32::try_from(size)?).map_err(|e| self.failed("malloc", e))?;
        let place = match (address, usize::try_from(address)?) {
            (0, _) => None,
            (_, start) => start
                .checked_add(size)
                .and_then(|end| self.memory.data_mut(&mut self.store).get_mut(start..end)),
        };
        match place {
            Some([place @ .., nul]) => {
                place.copy_from_slice(bytes);
                *nul = 0;
                Ok(address)
            }
            _ => bail!("`malloc` of {size} bytes gave {address:#x}, which is no room for them"),
        }
    }

    /// A filter that does not like its config says so on stderr and exits.
    fn not_started(&mut self, name: &str, error: wasmtime::Error) -> anyhow::Error {
        if error.downcast_ref::<I32Exit>().is_none() {
            return self.failed("_initialize", error);
        }
        let said = self.said();
        let refusal = said.lines().rev().find_map(|line| {
            // `<filter>: <file>: <json path>: <message>`
            let rest = line.strip_prefix(name)?.strip_prefix(": ")?;
            let (_, refusal) = rest.split_once(": ")?;
            refusal.split_once(": ")
        });
        match refusal {
            Some((path, message)) => Refused(ConfigError::new(path, message).to_string()).into(),
            None => anyhow!("the guest exited while it started: {}", said.trim_end()),
        }
    }

    fn failed(&self, call: &str, error: wasmtime::Error) -> anyhow::Error {
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            let seconds = self.call_timeout.as_secs_f64();
            return anyhow!("the guest did not come back from `{call}` within {seconds} s");
        }
        let said = self.said();
        let error = anyhow::Error::from(error);
        match said.trim_end() {
            "" => error.context(format!("the guest trapped in `{call}`")),
            said => error.context(format!("the guest trapped in `{call}`: {said}")),
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr.contents()).into_owned()
    }
}

fn function<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<State>,
    name: &str,
) -> anyhow::Result<TypedFunc<P, R>> {
    instance.get_typed_func(store, name).map_err(anyhow::Error::from).with_context(|| {
        format!("no function `{name}` with the signature that Fluent Bit calls: pack it with tamis")
    })
}

/// The filter's name from the label of the artifact, a custom section of `key=value` lines.
pub(crate) fn filter_name(wasm: &[u8]) -> Option<String> {
    Parser::new(0).parse_all(wasm).find_map(|payload| match payload {
        Ok(Payload::CustomSection(section)) if section.name() == "tamis" => {
            let text = std::str::from_utf8(section.data()).ok()?;
            let name = text.lines().find_map(|line| line.strip_prefix("name="))?;
            // It becomes a file name.
            let safe = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (!name.is_empty() && name.bytes().all(safe)).then(|| name.to_owned())
        }
        _ => None,
    })
}
