//! Passwords in URLs: `scheme://user:password@host`.

use super::{ends_url, is_placeholder, is_random};
use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{DIGIT, is, marker_end},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "url-credentials",
    title: "Password in a URL",
    what: "The password between user and host of a URL, whatever the scheme; also percent-encoded URLs, URLs that the text's end cuts, long random user names without a password; and the DSN of Go's MySQL driver, which has no scheme.",
    why: "Opens the database, queue or site that the URL names.",
    severity: Severity::Critical,
    pattern: r#"[A-Za-z0-9]:(?:\\?/){2}[^/?#\s"'<>`\\@:]*:([^/?#\s"'<>`\\]+)@"#,
    validator: "Not a placeholder (`xxxxx`, `***`, `[REDACTED]`). A cut URL counts if what follows the colon is no port.",
    on_by_default: true,
    matches: &[
        Example { text: "dsn postgres://app:s3cr3tPw@db.internal:5432/shop", found: &["s3cr3tPw"] },
        Example { text: "redis://:pa%ssMEzCden5@127.0.0.1:6379/0", found: &["pa%ssMEzCden5"] },
        Example {
            text: "https://media-bot:NSwYmFHXBAa31A@origin.example.com/raw/99cbe979.png",
            found: &["NSwYmFHXBAa31A"],
        },
        Example { text: "amqp://a:b@c:d@host/", found: &["b@c:d"] },
        Example { text: "redis://:pa/ss#w@host:6379", found: &["pa/ss#w"] },
        Example { text: "https:\\/\\/u:pw12@h.example\\/x", found: &["pw12"] },
        Example { text: "https://media-bot:NSwYm", found: &["NSwYm"] },
        Example { text: "src=https%3A%2F%2Fu%3Apw12%40h.example", found: &["pw12"] },
        Example { text: "redis://:pw12@[::1]:6379", found: &["pw12"] },
        Example { text: "dsn: app:pa55word@tcp(db:3306)/shop?parseTime=true", found: &["pa55word"] },
        Example {
            text: "https://6cee55f92a29f57a57718f5c@git.example/x",
            found: &["6cee55f92a29f57a57718f5c"],
        },
    ],
    no_matches: &[
        "http://localhost:8080/health",
        "redis://127.0.0.1:6379",
        "https://user@host.example/",
        "https://example.com/a:b@c",
        "postgres://app:xxxxx@db/shop",
        "postgres://app:***@db/shop",
        "postgres://app:[REDACTED:url-credentials]@db/shop",
        "redis://host:6379",
        "cannot connect (redis://10.0.0.1:6379)):",
        "http://h:80/p?x=@",
        "https%3A%2F%2Fhost%3A443%2F",
        "foo://",
        "://x:y@z",
    ],
};

/// The `@` at `at`, if it is that of `user:password@tcp(host:3306)/`, the DSN of Go's MySQL driver.
pub(crate) fn mysql(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let protocol = [&b"@tcp("[..], b"@unix(", b"@cloudsql("].iter().any(|p| scan.has(at, p));
    if !protocol || !scan.on(Id::UrlCredentials) {
        return None;
    }
    let text = scan.text;
    let mut start = at;
    while start > scan.floor()
        && at - start < 128
        && !matches!(text[start - 1], b' ' | b'"' | b'\'' | b'=' | b'\t' | b'\n' | b'`')
    {
        start -= 1;
    }
    let colon = text[start..at].iter().position(|b| *b == b':')?;
    let password = start + colon + 1;
    if password >= at || is_placeholder(scan, password, at) || marker_end(text, password).is_some() {
        return None;
    }
    found(scan, Id::UrlCredentials, password, at)
}

/// The authority that starts at `start`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.on(Id::UrlCredentials) {
        return None;
    }
    let text = scan.text;
    let (mut colon, mut sign, mut slash, mut end, mut marked) = (None, None, None, start, false);
    while end < text.len() && !ends_url(text[end]) {
        match text[end] {
            b'[' | b'*' if let Some(marker) = marker_end(text, end) => {
                end = marker;
                marked = true;
                continue;
            }
            // A password with a slash in it is sought a short way only: this may be any URL.
            b':' if slash.is_some() && scan.has(end, b"://") => break,
            _ if slash.is_some_and(|s| end > s + 128) => break,
            b':' if colon.is_none() && slash.is_none() => colon = Some(end),
            b'@' if slash.is_none() => sign = Some(end),
            b'@' if sign.is_none() && is_password_with_slash(scan, colon, slash) => {
                sign = Some(end);
                break;
            }
            b'/' | b'?' | b'#' if slash.is_none() => {
                slash = Some(end);
                // The host is done, and so are most URLs.
                if sign.is_some() || !is_password_with_slash(scan, colon, slash) {
                    break;
                }
            }
            _ => {}
        }
        end += 1;
    }
    let (from, to) = match (colon, sign) {
        (Some(colon), Some(sign)) if colon < sign => (colon + 1, sign),
        (None, Some(sign)) if sign - start >= 20 && is_random(&text[start..sign]) => (start, sign),
        _ if marked => return None,
        // Cut within the password.
        (Some(colon), None) if slash.is_none() && scan.is_cut(end) => (colon + 1, end),
        (Some(colon), None) if slash.is_none() && text[colon..end].ends_with(b"...") => (colon + 1, end - 3),
        _ => return None,
    };
    let digits = scan.skip(from, DIGIT);
    let port = sign.is_none() && text[digits..to].iter().all(|b| b")]},.;:|".contains(b));
    let bracket = sign.is_none() && text[start] == b'[';
    (from < to && !port && !bracket && !is_placeholder(scan, from, to))
        .then(|| found(scan, Id::UrlCredentials, from, to))
        .flatten()
}

/// Whether what is between `colon` and `slash` is no port, so that the slash belongs to a password.
fn is_password_with_slash(scan: &Scan<'_, '_>, colon: Option<usize>, slash: Option<usize>) -> bool {
    let (Some(colon), Some(slash)) = (colon, slash) else { return false };
    !scan.text[colon + 1..slash].iter().all(|&b| is(b, DIGIT))
}
