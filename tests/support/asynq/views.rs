//! All the texts that stand in a text: without its escapes, out of base64, hex, lists of byte numbers and URLs.
//!
//! Meant to see too much rather than too little: what looks like a coding is undone wherever it starts.

/// How many levels of escapes are undone.
const ESCAPES: usize = 5;

/// Codings within codings: a payload in base64 with a token in base64.
const DEPTH: usize = 3;

/// Makes the views.
#[derive(Debug, Default)]
pub struct Views {
    depth: usize,
}

impl Views {
    /// Calls `see` with the text and with every view of it, and the codings that led there.
    pub fn each(&self, text: &[u8], see: &mut dyn FnMut(&str, &[u8])) {
        self.views("", text, see);
    }

    fn views(&self, path: &str, text: &[u8], see: &mut dyn FnMut(&str, &[u8])) {
        let mut current = text.to_vec();
        let mut path = path.to_owned();
        for _ in 0..=ESCAPES {
            see(&path, &current);
            if current.contains(&b'%') {
                see(&format!("{path}/url"), &percent(&current));
            }
            if self.depth < DEPTH {
                let inner = Self { depth: self.depth + 1 };
                for (name, decoded) in
                    [("bytes", numbers(&current)), ("hex", hex(&current)), ("base64", base64(&current))]
                {
                    if !decoded.is_empty() {
                        inner.views(&format!("{path}/{name}"), &decoded, see);
                    }
                }
            }
            if !current.contains(&b'\\') {
                break;
            }
            current = unescape(&current);
            path.push_str("/unescaped");
        }
    }
}

/// One level of backslash escapes undone, those of JSON, Go and redis, wherever they stand.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let code = |at: usize, digits: usize| {
        let digits = text.get(at..at + digits)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while at < text.len() {
        if text[at] != b'\\' || at + 1 == text.len() {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let kind = text[at + 1];
        at += 2;
        match kind {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'u' => match code(at, 4) {
                Some(high @ 0xD800..0xDC00) if text[at + 4..].starts_with(b"\\u") => {
                    let low = code(at + 6, 4).unwrap_or(0xDC00);
                    push_char(0x10000 + ((high - 0xD800) << 10 | low.wrapping_sub(0xDC00) & 0x3FF), &mut out);
                    at += 10;
                }
                Some(c) => {
                    push_char(c, &mut out);
                    at += 4;
                }
                None => out.push(kind),
            },
            b'x' => match code(at, 2) {
                Some(byte) => {
                    out.push(byte as u8);
                    at += 2;
                }
                None => out.push(kind),
            },
            other => out.push(other),
        }
    }
    out
}

fn push_char(code: u32, out: &mut Vec<u8>) {
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn percent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let pair = text.get(at + 1..at + 3).and_then(|p| std::str::from_utf8(p).ok());
        match (text[at], pair.and_then(|p| u8::from_str_radix(p, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// The bytes of all lists of numbers, decimal or `0x`, between blanks or commas.
fn numbers(text: &[u8]) -> Vec<u8> {
    let (mut out, mut run) = (Vec::new(), Vec::new());
    let mut at = 0;
    let mut flush = |run: &mut Vec<u8>| {
        if run.len() >= 3 {
            out.append(run);
            out.extend_from_slice(b"\n\0\n");
        }
        run.clear();
    };
    while at < text.len() {
        let (base, start) = if text[at..].starts_with(b"0x") { (16, at + 2) } else { (10, at) };
        let len = text[start..].iter().take(4).take_while(|b| char::from(**b).is_digit(base)).count();
        let number = std::str::from_utf8(&text[start..start + len])
            .ok()
            .and_then(|n| u8::from_str_radix(n, base).ok());
        match number {
            Some(byte) => {
                run.push(byte);
                at = start + len;
                let gap = text[at..].iter().take(3).take_while(|b| matches!(b, b' ' | b',' | b'\n')).count();
                if !(1..=2).contains(&gap) {
                    flush(&mut run);
                }
                at += gap;
            }
            None => {
                flush(&mut run);
                at = start + len.max(usize::from(start == at));
            }
        }
    }
    flush(&mut run);
    out
}

/// The bytes of all runs of at least 16 hex digits, pairs with blanks between them too, from both their nibbles.
fn hex(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let nibble = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let mut at = 0;
    while at < text.len() {
        let mut digits = Vec::new();
        let mut end = at;
        while let Some(digit) = text.get(end).copied().and_then(nibble) {
            digits.push(digit);
            end += 1;
            let spaced = digits.len() % 2 == 0 && text.get(end) == Some(&b' ');
            let pair = |i: usize| text.get(i).copied().and_then(nibble).is_some();
            if spaced
                && pair(end + 1)
                && pair(end + 2)
                && !pair(end + 3)
                && (digits.len() == 2 || text[end - 3] == b' ')
            {
                end += 1;
            }
        }
        if digits.len() >= 16 {
            for skip in 0..2 {
                out.extend(digits[skip..].chunks_exact(2).map(|p| p[0] << 4 | p[1]));
                out.extend_from_slice(b"\n\0\n");
            }
        }
        at = end.max(at + 1);
    }
    out
}

/// The bytes of all runs of at least 16 characters of both base64 alphabets, from each of their first four.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let sextet = |b: &u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut at = 0;
    while at < text.len() {
        let run: Vec<u8> = text[at..].iter().map_while(sextet).collect();
        if run.len() >= 16 {
            for skip in 0..4 {
                for group in run[skip..].chunks(4) {
                    let bits = group.iter().fold(0u32, |bits, s| bits << 6 | u32::from(*s))
                        << (6 * (4 - group.len()));
                    out.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
                }
                out.extend_from_slice(b"\n\0\n");
            }
        }
        at += run.len().max(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, value: &str) -> bool {
        let mut seen = false;
        Views::default()
            .each(text.as_bytes(), &mut |_, view| seen |= crate::logs::contains(view, value.as_bytes()));
        seen
    }

    #[test]
    fn values_are_seen_in_every_coding() {
        for text in [
            "x a@b.c é y",
            r#"\"x a@b.c \u00e9 y\""#,
            r#"{\\\"x a@b.c \\u00e9 y\\\"}"#,
            "?q=x%20a%40b.c%20%C3%A9%20y",
            "[120 32 97 64 98 46 99 32 195 169 32 121]",
            "[120,32,97,64,98,46,99,32,195,169,32,121]",
            "{0x78, 0x20, 0x61, 0x40, 0x62, 0x2e, 0x63, 0x20, 0xc3, 0xa9, 0x20, 0x79}",
            "78206140622e6320c3a92079",
            "78 20 61 40 62 2e 63 20 c3 a9 20 79",
            "path/eCBhQGIuYyDDqSB5",
            "eCBhQGIuYyDDqSB5",
            "ZUNCaFFHSXVZeUREcVNCNQ==",
        ] {
            assert!(seen(text, "x a@b.c é y"), "{text}");
        }
        assert!(!seen("[REDACTED:email]", "a@b.c"));
    }
}
