//! `tamis replay`: recorded cases on all hosts. Recordings are replayed in `playback`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::anyhow;

use super::{Failure, hosts, output, playback};
use crate::{
    host::{Encoding, HostKind},
    recording::rate::Rate,
    replay,
    select::Opener,
};

const AFTER_HELP: &str = "\
A case is a folder CASES/<filter>/<case>/ with input.log or input.jsonl, and expected.log or \
expected.jsonl (or error.txt, if the config must be refused); config.json, describe.txt and \
skip.txt (`<host>: <reason>`) if wanted. All hosts must give the expected bytes.

With --recording, what `tamis record` wrote passes the filters named, if any, and comes out on \
standard output, as fast as --rate says. With --case, it becomes a case: its expectation is what \
the filter makes of it now, and all hosts are held against that.

Examples:
  tamis replay
  tamis replay --host native --host component coturn-ip-anonymizer/
  tamis replay --bless coturn-ip-anonymizer/new-case
  tamis replay --artifacts build/ my-filter/
  tamis replay --recording incident.jsonl --rate 10x coturn-ip-anonymizer
  tamis replay --recording incident.jsonl --case coturn-ip-anonymizer/incident";

/// Run recorded cases and compare all hosts byte by byte; or replay a recording.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Only cases whose FILTER/CASE holds one of these texts; with --recording, filters.
    #[arg(value_name = "PATTERN")]
    pub(super) patterns: Vec<String>,

    /// Where the cases are.
    #[arg(long, value_name = "DIR", default_value = "tests/cases")]
    pub(super) cases: PathBuf,

    /// Run the artifacts DIR/<filter>.<host>.wasm, not what is built in; there is no native
    /// host for these.
    #[arg(long, value_name = "DIR")]
    pub(super) artifacts: Option<PathBuf>,

    /// Only this host; can be given several times [default: all].
    #[arg(long, value_parser = hosts::any())]
    pub(super) host: Vec<HostKind>,

    /// Make what the native host does (with --artifacts: component) the expectation, then check
    /// the other hosts.
    #[arg(long)]
    bless: bool,

    /// Replay this recording (`-` is standard input).
    #[arg(long, value_name = "FILE", conflicts_with = "bless")]
    recording: Option<PathBuf>,

    /// How fast: `real` as it was, `10x` ten times as fast, `max` without a pause
    /// [default: max].
    #[arg(long, value_name = "RATE", requires = "recording")]
    pub(super) rate: Option<Rate>,

    /// Config of the filter, of one of several (NAME=FILE), or of the new case.
    #[arg(long, short, value_name = "[NAME=]FILE", requires = "recording")]
    pub(super) config: Vec<String>,

    /// Make a case of the recording below --cases, with the expectation that it meets now.
    #[arg(long, value_name = "FILTER/CASE", requires = "recording", conflicts_with = "rate")]
    case: Option<String>,

    /// Take only these records into the case.
    #[arg(long, value_enum, requires = "case")]
    pub(super) only: Option<Only>,
}

/// The encoding of the records that are taken.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Only {
    Text,
    Json,
}

impl Only {
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Text => Encoding::Text,
            Self::Json => Encoding::Json,
        }
    }
}

pub(super) fn run(mut args: Args) -> Result<(), Failure> {
    let mut made = None;
    if let Some(recording) = args.recording.clone() {
        let Some(case) = &args.case else { return playback::run(&args, &recording) };
        let case = playback::make_case(&args, &recording, case)?;
        args.patterns.push(case.clone());
        args.bless = true;
        made = Some(case);
    }
    if !args.cases.is_dir() {
        let words = "there is no such directory; --cases DIR names another";
        return Err(Failure::Io(anyhow!("cannot read the cases in {}: {words}", args.cases.display())));
    }
    let mut cases = replay::discover(&args.cases, &args.patterns).map_err(Failure::start)?;
    // A pattern may be the start of other names.
    cases.retain(|case| made.as_ref().is_none_or(|made| *made == format!("{}/{}", case.filter, case.name)));
    if cases.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "no case in {} holds {}",
            args.cases.display(),
            if args.patterns.is_empty() { "anything".into() } else { args.patterns.join(" or ") }
        )));
    }
    let mut hosts = if args.host.is_empty() { HostKind::ALL.to_vec() } else { args.host };
    if let Some(dir) = &args.artifacts {
        if !dir.is_dir() {
            return Err(Failure::Io(anyhow!("--artifacts {}: there is no such directory", dir.display())));
        }
        cases = cases.into_iter().map(|case| case.with_artifacts(dir)).collect();
        hosts.retain(|host| *host != HostKind::Native);
        if hosts.is_empty() {
            return Err(Failure::Usage(anyhow!(
                "artifacts cannot run in the native host: leave --host native out"
            )));
        }
    }
    let colour = output::colour(None);
    let opener = Opener::default();
    let mut out = io::stdout().lock();
    let (mut failed, mut skipped, mut blessed) = (0usize, 0usize, 0usize);
    for case in &cases {
        let full = format!("{}/{}", case.filter, case.name);
        let outcome = match replay::check(case, &hosts, args.bless, &opener) {
            Ok(outcome) => outcome,
            Err(error) => {
                failed += 1;
                writeln!(out, "{} {full}\n  {error:#}", paint("FAIL", "31;1", colour))?;
                continue;
            }
        };
        blessed += usize::from(outcome.blessed);
        let word = match (outcome.failed.is_empty(), outcome.blessed) {
            (false, _) => paint("FAIL", "31;1", colour),
            (true, true) => paint("new ", "33", colour),
            (true, false) => paint("ok  ", "32", colour),
        };
        let dash = if case.description.is_empty() { "" } else { "  " };
        writeln!(out, "{word} {full}{dash}{}", case.description)?;
        for (host, reason) in case.skipped.iter().filter(|(h, _)| hosts.contains(h)) {
            skipped += 1;
            writeln!(out, "     not on {host}: {reason}")?;
        }
        if !outcome.failed.is_empty() {
            failed += 1;
        }
        for (host, difference) in outcome.failed {
            writeln!(out, "  on {host}:")?;
            for line in difference.lines() {
                let code = match line.as_bytes().first() {
                    Some(b'-') => "31",
                    Some(b'+') => "32",
                    Some(b'@') => "36",
                    _ => "",
                };
                writeln!(out, "    {}", paint(line, code, colour))?;
            }
        }
    }
    let names: Vec<&str> = hosts.iter().map(|h| h.name()).collect();
    writeln!(
        out,
        "{} cases on {}: {} as expected, {failed} not, {blessed} blessed, {skipped} skips",
        cases.len(),
        names.join(", "),
        cases.len() - failed,
    )?;
    if failed > 0 { Err(Failure::Findings) } else { Ok(()) }
}

fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour && !code.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
