//! IPv4 in text: reading a dotted quad, and telling it from a version number.

/// A dotted quad found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quad {
    /// Its four bytes.
    pub octets: [u8; 4],
    /// Where it ends (exclusive).
    pub end: usize,
}

/// Read a dotted quad that starts at `at`. What stands around it is not looked at.
pub fn read(text: &[u8], at: usize) -> Option<Quad> {
    let mut octets = [0u8; 4];
    let mut pos = at;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            if text.get(pos) != Some(&b'.') {
                return None;
            }
            pos += 1;
        }
        let mut value = match text.get(pos) {
            Some(&d @ b'0'..=b'9') => u32::from(d - b'0'),
            _ => return None,
        };
        pos += 1;
        for _ in 0..2 {
            match text.get(pos) {
                Some(&d @ b'0'..=b'9') => value = value * 10 + u32::from(d - b'0'),
                _ => break,
            }
            pos += 1;
        }
        *octet = u8::try_from(value).ok()?;
    }
    if text.get(pos).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some(Quad { octets, end: pos })
}

/// A dotted quad without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainQuad {
    /// Its four bytes.
    pub octets: [u8; 4],
    /// Where the last number starts.
    pub last: usize,
    /// Where it ends (exclusive).
    pub end: usize,
}

/// As [`read`], from the start of a window that is longer than any quad, and only as this module
/// writes one: without leading zeros.
#[inline(always)]
pub fn read_plain(window: &[u8; 16]) -> Option<PlainQuad> {
    let (a, pos) = number(window, 0)?;
    let (b, pos) = number(window, dot(window, pos)?)?;
    let (c, pos) = number(window, dot(window, pos)?)?;
    let last = dot(window, pos)?;
    let (d, end) = number(window, last)?;
    if window.get(end)?.is_ascii_digit() {
        return None;
    }
    Some(PlainQuad { octets: [a, b, c, d].map(|n| n as u8), last, end })
}

#[inline(always)]
fn dot(window: &[u8; 16], pos: usize) -> Option<usize> {
    (*window.get(pos)? == b'.').then_some(pos + 1)
}

/// A number up to 255 and where it ends.
#[inline(always)]
fn number(window: &[u8; 16], pos: usize) -> Option<(u32, usize)> {
    let [a, b, c] = window.get(pos..)?.first_chunk::<3>()?.map(|d| u32::from(d).wrapping_sub(0x30));
    if a > 9 {
        return None;
    }
    if b > 9 {
        return Some((a, pos + 1));
    }
    if a == 0 {
        return None;
    }
    if c > 9 {
        return Some((a * 10 + b, pos + 2));
    }
    let value = a * 100 + b * 10 + c;
    (value <= 255).then_some((value, pos + 3))
}

/// Behind so many bytes a record may have been cut, and the next one glued on.
const CUT: usize = 900;

/// Read a quad whose last number runs into the number with which the next record begins:
/// `198.51.100.71234: : session`.
fn read_cut(text: &[u8], at: usize) -> Option<Quad> {
    (1..=15)
        .rev()
        .find_map(|len| read(text.get(..at + len)?, at))
        .filter(|q| text.get(q.end).is_some_and(u8::is_ascii_digit))
}

/// Find the quad around the dot at `dot`, starting not before `floor`.
///
/// Five and more groups (OIDs, longer versions) are not addresses, nor is a quad that
/// the words before it call a version.
pub fn around_dot(text: &[u8], dot: usize, floor: usize) -> Option<(usize, Quad)> {
    let mut start = dot;
    while start > floor && dot - start < 3 && text[start - 1].is_ascii_digit() {
        start -= 1;
    }
    if start == dot {
        return None;
    }
    if start > floor {
        let before = text[start - 1];
        // Digits of an escape are no part of the number.
        let escaped = (2..=3).any(|n| start > floor + n && super::escape_len(text, start - n, floor) == n);
        if before.is_ascii_digit() && !escaped
            || before == b'.' && start > floor + 1 && text[start - 2].is_ascii_digit()
        {
            return None;
        }
    }
    let quad = read(text, start).or_else(|| if start >= CUT { read_cut(text, start) } else { None })?;
    if text.get(quad.end) == Some(&b'.') && text.get(quad.end + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    (!is_version(text, start, quad.end)).then_some((start, quad))
}

/// Words that say of the number behind them that it is a version.
const VERSION_WORDS: &[&[u8]] = &[b"version", b"versions", b"ver", b"v", b"release", b"rev", b"revision"];

/// Programs whose name is followed by their version in coturn's logs.
const PRODUCTS: &[&[u8]] = &[
    b"coturn",
    b"turnserver",
    b"rfc5766-turn-server",
    b"citrix",
    b"openssl",
    b"libressl",
    b"boringssl",
    b"gnutls",
    b"libevent",
    b"sqlite",
    b"mariadb",
    b"mysql",
    b"postgresql",
    b"redis",
    b"mongodb",
    b"libpq",
    b"hiredis",
    b"prometheus",
];

/// Words that, joined to a quad by a hyphen or slash, leave it an address although they look like a
/// product: `Host-192.0.2.1`.
const ADDRESS_WORDS: &[&[u8]] = &[
    b"ip",
    b"ipv4",
    b"ipv6",
    b"inet",
    b"host",
    b"hostname",
    b"client",
    b"peer",
    b"addr",
    b"address",
    b"from",
    b"to",
    b"remote",
    b"local",
    b"relay",
    b"server",
    b"source",
    b"dest",
    b"user",
    b"network",
    b"node",
    b"gateway",
    b"router",
    b"static",
    b"pool",
    b"via",
];

/// Whether the quad at `start..end` is called a version by what stands around it. In doubt it is an address.
fn is_version(text: &[u8], start: usize, end: usize) -> bool {
    let before = &text[..start];
    let Some(&last) = before.last() else { return false };
    // A version has no port, and in a field between angle brackets stands what a client or operator chose.
    let port = text.get(end) == Some(&b':') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    if port || in_field(before) {
        return false;
    }
    let is = |words: &[&[u8]], word: &[u8]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    if last.is_ascii_alphabetic() {
        // `v4.5.1.1`; any other letter is glued to an address.
        return is(VERSION_WORDS, word_before(before));
    }
    // A product's name joined to the number: `Coturn-4.5.0.7`, `Citrix/3.2.3.1`.
    if matches!(last, b'-' | b'/' | b'_') {
        let word = word_before(&before[..before.len() - 1]);
        let product =
            word.len() >= 3 && word[0].is_ascii_uppercase() && word[1..].iter().all(u8::is_ascii_lowercase);
        // The major versions of all of these are small.
        return (product || is(PRODUCTS, word))
            && !is(ADDRESS_WORDS, word)
            && text.get(start + 1) == Some(&b'.');
    }
    let stripped = before.trim_ascii_end();
    if stripped.len() < before.len() && is(PRODUCTS, word_before(stripped)) {
        return text.get(start + 1) == Some(&b'.');
    }
    let label = match stripped {
        [label @ .., b':' | b'=' | b'"' | b'\'' | b'('] => label,
        _ => stripped,
    };
    label.len() < before.len() && is(VERSION_WORDS, word_before(label.trim_ascii_end()))
}

/// Whether `before` ends within angle brackets.
fn in_field(before: &[u8]) -> bool {
    let near = &before[before.len().saturating_sub(256)..];
    near.iter().rev().find(|b| matches!(b, b'<' | b'>')) == Some(&b'<')
}

fn word_before(text: &[u8]) -> &[u8] {
    let start = text.iter().rposition(|b| !b.is_ascii_alphabetic()).map_or(0, |i| i + 1);
    &text[start..]
}

/// Append `octets` as a dotted quad.
pub fn write(octets: [u8; 4], out: &mut Vec<u8>) {
    let mut text = [b'.'; 16];
    let mut at = 0;
    for octet in octets {
        if octet >= 100 {
            text[at] = b'0' + octet / 100;
            at += 1;
        }
        if octet >= 10 {
            text[at] = b'0' + octet / 10 % 10;
            at += 1;
        }
        text[at] = b'0' + octet % 10;
        // The dot behind it is there already.
        at += 2;
    }
    tamis_sdk::record::push_short(out, &text, 0, at - 1);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        (0..bytes.len())
            .filter(|&i| bytes[i] == b'.')
            .find_map(|dot| around_dot(bytes, dot, 0))
            .map(|(start, quad)| &text[start..quad.end])
    }

    #[test]
    fn addresses_are_found() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("from 192.0.2.1:3478, x", "192.0.2.1"),
            ("http://203.0.113.9:8080", "203.0.113.9"),
            ("peer=10.1.2.3.", "10.1.2.3"),
            ("udp/192.0.2.1", "192.0.2.1"),
            ("ip-192.0.2.1", "192.0.2.1"),
            ("10.0.0.0-10.255.255.255", "10.0.0.0"),
            ("198.51.100.7.example.org", "198.51.100.7"),
            ("x198.51.100.7y", "198.51.100.7"),
            ("<10.1.2.3>", "10.1.2.3"),
            ("10.0.0.0/8", "10.0.0.0"),
            ("Redis: 10.0.0.7:6379 refused", "10.0.0.7"),
            ("host turnserver: 198.51.100.7 connected", "198.51.100.7"),
            ("edge 198.51.100.7", "198.51.100.7"),
            ("realm <coturn-198.51.100.7>", "198.51.100.7"),
            ("https://example.org/198.51.100.7", "198.51.100.7"),
            ("turn/realm/10.1.2.3/user/", "10.1.2.3"),
            ("log/198.51.100.7:3478", "198.51.100.7"),
            ("coturn 198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(first(text), Some(address), "{text}");
        }
    }

    proptest! {
        #[test]
        fn plain_quads_are_read_as_all(text in "([0-9]{1,3}[.]){3}[0-9]{1,4}[:., x]?") {
            let mut window = [0; 16];
            let len = text.len().min(16);
            window[..len].copy_from_slice(&text.as_bytes()[..len]);
            let plain = read_plain(&window);
            let quad = read(&window, 0);
            let canonical = quad.filter(|q| {
                let mut out = Vec::new();
                write(q.octets, &mut out);
                out == window[..q.end]
            });
            prop_assert_eq!(plain.map(|p| (p.octets, p.end)), canonical.map(|q| (q.octets, q.end)));
            if let Some(plain) = plain {
                prop_assert_eq!(window[plain.last - 1], b'.');
            }
        }
    }

    #[test]
    fn look_alikes_are_not() {
        for text in [
            "Version Coturn-4.5.0.7",
            "Citrix-3.2.3.1",
            "Coturn 4.5.1.1",
            "version: 4.5.1.1",
            "v4.5.1.1",
            "OpenSSL 1.1.1.1",
            "1.3.6.1.4.1",
            "111.111: x",
            "999.1.2.3",
            "1.2.3",
            "1.2.3.4567",
            "00:00:01.000",
            "Foo/1.2.3.4",
            "1.1.1n  15",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
