//! `tamis bench`: what filters cost.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Failure, Format,
    bytes::Bytes,
    configs::{self, Config},
    hosts, input,
    output::{self, STDOUT},
};
use crate::{
    bench::{
        self, Plan, Subject, chart,
        compare::{self, Comparison},
        control,
        corpus::Corpus,
        report::Report,
        sample, table,
    },
    host::{HostKind, Refused, native::builtin},
    select::Target,
};

/// How much of a file is measured on at most.
const MAX_INPUT_BYTES: u64 = 64 << 20;

const AFTER_HELP: &str = "\
Each filter is measured in each host (an artifact in its own), one thread, rounds interleaved, \
beside controls: `identity` in the same hosts does nothing to a record, `copy` is no filter at \
all. Times per record are CPU time, medians of the rounds; latencies are time on the clock, of \
calls with a batch as `tamis run` makes it (128 KiB) and of calls with one record. Compiling \
(without the cache), starting and calling are measured apart. See docs/bench.md.

Exit codes: 1 if a case is slower than --fail-if-slower allows; else as `tamis --help` says.

Examples:
  tamis bench coturn-ip-anonymizer
  tamis bench asynq-payload-redactor ./mine.wasm --input worker.jsonl.gz
  tamis bench coturn-ip-anonymizer --save main.json
  tamis bench coturn-ip-anonymizer --compare main.json --fail-if-slower 15
  tamis bench coturn-ip-anonymizer --rounds 3 --chart bench.html";

/// Measure filters: compile, start, throughput, latency, memory.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Built-in names or paths of .wasm artifacts.
    #[arg(required = true, value_name = "FILTER", value_hint = clap::ValueHint::FilePath)]
    filters: Vec<String>,

    /// Host ABI to measure built-in filters in; can be given several times [default: all].
    #[arg(long, value_parser = hosts::any())]
    host: Vec<HostKind>,

    /// The log to measure on (`-` is standard input): text or JSON lines, also gzip or zstd; at most
    /// its first 64 MiB [default: a built-in sample that suits the first filter].
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Config of the filter, or of one of several: a JSON file, or NAME=FILE.
    #[arg(long, short, value_name = "[NAME=]FILE")]
    config: Vec<String>,

    /// How often to measure; medians are shown.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Megabytes of log that go through each case in each round.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=4000))]
    mb: u64,

    /// Sizes of batches to try, in records.
    #[arg(long, value_name = "N,N...", value_delimiter = ',', default_value = "1,8,64,512",
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    sweep: Vec<u32>,

    /// How to print the figures.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Draw them: a file that ends in .svg, or in .html for a page with all figures.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,

    /// Keep this run for --compare.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Hold this run against a saved one.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,

    /// Fail if a filter takes more time per record than the saved run by this many per cent, in the
    /// median and in the fastest round.
    #[arg(long, value_name = "PERCENT", requires = "compare", value_parser = percent)]
    fail_if_slower: Option<f64>,

    /// Linear memory that one filter may have; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES", default_value = "512M")]
    memory_limit_bytes: Bytes,
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("must not be negative".to_owned()) }
}

pub(super) fn run(mut args: Args) -> Result<(), Failure> {
    let targets = args.filters.iter().map(|f| Target::find(f)).collect::<anyhow::Result<Vec<_>>>();
    let targets = targets.map_err(Failure::start)?;
    let configs = configs::of(&args.config, &targets).map_err(Failure::start)?;
    args.sweep.sort_unstable();
    args.sweep.dedup();
    look_at_outputs(&args, &configs).map_err(Failure::start)?;
    let (name, corpus) = corpus(&args, &targets[0])?;
    let then = match &args.compare {
        Some(path) => Some(saved(path, &corpus, &name).map_err(Failure::start)?),
        None => None,
    };

    let identity = Target::find("identity").map_err(Failure::Usage)?;
    let mut subjects = Vec::new();
    for ((target, label), config) in targets.iter().zip(&args.filters).zip(&configs) {
        for host in hosts(target, &args.host).map_err(Failure::Usage)? {
            subjects.push(Subject {
                label: label.clone(),
                target: Some(target),
                host,
                config: &config.text,
                config_base_dir: config.base_dir(),
                control: matches!(target, Target::Builtin { name: "identity" }),
            });
        }
    }
    let controls = controls(&identity, &subjects);
    subjects.splice(0..0, controls);
    if let Some(i) = (1..subjects.len()).find(|&i| subjects[..i].iter().any(|s| same(s, &subjects[i]))) {
        let twice = anyhow!("'{}' on {} is given twice", subjects[i].label, subjects[i].host);
        return Err(Failure::Usage(twice));
    }

    let plan = Plan {
        rounds: args.rounds,
        bytes: args.mb * 1_000_000,
        sweep: args.sweep.clone(),
        memory_limit_bytes: args.memory_limit_bytes.in_memory(),
    };
    let bar = progress();
    let done =
        bench::run(&plan, &corpus, &name, &subjects, &mut |share| bar.set_position((share * 1000.0) as u64));
    bar.finish_and_clear();
    let report = done.map_err(|error| {
        let refused = error.downcast_ref::<Refused>().is_some();
        if refused { Failure::Usage(error) } else { Failure::Guest(error) }
    })?;
    let comparison = then.map(|then| compare::compare(&then, &report, args.fail_if_slower));
    write(&args, &report, comparison.as_ref()).map_err(Failure::Io)?;
    print(&args, &report, comparison.as_ref())?;
    if comparison.is_some_and(|found| found.slower) { Err(Failure::Findings) } else { Ok(()) }
}

fn same(a: &Subject<'_>, b: &Subject<'_>) -> bool {
    a.label == b.label && a.host == b.host
}

/// Where a filter is measured.
fn hosts(target: &Target, asked: &[HostKind]) -> anyhow::Result<Vec<HostKind>> {
    match target {
        Target::Builtin { .. } if asked.is_empty() => Ok(HostKind::ALL.to_vec()),
        Target::Builtin { .. } => {
            let mut hosts = asked.to_vec();
            hosts.sort_unstable();
            hosts.dedup();
            Ok(hosts)
        }
        // An artifact has one host, whatever the built-in filters beside it are measured in.
        Target::Artifact { kind, .. } if asked.contains(kind) => Ok(vec![*kind]),
        Target::Artifact { .. } => Ok(vec![target.host(asked.first().copied())?]),
    }
}

/// What every run has beside its filters: the copy, and identity in each of their hosts.
fn controls<'a>(identity: &'a Target, subjects: &[Subject<'_>]) -> Vec<Subject<'a>> {
    let control = |label: &str, target, host| Subject {
        label: label.to_owned(),
        target,
        host,
        config: "",
        config_base_dir: None,
        control: true,
    };
    let mut controls = vec![control(control::NAME, None, HostKind::Native)];
    for host in HostKind::ALL {
        let wanted = subjects.iter().any(|s| s.host == host);
        let there = subjects.iter().any(|s| s.host == host && s.label == identity.name());
        if wanted && !there {
            controls.push(control(identity.name(), Some(identity), host));
        }
    }
    controls
}

fn corpus(args: &Args, first: &Target) -> Result<(String, Corpus), Failure> {
    let Some(path) = &args.input else {
        let label = match first {
            Target::Artifact { wasm, .. } => tamis_pack::Label::read(wasm).ok().flatten(),
            Target::Builtin { .. } => None,
        };
        let filter = label.map_or_else(|| first.name().to_owned(), |label| label.name);
        let (name, bytes) = sample::of(&filter);
        let corpus = Corpus::new(bytes.to_vec()).map_err(Failure::Usage)?;
        return Ok((name.to_owned(), corpus));
    };
    let shown = path.display();
    let log = input::open(path).with_context(|| format!("cannot read {shown}")).map_err(Failure::Io)?;
    let corpus = Corpus::read_from(log, MAX_INPUT_BYTES);
    let corpus = corpus.with_context(|| format!("cannot measure on {shown}")).map_err(Failure::Io)?;
    // Where it lies says nothing about it, and is nobody's business in a report.
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok((name, corpus))
}

fn saved(path: &Path, corpus: &Corpus, name: &str) -> anyhow::Result<Report> {
    let file = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the saved run {file}"))?;
    let then = compare::parse(&text).with_context(|| format!("{file} cannot be compared with"))?;
    compare::check_input(&then, &bench::input(corpus, name))
        .with_context(|| format!("{file} cannot be compared with"))?;
    Ok(then)
}

/// Find out before minutes are spent that there is nowhere to write to.
fn look_at_outputs(args: &Args, configs: &[Config]) -> anyhow::Result<()> {
    if let Some(chart) = &args.chart {
        chart_kind(chart)?;
    }
    // The figures themselves go there.
    let mut outputs = vec![("the figures", Path::new(STDOUT))];
    outputs.extend(args.save.iter().map(|path| ("--save", path.as_path())));
    outputs.extend(args.chart.iter().map(|path| ("--chart", path.as_path())));
    let mut inputs: Vec<&Path> =
        args.filters.iter().filter(|f| builtin(f).is_none()).map(Path::new).collect();
    inputs.extend(args.input.as_deref());
    inputs.extend(configs.iter().filter_map(|config| config.path.as_deref()));
    output::check(&outputs, &inputs)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChartKind {
    Svg,
    Html,
}

fn chart_kind(path: &Path) -> anyhow::Result<ChartKind> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("svg") => Ok(ChartKind::Svg),
        Some("html" | "htm") => Ok(ChartKind::Html),
        _ => bail!("--chart {}: the name must end in .svg or .html", path.display()),
    }
}

fn write(args: &Args, report: &Report, comparison: Option<&Comparison>) -> anyhow::Result<()> {
    if let Some(path) = &args.save {
        output::write(Some(path), serde_json::to_string_pretty(report)? + "\n")?;
    }
    if let Some(path) = &args.chart {
        let text = match chart_kind(path)? {
            ChartKind::Svg => chart::svg(report),
            ChartKind::Html => chart::page(report, comparison),
        };
        output::write(Some(path), text)?;
    }
    Ok(())
}

fn print(args: &Args, report: &Report, comparison: Option<&Comparison>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => {
            out.write_all(table::report(report).as_bytes())?;
            if let Some(found) = comparison {
                out.write_all(table::comparison(found).as_bytes())?;
            }
        }
        Format::Json => {
            let mut json = serde_json::to_value(report).map_err(io::Error::other)?;
            if let Some(found) = comparison {
                json["comparison"] = serde_json::to_value(found).map_err(io::Error::other)?;
            }
            writeln!(out, "{json:#}")?;
        }
    }
    Ok(())
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    // Seldom enough not to be seen in the figures.
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(2));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent} % {eta} left") {
        bar.set_style(style);
    }
    bar
}
