//! The configuration of logrotate, as far as it says which files are rotated and how long they stay.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{audit::glob::Glob, lint};

const DAY: u64 = 86_400;

/// Files of configuration that are read.
const MAX_FILES: usize = 1000;

/// What is said of the files that some patterns match.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// The file that says it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    patterns: Vec<Glob>,
    /// What holds for them.
    pub rules: Rules,
}

/// Directives that hold for some files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// Old files that stay; -1 is all of them.
    pub rotate: Option<i64>,
    /// Days that old files stay.
    pub max_age_days: Option<u64>,
    /// How often a file is rotated; `None` if its size decides.
    pub every: Option<Duration>,
    /// Mode of the new file.
    pub create_mode: Option<u32>,
    /// The line that says the mode.
    pub create_line: u64,
}

impl Rules {
    /// How long a line stays: as long as it is in the live file and in the old ones.
    pub fn keeps(&self) -> Keeps {
        let by_age = self.max_age_days.filter(|d| *d > 0).map(|days| days.saturating_mul(DAY));
        let turns = match self.rotate {
            Some(n) if n < 0 => None,
            Some(n) => Some(u64::try_from(n).unwrap_or(0) + 1),
            // logrotate's own default is to keep none.
            None => Some(1),
        };
        let by_count = match (turns, self.every) {
            (Some(turns), Some(every)) => Some(turns.saturating_mul(every.as_secs())),
            _ => None,
        };
        match (by_age, by_count) {
            (Some(a), Some(b)) => Keeps::For(Duration::from_secs(a.min(b))),
            (Some(a), None) | (None, Some(a)) => Keeps::For(Duration::from_secs(a)),
            (None, None) if turns.is_none() => Keeps::ForEver,
            (None, None) => Keeps::Unknown,
        }
    }
}

/// How long old logs stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// About this long.
    For(Duration),
    /// Until somebody removes them.
    ForEver,
    /// As long as the size of the files has it.
    Unknown,
}

impl Entry {
    /// Whether it is about this file.
    pub fn covers(&self, path: &str) -> bool {
        self.patterns.iter().any(|p| p.matches(path))
    }
}

/// Read `logrotate.conf` and what it includes; empty if there is none.
pub fn read(etc: &Path) -> Vec<Entry> {
    let mut reader = Reader::default();
    reader.file(&etc.join("logrotate.conf"), etc, true);
    if !reader.included {
        reader.dir(&etc.join("logrotate.d"));
    }
    reader.entries
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    defaults: Rules,
    included: bool,
    files: usize,
}

impl Reader {
    fn dir(&mut self, dir: &Path) {
        self.included = true;
        let Ok(found) = fs::read_dir(dir) else { return };
        let mut paths: Vec<PathBuf> = found.flatten().map(|f| f.path()).filter(|p| p.is_file()).collect();
        paths.sort();
        for path in paths {
            // logrotate's own list of what packages and editors leave behind.
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let left =
                [".dpkg-dist", ".dpkg-old", ".dpkg-new", ".rpmsave", ".rpmorig", ".disabled", ".swp", "~"];
            if !name.starts_with('.') && !left.iter().any(|l| name.ends_with(l)) {
                self.file(&path, dir, false);
            }
        }
    }

    fn file(&mut self, path: &Path, etc: &Path, main: bool) {
        self.files += 1;
        if self.files > MAX_FILES {
            return;
        }
        let Ok(bytes) = lint::read(path) else { return };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // What an included file says outside of braces ends with it.
        let before = self.defaults;
        let mut waiting: Vec<String> = Vec::new();
        let mut open: Option<Entry> = None;
        let mut in_script = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let number = index as u64 + 1;
            let first = line.split_ascii_whitespace().next().unwrap_or_default();
            if in_script {
                in_script = first != "endscript";
                continue;
            }
            match first {
                "" => continue,
                _ if first.starts_with('#') => continue,
                "prerotate" | "postrotate" | "firstaction" | "lastaction" | "preremove" => {
                    in_script = true;
                    continue;
                }
                "include" if main && open.is_none() => {
                    self.include(line, etc);
                    continue;
                }
                _ => {}
            }
            let (line, ends) = match line.strip_suffix('}') {
                Some(rest) => (rest.trim(), true),
                None => (line, false),
            };
            if open.is_none() && (line.starts_with(['/', '"', '\'', '*']) || line.contains('{')) {
                let (names, rest) = line.split_once('{').map_or((line, None), |(n, r)| (n, Some(r.trim())));
                waiting.extend(words(names));
                if let Some(rest) = rest {
                    let patterns = waiting.drain(..).filter_map(|p| Glob::or_literal(&p)).collect();
                    let mut entry =
                        Entry { file: path.to_owned(), line: number, patterns, rules: self.defaults };
                    directive(rest, number, &mut entry.rules);
                    open = Some(entry);
                }
            } else {
                directive(line, number, open.as_mut().map_or(&mut self.defaults, |e| &mut e.rules));
            }
            if ends {
                self.entries.extend(open.take());
            }
        }
        if !main {
            self.defaults = before;
        }
    }

    fn include(&mut self, line: &str, etc: &Path) {
        let Some(target) = line.split_ascii_whitespace().nth(1) else { return };
        // The file names its own directory by its place on a whole system.
        let target =
            target.strip_prefix("/etc/").map_or_else(|| PathBuf::from(target), |rest| etc.join(rest));
        if target.is_dir() { self.dir(&target) } else { self.file(&target, etc, false) }
    }
}

/// Names, in quotes or not.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            rest[1..].split_once(first).unwrap_or((&rest[1..], ""))
        } else {
            rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""))
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

fn directive(line: &str, number: u64, rules: &mut Rules) {
    let mut words = line.split(|c: char| c.is_ascii_whitespace() || c == '=').filter(|w| !w.is_empty());
    let Some(name) = words.next() else { return };
    let argument = words.next();
    let number_of = || argument.and_then(|a| a.parse::<i64>().ok());
    match name {
        "hourly" => rules.every = Some(Duration::from_secs(3600)),
        "daily" => rules.every = Some(Duration::from_secs(DAY)),
        "weekly" => rules.every = Some(Duration::from_secs(7 * DAY)),
        "monthly" => rules.every = Some(Duration::from_secs(31 * DAY)),
        "yearly" => rules.every = Some(Duration::from_secs(366 * DAY)),
        "size" => rules.every = None,
        "rotate" => rules.rotate = number_of(),
        "maxage" => rules.max_age_days = number_of().and_then(|n| u64::try_from(n).ok()),
        "create" => {
            rules.create_mode = argument.and_then(|a| u32::from_str_radix(a, 8).ok());
            rules.create_line = number;
        }
        "nocreate" => rules.create_mode = None,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_defaults() {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("logrotate.d")).unwrap();
        fs::write(
            etc.path().join("logrotate.conf"),
            "# main\nweekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n/var/log/wtmp {\n  monthly\n  rotate 1\n}\n",
        )
        .unwrap();
        fs::write(
            etc.path().join("logrotate.d/app"),
            "/var/log/app/*.log\n\"/var/log/my app.log\" {\n    daily\n    maxage 30\n    rotate 90\n    create 0644 app app\n    \
             postrotate\n        rotate 7 }\n    endscript\n}\n/var/log/one { size 10M\n rotate -1 }\n",
        )
        .unwrap();
        fs::write(etc.path().join("logrotate.d/app.dpkg-old"), "/var/log/gone { daily }\n").unwrap();
        let entries = read(etc.path());
        let of = |path: &str| entries.iter().find(|e| e.covers(path));
        let app = of("/var/log/app/x.log").unwrap();
        assert_eq!((app.line, app.rules.create_mode, app.rules.create_line), (2, Some(0o644), 6));
        assert_eq!(app.rules.keeps(), Keeps::For(Duration::from_secs(30 * DAY)));
        assert!(of("/var/log/my app.log").is_some() && of("/var/log/gone").is_none());
        assert_eq!(of("/var/log/one").unwrap().rules.keeps(), Keeps::ForEver);
        assert_eq!(of("/var/log/wtmp").unwrap().rules.keeps(), Keeps::For(Duration::from_secs(62 * DAY)));
        assert!(read(&etc.path().join("none")).is_empty());
    }
}
