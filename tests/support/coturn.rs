//! The recorded coturn logs and the truth about them: who was where when they were made.
//!
//! The truth is written down by hand, from `corpus/coturn/README.md` and from what the
//! clients were told to send; nothing here asks the filter, or reads a log as it does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::logs::{self, Log};
pub use crate::logs::{contains, lines};

/// All recorded logs, by name.
pub fn corpus() -> Vec<Log> {
    logs::corpus("coturn", &["log"], 33)
}

/// A config with a key that needs neither file nor environment.
pub const KEYED: &str =
    r#"{"key":{"id":"k1","value":"a test key of enough bytes"},"ip":{"mode":"prefix-preserving"}}"#;

/// The server's own addresses.
pub const SERVER: &[&str] =
    &["192.0.2.10", "192.0.2.11", "10.20.30.40", "2001:db8:10::10", "2001:db8:10::11"];

/// Clients, peers and whatever else stands for a person.
const OTHERS: &[&str] = &[
    "198.51.100.7",
    "198.51.100.21",
    "198.51.100.99",
    "198.51.100.133",
    "198.51.100.200",
    "198.51.100.254",
    "203.0.113.5",
    "203.0.113.50",
    "203.0.113.113",
    "203.0.113.250",
    "10.1.2.3",
    "169.254.169.254",
    "172.20.0.9",
    "192.168.1.23",
    "203.0.113.1",
    "203.0.113.2",
    "203.0.113.9",
    "203.0.113.44",
    "203.0.113.45",
    "203.0.113.77",
    "203.0.113.88",
    "192.0.2.77",
    "fe80::1ff:fe23:4567:890a",
    "fd00::1234",
    "2001:db8:77::1",
    "2001:db8:99::9",
    // 6to4 and NAT64 forms of refused peers.
    "2002:c000:204::1",
    "64:ff9b::c000:221",
];

/// Whether the address plan gives this address to the server.
pub fn is_server(address: IpAddr) -> bool {
    SERVER.iter().any(|a| a.parse() == Ok(address.to_canonical()))
}

/// Whether the address plan gives this address to anyone.
pub fn is_planned(address: IpAddr) -> bool {
    let canonical = address.to_canonical();
    if is_server(canonical) || OTHERS.iter().any(|a| a.parse() == Ok(canonical)) {
        return true;
    }
    match canonical {
        // 2001:db8:20::/64 are clients, 2001:db8:30::/64 are peers; what has lost its host bits is no one.
        IpAddr::V6(a) => {
            matches!(a.segments(), [0x2001, 0xdb8, 0x20 | 0x30, 0, ..]) && a.segments()[4..] != [0; 4]
        }
        IpAddr::V4(_) => false,
    }
}

/// User names, without the timestamp of the TURN REST API. Longer ones first where one begins another.
pub const USERS: &[&[u8]] = &[
    b"alice@example.org",
    b"alice",
    b"bob@example.net",
    b"bob.smith",
    b"bob+webrtc@mail.example.co.uk",
    b"bob",
    b"carol@example.com",
    b"carol@example.org",
    b"carol",
    b"dave@example.net",
    b"dave.d",
    b"erin@example.org",
    b"erin-e",
    b"erin",
    b"frank",
    b"@frank:example.org",
    b"@matrixuser:example.org",
    b"@mat:example.org",
    b"mallory@example.org",
    b"expired@example.org",
    b"gina",
    b"dan",
    b"4711",
    b"6f1b6c2e-8a63-4f0a-9f0e-3c1d2b4a5e6f",
    b"nosuchuser",
    b"nocolonuser",
    b"user>with>gt",
    b"user,realm=fake",
    b"anna;role=admin",
    b"<angle>",
    b"a>b<c>",
    b"192.0.2.77",
    b"203.0.113.77",
    b"2001:db8:77::1",
    b"[2001:db8:77::1]:5349",
    b"percent%s%n%x",
    b"nul",
    b"admin",
    b"root",
    "\u{434}\u{43c}\u{438}\u{442}\u{440}\u{438}\u{439}".as_bytes(),
    "zo\u{eb}.m\u{fc}ller@example.org".as_bytes(),
    b"esc\x1b[31mred\x1b[0m",
    b"esc#033[31m",
    b"bell\x07\x08\x08",
    b"vt\x0bff\x0cnel\x85end",
    b"latin1-\xe9\xe8\xff",
    b"bad-utf8-\xc3(\xf0(\x8c\xbc",
    b"user with spaces",
    b"ipv6 bad user",
    b"bad user",
    b"union-select-user",
    b"o'brien",
    b"quoted\"name",
    b"back\\slash",
    b"tab\there",
    b"cr\rreturn",
    b"cr return",
    b"new line-tcp",
    b"new#012line-in-syslog",
    b"zoe",
];

/// Names that are words of coturn's own messages, or numbers: they count as leaked only
/// where a name stands.
pub const WORDS: &[&[u8]] = &[b"dan", b"4711", b"nul", b"admin", b"root", b"<angle>"];

/// Credentials, whole or in the pieces that coturn's own masking leaves.
pub const SECRETS: &[&[u8]] = &[
    b"Tr0ub4dor",
    b"R3d1s-S3cret!",
    b"WrongPass99",
    b"Pg-S3cret",
    b"ss-with-at",
    b"sp ace pass",
    b"ace pass",
    b"My-S3cret",
    b"notahexkey",
    b"pw-utf8",
    b"Adm1nPass",
    b"zoepass",
    b"abcdef0123456789",
];

/// Every address in a line, with the place it stands at.
///
/// A plain tokenizer over `std`'s parsers. `v6:port` without brackets can be read in two
/// ways: in lines where coturn prints that form, the port is taken off.
pub fn addresses(line: &[u8]) -> Vec<(std::ops::Range<usize>, IpAddr)> {
    let bare_port = contains(line, b"IPv6. ");
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.');
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let len = line[at..].iter().take_while(|b| part(b)).count();
        let token = std::str::from_utf8(&line[at..at + len]).unwrap();
        if let Some((range, address)) = address(token, bare_port) {
            found.push((at + range.start..at + range.end, address));
        }
        at += len.max(1);
    }
    found
}

fn address(token: &str, bare_port: bool) -> Option<(std::ops::Range<usize>, IpAddr)> {
    let v4 = |text: &str| text.parse::<Ipv4Addr>().ok().map(|a| (0..text.len(), IpAddr::V4(a)));
    let v6 = |text: &str| text.parse::<Ipv6Addr>().ok().map(|a| (0..text.len(), IpAddr::V6(a)));
    let without_port = token.rsplit_once(':').map(|(head, _)| head);
    if bare_port && let Some(found) = without_port.and_then(v6) {
        return Some(found);
    }
    let plain = token.strip_suffix([':', '.']).unwrap_or(token);
    v4(token).or_else(|| v6(token)).or_else(|| v4(plain)).or_else(|| v6(plain)).or_else(|| v4(without_port?))
}

/// How often `needle` stands in `haystack` as a word of its own.
pub fn count_words(haystack: &[u8], needle: &[u8]) -> usize {
    let inside =
        |b: Option<&u8>, edge: u8| edge.is_ascii_alphanumeric() && b.is_some_and(u8::is_ascii_alphanumeric);
    haystack
        .windows(needle.len())
        .enumerate()
        .filter(|(at, window)| {
            *window == needle
                && !inside(at.checked_sub(1).and_then(|i| haystack.get(i)), needle[0])
                && !inside(haystack.get(at + needle.len()), needle[needle.len() - 1])
        })
        .count()
}
