//! One VM with its one plugin: started like in a proxy, fed with requests.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, anyhow, bail, ensure};
use wasmtime::{Instance, Linker, Module, Store, Trap, TypedFunc, WasmParams, WasmResults};
use wasmtime_wasi::{
    I32Exit, WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

use super::{
    calls,
    stream::{Headers, LocalAnswer, Message, Stream},
};
use crate::host::{
    Engines, HostOptions, Refused,
    engine::{DiagnosticSink, Limits},
};

/// Context id of the plugin; those of the streams follow.
const ROOT: u32 = 1;

const CONTINUE: u32 = 0;

const WASI: &str = "wasi_snapshot_preview1";

/// What the guest can reach.
pub(super) struct State {
    wasi: WasiP1Ctx,
    limits: Limits,
    pub diagnostics: DiagnosticSink,
    /// Whether messages of the guest are passed on; the refusal of a config is an error, not
    /// a message.
    pub speaking: bool,
    pub messages: u32,
    /// The last critical message.
    pub refusal: String,
    pub config: Vec<u8>,
    pub metrics: Vec<(String, u64)>,
    pub stream: Stream,
    /// Properties of all streams, by paths with NUL between their parts.
    pub properties: Vec<(Vec<u8>, Vec<u8>)>,
    pub queues: Queues,
}

/// Queues that guests share, by name. An id is a place in the list and one.
pub(super) type Queues = Arc<Mutex<Vec<(String, VecDeque<Vec<u8>>)>>>;

/// How a body is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece, which ends the stream.
    Whole,
    /// In pieces of so many bytes (at least one).
    Chunks(usize),
    /// In two pieces, cut after so many bytes.
    SplitAt(usize),
    /// In pieces; an empty one ends the stream, as in HTTP/1.1 chunked bodies.
    ChunksThenEnd(usize),
}

/// What became of a message.
#[derive(Debug, Clone)]
pub enum Passed {
    /// It went on, with these headers and this body.
    On(Message),
    /// The filter has answered itself.
    Answered(LocalAnswer),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

/// A running proxy-wasm module.
pub struct Guest {
    store: Store<State>,
    instance: Instance,
    next_context: u32,
    call_ticks: u64,
    call_timeout: Duration,
    /// Callbacks that are not exported are passed over, as proxies do; else they are an error.
    lenient: bool,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("next_context", &self.next_context).finish_non_exhaustive()
    }
}

/// A module that was compiled.
#[derive(Clone)]
pub struct Compiled(Module);

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Compiled {
    pub(super) fn new(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Self> {
        let module = compile(engines, wasm)?;
        ensure!(
            module.exports().any(|e| e.name() == "proxy_abi_version_0_2_1"),
            "this module does not speak proxy-wasm 0.2.1: it has no export `proxy_abi_version_0_2_1`"
        );
        Ok(Self(module))
    }
}

impl Guest {
    /// Compile and start a module with the text of its plugin configuration.
    ///
    /// # Errors
    /// [`Refused`] when the filter does not accept its config, with the critical message that
    /// it logged; else when this is no module of this ABI, or it fails.
    pub fn start(
        engines: &Engines,
        wasm: &[u8],
        config: &str,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        Self::start_beside(None, engines, wasm, config, options)
    }

    /// As [`start`](Self::start), in the same proxy as another VM: they share their queues.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_beside(
        beside: Option<&Self>,
        engines: &Engines,
        wasm: &[u8],
        config: &str,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        Self::start_module(beside, engines, &Compiled::new(engines, wasm)?.0, config, options, false)
    }

    pub(super) fn start_compiled(
        engines: &Engines,
        Compiled(module): &Compiled,
        config: &str,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        Self::start_module(None, engines, module, config, options, false)
    }

    /// Start the module of a stranger: any 0.2, with any of the callbacks.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_foreign(
        engines: &Engines,
        module: &Module,
        config: &str,
        options: &HostOptions,
    ) -> anyhow::Result<Self> {
        Self::start_module(None, engines, module, config, options, true)
    }

    fn start_module(
        beside: Option<&Self>,
        engines: &Engines,
        module: &Module,
        config: &str,
        options: &HostOptions,
        lenient: bool,
    ) -> anyhow::Result<Self> {
        let engine = engines.engine();
        let mut linker = Linker::new(engine);
        p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)
            .map_err(anyhow::Error::from)?;
        if lenient {
            linker.alias_module(WASI, "wasi_unstable").map_err(anyhow::Error::from)?;
        }
        calls::add_to_linker(&mut linker, module).map_err(anyhow::Error::from)?;
        let mut state = State {
            wasi: WasiCtxBuilder::new().allow_blocking_current_thread(true).build_p1(),
            limits: Limits::new(options),
            diagnostics: Arc::clone(&options.diagnostics),
            speaking: false,
            messages: 0,
            refusal: String::new(),
            config: config.as_bytes().to_vec(),
            metrics: Vec::new(),
            stream: Stream::default(),
            properties: Vec::new(),
            queues: Queues::default(),
        };
        if let Some(beside) = beside {
            state.queues = Arc::clone(&beside.store.data().queues);
        }
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(engines.ticks(options.init_timeout));
        let instance = linker
            .instantiate(&mut store, module)
            .map_err(anyhow::Error::from)
            .context("this module imports what a proxy does not give")?;
        let mut guest = Self {
            store,
            instance,
            next_context: ROOT + 1,
            call_ticks: engines.ticks(options.call_timeout),
            call_timeout: options.init_timeout,
            lenient,
        };
        let has = |name: &str| module.exports().any(|e| e.name() == name);
        // A reactor has the one, a command the other.
        let first = if lenient && !has("_initialize") { "_start" } else { "_initialize" };
        match guest.call(first, (), ()) {
            Err(error) if lenient && error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0) => {}
            started => started?,
        }
        guest.call("proxy_on_context_create", (ROOT, 0), ())?;
        let size = u32::try_from(config.len()).context("the config is too long")?;
        let started = guest.call("proxy_on_vm_start", (ROOT, 0), 1u32)? != 0
            && guest.call("proxy_on_configure", (ROOT, size), 1u32)? != 0;
        let state = guest.store.data_mut();
        state.speaking = true;
        if !started {
            bail!(Refused(std::mem::take(&mut state.refusal)));
        }
        guest.call_timeout = options.call_timeout;
        Ok(guest)
    }

    /// Pass a request through the filter.
    ///
    /// # Errors
    /// When the guest traps, runs out of its time, or holds a complete message back without
    /// an answer.
    pub fn request(&mut self, request: Message, delivery: Delivery) -> anyhow::Result<Passed> {
        let context = self.open()?;
        let passed = self.pass(context, Direction::Request, request, delivery);
        self.close(context)?;
        passed
    }

    /// Pass a request without a body and then its response through the filter.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn response(
        &mut self,
        request: Message,
        response: Message,
        delivery: Delivery,
    ) -> anyhow::Result<Passed> {
        let context = self.open()?;
        let mut passed = self.pass(context, Direction::Request, request, Delivery::Whole);
        if matches!(passed, Ok(Passed::On(_))) {
            passed = self.pass(context, Direction::Response, response, delivery);
        }
        self.close(context)?;
        passed
    }

    /// Pass a request with a body and then its response through the filter. What became of the request, and of the
    /// response if the request went on.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn exchange(
        &mut self,
        request: Message,
        response: Message,
        delivery: Delivery,
    ) -> anyhow::Result<(Passed, Option<Passed>)> {
        let context = self.open()?;
        let mut sent = self.pass(context, Direction::Request, request, delivery)?;
        let mut answered = None;
        if let Passed::On(request) = &mut sent {
            // The next call looks at it again.
            self.message(Direction::Request).headers.clone_from(&request.headers);
            answered = Some(self.pass(context, Direction::Response, response, delivery)?);
        }
        self.close(context)?;
        Ok((sent, answered))
    }

    /// Let all streams from now on have a property, such as `source\0address`: the parts of its path with NUL between.
    pub fn set_property(&mut self, path: &str, value: &str) {
        let properties = &mut self.store.data_mut().properties;
        properties.retain(|(p, _)| p != path.as_bytes());
        properties.push((path.into(), value.into()));
    }

    /// What the filter has set as a property of the last stream.
    pub fn property(&self, path: &str) -> Option<&[u8]> {
        let set = &self.store.data().stream.properties;
        set.iter().rev().find(|(p, _)| p == path.as_bytes()).map(|(_, v)| v.as_slice())
    }

    /// Tell the filter of all queues that are not empty, as a proxy does.
    ///
    /// # Errors
    /// When the guest traps or runs out of its time.
    pub fn ready_queues(&mut self) -> anyhow::Result<()> {
        let queues = Arc::clone(&self.store.data().queues);
        let full: Vec<u32> = {
            let queues = queues.lock().map_err(|_| anyhow!("a thread that held the queues has panicked"))?;
            (1..).zip(queues.iter()).filter(|(_, (_, q))| !q.is_empty()).map(|(id, _)| id).collect()
        };
        for id in full {
            self.store.set_epoch_deadline(self.call_ticks);
            self.call("proxy_on_queue_ready", (ROOT, id), ())?;
        }
        Ok(())
    }

    /// Metrics by name, such as `tamis.identity.records`.
    pub fn metrics(&self) -> &[(String, u64)] {
        &self.store.data().metrics
    }

    /// How much linear memory the module has, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limits.memory_bytes()
    }

    fn open(&mut self) -> anyhow::Result<u32> {
        let context = self.next_context;
        self.next_context = self.next_context.checked_add(1).unwrap_or(ROOT + 1);
        self.store.data_mut().stream = Stream::default();
        self.store.set_epoch_deadline(self.call_ticks);
        self.call("proxy_on_context_create", (context, ROOT), ())?;
        Ok(context)
    }

    fn close(&mut self, context: u32) -> anyhow::Result<()> {
        self.call("proxy_on_done", context, 1u32)?;
        self.call("proxy_on_log", context, ())?;
        self.call("proxy_on_delete", context, ())
    }

    fn pass(
        &mut self,
        context: u32,
        direction: Direction,
        message: Message,
        delivery: Delivery,
    ) -> anyhow::Result<Passed> {
        let (on_headers, on_body, on_trailers) = match direction {
            Direction::Request => {
                ("proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers")
            }
            Direction::Response => {
                ("proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers")
            }
        };
        let Message { headers, body, trailers } = message;
        let has_trailers = !trailers.is_empty();
        let headers_end = body.is_empty() && !has_trailers;
        let target = self.message(direction);
        *target = Message { headers, body: Vec::new(), trailers };
        let counts = (count(&target.headers), count(&target.trailers));
        let action = self.call(on_headers, (context, counts.0, u32::from(headers_end)), CONTINUE)?;
        if let Some(answer) = self.answer() {
            return Ok(Passed::Answered(answer));
        }
        ensure!(action == CONTINUE, "the filter holds the headers back and does not answer");

        // What went on before the end, such as the start of a body over the limit.
        let mut sent = Vec::new();
        let mut held = false;
        let mut pieces = cut(&body, delivery);
        if matches!(delivery, Delivery::ChunksThenEnd(_)) && !has_trailers && !headers_end {
            pieces.push(&[]);
        }
        let total = pieces.len();
        for (index, piece) in pieces.into_iter().enumerate() {
            let last = index + 1 == total && !has_trailers;
            let buffer = &mut self.message(direction).body;
            buffer.extend_from_slice(piece);
            let size = u32::try_from(buffer.len()).context("the body is too long")?;
            let action = self.call(on_body, (context, size, u32::from(last)), CONTINUE)?;
            if let Some(answer) = self.answer() {
                return Ok(Passed::Answered(answer));
            }
            held = action != CONTINUE;
            if !held {
                sent.append(&mut self.message(direction).body);
            }
        }
        if has_trailers {
            let action = self.call(on_trailers, (context, counts.1), CONTINUE)?;
            if let Some(answer) = self.answer() {
                return Ok(Passed::Answered(answer));
            }
            held = action != CONTINUE;
        }
        ensure!(!held, "the filter holds a complete body back and does not answer");
        let mut message = std::mem::take(self.message(direction));
        sent.append(&mut message.body);
        message.body = sent;
        Ok(Passed::On(message))
    }

    fn message(&mut self, direction: Direction) -> &mut Message {
        let stream = &mut self.store.data_mut().stream;
        match direction {
            Direction::Request => &mut stream.request,
            Direction::Response => &mut stream.response,
        }
    }

    fn answer(&mut self) -> Option<LocalAnswer> {
        self.store.data_mut().stream.answer.take()
    }

    /// Call a callback; `default` is what a proxy takes one for that is not exported.
    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        params: P,
        default: R,
    ) -> anyhow::Result<R> {
        if self.lenient && self.instance.get_export(&mut self.store, name).is_none() {
            return Ok(default);
        }
        let function: TypedFunc<P, R> =
            self.instance.get_typed_func(&mut self.store, name).map_err(anyhow::Error::from).with_context(
                || format!("this module does not speak proxy-wasm 0.2.1: no function `{name}`"),
            )?;
        function.call(&mut self.store, params).map_err(|error| {
            if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
                let limit = self.call_timeout.as_secs_f64();
                return anyhow!("the guest did not come back from `{name}` within {limit} s");
            }
            anyhow::Error::from(error).context(format!("the guest trapped in `{name}`"))
        })
    }
}

/// Compile a module.
///
/// # Errors
/// When it is none, or not valid.
pub(crate) fn compile(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Module> {
    Module::new(engines.engine(), wasm)
        .map_err(anyhow::Error::from)
        .context("this is not a WebAssembly module that can be compiled")
}

fn cut(body: &[u8], delivery: Delivery) -> Vec<&[u8]> {
    match delivery {
        Delivery::Whole => body.chunks(body.len().max(1)).collect(),
        Delivery::Chunks(size) | Delivery::ChunksThenEnd(size) => body.chunks(size.max(1)).collect(),
        Delivery::SplitAt(at) => {
            let (first, second) = body.split_at(at.min(body.len()));
            [first, second].into_iter().filter(|piece| !piece.is_empty()).collect()
        }
    }
}

fn count(headers: &Headers) -> u32 {
    u32::try_from(headers.len()).unwrap_or(u32::MAX)
}
