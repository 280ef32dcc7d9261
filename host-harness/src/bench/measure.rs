//! The rounds.

use std::time::Instant;

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{
    Plan, Subject,
    clock::{median, resident, thread_cpu_time},
    control,
    corpus::{Batches, Corpus},
    hex,
    histogram::Histogram,
    report::{Case, FORMAT, Input, Machine, Output, Report, Step},
    sha256,
};
use crate::host::{self, Action, Compiled, Encoding, Engines, Host, HostKind, HostOptions, Outcome, native};
use crate::select::Target;

/// How often an artifact is compiled at most: it takes long and varies little.
const COMPILES: u32 = 3;

/// How often a filter is started.
const STARTS: u32 = 15;

/// How much of a short log is made ready at least, in bytes, so that there are full batches.
const READY_BYTES: u64 = 1 << 20;

/// How much of a long log is made ready at most, in bytes.
const MAX_READY_BYTES: u64 = 8 << 20;

/// The batches of one encoding.
struct Ready {
    encoding: Encoding,
    /// As `tamis run` makes them.
    run: Batches,
    single: Batches,
    sweep: Vec<(u32, Batches)>,
}

/// A case that is open.
struct Running<'a> {
    subject: &'a Subject<'a>,
    host: Box<dyn Host>,
    /// Which of the ready batches.
    ready: usize,
    output: Output,
    artifact_bytes: Option<u64>,
    compile_ms: Option<f64>,
    start_us: f64,
    rss_growth_bytes: Option<u64>,
    ns_per_record: Vec<f64>,
    sweep: Vec<Vec<f64>>,
    batch: Histogram,
    record: Histogram,
}

/// Measure all subjects on a log. `progress` hears how much of all is done.
///
/// # Errors
/// [`crate::host::Refused`] when a filter does not accept its config; else when one cannot be
/// compiled or fails.
pub fn run(
    plan: &Plan,
    corpus: &Corpus,
    name: &str,
    subjects: &[Subject<'_>],
    progress: &mut dyn FnMut(f64),
) -> anyhow::Result<Report> {
    let mut ready: Vec<Ready> = Vec::new();
    let mut running = Vec::with_capacity(subjects.len());
    let mut outcome = Outcome::default();
    for (i, subject) in subjects.iter().enumerate() {
        // Fluent Bit holds a line of text as a JSON record.
        let encoding = if subject.host == HostKind::FluentBit { Encoding::Json } else { corpus.encoding };
        let place = ready.iter().position(|r| r.encoding == encoding).unwrap_or_else(|| {
            ready.push(Ready::new(plan, corpus, encoding));
            ready.len() - 1
        });
        let what = || format!("filter '{}' on {}", subject.label, subject.host);
        let case = Running::open(plan, subject, place, &ready[place], &mut outcome).with_context(what)?;
        running.push(case);
        progress(0.3 * (i + 1) as f64 / subjects.len() as f64);
    }
    for round in 0..plan.rounds {
        for i in 0..running.len() {
            let place = (i + round as usize) % running.len();
            let case = &mut running[place];
            let what = || format!("filter '{}' on {}", case.subject.label, case.subject.host);
            let what = what();
            case.round(plan, &ready[case.ready], &mut outcome).context(what)?;
            let done = f64::from(round) + (i + 1) as f64 / running.len() as f64;
            progress(0.3 + 0.7 * done / f64::from(plan.rounds));
        }
    }
    let notes = notes(&running, &ready);
    let cases = running.into_iter().map(|case| case.close(&ready)).collect();
    Ok(Report {
        format: FORMAT,
        tamis: env!("CARGO_PKG_VERSION").to_owned(),
        machine: Machine {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        },
        input: input(corpus, name),
        rounds: plan.rounds,
        peak_rss_bytes: resident().map(|r| r.peak_bytes),
        cases,
        notes,
    })
}

/// What a log is, for a report.
pub(crate) fn input(corpus: &Corpus, name: &str) -> Input {
    Input {
        name: name.to_owned(),
        sha256: sha256(&corpus.bytes),
        encoding: match corpus.encoding {
            Encoding::Text => "text".to_owned(),
            Encoding::Json => "json".to_owned(),
        },
        records: corpus.records(corpus.encoding).len() as u64,
        bytes: corpus.bytes.len() as u64,
    }
}

impl Ready {
    fn new(plan: &Plan, corpus: &Corpus, encoding: Encoding) -> Self {
        let log_bytes = corpus.bytes.len() as u64;
        let records = corpus.records(encoding);
        let average = records.iter().map(|r| r.len() as u64 + 1).sum::<u64>() / records.len().max(1) as u64;
        let bytes = log_bytes.clamp(READY_BYTES, MAX_READY_BYTES).min(plan.bytes.max(1));
        // Each line once is enough for single records: they are many.
        let single = corpus.batches_of(encoding, log_bytes.min(bytes), 1);
        let of = |len: u32| {
            let len_bytes = u64::from(len) * (average + 1);
            (len, corpus.batches_of(encoding, bytes.max(2 * len_bytes), len as usize))
        };
        Self {
            encoding,
            run: corpus.batches(encoding, bytes),
            single,
            sweep: plan.sweep.iter().map(|len| of(*len)).collect(),
        }
    }
}

impl<'a> Running<'a> {
    fn open(
        plan: &Plan,
        subject: &'a Subject<'a>,
        place: usize,
        ready: &Ready,
        outcome: &mut Outcome,
    ) -> anyhow::Result<Self> {
        let options = HostOptions {
            config_base_dir: subject.config_base_dir.clone(),
            memory_limit_bytes: plan.memory_limit_bytes,
            ..HostOptions::default()
        };
        let wasm = match subject.target {
            Some(target) => target.wasm(subject.host)?,
            None => None,
        };
        let (mut compile_ms, mut compiled) = (Vec::new(), None);
        if let Some(wasm) = wasm {
            let own = matches!(subject.target, Some(Target::Builtin { .. }));
            let engines = match own && subject.host == HostKind::Component {
                true => Engines::for_builtins_uncached()?,
                false => Engines::with_cache_dir(None)?,
            };
            for _ in 0..plan.rounds.clamp(1, COMPILES) {
                let start = Instant::now();
                let code = host::compile(subject.host, &engines, wasm)?;
                compile_ms.push(start.elapsed().as_secs_f64() * 1e3);
                compiled = Some((engines.clone(), code));
            }
        }
        let start = || start(subject, compiled.as_ref(), &options);
        let mut start_us = Vec::new();
        for _ in 0..STARTS {
            let clock = Instant::now();
            let host = start()?;
            start_us.push(clock.elapsed().as_secs_f64() * 1e6);
            drop(host);
        }
        let before = resident();
        let mut host = start()?;
        let output = first_pass(host.as_mut(), &ready.run, outcome)?;
        let growth = resident().zip(before).map(|(now, then)| now.now_bytes.saturating_sub(then.now_bytes));
        // Nothing is to be warmed up any more when the clock runs.
        for (_, batches) in &ready.sweep {
            pass(host.as_mut(), batches, 0, outcome)?;
        }
        Ok(Self {
            subject,
            host,
            ready: place,
            output,
            artifact_bytes: wasm.map(|wasm| wasm.len() as u64),
            compile_ms: wasm.map(|_| median(compile_ms)),
            start_us: median(start_us),
            rss_growth_bytes: growth,
            ns_per_record: Vec::with_capacity(plan.rounds as usize),
            sweep: vec![Vec::with_capacity(plan.rounds as usize); plan.sweep.len()],
            batch: Histogram::default(),
            record: Histogram::default(),
        })
    }

    fn round(&mut self, plan: &Plan, ready: &Ready, outcome: &mut Outcome) -> anyhow::Result<()> {
        let host = self.host.as_mut();
        self.ns_per_record.push(pass(host, &ready.run, plan.bytes, outcome)?);
        for ((_, batches), times) in ready.sweep.iter().zip(&mut self.sweep) {
            times.push(pass(host, batches, plan.bytes, outcome)?);
        }
        for (batches, histogram) in [(&ready.run, &mut self.batch), (&ready.single, &mut self.record)] {
            timed(host, batches, plan.bytes, histogram, outcome)?;
        }
        Ok(())
    }

    fn close(self, ready: &[Ready]) -> Case {
        let Ready { run, .. } = &ready[self.ready];
        let ns_per_record = median(self.ns_per_record.clone());
        let record_bytes = run.line_bytes as f64 / run.records.max(1) as f64;
        let sweep = ready[self.ready].sweep.iter().zip(self.sweep);
        Case {
            filter: self.subject.label.clone(),
            host: self.subject.host.name().to_owned(),
            control: self.subject.control,
            config_sha256: sha256(self.subject.config.as_bytes()),
            artifact_bytes: self.artifact_bytes,
            compile_ms: self.compile_ms,
            start_us: self.start_us,
            ns_per_record,
            rounds_ns_per_record: self.ns_per_record,
            records_per_s: 1e9 / ns_per_record,
            mb_per_s: record_bytes * 1e3 / ns_per_record,
            sweep: sweep
                .map(|((records, _), times)| Step { records: *records, ns_per_record: median(times) })
                .collect(),
            batch_latency: self.batch.latency(),
            record_latency: self.record.latency(),
            guest_memory_bytes: self.host.memory_bytes().map(|bytes| bytes as u64),
            rss_growth_bytes: self.rss_growth_bytes,
            output: self.output,
        }
    }
}

fn start(
    subject: &Subject<'_>,
    compiled: Option<&(Engines, Compiled)>,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    match (subject.target, compiled) {
        (None, _) => Ok(Box::new(control::Copy)),
        (Some(target), None) => native::open(target.name(), subject.config, options),
        (Some(_), Some((engines, code))) => host::start(engines, code, subject.config, options),
    }
}

/// The first time through, and what comes out.
fn first_pass(host: &mut dyn Host, batches: &Batches, outcome: &mut Outcome) -> anyhow::Result<Output> {
    let (mut hash, mut changed, mut dropped) = (Sha256::new(), 0, 0);
    for batch in &batches.batches {
        host.process(batch, outcome)?;
        hash.update(&outcome.bodies);
        for action in &outcome.actions {
            match action {
                Action::Keep => {}
                Action::Replace | Action::ReplaceJson => changed += 1,
                Action::Drop => dropped += 1,
            }
        }
    }
    Ok(Output { changed, dropped, sha256: hex(&hash.finalize()) })
}

/// All batches, as often as it takes for `bytes` bytes of the log and at least once: CPU time per
/// record in nanoseconds.
fn pass(host: &mut dyn Host, batches: &Batches, bytes: u64, outcome: &mut Outcome) -> anyhow::Result<f64> {
    let times = (bytes / batches.line_bytes.max(1)).max(1);
    let start = thread_cpu_time();
    for _ in 0..times {
        for batch in &batches.batches {
            host.process(batch, outcome)?;
        }
    }
    let spent = thread_cpu_time().saturating_sub(start);
    Ok(spent.as_secs_f64() * 1e9 / (batches.records * times).max(1) as f64)
}

/// The same, with the clock read around each call.
fn timed(
    host: &mut dyn Host,
    batches: &Batches,
    bytes: u64,
    histogram: &mut Histogram,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let times = (bytes / batches.line_bytes.max(1)).max(1);
    for _ in 0..times {
        for batch in &batches.batches {
            let start = Instant::now();
            host.process(batch, outcome)?;
            histogram.add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
    Ok(())
}

/// What to know about the figures: hosts that do not agree on what a filter makes of the log, and
/// cases that do not run under the same conditions.
fn notes(running: &[Running<'_>], ready: &[Ready]) -> Vec<String> {
    let mut notes = Vec::new();
    for (i, case) in running.iter().enumerate() {
        let same_work = |other: &&Running<'_>| {
            other.subject.label == case.subject.label
                && other.subject.config == case.subject.config
                && ready[other.ready].encoding == ready[case.ready].encoding
        };
        if let Some(first) = running[..i].iter().find(same_work).filter(|first| first.output != case.output) {
            notes.push(format!(
                "{} answers otherwise on {} than on {}: their figures are for different work",
                case.subject.label, case.subject.host, first.subject.host
            ));
        }
    }
    let components = |built_in: bool| {
        running.iter().any(|case| {
            case.subject.host == HostKind::Component
                && !case.subject.control
                && matches!(case.subject.target, Some(Target::Builtin { .. })) == built_in
        })
    };
    if components(true) && components(false) {
        notes.push(
            "components from files can be interrupted and built-in ones cannot, which makes them about 15 % faster"
                .to_owned(),
        );
    }
    notes
}
