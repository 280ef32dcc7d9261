//! The root context: config, and the filter that all requests of a worker share, be it for their bodies (`exchange`) or
//! to watch them (`watch`).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::ContextType,
};

use super::{
    exchange::Exchange,
    metrics::Metrics,
    sys::{self, BufferType, LogLevel},
    watch::{Live, Watcher},
};
use crate::{
    ConfigError, Filter, Session,
    config::SET_ALREADY,
    key::KeyConfig,
    live::LiveConfig,
    payload::{BodyPolicy, Format, Malformed, PluginConfig, Report, Sifter},
};

/// Names of the counters that all filters have; those of the filter itself follow.
const COUNTERS: [&str; 4] = ["records", "changed", "dropped", "rejected"];

/// One plugin of the proxy's config, in one worker.
pub(super) struct Plugin<F: Filter> {
    baked: Option<Rc<Ready<F>>>,
    mode: Option<Mode<F>>,
}

/// A filter that is started, and nothing of a host yet.
pub(super) struct Ready<F: Filter> {
    policy: BodyPolicy,
    live: Option<LiveConfig>,
    core: Rc<RefCell<Core<F>>>,
}

/// What a plugin does.
enum Mode<F: Filter> {
    /// It filters bodies.
    Bodies(Rc<Shared<F>>),
    /// It watches requests.
    Live(Rc<Live<F>>),
}

/// The filter at work. Plugins of a baked module have it in common.
pub(super) struct Core<F: Filter> {
    pub session: Session<F>,
    sifter: Sifter,
    /// What was last told to the host of the filter's counters.
    pub told: Vec<u64>,
}

/// What the requests of one plugin share. A VM has one thread and requests take turns, but
/// they take them at the host's word: nothing of this is borrowed across a call to the host.
pub(super) struct Shared<F: Filter> {
    pub policy: BodyPolicy,
    core: Rc<RefCell<Core<F>>>,
    metrics: Metrics,
    rejected: Cell<u64>,
}

/// Why a body was not filtered.
pub(super) enum SiftError {
    /// It is not what its format says.
    Malformed(Malformed),
    /// The filter is at work already: the host has called back from within a call.
    Busy,
}

impl<F: Filter> Plugin<F> {
    /// With a filter that was baked in, or without.
    pub fn new(baked: Option<Rc<Ready<F>>>) -> Self {
        Self { baked, mode: None }
    }

    fn start(&self, text: &str) -> Result<Mode<F>, ConfigError> {
        let Ready { policy, live, core } = match &self.baked {
            Some(baked) => baked.with(text)?,
            None => Ready::start(text)?,
        };
        Ok(match live {
            Some(live) => Mode::Live(Rc::new(Live::start(live, core)?)),
            None => Mode::Bodies(Rc::new(Shared {
                policy,
                core,
                metrics: Metrics::define::<F>(&COUNTERS),
                rejected: Cell::new(0),
            })),
        })
    }
}

impl<F: Filter> Ready<F> {
    /// Start the filter from the plugin's config.
    pub fn start(text: &str) -> Result<Self, ConfigError> {
        let config = PluginConfig::parse(text)?;
        let session = Session::new(&config.filter, KeyConfig::resolve_from_process)
            .map_err(|error| config.locate(error))?;
        let core = Core { session, sifter: Sifter::default(), told: vec![0; F::COUNTERS.len()] };
        Ok(Self { policy: config.body, live: config.live, core: Rc::new(RefCell::new(core)) })
    }

    /// The same filter for a plugin whose config may still say what it does with it.
    fn with(&self, text: &str) -> Result<Self, ConfigError> {
        let core = Rc::clone(&self.core);
        if text.trim_ascii().is_empty() {
            return Ok(Self { policy: self.policy.clone(), live: self.live.clone(), core });
        }
        let config = PluginConfig::parse(text)?;
        if !config.filter.trim_ascii().is_empty() {
            return Err(config.locate(ConfigError::new("$", SET_ALREADY)));
        }
        Ok(Self { policy: config.body, live: config.live, core })
    }
}

impl<F: Filter> Context for Plugin<F> {}

impl<F: Filter> RootContext for Plugin<F> {
    fn on_configure(&mut self, _size: usize) -> bool {
        let refuse = |message: String| {
            sys::log(LogLevel::Critical, &message);
            false
        };
        let bytes = match sys::buffer(BufferType::PluginConfiguration, usize::MAX) {
            Ok(bytes) => bytes,
            Err(status) => {
                return refuse(format!("config $: the host does not hand it over (status {})", status.0));
            }
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return refuse("config $: not UTF-8".to_owned());
        };
        match self.start(&text) {
            Ok(mode) => {
                self.mode = Some(mode);
                true
            }
            Err(error) => refuse(error.to_string()),
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        if let Some(Mode::Live(live)) = &self.mode {
            live.collect(queue);
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(match &self.mode {
            Some(Mode::Live(live)) => Box::new(Watcher::new(Rc::clone(live))),
            Some(Mode::Bodies(shared)) => Box::new(Exchange::new(Some(Rc::clone(shared)))),
            None => Box::new(Exchange::<F>::new(None)),
        })
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl<F: Filter> Shared<F> {
    /// Filter a body; the new one is appended to `out` if the report says so.
    pub fn sift(
        &self,
        format: Format,
        body: &[u8],
        tag: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Report, SiftError> {
        let Ok(mut core) = self.core.try_borrow_mut() else { return Err(SiftError::Busy) };
        let Core { session, sifter, .. } = &mut *core;
        sifter.run(format, body, tag, session, out).map_err(SiftError::Malformed)
    }

    /// A body was not let through. Told to the metrics with the next [`tell`](Self::tell).
    pub fn note_rejected(&self) {
        self.rejected.set(self.rejected.get().saturating_add(1));
    }

    /// Bring the metrics up to date.
    pub fn tell(&self, report: &Report) {
        self.metrics.add(&[report.records, report.changed, report.dropped, self.rejected.replace(0)]);
        self.metrics.tell(&self.core);
    }
}
