//! Private keys in PEM.

use crate::{
    Definition, Example, Severity,
    detect::Id,
    scan::Scan,
    text::{ALNUM, BASE64, BLANK, contains_word, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "pem-private-key",
    title: "Private key in PEM",
    what: "The lines between `-----BEGIN ... PRIVATE KEY` and `-----END`, with real or escaped line breaks. Without the end all that follows is taken, up to a double quote; without the start, the lines of base64 before the end.",
    why: "Signs, decrypts and logs in as its owner; certificates made with it have to be replaced.",
    severity: Severity::Critical,
    pattern: r#"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr])*([^"]+?)(?:\s|\\[nr])*(?:-----END|"|\z)"#,
    validator: "",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!(
                "-----BEGIN EC PRIV",
                "ATE KEY-----\nMHcCAQEEIAkQl\nP/cmJmP1pX==\n-----END EC PRIV",
                "ATE KEY-----\nok"
            ),
            found: &["MHcCAQEEIAkQl\nP/cmJmP1pX=="],
        },
        Example {
            text: concat!(
                "key:\"-----BEGIN PRIV",
                "ATE KEY-----\\nMHcCAQEEIAkQl\\n-----END PRIV",
                "ATE KEY-----\\n\""
            ),
            found: &["MHcCAQEEIAkQl"],
        },
        Example {
            text: concat!("-----BEGIN RSA PRIV", "ATE KEY-----\nMHcCAQEEIAkQl"),
            found: &["MHcCAQEEIAkQl"],
        },
        Example {
            text: concat!("MHcCAQEEIAkQlabcd\nP/cmJmP1pX==\n-----END RSA PRIV", "ATE KEY-----"),
            found: &["MHcCAQEEIAkQlabcd\nP/cmJmP1pX=="],
        },
        Example {
            text: concat!("done\nMHcCAQEEIAkQlabcd\nP/cmJmP1pX==\n-----END RSA PRIV", "ATE KEY-----"),
            found: &["MHcCAQEEIAkQlabcd\nP/cmJmP1pX=="],
        },
    ],
    no_matches: &[
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----",
        concat!("-----BEGIN PRIV", "ATE KEY-----\n[REDACTED:pem-private-key]\n-----END PRIV", "ATE KEY-----"),
        "----- 8< -----",
        "--------",
        "-----BEGIN",
    ],
};

/// Longest `-----BEGIN ... -----`.
const HEADER_BYTES: usize = 64;

/// The first of two or more dashes is at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let text = scan.text;
    let dashes = at + text[at..].iter().take_while(|b| **b == b'-').count();
    if dashes - at < 5 || !scan.on(Id::PemPrivateKey) {
        return dashes;
    }
    let header = &text[dashes..text.len().min(dashes + HEADER_BYTES)];
    let Some(close) = header.windows(5).position(|w| w == b"-----") else { return dashes };
    let (label, close) = (&header[..close], dashes + close + 5);
    if !contains_word(label, b"private key") {
        return close;
    }
    if label.starts_with(b"BEGIN") {
        body_after(scan, close)
    } else if label.starts_with(b"END") {
        let (start, end) = body_before(scan, at);
        if end - start >= 16 {
            scan.push(Id::PemPrivateKey, start, end);
        }
        close
    } else {
        close
    }
}

fn body_after(scan: &mut Scan<'_, '_>, from: usize) -> usize {
    let text = scan.text;
    let start = skip_breaks(text, from);
    let mut end = start;
    while end < text.len() && text[end] != b'"' && !text[end..].starts_with(b"-----END") {
        end += 1;
    }
    // What stays: the backslashes before a quote or the break before the end.
    let stop = end;
    while end > start && (is(text[end - 1], BLANK) || text[end - 1] == b'\\' || is_escaped_break(text, end)) {
        end -= 1;
    }
    if end == start {
        return stop.max(from);
    }
    scan.push(Id::PemPrivateKey, start, end).max(stop)
}

fn body_before(scan: &Scan<'_, '_>, at: usize) -> (usize, usize) {
    let text = scan.text;
    let mut end = at;
    while end > scan.floor()
        && (is(text[end - 1], BLANK) || text[end - 1] == b'\\' || is_escaped_break(text, end))
    {
        end -= 1;
    }
    let mut start = end;
    while start > scan.floor()
        && (is(text[start - 1], ALNUM | BASE64) || matches!(text[start - 1], b'\n' | b'\r' | b'\\'))
    {
        start -= 1;
    }
    start = skip_breaks(text, start).min(end);
    // A short line before long ones is of what was logged before: only the last line of a key is short.
    while let Some(line) = text[start..end].iter().position(|b| matches!(b, b'\n' | b'\r' | b'\\'))
        && line < 16
    {
        start = skip_breaks(text, start + line).max(start + line + 1).min(end);
    }
    (start, end)
}

/// Whether an `n` or `r` of an escaped line break ends at `end`.
fn is_escaped_break(text: &[u8], end: usize) -> bool {
    end >= 2 && matches!(text[end - 1], b'n' | b'r') && text[end - 2] == b'\\'
}

fn skip_breaks(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        match text.get(at..) {
            Some([b' ' | b'\t' | b'\r' | b'\n', ..]) => at += 1,
            Some([b'\\', b'n' | b'r' | b't', ..]) => at += 2,
            Some([b'\\', b'\\', ..]) => at += 1,
            _ => return at,
        }
    }
}
