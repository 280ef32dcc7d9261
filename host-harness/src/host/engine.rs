//! What all Wasmtime hosts share: the engine with its compilation cache, the limits of an
//! instance, and the words in which a guest's refusal of its config comes back.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context;
use wasmtime::{Cache, CacheConfig, Config, Engine, Inlining, ResourceLimiter, component::Component};

use super::machine_code::MachineCode;

/// How often the epoch of an engine moves on; the resolution of all deadlines.
const TICK: Duration = Duration::from_millis(50);

/// How many bytes of machine stack a guest may use.
const MAX_WASM_STACK_BYTES: usize = 1 << 20;

/// The environment variable that names the directory of the compilation cache.
pub const CACHE_DIR_ENV: &str = "TAMIS_CACHE_DIR";

/// Says something on behalf of a guest: level (`trace` … `critical`), context, message.
pub type DiagnosticSink = Arc<dyn Fn(&str, &str, &str) + Send + Sync>;

/// What a host is opened with, the same for all of them.
#[derive(Clone)]
pub struct HostOptions {
    /// Relative paths in a config (`key.file`) start here; the current directory if none.
    pub config_base_dir: Option<PathBuf>,
    /// How many bytes of linear memory one instance may have.
    pub memory_limit_bytes: usize,
    /// How long a guest may take to start, its config included.
    pub init_timeout: Duration,
    /// How long a guest may take for one call, that is for one batch or one record.
    pub call_timeout: Duration,
    /// Where the diagnostics of guests go.
    pub diagnostics: DiagnosticSink,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            config_base_dir: None,
            memory_limit_bytes: 512 << 20,
            init_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(60),
            diagnostics: Arc::new(|level, context, message| {
                eprintln!("tamis: {context}: {level}: {message}");
            }),
        }
    }
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("config_base_dir", &self.config_base_dir)
            .field("memory_limit_bytes", &self.memory_limit_bytes)
            .field("init_timeout", &self.init_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}

/// A filter refused its config. The same text in every host, so that a conformance case
/// can name it: that of `tamis_sdk::ConfigError`, `config <json path>: <what is wrong and
/// what to do>`, without any prefix of the ABI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// The Wasmtime engine that all hosts compile and run with.
///
/// It is cheap to clone. Guests are interrupted by epochs: a thread moves the epoch on
/// for as long as a clone of the engine lives.
#[derive(Clone)]
pub struct Engines {
    engine: Engine,
    /// Where the machine code of embedded components is kept, if Wasmtime's own cache does not.
    machine_code: Option<MachineCode>,
    /// Of an engine that does not interrupt: until when a guest must have come back, in
    /// ticks; 0 while none runs.
    watched: Option<Arc<AtomicU64>>,
}

/// A guest runs for as long as this lives; see [`Engines::for_builtins`].
pub struct Watch<'a>(Option<&'a AtomicU64>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(watched) = self.0 {
            watched.store(0, Ordering::Relaxed);
        }
    }
}

impl Engines {
    /// An engine with the compilation cache in its default place: `$TAMIS_CACHE_DIR`,
    /// else `tamis` in the user's cache directory, else no cache at all. Never a shared
    /// temporary directory: the cache holds machine code.
    ///
    /// # Errors
    /// When this machine cannot run Wasmtime.
    pub fn new() -> anyhow::Result<Self> {
        Self::with_cache_dir(default_cache_dir().as_deref())
    }

    /// An engine with its compilation cache in `dir`, or without one.
    ///
    /// A cache that cannot be used (read-only, full) is left out silently: compiling again
    /// is slower, not wrong.
    ///
    /// # Errors
    /// When this machine cannot run Wasmtime.
    pub fn with_cache_dir(dir: Option<&Path>) -> anyhow::Result<Self> {
        Self::start(dir, true, None)
    }

    /// An engine for the filters that are embedded in this binary, in the component host.
    ///
    /// Asking at every loop and call whether the deadline has passed costs a guest 15 % of its
    /// time. These filters are our own and bounded in what they do on any line, so they are not asked;
    /// should one not come back all the same, this process ends with a message and status 4,
    /// which is what the interruption would come to. One thread at a time runs a guest of it.
    ///
    /// # Errors
    /// When this machine cannot run Wasmtime.
    pub fn for_builtins() -> anyhow::Result<Self> {
        let machine_code = default_cache_dir().as_deref().and_then(MachineCode::new);
        Self::start(None, false, machine_code)
    }

    /// The same without a compilation cache: to measure how long compiling takes.
    ///
    /// # Errors
    /// When this machine cannot run Wasmtime.
    pub fn for_builtins_uncached() -> anyhow::Result<Self> {
        Self::start(None, false, None)
    }

    /// From now on a guest runs, for at most `time`. Of no effect where guests are interrupted.
    pub fn watch(&self, time: Duration) -> Watch<'_> {
        if let Some(watched) = &self.watched {
            watched.store(self.ticks(time), Ordering::Relaxed);
        }
        Watch(self.watched.as_deref())
    }

    fn start(dir: Option<&Path>, interrupt: bool, machine_code: Option<MachineCode>) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .wasm_simd(true)
            .epoch_interruption(interrupt)
            .max_wasm_stack(MAX_WASM_STACK_BYTES)
            // A 32-bit index can then not leave the reservation: no bounds checks.
            .memory_reservation(4 << 30)
            .memory_guard_size(32 << 20)
            .memory_may_move(false);
        if !interrupt {
            // Across the functions of a filter: up to 4 % faster, twice as long to compile.
            config.compiler_inlining(Inlining::Yes);
        }
        if let Some(cache) = dir.and_then(open_cache) {
            config.cache(Some(cache));
        }
        let engine = Engine::new(&config)
            .map_err(anyhow::Error::from)
            .context("wasmtime does not start on this machine")?;
        let weak = engine.weak();
        let watched = (!interrupt).then(|| Arc::new(AtomicU64::new(0)));
        let deadline = watched.clone();
        thread::Builder::new()
            .name("tamis-epoch".into())
            .spawn(move || {
                loop {
                    thread::sleep(TICK);
                    let Some(engine) = weak.upgrade() else { return };
                    engine.increment_epoch();
                    if let Some(deadline) = &deadline {
                        let count_down = |left: u64| left.checked_sub(1);
                        if deadline.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down) == Ok(1) {
                            eprintln!("tamis: a built-in filter did not come back in time; nothing more is let through");
                            std::process::exit(4);
                        }
                    }
                }
            })
            .context("cannot start the thread that watches the deadlines of guests")?;
        Ok(Self { engine, machine_code, watched })
    }

    /// A component, compiled now or before.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub fn component(&self, wasm: &[u8]) -> wasmtime::Result<Component> {
        match &self.machine_code {
            Some(code) => code.component(&self.engine, wasm),
            None => Component::new(&self.engine, wasm),
        }
    }

    /// The engine, for core modules and components alike.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A deadline for `Store::set_epoch_deadline`: at least `time` from now.
    pub fn ticks(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX / 4).saturating_add(2)
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engines").finish_non_exhaustive()
    }
}

/// Put this in the data of a `Store` and name it to `Store::limiter`.
#[derive(Debug, Clone)]
pub struct Limits {
    memory_limit_bytes: usize,
    memory_bytes: usize,
}

impl Limits {
    /// The limits that `options` set.
    pub fn new(options: &HostOptions) -> Self {
        Self { memory_limit_bytes: options.memory_limit_bytes, memory_bytes: 0 }
    }

    /// How much linear memory the instance has, in bytes. It never shrinks.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // `false` makes memory.grow answer -1: the guest's allocator decides what then.
        let granted = desired <= self.memory_limit_bytes;
        if granted && maximum.is_none_or(|maximum| desired <= maximum) {
            self.memory_bytes += desired.saturating_sub(current);
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 1 << 20)
    }
}

fn default_cache_dir() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = var(CACHE_DIR_ENV) {
        return Some(dir);
    }
    let base = if cfg!(target_os = "macos") {
        var("HOME").map(|h| h.join("Library/Caches"))
    } else if cfg!(windows) {
        var("LOCALAPPDATA")
    } else {
        var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|h| h.join(".cache")))
    };
    base.filter(|b| b.is_absolute()).map(|b| b.join("tamis"))
}

fn open_cache(dir: &Path) -> Option<Cache> {
    // Wasmtime wants an absolute path and makes the directory itself.
    let dir = std::path::absolute(dir).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(dir);
    Cache::new(config).ok()
}
