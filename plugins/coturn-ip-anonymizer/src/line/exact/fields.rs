//! The parts of a message that vary: names, addresses, words.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Found, Sink,
    cursor::{HIGHS, Line, Shape},
};
use crate::{
    address::{policy::Role, v4, v6},
    line::Scrubber,
    names::user_part,
};

const ONES: u64 = 0x0101_0101_0101_0101;

/// The time of TURN REST API names, in seconds since 1970, and the separator.
const REST_TIME: Shape<11, 2> = Shape::new(b"1000000000:");

/// A realm or host name in which nothing is to be found, up to `end`. It is nearly always
/// that of the line before, which is remembered in `last`.
#[inline(always)]
pub fn inert_name(line: &mut Line<'_>, last: &mut Vec<u8>, end: u8) -> Option<()> {
    if is_last(line, last, end) {
        return Some(());
    }
    *line = other_name(*line, last, end)?;
    Some(())
}

#[inline(never)]
fn other_name<'t>(line: Line<'t>, last: &mut Vec<u8>, end: u8) -> Option<Line<'t>> {
    let rest = line.rest;
    let len = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')))?;
    let inert = rest[..len].windows(2).all(|w| !(w[0].is_ascii_digit() && matches!(w[1], b'.' | b'-')));
    remember(line, inert, len, last, end)
}

/// An origin in which nothing is to be found: a URL of plain signs, without an address.
#[inline(always)]
pub fn origin(line: &mut Line<'_>, last: &mut Vec<u8>) -> Option<()> {
    if line.byte() == b'>' || is_last(line, last, b'>') {
        return Some(());
    }
    *line = other_origin(*line, last)?;
    Some(())
}

#[inline(never)]
fn other_origin<'t>(line: Line<'t>, last: &mut Vec<u8>) -> Option<Line<'t>> {
    let rest = line.rest;
    let len = rest
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/')))?;
    let url = &rest[..len];
    // One colon of the scheme, one of a port: no IPv6. No digit before a dot or hyphen: no IPv4.
    let inert = url.windows(2).all(|w| !(w[0].is_ascii_digit() && matches!(w[1], b'.' | b'-')))
        && url.iter().filter(|b| **b == b':').count() <= 2
        && url.starts_with(b"http")
        && url.iter().filter(|b| **b == b'/').count() == 2;
    remember(line, inert, len, last, b'>')
}

#[inline(always)]
fn is_last(line: &mut Line<'_>, last: &[u8], end: u8) -> bool {
    let rest = line.rest;
    let found = rest.get(last.len()) == Some(&end) && same(rest, last);
    if found {
        line.skip(last.len());
    }
    found
}

/// Whether `text` starts with `start`, by words: `memcmp` of wasi-libc goes byte by byte.
#[inline(always)]
fn same(text: &[u8], start: &[u8]) -> bool {
    if let (Some(b), Some(a)) =
        (start.last_chunk::<8>(), text.get(..start.len()).and_then(<[u8]>::last_chunk))
    {
        let (words, _) = start.as_chunks::<8>();
        let mut text = text;
        for word in words {
            let Some((a, behind)) = text.split_first_chunk::<8>() else { return false };
            if u64::from_le_bytes(*a) != u64::from_le_bytes(*word) {
                return false;
            }
            text = behind;
        }
        return u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    }
    text.get(..start.len()).is_some_and(|text| text.iter().zip(start).all(|(a, b)| a == b))
}

fn remember<'t>(
    mut line: Line<'t>,
    inert: bool,
    len: usize,
    last: &mut Vec<u8>,
    end: u8,
) -> Option<Line<'t>> {
    if !inert || line.rest.get(len) != Some(&end) {
        return None;
    }
    if len > 0 {
        last.clear();
        last.extend_from_slice(&line.rest[..len]);
    }
    line.skip(len);
    Some(line)
}

/// A user name up to its `>`, without angle brackets, quotes, backslashes and control characters.
#[inline(always)]
pub fn user<S: Sink>(line: &mut Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    if scrubber.rest_colon && line.has(&REST_TIME) {
        let start = found.pos(line);
        let name = name(line)?;
        if !name.is_empty() {
            found.user(scrubber, name, start);
        }
        return Some(());
    }
    let start = found.pos(line);
    let name = name(line)?;
    if !name.is_empty() {
        let part = user_part(name, &scrubber.rest_separator);
        if !part.is_empty() {
            found.user(scrubber, &name[part.clone()], start + part.start);
        }
    }
    Some(())
}

#[inline(always)]
fn name<'t>(line: &mut Line<'t>) -> Option<&'t [u8]> {
    let text = line.rest;
    while let Some((word, behind)) = line.rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            line.skip((stops.trailing_zeros() / 8) as usize);
            break;
        }
        line.rest = behind;
    }
    if line.byte() != b'>' {
        line.rest = odd_name_end(line.rest)?;
    }
    text.get(..text.len() - line.rest.len())
}

/// The high bits of bytes at which a closer look is due: `>`, all signs that may not stand in a
/// name, and some that may.
#[inline(always)]
fn stops(word: u64) -> u64 {
    // `<`, `>` and `\` are alike but for these bits, as are `^`, `|` and `~`.
    const BRACKETS: u64 = ONES * 0x1D;
    let brackets = ((word & BRACKETS) ^ (ONES * 0x1C)) + ONES * 0x7F;
    // Control characters, space, `!` and `"`.
    let low = (word & !HIGHS) + ONES * (0x80 - 0x23);
    !(brackets & low) & HIGHS
}

/// Where a name ends that has unusual signs in it, or ends within a word.
#[inline(never)]
fn odd_name_end(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().position(|b| *b < 0x20 || matches!(b, b'<' | b'>' | b'"' | b'\\'))?;
    text.get(at..).filter(|rest| rest.first() == Some(&b'>'))
}

/// Words in which nothing can be found: letters, digits, spaces, parentheses.
#[inline(always)]
pub fn words(line: &mut Line<'_>) {
    while let [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'(' | b')', behind @ ..] = line.rest {
        line.rest = behind;
    }
}

/// `192.0.2.1:3478`, `192.0.2.1` or `[2001:db8::1]:3478`.
#[inline(always)]
pub fn address<S: Sink>(
    line: &mut Line<'_>,
    scrubber: &mut Scrubber,
    role: Role,
    found: &mut Found<'_, S>,
) -> Option<()> {
    if line.byte() != b'[' {
        return v4(line, scrubber, role, false, found);
    }
    line.skip(1);
    let len = v6(line.rest, Some(b']'), found.pos(line), scrubber, role, found)?;
    line.skip(len + 1);
    line.lit(b":")?;
    line.number()
}

/// `2001:db8::1:3478`: the port is what stands behind the last colon.
pub fn v6_and_port<S: Sink>(
    line: &mut Line<'_>,
    scrubber: &mut Scrubber,
    role: Role,
    found: &mut Found<'_, S>,
) -> Option<()> {
    let colon = line.rest.iter().rposition(|b| *b == b':')?;
    v6(line.rest.get(..colon)?, None, found.pos(line), scrubber, role, found)?;
    line.skip(colon + 1);
    let port = line.left();
    line.number()?;
    (port - line.left() <= 5).then_some(())
}

/// The IPv6 address with which `text` starts, up to the byte `end` or all of it; its length. `pos` is where
/// it stands in the line.
#[inline(never)]
fn v6<S: Sink>(
    text: &[u8],
    end: Option<u8>,
    pos: usize,
    scrubber: &mut Scrubber,
    role: Role,
    found: &mut Found<'_, S>,
) -> Option<usize> {
    if let Some(head) = scrubber.policies.kept_v6_groups()
        && let Some(plain) = v6::read_plain_head(text, head)
        && text.get(plain.end).copied() == end
    {
        if !plain.cut {
            found.replace(pos + plain.end_of_head, pos + plain.end, b"::");
        }
        return Some(plain.end);
    }
    let len = match end {
        Some(end) => text.iter().take(46).position(|b| *b == end)?,
        None => text.len(),
    };
    let address = v6::parse(&text[..len])?;
    found.address(scrubber, IpAddr::V6(address), role, pos, pos + len);
    Some(len)
}

/// `192.0.2.1:3478`, or without a `port`, if it need not be there, `192.0.2.1`.
#[inline(always)]
pub fn v4<S: Sink>(
    line: &mut Line<'_>,
    scrubber: &mut Scrubber,
    role: Role,
    port: bool,
    found: &mut Found<'_, S>,
) -> Option<()> {
    let start = found.pos(line);
    let quad = match line.rest.first_chunk::<16>() {
        Some(window) => v4::read_plain(window)?,
        None => {
            let mut window = [0; 16];
            window.get_mut(..line.rest.len())?.copy_from_slice(line.rest);
            v4::read_plain(&window)?
        }
    };
    line.skip(quad.end);
    if line.is(b":") {
        line.number()?;
    } else if port || !matches!(line.byte(), b' ' | b',') {
        return None;
    }
    if scrubber.policies.cuts_last_octet() {
        if quad.octets[3] != 0 && quad.octets[0] != 127 {
            found.replace(start + quad.last, start + quad.end, b"0");
        }
    } else {
        let address = IpAddr::V4(Ipv4Addr::from(quad.octets));
        found.address(scrubber, address, role, start, start + quad.end);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_at_the_bracket_whatever_is_in_them() {
        for fill in 0..=255u8 {
            for at in 0..18 {
                let mut text = *b"abcdefghijklmnopqr> x";
                text[at] = fill;
                let mut line = Line::new(&text);
                let found = name(&mut line).map(<[u8]>::len);
                let expected = match fill {
                    b'>' => Some(at),
                    0..0x20 | b'<' | b'"' | b'\\' => None,
                    _ => Some(18),
                };
                assert_eq!(found, expected, "{fill} at {at}");
            }
        }
        assert_eq!(name(&mut Line::new(b"no end")), None);
    }
}
