//! Configs of several filters, from the command line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use crate::select::Target;

/// A config: its text, and the directory its relative paths start at.
#[derive(Debug, Default, Clone)]
pub(super) struct Config {
    pub(super) text: String,
    pub(super) base_dir: Option<PathBuf>,
}

/// What `--config [NAME=]FILE` says for each of the filters.
pub(super) fn of(args: &[String], targets: &[Target]) -> anyhow::Result<Vec<Config>> {
    let mut configs = vec![None; targets.len()];
    for arg in args {
        // A file name may hold `=` as well: only the name of a filter makes it a pair.
        let named = arg.split_once('=').filter(|(n, _)| targets.iter().any(|t| t.name() == *n));
        let (name, path) = match named {
            Some((name, path)) => (name, path),
            None if targets.len() == 1 => (targets[0].name(), arg.as_str()),
            None => {
                let names: Vec<&str> = targets.iter().map(Target::name).collect();
                return Err(anyhow!(
                    "--config {arg} does not say which filter it is for: write \
                     --config NAME=FILE with one of {}",
                    names.join(", ")
                ));
            }
        };
        let text = fs::read_to_string(path).with_context(|| format!("cannot read the config {path}"))?;
        let base_dir = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty());
        let config = Config { text, base_dir: base_dir.map(Path::to_owned) };
        for (slot, target) in configs.iter_mut().zip(targets) {
            if target.name() == name && slot.replace(config.clone()).is_some() {
                return Err(anyhow!("--config is given twice for '{name}'"));
            }
        }
    }
    Ok(configs.into_iter().map(Option::unwrap_or_default).collect())
}
