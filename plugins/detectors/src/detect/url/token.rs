//! Tokens in URLs: query parameters with telling names, random path segments after telling ones.

use super::{ends_url, is_random};
use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    keys::{self, KeyClass},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, is, marker_end},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "url-token",
    title: "Token in a URL",
    what: "Query parameters with telling names (token, access_token, signature, X-Amz-Signature, api_key, key, code, password and others by the rules for field names), and random path segments after one such as reset, activate, invite, magic or hooks.",
    why: "The link is the login: whoever reads the log can follow it.",
    severity: Severity::High,
    pattern: r#"[?&;](?i:[a-z0-9_.-]*(?:token|sig|signature|password|secret|api_?key|auth|code|key|session|sid|jwt|otp))=([^&#\s"'<>`\\]{4,})|/(?i:reset|activate|confirm|verify|invite|unsubscribe|magic|token|password|auth|hooks|login)/([A-Za-z0-9_~.-]{20,})"#,
    validator: "A path segment needs digits and letters; `key` and `code` need a value of at least 6 characters with a digit.",
    on_by_default: true,
    matches: &[
        Example {
            text: "GET https://shop.example.com/activate?uid=8874&token=PFyFzwWUnPr0gAfj done",
            found: &["PFyFzwWUnPr0gAfj"],
        },
        Example { text: "?uid=7\\u0026token=Ht1hiyKA2ArM\"", found: &["Ht1hiyKA2ArM"] },
        Example { text: "/x?a=1&amp;access_token=Ht1hiyKA2ArM", found: &["Ht1hiyKA2ArM"] },
        Example {
            text: "reset: https://shop.example.com/reset/6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8.",
            found: &["6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8"],
        },
        Example {
            text: "?X-Amz-Signature=65ce1f4ba078b4a555fe328a96d3&x=1",
            found: &["65ce1f4ba078b4a555fe328a96d3"],
        },
        Example { text: "?key=a1B2c3D4", found: &["a1B2c3D4"] },
        Example { text: "/callback?code=4a7f21c8&state=x", found: &["4a7f21c8"] },
        Example {
            text: "/confirm/QWxhZGRpbj-pvcGVuIHNl_2FtZTEy?lang=de",
            found: &["QWxhZGRpbj-pvcGVuIHNl_2FtZTEy"],
        },
        Example {
            text: "/invite/91536d3f-9ebe-45ef-926d-a7dbb65bd091",
            found: &["91536d3f-9ebe-45ef-926d-a7dbb65bd091"],
        },
        Example { text: "?password=abcd#top", found: &["abcd"] },
    ],
    no_matches: &[
        "/reset/now",
        "/auth/login",
        "/verify/email/template",
        "?token_count=12&page=2",
        "?token=[REDACTED]",
        "?code=US",
        "?key=name",
        "/tasks/6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8",
        "/login/index.html",
        "?page_token=",
        "/raw/99cbe979.png",
        "/token/count-of-all-tokens-today",
    ],
};

/// Path segments after which a random one is a token.
static SEGMENTS: &[&[u8]] = &[
    b"reset",
    b"resets",
    b"activate",
    b"activation",
    b"confirm",
    b"confirmation",
    b"verify",
    b"verification",
    b"invite",
    b"invites",
    b"invitation",
    b"invitations",
    b"unsubscribe",
    b"magic",
    b"magic-link",
    b"token",
    b"tokens",
    b"password",
    b"auth",
    b"hooks",
    b"hook",
    b"webhook",
    b"webhooks",
    b"login",
    b"signin",
    b"password-reset",
    b"password_reset",
    b"reset-password",
    b"reset_password",
    b"share",
    b"s",
    b"recover",
    b"secret",
];

const SHORTEST: usize = 20;

/// The token `start..end`, as a part of a path segment.
pub(crate) fn path_token(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    if !matches!(scan.before(start), b'/' | b'-' | b'_' | b'~' | b'.') || !scan.on(Id::UrlToken) {
        return None;
    }
    let text = scan.text;
    let mut from = start;
    while from > scan.floor() && start - from < 64 && fits(text[from - 1]) {
        from -= 1;
    }
    if from == scan.floor() || text[from - 1] != b'/' {
        return None;
    }
    let mut to = end;
    while to < text.len() && fits(text[to]) {
        to += 1;
    }
    while text[to - 1] == b'.' {
        to -= 1;
    }
    let segment = &text[from..to];
    if segment.len() < 8 {
        return None;
    }
    let slash = from - 1 - usize::from(from >= 2 && text[from - 2] == b'\\');
    let told = SEGMENTS
        .iter()
        .any(|w| scan.ends_in_any_case(slash, w) && matches!(scan.before(slash - w.len()), b'/' | b'\\'));
    let whole = segment.len() >= SHORTEST || (segment.len() >= 8 && scan.is_cut(to));
    (told && whole && is_random(segment) && marker_end(text, to).is_none())
        .then(|| found(scan, Id::UrlToken, from, to))
        .flatten()
}

fn fits(byte: u8) -> bool {
    is(byte, ALNUM | JOINER) || matches!(byte, b'~' | b'.')
}

/// A query parameter `key` whose value starts at `value`.
pub(crate) fn parameter(scan: &mut Scan<'_, '_>, key: &[u8], value: usize) -> Option<usize> {
    let text = scan.text;
    let mut end = value;
    while end < text.len()
        && !ends_url(text[end])
        && !matches!(text[end], b'&' | b'#' | b';')
        && marker_end(text, end).is_none()
    {
        end += 1;
    }
    while end > value
        && matches!(text[end - 1], b'.' | b',' | b')' | b']' | b'}')
        && !(end < text.len() && text[end] == b'&')
    {
        end -= 1;
    }
    let has_digit = text[value..end].iter().any(|&b| is(b, DIGIT));
    let shortest = match keys::judge(key) {
        Some(KeyClass::Password | KeyClass::Code) => 1,
        Some(KeyClass::Secret) => 4,
        _ if key == b"key" || key == b"code" || key == b"ticket" || key == b"X-Amz-Credential" => {
            6 + usize::from(!has_digit) * 1000
        }
        _ => return None,
    };
    if end - value < shortest || is_flag(&text[value..end]) || !scan.on(Id::UrlToken) {
        return None;
    }
    // A credential of a known provider has its own detector.
    if scan.has(value, b"eyJ") && crate::detect::jwt::end(scan, value) == Some(end) && scan.on(Id::Jwt) {
        return found(scan, Id::Jwt, value, end);
    }
    found(scan, Id::UrlToken, value, end)
}

fn is_flag(value: &[u8]) -> bool {
    [&b"true"[..], b"false", b"null", b"nil", b"none", b"undefined"]
        .iter()
        .any(|f| value.eq_ignore_ascii_case(f))
}
