//! IPv6 in text: reading it, finding where it ends when a port follows without brackets,
//! and telling it from times, MACs, fingerprints and `::` paths.

use std::net::Ipv6Addr;

use super::v4;

/// Parse all of `text` as an IPv6 address (RFC 4291 forms, no zone, no prefix).
pub fn parse(text: &[u8]) -> Option<Ipv6Addr> {
    let mut groups = [0u16; 8];
    let mut count = 0;
    let mut gap = None;
    let mut pos = 0;
    if text.starts_with(b"::") {
        gap = Some(0);
        pos = 2;
    }
    while pos < text.len() {
        let start = pos;
        let mut value = 0u32;
        while let Some(digit) = text.get(pos).and_then(|b| (*b as char).to_digit(16)) {
            if pos - start == 4 {
                return None;
            }
            value = value << 4 | digit;
            pos += 1;
        }
        if text.get(pos) == Some(&b'.') {
            let quad = v4::read(text, start)?;
            if quad.end != text.len() || count > 6 {
                return None;
            }
            let [a, b, c, d] = quad.octets;
            groups[count] = u16::from_be_bytes([a, b]);
            groups[count + 1] = u16::from_be_bytes([c, d]);
            count += 2;
            break;
        }
        if pos == start || count == 8 {
            return None;
        }
        groups[count] = value as u16;
        count += 1;
        if pos == text.len() {
            break;
        }
        if text[pos] != b':' {
            return None;
        }
        pos += 1;
        if text.get(pos) == Some(&b':') {
            if gap.is_some() {
                return None;
            }
            gap = Some(count);
            pos += 1;
        } else if pos == text.len() {
            return None;
        }
    }
    match gap {
        None if count == 8 => {}
        Some(at) if count < 8 => {
            groups.copy_within(at..count, 8 - (count - at));
            groups[at..8 - (count - at)].fill(0);
        }
        _ => return None,
    }
    Some(Ipv6Addr::from(groups))
}

/// An address of which the first groups are spelled as [`write`] does it, and none of them is 0: cut
/// behind them, it is their text and `::`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainHead {
    /// Where the groups end.
    pub end_of_head: usize,
    /// Whether all behind them is 0 already.
    pub cut: bool,
    /// Where the address ends (exclusive).
    pub end: usize,
}

/// What a byte is: the value of a digit as [`write`] spells it, or something else.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Read the address at the start of `text`, if its first `head` groups are plain.
pub fn read_plain_head(text: &[u8], head: usize) -> Option<PlainHead> {
    let digit = |at: usize| text.get(at).map_or(u8::MAX, |b| DIGITS[usize::from(*b)]);
    let (mut pos, mut groups, mut gap, mut end_of_head, mut behind) = (0, 0, false, 0, 0);
    loop {
        let first = digit(pos);
        if first > 15 || first == 0 && groups < head {
            return None;
        }
        let (start, mut value) = (pos, 0);
        while let digit @ 0..=15 = digit(pos) {
            value |= digit;
            pos += 1;
        }
        groups += 1;
        if pos - start > 4 || groups > 8 {
            return None;
        }
        if groups == head {
            end_of_head = pos;
        } else if groups > head {
            behind |= value;
        }
        if text.get(pos) != Some(&b':') {
            break;
        }
        pos += 1;
        if text.get(pos) == Some(&b':') {
            if gap || groups < head {
                return None;
            }
            gap = true;
            pos += 1;
            if digit(pos) > 15 {
                break;
            }
        }
    }
    let whole = if gap { groups < 8 } else { groups == 8 };
    whole.then_some(PlainHead { end_of_head, cut: behind == 0, end: pos })
}

/// An address found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub address: Ipv6Addr,
    /// Where it starts.
    pub start: usize,
    /// Where it ends (exclusive).
    pub end: usize,
}

/// What a look around a colon gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// An address.
    Found(Found),
    /// None up to this offset.
    NothingUntil(usize),
}

/// Look at the run of hex digits and colons around the colon at `colon`, the first of its
/// run, starting not before `floor`. `port_follows` tells, when it matters, whether the
/// line is of a kind that prints an unbracketed address with a port behind it.
pub fn around_colon(text: &[u8], colon: usize, floor: usize, port_follows: impl FnOnce() -> bool) -> Look {
    let mut start = colon;
    while start > floor && text[start - 1].is_ascii_hexdigit() {
        start -= 1;
    }
    let (mut end, mut colons, mut double, mut digit) = (start, 0u32, false, false);
    while let Some(&b) = text.get(end) {
        match b {
            b':' => {
                colons += 1;
                double |= text.get(end + 1) == Some(&b':');
            }
            b'0'..=b'9' => digit = true,
            b'a'..=b'f' | b'A'..=b'F' => {}
            _ => break,
        }
        end += 1;
    }
    let run_end = end;
    if !double && colons < 7 {
        return Look::NothingUntil(run_end.max(colon + 1));
    }
    // An IPv4 tail: `::ffff:192.0.2.1`.
    if text.get(end) == Some(&b'.') {
        let last = text[start..end].iter().rposition(|&b| b == b':').map_or(start, |i| start + i + 1);
        if let Some(quad) = v4::read(text, last) {
            end = quad.end;
        }
    }
    let bracketed = start > 0 && text[start - 1] == b'[';
    let found = |start: usize, end: usize| {
        parse(&text[start..end]).map(|address| Look::Found(Found { address, start, end }))
    };
    start += super::escape_len(text, start, floor);
    // A single colon before or behind belongs to the text: `addr:2001:db8::1: gone`.
    if text[start] == b':' && text.get(start + 1) != Some(&b':') {
        start += 1;
    }
    if end > start
        && text[end - 1] == b':'
        && !(end >= start + 2 && text[end - 2] == b':' && !text[start..end].ends_with(b":::"))
    {
        end -= 1;
    }
    if end <= start {
        return Look::NothingUntil(run_end.max(colon + 1));
    }
    let run = &text[start..end];
    let announced = bracketed || is_announced(text, start);
    if !announced && (all_pairs(run) || is_slight(run))
        || !(digit || bracketed || run == b"::" || is_plausible_without_digits(text, start, run))
    {
        return Look::NothingUntil(run_end);
    }
    let plain = (start == 0 || !is_word(text[start - 1])) && !text.get(end).is_some_and(|&b| is_word(b));
    if !plain && !is_strong(run) {
        return Look::NothingUntil(run_end);
    }
    if !bracketed
        && let Some(cut) = port_start(run, port_follows())
        && let Some(look) = found(start, start + cut)
    {
        return look;
    }
    if let Some(look) = found(start, end) {
        return look;
    }
    // Something is glued to it, such as the number with which the next record begins: what is an address at its
    // head decides, and none of the run stays.
    if is_strong(run) {
        let cuts = (start + 1..end).rev().filter(|&i| text[i] == b':');
        for cut in cuts.take(12) {
            let head = if text[cut - 1] == b':' { cut + 1 } else { cut };
            if let Some(address) = parse(&text[start..head.min(end)]) {
                return Look::Found(Found { address, start, end });
            }
        }
    }
    Look::NothingUntil(run_end)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Where the port's colon is, if the last group must or, by `port_follows`, does mean one.
fn port_start(run: &[u8], port_follows: bool) -> Option<usize> {
    let colon = run.iter().rposition(|&b| b == b':')?;
    let last = &run[colon + 1..];
    if last.is_empty() || last.len() > 5 || !last.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let groups = run.split(|&b| b == b':').filter(|g| !g.is_empty()).count();
    (port_follows || last.len() == 5 || groups == 9 || run[..colon].contains(&b'.')).then_some(colon)
}

/// Two short groups, such as `12::34`: rather anything else.
fn is_slight(run: &[u8]) -> bool {
    let mut groups = run.split(|&b| b == b':').filter(|g| !g.is_empty());
    !run.starts_with(b"::") && groups.clone().count() <= 2 && groups.all(|g| g.len() <= 2)
}

/// MACs, EUI-64 and fingerprints: all groups of exactly two digits.
fn all_pairs(run: &[u8]) -> bool {
    run.split(|&b| b == b':').all(|g| g.len() == 2)
}

/// Whether a run is an address even when letters touch it.
fn is_strong(run: &[u8]) -> bool {
    let first = run.split(|&b| b == b':').next().unwrap_or_default();
    let groups = run.split(|&b| b == b':').filter(|g| !g.is_empty()).count();
    groups >= 4 || first.len() >= 3 && first.iter().any(u8::is_ascii_digit)
}

/// Whether the words before `start` say that an address follows.
pub fn is_announced(text: &[u8], start: usize) -> bool {
    const WORDS: &[&[u8]] = &[
        b"peer ",
        b"IP ",
        b"from ",
        b" to ",
        b"addr ",
        b"addr: ",
        b"addr=",
        b"local ",
        b"remote ",
        b"address ",
        b"address: ",
        b"use: ",
        b"relay ",
        b"on: ",
        b"on : ",
        b"range: ",
        b"range= ",
        b"listing: ",
        b"bound to ",
        b"failed for ",
        b"ip=",
        b"host=",
        b"server: ",
    ];
    let before = &text[..start];
    let before = before.strip_suffix(b"[").unwrap_or(before);
    WORDS.iter().any(|w| before.ends_with(w))
}

/// Letters and colons alone are mostly names (`foo::bar`). They are an address when it is spelled out, when
/// it is of a range whose addresses begin with a letter (fc00::/7, fe80::/10, ff00::/8), or when the words
/// before say so.
fn is_plausible_without_digits(text: &[u8], start: usize, run: &[u8]) -> bool {
    let first = run.split(|b| *b == b':').next().unwrap_or_default();
    let ranged = first.len() == 4 && first[0] | 0x20 == b'f' && matches!(first[1] | 0x20, b'c'..=b'f');
    let spelled_out = !run.windows(2).any(|w| w == b"::");
    ranged || spelled_out || is_announced(text, start)
}

/// Append `address` in the form of RFC 5952 and `inet_ntop`: lower case, the first longest
/// run of zero groups compressed, v4-mapped addresses with a dotted tail.
pub fn write(address: Ipv6Addr, out: &mut Vec<u8>) {
    let groups = address.segments();
    if let Some(v4) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return v4::write(v4.octets(), out);
    }
    let (mut best, mut best_len, mut i) = (8, 1, 0);
    while i < 8 {
        let len = groups[i..].iter().take_while(|g| **g == 0).count();
        if len > best_len {
            (best, best_len) = (i, len);
        }
        i += len.max(1);
    }
    let mut i = 0;
    while i < 8 {
        if i == best {
            out.extend_from_slice(b"::");
            i += best_len;
            continue;
        }
        if i > 0 && i != best + best_len {
            out.push(b':');
        }
        write_group(groups[i], out);
        i += 1;
    }
}

fn write_group(group: u16, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut started = false;
    for shift in [12, 8, 4, 0] {
        let digit = usize::from(group >> shift & 15);
        started |= digit != 0 || shift == 0;
        if started {
            out.push(HEX[digit]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(text: &str, port_follows: bool) -> Option<&str> {
        let bytes = text.as_bytes();
        let mut pos = 0;
        while let Some(i) = bytes[pos..].iter().position(|&b| b == b':') {
            match around_colon(bytes, pos + i, pos, || port_follows) {
                Look::Found(f) => return Some(&text[f.start..f.end]),
                Look::NothingUntil(next) => pos = next,
            }
        }
        None
    }

    #[test]
    fn addresses_are_found() {
        for (text, address) in [
            ("peer 2001:db8:30::1 deleted", "2001:db8:30::1"),
            ("[2001:db8::1]:3478", "2001:db8::1"),
            ("2001:db8:20:0:aa:bb:cc:dd:51913", "2001:db8:20:0:aa:bb:cc:dd"),
            ("2001:db8:20:0:aa:bb:cc:dd:3478", "2001:db8:20:0:aa:bb:cc:dd"),
            ("2001:db8:10::10:52562", "2001:db8:10::10"),
            ("remote addr=fe80::1ff:fe23:4567:890a, x", "fe80::1ff:fe23:4567:890a"),
            ("from 2001:db8::1: gone", "2001:db8::1"),
            ("2001:db8::: x", "2001:db8::"),
            ("addr:2001:db8::1", "2001:db8::1"),
            ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
            ("::ffff:10.1.2.3:3478", "::ffff:10.1.2.3"),
            ("fe80::1%eth0", "fe80::1"),
            ("2001:db8:20::5/64", "2001:db8:20::5"),
            ("2001:db8::1.", "2001:db8::1"),
            ("at ::1 now", "::1"),
            ("2001:DB8::A", "2001:DB8::A"),
            ("2001:db8:10::10session", "2001:db8:10::10"),
            ("fe80::-febf:ffff:ffff::", "fe80::"),
            ("peer fdaa::beef lifetime", "fdaa::beef"),
            ("remote 2001:db8:20::beef3: : session", "2001:db8:20::beef3"),
            ("peer dead::beef lifetime", "dead::beef"),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(first(text, false), Some(address), "{text}");
        }
        assert_eq!(first("2001:db8:10::10:3478", true), Some("2001:db8:10::10"));
        assert_eq!(first("::1:3478", true), Some("::1"));
    }

    #[test]
    fn look_alikes_are_not() {
        for text in [
            "12:34:56",
            "2026-11-21T00:14:07.485+0000",
            "aa:bb:cc:dd:ee:ff",
            "00:1b:44:11:3a:b7:00:01",
            "std::dec::fade",
            "a1::b2x",
            "x_a1::b2",
            "udp_server_input_handler:623:start",
            "3: : session",
            "dead::beef",
            "1:2:3:4:5:6:7",
            "AA:BB:CC:DD:EE:FF:00:11:22:33",
            "TLS1.2:",
            "foo::bar",
        ] {
            assert_eq!(first(text, false), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_and_writes_as_std(groups in any::<[u16; 8]>(), mask in any::<u8>()) {
            let mut groups = groups;
            for (i, g) in groups.iter_mut().enumerate() {
                if mask >> i & 1 == 1 { *g = 0; }
            }
            let address = Ipv6Addr::from(groups);
            let mut out = Vec::new();
            write(address, &mut out);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), address.to_string());
            prop_assert_eq!(parse(&out), Some(address));
        }

        #[test]
        fn a_plain_head_is_what_a_cut_leaves(
            text in "([1-9a-f][0-9a-f]{0,3}:){2,4}(:|[0-9a-f]{1,4}:|0:0:){1,3}([0-9a-f]{1,4}){0,1}[]:.]?",
            head in 1..=6usize,
        ) {
            if let Some(found) = read_plain_head(text.as_bytes(), head) {
                let address = parse(&text.as_bytes()[..found.end]).unwrap();
                let cut = Ipv6Addr::from(u128::from(address) & !(u128::MAX >> (16 * head)));
                let mut out = Vec::new();
                write(cut, &mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{}::", &text[..found.end_of_head]));
                prop_assert_eq!(found.cut, cut == address);
            }
        }

        #[test]
        fn parses_what_std_parses(text in "[0-9a-f:.]{0,24}") {
            prop_assert_eq!(parse(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn any_text_is_safe(text in "[0-9a-f:.\\[\\]x ]{0,60}") {
            first(&text, true);
            first(&text, false);
        }
    }
}
