//! `tamis config`: the configs of filters, before a host sees them.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use tamis_sdk::{ConfigError, KeyConfig, key::KeyError, payload::PluginConfig};

use super::{Failure, Format, filters, hosts, output};
use crate::{
    host::{
        HostKind,
        native::{self, Builtin},
    },
    keys,
    settings::{self, Extent},
};

const AFTER_HELP: &str = "\
Examples:
  tamis config init coturn-ip-anonymizer --output coturn.json
  tamis config explain coturn-ip-anonymizer ip
  tamis config check coturn-ip-anonymizer coturn.json --host fluent-bit
  tamis config schema coturn-ip-anonymizer > coturn.schema.json";

const CHECK_HELP: &str = "\
The filter's own parser reads the config, so what is accepted here is accepted by the host. \
Without --with-key, the file or the variable that `key` names is not looked for: it may be on \
another machine.

Exit codes:
  0  accepted
  1  refused; standard error says where and why, with the nearest valid name
  2  bad usage
  3  the config could not be read

Examples:
  tamis config check coturn-ip-anonymizer coturn.json
  tamis config check asynq-payload-redactor - < asynq.json
  tamis config check coturn-ip-anonymizer coturn.json --with-key
  tamis config check coturn-ip-anonymizer plugin.json --host proxy-wasm";

const INIT_HELP: &str = "\
JSON has no comments: `tamis config explain FILTER` says what each key is for, and editors show \
it with the JSON Schema (docs/config.md).

Examples:
  tamis config init coturn-ip-anonymizer > coturn.json
  tamis config init asynq-payload-redactor --full --output asynq.json";

const EXPLAIN_HELP: &str = "\
Examples:
  tamis config explain coturn-ip-anonymizer
  tamis config explain coturn-ip-anonymizer ip
  tamis config explain chatwoot-auth-tagger alerts --format json";

const SCHEMA_HELP: &str = "\
An editor that knows the schema completes and checks a config: see docs/config.md.

Examples:
  tamis config schema coturn-ip-anonymizer > coturn.schema.json";

/// Write, explain and check the configs of filters.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Schema(Schema),
    Check(Check),
    Init(Init),
    Explain(Explain),
}

/// Print the JSON Schema of the config of a filter.
#[derive(Debug, clap::Args)]
#[command(after_help = SCHEMA_HELP)]
struct Schema {
    #[command(flatten)]
    filter: Filter,
}

/// Say whether a filter accepts a config.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_HELP)]
struct Check {
    #[command(flatten)]
    filter: Filter,

    /// The config; - is standard input.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,

    /// The host it is for: proxy-wasm allows options for bodies around it, fluent-bit gives no environment.
    #[arg(long, value_parser = hosts::any())]
    host: Option<HostKind>,

    /// Also get the key that it names.
    #[arg(long)]
    with_key: bool,

    /// How to say it.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Write a config to start from.
#[derive(Debug, clap::Args)]
#[command(after_help = INIT_HELP)]
struct Init {
    #[command(flatten)]
    filter: Filter,

    /// Only the choices that are made first: the modes of its sections (the default).
    #[arg(long, conflicts_with = "full")]
    minimal: bool,

    /// Every key with its default.
    #[arg(long)]
    full: bool,

    /// Write it here instead of to standard output (`-`); a file that is there stays.
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
}

/// Say what each key of a config is for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAIN_HELP)]
struct Explain {
    #[command(flatten)]
    filter: Filter,

    /// Only keys that start with this path, such as ip or alerts.brute_force.
    #[arg(value_name = "PATH")]
    path: Option<String>,

    /// How to print them.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Filter {
    /// A built-in filter.
    #[arg(value_name = "FILTER", value_parser = filters::names())]
    name: String,
}

impl Filter {
    fn builtin(&self) -> Result<&'static Builtin, Failure> {
        native::builtin(&self.name)
            .ok_or_else(|| Failure::Usage(anyhow!("no built-in filter is called '{}'", self.name)))
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Schema(args) => {
            let schema = args.filter.builtin()?.config_schema;
            writeln!(io::stdout().lock(), "{}", schema.trim_end())?;
            Ok(())
        }
        What::Check(args) => check(&args),
        What::Init(args) => init(&args),
        What::Explain(args) => explain(&args),
    }
}

fn check(args: &Check) -> Result<(), Failure> {
    let filter = args.filter.builtin()?;
    let (name, text) = match args.file.as_str() {
        "-" => ("<stdin>", io::read_to_string(io::stdin().lock())),
        file => (file, fs::read_to_string(file)),
    };
    let text = text.with_context(|| format!("cannot read the config {name}")).map_err(Failure::Io)?;
    let accepted = accepts(args, filter.name, &text);
    if args.format == Format::Json {
        let (path, message) = match &accepted {
            Ok(()) => (None, None),
            Err(error) => (Some(&error.path), Some(&error.message)),
        };
        let json = serde_json::json!({
            "filter": filter.name, "version": filter.version, "file": name,
            "accepted": accepted.is_ok(), "path": path, "message": message,
        });
        writeln!(io::stdout().lock(), "{json}")?;
        return accepted.map_err(|_| Failure::Findings);
    }
    match accepted {
        Ok(()) => {
            writeln!(io::stdout().lock(), "{name}: accepted by {} {}", filter.name, filter.version)?;
            Ok(())
        }
        Err(error) => {
            note!("tamis: {name}: {error}");
            Err(Failure::Findings)
        }
    }
}

fn accepts(args: &Check, filter: &str, text: &str) -> Result<(), ConfigError> {
    let base_dir = Path::new(&args.file).parent().filter(|p| args.file != "-" && !p.as_os_str().is_empty());
    let resolve = |section: &KeyConfig| -> Result<_, KeyError> {
        if args.host == Some(HostKind::FluentBit) && section.env.is_some() {
            let no = |_: &str| Err("Fluent Bit gives filters no environment: use `file`".to_owned());
            return section.resolve(no, no);
        }
        if args.with_key { keys::resolve(section, base_dir) } else { keys::stand_in(section) }
    };
    if args.host == Some(HostKind::ProxyWasm) {
        let plugin = PluginConfig::parse(text)?;
        return native::check(filter, &plugin.filter, resolve).map_err(|error| plugin.locate(error));
    }
    native::check(filter, text, resolve)
}

fn init(args: &Init) -> Result<(), Failure> {
    let filter = args.filter.builtin()?;
    let extent = if args.full { Extent::Full } else { Extent::Minimal };
    let text = settings::start(filter.config_schema, extent);
    let Some(path) = output::file(args.output.as_deref()) else {
        return output::write(None, text).map_err(Failure::Io);
    };
    let written = fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let words = format!("{} is there already: remove it first, or name another file", path.display());
            Err(Failure::Usage(anyhow!(words)))
        }
        Err(error) => Err(Failure::Io(anyhow!(error).context(format!("cannot write {}", path.display())))),
    }
}

fn explain(args: &Explain) -> Result<(), Failure> {
    let filter = args.filter.builtin()?;
    let mut all = settings::settings(filter.config_schema);
    if let Some(start) = &args.path {
        let known: Vec<String> = all.iter().map(|s| s.path.clone()).collect();
        let start = start.trim_start_matches("$.");
        all.retain(|s| {
            s.path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        if all.is_empty() {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let words = tamis_sdk::config::unknown("key", start, &known);
            return Err(Failure::Usage(anyhow!("{}: {words}", filter.name)));
        }
    }
    let mut out = io::stdout().lock();
    if args.format == Format::Json {
        let list: Vec<_> = all
            .iter()
            .map(|s| serde_json::json!({"path": s.path, "takes": s.takes, "default": s.default, "about": s.about}))
            .collect();
        writeln!(out, "{}", serde_json::Value::from(list))?;
        return Ok(());
    }
    if all.is_empty() {
        note!("tamis: {} has no settings: its config is {{}}", filter.name);
    }
    for setting in &all {
        let default = match &setting.default {
            None => String::new(),
            Some(serde_json::Value::Null) => " [default: not set]".to_owned(),
            Some(value) => format!(" [default: {value}]"),
        };
        writeln!(out, "{}: {}{default}\n    {}", setting.path, setting.takes, setting.about)?;
    }
    Ok(())
}
