//! `tamis conformance`: does an artifact do what its host expects of it.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, ensure};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Failure, configs, hosts, input, output};
use crate::{
    artifacts,
    conformance::{
        self, Artifact, Options, Sample,
        catalogue::CHECKS,
        junit,
        report::{self, Report, Status},
    },
    host::{HostKind, HostOptions, native},
    input::{Chunk, InputMode, Lines, decode},
    select::{self, Opener},
};

/// Most records that are read from `--input`.
const MAX_SAMPLES: usize = 10_000;

/// Longer records are no samples.
const MAX_SAMPLE_BYTES: usize = 1 << 20;

const AFTER_HELP: &str = "\
A filter is a built-in name (all its artifacts are checked, or that of --host) or a file. The \
host of a file is told from its exports: a component of tamis:log-filter, a proxy-wasm module, \
or a module for Fluent Bit. Filters of others are as welcome as ours.

The artifact is run with hostile records on Wasmtime, as its host would run it. If it traps or \
does not come back, that is a failed check. It gets no network, and no files but its config.

Exit codes:
  0  every check passed, or warned, or was skipped
  1  a check failed
  2  bad usage, or a file that is no WebAssembly of a known host
  3  an input could not be read, or the report could not be written

Examples:
  tamis conformance ./filter.wasm
  tamis conformance ./filter.wasm --function go_filter --input app.jsonl
  tamis conformance coturn-ip-anonymizer --config coturn.json --idempotent
  tamis conformance build/*.wasm --format junit --output conformance.xml
  tamis conformance ./filter.wasm --only stack,memory --records 1000000
  tamis conformance --list";

/// Check that an artifact does what its host expects, be it ours or a stranger's.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(super) struct Args {
    /// Built-in names or .wasm files.
    #[arg(required_unless_present = "list", value_name = "FILTER", value_hint = clap::ValueHint::FilePath)]
    filters: Vec<String>,

    /// The host it is for [default: told from the exports].
    #[arg(long, value_parser = hosts::of_artifacts())]
    host: Option<HostKind>,

    /// Start the filter with this config.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Use these records, JSON lines or text, in place of the built-in plain ones; `-` is standard
    /// input.
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,

    /// The function that Fluent Bit calls [default: filter, or the only one that fits].
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    /// How many records the memory checks send.
    #[arg(long, value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    records: u64,

    /// Filtering twice must be the same as once: check it.
    #[arg(long)]
    idempotent: bool,

    /// How long one call may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    /// Only these checks; names with commas between.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,

    /// All but these checks.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,

    /// List the checks, with why they matter and what cures them.
    #[arg(long)]
    list: bool,

    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the report here instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: docs/conformance.md.
    Json,
    /// JUnit XML, for CI.
    Junit,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if args.list {
        let list = list(args.format, args.host).map_err(Failure::Usage)?;
        return output::write(args.output.as_deref(), list).map_err(Failure::Io);
    }
    let options = options(&args).map_err(Failure::start)?;
    let mut found = Vec::new();
    for filter in &args.filters {
        found.extend(artifacts(filter, &args).map_err(Failure::start)?);
    }
    if let Some(output) = &args.output {
        let files = args.filters.iter().filter(|f| native::builtin(f).is_none()).map(Path::new);
        let more = args.config.iter().chain(&args.input).map(PathBuf::as_path);
        let inputs: Vec<&Path> = files.chain(more).collect();
        output::check(&[("--output", output)], &inputs).map_err(Failure::start)?;
    }
    let opener = Opener::default();
    let engines = opener.engines().map_err(Failure::Guest)?;
    let bar = progress();
    let mut reports = Vec::new();
    for artifact in &found {
        let mut told = |check: &str| {
            bar.set_message(format!("{}, {}: {check}", artifact.name, artifact.kind));
        };
        let report = conformance::check(artifact, &options, engines, &mut told);
        reports.push(report.with_context(|| artifact.name.clone()).map_err(Failure::Usage)?);
    }
    bar.finish_and_clear();
    let output = args.output.as_deref();
    let text = render(&reports, args.format, output::colour(output)).map_err(|e| Failure::Io(e.into()))?;
    output::write(output, text).map_err(Failure::Io)?;
    if reports.iter().any(|r| r.count(Status::Fail) > 0) { Err(Failure::Findings) } else { Ok(()) }
}

fn options(args: &Args) -> anyhow::Result<Options> {
    conformance::known(&args.only)?;
    conformance::known(&args.skip)?;
    let config =
        args.config.as_deref().map_or_else(|| Ok(configs::Config::default()), configs::Config::read)?;
    let timeout = Duration::from_secs(args.timeout);
    Ok(Options {
        samples: args.input.as_deref().map(samples).transpose()?.unwrap_or_default(),
        records: usize::try_from(args.records)?,
        idempotent: args.idempotent,
        only: args.only.clone(),
        skip: args.skip.clone(),
        host: HostOptions {
            config_base_dir: config.base_dir(),
            init_timeout: timeout,
            call_timeout: timeout,
            // What a guest says while it is mistreated is noise.
            diagnostics: Arc::new(|_, _, _| {}),
            ..HostOptions::default()
        },
        config: config.text,
    })
}

/// The artifacts that a name on the command line means.
fn artifacts(filter: &str, args: &Args) -> anyhow::Result<Vec<Artifact>> {
    if let Some(builtin) = native::builtin(filter) {
        let foreign = args.function.is_some() && args.host.is_some_and(|host| host != HostKind::FluentBit);
        ensure!(!foreign, "--function names what Fluent Bit calls: leave it out or give --host fluent-bit");
        let all = artifacts::ALL.iter().filter(|a| a.filter == builtin.name);
        let asked = all.filter(|a| args.host.is_none_or(|host| host == a.kind));
        let found = asked.map(|a| Artifact {
            name: a.filter.to_owned(),
            wasm: a.wasm.to_vec(),
            kind: a.kind,
            function: (a.kind == HostKind::FluentBit)
                .then(|| args.function.clone().unwrap_or_else(|| "filter".to_owned())),
        });
        return Ok(found.collect());
    }
    let wasm = select::read(filter)?;
    let name = Path::new(filter).file_name().map_or(filter.into(), |n| n.to_string_lossy());
    let artifact = Artifact::new(&name, wasm, args.host, args.function.as_deref());
    Ok(vec![artifact.with_context(|| filter.to_owned())?])
}

/// The records of a file, as many as are good for a sample.
fn samples(path: &Path) -> anyhow::Result<Vec<Sample>> {
    let cannot = || format!("cannot read {}", path.display());
    let decoded = input::open(path).and_then(decode::decode).with_context(cannot)?;
    let mut lines = Lines::new(decoded.reader, InputMode::Auto, MAX_SAMPLE_BYTES, true);
    let mut chunk = Chunk::new("");
    let mut samples = Vec::new();
    while samples.len() < MAX_SAMPLES && lines.next_chunk(&mut chunk).with_context(cannot)? {
        let batch = &chunk.batch;
        let room = MAX_SAMPLES - samples.len();
        samples.extend(
            (0..batch.len())
                .take(room)
                .map(|i| Sample { encoding: batch.encoding, body: batch.body(i).to_vec() }),
        );
    }
    if samples.is_empty() {
        return Err(io::Error::other("it holds no record")).with_context(cannot);
    }
    Ok(samples)
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn render(reports: &[Report], format: Format, colour: bool) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match format {
        Format::Text => report::text(reports, colour, &mut text)?,
        Format::Junit => junit(reports, &mut text)?,
        Format::Json => {
            let total = |status| reports.iter().map(|r| r.count(status)).sum::<usize>();
            let json = serde_json::json!({
                "passed": total(Status::Pass), "failed": total(Status::Fail),
                "warnings": total(Status::Warn), "skipped": total(Status::Skip),
                "artifacts": reports,
            });
            writeln!(text, "{json:#}")?;
        }
    }
    Ok(text)
}

fn list(format: Format, host: Option<HostKind>) -> anyhow::Result<Vec<u8>> {
    let checks: Vec<_> = CHECKS.iter().filter(|c| host.is_none_or(|host| c.hosts.contains(&host))).collect();
    let mut text = Vec::new();
    match format {
        Format::Junit => return Err(anyhow!("--list prints text or json")),
        Format::Json => writeln!(text, "{:#}", serde_json::to_value(&checks)?)?,
        Format::Text => {
            for check in checks {
                let hosts: Vec<&str> = check.hosts.iter().map(|h| h.name()).collect();
                writeln!(text, "{} ({})\n  {}", check.name, hosts.join(", "), check.about)?;
                writeln!(text, "  why:  {}\n  cure: {}", check.why, check.cure)?;
            }
        }
    }
    Ok(text)
}
