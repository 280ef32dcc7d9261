//! JSON Web Tokens.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, HEX, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "jwt",
    title: "JSON Web Token",
    what: "A signed (JWS) or encrypted (JWE) token: two to five parts in base64url, the first of them the base64 of a JSON object. One that the text's end cuts counts too.",
    why: "Whoever has it is the user until it expires; its claims are readable.",
    severity: Severity::High,
    pattern: r"\beyJ[A-Za-z0-9_-]{7,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}",
    validator: "The first part starts with the base64 of `{\"`.",
    on_by_default: true,
    matches: &[
        Example {
            text: "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl, expired",
            found: &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"],
        },
        Example {
            text: "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.",
            found: &["eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9."],
        },
        Example { text: "cut: eyJhbGciOiJIUzI1NiJ9.", found: &["eyJhbGciOiJIUzI1NiJ9."] },
        Example {
            text: "eyJhbGciOiJkaXIifQ..aXYxMjM0.Y2lwaGVy.dGFn",
            found: &["eyJhbGciOiJkaXIifQ..aXYxMjM0.Y2lwaGVy.dGFn"],
        },
        Example {
            text: "\\neyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9",
            found: &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9"],
        },
    ],
    no_matches: &[
        "eyJ1c2VyX2lkIjo0Mn0=",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJ.abc",
        "eyJhbGci. Then",
        "heyJude12345.example1",
        "eyJhbGciOiJIUzI1NiJ9. Then",
    ],
};

/// The `J` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let start = at.checked_sub(2).filter(|s| scan.has(*s, b"ey") && *s >= scan.floor())?;
    if is(scan.before(start), ALNUM | JOINER) && !after_escape(scan, start) {
        return None;
    }
    let end = end(scan, start)?;
    found(scan, Id::Jwt, start, end)
}

/// The end of the token that starts at `start` with `eyJ`.
pub(crate) fn end(scan: &Scan<'_, '_>, start: usize) -> Option<usize> {
    let header = scan.skip(start, ALNUM | JOINER);
    if header - start < 10 || scan.at(header) != b'.' {
        return None;
    }
    let mut at = header + 1;
    let mut parts = 1;
    let mut bytes = 0;
    loop {
        let part = scan.skip(at, ALNUM | JOINER);
        bytes += part - at;
        parts += 1;
        at = part;
        // A dot that ends a sentence is none of the token's, but an empty signature's is.
        let more = scan.at(at) == b'.'
            && (parts == 2 || is(scan.at(at + 1), ALNUM | JOINER) || scan.at(at + 1) == b'.');
        if parts == 5 || !more || (parts == 2 && bytes == 0 && scan.at(at + 1) == b'.') {
            break;
        }
        at += 1;
    }
    (bytes >= 4 || at == scan.text.len()).then_some(at)
}

/// Whether the letter before `start` belongs to `\n`, `%3D` and the like.
fn after_escape(scan: &Scan<'_, '_>, start: usize) -> bool {
    let floor = scan.floor();
    let text = scan.text;
    (start >= floor + 2 && text[start - 2] == b'\\' && matches!(text[start - 1], b'n' | b'r' | b't'))
        || (start >= floor + 3
            && text[start - 3] == b'%'
            && is(text[start - 2], HEX)
            && is(text[start - 1], HEX))
}
