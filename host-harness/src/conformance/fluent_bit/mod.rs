//! Modules for Fluent Bit's `filter_wasm`, in its JSON mode.

use anyhow::Context as _;
use tempfile::TempDir;
use wasmparser::{Validator, WasmFeatures};
use wasmtime::Module as Compiled;

use super::{
    Context, behaviour,
    corpus::{self, Named, Sample},
    driver::{Driver, Fault, Subject, brief},
    fluent_bit_signature,
    module::{Entity, Module, Signature},
    report::Verdict,
    wasi,
};
use crate::{
    host::{Encoding, fluent_bit::filter_name, proxy_wasm::compile_any as compile},
    keys, text_wrap,
};

mod depth;
mod format;
mod guest;
mod heap;
mod libc;

use guest::{Answer, Exited, Guest, Plan};
use heap::HEAP_BYTES;

/// Where the guest finds its config, as it would below `accessible_paths`.
const CONFIG_DIR: &str = "/etc/tamis";

/// What WAMR has been built with in every Fluent Bit.
fn features_before_4_0_3() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::FLOATS
        // Only that `funcref` is a type, as it has been since 1.0.
        | WasmFeatures::GC_TYPES
}

/// Since 4.0.3; 4.1 took a newer WAMR with the same features, and so do 4.2 and 5.
fn features_since_4_0_3() -> WasmFeatures {
    features_before_4_0_3() | WasmFeatures::REFERENCE_TYPES | WasmFeatures::CALL_INDIRECT_OVERLONG
}

pub(super) struct Suite<'a> {
    context: &'a Context<'a>,
    module: Module,
    compiled: anyhow::Result<Compiled>,
    function: &'a str,
    own_pair: bool,
    /// Whether it imports functions of WASI, on which it depends how it is started.
    of_wasi: bool,
    /// The name of its config file: that of the filter, if it says it.
    label: Option<String>,
    /// With the config that was given.
    dir: TempDir,
    /// As Fluent Bit holds records: a line of text is `{"log":...}`.
    samples: Vec<Sample>,
    /// Whether there was a record that it did not come back from.
    hangs: bool,
}

impl<'a> Suite<'a> {
    pub fn new(context: &'a Context<'a>) -> anyhow::Result<Self> {
        let wasm = &context.artifact.wasm;
        let module = Module::read(wasm)?;
        let dir = tempfile::tempdir().context("cannot make a directory for the guest's config")?;
        let label = filter_name(wasm);
        let options = context.options;
        if !options.config.trim_ascii().is_empty() {
            let config = keys::inline(&options.config, options.host.config_base_dir.as_deref())
                .context("the config names a key that cannot be read")?;
            let name = label.as_deref().unwrap_or("config");
            guest::write_config(dir.path(), name, &config)?;
        }
        Ok(Self {
            own_pair: module.has("malloc", &Signature::words(1, 1))
                && module.has("free", &Signature::words(1, 0)),
            of_wasi: module.imports.iter().any(|(from, ..)| wasi::MODULES.contains(&from.as_str())),
            compiled: compile(context.engines, wasm),
            function: context.artifact.function.as_deref().unwrap_or("filter"),
            module,
            samples: context.samples.iter().map(as_record).collect(),
            hangs: false,
            context,
            label,
            dir,
        })
    }

    fn exports(&self) -> Verdict {
        let mut wrong = Vec::new();
        if self.module.exports.get("memory") != Some(&Entity::Memory) {
            wrong.push("no memory is exported as `memory`".to_owned());
        }
        let wanted = fluent_bit_signature();
        match self.module.exports.get(self.function) {
            Some(Entity::Func(signature)) if *signature == wanted => {}
            Some(Entity::Func(signature)) => {
                wrong.push(format!("`{}` is {signature}, not {wanted}", self.function));
            }
            _ => wrong.push(format!("no function is exported as `{}`", self.function)),
        }
        for name in ["_initialize", "_start"] {
            let nothing = Entity::Func(Signature::words(0, 0));
            if self.module.exports.get(name).is_some_and(|e| *e != nothing) {
                wrong.push(format!("`{name}` is no function without parameters and results"));
            }
        }
        if !wrong.is_empty() {
            return Verdict::fail(wrong.join("; "));
        }
        let has = |name: &str| self.module.exports.contains_key(name);
        let doubt = match (self.of_wasi, has("_initialize"), has("_start")) {
            (_, _, true) => {
                "`_start` is exported and never called: build a reactor, so that constructors run"
            }
            (true, false, _) => {
                "no `_initialize`: Fluent Bit says so at each start, and constructors do not run"
            }
            (false, true, _) => "`_initialize` is not called, because no function of WASI is imported",
            _ => return Verdict::pass(format!("memory, `{}` {wanted}", self.function)),
        };
        Verdict::warn(doubt)
    }

    fn imports(&self) -> Verdict {
        let mut foreign = Vec::new();
        let mut not_made = Vec::new();
        for (module, name, entity) in &self.module.imports {
            let of_wasi = wasi::MODULES.contains(&module.as_str()) && wasi::exists(name);
            let of_libc = module == "env" && libc::NAMES.contains(&name.as_str());
            if !matches!(entity, Entity::Func(_)) || !(of_wasi || of_libc) {
                foreign.push(format!("{module}.{name}"));
            } else if of_libc && libc::NOT_MADE.contains(&name.as_str()) {
                not_made.push(name.as_str());
            }
        }
        if !foreign.is_empty() {
            return Verdict::fail(format!("imports {}", foreign.join(", ")));
        }
        if !not_made.is_empty() {
            let list = not_made.join(", ");
            return Verdict::warn(format!("Fluent Bit gives {list}, but a call of it traps in these checks"));
        }
        Verdict::pass(match self.module.imports.len() {
            0 => "none".to_owned(),
            count => format!("{count} functions of WASI and libc"),
        })
    }

    fn features(&self) -> Verdict {
        let wasm = &self.context.artifact.wasm;
        let loads = |features| Validator::new_with_features(features).validate_all(wasm).map(drop);
        let Err(early) = loads(features_before_4_0_3()) else {
            return Verdict::pass(
                "every Fluent Bit with filter_wasm: before 4.0.3, 4.0.3 to 4.0.14, 4.1, 4.2, 5",
            );
        };
        match loads(features_since_4_0_3()) {
            Ok(()) => {
                Verdict::warn(format!("4.0.3 and later (4.1, 4.2, 5); not before: {}", early.message()))
            }
            Err(error) => Verdict::fail(format!("no Fluent Bit loads it: {}", error.message())),
        }
    }

    fn plan<'b>(&'b self, module: &'b Compiled, frees: bool) -> Plan<'b> {
        Plan {
            engines: self.context.engines,
            module,
            function: self.function,
            own_pair: self.own_pair,
            of_wasi: self.of_wasi,
            dir: self.dir.path(),
            options: &self.context.options.host,
            frees,
        }
    }

    fn open(&self, frees: bool) -> anyhow::Result<Guest> {
        let compiled = self.compiled.as_ref().map_err(|error| anyhow::anyhow!(brief(error)))?;
        Guest::start(&self.plan(compiled, frees))
    }

    fn refusal(&self) -> Verdict {
        let Some(label) = &self.label else {
            return Verdict::skip("the module does not say which filter it is: its config file has no name");
        };
        let refused = || -> anyhow::Result<Verdict> {
            let dir = tempfile::tempdir()?;
            guest::write_config(dir.path(), label, "{")?;
            let compiled = self.compiled.as_ref().map_err(|error| anyhow::anyhow!(brief(error)))?;
            let plan = Plan { dir: dir.path(), ..self.plan(compiled, true) };
            Ok(match Guest::start(&plan) {
                Ok(_) => Verdict::warn("it starts with the config `{` as if that were right"),
                Err(error) if error.downcast_ref::<Exited>().is_some() => Verdict::pass(brief(&error)),
                Err(error) => Verdict::fail(brief(&error)),
            })
        };
        refused().unwrap_or_else(|error| Verdict::skip(brief(&error)))
    }

    /// The pair gives memory of its own, for tags and records of all sizes.
    fn allocator(&self) -> Verdict {
        if !self.own_pair {
            let have: Vec<String> = ["malloc", "free"]
                .into_iter()
                .filter_map(|name| Some(format!("`{name}` is {}", self.module.function(name)?)))
                .collect();
            let have = if have.is_empty() { "neither is exported".to_owned() } else { have.join(", ") };
            return Verdict::warn(format!("{have}: records of more than some 7 KiB arrive as pointer 0"));
        }
        let run = || -> anyhow::Result<Option<String>> {
            let mut guest = self.open(true)?;
            // Three times: what was freed is used again.
            for _ in 0..3 {
                for size in [1, 2, 13, 64, 1_000, 8_191, 70_000, 1 << 20] {
                    let (tag, record) = (guest.malloc(12)?, guest.malloc(size)?);
                    let inside = |at: u32, size: u32| {
                        at != 0 && u64::from(at) + u64::from(size) <= guest.memory_size() as u64
                    };
                    if !inside(tag, 12) || !inside(record, size) {
                        return Ok(Some(format!(
                            "malloc({size}) gives {record:#x}, which is no room for it"
                        )));
                    }
                    if tag < record.saturating_add(size) && record < tag.saturating_add(12) {
                        return Ok(Some(format!(
                            "malloc(12) gives {tag:#x} and malloc({size}) after it {record:#x}: they overlap"
                        )));
                    }
                    guest.put(tag, b"conformance");
                    guest.put(record, &vec![b'x'; size as usize - 1]);
                    for at in [tag, record] {
                        guest.free(at)?;
                    }
                }
            }
            Ok(None)
        };
        match run() {
            Ok(None) => Verdict::pass("malloc and free, for 1 byte to 1 MiB"),
            Ok(Some(wrong)) => Verdict::fail(wrong),
            Err(error) => Verdict::fail(brief(&error)),
        }
    }

    fn null_record(&self) -> Verdict {
        const LENGTH: u32 = 70_008;
        let run = || -> anyhow::Result<Answer> {
            let mut guest = self.open(true)?;
            guest.call((0, 11), (0, LENGTH))
        };
        let seldom = if self.own_pair { "; rare, as it has an allocator" } else { "" };
        let wrong = |text: String| {
            let text = format!("pointer 0 with length {LENGTH}: {text}{seldom}");
            if self.own_pair { Verdict::warn(text) } else { Verdict::fail(text) }
        };
        match run() {
            Err(error) => wrong(brief(&error)),
            Ok(Answer::Null) => wrong("the result is a null pointer".to_owned()),
            Ok(Answer::Unterminated(_)) => wrong("no NUL follows the result".to_owned()),
            Ok(Answer::Text(text)) if !super::component::is_object(&text) => {
                wrong("the result is no JSON object".to_owned())
            }
            Ok(Answer::Text(text)) => Verdict::pass(String::from_utf8_lossy(&text[..text.len().min(120)])),
        }
    }

    fn leaking_host(&self) -> Verdict {
        let mut driver = match self.open(false) {
            Ok(guest) => guest,
            Err(error) => return Verdict::fail(brief(&error)),
        };
        let records = self.context.options.records;
        match behaviour::growth(&mut driver, &self.samples, records) {
            Err((at, fault)) => {
                Verdict::warn(format!("record {at} where the host does not free: {}", fault.text))
            }
            Ok(growth) if growth.lost > 0 => {
                Verdict::warn(format!("{} of {} are lost", growth.lost, growth.text()))
            }
            Ok(growth) if growth.grows() => Verdict::warn(growth.text()),
            Ok(growth) => Verdict::pass(growth.text()),
        }
    }

    /// Whether a record gets into the module at all.
    fn fits(&self, sample: &Sample) -> bool {
        self.own_pair || sample.body.len() < HEAP_BYTES as usize / 2
    }

    /// What is left of records that get in.
    fn fitting(&self, records: Vec<Named>) -> Vec<Named> {
        records.into_iter().filter(|named| self.fits(&named.sample)).collect()
    }
}

impl super::Suite for Suite<'_> {
    fn run(&mut self, check: &str) -> Verdict {
        let (options, samples) = (self.context.options, &self.samples);
        match check {
            "exports" => self.exports(),
            "imports" => self.imports(),
            "features" => self.features(),
            "start" => match self.start() {
                Ok(_) => self.context.started(),
                Err(error) => Verdict::fail(error.text),
            },
            "refusal" => self.refusal(),
            "allocator" => self.allocator(),
            "result" => behaviour::result(self, samples),
            "null-record" => self.null_record(),
            "stack" => depth::check(self),
            "hostile" | "malformed" => {
                let hostile = check == "hostile";
                let records = self.fitting(if hostile { corpus::hostile() } else { corpus::malformed() });
                let mut hung = self.hangs;
                let verdict = behaviour::survives(self, &records, hostile, &mut hung);
                self.hangs = hung;
                verdict
            }
            "poison" if self.hangs => Verdict::skip("there are records that it does not come back from"),
            "poison" => behaviour::poison(self, samples),
            "determinism" => behaviour::determinism(self, samples),
            // Fluent Bit makes a record of the result, and JSON of that: spellings are lost anyway.
            "untouched" => behaviour::untouched(self, false),
            "idempotence" => behaviour::idempotence(self, samples, options),
            "memory" => behaviour::memory(self, samples, options.records),
            "leaking-host" => self.leaking_host(),
            other => Verdict::skip(format!("no check of Fluent Bit modules is called {other}")),
        }
    }
}

impl Subject for Suite<'_> {
    fn start(&self) -> Result<Box<dyn Driver>, Fault> {
        Ok(Box::new(self.open(true)?))
    }

    fn outlives_traps(&self) -> bool {
        true
    }
}

fn as_record(sample: &Sample) -> Sample {
    match sample.encoding {
        Encoding::Json => sample.clone(),
        Encoding::Text => {
            let mut record = Vec::new();
            text_wrap::wrap(&sample.body, &mut record);
            Sample::json(record)
        }
    }
}
