//! `tamis bake`: a config into an artifact.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{
    Failure, Format,
    bytes::Bytes,
    configs::Config,
    hosts,
    output::{self, beside, refuse_terminal},
};
use crate::{
    bake::{self, Artifact},
    host::{Engines, HostKind, HostOptions, Refused, native::builtin},
    select::Target,
};

const AFTER_HELP: &str = "\
The output starts with the config read, its regexes and tables built and its key inside. It \
takes no other config: Fluent Bit and `tamis run` refuse to start it with one; a proxy may still \
give the section `body` or `live`. What is inside, `tamis inspect` says: the SHA-256 of the \
config and the id of the key, never the key. A file with a key inside is as secret as the key \
and is written for its owner alone (mode 0600).

Examples:
  tamis bake coturn-ip-anonymizer -c coturn.json -o coturn.wasm
  tamis bake coturn-ip-anonymizer --host proxy-wasm -c keyed.json \\
      --key-file /run/key -o envoy.wasm
  tamis inspect coturn.wasm && tamis run ./coturn.wasm turnserver.log";

/// Put a config into an artifact for good: it starts with nothing to read or to build.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A built-in name or the path of a .wasm artifact.
    filter: String,

    /// Which artifact of a built-in filter [default: component].
    #[arg(long, value_parser = hosts::of_artifacts())]
    host: Option<HostKind>,

    /// The config, a JSON file; for proxy-wasm also one with the sections `filter` and `body` or `live`
    /// [default: all defaults].
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Take the key from this file, wherever the config says that it comes from.
    #[arg(long, value_name = "FILE", requires = "config")]
    key_file: Option<PathBuf>,

    /// Where to write the artifact; `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// How to say what was made: on standard error as text, or on standard output as JSON.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Linear memory that the filter may have while it starts; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES", default_value = "512M")]
    memory_limit_bytes: Bytes,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let output = args.output.as_path();
    refuse_terminal(output).map_err(Failure::Usage)?;
    if args.format == Format::Json && output::file(Some(output)).is_none() {
        let error = anyhow!("standard output cannot take the artifact and the JSON: name a file");
        return Err(Failure::Usage(error));
    }
    let target = Target::find(&args.filter).map_err(Failure::start)?;
    let artifact = Some(Path::new(&args.filter)).filter(|_| builtin(&args.filter).is_none());
    let inputs = [artifact, args.config.as_deref(), args.key_file.as_deref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().collect();
    output::check(&[("--output", output)], &inputs).map_err(Failure::start)?;
    let kind = target.host(args.host).map_err(Failure::Usage)?;
    let wasm = target.wasm(kind).map_err(Failure::Usage)?;
    let wasm = wasm.context("the native host has no artifact to bake").map_err(Failure::Usage)?;
    let config = args.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read);
    let config = config.map_err(Failure::start)?;
    let options = HostOptions {
        config_base_dir: config.base_dir(),
        memory_limit_bytes: args.memory_limit_bytes.in_memory(),
        ..HostOptions::default()
    };
    let engines = Engines::with_cache_dir(None).map_err(Failure::Guest)?;
    let key_file = match &args.key_file {
        // The directory of the config is not where the file was named.
        Some(file) => Some(std::path::absolute(file).map_err(|e| Failure::Usage(e.into()))?),
        None => None,
    };
    let artifact =
        bake::bake(&engines, wasm, &config.text, key_file.as_deref(), &options).map_err(|error| {
            let refused = error.downcast_ref::<Refused>().is_some();
            let error = error.context(format!("filter '{}'", target.name()));
            if refused { Failure::Usage(error) } else { Failure::Guest(error) }
        })?;
    write(output, &artifact).map_err(Failure::Io)?;
    tell(&args, &artifact)
}

/// Whole or not at all; what was there before stays if it fails.
fn write(path: &Path, artifact: &Artifact) -> anyhow::Result<()> {
    // What is no file, such as a device, is written to, not replaced.
    if output::file(Some(path)).is_none() || fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return output::write(Some(path), &artifact.wasm);
    }
    let cannot = || format!("cannot write {}", path.display());
    // Nor is a link: what it leads to is.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = if artifact.baked.key_id.is_some() { 0o600 } else { 0o666 };
    let mut file = beside(&target, mode).with_context(cannot)?;
    file.as_file_mut().write_all(&artifact.wasm).with_context(cannot)?;
    file.persist(&target).map_err(|e| e.error).with_context(cannot)?;
    Ok(())
}

fn tell(args: &Args, artifact: &Artifact) -> Result<(), Failure> {
    let Artifact { wasm, label, baked } = artifact;
    if args.format == Format::Json {
        let json = json!({
            "output": args.output.to_string_lossy(), "size_bytes": wasm.len(), "filter": label.name,
            "version": label.version, "abi": label.abi.name(),
            "config_sha256": baked.config_sha256, "key_id": baked.key_id,
        });
        writeln!(io::stdout().lock(), "{json}")?;
        return Ok(());
    }
    let output = args.output.display();
    let config = args.config.as_ref().map_or("all defaults".into(), |path| path.display().to_string());
    note!("tamis: {output}: {} {} for {}, {} bytes", label.name, label.version, label.abi, wasm.len());
    note!("tamis: {output}: config: {config}, SHA-256 {}", baked.config_sha256);
    if let Some(id) = &baked.key_id {
        note!("tamis: {output}: the key '{id}' IS INSIDE: keep this file as secret as the key");
    }
    Ok(())
}
