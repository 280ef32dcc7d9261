//! Credentials of HTTP basic authentication.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, BASE64, BLANK, JOINER, contains_word, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "basic-auth",
    title: "Basic authentication",
    what: "What follows `Basic` and a blank: user and password in base64; and the password in `curl -u user:password`.",
    why: "It is the password; base64 hides nothing.",
    severity: Severity::Critical,
    pattern: r"\b(?i:basic) ([A-Za-z0-9+/_-]{4,}={0,2})",
    validator: "Decodes to text with a colon, or stands after the word Authorization.",
    on_by_default: true,
    matches: &[
        Example {
            text: "Authorization: Basic c3ZjLWhvb2s6REs4aUtmaUE1bVdu",
            found: &["c3ZjLWhvb2s6REs4aUtmaUE1bVdu"],
        },
        Example { text: "{Basic dXNlcjpwYXNz}", found: &["dXNlcjpwYXNz"] },
        Example { text: "\"Basic YTpiMQ==\"", found: &["YTpiMQ=="] },
        Example { text: "curl -u admin:hunter2 http://x/", found: &["hunter2"] },
        Example { text: "curl --user 'admin:hunter2' x", found: &["hunter2"] },
    ],
    no_matches: &[
        "basic auth failed",
        "Basic usage of the tool",
        "Basic c3Vubnkgd2VhdGhlcg==",
        "Authorization: Basic [REDACTED]",
        "BASIC",
    ],
};

/// The end of the credentials at `value`.
pub(crate) fn end(scan: &Scan<'_, '_>, word: usize, value: usize) -> Option<usize> {
    let end = scan.skip(value, ALNUM | JOINER | BASE64);
    let token = &scan.text[value..end];
    let named = || token.len() >= 8 && contains_word(scan.context(word, 24), b"authorization");
    (token.len() >= 4 && (has_colon(token) || named())).then_some(end)
}

/// The dash at `at`, if it starts an option of curl that gives user and password: `-u user:password`.
pub(crate) fn option(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let option = [&b"-u "[..], b"--user "].iter().find(|o| scan.has(at, o))?.len();
    if !contains_word(scan.context(at, 200), b"curl") {
        return None;
    }
    let quote = Some(scan.at(at + option)).filter(|b| matches!(b, b'"' | b'\''));
    let user = at + option + usize::from(quote.is_some());
    let ends = |b: u8| is(b, BLANK) || b < b' ' || quote == Some(b);
    let rest = scan.text.get(user..)?;
    let len = rest.iter().take(256).position(|&b| ends(b)).unwrap_or(rest.len().min(256));
    let colon = rest[..len].iter().position(|&b| b == b':')?;
    found(scan, Id::BasicAuth, user + colon + 1, user + len)
}

/// Whether `base64` decodes to printable text with a colon in it that is not the first character.
fn has_colon(base64: &[u8]) -> bool {
    let (mut bits, mut held, mut colon, mut n) = (0u32, 0, false, 0);
    for &b in base64.iter().take_while(|b| **b != b'=') {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held & 0xff) as u8;
            if byte < b' ' || byte == 0x7f {
                return false;
            }
            colon |= byte == b':' && n > 0;
            n += 1;
        }
    }
    colon && held != 6
}
