//! Requests that look for holes: paths that Chatwoot does not have, and attack patterns in path and query. Never bodies.

use crate::bytes::{Needles, percent_decode};

/// First segments of paths that only who looks for other software asks for.
const FIRST: &[&[u8]] = &[
    b".env",
    b".git",
    b".svn",
    b".hg",
    b".aws",
    b".ssh",
    b".ds_store",
    b".htaccess",
    b".htpasswd",
    b".vscode",
    b".idea",
    b".docker",
    b".npmrc",
    b"wp-admin",
    b"wp-login",
    b"wp-content",
    b"wp-includes",
    b"wordpress",
    b"cgi-bin",
    b"phpmyadmin",
    b"pma",
    b"myadmin",
    b"adminer",
    b"admin",
    b"administrator",
    b"manager",
    b"server-status",
    b"server-info",
    b"actuator",
    b"solr",
    b"jenkins",
    b"console",
    b"config",
    b"backup",
    b"backups",
    b"vendor",
    b"boaform",
    b"hnap1",
    b"owa",
    b"ecp",
    b"autodiscover",
    b"_ignition",
    b"_profiler",
    b"telescope",
    b"geoserver",
    b"struts",
    b"debug",
    b"sidekiq",
    b"phpinfo",
    b"xmlrpc",
    b"dump",
    b"db",
    b"sql",
    b"mysql",
];

/// Beginnings of paths, as above.
const STARTS: &[&[u8]] =
    &[b"/rails/info", b"/rails/mailers", b"/monitoring/sidekiq", b"/.env", b"/.git", b"/wp-"];

/// Ends of the names of files that Chatwoot does not serve.
const ENDS: &[&[u8]] = &[
    b".php",
    b".asp",
    b".aspx",
    b".jsp",
    b".cgi",
    b".sql",
    b".bak",
    b".old",
    b".env",
    b".ini",
    b".zip",
    b".tar.gz",
    b".tgz",
    b".rar",
    b".7z",
    b"database.yml",
    b"secrets.yml",
    b"credentials.yml.enc",
    b"master.key",
    b"id_rsa",
];

/// Patterns of attacks, in lower case and decoded.
static PATTERNS: Needles = Needles::new(&[
    b"../",
    b"..\\",
    b"/etc/passwd",
    b"/etc/shadow",
    b"/proc/self",
    b"<script",
    b"</script",
    b"<svg",
    b"<iframe",
    b"onerror=",
    b"onload=",
    b"javascript:",
    b"union select",
    b"union all select",
    b"' or '",
    b"' or 1=1",
    b"\" or \"",
    b"' and '",
    b"or 1=1",
    b"'--",
    b"' --",
    b"';--",
    b"drop table",
    b"sleep(",
    b"benchmark(",
    b"waitfor delay",
    b"xp_cmdshell",
    b"information_schema",
    b"extractvalue(",
    b"load_file(",
    b"${jndi:",
    b"{{7*7",
    b"<%=",
    b"#{7*7",
    b"/bin/sh",
    b"/bin/bash",
    b"cmd.exe",
    b";wget ",
    b";curl ",
    b"|wget ",
    b"php://",
    b"file://",
    b"gopher://",
    b"\\think\\",
    b"invokefunction",
    b"call_user_func",
    b"base64_decode(",
    b"169.254.169.254",
    b"\0",
]);

/// Decodes and compares; holds its working memory.
#[derive(Debug, Default)]
pub struct Prober {
    once: Vec<u8>,
    twice: Vec<u8>,
}

impl Prober {
    /// Whether a text that is not encoded holds a pattern.
    pub fn attack(&mut self, text: &[u8]) -> bool {
        self.twice.clear();
        self.twice.extend(text.iter().map(u8::to_ascii_lowercase));
        pattern(&self.twice)
    }

    /// Whether a path with its query is of such a request. `missing`: the server has nothing there.
    pub fn suspicious(&mut self, target: &[u8], missing: bool) -> bool {
        let (path, query) = crate::bytes::cut(target, b"?").unwrap_or((target, b""));
        // Names of uploaded files are up to the visitors.
        if path.starts_with(b"/rails/active_storage/") {
            return false;
        }
        self.decode(path, false);
        let line_feed = self.twice.iter().any(|b| matches!(b, b'\n' | b'\r'));
        if line_feed || pattern(&self.twice) || (missing && probed(&self.twice)) {
            return true;
        }
        if query.is_empty() {
            return false;
        }
        self.decode(query, true);
        pattern(&self.twice) || forged(&self.twice)
    }

    /// Decode twice, which undoes what hides from those who decode once, and to lower case.
    fn decode(&mut self, text: &[u8], form: bool) {
        self.once.clear();
        self.twice.clear();
        percent_decode(text, form, &mut self.once);
        percent_decode(&self.once, false, &mut self.twice);
        self.twice.make_ascii_lowercase();
    }
}

fn pattern(text: &[u8]) -> bool {
    PATTERNS.within(text)
}

/// A line feed and what could be a line of this log.
fn forged(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', text).any(|at| {
        let line = &text[at + 1..];
        line.get(1..4) == Some(b", [")
    })
}

fn probed(path: &[u8]) -> bool {
    let first = path.split(|&b| b == b'/').find(|p| !p.is_empty()).unwrap_or_default();
    let stem = first.split(|&b| b == b'.').next().filter(|s| !s.is_empty()).unwrap_or(first);
    FIRST.iter().any(|f| *f == first || *f == stem)
        || STARTS.iter().any(|s| path.starts_with(s))
        || ENDS.iter().any(|e| path.ends_with(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_told_from_requests() {
        let mut prober = Prober::default();
        for target in [
            "/.env",
            "/.git/config",
            "/wp-login.php",
            "/index.php?s=/Index/\\think\\app/invokefunction",
            "/backup.zip",
            "/config/database.yml",
            "/rails/info/routes",
            "/server-status",
            "/actuator/env",
            "/admin",
        ] {
            assert!(prober.suspicious(target.as_bytes(), true), "{target}");
        }
        for target in [
            "/?page=../../../../etc/passwd%00",
            "/app/login?error=%3Cimg+src=x+onerror=alert(1)%3E",
            "/login?user=admin%27--",
            "/a%252e%252e%252fb",
            "/api/v1/accounts/1%27%20OR%20%271%27=%271",
            "/hc/a/articles/x%0AI%2C%20%5B",
            "/search?q=1%27+UNION+SELECT+a",
            "/x?q=%0AI,%20[2026-03-02T08",
        ] {
            assert!(prober.suspicious(target.as_bytes(), false), "{target}");
        }
        for target in [
            "/",
            "/app/login",
            "/favicon.ico",
            "/robots.txt",
            "/apple-touch-icon.png",
            "/widget?website_token=x",
            "/api/v1/accounts/1/contacts/search?q=jo%27smith&page=1",
            "/api/v1/accounts/1/search?q=DROP%20me%20a%20line",
            "/rails/active_storage/blobs/redirect/x/backup.zip",
            "/hc/help/articles/union-of-select",
            "/cable",
            "/api/v1/accounts/1/conversations?q=line%0Abreak",
        ] {
            assert!(!prober.suspicious(target.as_bytes(), true), "{target}");
        }
    }
}
