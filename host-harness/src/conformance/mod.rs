//! Whether an artifact does what its host expects of it, be it ours or a stranger's.
//!
//! [`check`] goes through the [`catalogue`] in order. What the artifact is made of is read from
//! its bytes; what it does is seen by running it on Wasmtime as its host would. A trap, or a
//! call that does not come back, is an outcome of a check and never an error of this module.
//!
//! - [`fluent_bit`], [`component`] and [`proxy_wasm`] know one ABI each, [`behaviour`] none;
//! - [`stack`] works out what Fluent Bit's interpreter needs;
//! - [`corpus`] has the records, [`report`] and its neighbours the ways to print.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::host::{Engines, HostKind, HostOptions};

mod behaviour;
pub mod catalogue;
mod component;
mod corpus;
mod driver;
mod fluent_bit;
mod junit;
mod module;
mod proxy_wasm;
pub mod report;
mod spelling;
mod stack;
mod wasi;

use catalogue::{CHECKS, Check};
pub use corpus::Sample;
pub use junit::junit;
use module::{Entity, Module, Signature};
use report::{Report, Verdict};

/// What to check with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The config to start with; empty for the filter's defaults.
    pub config: String,
    /// Records to use instead of the built-in ones.
    pub samples: Vec<Sample>,
    /// How many records the memory checks send.
    pub records: usize,
    /// Whether filtering twice must be the same as once.
    pub idempotent: bool,
    /// Only these checks; all if empty.
    pub only: Vec<String>,
    /// All but these checks.
    pub skip: Vec<String>,
    /// Limits, and where relative key files start.
    pub host: HostOptions,
}

impl Default for Options {
    fn default() -> Self {
        let ten_seconds = Duration::from_secs(10);
        Self {
            config: String::new(),
            samples: Vec::new(),
            records: 100_000,
            idempotent: false,
            only: Vec::new(),
            skip: Vec::new(),
            host: HostOptions {
                init_timeout: ten_seconds,
                call_timeout: ten_seconds,
                // What a guest says while it is mistreated is noise.
                diagnostics: std::sync::Arc::new(|_, _, _| {}),
                ..HostOptions::default()
            },
        }
    }
}

/// What is checked.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// What reports call it.
    pub name: String,
    /// Its bytes.
    pub wasm: Vec<u8>,
    /// The host it is for.
    pub kind: HostKind,
    /// The function that Fluent Bit calls.
    pub function: Option<String>,
}

/// What Fluent Bit passes: tag, its length, seconds, nanoseconds, record, its length; and gets.
fn fluent_bit_signature() -> Signature {
    Signature::words(6, 1)
}

impl Artifact {
    /// Tell what host an artifact is for, from its exports, and which function Fluent Bit would
    /// call. `host` and `function` are what the user says about it.
    ///
    /// # Errors
    /// When the bytes are no valid WebAssembly, or their host cannot be told.
    pub fn new(
        name: &str,
        wasm: Vec<u8>,
        host: Option<HostKind>,
        function: Option<&str>,
    ) -> anyhow::Result<Self> {
        let report = crate::inspect::inspect(&wasm)?;
        let is_component = report.encoding == "component";
        let kind = match (host, is_component) {
            (Some(HostKind::Native), _) => {
                bail!("the native host has no artifact: give --host component, fluent-bit or proxy-wasm")
            }
            (Some(HostKind::Component) | None, true) => HostKind::Component,
            (Some(other), true) => bail!("this is a component, not a module for {other}: leave --host out"),
            (Some(HostKind::Component), false) => bail!("this is a core module, not a component"),
            (Some(kind), false) => kind,
            (None, false) => told_by_exports(&Module::read(&wasm)?, function)?,
        };
        let function = match kind {
            HostKind::FluentBit => Some(function_name(&Module::read(&wasm)?, function)?),
            _ => {
                ensure!(function.is_none(), "--function names what Fluent Bit calls, this is for {kind}");
                None
            }
        };
        Ok(Self { name: name.to_owned(), wasm, kind, function })
    }
}

fn told_by_exports(module: &Module, function: Option<&str>) -> anyhow::Result<HostKind> {
    if module
        .exports
        .keys()
        .any(|name| name.starts_with("proxy_abi_version_") || name.starts_with("proxy_on_"))
    {
        return Ok(HostKind::ProxyWasm);
    }
    let callable = module.exports.values().any(|e| *e == Entity::Func(fluent_bit_signature()));
    if function.is_some() || callable || module.function("filter").is_some() {
        return Ok(HostKind::FluentBit);
    }
    bail!(
        "this module is for no host known here: a proxy-wasm module exports `proxy_abi_version_0_2_1`, \
         one for Fluent Bit a function of six i32 that gives an i32; --host says which it should be"
    )
}

/// The function that Fluent Bit is to call. A missing or wrong one is for a check to say.
fn function_name(module: &Module, asked: Option<&str>) -> anyhow::Result<String> {
    if let Some(asked) = asked {
        return Ok(asked.to_owned());
    }
    if module.function("filter").is_some() {
        return Ok("filter".to_owned());
    }
    let signature = Entity::Func(fluent_bit_signature());
    let fitting: Vec<&str> =
        module.exports.iter().filter(|(_, e)| **e == signature).map(|(n, _)| n.as_str()).collect();
    match fitting.as_slice() {
        [] => Ok("filter".to_owned()),
        [one] => Ok((*one).to_owned()),
        several => {
            bail!("several functions fit Fluent Bit: name one with --function: {}", several.join(", "))
        }
    }
}

/// Check that names of checks are names of checks.
///
/// # Errors
/// When one is not, with the nearest that is.
pub fn known(names: &[String]) -> anyhow::Result<()> {
    for name in names {
        if CHECKS.iter().any(|check| check.name == name) {
            continue;
        }
        let nearest = CHECKS.iter().map(|c| c.name).find(|known| {
            known.starts_with(name.as_str()) || name.starts_with(known) || known.contains(name.as_str())
        });
        let hint = nearest.map(|n| format!("did you mean '{n}'? ")).unwrap_or_default();
        bail!("no check is called '{name}'; {hint}--list has them all");
    }
    Ok(())
}

/// What every check can look at.
struct Context<'a> {
    artifact: &'a Artifact,
    options: &'a Options,
    engines: &'a Engines,
    samples: Vec<Sample>,
}

impl Context<'_> {
    /// That it started.
    fn started(&self) -> Verdict {
        let defaults = self.options.config.trim_ascii().is_empty();
        Verdict::pass(if defaults { "with its defaults" } else { "with the given config" })
    }
}

/// The checks of one ABI.
trait Suite {
    fn run(&mut self, check: &str) -> Verdict;
}

/// Go through all checks that apply. `progress` hears the name of each before it runs.
///
/// # Errors
/// When this machine cannot do what checks need, such as a directory for a config; never
/// because of the artifact.
pub fn check(
    artifact: &Artifact,
    options: &Options,
    engines: &Engines,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<Report> {
    known(&options.only)?;
    known(&options.skip)?;
    let samples = if options.samples.is_empty() { corpus::samples() } else { options.samples.clone() };
    let context = Context { artifact, options, engines, samples };
    let mut suite: Box<dyn Suite + '_> = match artifact.kind {
        HostKind::Native => bail!("the native host has no artifact"),
        HostKind::Component => Box::new(component::Suite::new(&context)?),
        HostKind::FluentBit => {
            Box::new(fluent_bit::Suite::new(&context).context("cannot prepare the checks")?)
        }
        HostKind::ProxyWasm => Box::new(proxy_wasm::Suite::new(&context)?),
    };
    let mut report = Report::new(artifact);
    let asked = |check: &&Check| options.only.is_empty() || options.only.iter().any(|n| n == check.name);
    for check in CHECKS.iter().filter(|c| c.hosts.contains(&artifact.kind)).filter(asked) {
        let started = Instant::now();
        let verdict = match not_run(check, options, &report, artifact.kind) {
            Some(reason) => Verdict::skip(reason),
            None => {
                progress(check.name);
                suite.run(check.name)
            }
        };
        report.add(check, verdict, started.elapsed());
    }
    Ok(report)
}

/// Why a check does not run.
fn not_run(check: &Check, options: &Options, report: &Report, host: HostKind) -> Option<String> {
    if options.skip.iter().any(|n| n == check.name) {
        return Some("left out with --skip".to_owned());
    }
    catalogue::needs(check, host).find_map(|needed| report.why_not(needed))
}
