//! Live mode: one request and its answer, seen in passing.
//!
//! Nothing here holds a request up or changes one, but for the header that the config may ask for. Whatever goes wrong
//! is counted and forgotten: this is an observer, and traffic is worth more than what is seen of it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};

use super::{
    metrics::{self, Metrics},
    plugin::Core,
    sys::{self, BufferType, LogLevel, MapType},
};
use crate::{
    ConfigError, Filter,
    live::{Event, Exchange, Headers, LiveConfig, Log, Role},
};

/// Names of the counters that all filters have; those of the filter itself follow.
const COUNTERS: [&str; 2] = ["requests", "failures"];

/// Most events that are taken from the queue at a time.
const BATCH: usize = 10_000;

/// What the requests of one worker share. Nothing of this is borrowed across a call to the host.
pub(super) struct Live<F: Filter> {
    config: LiveConfig,
    headers: Headers,
    core: Rc<RefCell<Core<F>>>,
    metrics: Metrics,
    /// Counters by the kind of event, made known when the first one comes.
    kinds: Cell<Vec<(String, u32)>>,
    event: Cell<Event>,
    queue: Cell<Option<u32>>,
}

impl<F: Filter> Live<F> {
    pub fn start(config: LiveConfig, core: Rc<RefCell<Core<F>>>) -> Result<Self, ConfigError> {
        let Some(headers) = F::LIVE else {
            let message = "this filter has no live mode: leave the section out";
            return Err(ConfigError::new("$.live", message));
        };
        let queue = match config.role {
            Role::Watch => None,
            Role::Collect => Some(sys::register_queue(&config.queue).map_err(|status| {
                let message = format!("the proxy does not make the queue (status {})", status.0);
                ConfigError::new("$.live.queue", message)
            })?),
        };
        Ok(Self {
            config,
            headers,
            core,
            metrics: Metrics::define::<F>(&COUNTERS),
            kinds: Cell::default(),
            event: Cell::default(),
            queue: Cell::new(queue),
        })
    }

    /// Take what the other instances have put into the queue.
    pub fn collect(&self, queue: u32) {
        let mut event = self.event.take();
        for _ in 0..BATCH {
            match sys::dequeue(queue) {
                Ok(Some(relay)) => {
                    let raised = self
                        .core
                        .try_borrow_mut()
                        .is_ok_and(|mut core| core.session.collect(&relay, &mut event));
                    if raised {
                        self.log(&event);
                        self.count_alerts(&event);
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    self.failed();
                    break;
                }
            }
        }
        self.event.set(event);
        self.metrics.tell(&self.core);
    }

    fn failed(&self) {
        self.metrics.add(&[0, 1]);
    }

    fn log(&self, event: &Event) {
        let level = match self.config.log {
            Log::Info => LogLevel::Info,
            Log::Warn => LogLevel::Warn,
            Log::Off => return,
        };
        sys::log(level, &String::from_utf8_lossy(&event.json));
    }

    fn count_alerts(&self, event: &Event) {
        for alert in &event.alerts {
            self.count(&format!("alert.{alert}"));
        }
    }

    fn count(&self, name: &str) {
        let mut kinds = self.kinds.take();
        let known = kinds.iter().find(|(n, _)| n == name).map(|(_, id)| *id);
        let id = known.or_else(|| {
            let id = sys::define_counter(&metrics::name::<F>(name)).ok()?;
            kinds.push((name.to_owned(), id));
            Some(id)
        });
        self.kinds.set(kinds);
        if let Some(id) = id {
            let _ = sys::increment(id, 1);
        }
    }

    /// Send an event to who collects them.
    fn send(&self, event: &Event) {
        let queue = self.queue.get().or_else(|| {
            let found = sys::resolve_queue(&self.config.queue_vm_id, &self.config.queue).ok();
            self.queue.set(found);
            found
        });
        let sent = queue.is_some_and(|queue| sys::enqueue(queue, &event.relay).is_ok());
        if !sent {
            // It may come back under another id.
            self.queue.set(None);
            self.failed();
        }
    }

    /// A request was answered.
    fn answered(&self, exchange: &Exchange) {
        let mut event = self.event.take();
        let seen = self.core.try_borrow_mut().map(|mut core| core.session.watch(exchange, &mut event));
        self.metrics.add(&[1, u64::from(seen.is_err())]);
        if seen.unwrap_or(false) {
            self.tell(&event);
        }
        self.event.set(event);
        self.metrics.tell(&self.core);
    }

    /// Make an event known.
    fn tell(&self, event: &Event) {
        self.log(event);
        self.count(&format!("event.{}.{}", event.action, event.outcome));
        self.count_alerts(event);
        if !self.config.queue.is_empty() {
            self.send(event);
        }
        if !self.config.filter_state.is_empty() {
            let alerts = event.alerts.join(",");
            let values: [(&str, &[u8]); 4] = [
                ("event", &event.json),
                ("action", event.action.as_bytes()),
                ("outcome", event.outcome.as_bytes()),
                ("alert", alerts.as_bytes()),
            ];
            for (name, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
                if sys::set_property(&format!("{}{name}", self.config.filter_state), value).is_err() {
                    self.failed();
                }
            }
        }
        let header = &self.config.response_header;
        if !header.is_empty()
            && sys::set_header(MapType::HttpResponseHeaders, header, &event.summary()).is_err()
        {
            self.failed();
        }
    }
}

/// One request and its answer.
pub(super) struct Watcher<F: Filter> {
    live: Rc<Live<F>>,
    exchange: Exchange,
    answered: bool,
}

impl<F: Filter> Watcher<F> {
    pub fn new(live: Rc<Live<F>>) -> Self {
        Self { live, exchange: Exchange::default(), answered: false }
    }
}

fn header(map: MapType, name: &str) -> Vec<u8> {
    sys::header(map, name).ok().flatten().unwrap_or_default()
}

impl<F: Filter> Context for Watcher<F> {}

impl<F: Filter> HttpContext for Watcher<F> {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        const MAP: MapType = MapType::HttpRequestHeaders;
        let Self { live, exchange, .. } = self;
        exchange.method = header(MAP, ":method");
        exchange.target = header(MAP, ":path");
        exchange.request = live.headers.request.iter().map(|name| header(MAP, name)).collect();
        let forwarded =
            if live.config.trusted_hops > 0 { header(MAP, "x-forwarded-for") } else { Vec::new() };
        let peer = sys::property("source\0address");
        exchange.client_ip = live.config.client(&forwarded, &peer).to_vec();
        exchange.collected = !live.config.queue.is_empty();
        let wanted = live.config.read_body
            && !end_of_stream
            && live.core.try_borrow().is_ok_and(|core| core.session.wants_body(exchange))
            && header(MAP, "content-encoding").is_empty();
        exchange.body = wanted.then(Vec::new);
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, _end_of_stream: bool) -> Action {
        if let Some(body) = self.exchange.body.as_mut() {
            let room = (self.live.config.max_body_bytes as usize).saturating_sub(body.len());
            if room > 0
                && let Ok(piece) = sys::buffer(BufferType::HttpRequestBody, size.min(room))
            {
                body.extend_from_slice(&piece);
            }
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        const MAP: MapType = MapType::HttpResponseHeaders;
        if std::mem::replace(&mut self.answered, true) {
            return Action::Continue;
        }
        let Self { live, exchange, .. } = self;
        let status = header(MAP, ":status");
        exchange.status = std::str::from_utf8(&status).ok().and_then(|s| s.parse().ok()).unwrap_or(0);
        exchange.response = live.headers.response.iter().map(|name| header(MAP, name)).collect();
        exchange.time_ns = sys::now_ns();
        live.answered(exchange);
        // A password may stand in it.
        if let Some(body) = exchange.body.as_mut() {
            body.fill(0);
        }
        Action::Continue
    }
}
