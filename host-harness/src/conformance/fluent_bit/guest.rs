//! A module as Fluent Bit runs it: one instance, C strings in and out.
//!
//! Unlike [`crate::host::fluent_bit`], which runs what tamis has packed and fails where a record
//! would be lost, this takes any module and says what becomes of each record.

use std::{fmt, fs, path::Path};

use anyhow::{Context, anyhow};
use memchr::memchr;
use wasmtime::{
    Caller, Extern, ExternType, Global, Instance, Linker, Memory, Module, Store, Trap, TypedFunc, Val,
    WasmParams, WasmResults,
};
use wasmtime_wasi::{
    FsPerms, I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

use super::{heap::Heap, libc};
use crate::{
    conformance::{
        component::is_object,
        corpus::Sample,
        driver::{Driver, Fate, Fault, TAG},
        stack::measure,
        wasi,
    },
    host::{Engines, HostOptions, engine::Limits},
};

/// How much of what a guest says on stderr is kept, in bytes.
const STDERR_BYTES: usize = 16 << 10;

/// The time of all records.
const SECONDS: u32 = 1_700_000_000;

/// What the guest can reach.
pub(super) struct State {
    wasi: WasiP1Ctx,
    limits: Limits,
    said: Vec<u8>,
    pub heap: Heap,
    /// Whether the module has the pair `malloc` and `free`.
    pub own_pair: bool,
}

/// What every instance of a module is made from.
pub(super) struct Plan<'a> {
    pub engines: &'a Engines,
    pub module: &'a Module,
    pub function: &'a str,
    pub own_pair: bool,
    /// Whether the module imports functions of WASI.
    pub of_wasi: bool,
    /// The directory that is open to the guest.
    pub dir: &'a Path,
    pub options: &'a HostOptions,
    /// Whether the copies of tag and record are freed after each call.
    pub frees: bool,
}

pub(super) struct Guest {
    store: Store<State>,
    memory: Memory,
    pair: Option<(TypedFunc<u32, u32>, TypedFunc<u32, ()>)>,
    filter: TypedFunc<(u32, u32, u32, u32, u32, u32), u32>,
    frees: bool,
    call_ticks: u64,
    /// Of a module that counts: what its calls have taken from the stack.
    counts: Option<(Global, Global)>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("frees", &self.frees).finish_non_exhaustive()
    }
}

impl Guest {
    /// # Errors
    /// When the module cannot be instantiated, or fails while it starts.
    pub fn start(plan: &Plan<'_>) -> anyhow::Result<Self> {
        let Plan { engines, module, options, .. } = plan;
        let engine = engines.engine();
        let mut linker = Linker::new(engine);
        p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)
            .map_err(anyhow::Error::from)?;
        link(&mut linker).map_err(anyhow::Error::from)?;
        let wasi = WasiCtxBuilder::new()
            .allow_blocking_current_thread(true)
            .preopened_dir(plan.dir, super::CONFIG_DIR, FsPerms::ReadOnly)
            .and_then(|builder| builder.preopened_dir(plan.dir, ".", FsPerms::ReadOnly))
            .map_err(anyhow::Error::from)
            .context("cannot open the directory of the guest's config")?
            .build_p1();
        let state = State {
            wasi,
            limits: Limits::new(options),
            said: Vec::new(),
            heap: Heap::default(),
            own_pair: plan.own_pair,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(engines.ticks(options.init_timeout));
        trap_on_the_rest(&mut linker, &mut store, module).map_err(anyhow::Error::from)?;
        let instance = linker
            .instantiate(&mut store, module)
            .map_err(anyhow::Error::from)
            .context("the module cannot be instantiated")?;
        let memory = instance.get_memory(&mut store, "memory").context("no memory is exported")?;
        if !plan.own_pair {
            // Fluent Bit's runtime makes room for its heap behind what the module has.
            let pages = memory.grow(&mut store, 1).map_err(anyhow::Error::from);
            let pages =
                pages.context("there is no room for Fluent Bit's heap: raise the maximum of the memory")?;
            store.data_mut().heap = Heap::at(u32::try_from(pages << 16)?);
        }
        let pair = match plan.own_pair {
            true => {
                Some((function(&instance, &mut store, "malloc")?, function(&instance, &mut store, "free")?))
            }
            false => None,
        };
        let counts =
            instance.get_global(&mut store, measure::TOP).zip(instance.get_global(&mut store, measure::MOST));
        let mut guest = Self {
            filter: function(&instance, &mut store, plan.function)?,
            memory,
            pair,
            store,
            frees: plan.frees,
            call_ticks: engines.ticks(options.call_timeout),
            counts,
        };
        // A reactor of WASI is initialised; what has no WASI has its constructors called.
        let first = ["__wasm_call_ctors", "_initialize"][usize::from(plan.of_wasi)];
        for name in [first, "__post_instantiate"] {
            if instance.get_func(&mut guest.store, name).is_some() {
                let run: TypedFunc<(), ()> = function(&instance, &mut guest.store, name)?;
                guest.rewind()?;
                run.call(&mut guest.store, ()).map_err(|error| guest.failed(name, error))?;
            }
        }
        Ok(guest)
    }

    /// The most bytes of stack that had to be free so far; nothing of a module that does not
    /// count.
    pub fn stack_bytes(&mut self) -> Option<u32> {
        let (_, most) = self.counts?;
        most.get(&mut self.store).i32().map(i32::cast_unsigned)
    }

    /// A trap leaves the count of the stack where it was.
    fn rewind(&mut self) -> anyhow::Result<()> {
        if let Some((top, _)) = self.counts {
            let start = Val::I32(measure::TOP_AT_ENTRY);
            top.set(&mut self.store, start).map_err(anyhow::Error::from)?;
        }
        Ok(())
    }

    /// Call the filter with addresses and lengths as they are.
    pub fn call(&mut self, tag: (u32, u32), record: (u32, u32)) -> anyhow::Result<Answer> {
        self.store.set_epoch_deadline(self.call_ticks);
        self.rewind()?;
        let arguments = (tag.0, tag.1, SECONDS, 0, record.0, record.1);
        let at = self.filter.call(&mut self.store, arguments).map_err(|e| self.failed("the filter", e))?;
        if at == 0 {
            return Ok(Answer::Null);
        }
        let rest = self.memory.data(&self.store).get(at as usize..);
        let text = rest.and_then(|rest| rest.get(..memchr(0, rest)?));
        Ok(text.map_or(Answer::Unterminated(at), |text| Answer::Text(text.to_vec())))
    }

    /// Memory for the host; 0 if there is none.
    pub fn malloc(&mut self, size: u32) -> anyhow::Result<u32> {
        self.store.set_epoch_deadline(self.call_ticks);
        self.rewind()?;
        match &self.pair {
            Some((malloc, _)) => {
                let malloc = malloc.clone();
                malloc.call(&mut self.store, size).map_err(|e| self.failed("malloc", e))
            }
            None => Ok(self.store.data_mut().heap.malloc(size)),
        }
    }

    pub fn free(&mut self, at: u32) -> anyhow::Result<()> {
        self.rewind()?;
        match &self.pair {
            Some((_, free)) => {
                let free = free.clone();
                free.call(&mut self.store, at).map_err(|e| self.failed("free", e))
            }
            None => {
                self.store.data_mut().heap.free(at);
                Ok(())
            }
        }
    }

    /// Put bytes and a NUL at an address. False if that is not in memory.
    pub fn put(&mut self, at: u32, bytes: &[u8]) -> bool {
        let start = at as usize;
        let place = start
            .checked_add(bytes.len() + 1)
            .and_then(|end| self.memory.data_mut(&mut self.store).get_mut(start..end));
        match place {
            Some([place @ .., nul]) => {
                place.copy_from_slice(bytes);
                *nul = 0;
                true
            }
            _ => false,
        }
    }

    pub fn memory_size(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// What it has said on stderr.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.store.data().said).trim_end().to_owned()
    }

    fn copy_in(&mut self, bytes: &[u8]) -> anyhow::Result<u32> {
        let at = self.malloc(u32::try_from(bytes.len() + 1)?)?;
        if at != 0 && !self.put(at, bytes) {
            return Err(anyhow!(
                "malloc of {} bytes gave {at:#x}, which is no room for them",
                bytes.len() + 1
            ));
        }
        Ok(at)
    }

    fn one(&mut self, record: &[u8]) -> anyhow::Result<Fate> {
        let tag = self.copy_in(TAG.as_bytes())?;
        let at = self.copy_in(record)?;
        let lengths = (u32::try_from(TAG.len())?, u32::try_from(record.len())?);
        let answer = self.call((tag, lengths.0), (at, lengths.1));
        // Fluent Bit frees after a trap, too.
        if self.frees
            && !matches!(&answer, Err(error) if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt))
        {
            let mut freed = Ok(());
            for copy in [tag, at].into_iter().filter(|copy| *copy != 0) {
                freed = freed.and(self.free(copy));
            }
            if answer.is_ok() {
                freed?;
            }
        }
        let answer = answer?;
        if at == 0 {
            return Ok(Fate::Lost("there is no memory for it: it arrives as pointer 0".to_owned()));
        }
        Ok(match answer {
            Answer::Null => Fate::Lost("the result is a null pointer".to_owned()),
            Answer::Unterminated(at) => Fate::Lost(format!("no NUL follows the result at {at:#x} in memory")),
            Answer::Text(text) if text.is_empty() && !record.is_empty() => Fate::Dropped,
            Answer::Text(text) if text == record => Fate::Kept,
            Answer::Text(text) if is_object(record) && !is_object(&text) => {
                let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
                Fate::Lost(format!("the result is no JSON object: {shown:?}"))
            }
            Answer::Text(text) => Fate::Changed(text),
        })
    }

    fn failed(&self, call: &str, error: wasmtime::Error) -> anyhow::Error {
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return anyhow::Error::from(error).context(format!("the guest did not come back from {call}"));
        }
        let said = self.said();
        let said = said.lines().last().map(|line| format!(" ({line})")).unwrap_or_default();
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return anyhow!("the guest exited with {} in {call}{said}", exit.0).context(Exited);
        }
        anyhow::Error::from(error).context(format!("the guest trapped in {call}{said}"))
    }
}

/// The guest ended itself, which is how it refuses a config.
#[derive(Debug)]
pub(super) struct Exited;

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not start")
    }
}

/// What the filter gave.
pub(super) enum Answer {
    Null,
    Unterminated(u32),
    Text(Vec<u8>),
}

impl Driver for Guest {
    fn give(&mut self, sample: &Sample) -> Result<Fate, Fault> {
        Ok(self.one(&sample.body)?)
    }

    fn memory_bytes(&mut self) -> usize {
        self.memory_size()
    }
}

fn function<P: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<State>,
    name: &str,
) -> anyhow::Result<TypedFunc<P, R>> {
    let function = instance.get_typed_func(store, name).map_err(anyhow::Error::from);
    function.with_context(|| format!("no function `{name}` with the type that Fluent Bit calls"))
}

/// Everything that WAMR gives a module.
fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    // Standard error is kept; a guest may write as much as it likes.
    linker.func_wrap(
        wasi::MODULES[0],
        "fd_write",
        |mut caller: Caller<'_, State>, fd: u32, vectors: u32, count: u32, written: u32| -> u32 {
            write(&mut caller, fd, vectors, count, written).unwrap_or(FAULT)
        },
    )?;
    linker.alias_module(wasi::MODULES[0], wasi::MODULES[1])?;
    libc::add_to_linker(linker)
}

/// WAMR starts a module whose imports it does not know, or knows with another type; a call of
/// one traps.
fn trap_on_the_rest(
    linker: &mut Linker<State>,
    store: &mut Store<State>,
    module: &Module,
) -> wasmtime::Result<()> {
    for import in module.imports() {
        let ExternType::Func(wanted) = import.ty() else { continue };
        let given = linker.get(&mut *store, import.module(), import.name()).ok().and_then(Extern::into_func);
        if given.is_some_and(|given| !given.ty(&*store).matches(&wanted)) {
            let name = import.name().to_owned();
            linker.func_new(import.module(), import.name(), wanted, move |_, _, _| {
                Err(wasmtime::Error::msg(format!(
                    "`{name}` was called, which the host has with another type"
                )))
            })?;
        }
    }
    linker.define_unknown_imports_as_traps(module)
}

const SUCCESS: u32 = 0;
const BAD_DESCRIPTOR: u32 = 8;
const FAULT: u32 = 21;

fn write(caller: &mut Caller<'_, State>, fd: u32, vectors: u32, count: u32, written: u32) -> Option<u32> {
    if !matches!(fd, 1 | 2) {
        return Some(BAD_DESCRIPTOR);
    }
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return None };
    let (data, state) = memory.data_and_store_mut(&mut *caller);
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
    };
    let mut total = 0u32;
    for vector in 0..count as usize {
        let at = (vectors as usize).checked_add(vector.checked_mul(8)?)?;
        let (start, size) = (word(at)? as usize, word(at.checked_add(4)?)?);
        let text = data.get(start..start.checked_add(size as usize)?)?;
        if fd == 2 && state.said.len() < STDERR_BYTES {
            let room = STDERR_BYTES - state.said.len();
            state.said.extend_from_slice(&text[..text.len().min(room)]);
        }
        total = total.checked_add(size)?;
    }
    let at = written as usize;
    data.get_mut(at..at.checked_add(4)?)?.copy_from_slice(&total.to_le_bytes());
    Some(SUCCESS)
}

/// Write a config where the guest finds it.
///
/// # Errors
/// When that fails.
pub(super) fn write_config(dir: &Path, name: &str, config: &str) -> anyhow::Result<()> {
    fs::write(dir.join(format!("{name}.json")), config).context("cannot write the guest's config")
}
