//! `tamis report`: the regular review of logs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use tamis_sdk::{Key, KeyConfig};

use super::{
    Failure,
    output::{self, Extra, FailOn, Scanned, colour, first_of, operands, progress},
};
use crate::{
    audit::{pool::Progress, walk},
    keys,
    render::Style,
    report::{self, Addresses, Options, Review, Users},
};

const AFTER_HELP: &str = "\
Reads what filters have written (events of chatwoot-auth-tagger in all its schemas, summaries of \
coturn-ip-anonymizer, counts fields, redaction marks) and logs as programs have written them: \
those of Chatwoot go through the tagger, those of coturn through the anonymizer, in this \
process. All files are scanned as by `tamis audit`. Directories are read with all that is below \
them; gzip and zstd too. Without a path, standard input is read.

No name, address or value of a log is shown: addresses become networks (/24, /48), users tokens \
of a key that is made for this report and forgotten. With --key, tokens are the same in each \
report.

Exit codes:
  0  the report is written
  1  there is an alert as severe as --fail-on
  2  bad usage, or a refused key
  3  something could not be read (the report says what), or written

Examples:
  tamis report --format html -o review.html /var/log/chatwoot /var/log/coturn
  tamis report --report html=review.html --fail-on high logs/
  tamis report --key k1=/etc/tamis/key logs/     # comparable from week to week
  kubectl logs deploy/chatwoot | tamis report -";

/// Write the regular security and privacy review of logs: text, JSON or a page.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Files and directories; - is standard input.
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,

    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the report here instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write another report: text, json or html; can be given several times.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = Extra::<Format>::parse)]
    report: Vec<Extra<Format>>,

    /// How addresses are shown.
    #[arg(long, value_enum, default_value = "truncate")]
    addresses: AddressMode,

    /// How users are shown.
    #[arg(long, value_enum, default_value = "token")]
    users: UserMode,

    /// Make tokens with this key, the content of a file as in the configs of filters.
    #[arg(long, value_name = "ID=FILE")]
    key: Option<String>,

    /// The `prefix` in the config of chatwoot-auth-tagger.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,

    /// The `counts_field` in the configs of filters.
    #[arg(long, value_name = "NAME", default_value = "redactions")]
    counts_field: String,

    /// Do not scan for what should not be in the logs: quicker.
    #[arg(long)]
    no_scan: bool,

    /// Sources and users that are listed.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=1000))]
    top: u16,

    /// Exit with 1 if there is an alert as severe as this.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "never")]
    fail_on: FailOn,

    #[command(flatten)]
    scanned: Scanned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: docs/report.md.
    Json,
    /// One page with charts.
    Html,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AddressMode {
    /// By their network: /24, /48.
    Truncate,
    /// As tokens.
    Token,
    /// As the logs have them.
    Keep,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum UserMode {
    /// As tokens.
    Token,
    /// As the logs have them.
    Keep,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let outputs = output::reports(args.output.as_deref(), &args.report);
    let key = args.key.as_deref().and_then(|key| key.split_once('=')).map(|(_, file)| file);
    let inputs: Vec<&Path> = args.paths.iter().map(String::as_str).chain(key).map(Path::new).collect();
    output::check(&outputs, &inputs).map_err(Failure::start)?;
    let options = options(&args).map_err(Failure::Usage)?;
    let paths = operands(&args.paths, "read", "report").map_err(Failure::Usage)?;
    let walked = walk::walk(&paths, &args.scanned.limits(&outputs));
    let bar = progress(walked.inputs.iter().map(|i| i.bytes).sum());
    let told = bar.clone();
    let review = report::review(walked, &options, &(Arc::new(move |bytes| told.inc(bytes)) as Progress));
    bar.finish_and_clear();
    let review = review.map_err(|e| Failure::Usage(e.into()))?;
    write_all(&args, &review).map_err(Failure::Io)?;
    verdict(&args, &review)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let mut options = Options {
        scan: !args.no_scan,
        prefix: args.prefix.clone(),
        counts_field: args.counts_field.clone(),
        addresses: match args.addresses {
            AddressMode::Truncate => Addresses::Truncate,
            AddressMode::Token => Addresses::Token,
            AddressMode::Keep => Addresses::Keep,
        },
        users: match args.users {
            UserMode::Token => Users::Token,
            UserMode::Keep => Users::Keep,
        },
        key: args.key.as_deref().map(read_key).transpose()?,
        top: args.top.into(),
        ..Options::default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    options.audit.threads = args.scanned.threads(cores);
    Ok(options)
}

fn read_key(text: &str) -> anyhow::Result<Key> {
    let (id, file) = text.split_once('=').context("--key: write ID=FILE, such as k1=/etc/tamis/key")?;
    let section = KeyConfig { id: id.to_owned(), file: Some(file.to_owned()), ..KeyConfig::default() };
    keys::resolve(&section, None).map_err(|e| anyhow!("--key {text}: {}", e.message))
}

fn write_all(args: &Args, review: &Review) -> anyhow::Result<()> {
    for Extra { format, path } in &args.report {
        output::write(Some(path), render(review, *format, Style { colour: colour(Some(path)) })?)?;
    }
    let path = args.output.as_deref();
    output::write(path, render(review, args.format, Style { colour: colour(path) })?)
}

fn render(review: &Review, format: Format, style: Style) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => report::text(review, style),
        Format::Json => review.json()?,
        Format::Html => report::html(review),
    })
}

fn verdict(args: &Args, review: &Review) -> Result<(), Failure> {
    if let Some(first) = first_of(&review.errors) {
        return Err(Failure::Io(anyhow!("could not read {first}")));
    }
    let Some(limit) = args.fail_on.severity() else { return Ok(()) };
    if review.alerts_at(limit) { Err(Failure::Findings) } else { Ok(()) }
}
