//! Host names that spell an address: `ip-198-51-100-7`, `7.100.51.198.in-addr.arpa`,
//! nibbles below `ip6.arpa`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Four groups of decimal digits joined by hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dashed {
    /// The address it spells.
    pub address: Ipv4Addr,
    /// Where it starts.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
}

/// Find the dashed quad around the hyphen at `dash`, the first between its groups,
/// starting not before `floor`.
pub fn around_dash(text: &[u8], dash: usize, floor: usize) -> Option<Dashed> {
    let mut start = dash;
    while start > floor && dash - start < 3 && text[start - 1].is_ascii_digit() {
        start -= 1;
    }
    if start == dash || start > floor && text[start - 1].is_ascii_digit() {
        return None;
    }
    let mut octets = [0u8; 4];
    let mut pos = start;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            if text.get(pos) != Some(&b'-') {
                return None;
            }
            pos += 1;
        }
        let digits = text[pos..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) {
            return None;
        }
        let value = text[pos..pos + digits].iter().fold(0u32, |v, d| v * 10 + u32::from(d - b'0'));
        *octet = u8::try_from(value).ok()?;
        pos += digits;
    }
    let before = &text[floor.min(start)..start];
    // `ip-`, `ec2-`, `host`; a label of digits alone would make it a longer number.
    let joined = before.strip_suffix(b"-").is_some_and(word_has_letter);
    let named = joined || before.last().is_some_and(u8::is_ascii_alphabetic);
    // Between other numbers it is a date, a serial number, a phone number.
    let fifth = text.get(pos) == Some(&b'-') && text.get(pos + 1).is_some_and(u8::is_ascii_digit);
    let numbered = before.strip_suffix(b"-").is_some_and(|b| b.last().is_some_and(u8::is_ascii_digit));
    if (fifth || numbered) && !joined {
        return None;
    }
    let in_domain =
        matches!(text.get(pos), Some(b'.' | b'-')) && text.get(pos + 1).is_some_and(u8::is_ascii_alphabetic);
    (named || in_domain).then_some(Dashed { address: Ipv4Addr::from(octets), start, end: pos })
}

/// Whether the host-name label that ends `text` holds a letter: `ec2-` does, `7-` does not.
fn word_has_letter(text: &[u8]) -> bool {
    text.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).any(u8::is_ascii_alphabetic)
}

/// Whether what follows a dotted quad makes it a reverse name: `.in-addr.arpa`.
pub fn is_reverse(text: &[u8], end: usize) -> bool {
    const SUFFIX: &[u8] = b".in-addr.arpa";
    text.get(end..end + SUFFIX.len()).is_some_and(|s| s.eq_ignore_ascii_case(SUFFIX))
}

/// The address spelled by 32 nibbles before `.ip6.arpa`, where `dot` is the dot of `.ip6.arpa`.
pub fn reverse_nibbles(text: &[u8], dot: usize, floor: usize) -> Option<(usize, Ipv6Addr)> {
    let start = dot.checked_sub(63).filter(|s| *s >= floor)?;
    let mut bits = 0u128;
    for (i, pair) in text[start..dot].chunks(2).enumerate() {
        let nibble = (pair[0] as char).to_digit(16)?;
        if pair.get(1).is_some_and(|b| *b != b'.') {
            return None;
        }
        bits |= u128::from(nibble) << (4 * i);
    }
    Some((start, Ipv6Addr::from(bits)))
}

/// Append `address` as 32 nibbles, last first, joined by dots.
pub fn write_nibbles(address: Ipv6Addr, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bits = u128::from(address);
    for i in 0..32 {
        if i > 0 {
            out.push(b'.');
        }
        out.push(HEX[(bits >> (4 * i) & 15) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        (1..bytes.len())
            .filter(|&i| bytes[i] == b'-')
            .find_map(|i| around_dash(bytes, i, 0))
            .map(|d| &text[d.start..d.end])
    }

    #[test]
    fn dashed_quads() {
        for (text, found) in [
            ("ip-172-31-35-207", Some("172-31-35-207")),
            ("ec2-198-51-100-7.compute-1.example.com", Some("198-51-100-7")),
            ("198-51-100-7.dsl.example.net", Some("198-51-100-7")),
            ("host198-51-100-7", Some("198-51-100-7")),
            ("p5b-198-51-100-7-5.example.net", Some("198-51-100-7")),
            ("2026-11-21", None),
            ("21-11-20-26", None),
            ("10-11-12-13-14", None),
            ("6f1b6c2e-8a63-4f0a-9f0e-3c1d2b4a5e6f", None),
            ("x-300-1-2-3", None),
            ("turn-edge-1", None),
        ] {
            assert_eq!(first(text), found, "{text}");
        }
    }

    #[test]
    fn nibbles() {
        let address: Ipv6Addr = "2001:db8::567:89ab".parse().unwrap();
        let mut text = Vec::new();
        write_nibbles(address, &mut text);
        let dot = text.len();
        text.extend_from_slice(b".ip6.arpa");
        assert_eq!(reverse_nibbles(&text, dot, 0), Some((0, address)));
        assert_eq!(reverse_nibbles(&text, dot, 1), None);
    }
}
