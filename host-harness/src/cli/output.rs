//! What commands that write reports share: operands, progress, files.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tamis_detectors::Severity;

use crate::audit::{
    glob::Glob,
    walk::{Limits, NotScanned},
};

/// Below this, a scan is over before a progress bar is read.
const PROGRESS_FROM_BYTES: u64 = 64 << 20;

/// `--report FORMAT=FILE`.
#[derive(Debug, Clone)]
pub struct Extra<F> {
    /// How to report.
    pub format: F,
    /// Where to.
    pub path: PathBuf,
}

impl<F: ValueEnum> Extra<F> {
    /// Read `FORMAT=FILE`.
    ///
    /// # Errors
    /// When it is not that, or there is no such format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<String> = F::value_variants()
            .iter()
            .filter_map(|f| Some(f.to_possible_value()?.get_name().to_owned()))
            .collect();
        let (format, path) = text.split_once('=').ok_or_else(|| {
            let example = names.last().map_or("html", String::as_str);
            format!("write FORMAT=FILE, such as {example}=report.{example}")
        })?;
        let format = F::from_str(format, true)
            .map_err(|_| format!("'{format}' is no format: {}", names.join(", ")))?;
        Ok(Self { format, path: path.into() })
    }
}

/// What is scanned, and how.
#[derive(Debug, clap::Args)]
pub struct Scanned {
    /// Threads that scan [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Leave out files and directories: names (*.gz), or paths below an operand (old/**).
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Leave out larger files, as in 500M; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES")]
    max_file_size: Option<Bytes>,
}

/// The paths that were named; without any, standard input, if something is piped into it. `verb` is what would be done
/// with them, `command` whose help says more.
///
/// # Errors
/// When nothing is named, and nothing piped.
pub fn operands(paths: &[String], verb: &str, command: &str) -> anyhow::Result<Vec<String>> {
    if !paths.is_empty() {
        return Ok(paths.to_vec());
    }
    if io::stdin().is_terminal() {
        let words = "name a file or a directory, or pipe a log into it";
        bail!("nothing to {verb}: {words}: see `tamis {command} --help`");
    }
    Ok(vec!["-".to_owned()])
}

impl Scanned {
    /// What is left out.
    pub fn limits(&self) -> Limits {
        Limits {
            exclude: self.exclude.iter().map(|g| Glob::new(g)).collect(),
            max_file_bytes: self.max_file_size.map(|b| b.0),
        }
    }

    /// How many threads scan, on a machine with so many cores.
    pub fn threads(&self, cores: usize) -> usize {
        self.threads.map_or(cores, usize::from)
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            unit => return Err(format!("'{unit}' is no unit: k, M or G")),
        };
        let number: u64 =
            digits.parse().map_err(|_| format!("'{text}' is no number of bytes, such as 500M"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("'{text}' is too much"))
    }
}

/// How severe a finding must be for exit code 1.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum FailOn {
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl FailOn {
    /// The severity; `None` for never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::Never => None,
        }
    }
}

/// The first input that could not be read, and how many more there are; `None` if all could.
pub fn first_of(errors: &[NotScanned]) -> Option<String> {
    let first = errors.first()?;
    let more = match errors.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Some(format!("{}: {}{more}", first.path, first.reason))
}

/// A bar for so many bytes, on a terminal and if it will be there long enough to be read.
pub fn progress(total: u64) -> ProgressBar {
    if total < PROGRESS_FROM_BYTES || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

/// Whether standard output is to have colours.
pub fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Write a report to a file.
///
/// # Errors
/// When that fails.
pub fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Write a report to standard output. Whoever reads may have seen enough; the verdict stands.
///
/// # Errors
/// When it fails for another reason.
pub fn write_stdout(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the report"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("500M", 500 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse::<Bytes>().unwrap().0, bytes);
        }
        for text in ["", "M", "1x", "-1", "99999999999999999G"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        type Report = Extra<super::super::Format>;
        assert!(Report::parse("json=x").is_ok());
        assert!(Report::parse("xml=x").unwrap_err().contains("text, json"));
        assert!(Report::parse("json").unwrap_err().contains("json=report.json"));
    }
}
