//! Configs of several filters, from the command line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use crate::{nearest::did_you_mean, select::Target};

/// A config: its text, and where it is; relative paths in it start at its directory.
#[derive(Debug, Default, Clone)]
pub(super) struct Config {
    pub(super) text: String,
    pub(super) path: Option<PathBuf>,
}

impl Config {
    /// Read one from a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read the config {}", path.display()))?;
        Ok(Self { text, path: Some(path.to_owned()) })
    }

    /// The directory its relative paths start at; `None` if that is the current one.
    pub(super) fn base_dir(&self) -> Option<PathBuf> {
        let dir = self.path.as_deref()?.parent()?;
        (!dir.as_os_str().is_empty()).then(|| dir.to_owned())
    }
}

/// What `--config [NAME=]FILE` says for each of the filters.
pub(super) fn of(args: &[String], targets: &[Target]) -> anyhow::Result<Vec<Config>> {
    let mut configs = vec![None; targets.len()];
    for arg in args {
        // A file name may hold `=` as well: only the name of a filter makes it a pair.
        let named = arg.split_once('=').filter(|(n, _)| targets.iter().any(|t| t.name() == *n));
        let (name, path) = match (named, targets) {
            (Some((name, path)), _) => (name, path),
            (None, [target]) if !arg.contains('=') || Path::new(arg).exists() => {
                (target.name(), arg.as_str())
            }
            _ => return Err(unassigned(arg, targets)),
        };
        let config = Config::read(Path::new(path))?;
        for (slot, target) in configs.iter_mut().zip(targets) {
            if target.name() == name && slot.replace(config.clone()).is_some() {
                return Err(anyhow!("--config is given twice for '{name}'"));
            }
        }
    }
    Ok(configs.into_iter().map(Option::unwrap_or_default).collect())
}

/// Why a config goes to none of the filters.
fn unassigned(arg: &str, targets: &[Target]) -> anyhow::Error {
    let names = targets.iter().map(Target::name).collect::<Vec<_>>().join(", ");
    let Some((name, _)) = arg.split_once('=') else {
        let words = "does not say which filter it is for: write --config NAME=FILE with one of";
        return anyhow!("--config {arg} {words} {names}");
    };
    let missing = if Path::new(arg).exists() { "" } else { "there is no such file, and " };
    let hint = did_you_mean(name, targets.iter().map(Target::name));
    anyhow!("--config {arg}: {missing}'{name}' is none of the filters given ({names}){hint}")
}
