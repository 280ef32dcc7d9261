//! `tamis bake`: a config into an artifact.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use serde_json::json;

use super::{Failure, Format};
use crate::{
    bake::{self, Artifact},
    host::{Engines, HostKind, HostOptions, Refused},
    select::Target,
};

const AFTER_HELP: &str = "\
The output starts with the config read, its regexes and tables built and its key inside. It
takes no other config: Fluent Bit and `tamis run` refuse to start it with one; a proxy may still
give the section `body` or `live`. What is inside, `tamis inspect` says: the SHA-256 of the
config and the id of the key, never the key. A file with a key inside is as secret as the key
and is written for its owner alone (mode 0600).

Examples:
  tamis bake coturn-ip-anonymizer --host fluent-bit --config coturn.json -o coturn.wasm
  tamis bake coturn-ip-anonymizer --host proxy-wasm -c keyed.json --key-file /run/key -o envoy.wasm
  tamis inspect coturn.wasm && tamis run ./coturn.wasm turnserver.log";

/// Stands for standard output.
const STDOUT: &str = "-";

/// Put a config into an artifact for good, so that it starts with nothing to read or to build.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A built-in name or the path of a .wasm artifact.
    filter: String,

    /// Which artifact of a built-in filter: component, fluent-bit or proxy-wasm
    /// [default: component].
    #[arg(long)]
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

    /// Linear memory that the filter may have while it starts.
    #[arg(long, value_name = "BYTES", default_value_t = 512 << 20)]
    memory_limit_bytes: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if args.output == Path::new(STDOUT) && (args.format == Format::Json || io::stdout().is_terminal()) {
        let error = anyhow!("standard output cannot take the artifact: it is a terminal, or takes the JSON");
        return Err(Failure::Usage(error));
    }
    let target = Target::find(&args.filter).map_err(Failure::Usage)?;
    let kind = target.host(args.host).map_err(Failure::Usage)?;
    let wasm = target.wasm(kind).map_err(Failure::Usage)?;
    let wasm = wasm
        .context("the native host has no artifact to bake: name component, fluent-bit or proxy-wasm")
        .map_err(Failure::Usage)?;
    let same =
        |a: &Path, b: &Path| matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b);
    for input in [Some(Path::new(&args.filter)), args.config.as_deref(), args.key_file.as_deref()] {
        if input.is_some_and(|input| same(input, &args.output)) {
            let error = anyhow!("{} is input and output: write to another file", args.output.display());
            return Err(Failure::Usage(error));
        }
    }
    let (config, base_dir) = config(&args).map_err(Failure::Usage)?;
    let options = HostOptions {
        config_base_dir: base_dir,
        memory_limit_bytes: args.memory_limit_bytes,
        ..HostOptions::default()
    };
    let engines = Engines::with_cache_dir(None).map_err(Failure::Guest)?;
    let key_file = match &args.key_file {
        // The directory of the config is not where the file was named.
        Some(file) => Some(std::path::absolute(file).map_err(|e| Failure::Usage(e.into()))?),
        None => None,
    };
    let artifact = bake::bake(&engines, wasm, &config, key_file.as_deref(), &options).map_err(|error| {
        let refused = error.downcast_ref::<Refused>().is_some();
        let error = error.context(format!("filter '{}'", target.name()));
        if refused { Failure::Usage(error) } else { Failure::Guest(error) }
    })?;
    write(&args.output, &artifact).map_err(|error| {
        let gone = error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        if gone { Failure::OutputClosed } else { Failure::Io(error) }
    })?;
    tell(&args, &artifact)
}

/// The text of the config, and the directory its relative paths start at.
fn config(args: &Args) -> anyhow::Result<(String, Option<PathBuf>)> {
    let Some(path) = &args.config else { return Ok((String::new(), None)) };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the config {}", path.display()))?;
    let base_dir = path.parent().filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned);
    Ok((text, base_dir))
}

/// Whole or not at all; what was there before stays if it fails.
fn write(path: &Path, artifact: &Artifact) -> anyhow::Result<()> {
    if path == Path::new(STDOUT) {
        let mut out = io::stdout().lock();
        return out.write_all(&artifact.wasm).and_then(|()| out.flush()).context("cannot write the output");
    }
    let cannot = || format!("cannot write {}", path.display());
    // What is no file, such as a device, is written to, not replaced.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut there| there.write_all(&artifact.wasm))
            .with_context(cannot);
    }
    // Nor is a link: what it leads to is.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if artifact.baked.key_id.is_some() { 0o600 } else { 0o666 };
        file.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = file.prefix(".tamis-").tempfile_in(dir).with_context(cannot)?;
    file.write_all(&artifact.wasm).with_context(cannot)?;
    file.persist(path).map_err(|e| e.error).with_context(cannot)?;
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
    eprintln!("tamis: {output}: {} {} for {}, {} bytes", label.name, label.version, label.abi, wasm.len());
    eprintln!("tamis: {output}: config: {config}, SHA-256 {}", baked.config_sha256);
    if let Some(id) = &baked.key_id {
        eprintln!("tamis: {output}: the key '{id}' IS INSIDE: keep this file as secret as the key");
    }
    Ok(())
}
