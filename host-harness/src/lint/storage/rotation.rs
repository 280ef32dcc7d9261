//! How long the files stay.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Options, days, fact,
    files::Tree,
    grouped, journal,
    logrotate::{self, Entry, Keeps},
    rules as r,
};
use crate::{
    audit::walk::without_rotation,
    lint::{Finding, Place, Report},
};

pub(super) fn check(operand: &str, tree: &Tree, options: &Options, report: &mut Report) {
    if tree.files.is_empty() {
        return fact(report, operand, "files", "none".to_owned());
    }
    if tree.files.iter().any(|f| is_journal(&f.path)) {
        journald(operand, options, report);
    }
    let entries = logrotate::read(&options.etc);
    let mut used: Vec<&Entry> = Vec::new();
    for dir in &tree.dirs {
        let mut missing = Vec::new();
        for file in tree.in_dir(&dir.path).iter().map(|f| f.path.as_path()).filter(|p| !is_journal(p)) {
            let name = file.to_string_lossy();
            let base = without_rotation(&name);
            match entries.iter().find(|e| e.covers(&name) || e.covers(base)) {
                Some(entry) if used.iter().any(|u| std::ptr::eq(*u, entry)) => {}
                Some(entry) => used.push(entry),
                None => missing.push(file),
            }
        }
        grouped(report, &r::NO_ROTATION, &dir.path, &missing, "no entry of logrotate covers it");
    }
    for entry in used {
        rotated(operand, entry, options, report);
    }
    age(operand, tree, options, report);
}

fn is_journal(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".journal") || name.ends_with(".journal~")
}

fn journald(operand: &str, options: &Options, report: &mut Report) {
    let limit = journal::max_retention(&options.etc);
    fact(report, operand, "journald keeps", limit.map_or_else(|| "without a limit of time".to_owned(), days));
    let Some(retention) = options.retention else { return };
    if limit.is_none_or(|l| l > retention) {
        let conf: PathBuf = options.etc.join("systemd/journald.conf");
        let words = match limit {
            Some(limit) => {
                format!("MaxRetentionSec is {}, over the {} of --retention", days(limit), days(retention))
            }
            None => {
                "MaxRetentionSec is not set: journald removes files only when the disk is full".to_owned()
            }
        };
        let finding = Finding::new(&r::JOURNAL_RETENTION, Place::file(&conf.display().to_string()), words);
        report.findings.push(finding.advise(format!("MaxRetentionSec={}", retention.as_secs())));
    }
}

fn rotated(operand: &str, entry: &Entry, options: &Options, report: &mut Report) {
    let file = entry.file.display().to_string();
    let keeps = entry.rules.keeps();
    let words = match keeps {
        Keeps::For(time) => format!("{} ({file}:{})", days(time), entry.line),
        Keeps::ForEver => format!("for ever ({file}:{})", entry.line),
        Keeps::Unknown => format!("as long as sizes have it ({file}:{})", entry.line),
    };
    fact(report, operand, "logrotate keeps", words);
    let wrong = match (keeps, options.retention) {
        (Keeps::ForEver, _) => Some("old logs are never removed".to_owned()),
        (Keeps::For(time), Some(limit)) if time > limit => {
            Some(format!("logs stay for {}, over the {} of --retention", days(time), days(limit)))
        }
        (Keeps::Unknown, Some(limit)) => Some(format!(
            "the size decides how long logs stay, so maybe over the {} of --retention",
            days(limit)
        )),
        _ => None,
    };
    if let Some(words) = wrong {
        let finding = Finding::new(&r::ROTATION_KEEPS, Place::line(&file, entry.line), words);
        report.findings.push(match options.retention {
            Some(limit) => finding.advise(format!("maxage {}", (limit.as_secs() / 86_400).max(1))),
            None => finding,
        });
    }
    if let Some(mode) = entry.rules.create_mode.filter(|m| m & 0o006 != 0) {
        let words = format!("logrotate creates the file with mode {mode:04o}");
        let place = Place::line(&file, entry.rules.create_line);
        report.findings.push(Finding::new(&r::ROTATION_MODE, place, words).advise("create 0640"));
    }
}

/// The oldest file, by when it was last written to: what is in it is at least as old.
fn age(operand: &str, tree: &Tree, options: &Options, report: &mut Report) {
    let old = |modified| options.now.duration_since(modified).unwrap_or_default();
    let oldest = tree.files.iter().filter_map(|f| Some((old(f.modified?), f))).max_by_key(|(age, _)| *age);
    if let Some((age, file)) = oldest {
        let words = format!("{}, last written {} ago", file.path.display(), days(age));
        fact(report, operand, "oldest file", words);
    }
    let Some(limit) = options.retention else { return };
    let too_old = |age: Duration| age > limit;
    for dir in &tree.dirs {
        let files: Vec<&Path> = tree
            .in_dir(&dir.path)
            .iter()
            .filter(|f| f.modified.is_some_and(|m| too_old(old(m))))
            .map(|f| f.path.as_path())
            .collect();
        let words = format!("last written over {} ago, the limit of --retention", days(limit));
        grouped(report, &r::RETENTION, &dir.path, &files, &words);
    }
}
