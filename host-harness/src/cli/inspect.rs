//! `tamis inspect`: what an artifact is.

use std::io::{self, Write};

use anyhow::{Context, anyhow};

use super::{Failure, Format, hosts};
use crate::{
    host::{
        Engines, HostKind, HostOptions,
        component::{self, Description},
    },
    inspect::{self, Baked, Report},
    select::{self, Target},
};

const AFTER_HELP: &str = "\
Examples:
  tamis inspect coturn-ip-anonymizer --host fluent-bit
  tamis inspect --format json ./mine.wasm";

/// Look into a filter: its ABI, imports, exports and needs.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A built-in name or the path of a .wasm artifact.
    filter: String,

    /// Which artifact of a built-in filter [default: component].
    #[arg(long, value_parser = hosts::of_artifacts())]
    host: Option<HostKind>,

    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let usage = |e: anyhow::Error| Failure::Usage(e);
    let wasm;
    let target;
    // Also artifacts of no known ABI can be looked into.
    let bytes: &[u8] = if crate::host::native::builtin(&args.filter).is_some() {
        target = Target::find(&args.filter).map_err(usage)?;
        let kind = target.host(args.host).map_err(usage)?;
        target.wasm(kind).map_err(usage)?.context("the native host has no artifact").map_err(usage)?
    } else {
        wasm = select::read(&args.filter).map_err(Failure::start)?;
        &wasm
    };
    let report = inspect::inspect(bytes).with_context(|| args.filter.clone()).map_err(usage)?;
    if let Some(host) = args.host.filter(|host| host.name() != report.abi) {
        let error =
            anyhow!("{}: this is for the host {}, not {host}: leave --host out", args.filter, report.abi);
        return Err(Failure::Usage(error));
    }
    let description = if report.abi == HostKind::Component.name() {
        let has_key = report.baked.as_ref().is_some_and(|baked| baked.key_id.is_some());
        // The cache would keep a copy of the key.
        let engines = if has_key { Engines::with_cache_dir(None) } else { Engines::new() };
        let engines = engines.map_err(Failure::Guest)?;
        let described = component::describe(&engines, bytes, &HostOptions::default());
        Some(described.with_context(|| args.filter.clone()).map_err(Failure::Guest)?)
    } else {
        None
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => print_text(&mut out, &report, description.as_ref())?,
        Format::Json => print_json(&mut out, &report, description.as_ref())?,
    }
    Ok(())
}

fn print_text(out: &mut impl Write, report: &Report, description: Option<&Description>) -> io::Result<()> {
    if let Some(description) = description {
        writeln!(out, "filter     {} {}", description.name, description.version)?;
    }
    writeln!(out, "abi        {} ({})", report.abi, report.encoding)?;
    writeln!(out, "size       {} bytes", report.size_bytes)?;
    if let Some(Baked { filter, version, config_sha256, key_id }) = &report.baked {
        let (filter, version) = (filter.escape_debug(), version.escape_debug());
        writeln!(
            out,
            "baked      {filter} {version} with the config of SHA-256 {}",
            config_sha256.escape_debug()
        )?;
        match key_id {
            Some(id) => writeln!(
                out,
                "key        '{}' IS INSIDE: this file is as secret as the key",
                id.escape_debug()
            )?,
            None => writeln!(out, "key        none inside")?,
        }
    }
    for memory in &report.memories {
        let maximum = match memory.maximum_bytes {
            Some(bytes) => format!("at most {bytes} bytes"),
            None => "no maximum of its own".into(),
        };
        writeln!(out, "memory     {} bytes at the start, {maximum}", memory.initial_bytes)?;
    }
    let features =
        if report.features.is_empty() { "WebAssembly 1.0".to_owned() } else { report.features.join(", ") };
    writeln!(out, "features   {features}")?;
    for (title, list) in [("imports", &report.imports), ("exports", &report.exports)] {
        writeln!(out, "{title:10} {}", if list.is_empty() { "none" } else { "" })?;
        for item in list {
            writeln!(out, "  {}", item.escape_debug())?;
        }
    }
    if !report.custom_sections.is_empty() {
        writeln!(out, "custom")?;
        for section in &report.custom_sections {
            writeln!(out, "  {} ({} bytes)", section.name.escape_debug(), section.size_bytes)?;
        }
    }
    Ok(())
}

fn print_json(out: &mut impl Write, report: &Report, description: Option<&Description>) -> io::Result<()> {
    let mut json = serde_json::to_value(report).map_err(io::Error::other)?;
    if let Some(description) = description {
        let schema = serde_json::from_str(&description.config_schema)
            .unwrap_or_else(|_| serde_json::Value::from(description.config_schema.as_str()));
        json["describe"] = serde_json::json!({
            "name": description.name, "version": description.version, "config_schema": schema,
        });
    }
    writeln!(out, "{json:#}")
}
