//! `tamis audit`: what is in logs that should not be there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use anyhow::{Context, anyhow};
use asynq_payload_redactor::{AsynqPayloadRedactor, config::Config};
use clap::ValueEnum;
use tamis_sdk::{Filter, config};

use super::{
    Failure,
    output::{self, Extra, FailOn, Named, Scanned, colour, first_of, operands, progress},
};
use crate::{
    audit::{self, Baseline, Options, Report, Style, baseline, pool::Progress, sarif::sarif, walk},
    input::InputMode,
    keys,
};

const AFTER_HELP: &str = "\
Directories are read with all that is below them: rotated files, gzip and zstd too; files that \
are no text are left out, and the report says so. Without a path, standard input is read.

Values are never shown: letters become *, digits become #, and of 8 or more characters the first \
and the last stay if they are letters.

Exit codes:
  0  nothing found, or nothing that --fail-on or --baseline count
  1  findings
  2  bad usage, a refused config, or not all could be scanned (the rest was)

Examples:
  tamis audit /var/log/worker
  tamis audit --format html --output report.html logs/ --exclude '*.gz'
  tamis audit --report sarif=audit.sarif --fail-on high logs/
  tamis audit --write-baseline known.json logs/  # then, to see what is new:
  tamis audit --baseline known.json logs/
  tamis run asynq-payload-redactor worker.log | tamis audit -";

/// Find payloads, personal data and secrets in logs.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Files and directories; - is standard input.
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,

    /// Config of the filter asynq-payload-redactor: allow-lists, names, detectors.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the report here instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write another report: text, json, sarif or html; can be given several times.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = Extra::<Format>::parse)]
    report: Vec<Extra<Format>>,

    /// Findings that are known already: they are not counted.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write a baseline that knows all that is found now, and exit with 0.
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,

    /// Exit with 1 if something as severe as this is found.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    fail_on: FailOn,

    /// Occurrences that are shown per finding.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=100))]
    sample: u16,

    /// What the lines are; auto asks the first line of each file that is not blank.
    #[arg(long, value_enum, default_value = "auto")]
    input: Input,

    #[command(flatten)]
    scanned: Scanned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: docs/audit.md.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One page with charts.
    Html,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Input {
    Auto,
    Text,
    Json,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let outputs = outputs(&args).map_err(Failure::Usage)?;
    let options = options(&args).map_err(Failure::Usage)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose().map_err(Failure::Usage)?;
    let paths = operands(&args.paths, "scan", "audit").map_err(Failure::Usage)?;
    let walked = walk::walk(&paths, &args.scanned.limits(&outputs));
    let bar = progress(walked.inputs.iter().map(|i| i.bytes).sum());
    let told = bar.clone();
    let report = audit::audit(walked, &options, &(Arc::new(move |bytes| told.inc(bytes)) as Progress));
    bar.finish_and_clear();
    let mut report = report.map_err(|e| Failure::Usage(e.into()))?;
    if let Some(baseline) = &baseline {
        report.apply(baseline);
    }
    write_all(&args, &report).map_err(Failure::Usage)?;
    verdict(&args, &report)
}

/// What will be written, if that can be done.
fn outputs(args: &Args) -> anyhow::Result<Vec<Named<'_>>> {
    let mut outputs = output::reports(args.output.as_deref(), &args.report);
    // What a baseline knows may go back to where it was read.
    let known: Vec<&Path> = args.baseline.iter().map(PathBuf::as_path).collect();
    output::check(&outputs, &known)?;
    outputs.extend(args.write_baseline.iter().map(|path| ("--write-baseline", path.as_path())));
    let read = args.paths.iter().map(Path::new).chain(args.config.as_deref());
    output::check(&outputs, &read.collect::<Vec<_>>())?;
    Ok(outputs)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let (config, base_dir) = match &args.config {
        None => (Config::default(), None),
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the config {}", path.display()))?;
            let config: Config = config::parse(&text).with_context(|| path.display().to_string())?;
            (config, path.parent().filter(|p| !p.as_os_str().is_empty()))
        }
    };
    let secret = match AsynqPayloadRedactor::key_config(&config) {
        None => None,
        Some(section) => Some(
            keys::resolve(section, base_dir).map_err(|e| anyhow!("config $.key{}: {}", e.path, e.message))?,
        ),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Ok(Options {
        config,
        secret,
        mode: match args.input {
            Input::Auto => InputMode::Auto,
            Input::Text => InputMode::Text,
            Input::Json => InputMode::Json,
        },
        samples: args.sample.into(),
        threads: args.scanned.threads(cores),
    })
}

fn read_baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the baseline {}", path.display()))?;
    Baseline::read(&text).with_context(|| format!("the baseline {}", path.display()))
}

fn write_all(args: &Args, report: &Report) -> anyhow::Result<()> {
    for Extra { format, path } in &args.report {
        output::write(Some(path), render(report, *format, Style { colour: colour(Some(path)) })?)?;
    }
    if let Some(path) = &args.write_baseline {
        output::write(Some(path), baseline::write(report)?)?;
    }
    let path = args.output.as_deref();
    output::write(path, render(report, args.format, Style { colour: colour(path) })?)
}

fn render(report: &Report, format: Format, style: Style) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => audit::text(report, style),
        Format::Json => report.json()?,
        Format::Sarif => serde_json::to_string_pretty(&sarif(report))? + "\n",
        Format::Html => audit::html(report),
    })
}

fn verdict(args: &Args, report: &Report) -> Result<(), Failure> {
    if let Some(first) = first_of(&report.errors) {
        return Err(Failure::Usage(anyhow!("could not scan {first}")));
    }
    let Some(limit) = args.fail_on.severity() else { return Ok(()) };
    if args.write_baseline.is_none() && report.reaches(limit) { Err(Failure::Findings) } else { Ok(()) }
}
