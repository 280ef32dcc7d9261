//! `tamis audit`: what is in logs that should not be there.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    thread,
};

use anyhow::{Context, anyhow};
use asynq_payload_redactor::{AsynqPayloadRedactor, config::Config};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tamis_detectors::Severity;
use tamis_sdk::{Filter, config};

use super::Failure;
use crate::{
    audit::{
        self, Baseline, Options, Report, Style, baseline,
        glob::Glob,
        pool::Progress,
        sarif::sarif,
        walk::{self, Limits},
    },
    input::InputMode,
    keys,
};

/// Below this, a scan is over before a progress bar is read.
const PROGRESS_FROM_BYTES: u64 = 64 << 20;

const AFTER_HELP: &str = "\
Directories are read with all that is below them: rotated files, gzip and zstd too; files that are
no text are left out, and the report says so. Without a path, standard input is read.

Values are never shown: letters become *, digits become #, and of 8 or more characters the first
and the last stay if they are letters.

Exit codes:
  0  nothing found, or nothing that --fail-on or --baseline count
  1  findings
  2  bad usage, a refused config, or something could not be scanned (the rest was)

Examples:
  tamis audit /var/log/worker
  tamis audit --format html --output report.html logs/ --exclude '*.gz'
  tamis audit --report sarif=audit.sarif --report json=audit.json --fail-on high logs/
  tamis audit --write-baseline known.json logs/ && tamis audit --baseline known.json logs/
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

    /// Write the report here instead of to standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write another report: text, json, sarif or html.
    #[arg(long, value_name = "FORMAT=FILE")]
    report: Vec<Extra>,

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

    /// Threads that scan [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Leave out files and directories: names (*.gz), or paths below an operand (old/**).
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Leave out larger files, as in 500M; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES")]
    max_file_size: Option<Bytes>,
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
enum FailOn {
    Low,
    Medium,
    High,
    Critical,
    Never,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Input {
    Auto,
    Text,
    Json,
}

/// `--report FORMAT=FILE`.
#[derive(Debug, Clone)]
struct Extra {
    format: Format,
    path: PathBuf,
}

impl FromStr for Extra {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').ok_or("write FORMAT=FILE, such as sarif=audit.sarif")?;
        let format = Format::from_str(format, true)
            .map_err(|_| format!("'{format}' is no format: text, json, sarif or html"))?;
        Ok(Self { format, path: path.into() })
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
struct Bytes(u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            unit => return Err(format!("'{unit}' is no unit: k, M or G")),
        };
        let number: u64 =
            digits.parse().map_err(|_| format!("'{text}' is no number of bytes, such as 500M"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("'{text}' is too much"))
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let options = options(&args).map_err(Failure::Usage)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose().map_err(Failure::Usage)?;
    let mut paths = args.paths.clone();
    if paths.is_empty() {
        if io::stdin().is_terminal() {
            let words = "name a file or a directory, or pipe a log into it: see `tamis audit --help`";
            return Err(Failure::Usage(anyhow!("nothing to scan: {words}")));
        }
        paths.push("-".to_owned());
    }
    let limits = Limits {
        exclude: args.exclude.iter().map(|g| Glob::new(g)).collect(),
        max_file_bytes: args.max_file_size.map(|b| b.0),
    };
    let walked = walk::walk(&paths, &limits);
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
        threads: args.threads.map_or(cores, usize::from),
    })
}

fn read_baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the baseline {}", path.display()))?;
    Baseline::read(&text).with_context(|| format!("the baseline {}", path.display()))
}

fn progress(total: u64) -> ProgressBar {
    if total < PROGRESS_FROM_BYTES || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

fn write_all(args: &Args, report: &Report) -> anyhow::Result<()> {
    for Extra { format, path } in &args.report {
        write_file(path, &render(report, *format, Style::default())?)?;
    }
    if let Some(path) = &args.write_baseline {
        write_file(path, &baseline::write(report)?)?;
    }
    if let Some(path) = &args.output {
        return write_file(path, &render(report, args.format, Style::default())?);
    }
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let text = render(report, args.format, Style { colour })?;
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough; the verdict stands.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the report"),
    }
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
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
    if !report.errors.is_empty() {
        let first = &report.errors[0];
        let more = match report.errors.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        return Err(Failure::Usage(anyhow!("could not scan {}: {}{more}", first.path, first.reason)));
    }
    let limit = match args.fail_on {
        FailOn::Low => Severity::Low,
        FailOn::Medium => Severity::Medium,
        FailOn::High => Severity::High,
        FailOn::Critical => Severity::Critical,
        FailOn::Never => return Ok(()),
    };
    if args.write_baseline.is_none() && report.reaches(limit) { Err(Failure::Findings) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("500M", 500 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse::<Bytes>().unwrap().0, bytes);
        }
        for text in ["", "M", "1x", "-1", "99999999999999999G"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        assert!("sarif=x".parse::<Extra>().is_ok());
        assert!("xml=x".parse::<Extra>().is_err());
        assert!("sarif".parse::<Extra>().is_err());
    }
}
