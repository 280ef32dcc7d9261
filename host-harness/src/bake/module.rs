//! Snapshots of core modules, for Fluent Bit and for proxies.

use anyhow::{Context, anyhow, ensure};
use wasmtime::{Instance, Linker, Module, Store, Val};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use super::{ready, refuse_random, unfit};
use crate::{
    host::{Engines, HostOptions, Refused, engine::Limits},
    inspect,
};

/// Starts the filter: `(config, config_len) -> null or what is wrong`.
const BAKE: &str = "tamis_bake";

/// Takes the place of `_initialize`.
const RESUME: &str = "tamis_resume";

struct State {
    wasi: WasiP1Ctx,
    limits: Limits,
}

struct Running {
    store: Store<State>,
    instance: Instance,
    /// A name that wizer has made up and the instance does not have.
    missing: Option<String>,
}

/// Bake `config` into a module whose export `allocate` gives memory for it.
pub(super) fn bake(
    engines: &Engines,
    wasm: &[u8],
    allocate: &str,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Vec<u8>> {
    let report = inspect::inspect(wasm)?;
    refuse_random(&report.imports)?;
    for name in [BAKE, RESUME] {
        let found = report.exports.iter().any(|e| e.strip_prefix("func ") == Some(name));
        ensure!(
            found,
            "this module has no function `{name}`: pack the filter anew with this version of tamis"
        );
    }
    let mut wizer = Wizer::new();
    wizer.init_func(BAKE).func_rename("_initialize", RESUME);
    let (context, instrumented) = wizer.instrument(wasm).map_err(unfit)?;
    let mut running = Running::instantiate(engines, &instrumented, options)?;
    running.start(allocate, config)?;
    let baked = ready(wizer.snapshot(&context, &mut running))?.map_err(unfit)?;
    match running.missing {
        None => Ok(baked),
        Some(name) => Err(anyhow!("this artifact cannot be snapshotted: it lost its export `{name}`")),
    }
}

impl Running {
    /// An instance that has nothing: no files, no environment, and no host to call.
    fn instantiate(engines: &Engines, wasm: &[u8], options: &HostOptions) -> anyhow::Result<Self> {
        let module = Module::new(engines.engine(), wasm)
            .map_err(anyhow::Error::from)
            .context("this is not a WebAssembly module that can be compiled")?;
        let mut linker = Linker::new(engines.engine());
        p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)
            .map_err(anyhow::Error::from)?;
        linker.define_unknown_imports_as_traps(&module).map_err(anyhow::Error::from)?;
        let wasi = WasiCtxBuilder::new().allow_blocking_current_thread(true).build_p1();
        let mut store = Store::new(engines.engine(), State { wasi, limits: Limits::new(options) });
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(engines.ticks(options.init_timeout));
        let instance = linker
            .instantiate(&mut store, &module)
            .map_err(anyhow::Error::from)
            .context("the module cannot be instantiated")?;
        Ok(Self { store, instance, missing: None })
    }

    fn start(&mut self, allocate: &str, config: &str) -> anyhow::Result<()> {
        let Self { store, instance, .. } = self;
        let memory =
            instance.get_memory(&mut *store, "memory").context("no memory is exported as `memory`")?;
        let size = u32::try_from(config.len()).context("the config is too long")?;
        let mut at = 0;
        if size > 0 {
            let allocate =
                instance.get_typed_func::<u32, u32>(&mut *store, allocate).map_err(anyhow::Error::from)?;
            at = allocate.call(&mut *store, size).map_err(failed)?;
            ensure!(at != 0, "the module has no memory for a config of {size} bytes");
            memory.write(&mut *store, usize::try_from(at)?, config.as_bytes())?;
        }
        let bake =
            instance.get_typed_func::<(u32, u32), u32>(&mut *store, BAKE).map_err(anyhow::Error::from)?;
        let answer = usize::try_from(bake.call(&mut *store, (at, size)).map_err(failed)?)?;
        if answer == 0 {
            return Ok(());
        }
        let said = memory.data(&*store).get(answer..).unwrap_or_default();
        let said = said.split(|b| *b == 0).next().unwrap_or_default();
        Err(Refused(String::from_utf8_lossy(said).into_owned()).into())
    }
}

fn failed(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from(error).context(format!("the guest trapped in `{BAKE}`"))
}

impl InstanceState for Running {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        match self.instance.get_global(&mut self.store, name).map(|global| global.get(&mut self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            _ => {
                self.missing = Some(name.to_owned());
                SnapshotVal::I32(0)
            }
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.instance.get_memory(&mut self.store, name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => {
                self.missing = Some(name.to_owned());
                contents(&[]);
            }
        }
    }
}
