//! Modules of proxy-wasm 0.2. A record travels as the body of one request.

use wasmtime::Module as Compiled;

use super::{
    Context, behaviour,
    corpus::{self, Sample},
    driver::{Driver, Fate, Fault, Subject, TAG, brief},
    module::{Entity, Module, Signature},
    report::Verdict,
    wasi::{self, InProxies},
};
use crate::{
    host::{
        Encoding, Refused,
        proxy_wasm::{Delivery, Guest, Message, Passed, compile_any as compile},
    },
    keys,
};

/// What every host of proxy-wasm 0.2.1 gives under `env`, without `proxy_`.
const CALLS: [&str; 36] = [
    "log",
    "get_log_level",
    "get_status",
    "get_current_time_nanoseconds",
    "set_tick_period_milliseconds",
    "get_property",
    "set_property",
    "get_buffer_bytes",
    "get_buffer_status",
    "set_buffer_bytes",
    "get_header_map_pairs",
    "set_header_map_pairs",
    "get_header_map_value",
    "get_header_map_size",
    "add_header_map_value",
    "replace_header_map_value",
    "remove_header_map_value",
    "continue_stream",
    "close_stream",
    "send_local_response",
    "http_call",
    "grpc_call",
    "grpc_stream",
    "grpc_send",
    "grpc_close",
    "grpc_cancel",
    "get_shared_data",
    "set_shared_data",
    "register_shared_queue",
    "resolve_shared_queue",
    "dequeue_shared_queue",
    "enqueue_shared_queue",
    "define_metric",
    "increment_metric",
    "record_metric",
    "get_metric",
];

/// The rest of it, and what Envoy gives to what Emscripten makes.
const MORE_CALLS: [&str; 5] = [
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_call_foreign_function",
    "pthread_equal",
    "emscripten_notify_memory_growth",
];

/// Callbacks with their parameters and results, all `i32`. Each may be missing.
const CALLBACKS: [(&str, usize, usize); 14] = [
    ("_initialize", 0, 0),
    ("_start", 0, 0),
    ("proxy_on_context_create", 2, 0),
    ("proxy_on_vm_start", 2, 1),
    ("proxy_on_configure", 2, 1),
    ("proxy_on_request_headers", 3, 1),
    ("proxy_on_request_body", 3, 1),
    ("proxy_on_request_trailers", 2, 1),
    ("proxy_on_response_headers", 3, 1),
    ("proxy_on_response_body", 3, 1),
    ("proxy_on_response_trailers", 2, 1),
    ("proxy_on_done", 1, 1),
    ("proxy_on_log", 1, 0),
    ("proxy_on_delete", 1, 0),
];

pub(super) struct Suite<'a> {
    context: &'a Context<'a>,
    module: Module,
    compiled: anyhow::Result<Compiled>,
}

impl<'a> Suite<'a> {
    pub fn new(context: &'a Context<'a>) -> anyhow::Result<Self> {
        let wasm = &context.artifact.wasm;
        let compiled = compile(context.engines, wasm);
        Ok(Self { context, module: Module::read(wasm)?, compiled })
    }

    fn exports(&self) -> Verdict {
        let mut wrong = Vec::new();
        if self.module.exports.get("memory") != Some(&Entity::Memory) {
            wrong.push("no memory is exported as `memory`".to_owned());
        }
        let versions = ["proxy_abi_version_0_2_1", "proxy_abi_version_0_2_0"];
        let version = versions.iter().find(|v| self.module.exports.contains_key(**v));
        if version.is_none() {
            wrong.push("neither `proxy_abi_version_0_2_1` nor `_0_2_0` says which ABI it speaks".to_owned());
        }
        let allocates = |name: &str| self.module.has(name, &Signature::words(1, 1));
        if !allocates("proxy_on_memory_allocate") && !allocates("malloc") {
            wrong.push(
                "neither `proxy_on_memory_allocate` nor `malloc` takes an i32 and gives one".to_owned(),
            );
        }
        for (name, params, results) in CALLBACKS {
            let wanted = Signature::words(params, results);
            match self.module.exports.get(name) {
                None => {}
                Some(Entity::Func(signature)) if *signature == wanted => {}
                Some(Entity::Func(signature)) => {
                    wrong.push(format!("`{name}` is {signature}, not {wanted}"));
                }
                Some(_) => wrong.push(format!("`{name}` is no function")),
            }
        }
        if !wrong.is_empty() {
            return Verdict::fail(wrong.join("; "));
        }
        let callbacks = self.module.exports.keys().filter(|name| name.starts_with("proxy_on_")).count();
        Verdict::pass(format!("{}, {callbacks} callbacks", version.unwrap_or(&"")))
    }

    fn imports(&self) -> Verdict {
        let mut foreign = Vec::new();
        let mut late: Vec<String> = Vec::new();
        for (module, name, entity) in &self.module.imports {
            let given = match (module.as_str(), entity) {
                ("env", Entity::Func(_)) => {
                    MORE_CALLS.contains(&name.as_str())
                        || name.strip_prefix("proxy_").is_some_and(|name| CALLS.contains(&name))
                }
                (module, Entity::Func(_)) if wasi::MODULES.contains(&module) => {
                    match wasi::in_proxies(name) {
                        InProxies::Always => true,
                        InProxies::Since(month) => {
                            // That is long enough ago.
                            if month != "November 2021" {
                                late.push(format!("`{name}` ({month})"));
                            }
                            true
                        }
                        InProxies::Never => false,
                    }
                }
                _ => false,
            };
            if !given {
                foreign.push(format!("{module}.{name}"));
            }
        }
        if !foreign.is_empty() {
            return Verdict::fail(format!("imports {}", foreign.join(", ")));
        }
        if !late.is_empty() {
            let list = late.join(", ");
            return Verdict::warn(format!(
                "not in proxies built from sources before the month given: {list}"
            ));
        }
        Verdict::pass(format!("{} functions that Envoy gives", self.module.imports.len()))
    }

    fn open(&self, config: &str) -> anyhow::Result<Guest> {
        let options = &self.context.options.host;
        let config =
            keys::inline(config, options.config_base_dir.as_deref()).map_err(|e| Refused(e.to_string()))?;
        let compiled = self.compiled.as_ref().map_err(|error| anyhow::anyhow!(brief(error)))?;
        Guest::start_foreign(self.context.engines, compiled, &config, options)
    }

    fn refusal(&self) -> Verdict {
        match self.open("{") {
            Ok(_) => Verdict::warn("it starts with the config `{` as if that were right"),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(Refused(words)) if words.trim().is_empty() => {
                    Verdict::warn("it refuses the config `{` without a word in the log")
                }
                Some(Refused(words)) => Verdict::pass(words.clone()),
                None => Verdict::fail(brief(&error)),
            },
        }
    }

    /// A body that is cut in two, at every byte, and into single bytes.
    fn chunks(&self) -> Verdict {
        let one = r#"{"log":"peer 198.51.100.7:50434 user <alice>","mail":"caf\u00e9@example.org"}"#;
        let json = r#"{"message":"hello","n":1.0,"text":"é😀"}"#;
        let bodies = [
            ("application/json", one.to_owned()),
            ("application/x-ndjson", format!("{json}\n{one}\n")),
            ("text/plain", "IPv4. connected to: 198.51.100.7:50434\nsecond line é\n".to_owned()),
        ];
        let mut requests = 0;
        for (content_type, body) in bodies {
            let mut guest = match self.open(&self.context.options.config) {
                Ok(guest) => guest,
                Err(error) => return Verdict::fail(brief(&error)),
            };
            let mut send = |delivery| {
                requests += 1;
                pass(&mut guest, content_type, body.as_bytes(), delivery)
            };
            let whole = match send(Delivery::Whole) {
                Ok(fate) => fate,
                Err(error) => return Verdict::fail(brief(&error)),
            };
            let cuts = (1..body.len()).map(Delivery::SplitAt);
            let pieces = [Delivery::Chunks(1), Delivery::Chunks(7), Delivery::ChunksThenEnd(body.len())];
            for delivery in cuts.chain(pieces) {
                match send(delivery) {
                    Ok(fate) if fate == whole => {}
                    Ok(fate) => {
                        return Verdict::fail(format!(
                            "a body of {} bytes of {content_type}, delivered as {delivery:?}, becomes {}, \
                             whole {}",
                            body.len(),
                            told(&fate),
                            told(&whole)
                        ));
                    }
                    Err(error) => return Verdict::fail(format!("{delivery:?}: {}", brief(&error))),
                }
            }
        }
        Verdict::pass(format!("{requests} requests"))
    }

    /// Lines of one body against one body per line.
    fn batches(&self) -> Verdict {
        let run = |samples: &[&Sample]| -> anyhow::Result<Vec<u8>> {
            let mut guest = self.open(&self.context.options.config)?;
            let mut out = Vec::new();
            for sample in samples {
                let line = [sample.body.as_slice(), b"\n"].concat();
                let fate = pass(&mut guest, "application/x-ndjson", &line, Delivery::Whole)?;
                out.extend_from_slice(fate.body(&line).unwrap_or_default());
            }
            Ok(out)
        };
        let single: Vec<&Sample> = self
            .context
            .samples
            .iter()
            .filter(|s| s.encoding == Encoding::Json && component_object(&s.body) && !s.body.contains(&b'\n'))
            .collect();
        if single.is_empty() {
            return Verdict::skip("no record is one line of JSON");
        }
        let whole = Sample::json(single.iter().map(|s| s.body.as_slice()).collect::<Vec<_>>().join(&b'\n'));
        match (run(&single), run(&[&whole])) {
            (Ok(apart), Ok(together)) if apart == together => {
                Verdict::pass(format!("{} lines in one body and in one each", single.len()))
            }
            (Ok(_), Ok(_)) => Verdict::warn(format!(
                "{} lines of application/x-ndjson in one body come out otherwise than in one body each",
                single.len()
            )),
            (Err(error), _) | (_, Err(error)) => Verdict::fail(brief(&error)),
        }
    }
}

fn component_object(body: &[u8]) -> bool {
    super::component::is_object(body)
}

impl super::Suite for Suite<'_> {
    fn run(&mut self, check: &str) -> Verdict {
        let Context { options, samples, .. } = self.context;
        match check {
            "exports" => self.exports(),
            "imports" => self.imports(),
            "start" => match self.start() {
                Ok(_) => self.context.started(),
                Err(error) => Verdict::fail(error.text),
            },
            "refusal" => self.refusal(),
            "result" => behaviour::result(self, samples),
            "chunks" => self.chunks(),
            "batches" => self.batches(),
            "hostile" => behaviour::survives(self, &corpus::hostile(), true, &mut false),
            "malformed" => behaviour::survives(self, &corpus::malformed(), false, &mut false),
            "poison" => behaviour::poison(self, samples),
            "determinism" => behaviour::determinism(self, samples),
            "untouched" => behaviour::untouched(self, true),
            "idempotence" => behaviour::idempotence(self, samples, options),
            "memory" => behaviour::memory(self, samples, options.records),
            other => Verdict::skip(format!("no check of proxy-wasm is called {other}")),
        }
    }
}

impl Subject for Suite<'_> {
    fn start(&self) -> Result<Box<dyn Driver>, Fault> {
        let guest = self.open(&self.context.options.config).map_err(|error| {
            let mut fault = Fault::from(error);
            if fault.text.is_empty() {
                fault.text = "it refuses the config without a word in the log".to_owned();
            }
            fault
        })?;
        Ok(Box::new(Running { guest }))
    }
}

struct Running {
    guest: Guest,
}

impl Driver for Running {
    fn give(&mut self, sample: &Sample) -> Result<Fate, Fault> {
        let content_type = match sample.encoding {
            Encoding::Json => "application/json",
            Encoding::Text => "text/plain",
        };
        Ok(pass(&mut self.guest, content_type, &sample.body, Delivery::Whole)?)
    }

    fn memory_bytes(&mut self) -> usize {
        self.guest.memory_bytes()
    }
}

/// Send a body through the filter.
fn pass(guest: &mut Guest, content_type: &str, body: &[u8], delivery: Delivery) -> anyhow::Result<Fate> {
    let path = format!("/{TAG}");
    let headers = [
        (":method", "POST"),
        (":path", path.as_str()),
        (":authority", "tamis"),
        (":scheme", "http"),
        ("content-type", content_type),
    ];
    Ok(match guest.request(Message::new(&headers, body), delivery)? {
        Passed::On(message) if message.body == body => Fate::Kept,
        Passed::On(message) if message.body.is_empty() => Fate::Dropped,
        Passed::On(message) => Fate::Changed(message.body),
        Passed::Answered(answer) if (200..300).contains(&answer.status) => Fate::Dropped,
        Passed::Answered(answer) => Fate::Refused(answer.status),
    })
}

fn told(fate: &Fate) -> String {
    match fate {
        Fate::Changed(body) => format!("{} bytes, {:?}", body.len(), String::from_utf8_lossy(body)),
        other => format!("{other:?}"),
    }
}
