//! Cookies.

use crate::{
    Definition, Example, Severity,
    detect::Id,
    scan::Scan,
    text::{ALNUM, BLANK, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "cookie",
    title: "Cookie value",
    what: "The values in `Cookie` and `Set-Cookie` headers, as text, JSON or in a dump of Go maps. Names and attributes (Path, Expires and the like) stay.",
    why: "A session cookie is the login of its user.",
    severity: Severity::High,
    pattern: r#"(?i:\b(?:set-)?cookie)[\\"' ]{0,4}[:=][\\"' \[]{0,4}[A-Za-z0-9_.-]+=([^;,\s"'\\\]}]+)"#,
    validator: "",
    on_by_default: true,
    matches: &[
        Example { text: "Cookie: sid=3c01bb5d0ea7bf8f; theme=dark", found: &["3c01bb5d0ea7bf8f", "dark"] },
        Example {
            text: "map[Cookie:sid=3c01bb5d; theme=dark X-Signature:none]",
            found: &["3c01bb5d", "dark"],
        },
        Example { text: "\"Cookie\":[\"a=b1; c=d2\"]", found: &["b1", "d2"] },
        Example {
            text: "Set-Cookie: _session=Zm9vYmFy; Path=/; HttpOnly; SameSite=Lax",
            found: &["Zm9vYmFy"],
        },
        Example { text: "{\\\"cookie\\\":\\\"sid=3c01bb5d\\\"}", found: &["3c01bb5d"] },
    ],
    no_matches: &[
        "Cookie: ",
        "cookie jar: empty",
        "cookie_count=3",
        "Cookie: sid=[REDACTED]",
        "http: named cookie not present",
        "Cookie: sid=; x=",
    ],
};

static ATTRIBUTES: &[&[u8]] =
    &[b"path", b"domain", b"expires", b"max-age", b"samesite", b"priority", b"version"];

/// The pairs of a header whose value starts at `from`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, from: usize) -> Option<usize> {
    let text = scan.text;
    let mut at = from;
    loop {
        let name = at;
        while is(scan.at(at), ALNUM | JOINER) || matches!(scan.at(at), b'.' | b'$' | b'%' | b'~') {
            at += 1;
        }
        if at == name {
            break;
        }
        let attribute = ATTRIBUTES.iter().any(|a| text[name..at].eq_ignore_ascii_case(a));
        if scan.at(at) == b'=' {
            let value = at + 1;
            at = value;
            while at < text.len() && !ends_value(text[at]) {
                at += 1;
            }
            if !attribute && value < at {
                scan.push(Id::Cookie, value, at);
            } else if attribute
                && text[name..].len() > 7
                && text[name..name + 7].eq_ignore_ascii_case(b"expires")
            {
                // A date has blanks and a comma in it.
                at += text[at..].iter().take(26).take_while(|b| !matches!(b, b';' | b'"' | b'\n')).count();
            }
        } else if name == from {
            // The first is a name with a value, or this is no cookie.
            return None;
        }
        if scan.at(at) != b';' {
            break;
        }
        at += 1;
        at += (0..2).take_while(|i| scan.at(at + i) == b' ').count();
    }
    // What is no finding of this detector may be one of another.
    Some(scan.floor().max(from))
}

fn ends_value(byte: u8) -> bool {
    is(byte, BLANK) || matches!(byte, b';' | b',' | b'"' | b'\'' | b'\\' | b']' | b'}' | 0..=31)
}
