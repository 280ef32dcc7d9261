//! `tamis new`: a filter crate of one's own.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use super::Failure;
use crate::scaffold::{self, Name, Sdk};

const AFTER_HELP: &str = "\
The crate works as it is: it replaces what follows `password=`, has unit tests, recorded cases, \
a config with its schema, examples for Fluent Bit and Envoy, and a Makefile that builds the \
three artifacts. The SDK is written into vendor/, unless --sdk names another place. Building \
needs cargo with the target wasm32-wasip1, and make.

Examples:
  tamis new pin-masker
  tamis new pin-masker filters/pin-masker
  tamis new pin-masker --sdk ~/src/tamis";

/// Start a filter of your own: write a crate that builds for all hosts.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The filter's name: lower-case letters and digits with single '-' between.
    name: String,

    /// Where to write it; must not exist, or be empty [default: ./NAME].
    #[arg(value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,

    /// Build on the SDK of this checkout of tamis.
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::DirPath)]
    sdk: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let name: Name = args.name.parse().map_err(|e| Failure::Usage(anyhow::Error::msg(e)))?;
    let sdk = args.sdk.map_or(Ok(Sdk::Vendored), |path| Sdk::at(&path)).map_err(Failure::start)?;
    let dir = args.dir.unwrap_or_else(|| PathBuf::from(name.as_str()));
    let files = scaffold::write(&name, &dir, &sdk).map_err(Failure::start)?;
    let mut out = io::stdout().lock();
    let dir = dir.display();
    writeln!(out, "{name} is in {dir}/ ({} files):", files.len())?;
    let places = [
        ("src/lib.rs", "what it does to a record, with unit tests"),
        ("src/config.rs", "what users can set"),
        ("tests/cases/", "recorded logs, and what must come out in every host"),
        ("examples/", "a config; Fluent Bit and Envoy with the filter in them"),
    ];
    for (place, what) in places {
        writeln!(out, "  {place:14} {what}")?;
    }
    writeln!(out, "\nNext:\n  cd {dir}")?;
    for (command, what) in [
        ("make setup", "the wasm target of the Rust toolchain, once"),
        ("make test", "unit tests"),
        ("make replay", "build the artifacts of all hosts, run the recorded cases in each"),
    ] {
        writeln!(out, "  {command:14} # {what}")?;
    }
    writeln!(out, "  tamis run artifacts/{name}.component.wasm app.log")?;
    Ok(())
}
