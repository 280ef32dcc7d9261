//! Files and folders of logs: who can read them, how long they stay, what is below them.
//!
//! Only modes, names, times and the system's own tables are looked at, never what is in a log.

mod access;
mod encryption;
mod files;
mod journal;
mod logrotate;
mod rotation;
mod rules;

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use self::files::Tree;
pub use self::{journal::span, rules::RULES};
use super::{Fact, Finding, Place, Report};

/// What is known beside the files.
#[derive(Debug, Clone)]
pub struct Options {
    /// How old a log may be.
    pub retention: Option<Duration>,
    /// The time now.
    pub now: SystemTime,
    /// Where the kernel tells about processes; `/proc`.
    pub proc: PathBuf,
    /// Where it tells about devices; `/sys`.
    pub sys: PathBuf,
    /// Where the system is configured; `/etc`.
    pub etc: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: None,
            now: SystemTime::now(),
            proc: "/proc".into(),
            sys: "/sys".into(),
            etc: "/etc".into(),
        }
    }
}

/// Look at a file, or a folder with all that is below it.
pub fn check(path: &str, options: &Options, report: &mut Report) {
    report.summary.files += 1;
    let tree = match Tree::read(Path::new(path)) {
        Ok(tree) => tree,
        Err(reason) => return report.problem(Place::file(path), reason),
    };
    for (file, reason) in &tree.errors {
        report.problem(Place::file(&file.display().to_string()), reason);
    }
    access::check(&tree, options, report);
    rotation::check(path, &tree, options, report);
    encryption::check(path, &tree, options, report);
}

/// What is known of the operand as a whole.
fn fact(report: &mut Report, file: &str, name: &'static str, value: String) {
    report.facts.push(Fact { file: file.to_owned(), name, value });
}

/// One finding for all files of one directory: a folder of rotated logs is one thing to repair.
fn grouped(report: &mut Report, rule: &super::Rule, dir: &Path, files: &[&Path], words: &str) {
    let Some(first) = files.first() else { return };
    if files.len() == 1 {
        let place = Place::file(&first.display().to_string());
        return report.findings.push(Finding::new(rule, place, words));
    }
    let names: Vec<String> =
        files.iter().take(3).filter_map(|f| Some(f.file_name()?.to_string_lossy().into_owned())).collect();
    let more = if files.len() > names.len() { ", ..." } else { "" };
    let place = Place::file(&dir.display().to_string());
    let words = format!("{} files: {words} ({}{more})", files.len(), names.join(", "));
    report.findings.push(Finding::new(rule, place, words));
}

/// A span of time for people.
fn days(duration: Duration) -> String {
    match duration.as_secs() / 86_400 {
        0 => format!("{} hours", duration.as_secs() / 3600),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}
