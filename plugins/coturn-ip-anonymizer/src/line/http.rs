//! HTTP requests that coturn prints whole, and packets that it prints in hex.

use super::pass::Pass;
use crate::{bytes::find, counts::Kind};

const METHODS: &[&[u8]] =
    &[b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"];

impl Pass<'_> {
    /// `HTTPS (CIPHER TLSv1.3) request: GET /us?... HTTP/1.1 Host: ...`: the text is a client's and goes,
    /// but for a method, a path of coturn's own kind, and the version.
    pub(super) fn http_request(&mut self, colon: usize, start: usize) -> Option<usize> {
        find(self.before(colon, 64), b"HTTP")?;
        let end = self.line.len();
        let text = &self.line[start..end];
        // `HTTP request: 130` is a length.
        if text.iter().all(u8::is_ascii_digit) {
            return Some(end);
        }
        let method = METHODS.iter().find(|m| text.starts_with(m) && text.get(m.len()) == Some(&b' '));
        let Some(method) = method else {
            self.redact(Kind::Http, "http-request", start, end);
            return Some(end);
        };
        let target = method.len() + 1;
        let target_end =
            target + text[target..].iter().position(|b| *b == b' ').unwrap_or(text.len() - target);
        let version = &text[target_end..];
        let version_len =
            if version.starts_with(b" HTTP/1.") && version.len() >= 9 && version[8].is_ascii_digit() {
                9
            } else {
                0
            };
        let path_end =
            target + text[target..target_end].iter().position(|b| *b == b'?').unwrap_or(target_end - target);
        if version_len == 0 || !is_plain_path(&text[target..path_end]) {
            self.redact(Kind::Http, "http-request", start + target, end);
            return Some(end);
        }
        if path_end < target_end {
            self.redact(Kind::Http, "query", start + path_end + 1, start + target_end);
        }
        let rest = start + target_end + version_len;
        let headers = (rest..end).find(|i| self.line[*i] != b' ').unwrap_or(end);
        self.redact(Kind::Http, "http-headers", headers, end);
        Some(end)
    }

    /// `HTTPS request, path %s`.
    pub(super) fn https_path(&mut self, comma: usize) -> Option<usize> {
        let start = comma + b", path ".len();
        if !self.line[self.floor..comma].ends_with(b"HTTPS request")
            || !self.line[comma..].starts_with(b", path ")
        {
            return None;
        }
        let end = self.line.len();
        let query = memchr::memchr(b'?', &self.line[start..]).map_or(end, |i| start + i);
        if !is_plain_path(&self.line[start..query]) {
            self.redact(Kind::Http, "path", start, end);
        } else if query < end {
            self.redact(Kind::Http, "query", query + 1, end);
        }
        Some(end)
    }

    /// `TXT2PCAP: 00:00:01.000 0000 67 61 ...`: a packet that holds a STUN message can hold a user name
    /// and addresses.
    pub(super) fn packet_dump(&mut self, start: usize) -> Option<usize> {
        let end = find(&self.line[start..], b"# STUN_PACKET").map_or(self.line.len(), |i| start + i);
        let hex = (start..end).filter(|i| self.line[*i] == b' ').nth(1).map_or(end, |i| i + 1);
        if find(&self.line[hex..end], b"21 12 a4 42").is_some()
            || find(&self.line[hex..end], b"21 12 A4 42").is_some()
        {
            let stop = hex + self.line[hex..end].trim_ascii_end().len();
            self.redact(Kind::Http, "packet", hex, stop);
        }
        // Times and hex digits are nothing else.
        self.floor = end;
        Some(end)
    }
}

/// One segment of lower-case letters, as the paths of coturn's web interface are.
fn is_plain_path(path: &[u8]) -> bool {
    path.strip_prefix(b"/").is_some_and(|p| {
        p.len() <= 16 && p.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'-' | b'_'))
    })
}
