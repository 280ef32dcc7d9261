//! The root context: config, and the filter that all requests of a worker share.

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
    sys::{self, BufferType, LogLevel},
};
use crate::{
    ConfigError, Filter, Session,
    config::SET_ALREADY,
    key::KeyConfig,
    payload::{BodyPolicy, Format, Malformed, PluginConfig, Report, Sifter},
};

/// Names of the counters that all filters have; those of the filter itself follow.
const COUNTERS: [&str; 4] = ["records", "changed", "dropped", "rejected"];
/// Place of `rejected` among them.
const REJECTED: usize = 3;

/// One plugin of the proxy's config, in one worker.
pub(super) struct Plugin<F: Filter> {
    baked: Option<Rc<Ready<F>>>,
    shared: Option<Rc<Shared<F>>>,
}

/// A filter that is started, and nothing of a host yet.
pub(super) struct Ready<F: Filter> {
    policy: BodyPolicy,
    core: Rc<RefCell<Core<F>>>,
}

/// What the requests of one plugin share. A VM has one thread and requests take turns, but
/// they take them at the host's word: nothing of this is borrowed across a call to the host.
pub(super) struct Shared<F: Filter> {
    pub policy: BodyPolicy,
    /// Plugins of a baked module have it in common.
    core: Rc<RefCell<Core<F>>>,
    /// Metric ids: [`COUNTERS`], then the filter's.
    metrics: Vec<u32>,
    rejected: Cell<u64>,
}

struct Core<F: Filter> {
    session: Session<F>,
    sifter: Sifter,
    /// What was last told to the metrics of the filter's counters.
    told: Vec<u64>,
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
        Self { baked, shared: None }
    }

    fn start(&self, text: &str) -> Result<Shared<F>, ConfigError> {
        let Ready { policy, core } = match &self.baked {
            Some(baked) => baked.with(text)?,
            None => Ready::start(text)?,
        };
        let names = COUNTERS.iter().chain(F::COUNTERS);
        let metrics = names.map(|name| sys::define_counter(&format!("tamis.{}.{name}", F::NAME)));
        // A host without metrics is a host all the same.
        let metrics = metrics.collect::<Result<Vec<u32>, _>>().unwrap_or_default();
        Ok(Shared { policy, core, metrics, rejected: Cell::new(0) })
    }
}

impl<F: Filter> Ready<F> {
    /// Start the filter from the plugin's config.
    pub fn start(text: &str) -> Result<Self, ConfigError> {
        let config = PluginConfig::parse(text)?;
        let session = Session::new(&config.filter, KeyConfig::resolve_from_process)
            .map_err(|error| config.locate(error))?;
        let core = Core { session, sifter: Sifter::default(), told: vec![0; F::COUNTERS.len()] };
        Ok(Self { policy: config.body, core: Rc::new(RefCell::new(core)) })
    }

    /// The same filter for a plugin whose config may still say what happens to bodies.
    fn with(&self, text: &str) -> Result<Self, ConfigError> {
        let policy = if text.trim_ascii().is_empty() {
            self.policy.clone()
        } else {
            let config = PluginConfig::parse(text)?;
            if !config.filter.trim_ascii().is_empty() {
                return Err(config.locate(ConfigError::new("$", SET_ALREADY)));
            }
            config.body
        };
        Ok(Self { policy, core: Rc::clone(&self.core) })
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
            Ok(shared) => {
                self.shared = Some(Rc::new(shared));
                true
            }
            Err(error) => refuse(error.to_string()),
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Exchange::new(self.shared.clone())))
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
        if self.metrics.is_empty() {
            return;
        }
        let mut counts = vec![report.records, report.changed, report.dropped, 0];
        counts[REJECTED] = self.rejected.replace(0);
        if let Ok(mut core) = self.core.try_borrow_mut() {
            let Core { session, told, .. } = &mut *core;
            for ((_, now), told) in session.counters().zip(told) {
                counts.push(now.saturating_sub(*told));
                *told = now;
            }
        }
        for (&id, &count) in self.metrics.iter().zip(&counts) {
            if count > 0 {
                // A metric that cannot be counted is no reason to hold up a request.
                let _ = sys::increment(id, count);
            }
        }
    }
}
