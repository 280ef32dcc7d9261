//! The WIT contract on Wasmtime: a component that gets its batches and a place to say
//! something, and no files, network, clock or environment.

use std::{fmt, sync::Arc};

use anyhow::{Context, anyhow, bail, ensure};
use tamis_sdk::ConfigError;
use wasmtime::{
    Store, Trap,
    component::{Component, HasSelf, Instance, InstancePre, Linker},
};

use super::{
    Action, Batch, Encoding, Engines, Host, HostOptions, Outcome, Refused,
    engine::{DiagnosticSink, Limits},
};
use crate::keys;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "log-filter",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

use bindings::{
    LogFilter, LogFilterIndices,
    tamis::log_filter::{
        diagnostics::{self, Level},
        types::{self, Batch as WitBatch, Encoding as WitEncoding},
    },
};

/// The interface a filter may import, in any version the linker accepts.
const DIAGNOSTICS: &str = "tamis:log-filter/diagnostics@";

const NO_CONTRACT: &str = "this component does not export what tamis:log-filter asks for";

/// How often one instance may speak; a guest must not be able to flood a terminal.
const MAX_DIAGNOSTICS: u32 = 1000;

/// What `filter.describe` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name of the filter.
    pub name: String,
    /// Its version.
    pub version: String,
    /// JSON Schema of its config.
    pub config_schema: String,
}

/// A component that was compiled, and imports no more than it may.
#[derive(Clone)]
pub struct Compiled(Component);

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

/// Compile a component.
///
/// # Errors
/// When this is none, or it imports more than diagnostics.
pub fn compile(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Compiled> {
    let component = component(engines, wasm)?;
    let foreign = foreign(&component, engines);
    if !foreign.is_empty() {
        bail!(
            "this component asks for more than a log filter gets: it imports {}; a filter has \
             tamis:log-filter/diagnostics and nothing else (no files, network, clock or \
             environment), so build it without them",
            foreign.join(", ")
        )
    }
    Ok(Compiled(component))
}

/// Start a component.
///
/// # Errors
/// [`Refused`] when the filter does not accept its config; else when this is no component
/// of the contract.
pub fn start(
    engines: &Engines,
    compiled: &Compiled,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    Ok(Box::new(initialized(engines, compiled, config, options)?))
}

/// An instance that has taken its config.
pub(crate) fn initialized(
    engines: &Engines,
    compiled: &Compiled,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Running> {
    // A component has no files and no environment: keys are looked up on this side.
    let config =
        keys::inline(config, options.config_base_dir.as_deref()).map_err(|e| Refused(e.to_string()))?;
    let mut running = Running::instantiate(engines, compiled, options)?;
    running.initialize(&config, engines.ticks(options.init_timeout))?;
    Ok(running)
}

/// Ask a component what it is, without a config.
///
/// # Errors
/// When this is no component of the contract, or it fails.
pub fn describe(engines: &Engines, wasm: &[u8], options: &HostOptions) -> anyhow::Result<Description> {
    describe_compiled(engines, &compile(engines, wasm)?, options)
}

fn describe_compiled(
    engines: &Engines,
    compiled: &Compiled,
    options: &HostOptions,
) -> anyhow::Result<Description> {
    let mut running = Running::instantiate(engines, compiled, options)?;
    running.store.set_epoch_deadline(engines.ticks(options.init_timeout));
    let description = running
        .guest
        .tamis_log_filter_filter()
        .call_describe(&mut running.store)
        .map_err(|e| running.failed("describe", e))?;
    Ok(Description {
        name: description.name,
        version: description.version,
        config_schema: description.config_schema,
    })
}

/// A component that is compiled and fits the contract: it can be started any number of times.
#[derive(Debug)]
pub struct Ready {
    compiled: Compiled,
    engines: Engines,
}

impl Ready {
    /// Compile a component, and see whether it can be linked.
    ///
    /// # Errors
    /// When this is no component of the contract, or imports more than diagnostics.
    pub fn new(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Self> {
        let compiled = compile(engines, wasm)?;
        link(&compiled.0, &linker(engines)?)?;
        Ok(Self { compiled, engines: engines.clone() })
    }

    /// Start it.
    ///
    /// # Errors
    /// [`Refused`] when the filter does not accept its config; else when it fails.
    pub fn open(&self, config: &str, options: &HostOptions) -> anyhow::Result<Box<dyn Host>> {
        start(&self.engines, &self.compiled, config, options)
    }

    /// Ask it what it is, without a config.
    ///
    /// # Errors
    /// When it fails.
    pub fn describe(&self, options: &HostOptions) -> anyhow::Result<Description> {
        describe_compiled(&self.engines, &self.compiled, options)
    }
}

/// What a component imports beyond what a filter gets.
///
/// # Errors
/// When this is no component that can be compiled.
pub fn foreign_imports(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Vec<String>> {
    Ok(foreign(&component(engines, wasm)?, engines))
}

/// Whether a component exports the contract, whatever it imports.
///
/// # Errors
/// When it does not, with the first thing that is missing or has another type.
pub fn check_exports(engines: &Engines, wasm: &[u8]) -> anyhow::Result<()> {
    let component = component(engines, wasm)?;
    let mut linker = linker(engines)?;
    linker.define_unknown_imports_as_traps(&component).map_err(anyhow::Error::from)?;
    link(&component, &linker).map(drop)
}

/// What an instance has on this side of the boundary.
pub(crate) struct State {
    limits: Limits,
    diagnostics: DiagnosticSink,
    diagnostics_left: u32,
}

impl types::Host for State {}

impl diagnostics::Host for State {
    fn log(&mut self, level: Level, context: String, message: String) {
        if self.diagnostics_left == 0 {
            return;
        }
        self.diagnostics_left -= 1;
        let level = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Critical => "critical",
        };
        (self.diagnostics)(level, &context, &message);
    }
}

/// One instance.
pub(crate) struct Running {
    pub(crate) store: Store<State>,
    pub(crate) instance: Instance,
    guest: LogFilter,
    engines: Engines,
    call_ticks: u64,
    call_timeout: std::time::Duration,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Running {
    fn instantiate(
        engines: &Engines,
        Compiled(component): &Compiled,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        let (pre, exports) = link(component, &linker(engines)?)?;
        let state = State {
            limits: Limits::new(options),
            diagnostics: Arc::clone(&options.diagnostics),
            diagnostics_left: MAX_DIAGNOSTICS,
        };
        let mut store = Store::new(engines.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(engines.ticks(options.init_timeout));
        let instance = pre
            .instantiate(&mut store)
            .map_err(anyhow::Error::from)
            .context("the component cannot be instantiated")?;
        let guest = exports.load(&mut store, &instance).map_err(anyhow::Error::from).context(NO_CONTRACT)?;
        Ok(Self {
            store,
            instance,
            guest,
            engines: engines.clone(),
            call_ticks: engines.ticks(options.call_timeout),
            call_timeout: options.call_timeout,
        })
    }

    fn initialize(&mut self, config: &str, ticks: u64) -> anyhow::Result<()> {
        self.store.set_epoch_deadline(ticks);
        match self
            .guest
            .tamis_log_filter_lifecycle()
            .call_initialize(&mut self.store, config)
            .map_err(|e| self.failed("initialize", e))?
        {
            Ok(()) => Ok(()),
            Err(refusal) => {
                let refusal = ConfigError::new(refusal.path, refusal.message);
                bail!(Refused(refusal.to_string()))
            }
        }
    }

    fn failed(&self, call: &str, error: wasmtime::Error) -> anyhow::Error {
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return anyhow!(
                "the guest did not come back from `{call}` within {} s",
                self.call_timeout.as_secs_f64()
            );
        }
        anyhow::Error::from(error).context(format!("the guest trapped in `{call}`"))
    }
}

impl Host for Running {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.clear();
        self.store.set_epoch_deadline(self.call_ticks);
        let _watch = self.engines.watch(self.call_timeout);
        let param = WitBatch {
            tag: &batch.tag,
            encoding: match batch.encoding {
                Encoding::Json => WitEncoding::Json,
                Encoding::Text => WitEncoding::Text,
            },
            timestamps: &batch.timestamps_ns,
            bodies: &batch.bodies,
            ends: &batch.ends,
        };
        let answer = self
            .guest
            .tamis_log_filter_filter()
            .call_process(&mut self.store, param)
            .map_err(|e| self.failed("process", e))?;
        // Without a look after each, so that many are looked at together.
        let highest = answer.verdicts.iter().fold(0, |highest: u8, verdict| highest.max(*verdict));
        ensure!(highest <= 3, "the guest broke the contract: verdict {highest}, known are 0 to 3");
        outcome.actions.extend(answer.verdicts.iter().map(|verdict| match verdict {
            0 => Action::Keep,
            1 => Action::Replace,
            2 => Action::ReplaceJson,
            _ => Action::Drop,
        }));
        outcome.bodies = answer.bodies;
        outcome.ends = answer.ends;
        outcome.check(batch.len())
    }

    fn flush(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        self.store.set_epoch_deadline(self.call_ticks);
        self.guest.tamis_log_filter_filter().call_flush(&mut self.store).map_err(|e| self.failed("flush", e))
    }

    fn counters(&mut self) -> anyhow::Result<Vec<(String, u64)>> {
        self.store.set_epoch_deadline(self.call_ticks);
        let counters = self
            .guest
            .tamis_log_filter_filter()
            .call_counters(&mut self.store)
            .map_err(|e| self.failed("counters", e))?;
        Ok(counters.into_iter().map(|c| (c.name, c.count)).collect())
    }

    fn memory_bytes(&self) -> Option<usize> {
        Some(self.store.data().limits.memory_bytes())
    }
}

fn component(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Component> {
    engines
        .component(wasm)
        .map_err(anyhow::Error::from)
        .context("this is not a WebAssembly component that can be compiled")
}

fn linker(engines: &Engines) -> anyhow::Result<Linker<State>> {
    let mut linker = Linker::new(engines.engine());
    LogFilter::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).map_err(anyhow::Error::from)?;
    Ok(linker)
}

/// What can be instantiated, and where its exports are.
fn link(
    component: &Component,
    linker: &Linker<State>,
) -> anyhow::Result<(InstancePre<State>, LogFilterIndices)> {
    let pre = linker.instantiate_pre(component).map_err(anyhow::Error::from).context(NO_CONTRACT)?;
    let exports = LogFilterIndices::new(&pre).map_err(anyhow::Error::from).context(NO_CONTRACT)?;
    Ok((pre, exports))
}

fn foreign(component: &Component, engines: &Engines) -> Vec<String> {
    component
        .component_type()
        .imports(engines.engine())
        .map(|(name, _)| name)
        // Types alone give a guest nothing to call.
        .filter(|n| !n.starts_with(DIAGNOSTICS) && !n.starts_with("tamis:log-filter/types@"))
        .map(str::to_owned)
        .collect()
}
