//! A patched copy of the file: lines are replaced or made comments, settings are added at the end, and everything
//! else stays byte for byte.

use std::collections::BTreeMap;

use super::parse::Config;

/// What to do with a file.
#[derive(Debug, Default)]
pub struct Patch {
    /// By index of the line; `None` makes it a comment.
    lines: BTreeMap<usize, Option<String>>,
    added: Vec<String>,
}

impl Patch {
    /// Make a line a comment.
    pub fn comment_out(&mut self, index: usize) {
        self.lines.entry(index).or_insert(None);
    }

    /// Put another line in the place of one.
    pub fn replace(&mut self, index: usize, line: impl Into<String>) {
        self.lines.insert(index, Some(line.into()));
    }

    /// Add a line at the end.
    pub fn add(&mut self, line: impl Into<String>) {
        let line = line.into();
        if !self.added.contains(&line) {
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
        let mut patch = Patch::default();
        assert_eq!(patch.apply(&config), config.lines.concat());
        patch.comment_out(1);
        patch.replace(2, "log-min-level=warning");
        patch.add("no-cli");
        patch.add("no-cli");
        assert_eq!(
            patch.apply(&config),
            b"# \xff\r\n#verbose\r\nlog-min-level=warning\r\n\r\n# Added by tamis lint\r\nno-cli\r\n"
        );
        assert_eq!(Patch { added: vec!["a".into()], ..Patch::default() }.apply(&Config::parse(b"")), b"\n# Added by tamis lint\na\n");
    }
}
