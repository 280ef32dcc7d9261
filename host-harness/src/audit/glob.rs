//! Shell patterns for paths: `*`, `?`, `[a-z]` and `{a,b}` within a name, `**` over names.

use globset::{ErrorKind, GlobBuilder, GlobMatcher};

/// A pattern of `--exclude`, or of a config that names files.
#[derive(Debug, Clone)]
pub struct Glob {
    matcher: GlobMatcher,
    /// It is about whole paths; without a slash it is about any name in them.
    path: bool,
}

impl Glob {
    /// A pattern. `*.gz` and `old` match a name anywhere in a path, `logs/**/x.log` the path below an operand.
    ///
    /// # Errors
    /// When it is empty, or a bracket or brace in it is not closed.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let trimmed = pattern.trim_end_matches('/').trim_start_matches("./");
        if matches!(trimmed, "" | ".") {
            return Err("it names nothing: write a name such as *.gz, or a path such as old/**".to_owned());
        }
        let glob = GlobBuilder::new(trimmed).literal_separator(true).build();
        let glob = glob.map_err(|e| match e.kind() {
            ErrorKind::UnclosedClass => format!("{} (maybe escape '[' with '[[]'?)", e.kind()),
            kind => kind.to_string(),
        })?;
        Ok(Self { matcher: glob.compile_matcher(), path: trimmed.contains('/') })
    }

    /// As [`Glob::new`]; but what is no pattern stands for itself. `None` if it is empty.
    pub fn or_literal(pattern: &str) -> Option<Self> {
        Self::new(pattern).or_else(|_| Self::new(&globset::escape(pattern))).ok()
    }

    /// Whether it matches `path`, whose separators are slashes.
    pub fn matches(&self, path: &str) -> bool {
        if self.path {
            return self.matcher.is_match(path);
        }
        path.split('/').any(|name| self.matcher.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, matches) in [
            ("*.gz", "a/b/app.log.gz", true),
            ("*.gz", "a.gz/b.log", true),
            ("*.gz", "app.log", false),
            ("old", "x/old/y.log", true),
            ("old/", "x/old/y.log", true),
            ("old", "older/y.log", false),
            ("app.log.?", "app.log.1", true),
            ("app.log.?", "app.log.10", false),
            ("app.log.[0-9]", "app.log.1", true),
            ("app.log.[!0-9]", "app.log.1", false),
            ("*.{gz,zst}", "a/b.zst", true),
            ("*.{gz,zst}", "a/b.log", false),
            ("a/{b,c/**}/*.log", "a/c/d/x.log", true),
            ("a[[]b", "a[b", true),
            ("a/*.log", "a/x.log", true),
            ("a/*.log", "a/b/x.log", false),
            ("a/**/*.log", "a/x.log", true),
            ("a/**/*.log", "a/b/c/x.log", true),
            ("**/tmp/*", "a/b/tmp/x", true),
            ("**/tmp/*", "tmp/x", true),
            ("old/**", "old/a/b", true),
            ("old/**", "older/a", false),
            ("/var/log/*.log", "/var/log/a.log", true),
            ("**", "any/thing", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*", "", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), matches, "{pattern} {path}");
        }
        for (pattern, says) in
            [("", "nothing"), ("/", "nothing"), ("./", "nothing"), ("a[b", "]"), ("*.{gz", "}"), ("a}", "{")]
        {
            assert!(Glob::new(pattern).unwrap_err().contains(says), "{pattern}");
        }
        assert!(Glob::or_literal("a[b").unwrap().matches("a[b"));
        assert!(Glob::or_literal("").is_none());
    }
}
