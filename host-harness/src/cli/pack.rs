//! `tamis pack`: from the module that cargo makes to the artifact that a host loads.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use tamis_pack::Abi;

use super::{Failure, output};
use crate::inspect;

const AFTER_HELP: &str = "\
CORE.wasm is what cargo makes of a filter crate (a cdylib, for wasm32-wasip1, with the feature \
that is called like the ABI). `tamis new` writes a Makefile that does both steps.

Examples:
  cargo build --profile guest --target wasm32-wasip1 --features component
  tamis pack target/wasm32-wasip1/guest/pin_masker.wasm --abi component \\
      --output pin-masker.component.wasm";

/// Turn a filter's core module into the artifact of one host.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The module that cargo made.
    #[arg(value_name = "CORE.wasm", value_hint = clap::ValueHint::FilePath)]
    core: PathBuf,

    /// The host it was built for.
    #[arg(long, value_enum)]
    abi: PackAbi,

    /// Where to write the artifact; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// The filter's name, for the artifact's label [default: the module's, with '-' for '_'].
    #[arg(long)]
    name: Option<String>,

    /// The filter's version, for the artifact's label.
    #[arg(long, value_name = "VERSION", default_value = "0.0.0")]
    filter_version: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PackAbi {
    Component,
    FluentBit,
    ProxyWasm,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    output::refuse_terminal(&args.output).map_err(Failure::Usage)?;
    output::check(&[("--output", &args.output)], &[&args.core]).map_err(Failure::start)?;
    let core = fs::read(&args.core)
        .with_context(|| format!("cannot read the module {}", args.core.display()))
        .map_err(Failure::Io)?;
    inspect::check_magic(&core).with_context(|| args.core.display().to_string()).map_err(Failure::Usage)?;
    let stem = || args.core.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
    let name = args.name.unwrap_or_else(stem);
    for (option, text) in [("--name", &name), ("--filter-version", &args.filter_version)] {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(Failure::Usage(anyhow!("{option} '{}' must be a word", text.escape_debug())));
        }
    }
    let (abi, pack): (_, fn(&[u8], &str, &str) -> _) = match args.abi {
        PackAbi::Component => (Abi::Component, tamis_pack::component),
        PackAbi::FluentBit => (Abi::FluentBit, tamis_pack::fluent_bit),
        PackAbi::ProxyWasm => (Abi::ProxyWasm, tamis_pack::proxy_wasm),
    };
    let wasm = pack(&core, &name, &args.filter_version)
        .map_err(|e| Failure::Usage(anyhow!("{}: {e}", args.core.display())))?;
    output::write(Some(&args.output), &wasm).map_err(Failure::Io)?;
    let (output, version) = (args.output.display(), &args.filter_version);
    let made = format!("{output}: {name} {version} for {abi}, {} bytes", wasm.len());
    match output::file(Some(&args.output)) {
        Some(_) => writeln!(io::stdout().lock(), "{made}")?,
        None => note!("tamis: {made}"),
    }
    Ok(())
}
