//! Public IP addresses of people, not of the servers that errors name.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, HEX, HEX_LETTER, JOINER, LOWER, UPPER, contains_word, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "ip-address",
    title: "Public IP address",
    what: "An IPv4 or IPv6 address that is not private, loopback, link-local, multicast or unspecified; without the port. Addresses reserved for documentation count as public.",
    why: "Personal data: it leads to a subscriber and a place.",
    severity: Severity::Low,
    pattern: r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b|\b(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}\b",
    validator: "Parses; public; not a version or part of a longer dotted number; not the host of a URL; not a server in a network error (`dial tcp`, `lookup`, `read tcp`, `->`, `host=`, `upstream`).",
    on_by_default: true,
    matches: &[
        Example { text: "login from 203.0.113.206", found: &["203.0.113.206"] },
        Example { text: "{SignupIP:203.0.113.90}", found: &["203.0.113.90"] },
        Example { text: "client 8.8.8.8:53412 closed", found: &["8.8.8.8"] },
        Example { text: "ip=2001:db8:72bb::1197 x", found: &["2001:db8:72bb::1197"] },
        Example { text: "from [2001:db8::1]:443", found: &["2001:db8::1"] },
        Example { text: "2001:db8:0:0:1:2:3:4", found: &["2001:db8:0:0:1:2:3:4"] },
        Example { text: "\"2001:DB8::F563\",", found: &["2001:DB8::F563"] },
        Example {
            text: "map[ip:2001:db8:ffbd::699f source:2001:db8::7]",
            found: &["2001:db8:ffbd::699f", "2001:db8::7"],
        },
        Example { text: "::ffff:203.0.113.9", found: &["203.0.113.9"] },
        Example { text: "203.0.113.7 - - [21/Nov/2026:00:15:48 +0000]", found: &["203.0.113.7"] },
    ],
    no_matches: &[
        "127.0.0.1:6379",
        "10.0.0.1 172.16.3.4 192.168.1.1 169.254.0.1 224.0.0.1 0.0.0.0 255.255.255.255",
        "dial tcp 203.0.113.9:6379: connect: connection refused",
        "read tcp 203.0.113.5:1234->203.0.113.9:6379: i/o timeout",
        "lookup redis on 203.0.113.53:53: no such host",
        "http://203.0.113.9/health",
        "Chrome/126.0.0.0 Safari/537.36",
        "1.3.6.1.4.1.311",
        "v1.2.3.4",
        "version 1.2.3.4",
        "1.2.3.4-rc1",
        "actionpack (7.1.5.2) lib/action_dispatch",
        "1.2.3",
        "256.1.1.1",
        "host=203.0.113.9 port=5432",
        "00:17:19",
        "aa:bb:cc:dd:ee:ff",
        "::1",
        "fe80::1",
        "fd00::17",
        "::",
        "std::vec::Vec",
        "abc::def::Cafe",
        "Foo::Bar",
        "email:password_reset",
        "a::b",
        "2001:db8",
        "Net::HTTP::Get",
        "ActiveRecord::Base::dead",
    ],
};

/// Four numbers with dots, the first digit at `start`.
pub(crate) fn v4(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.on(Id::IpAddress) {
        return None;
    }
    let (address, end) = parse_v4(scan, start)?;
    let before = scan.before(start);
    let next = scan.at(end);
    let attached = is(before, ALNUM | JOINER)
        || matches!(before, b'/' | b'@' | b'>')
        || is(next, ALNUM)
        || next == b'_'
        || (next == b'-' && is(scan.at(end + 1), LOWER | UPPER))
        || (next == b'.' && is(scan.at(end + 1), ALNUM));
    // `actionpack (7.1.5.2) lib/`: Ruby names the version of a package so.
    let package = before == b'(' && [&b") lib/"[..], b") app/", b") bin/"].iter().any(|w| scan.has(end, w));
    if attached || package || !is_public(address) || is_server(scan, start) {
        return None;
    }
    found(scan, Id::IpAddress, start, end)
}

fn parse_v4(scan: &Scan<'_, '_>, start: usize) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0u8; 4];
    let mut at = start;
    for (i, octet) in octets.iter_mut().enumerate() {
        if i > 0 {
            if scan.at(at) != b'.' {
                return None;
            }
            at += 1;
        }
        let end = scan.skip(at, DIGIT);
        if !(1..=3).contains(&(end - at)) || (end - at > 1 && scan.at(at) == b'0') {
            return None;
        }
        let value = scan.text[at..end].iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
        *octet = u8::try_from(value).ok()?;
        at = end;
    }
    Some((octets.into(), at))
}

fn is_public(a: Ipv4Addr) -> bool {
    let [first, second, third, _] = a.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    // Versions are the only addresses with so small numbers: 1.0.0.1 and 1.1.1.1 are resolvers, not people.
    let resolver = first <= 4 && second <= 40 && third <= 40;
    !(first == 0
        || first >= 240
        || shared
        || resolver
        || a.is_private()
        || a.is_loopback()
        || a.is_link_local()
        || a.is_multicast())
}

/// An IPv6 address around the colon at `at`, its first.
pub(crate) fn v6(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let text = scan.text;
    // After one colon: a group, another colon. Cheap first, because most colons are of times and field names.
    let twice = scan.at(at + 1) == b':';
    if !twice {
        let group = (at + 1..at + 5).take_while(|i| is(scan.at(*i), HEX)).count();
        if group == 0 || scan.at(at + 1 + group) != b':' {
            return None;
        }
    }
    let before = scan.before(at);
    if !is(before, HEX) && (!twice || is(before, ALNUM)) {
        return None;
    }
    let start = (1..=4).take_while(|n| at >= scan.floor() + n && is(text[at - n], HEX)).count();
    let start = at - start;
    let end = run_end(scan, at);
    if is(scan.before(start), ALNUM | JOINER) || scan.before(start) == b'.' {
        return None;
    }
    let address: Ipv6Addr = std::str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    let mapped = address.to_ipv4_mapped().is_some();
    let attached = is(scan.at(end), ALNUM | JOINER)
        || scan.at(end) == b':'
        || (scan.at(end) == b'.' && is(scan.at(end + 1), ALNUM));
    if mapped || attached {
        return None;
    }
    // `dead::beef` could be a name; addresses of people have digits.
    let numbered = text[start..end].iter().any(|&b| is(b, DIGIT));
    let [first, ..] = address.segments();
    let public = (0x2000..0x4000).contains(&first);
    if !public || !numbered || !scan.on(Id::IpAddress) || is_server(scan, start) {
        return Some(end);
    }
    found(scan, Id::IpAddress, start, end)
}

/// The end of the hexadecimal digits and colons from `at` on, at most as many as an address has.
fn run_end(scan: &Scan<'_, '_>, at: usize) -> usize {
    let limit = at + 36;
    let mut end = at;
    while end < limit && (is(scan.at(end), DIGIT | HEX_LETTER) || scan.at(end) == b':') {
        end += 1;
    }
    // A colon that ends a clause: `from 2001:db8::1: refused`.
    if end > at + 2 && scan.text[end - 1] == b':' && scan.text[end - 2] != b':' {
        end -= 1;
    }
    end
}

/// Whether the words before `start` say that a server is there.
fn is_server(scan: &Scan<'_, '_>, start: usize) -> bool {
    let bracket = usize::from(scan.before(start) == b'[');
    let context = scan.context(start - bracket, 48);
    let ends =
        |w: &[u8]| context.len() >= w.len() && context[context.len() - w.len()..].eq_ignore_ascii_case(w);
    if ends(b"->") || ends(b"//") || ends(b"@") {
        return true;
    }
    if [
        &b"host="[..],
        b"host:",
        b"host: ",
        b"hostaddr=",
        b"server=",
        b"server: ",
        b"endpoint=",
        b"listen=",
        b"version ",
        b"version=",
        b"version: ",
        b"version\":\"",
        b" ver ",
    ]
    .iter()
    .any(|w| ends(w))
    {
        return true;
    }
    let Some(line) = context.rsplit(|b| *b == b'\n').next() else { return false };
    [
        &b"dial tcp"[..],
        b"dial udp",
        b"dial unix",
        b"lookup ",
        b"read tcp",
        b"write tcp",
        b"read udp",
        b"write udp",
        b"listen tcp",
        b"connect to ",
        b"connecting to ",
        b"connected to ",
        b"upstream",
    ]
    .iter()
    .any(|w| contains_word(line, w))
}
