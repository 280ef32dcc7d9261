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
    key::KeyConfig,
    payload::{BodyPolicy, Format, Malformed, PluginConfig, Report, Sifter},
};

/// Names of the counters that all filters have; those of the filter itself follow.
const COUNTERS: [&str; 4] = ["records", "changed", "dropped", "rejected"];

/// One plugin of the proxy's config, in one worker.
pub(super) struct Plugin<F: Filter> {
    mode: Option<Mode<F>>,
}

/// What a plugin does.
enum Mode<F: Filter> {
    /// It filters bodies.
    Bodies(Rc<Shared<F>>),
    /// It watches requests.
    Live(Rc<Live<F>>),
}

/// What the requests of one plugin share. A VM has one thread and requests take turns, but
/// they take them at the host's word: nothing of this is borrowed across a call to the host.
pub(super) struct Shared<F: Filter> {
    pub policy: BodyPolicy,
    session: RefCell<Session<F>>,
    sifter: RefCell<Sifter>,
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
    pub fn new() -> Self {
        Self { mode: None }
    }

    fn start(text: &str) -> Result<Mode<F>, ConfigError> {
        let config = PluginConfig::parse(text)?;
        let session = Session::new(&config.filter, KeyConfig::resolve_from_process)
            .map_err(|error| config.locate(error))?;
        if let Some(live) = config.live {
            return Live::start(live, session).map(|live| Mode::Live(Rc::new(live)));
        }
        Ok(Mode::Bodies(Rc::new(Shared {
            policy: config.body,
            session: RefCell::new(session),
            sifter: RefCell::new(Sifter::default()),
            metrics: Metrics::define::<F>(&COUNTERS),
            rejected: Cell::new(0),
        })))
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
        match Self::start(&text) {
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
        let (Ok(mut session), Ok(mut sifter)) = (self.session.try_borrow_mut(), self.sifter.try_borrow_mut())
        else {
            return Err(SiftError::Busy);
        };
        sifter.run(format, body, tag, &mut *session, out).map_err(SiftError::Malformed)
    }

    /// A body was not let through. Told to the metrics with the next [`tell`](Self::tell).
    pub fn note_rejected(&self) {
        self.rejected.set(self.rejected.get().saturating_add(1));
    }

    /// Bring the metrics up to date.
    pub fn tell(&self, report: &Report) {
        self.metrics.add(&[report.records, report.changed, report.dropped, self.rejected.replace(0)]);
        self.metrics.tell(&self.session);
    }
}
