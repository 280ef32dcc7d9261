//! Who can read and change the files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    Options,
    files::{Entry, Tree},
    grouped, rules as r,
};
use crate::lint::{Finding, Place, Report};

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_ENTER: u32 = 0o001;
const STICKY: u32 = 0o1000;

pub(super) fn check(tree: &Tree, options: &Options, report: &mut Report) {
    let users = users(&options.etc);
    for dir in &tree.dirs {
        let reachable = tree.is_reachable(&dir.path);
        let those = |wanted: &dyn Fn(&Entry) -> bool| -> Vec<&Path> {
            tree.in_dir(&dir.path).iter().filter(|f| wanted(f)).map(|f| f.path.as_path()).collect()
        };
        let readable = those(&|f| f.mode & OTHERS_READ != 0);
        if reachable {
            grouped(report, &r::WORLD_READABLE, &dir.path, &readable, "all users can read it");
            let writable = those(&|f| f.mode & OTHERS_WRITE != 0);
            grouped(report, &r::WORLD_WRITABLE, &dir.path, &writable, "all users can change it");
            directory(dir, report);
        } else {
            let words = "its mode lets all users read it; only a directory above does not";
            grouped(report, &r::PARENT_ONLY, &dir.path, &readable, words);
        }
        owners(tree, dir, users.as_ref(), report);
    }
    parents(tree, report);
}

fn directory(dir: &Entry, report: &mut Report) {
    let name = dir.path.display().to_string();
    if dir.mode & OTHERS_WRITE != 0 && dir.mode & STICKY == 0 {
        let words = format!("all users can put other files in the place of those in it (mode {})", mode(dir));
        report.findings.push(Finding::new(&r::WORLD_WRITABLE, Place::file(&name), words));
    } else if dir.mode & OTHERS_ENTER != 0 && dir.mode & OTHERS_WRITE == 0 {
        let words = format!("all users can enter the directory of the logs (mode {})", mode(dir));
        report.findings.push(Finding::new(&r::OPEN_DIRECTORY, Place::file(&name), words));
    }
}

fn owners(tree: &Tree, dir: &Entry, users: Option<&BTreeMap<u32, String>>, report: &mut Report) {
    let Some(users) = users else { return };
    let files = tree.in_dir(&dir.path);
    let unknown: BTreeSet<u32> = files.iter().map(|f| f.owner).filter(|o| !users.contains_key(o)).collect();
    for owner in unknown {
        let theirs: Vec<&Path> =
            files.iter().filter(|f| f.owner == owner).map(|f| f.path.as_path()).collect();
        let words = format!("it belongs to user {owner}, whom /etc/passwd does not have");
        grouped(report, &r::UNKNOWN_OWNER, &dir.path, &theirs, &words);
    }
}

/// What the directories above let others do.
fn parents(tree: &Tree, report: &mut Report) {
    let owners: BTreeSet<u32> = tree.files.iter().map(|f| f.owner).collect();
    for dir in tree.above.iter().chain(&tree.dirs) {
        let name = dir.path.display().to_string();
        if dir.mode & OTHERS_WRITE != 0 && dir.mode & STICKY != 0 {
            let words = format!("all users can make files in this directory (mode {})", mode(dir));
            report.findings.push(Finding::new(&r::SHARED_DIRECTORY, Place::file(&name), words));
        }
        let theirs = |owner: &u32| *owner == dir.owner;
        if dir.owner != 0 && !owners.is_empty() && !owners.iter().any(theirs) {
            let words =
                format!("it belongs to user {}, who is neither root nor the owner of the logs", dir.owner);
            report.findings.push(Finding::new(&r::FOREIGN_PARENT, Place::file(&name), words));
        }
    }
}

fn mode(entry: &Entry) -> String {
    format!("{:04o}", entry.mode & 0o7777)
}

/// Names of users by their number; none if there is no such table, as in small containers.
fn users(etc: &Path) -> Option<BTreeMap<u32, String>> {
    let text = fs::read(etc.join("passwd")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let users = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        Some((number.parse().ok()?, name.to_owned()))
    });
    Some(users.collect())
}
