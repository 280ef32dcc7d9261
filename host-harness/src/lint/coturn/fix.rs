//! A patched copy of the file: lines are replaced or made comments, settings are added at the end, and everything
//! else stays byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::Config;
use crate::lint::Rule;

/// What to do with a file. Each part is for a rule: those that are allowed to be broken are left out.
#[derive(Debug, Default)]
pub struct Patch {
    allowed: BTreeSet<String>,
    /// By index of the line; `None` makes it a comment.
    lines: BTreeMap<usize, Option<String>>,
    added: Vec<String>,
}

impl Patch {
    pub fn new(allowed: &BTreeSet<&str>) -> Self {
        Self { allowed: allowed.iter().map(|&r| r.to_owned()).collect(), ..Self::default() }
    }

    /// Make a line a comment.
    pub fn comment_out(&mut self, rule: &Rule, index: usize) {
        if !self.allowed.contains(rule.id) {
            self.lines.insert(index, None);
        }
    }

    /// Put another line in the place of one.
    pub fn replace(&mut self, rule: &Rule, index: usize, line: impl Into<String>) {
        if !self.allowed.contains(rule.id) {
            self.lines.insert(index, Some(line.into()));
        }
    }

    /// Add a line at the end.
    pub fn add(&mut self, rule: &Rule, line: impl Into<String>) {
        let line = line.into();
        if !self.allowed.contains(rule.id) && !self.added.contains(&line) {
            self.added.push(line);
        }
    }

    /// The file as it should be.
    pub fn apply(&self, config: &Config) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, line) in config.lines.iter().enumerate() {
            match self.lines.get(&index) {
                None => out.extend_from_slice(line),
                Some(None) => {
                    out.push(b'#');
                    out.extend_from_slice(line);
                }
                Some(Some(text)) => {
                    out.extend_from_slice(text.as_bytes());
                    out.extend_from_slice(line_end(line));
                }
            }
        }
        if self.added.is_empty() {
            return out;
        }
        let end = config.lines.first().map_or(&b"\n"[..], |line| match line_end(line) {
            b"" => b"\n",
            end => end,
        });
        if !out.is_empty() && !out.ends_with(b"\n") {
            out.extend_from_slice(end);
        }
        for line in ["", "# Added by tamis lint"].into_iter().chain(self.added.iter().map(String::as_str)) {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(end);
        }
        out
    }
}

fn line_end(line: &[u8]) -> &[u8] {
    let body = line.strip_suffix(b"\n").map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
    &line[body.len()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_changes() {
        let config = Config::parse(b"# \xff\r\nverbose\r\nlog-level=3");
        let mut patch = Patch::new(&BTreeSet::from(["coturn/verbose"]));
        let rule = crate::lint::rule("coturn/cli").unwrap();
        assert_eq!(patch.apply(&config), config.lines.concat());
        patch.comment_out(rule, 1);
        patch.replace(rule, 2, "log-min-level=warning");
        patch.replace(crate::lint::rule("coturn/verbose").unwrap(), 0, "no");
        patch.add(rule, "no-cli");
        patch.add(rule, "no-cli");
        assert_eq!(
            patch.apply(&config),
            b"# \xff\r\n#verbose\r\nlog-min-level=warning\r\n\r\n# Added by tamis lint\r\nno-cli\r\n"
        );
        assert_eq!(
            Patch { added: vec!["a".into()], ..Patch::default() }.apply(&Config::parse(b"")),
            b"\n# Added by tamis lint\na\n"
        );
    }
}
