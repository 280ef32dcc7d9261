//! `tamis filters`: what is built in.

use std::io::{self, Write};

use clap::builder::PossibleValuesParser;

use super::{Failure, Format};
use crate::{
    artifacts,
    host::{HostKind, native::BUILTINS},
};

const AFTER_HELP: &str = "\
Examples:
  tamis filters
  tamis filters --schema coturn-ip-anonymizer > schema.json
  tamis filters --format json";

/// List the built-in filters.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Print the JSON Schema of the config of one filter instead.
    #[arg(long, value_name = "FILTER", value_parser = names(), hide_possible_values = true)]
    schema: Option<String>,

    /// How to print the list.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The names of the built-in filters.
pub(super) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(BUILTINS.iter().map(|b| b.name))
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if let Some(name) = args.schema {
        let filter = crate::host::native::builtin(&name).ok_or_else(|| {
            Failure::Usage(anyhow::anyhow!(
                "no built-in filter is called '{name}': `tamis filters` lists them"
            ))
        })?;
        writeln!(out, "{}", filter.config_schema.trim_end())?;
        return Ok(());
    }
    let hosts = |name: &str| -> Vec<&'static str> {
        HostKind::ALL
            .into_iter()
            .filter(|kind| *kind == HostKind::Native || artifacts::find(name, *kind).is_some())
            .map(HostKind::name)
            .collect()
    };
    if args.format == Format::Json {
        let list: Vec<_> = BUILTINS
            .iter()
            .map(|b| {
                serde_json::json!({
                    "name": b.name, "version": b.version,
                    "hosts": hosts(b.name), "counters": b.counters,
                })
            })
            .collect();
        writeln!(out, "{}", serde_json::Value::from(list))?;
        return Ok(());
    }
    let width = BUILTINS.iter().map(|b| b.name.len()).max().unwrap_or(0);
    for b in BUILTINS {
        writeln!(out, "{:width$}  {}  {}", b.name, b.version, hosts(b.name).join(", "))?;
    }
    Ok(())
}
