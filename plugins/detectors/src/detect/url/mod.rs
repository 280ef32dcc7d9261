//! Credentials in URLs: before the host, in the path, in the query.

pub(crate) mod credentials;
pub(crate) mod discord_webhook;
pub(crate) mod slack_webhook;
pub(crate) mod token;

pub(crate) use token::{parameter, path_token};

use crate::{
    detect::Id,
    scan::Scan,
    text::{ALNUM, BLANK, DIGIT, HEX, JOINER, UPPER, is, marker_end},
};

/// The colon at `at`, if slashes follow, escaped ones included.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let mut authority = at + 1;
    for _ in 0..2 {
        authority += (0..3).take_while(|i| scan.at(authority + i) == b'\\').count();
        if scan.at(authority) != b'/' {
            return None;
        }
        authority += 1;
    }
    if at == 0 || !is(scan.before(at), ALNUM) {
        return Some(authority);
    }
    if let Some(end) = slack_webhook::at(scan, authority).or_else(|| discord_webhook::at(scan, authority)) {
        return Some(end);
    }
    Some(credentials::at(scan, authority).unwrap_or(authority))
}

/// The `%` at `at`, if it starts `%3A%2F%2F`.
pub(crate) fn encoded(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if !scan.has_in_any_case(at, b"%3a%2f%2f") || !scan.on(Id::UrlCredentials) {
        return None;
    }
    let user = at + 9;
    let part = |from: usize| {
        let mut i = from;
        while is(scan.at(i), ALNUM | JOINER) || matches!(scan.at(i), b'.' | b'~' | b'!' | b'*') {
            i += 1;
        }
        i
    };
    let mut end = part(user);
    if !scan.has_in_any_case(end, b"%3a") {
        return Some(user);
    }
    let password = end + 3;
    end = part(password);
    // An encoded character of the password itself.
    while scan.at(end) == b'%'
        && is(scan.at(end + 1), HEX)
        && !scan.has(end, b"%40")
        && !scan.has_in_any_case(end, b"%2f")
    {
        end = part(end + 3);
    }
    (scan.has(end, b"%40") && end > password)
        .then(|| scan.push(Id::UrlCredentials, password, end))
        .or(Some(user))
}

/// Whether `byte` ends a URL in text.
fn ends_url(byte: u8) -> bool {
    is(byte, BLANK) || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | 0..=31)
}

/// Whether the text has a placeholder at `at`: a marker, or what Go's `URL.Redacted` writes.
fn is_placeholder(scan: &Scan<'_, '_>, at: usize, end: usize) -> bool {
    marker_end(scan.text, at).is_some() || &scan.text[at..end] == b"xxxxx"
}

/// Whether `text` looks random: digits and letters, none of the shapes of ids and versions.
fn is_random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| is(**b, DIGIT)).count();
    let uppers = text.iter().filter(|b| is(**b, UPPER)).count();
    digits >= 1 && text.len() - digits >= 2 && (digits + uppers) * 12 >= text.len()
}
