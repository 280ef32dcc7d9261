//! PostgreSQL's server log.

use super::stamp;
use crate::bytes::{cut, find, number, take_while};

/// What a line of the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Where the connection of this process comes from.
    Connected,
    /// Sign-in failed.
    LoginFailed,
    /// A privilege is missing.
    Denied,
    /// Anything else.
    Nothing,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Database<'a> {
    /// When, if the zone is UTC or an offset; else as if it were UTC.
    pub time_ms: Option<i64>,
    /// The backend process.
    pub pid: u64,
    /// What it says.
    pub says: Says,
    /// Role, if named.
    pub user: &'a [u8],
    /// Client address, if named.
    pub host: &'a [u8],
    /// The message.
    pub text: &'a [u8],
}

/// The prefix before the severity is free (`log_line_prefix`); it starts with a time in all that are in use.
const LONGEST_PREFIX: usize = 300;

/// Read a line.
pub fn read(text: &[u8]) -> Option<Database<'_>> {
    let (ms, end) = stamp::iso(text)?;
    let head = text.get(..text.len().min(LONGEST_PREFIX))?;
    let (severity, at) = [&b"FATAL:  "[..], b"ERROR:  ", b"LOG:  ", b"DETAIL:  ", b"STATEMENT:  "]
        .iter()
        .filter_map(|s| Some((*s, find(head, s)?)))
        .min_by_key(|(_, at)| *at)?;
    let (prefix, message) = (text.get(end..at)?, text.get(at + severity.len()..)?);
    let pid = cut(prefix, b"[").and_then(|(_, rest)| number(take_while(rest, |b| b.is_ascii_digit()).0));
    let mut line = Database {
        time_ms: Some(ms),
        pid: pid.unwrap_or(0),
        says: Says::Nothing,
        user: setting(prefix, b"user="),
        host: [&b"client="[..], b"host="]
            .iter()
            .map(|k| setting(prefix, k))
            .find(|h| !h.is_empty())
            .unwrap_or(b""),
        text: message,
    };
    match severity {
        b"LOG:  " if message.starts_with(b"connection received: ") => {
            line.says = Says::Connected;
            line.host = setting(message, b"host=");
        }
        b"FATAL:  " if login_failed(message) => {
            line.says = Says::LoginFailed;
            let user = named(message, b"user \"").or_else(|| named(message, b"role \""));
            line.user = user.unwrap_or(line.user);
            line.host = named(message, b"host \"").unwrap_or(line.host);
        }
        b"ERROR:  " | b"FATAL:  " if denied(message) => line.says = Says::Denied,
        _ => {}
    }
    Some(line)
}

fn setting<'a>(text: &'a [u8], name: &[u8]) -> &'a [u8] {
    let Some((_, rest)) = cut(text, name) else { return b"" };
    take_while(rest, |b| !matches!(b, b' ' | b',' | b'(' | b']')).0
}

fn named<'a>(text: &'a [u8], before: &[u8]) -> Option<&'a [u8]> {
    Some(cut(cut(text, before)?.1, b"\"")?.0)
}

fn login_failed(text: &[u8]) -> bool {
    let missing = (text.starts_with(b"role \"") || text.starts_with(b"database \""))
        && (text.ends_with(b"\" does not exist") || find(text, b"is not permitted to log in").is_some());
    missing
        || find(text, b"authentication failed for user").is_some()
        || text.starts_with(b"no pg_hba.conf entry for")
        || text.starts_with(b"pg_hba.conf rejects connection")
}

fn denied(text: &[u8]) -> bool {
    [&b"permission denied"[..], b"must be superuser", b"must be owner", b"must have admin option"]
        .iter()
        .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_server_are_read() {
        for (text, says, user, host) in [
            (
                "2026-11-21 00:52:29.844 UTC [1988] FATAL:  password authentication failed for user \"postgres\"",
                Says::LoginFailed,
                "postgres",
                "",
            ),
            (
                "2026-11-21 00:52:29 UTC [1]: user=bob,db=c,client=192.0.2.1 FATAL:  role \"bob\" does not exist",
                Says::LoginFailed,
                "bob",
                "192.0.2.1",
            ),
            (
                "2026-11-21 00:52:29 UTC [1] FATAL:  no pg_hba.conf entry for host \"192.0.2.7\", user \"x\", database \"y\"",
                Says::LoginFailed,
                "x",
                "192.0.2.7",
            ),
            (
                "2026-11-21 00:52:29 UTC [1] LOG:  connection received: host=192.0.2.1 port=45400",
                Says::Connected,
                "",
                "192.0.2.1",
            ),
            ("2026-11-21 00:52:29 UTC [1] ERROR:  permission denied for table users", Says::Denied, "", ""),
            (
                "2026-11-21 00:52:29 UTC [1] STATEMENT:  select 'FATAL:  password authentication failed for user'",
                Says::Nothing,
                "",
                "",
            ),
        ] {
            let line = read(text.as_bytes()).unwrap();
            assert_eq!((line.says, line.user, line.host), (says, user.as_bytes(), host.as_bytes()), "{text}");
        }
    }
}
