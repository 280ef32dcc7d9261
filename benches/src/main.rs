//! `bench-table`: what a filter costs in each host, beside its peers, from one run.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use serde::Serialize;
use tamis_benches::{
    corpus::{self, Corpus},
    fuel,
    process::{OneCore, Program, TAMIS, Usage},
    table::{self, Memory, Row},
    throughput::{self, SUITES, Suite},
};

const AFTER_HELP: &str = "\
Without --fuel or --memory: the table of speeds, then the instructions by kind of line. Missed
goals are printed, they are no errors. Peers: sed, and anonip from .venv/bin or PATH.";

/// How often peers run at most: they are slow, and only the order of magnitude matters.
const PEER_ROUNDS: usize = 3;

/// Among the programs: how many are `tamis`, and which is the filter in which host.
const TAMIS_PROGRAMS: usize = 3;
const COMPONENT: usize = 1;
const NATIVE: usize = 2;

/// What filters cost, from one run on the recorded log.
#[derive(Debug, Parser)]
#[command(name = "bench-table", after_help = AFTER_HELP)]
struct Args {
    /// The filter to measure.
    #[arg(long, value_name = "NAME", default_value = SUITES[0].filter, value_parser = SUITES.map(|s| s.filter))]
    filter: String,

    /// How much log to measure speeds on, in MB.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=4000))]
    mb: u64,

    /// How often to measure; medians are shown.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,

    /// Only executed instructions in the ABI of Fluent Bit, by template as well.
    #[arg(long)]
    fuel: bool,

    /// Only the memory of `tamis run` between two pipes.
    #[arg(long, conflicts_with = "fuel")]
    memory: bool,

    /// How much log goes through it with --memory, in MB.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    memory_mb: u64,

    /// Measure this `tamis` instead of the one that is built into this program.
    #[arg(long, value_name = "PATH")]
    tamis: Option<PathBuf>,

    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
struct Report {
    corpus: &'static str,
    filter: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    speeds: Vec<Row>,
    /// Peers that could not be measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<fuel::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
}

fn main() -> ExitCode {
    // Started by itself under the name of the command that is to be measured.
    if env::args_os().next().is_some_and(|name| name == TAMIS) {
        return tamis::cli::main();
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-table: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let suite = Suite::of(&args.filter).context("no such filter")?;
    let (mut text, mut reports) = (String::new(), Vec::new());
    for log in suite.logs {
        let corpus = corpus::read(log)?;
        let mut report = Report { corpus: log, filter: suite.filter, ..Report::default() };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&measure(args, &suite, &corpus, &mut report)?);
        reports.push(report);
    }
    if args.json {
        // One log, one object.
        text = match &*reports {
            [report] => serde_json::to_string_pretty(report)?,
            reports => serde_json::to_string_pretty(reports)?,
        } + "\n";
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e).context("cannot write the table"),
        _ => Ok(()),
    }
}

fn measure(args: &Args, suite: &Suite, corpus: &Corpus, report: &mut Report) -> anyhow::Result<String> {
    if args.memory {
        let program = Program::tamis(args.tamis.as_deref(), &[suite.filter])?;
        let (usage, bytes_in, bytes_out) = program.filter(corpus, args.memory_mb * 1_000_000)?;
        let found = Memory::new(usage, bytes_in, bytes_out);
        report.memory = Some(found);
        return Ok(table::memory(&program.name, &found));
    }
    let mut text = String::new();
    if !args.fuel {
        text = speeds(args, suite, corpus, report)?;
        text.push('\n');
    }
    let counted = fuel::measure(corpus, suite.filter)?;
    text.push_str(&format!(
        "WebAssembly instructions per record of {}, {} against identity in the ABI of Fluent Bit;\n\
         left: all executed, right: without locals and constants (closer to an interpreter)\n\n",
        report.corpus, suite.filter
    ));
    text.push_str(&table::instructions(&counted, args.fuel));
    report.instructions = Some(counted);
    Ok(text)
}

fn speeds(args: &Args, suite: &Suite, corpus: &Corpus, report: &mut Report) -> anyhow::Result<String> {
    let rounds = usize::try_from(args.rounds)?;
    let programs = programs(args.tamis.as_deref(), suite, report)?;
    // Programs first, while this process has little memory of its own.
    let mut input = tempfile::tempfile().context("cannot make a file for the log")?;
    let bytes =
        corpus.write_repeated(&mut input, args.mb * 1_000_000).context("cannot write the log to a file")?;
    let lines = corpus.records(corpus.encoding).len() as u64;
    let records = bytes / corpus.bytes.len() as u64 * lines;
    let mut programs: Vec<_> = programs.into_iter().map(|p| (p, Vec::<Usage>::new())).collect();
    let one_core = OneCore::begin();
    for round in 0..rounds {
        for (place, (program, usages)) in programs.iter_mut().enumerate() {
            if place < TAMIS_PROGRAMS || round < PEER_ROUNDS {
                usages.push(program.run(&input)?);
            }
        }
    }
    drop((one_core, input));

    let timings = throughput::measure(suite, corpus, args.mb * 1_000_000, rounds)?;
    let yardstick = suite.yardstick(corpus.encoding);
    report.speeds = table::host_rows(yardstick, &timings);
    let places = [NATIVE, COMPONENT];
    report.speeds.extend(table::program_rows(suite, &programs, bytes, records, places));
    Ok(format!(
        "{} repeated to {} MB, default config; CPU time, median of {rounds} rounds (peers: {}),\n\
         everything once in each round; \"x native\" is time against the yardstick among its kind\n\n{}",
        report.corpus,
        args.mb,
        rounds.min(PEER_ROUNDS),
        table::speeds(&report.speeds, &report.missing)
    ))
}

/// The programs that are there; those that are not are noted in the report.
fn programs(tamis: Option<&Path>, suite: &Suite, report: &mut Report) -> anyhow::Result<Vec<Program>> {
    // In the order of `COMPONENT` and `NATIVE`.
    let mut programs = vec![
        Program::tamis(tamis, &["identity"])?,
        Program::tamis(tamis, &[suite.filter])?,
        Program::tamis(tamis, &[suite.filter, "--host", "native"])?,
    ];
    if suite.filter != SUITES[0].filter {
        // The peers know addresses, not payloads.
        return Ok(programs);
    }
    let peers = [
        (Program::sed(), "sed: not found"),
        (Program::anonip(), "anonip: not installed: pip install anonip (into .venv or on PATH)"),
    ];
    for (peer, otherwise) in peers {
        match peer {
            Some(peer) => programs.push(peer),
            None => report.missing.push(otherwise.into()),
        }
    }
    Ok(programs)
}
