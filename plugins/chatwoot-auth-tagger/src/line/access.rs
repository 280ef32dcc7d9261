//! nginx's combined format.

use super::stamp;
use crate::bytes::{cut, number, quoted};

/// One request as a web server logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// Client address.
    pub ip: &'a [u8],
    /// Milliseconds since 1970, UTC.
    pub time_ms: Option<i64>,
    /// The verb; empty if the request line was none.
    pub method: &'a [u8],
    /// Path and query; empty if the request line was none.
    pub path: &'a [u8],
    /// Status.
    pub status: u16,
    /// Client's program.
    pub user_agent: &'a [u8],
}

/// Read `ip - user [time] "METHOD path HTTP/1.1" status bytes "referer" "agent"`.
pub fn combined(text: &[u8]) -> Option<Access<'_>> {
    let (head, rest) = cut(text, b" [")?;
    let ip = head.split(|&b| b == b' ').next()?;
    if ip.len() > 64
        || !ip.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'%'))
    {
        return None;
    }
    if head.split(|&b| b == b' ').count() < 3 {
        return None;
    }
    let (time, rest) = cut(rest, b"] \"")?;
    let time_ms = stamp::access(time)?;
    let (request, rest) = quoted(rest)?;
    let mut words = rest.trim_ascii_start().splitn(3, |&b| b == b' ');
    let status = u16::try_from(number(words.next()?)?).ok()?;
    let _bytes = words.next()?;
    let tail = words.next().unwrap_or_default();
    let user_agent = tail
        .strip_prefix(b"\"")
        .and_then(quoted)
        .and_then(|(_, rest)| quoted(rest.strip_prefix(b" \"")?))
        .map_or(&b""[..], |(agent, _)| agent);
    let (method, path) = request_line(request);
    Some(Access { ip, time_ms: Some(time_ms), method, path, status, user_agent })
}

/// Verb and target of a request line; both empty if it is none.
pub fn request_line(request: &[u8]) -> (&[u8], &[u8]) {
    let none = (&b""[..], &b""[..]);
    let Some((method, rest)) = cut(request, b" ") else { return none };
    if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
        return none;
    }
    let path = crate::bytes::cut_last(rest, b" HTTP/").map_or(rest, |(path, _)| path);
    (method, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_lines_are_read() {
        let line = br#"203.0.113.9 - - [02/Mar/2026:08:01:54 +0000] "GET /a?b=\x22c HTTP/1.1" 200 36 "-" "say \"hi\"""#;
        let access = combined(line).unwrap();
        assert_eq!(
            (access.ip, access.method, access.path),
            (&b"203.0.113.9"[..], &b"GET"[..], &br"/a?b=\x22c"[..])
        );
        assert_eq!((access.status, access.user_agent), (200, &br#"say \"hi\""#[..]));
        let broken = br#"::1 - bob [02/Mar/2026:08:01:54 +0000] "\x16\x03" 400 157 "-" "-""#;
        assert_eq!(combined(broken).unwrap().path, b"");
        assert_eq!(combined(br#"INFO [x] "a" 1"#), None);
    }
}
