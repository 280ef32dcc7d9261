//! `tamis lint`: what in a configuration lets sensitive data into logs, or out of the place where they belong.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, anyhow};
use clap::{Subcommand, ValueEnum};

use super::{
    Failure, input,
    output::{self, FailOn, Named},
};
use crate::{
    audit::Style,
    lint::{self, Place, Report, Rule, Version, coturn, pipeline, storage},
    nearest::did_you_mean,
};

/// What is said of all of these commands in the middle of their help.
macro_rules! after_help {
    ($text:literal, $examples:literal) => {
        concat!(
            $text,
            "\
Exit codes:
  0  nothing found, or nothing that --fail-on counts
  1  findings
  2  bad usage, or something could not be read (the rest was looked at)

Examples:
",
            $examples
        )
    };
}

const AFTER_HELP: &str = after_help!(
    "",
    "  tamis lint coturn /etc/turnserver.conf
  tamis lint storage /var/log/turnserver --retention 30d
  tamis lint pipeline fluent-bit.yaml envoy.yaml --format sarif -o lint.sarif
  tamis lint rules"
);

const COTURN_HELP: &str = after_help!(
    "\
What --fix cures does not count for the exit code; rules that --allow names are not cured. \
Comments and the order of lines stay. Options on the command line of turnserver, such as -v, \
are not seen.

",
    "  tamis lint coturn /etc/turnserver.conf --coturn-version 4.6.1
  tamis lint coturn turnserver.conf --fix - 2> report | diff turnserver.conf -
  tamis lint coturn /etc/turnserver.conf --in-place
  tamis lint coturn turnserver.conf --allow coturn/rest-users --fail-on medium"
);

const STORAGE_HELP: &str = after_help!(
    "\
Looks at modes, owners and times of files, at the configuration of logrotate and journald, and \
at what the kernel tells of mounts and disks. Logs themselves are not read.

",
    "  tamis lint storage /var/log/turnserver --retention 30d
  tamis lint storage /var/log/worker /var/log/journal --format json"
);

const PIPELINE_HELP: &str = after_help!(
    "\
Reads Fluent Bit (YAML and classic, with includes), Envoy (YAML, JSON) and Vector (YAML, TOML, \
JSON), also inside of a ConfigMap of Kubernetes. Variables are taken from the config itself and \
from the environment; what hangs on others is not judged.

",
    "  tamis lint pipeline /etc/fluent-bit/fluent-bit.yaml --fluent-bit-version 5.1.1
  tamis lint pipeline envoy.yaml vector.toml --fail-on high
  tamis lint pipeline deploy/fluent-bit.conf --root image-root/"
);

const RULES_HELP: &str = "\
docs/lint.md says why each rule is there and what cures it; so does --format json.

Exit codes: 0, or 2 for bad usage or if the list could not be written.

Examples:
  tamis lint rules
  tamis lint rules --format json";

/// Find what lets sensitive data into logs, or out of the place where they belong.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Coturn(Coturn),
    Storage(Storage),
    Pipeline(Pipeline),
    Rules(Rules),
}

/// Look at a turnserver.conf: what coturn will log, and how to make it log less.
#[derive(Debug, clap::Args)]
#[command(after_help = COTURN_HELP)]
struct Coturn {
    /// The file; - is standard input.
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: String,

    /// The version of coturn; without it, only what holds for all of them is said.
    #[arg(long, value_name = "VERSION")]
    coturn_version: Option<Version>,

    /// Write a patched copy there; - is standard output, and the report goes to standard error.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    fix: Option<PathBuf>,

    /// Patch the file itself.
    #[arg(long, conflicts_with = "fix")]
    in_place: bool,

    #[command(flatten)]
    out: Out,
}

/// Look at files and folders of logs: who can read them, how long they stay, what is below them.
#[derive(Debug, clap::Args)]
#[command(after_help = STORAGE_HELP)]
struct Storage {
    /// Files and folders.
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<String>,

    /// How long a log may stay, as in 30d, 12h or 2weeks.
    #[arg(long, value_name = "TIME", value_parser = span)]
    retention: Option<Duration>,

    /// Where the kernel tells about processes.
    #[arg(long, value_name = "DIR", default_value = "/proc", hide = true)]
    proc_root: PathBuf,

    /// Where the kernel tells about devices.
    #[arg(long, value_name = "DIR", default_value = "/sys", hide = true)]
    sys_root: PathBuf,

    /// Where the system is configured.
    #[arg(long, value_name = "DIR", default_value = "/etc", hide = true)]
    etc_root: PathBuf,

    #[command(flatten)]
    out: Out,
}

/// Look at pipelines of Fluent Bit, Envoy and Vector: whether records can get past the filters.
#[derive(Debug, clap::Args)]
#[command(after_help = PIPELINE_HELP)]
struct Pipeline {
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<String>,

    /// What they are written for; without it, names and contents tell.
    #[arg(long = "type", value_enum, value_name = "HOST")]
    kind: Option<Kind>,

    /// The version of Fluent Bit: some have known faults.
    #[arg(long, value_name = "VERSION")]
    fluent_bit_version: Option<Version>,

    /// The directory that stands for /: where artifacts with absolute paths are looked for.
    #[arg(long, value_name = "DIR", default_value = "/", value_hint = clap::ValueHint::DirPath)]
    root: PathBuf,

    #[command(flatten)]
    out: Out,
}

/// List the rules.
#[derive(Debug, clap::Args)]
#[command(after_help = RULES_HELP)]
struct Rules {
    /// How to print the list.
    #[arg(long, value_enum, default_value = "text")]
    format: super::Format,
}

#[derive(Debug, clap::Args)]
struct Out {
    /// How to report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the report here instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Exit with 1 if something as severe as this is found.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    fail_on: FailOn,

    /// Leave out a rule, such as coturn/rest-users; can be given several times.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    allow: Vec<String>,
}

impl Out {
    /// The report, if a place for it is named.
    fn named(&self) -> Option<Named<'_>> {
        self.output.as_deref().map(|path| ("--output", path))
    }

    /// Before any work: the report goes to a place that is none of these.
    fn check(&self, inputs: &[String]) -> Result<(), Failure> {
        let inputs: Vec<&Path> = inputs.iter().map(Path::new).collect();
        output::check(self.named().as_slice(), &inputs).map_err(Failure::Usage)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: docs/lint.md.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    FluentBit,
    Envoy,
    Vector,
}

fn rule(text: &str) -> Result<String, String> {
    match lint::rule(text) {
        Some(rule) => Ok(rule.id.to_owned()),
        None => {
            let hint = did_you_mean(text, lint::rules().map(|rule| rule.id));
            Err(format!("no rule has this id: `tamis lint rules` lists them{hint}"))
        }
    }
}

fn span(text: &str) -> Result<Duration, String> {
    match storage::span(text) {
        Some(span) if !span.is_zero() => Ok(span),
        _ => Err("write a number and a unit, such as 30d, 12h or 2weeks".to_owned()),
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Coturn(args) => run_coturn(&args),
        What::Storage(args) => run_storage(&args),
        What::Pipeline(args) => run_pipeline(&args),
        What::Rules(args) => rules(&args).map_err(Failure::Usage),
    }
}

/// The bytes of an operand, and what the report calls it.
fn read(operand: &str) -> (&str, Result<Vec<u8>, String>) {
    if input::is_stdin(Path::new(operand)) {
        ("<stdin>", lint::read_from(io::stdin().lock()))
    } else {
        (operand, lint::read(Path::new(operand)))
    }
}

fn run_coturn(args: &Coturn) -> Result<(), Failure> {
    let usage = |words: &str| Err(Failure::Usage(anyhow!("{words}")));
    if args.in_place && input::is_stdin(Path::new(&args.file)) {
        return usage("--in-place needs a file; write the patched copy elsewhere with --fix FILE");
    }
    if let Some(target) = args.fix.as_deref().filter(|t| is_same(t, Path::new(&args.file))) {
        return usage(&format!("{} is the file itself: patch it with --in-place", target.display()));
    }
    let outputs = [args.fix.as_deref().map(|fix| ("--fix", fix)), args.out.named()];
    let outputs: Vec<Named<'_>> = outputs.into_iter().flatten().collect();
    output::check(&outputs, &[Path::new(&args.file)]).map_err(Failure::Usage)?;
    let mut report = Report::default();
    let options = coturn::Options { version: args.coturn_version };
    let (name, bytes) = read(&args.file);
    let to_stderr = args.fix.is_some() && output::file(args.fix.as_deref()).is_none();
    match bytes {
        Err(reason) => report.problem(Place::file(name), reason),
        Ok(bytes) => {
            let fix = args.fix.is_some() || args.in_place;
            let allowed = args.out.allow.iter().map(String::as_str).collect();
            let patched = coturn::check(name, &bytes, options, fix, &allowed, &mut report);
            if args.in_place && patched != bytes {
                replace(Path::new(&args.file), &patched).map_err(Failure::Usage)?;
            }
            let written = match args.fix.as_deref() {
                Some(target) if to_stderr => output::write(Some(target), &patched),
                Some(target) => write_copy(target, &patched, Path::new(&args.file)),
                None => Ok(()),
            };
            written.map_err(Failure::Usage)?;
        }
    }
    finish(report, &args.out, "tamis lint coturn", to_stderr)
}

fn run_storage(args: &Storage) -> Result<(), Failure> {
    args.out.check(&args.paths)?;
    let mut report = Report::default();
    let options = storage::Options {
        retention: args.retention,
        now: SystemTime::now(),
        proc: args.proc_root.clone(),
        sys: args.sys_root.clone(),
        etc: args.etc_root.clone(),
    };
    for path in &args.paths {
        storage::check(path, &options, &mut report);
    }
    finish(report, &args.out, "tamis lint storage", false)
}

fn run_pipeline(args: &Pipeline) -> Result<(), Failure> {
    if !args.root.is_dir() {
        let words = format!("--root {}: is no directory", args.root.display());
        return Err(Failure::Usage(anyhow!(words)));
    }
    args.out.check(&args.files)?;
    let mut report = Report::default();
    let options = pipeline::Options {
        kind: args.kind.map(|kind| match kind {
            Kind::FluentBit => pipeline::Kind::FluentBit,
            Kind::Envoy => pipeline::Kind::Envoy,
            Kind::Vector => pipeline::Kind::Vector,
        }),
        fluent_bit_version: args.fluent_bit_version,
        root: args.root.clone(),
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    for file in &args.files {
        let (name, bytes) = read(file);
        match bytes {
            Err(reason) => report.problem(Place::file(name), reason),
            Ok(bytes) => pipeline::check(name, &bytes, &options, &mut report),
        }
    }
    finish(report, &args.out, "tamis lint pipeline", false)
}

/// Report, and decide.
fn finish(mut report: Report, out: &Out, command: &str, to_stderr: bool) -> Result<(), Failure> {
    report.finish(&out.allow.iter().map(String::as_str).collect());
    for problem in &report.errors {
        let line = problem.line.map(|l| format!(":{l}")).unwrap_or_default();
        note!("tamis: {}{line}: {}", problem.file, problem.reason);
    }
    let path = out.output.as_deref();
    let to_stderr = to_stderr && path.is_none();
    let colour = match to_stderr {
        true => io::stderr().is_terminal() && output::may_colour(),
        false => output::colour(path),
    };
    let text = match out.format {
        Format::Text => lint::text(&report, Style { colour }),
        Format::Json => report.json().map_err(|e| Failure::Usage(e.into()))?,
        Format::Sarif => {
            let document = lint::sarif(&report, command);
            serde_json::to_string_pretty(&document).map_err(|e| Failure::Usage(e.into()))? + "\n"
        }
    };
    let written = match to_stderr {
        true => output::write_stream(&mut io::stderr().lock(), text.as_bytes()),
        false => output::write(path, text),
    };
    written.map_err(Failure::Usage)?;
    if let Some(first) = report.errors.first() {
        let more = if report.errors.len() > 1 { " and others" } else { "" };
        return Err(Failure::Usage(anyhow!("not everything was looked at: {}{more}", first.file)));
    }
    let Some(limit) = out.fail_on.severity() else { return Ok(()) };
    if report.reaches(limit) { Err(Failure::Findings) } else { Ok(()) }
}

fn rules(args: &Rules) -> anyhow::Result<()> {
    if args.format == super::Format::Json {
        let list: Vec<_> = lint::rules()
            .map(|r| {
                serde_json::json!({
                    "id": r.id, "severity": r.severity.label(), "finds": r.finds,
                    "why": r.why, "cure": r.cure, "fixable": r.fixable,
                })
            })
            .collect();
        return output::write(None, format!("{}\n", serde_json::Value::from(list)));
    }
    let width = lint::rules().map(|r| r.id.len()).max().unwrap_or(0);
    let line = |r: &Rule| format!("{:8}  {:width$}  {}\n", r.severity.label(), r.id, r.finds);
    output::write(None, lint::rules().map(line).collect::<String>())
}

/// A copy with the mode of the file that it was made from: it may hold secrets.
fn write_copy(path: &Path, bytes: &[u8], from: &Path) -> anyhow::Result<()> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}", path.display()))?;
    // Standard input has none; then the file is for its owner alone.
    if let Ok(about) = fs::metadata(from) {
        let _ = fs::set_permissions(path, about.permissions());
    }
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Put a new file in the place of the old one in one step, with its mode: it may hold secrets.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let path = fs::canonicalize(path).with_context(cannot)?;
    let mut new = output::beside(&path, 0o600).with_context(cannot)?;
    new.as_file_mut().write_all(bytes).and_then(|()| new.as_file().sync_all()).with_context(cannot)?;
    let about = fs::metadata(&path).with_context(cannot)?;
    fs::set_permissions(new.path(), about.permissions()).with_context(cannot)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        // Only root may give files away; others own what they can replace.
        let _ = chown(new.path(), Some(about.uid()), Some(about.gid()));
    }
    new.persist(&path).map_err(|e| e.error).with_context(cannot)?;
    Ok(())
}
