//! Components of `tamis:log-filter`.

use anyhow::Context as _;

use super::{
    Context, behaviour,
    corpus::{self, Sample},
    driver::{Driver, Fate, Fault, Subject, TAG, brief},
    report::Verdict,
};
use crate::host::{
    Action, Batch, Encoding, Host, Outcome, Refused,
    component::{self, Ready},
};

pub(super) struct Suite<'a> {
    context: &'a Context<'a>,
    /// Compiled and linked, if that can be done.
    ready: anyhow::Result<Ready>,
    schema: Option<String>,
}

impl<'a> Suite<'a> {
    pub fn new(context: &'a Context<'a>) -> anyhow::Result<Self> {
        let ready = Ready::new(context.engines, &context.artifact.wasm);
        Ok(Self { context, ready, schema: None })
    }

    fn exports(&self) -> Verdict {
        match component::check_exports(self.context.engines, &self.context.artifact.wasm) {
            Ok(()) => Verdict::pass("lifecycle and filter of tamis:log-filter@0.1.0"),
            Err(error) => Verdict::fail(brief(&error)),
        }
    }

    fn imports(&self) -> Verdict {
        match component::foreign_imports(self.context.engines, &self.context.artifact.wasm) {
            Ok(foreign) if foreign.is_empty() => Verdict::pass("nothing but tamis:log-filter/diagnostics"),
            Ok(foreign) => Verdict::fail(format!("imports {}", foreign.join(", "))),
            Err(error) => Verdict::fail(brief(&error)),
        }
    }

    fn describe(&mut self) -> Verdict {
        let described = self.ready().and_then(|ready| Ok(ready.describe(&self.context.options.host)?));
        let description = match described {
            Ok(description) => description,
            Err(error) => return Verdict::fail(error.text),
        };
        self.schema = Some(description.config_schema);
        let (name, version) = (description.name, description.version);
        let bad_name = name.is_empty()
            || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            || name.starts_with('-');
        if bad_name {
            return Verdict::fail(format!("the name '{name}' is not lower-case letters, digits and hyphens"));
        }
        if !is_semver(&version) {
            return Verdict::fail(format!("the version '{version}' is not like 1.2.3"));
        }
        Verdict::pass(format!("{name} {version}"))
    }

    fn schema(&self) -> Verdict {
        let Some(schema) = &self.schema else { return Verdict::skip("`describe` was left out") };
        match serde_json::from_str::<serde_json::Value>(schema) {
            Err(error) => Verdict::fail(format!("it is not JSON: {error}")),
            Ok(serde_json::Value::Object(root)) => {
                let of_object = root.get("type").is_some_and(|ty| ty == "object")
                    || ["$ref", "properties", "allOf", "anyOf", "oneOf"]
                        .iter()
                        .any(|k| root.contains_key(*k));
                if of_object {
                    return Verdict::pass(format!("{} bytes", schema.len()));
                }
                Verdict::fail("its root does not say that a config is an object")
            }
            Ok(_) => Verdict::fail("it is not a JSON object"),
        }
    }

    fn refusal(&self) -> Verdict {
        let opened = match self.ready() {
            Ok(ready) => ready.open("{", &self.context.options.host),
            Err(error) => return Verdict::fail(error.text),
        };
        match opened {
            Ok(_) => Verdict::warn("it starts with the config `{` as if that were right"),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(Refused(words)) if words.contains(':') && !words.trim_end().ends_with(':') => {
                    Verdict::pass(words.clone())
                }
                Some(_) => Verdict::warn("it refuses the config `{` without a word"),
                None => Verdict::fail(brief(&error)),
            },
        }
    }

    fn ready(&self) -> Result<&Ready, Fault> {
        self.ready.as_ref().map_err(|error| Fault { hung: false, text: brief(error) })
    }
}

impl super::Suite for Suite<'_> {
    fn run(&mut self, check: &str) -> Verdict {
        let Context { options, samples, .. } = self.context;
        match check {
            "exports" => self.exports(),
            "imports" => self.imports(),
            "describe" => self.describe(),
            "schema" => self.schema(),
            "start" => match self.start() {
                Ok(_) => self.context.started(),
                Err(error) => Verdict::fail(error.text),
            },
            "refusal" => self.refusal(),
            "result" => behaviour::result(self, samples),
            "batches" => behaviour::batches(self, samples),
            "hostile" => behaviour::survives(self, &corpus::hostile(), true, &mut false),
            "malformed" => behaviour::survives(self, &corpus::malformed(), false, &mut false),
            "poison" => behaviour::poison(self, samples),
            "determinism" => behaviour::determinism(self, samples),
            "untouched" => behaviour::untouched(self, true),
            "idempotence" => behaviour::idempotence(self, samples, options),
            "memory" => behaviour::memory(self, samples, options.records),
            other => Verdict::skip(format!("no check of components is called {other}")),
        }
    }
}

impl Subject for Suite<'_> {
    fn start(&self) -> Result<Box<dyn Driver>, Fault> {
        let host = self.ready()?.open(&self.context.options.config, &self.context.options.host)?;
        Ok(Box::new(Running { host, outcome: Outcome::default() }))
    }
}

struct Running {
    host: Box<dyn Host>,
    outcome: Outcome,
}

impl Running {
    fn batch(&mut self, encoding: Encoding, samples: &[Sample]) -> anyhow::Result<Vec<Fate>> {
        let mut batch = Batch::new(TAG, encoding);
        for sample in samples {
            batch.push(1_700_000_000_000_000_000, &sample.body);
        }
        self.host.process(&batch, &mut self.outcome)?;
        let mut bodies = 0;
        let fates = self.outcome.actions.iter().zip(samples).map(|(action, sample)| match action {
            Action::Keep => Fate::Kept,
            Action::Drop => Fate::Dropped,
            Action::Replace | Action::ReplaceJson => {
                let body = self.outcome.body(bodies).to_vec();
                bodies += 1;
                let json = encoding == Encoding::Json || *action == Action::ReplaceJson;
                if json && !is_object(&body) && (encoding == Encoding::Text || is_object(&sample.body)) {
                    return Fate::Lost("its new body is no JSON object".to_owned());
                }
                Fate::Changed(body)
            }
        });
        Ok(fates.collect())
    }
}

impl Driver for Running {
    fn give(&mut self, sample: &Sample) -> Result<Fate, Fault> {
        let fates = self.batch(sample.encoding, std::slice::from_ref(sample))?;
        Ok(fates.into_iter().next().context("the guest broke the contract: no verdict")?)
    }

    fn give_all(&mut self, samples: &[Sample]) -> Result<Vec<Fate>, Fault> {
        let encoding = samples.first().map_or(Encoding::Json, |s| s.encoding);
        if samples.iter().any(|s| s.encoding != encoding) {
            return samples.iter().map(|sample| self.give(sample)).collect();
        }
        Ok(self.batch(encoding, samples)?)
    }

    fn memory_bytes(&mut self) -> usize {
        self.host.memory_bytes().unwrap_or_default()
    }
}

/// Whether this is one JSON object.
pub(super) fn is_object(json: &[u8]) -> bool {
    use tamis_sdk::record::{Kind, scan};
    let mut tape = Vec::new();
    scan::scan(json, &mut tape).is_ok() && tape.first().is_some_and(|root| root.kind == Kind::Object)
}

fn is_semver(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3 && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
