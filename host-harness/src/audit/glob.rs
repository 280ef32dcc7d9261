//! Shell patterns for paths: `*` and `?` within a name, `**` over names.

/// A pattern of `--exclude`.
#[derive(Debug, Clone)]
pub struct Glob {
    pattern: Vec<u8>,
    /// It is about whole paths; without a slash it is about any name in them.
    path: bool,
}

impl Glob {
    /// A pattern. `*.gz` and `old` match a name anywhere in a path, `logs/**/x.log` the path below an operand.
    pub fn new(pattern: &str) -> Self {
        let trimmed = pattern.trim_end_matches('/').trim_start_matches("./");
        Self { pattern: trimmed.as_bytes().to_vec(), path: trimmed.contains('/') }
    }

    /// Whether it matches `path`, whose separators are slashes.
    pub fn matches(&self, path: &str) -> bool {
        if self.path {
            return wildcard(&self.pattern, path.as_bytes());
        }
        path.split('/').any(|name| wildcard(&self.pattern, name.as_bytes()))
    }
}

/// Where to go on when a star has to take one byte more.
#[derive(Debug, Clone, Copy)]
struct Retry {
    pattern: usize,
    text: usize,
    over_slashes: bool,
}

fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // One star per kind is enough to come back to: a later one takes over from an earlier one of its kind.
    let (mut name_star, mut path_star): (Option<Retry>, Option<Retry>) = (None, None);
    loop {
        if pattern[p..].starts_with(b"**") {
            // `**/` also stands for nothing.
            p += if pattern[p + 2..].starts_with(b"/") { 3 } else { 2 };
            (path_star, name_star) = (Some(Retry { pattern: p, text: t, over_slashes: true }), None);
            continue;
        }
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            name_star = Some(Retry { pattern: p, text: t, over_slashes: false });
            continue;
        }
        let fits = match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(b'?'), Some(c)) => *c != b'/',
            (Some(a), Some(b)) => a == b,
            _ => false,
        };
        if fits {
            p += 1;
            t += 1;
            continue;
        }
        let longer = |retry: &mut Option<Retry>| -> Option<(usize, usize)> {
            let star = retry.as_mut()?;
            let byte = text.get(star.text)?;
            if *byte == b'/' && !star.over_slashes {
                return None;
            }
            star.text += 1;
            Some((star.pattern, star.text))
        };
        let next = longer(&mut name_star).or_else(|| {
            name_star = None;
            longer(&mut path_star)
        });
        match next {
            Some(next) => (p, t) = next,
            None => return false,
        }
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
            ("a/*.log", "a/x.log", true),
            ("a/*.log", "a/b/x.log", false),
            ("a/**/*.log", "a/x.log", true),
            ("a/**/*.log", "a/b/c/x.log", true),
            ("**/tmp/*", "a/b/tmp/x", true),
            ("**/tmp/*", "tmp/x", true),
            ("**", "any/thing", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(path), matches, "{pattern} {path}");
        }
    }
}
