//! `tamis run`: logs through filters.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use indicatif::ProgressBar;

use super::{
    Failure, Format,
    bytes::Bytes,
    configs::{self, Config},
    hosts,
    input::{self, STDIN},
    output::{self, STDOUT},
};
use crate::{
    host::{
        HostKind, HostOptions, Refused,
        native::{self, BUILTINS},
    },
    input::{InputMode, MAX_MAX_RECORD_BYTES, MIN_MAX_RECORD_BYTES},
    nearest::did_you_mean,
    pipeline::{self, Chain, Options, Source, Stage, Summary},
    select::{self, Opener, Target},
};

const AFTER_HELP: &str = "\
Operands are filters up to the first that is none, then files. A filter is a built-in name \
(see `tamis filters`) or the path of a .wasm artifact, whose ABI is told from its exports. \
Records pass the filters in the order given. Without a file, standard input is read. gzip and \
zstd are told by their first bytes.

Text in gives text out, JSON lines in give JSON lines out, and line ends stay as they are. \
A dropped record takes its line with it. A line of text to which a filter adds fields becomes a \
JSON object.

Examples:
  tamis run coturn-ip-anonymizer turnserver.log > clean.log
  tamis run coturn-ip-anonymizer -c coturn.json --summary *.log.gz -o clean.log
  journalctl -u coturn -o json | tamis run coturn-ip-anonymizer --summary
  tamis run coturn-ip-anonymizer ./mine.wasm -c mine=mine.json app.jsonl";

/// Pass logs through filters.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, override_usage = "tamis run [OPTIONS] <FILTER>... [FILE]...")]
pub(super) struct Args {
    /// Filters, then files (`-` is standard input); see below.
    #[arg(required = true, value_name = "FILTER|FILE", value_hint = clap::ValueHint::FilePath)]
    operands: Vec<String>,

    /// Config of the filter, or of one of several: a JSON file, or NAME=FILE.
    #[arg(long, short, value_name = "[NAME=]FILE")]
    config: Vec<String>,

    /// Host ABI to run built-in filters in [default: component].
    #[arg(long, value_parser = hosts::any())]
    host: Option<HostKind>,

    /// What the lines are; auto asks the first line that is not blank.
    #[arg(long, value_enum, default_value = "auto")]
    input: Input,

    /// Write here instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Say on standard error what was done.
    #[arg(long)]
    summary: bool,

    /// How to say it; implies --summary.
    #[arg(long, value_enum, value_name = "FORMAT")]
    summary_format: Option<Format>,

    /// The tag that filters see.
    #[arg(long, default_value = "tamis")]
    tag: String,

    /// Replace longer lines by a notice; they are not cut, a secret across the cut would pass.
    #[arg(long, value_name = "BYTES", default_value = "16M", value_parser = record_bytes)]
    max_record_bytes: Bytes,

    /// Linear memory that one filter may have; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES", default_value = "512M")]
    memory_limit_bytes: Bytes,
}

fn record_bytes(text: &str) -> Result<Bytes, String> {
    let bytes: Bytes = text.parse()?;
    match bytes.in_memory() {
        MIN_MAX_RECORD_BYTES..=MAX_MAX_RECORD_BYTES => Ok(bytes),
        _ => Err("it must be from 1k to 1G".to_owned()),
    }
}

/// What the lines of an input are.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Input {
    Auto,
    Text,
    Json,
}

impl Input {
    pub(super) fn mode(self) -> InputMode {
        match self {
            Self::Auto => InputMode::Auto,
            Self::Text => InputMode::Text,
            Self::Json => InputMode::Json,
        }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let filters = args.operands.iter().take_while(|o| select::is_filter(o)).count();
    // If the first operand is no filter, `find` says what it should have been.
    let (filters, files) = args.operands.split_at(filters.max(1));
    let targets = filters.iter().map(|f| Target::find(f)).collect::<anyhow::Result<Vec<_>>>();
    let targets = targets.map_err(Failure::start)?;
    let configs = configs::of(&args.config, &targets).map_err(Failure::start)?;
    files.iter().try_for_each(|file| look_at(file))?;
    let artifacts = filters.iter().filter(|f| native::builtin(f).is_none());
    let mut inputs: Vec<&Path> = artifacts.chain(files).map(Path::new).collect();
    inputs.extend(configs.iter().filter_map(|config| config.path.as_deref()));
    inputs.extend(files.is_empty().then_some(Path::new(STDIN)));
    let output = args.output.as_deref().unwrap_or(Path::new(STDOUT));
    output::check(&[("--output", output)], &inputs).map_err(Failure::start)?;

    let opener = Opener::default();
    let mut stages = Vec::new();
    for (target, config) in targets.iter().zip(configs) {
        let kind = target.host(args.host).map_err(Failure::Usage)?;
        stages.push(open(&opener, target, kind, config, Some(args.memory_limit_bytes.in_memory()))?);
    }
    let options = Options {
        mode: args.input.mode(),
        tag: args.tag,
        max_record_bytes: args.max_record_bytes.in_memory(),
    };
    let progress = progress(files);
    let sources = sources(files, &progress);
    let sink = sink(args.output.as_deref()).map_err(Failure::Io)?;
    let done = pipeline::run(Chain::new(stages), sources, sink, &options);
    progress.finish_and_clear();
    let summary = done?;
    if args.summary || args.summary_format.is_some() {
        let text = match args.summary_format.unwrap_or(Format::Text) {
            Format::Text => summary_text(&summary),
            Format::Json => summary_json(&summary),
        };
        note!("{}", text.trim_end());
    }
    Ok(())
}

/// Start a filter as a stage of a chain.
pub(super) fn open(
    opener: &Opener,
    target: &Target,
    kind: HostKind,
    config: Config,
    memory_limit_bytes: Option<usize>,
) -> Result<Stage, Failure> {
    let name = target.name();
    let default = HostOptions::default();
    let options = HostOptions {
        config_base_dir: config.base_dir(),
        memory_limit_bytes: memory_limit_bytes.unwrap_or(default.memory_limit_bytes),
        ..default
    };
    let host = opener.open(target, kind, &config.text, &options).map_err(|error| {
        let refused = error.downcast_ref::<Refused>().is_some();
        let error = error.context(format!("filter '{name}'"));
        if refused { Failure::Usage(error) } else { Failure::Guest(error) }
    })?;
    Ok(Stage { name: name.to_owned(), host })
}

/// Find out before the first byte is written that an input is missing.
fn look_at(file: &str) -> Result<(), Failure> {
    let path = Path::new(file);
    if input::is_stdin(path) || path.exists() {
        return Ok(());
    }
    let hint = did_you_mean(file, BUILTINS.iter().map(|b| b.name));
    Err(Failure::Io(anyhow!(
        "cannot read {file}: there is no such file (nor a built-in filter: see `tamis filters`){hint}"
    )))
}

fn progress(files: &[String]) -> ProgressBar {
    output::progress(files.iter().filter_map(|f| fs::metadata(f).ok()).map(|m| m.len()).sum())
}

fn sources(files: &[String], progress: &ProgressBar) -> Vec<Source> {
    if files.is_empty() {
        return vec![Source { name: "standard input".into(), open: Box::new(input::stdin) }];
    }
    files
        .iter()
        .map(|file| {
            let (path, progress) = (PathBuf::from(file), progress.clone());
            Source {
                name: file.clone(),
                open: Box::new(move || {
                    let file = input::open(&path)?;
                    Ok(if progress.is_hidden() { file } else { Box::new(progress.wrap_read(file)) })
                }),
            }
        })
        .collect()
}

/// Standard output without its buffer, or a file.
pub(super) fn sink(output: Option<&Path>) -> anyhow::Result<Box<dyn Write + Send>> {
    if let Some(path) = output::file(output) {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(Box::new(file));
    }
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        Ok(Box::new(File::from(stdout.context("cannot write to standard output")?)))
    }
    #[cfg(not(unix))]
    Ok(Box::new(io::stdout()))
}

fn summary_text(summary: &Summary) -> String {
    let seconds = summary.elapsed.as_secs_f64();
    let mut text = format!(
        "tamis: {} records in, {} changed, {} dropped, {} added, {} lines withheld\n\
         tamis: {} bytes in, {} bytes out, {seconds:.3} s, {:.1} MB/s\n",
        summary.records_in,
        summary.records_changed,
        summary.records_dropped,
        summary.records_added,
        summary.lines_withheld,
        summary.bytes_in,
        summary.bytes_out,
        summary.bytes_in as f64 / 1e6 / seconds.max(1e-9),
    );
    for (filter, counters) in &summary.counters {
        for (name, count) in counters {
            text.push_str(&format!("tamis: {filter}: {name} {count}\n"));
        }
    }
    text
}

fn summary_json(summary: &Summary) -> String {
    let filters: Vec<_> = summary
        .counters
        .iter()
        .map(|(filter, counters)| {
            let counters: serde_json::Map<_, _> =
                counters.iter().map(|(n, c)| (n.clone(), (*c).into())).collect();
            serde_json::json!({ "filter": filter, "counters": counters })
        })
        .collect();
    let json = serde_json::json!({
        "records_in": summary.records_in,
        "records_changed": summary.records_changed,
        "records_dropped": summary.records_dropped,
        "records_added": summary.records_added,
        "lines_withheld": summary.lines_withheld,
        "bytes_in": summary.bytes_in,
        "bytes_out": summary.bytes_out,
        "seconds": summary.elapsed.as_secs_f64(),
        "filters": filters,
    });
    format!("{json}\n")
}
