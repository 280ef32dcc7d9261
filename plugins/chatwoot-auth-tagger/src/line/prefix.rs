//! What log shippers put before a line: compose, syslog and journald, CRI, and time stamps.

use super::stamp;
use crate::bytes::{cut, take_while};

/// A line without what its shippers put before it.
#[derive(Debug, Clone, Copy)]
pub struct Shipped<'a> {
    /// The program's own line.
    pub rest: &'a [u8],
    /// The time of the outermost prefix that has one with a year.
    pub time_ms: Option<i64>,
}

/// Prefixes stand within each other (compose within journald), but not endlessly.
const MOST: usize = 4;

/// Take off all prefixes.
pub fn strip(text: &[u8]) -> Shipped<'_> {
    let mut shipped = Shipped { rest: text, time_ms: None };
    for _ in 0..MOST {
        let rest = shipped.rest;
        // The commonest line of all has none.
        if rest.get(1..4) == Some(b", [") {
            break;
        }
        if let Some(rest) = compose(rest).or_else(|| syslog(rest)) {
            shipped.rest = rest;
        } else if let Some((ms, rest)) = time(rest) {
            shipped.time_ms = shipped.time_ms.or(Some(ms));
            shipped.rest = rest;
        } else {
            break;
        }
    }
    shipped
}

/// `rails-1     | `, perhaps coloured.
fn compose(text: &[u8]) -> Option<&[u8]> {
    let text = ansi(text);
    let (name, rest) = take_while(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let (_, rest) = take_while(rest, |b| b == b' ');
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    let rest = ansi(rest.strip_prefix(b"|")?);
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// Without an ANSI colour at the start.
pub fn ansi(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(b"\x1b[") else { return text };
    let (_, rest) = take_while(rest, |b| b.is_ascii_digit() || b == b';');
    rest.strip_prefix(b"m").unwrap_or(text)
}

/// `Mar 01 07:54:19 host chatwoot-web.1[687]: `.
fn syslog(text: &[u8]) -> Option<&[u8]> {
    stamp::month(text.get(..3)?)?;
    let rest = text.get(3..)?.trim_ascii_start();
    let (day, rest) = take_while(rest, |b| b.is_ascii_digit());
    let rest = rest.trim_ascii_start();
    let clock = rest.get(..8)?;
    if day.is_empty() || clock.get(2) != Some(&b':') || clock.get(5) != Some(&b':') {
        return None;
    }
    let (head, rest) = cut(rest.get(8..)?, b": ")?;
    // Host and program, nothing else.
    let words = head.trim_ascii().split(|&b| b == b' ').count();
    (head.first() == Some(&b' ') && words <= 2).then_some(rest)
}

/// An ISO time with `T` and zone, and for CRI also `stdout F`.
fn time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (ms, end) = stamp::iso(text)?;
    if text.get(10) != Some(&b'T') {
        return None;
    }
    let rest = text.get(end..)?;
    let (offset_s, len) = stamp::offset(rest)?;
    let rest = rest.get(len..)?.strip_prefix(b" ")?;
    let rest = [&b"stdout F "[..], b"stderr F ", b"stdout P ", b"stderr P "]
        .iter()
        .find_map(|stream| rest.strip_prefix(*stream))
        .unwrap_or(rest);
    Some((ms - offset_s * 1000, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_come_off() {
        for prefix in [
            "",
            "rails-1     | ",
            "\x1b[36mrails-1  |\x1b[0m ",
            "Mar 01 07:54:19 host chatwoot-web.1[687]: ",
            "2026-03-02T08:01:40.123456789Z stdout F ",
            "2026-03-02T08:01:40.123+01:00 ",
            "Mar  1 07:54:19 host docker[687]: 2026-03-02T08:01:40Z rails_1 | ",
        ] {
            for line in ["I, [2026-03-02T08:01:34.278676 #21545]  INFO -- : x", "Started GET \"/\" for x", ""]
            {
                let text = format!("{prefix}{line}");
                assert_eq!(strip(text.as_bytes()).rest, line.as_bytes(), "{text}");
            }
        }
        for whole in ["2026-11-21 00:52:29.844 UTC [1988] FATAL:  x", "a | b: c d |", "March on"] {
            assert!(!strip(whole.as_bytes()).rest.is_empty());
        }
        assert_eq!(strip(b"2026-11-21 00:52:29.844 UTC [1] LOG:  x").rest.len(), 39);
    }
}
