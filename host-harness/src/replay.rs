//! Recorded cases: the same input must give the same bytes in every host.
//!
//! A case is a folder `<filter>/<case>/` with
//! - `input.log` (text) or `input.jsonl` (JSON lines),
//! - `expected.log` or `expected.jsonl`, or `error.txt`: the filter must refuse its config
//!   with just these words,
//! - if wanted, `config.json`, a line about it in `describe.txt`, and `skip.txt` with lines
//!   `<host>: <reason>` for hosts whose ABI cannot do what the case is about.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use similar::TextDiff;

use crate::{
    host::{HostKind, HostOptions, Refused},
    input::InputMode,
    pipeline::{Chain, Options, Stage, run_bytes},
    select::{Opener, Target},
};

/// A longer diff is cut: the first differences say what is wrong.
const MAX_DIFF_LINES: usize = 60;

/// What a filter is expected to make of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// These bytes.
    Output(Vec<u8>),
    /// A refusal of the config in these words.
    Refusal(String),
}

/// One recorded case.
#[derive(Debug, Clone)]
pub struct Case {
    /// The filter's name.
    pub filter: String,
    /// The name of its folder.
    pub name: String,
    /// The line in `describe.txt`, or nothing.
    pub description: String,
    /// Hosts that cannot run it, with the reason.
    pub skipped: BTreeMap<HostKind, String>,
    dir: PathBuf,
    extension: &'static str,
    artifacts: Option<PathBuf>,
}

impl Case {
    /// Read what a folder says about itself.
    ///
    /// # Errors
    /// When it has no input, or two, or names a host that does not exist.
    pub fn load(filter: &str, dir: &Path) -> anyhow::Result<Self> {
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let has = |ext: &str| dir.join(format!("input.{ext}")).is_file();
        let extension = match (has("log"), has("jsonl")) {
            (true, false) => "log",
            (false, true) => "jsonl",
            _ => bail!("{} needs either input.log or input.jsonl", dir.display()),
        };
        let mut skipped = BTreeMap::new();
        for line in optional_text(&dir.join("skip.txt"))?.lines().filter(|l| !l.trim().is_empty()) {
            let (host, reason) = line.split_once(": ").with_context(|| {
                format!("{}: lines are `<host>: <reason>`", dir.join("skip.txt").display())
            })?;
            let host = host.parse().map_err(anyhow::Error::msg)?;
            skipped.insert(host, reason.trim().to_owned());
        }
        Ok(Self {
            filter: filter.to_owned(),
            description: optional_text(&dir.join("describe.txt"))?.trim().to_owned(),
            name,
            skipped,
            dir: dir.to_owned(),
            extension,
            artifacts: None,
        })
    }

    /// Run it with `<filter>.<host>.wasm` in this directory, not with what is built in.
    #[must_use]
    pub fn with_artifacts(self, dir: &Path) -> Self {
        Self { artifacts: Some(dir.to_owned()), ..self }
    }

    /// The host whose output becomes the expectation: of built-in filters the native one.
    pub fn reference(&self) -> HostKind {
        if self.artifacts.is_some() { HostKind::Component } else { HostKind::Native }
    }

    fn target(&self, kind: HostKind) -> anyhow::Result<Target> {
        let Some(dir) = &self.artifacts else { return Target::find(&self.filter) };
        Target::find(&dir.join(format!("{}.{kind}.wasm", self.filter)).to_string_lossy())
    }

    /// What the folder expects; `None` if it does not say yet.
    ///
    /// # Errors
    /// When it expects both an output and a refusal, or cannot be read.
    pub fn expected(&self) -> anyhow::Result<Option<Expected>> {
        let output = optional(&self.output_path())?;
        let refusal = optional(&self.refusal_path())?;
        match (output, refusal) {
            (Some(_), Some(_)) => {
                bail!("{} has both expected.{} and error.txt: remove one", self.dir.display(), self.extension)
            }
            (Some(bytes), None) => Ok(Some(Expected::Output(bytes))),
            (None, Some(text)) => {
                let text = String::from_utf8_lossy(&text).trim_end().to_owned();
                Ok(Some(Expected::Refusal(text)))
            }
            (None, None) => Ok(None),
        }
    }

    /// Make this what the folder expects.
    ///
    /// # Errors
    /// When writing fails, or a case about an output would become one about a refusal:
    /// that is more often a mistake than a wish.
    pub fn bless(&self, expected: &Expected) -> anyhow::Result<()> {
        let (path, bytes) = match expected {
            Expected::Output(bytes) => (self.output_path(), bytes.clone()),
            Expected::Refusal(text) => (self.refusal_path(), format!("{text}\n").into_bytes()),
        };
        match (self.expected()?, expected) {
            (Some(Expected::Output(_)), Expected::Refusal(text)) => bail!(
                "{} expects an output, but the config is refused ({text}): remove expected.{} \
                 if that is right",
                self.dir.display(),
                self.extension
            ),
            (Some(Expected::Refusal(_)), Expected::Output(_)) => bail!(
                "{} expects a refusal, but the config is accepted: remove error.txt if that is \
                 right",
                self.dir.display()
            ),
            _ => {}
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Run it in one host.
    ///
    /// # Errors
    /// When the filter cannot be started (but for a refusal of its config) or fails.
    pub fn run(&self, kind: HostKind, opener: &Opener) -> anyhow::Result<Expected> {
        let target = self.target(kind)?;
        let config = optional_text(&self.dir.join("config.json"))?;
        let options = HostOptions { config_base_dir: Some(self.dir.clone()), ..HostOptions::default() };
        let host = match opener.open(&target, kind, &config, &options) {
            Ok(host) => host,
            Err(error) => {
                let refused = error.downcast_ref::<Refused>().map(|r| r.0.trim_end().to_owned());
                return refused.map(Expected::Refusal).ok_or(error);
            }
        };
        let input_path = self.dir.join(format!("input.{}", self.extension));
        let input = fs::read(&input_path).with_context(|| format!("cannot read {}", input_path.display()))?;
        let mode = if self.extension == "log" { InputMode::Text } else { InputMode::Json };
        let mut chain = Chain::new(vec![Stage { name: self.filter.clone(), host }]);
        let (output, _) = run_bytes(&mut chain, &input, &Options { mode, ..Options::default() })
            .map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok(Expected::Output(output))
    }

    fn output_path(&self) -> PathBuf {
        self.dir.join(format!("expected.{}", self.extension))
    }

    fn refusal_path(&self) -> PathBuf {
        self.dir.join("error.txt")
    }
}

fn optional(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn optional_text(path: &Path) -> anyhow::Result<String> {
    let bytes = optional(path)?.unwrap_or_default();
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// All cases below `dir` whose `<filter>/<case>` holds one of `patterns` (all cases if
/// there are none), in the order of their names.
///
/// # Errors
/// When a folder cannot be read or is no case.
pub fn discover(dir: &Path, patterns: &[String]) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for filter in folders(dir)? {
        let name = filter.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for folder in folders(&filter)? {
            let full = format!("{name}/{}", folder.file_name().unwrap_or_default().to_string_lossy());
            if patterns.is_empty() || patterns.iter().any(|p| full.contains(p.as_str())) {
                cases.push(Case::load(&name, &folder)?);
            }
        }
    }
    Ok(cases)
}

fn folders(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read the cases in {}", dir.display());
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// How one case went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Hosts that did as expected.
    pub passed: Vec<HostKind>,
    /// Hosts that did not, each with a diff or a reason.
    pub failed: Vec<(HostKind, String)>,
    /// Whether the expectation was rewritten.
    pub blessed: bool,
}

/// Run a case on these hosts. With `bless`, what its [reference](Case::reference) does becomes
/// what is expected of all.
///
/// # Errors
/// When the case itself is unsound, not when a host does not do as expected.
pub fn check(case: &Case, hosts: &[HostKind], bless: bool, opener: &Opener) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { passed: Vec::new(), failed: Vec::new(), blessed: false };
    let mut expected = case.expected()?;
    if bless {
        let reference = case.run(case.reference(), opener)?;
        if expected.as_ref() != Some(&reference) {
            case.bless(&reference)?;
            outcome.blessed = true;
            expected = Some(reference);
        }
    }
    let Some(expected) = expected else {
        bail!(
            "{}/{} expects nothing yet: `tamis replay --bless {0}/{1}` records what {} does",
            case.filter,
            case.name,
            case.reference()
        );
    };
    for &host in hosts.iter().filter(|h| !case.skipped.contains_key(h)) {
        match case.run(host, opener) {
            Ok(actual) if actual == expected => outcome.passed.push(host),
            Ok(actual) => outcome.failed.push((host, difference(&expected, &actual))),
            Err(error) => outcome.failed.push((host, format!("{error:#}\n"))),
        }
    }
    Ok(outcome)
}

/// What differs, as a unified diff in which every byte can be seen.
pub fn difference(expected: &Expected, actual: &Expected) -> String {
    let (old, new) = match (expected, actual) {
        (Expected::Output(old), Expected::Output(new)) => (visible(old), visible(new)),
        (Expected::Refusal(old), Expected::Refusal(new)) => (format!("{old}\n"), format!("{new}\n")),
        (Expected::Output(_), Expected::Refusal(text)) => {
            return format!("the config was refused: {text}\n");
        }
        (Expected::Refusal(text), Expected::Output(_)) => {
            return format!("the config was accepted, but should be refused: {text}\n");
        }
    };
    let mut config = TextDiff::configure();
    config.timeout(Duration::from_secs(5));
    let diff = config.diff_lines(&old, &new);
    let text = diff.unified_diff().context_radius(2).header("expected", "actual").to_string();
    let mut cut = String::new();
    for (i, line) in text.lines().enumerate() {
        if i == MAX_DIFF_LINES {
            let _ = writeln!(cut, "... and {} lines more", text.lines().count() - i);
            break;
        }
        cut.push_str(line);
        cut.push('\n');
    }
    cut
}

/// Lines with every byte that a terminal would hide as an escape; a missing final line end
/// is said in words.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let (body, ended) = line.strip_suffix(b"\n").map_or((line, false), |body| (body, true));
        for part in body.utf8_chunks() {
            for c in part.valid().chars() {
                // Private use characters may stand for bytes, and are invisible or tofu.
                if c.is_control() || ('\u{e000}'..='\u{f8ff}').contains(&c) {
                    text.extend(c.escape_default());
                } else {
                    text.push(c);
                }
            }
            for byte in part.invalid() {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        text.push_str(if ended { "\n" } else { "[no line end]\n" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_can_be_seen() {
        let output = |b: &[u8]| Expected::Output(b.to_vec());
        let diff = difference(&output(b"same\na\r\n"), &output(b"same\na\xff\0"));
        assert!(diff.contains("-a\\r\n") && diff.contains("+a\\xff\\u{0}[no line end]\n"), "{diff}");
        assert!(diff.contains(" same\n"));
        let refused = Expected::Refusal("config $.a: no".into());
        assert!(difference(&output(b""), &refused).contains("refused: config $.a: no"));
        assert!(difference(&refused, &output(b"")).contains("accepted"));
    }
}
