//! What commands share that write: the files they are told to write, and for reports operands and progress.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tamis_detectors::Severity;
use tempfile::NamedTempFile;

use super::{bytes::Bytes, input::is_stdin};
use crate::audit::{
    glob::Glob,
    walk::{Limits, NotScanned},
};

/// Below this, a scan is over before a progress bar is read.
const PROGRESS_FROM_BYTES: u64 = 64 << 20;

/// Stands for standard output where a file can be named.
pub const STDOUT: &str = "-";

/// A file that a command writes, and what names it.
pub type Named<'a> = (&'static str, &'a Path);

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

    /// Leave out files and directories: names (*.{gz,zst}), or paths below an operand (old/**);
    /// can be given several times.
    #[arg(long, value_name = "GLOB", value_parser = Glob::new)]
    exclude: Vec<Glob>,

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
    /// What is left out, such as what an earlier run has written to the same files.
    pub fn limits(&self, outputs: &[Named<'_>]) -> Limits {
        Limits {
            exclude: self.exclude.clone(),
            max_file_bytes: self.max_file_size.map(|b| b.0),
            outputs: outputs.iter().filter_map(|(_, path)| fs::canonicalize(path).ok()).collect(),
        }
    }

    /// How many threads scan, on a machine with so many cores.
    pub fn threads(&self, cores: usize) -> usize {
        self.threads.map_or(cores, usize::from)
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

/// Whether what is written there is to have colours.
pub fn colour(output: Option<&Path>) -> bool {
    file(output).is_none() && io::stdout().is_terminal() && may_colour()
}

/// Whether the user has nothing against colours.
pub fn may_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// The file to write; `None` for standard output, which is meant by `-` and if nothing is named.
pub fn file(output: Option<&Path>) -> Option<&Path> {
    output.filter(|path| *path != Path::new(STDOUT))
}

/// Write to the file that was named, or to standard output.
///
/// # Errors
/// When that fails; not if whoever reads standard output has gone, see [`write_stream`].
pub fn write(output: Option<&Path>, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    match file(output) {
        Some(path) => fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display())),
        None => write_stream(&mut io::stdout().lock(), bytes.as_ref()),
    }
}

/// Write to standard output or standard error. Whoever reads may have seen enough; the verdict stands.
///
/// # Errors
/// When it fails for another reason.
pub fn write_stream(out: &mut impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the output"),
    }
}

/// What `--output` and `--report` name.
pub fn reports<'a, F>(output: Option<&'a Path>, reports: &'a [Extra<F>]) -> Vec<Named<'a>> {
    let first = output.map_or(("the report without --output", Path::new(STDOUT)), |path| ("--output", path));
    let more = reports.iter().map(|report| ("--report", report.path.as_path()));
    [first].into_iter().chain(more).collect()
}

/// Before any work: each output has a file to itself that is no input, in a directory that is there.
///
/// # Errors
/// When that is not so; with an [`io::Error`] inside if a directory is missing.
pub fn check(outputs: &[Named<'_>], inputs: &[&Path]) -> anyhow::Result<()> {
    for (i, (name, path)) in outputs.iter().enumerate() {
        let before = &outputs[..i];
        let Some(path) = file(Some(path)) else {
            if let Some((other, _)) = before.iter().find(|(_, path)| file(Some(path)).is_none()) {
                bail!(
                    "standard output is named twice, by {other} and by {name}: write one of them to a file"
                );
            }
            if let Some(input) = inputs.iter().find(|input| is_at_stdout(input)) {
                bail!("{} is input and output: write to another file", input.display());
            }
            continue;
        };
        let shown = path.display();
        if let Some((other, _)) = before.iter().find(|(_, other)| is_same(other, path)) {
            bail!("{shown} is named twice, by {other} and by {name}: each needs a file of its own");
        }
        if inputs.iter().any(|input| !is_stdin(input) && is_same(input, path)) {
            bail!("{shown} is input and output: write to another file");
        }
        let dir = parent(path);
        if !dir.is_dir() {
            let missing = format!("there is no directory {}", dir.display());
            let error = io::Error::new(io::ErrorKind::NotFound, missing);
            return Err(anyhow!(error).context(format!("cannot write {shown}")));
        }
    }
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    place(a).is_some_and(|a| place(b) == Some(a))
}

/// Whether standard output goes to the file, which would then never end: `tamis run FILTER log >> log`.
fn is_at_stdout(input: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::{
            fd::{AsFd, BorrowedFd},
            unix::fs::MetadataExt,
        };
        let about = |stream: BorrowedFd<'_>| File::from(stream.try_clone_to_owned().ok()?).metadata().ok();
        let input = if is_stdin(input) { about(io::stdin().as_fd()) } else { fs::metadata(input).ok() };
        let (Some(input), Some(output)) = (input, about(io::stdout().as_fd())) else { return false };
        output.is_file() && (input.dev(), input.ino()) == (output.dev(), output.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = input;
        false
    }
}

/// Where a file is or will be; `None` for what anything may be written to at once, such as /dev/null.
fn place(path: &Path) -> Option<PathBuf> {
    match fs::metadata(path) {
        Ok(about) if !about.is_file() => None,
        Ok(_) => fs::canonicalize(path).ok(),
        Err(_) => Some(fs::canonicalize(parent(path)).ok()?.join(path.file_name()?)),
    }
}

/// The directory that a file is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An artifact is nothing to show.
///
/// # Errors
/// When it would go to a terminal.
pub fn refuse_terminal(output: &Path) -> anyhow::Result<()> {
    if file(Some(output)).is_none() && io::stdout().is_terminal() {
        bail!("standard output is a terminal, which cannot take an artifact: name a file, or pipe it on");
    }
    Ok(())
}

/// A new file beside `path`, which takes its place in one step once it is whole. `mode` is that of the file,
/// where files have one.
///
/// # Errors
/// When it cannot be made. Nobody has asked for its name: no error shows it.
pub fn beside(path: &Path, mode: u32) -> io::Result<NamedTempFile<File>> {
    tempfile::Builder::new().prefix(".tamis-").make_in(parent(path), |path| {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        options.open(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_named() {
        type Report = Extra<super::super::Format>;
        assert!(Report::parse("json=x").is_ok());
        assert!(Report::parse("xml=x").unwrap_err().contains("text, json"));
        assert!(Report::parse("json").unwrap_err().contains("json=report.json"));
    }

    #[test]
    fn each_output_has_a_file_to_itself() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("in"), "").unwrap();
        let (input, new, round) = (at("in"), at("new"), dir.path().join(".").join("new"));
        let (stdout, null) = (Path::new(STDOUT), Path::new("/dev/null"));
        let refused = |outputs: &[&Path]| {
            let named: Vec<Named<'_>> = outputs.iter().map(|path| ("--output", *path)).collect();
            check(&named, &[&input, stdout]).err().map(|e| format!("{e:#}")).unwrap_or_default()
        };
        for fine in [&[new.as_path(), stdout][..], &[null, null], &[&at("a"), &at("b")], &[]] {
            assert_eq!(refused(fine), "");
        }
        for (outputs, says) in [
            (&[new.as_path(), &new][..], "is named twice"),
            (&[&new, &round], "is named twice"),
            (&[stdout, stdout], "standard output is named twice"),
            (&[&input], "is input and output"),
            (&[&at("no/such")], "there is no directory"),
        ] {
            assert!(refused(outputs).contains(says), "{outputs:?}: {}", refused(outputs));
        }
    }
}
