//! The `tamis` command: arguments, exit codes, and what goes to the terminal.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::pipeline;

/// A line on standard error. Unlike `eprintln!` it does not mind that nobody listens there.
macro_rules! note {
    ($($arguments:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arguments)*);
    }};
}

mod audit;
mod bake;
mod bench;
mod bytes;
mod config;
mod configs;
mod conformance;
mod filters;
mod hosts;
mod input;
mod inspect;
mod lint;
mod manual;
mod new;
mod output;
mod pack;
mod playback;
mod record;
mod replay;
mod report;
mod reveal;
mod run;

pub use self::manual::reference;

const AFTER_HELP: &str = "\
`tamis COMMAND --help` has the options of a command, with examples. The file `-` is standard \
input where logs are read, and standard output where reports and artifacts are written.

Examples:
  tamis run coturn-ip-anonymizer turnserver.log > clean.log
  tamis config init coturn-ip-anonymizer > coturn.json
  tamis audit /var/log/worker

Exit codes:
  0  done (also if whoever reads the output has gone)
  1  the answer is no: replay, conformance or config check failed, reveal could
     not, bench and report by their --fail-if-slower and --fail-on
  2  bad usage, or a filter, config or key that was refused
  3  an input could not be read or is broken, or the output could not be written
  4  a filter failed: it trapped, broke its ABI or ran out of time or memory
audit and lint have their own: 0 clean, 1 findings, 2 an error; see their help.

Compiled filters are cached in $TAMIS_CACHE_DIR, else in `tamis` below the user's cache \
directory.";

/// Sieve logs through WebAssembly filters.
#[derive(Debug, Parser)]
#[command(name = "tamis", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Audit(audit::Args),
    Lint(lint::Args),
    Report(report::Args),
    Replay(replay::Args),
    Reveal(reveal::Args),
    Bake(bake::Args),
    Bench(bench::Args),
    Inspect(inspect::Args),
    Conformance(conformance::Args),
    Filters(filters::Args),
    Config(config::Args),
    Completions(manual::Completions),
    Man(manual::Man),
    New(new::Args),
    Pack(pack::Args),
    Record(record::Args),
}

/// Why the command ends, in the terms of its exit codes.
#[derive(Debug)]
enum Failure {
    /// Reported already: a case came out differently or slower, or a check failed.
    Findings,
    /// Bad usage or a refused config.
    Usage(anyhow::Error),
    /// Reading or writing failed.
    Io(anyhow::Error),
    /// A filter failed.
    Guest(anyhow::Error),
    /// Whoever reads the output has gone.
    OutputClosed,
}

impl Failure {
    /// Why nothing was done at all: a file could not be read or made, else what was asked for cannot be.
    fn start(error: anyhow::Error) -> Self {
        if error.chain().any(|cause| cause.is::<io::Error>()) { Self::Io(error) } else { Self::Usage(error) }
    }

    fn code(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Findings => 1,
            Self::Usage(_) => 2,
            Self::Io(_) => 3,
            Self::Guest(_) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(e) | Self::Io(e) | Self::Guest(e) => write!(f, "{e:#}"),
            Self::Findings | Self::OutputClosed => Ok(()),
        }
    }
}

impl From<pipeline::Error> for Failure {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Io(e) => Self::Io(e),
            pipeline::Error::Guest(e) => Self::Guest(e),
            pipeline::Error::OutputClosed => Self::OutputClosed,
        }
    }
}

/// Failures to print.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Self::Io(anyhow::Error::from(error).context("cannot write the output"))
    }
}

/// Run the command with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print().and_then(|()| io::stdout().flush());
            // Help and version are no errors, but outputs like any other.
            return match printed {
                Err(failed) if !error.use_stderr() => ended(Failure::from(failed)),
                _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
            };
        }
    };
    let done = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Report(args) => report::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Reveal(args) => reveal::run(args),
        Command::Bake(args) => bake::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Conformance(args) => conformance::run(args),
        Command::Filters(args) => filters::run(args),
        Command::Config(args) => config::run(args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::New(args) => new::run(args),
        Command::Pack(args) => pack::run(args),
        Command::Record(args) => record::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ended(failure),
    }
}

/// Say why, and give the exit code.
fn ended(failure: Failure) -> ExitCode {
    let text = failure.to_string();
    if !text.is_empty() {
        note!("tamis: {text}");
    }
    ExitCode::from(failure.code())
}

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
