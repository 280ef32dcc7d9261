//! The recorded coturn logs through the filter: nothing that stands for a person survives,
//! and nothing else changes.
//!
//! Two independent checks per config. The leak check reads the output of every line for
//! the addresses of the address plan, the planted user names and the planted credentials.
//! The model says, for every line but those that are hostile or hold credentials, the
//! exact bytes that must come out, from the hand-written truth and `std`'s address
//! parsers; the few lines it leaves out are in `cases/`.
//!
//! `cargo test --release --test corpus_coturn -- --nocapture` prints the numbers per file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use tamis::{
    host::{Encoding, Host, HostKind},
    select::Opener,
};
use tamis_tests::{
    coturn::{self, KEYED, SECRETS, USERS, WORDS, contains, count_words},
    records::{self, show},
};

const FILTER: &str = "coturn-ip-anonymizer";

const REPLACE: &str = r#"{"ip":{"mode":"replace"}}"#;

const SERVER_KEPT: &str = r#"{"ip":{"keep":["127.0.0.0/8","::1/128","0.0.0.0/32","::/128",
    "192.0.2.10/32","192.0.2.11/32","10.20.30.40/32","2001:db8:10::10/128","2001:db8:10::11/128"]}}"#;

/// What a config is to do with an address and with a user name.
trait Expect {
    /// What takes the address's place; `None`: it stays.
    fn address(&mut self, address: IpAddr, text: &str) -> Option<String>;
    fn user(&mut self, name: &[u8]) -> Vec<u8>;
    /// Whether the place of an address in brackets includes them.
    fn takes_brackets(&self) -> bool {
        false
    }
}

fn is_kept_by_default(address: IpAddr) -> bool {
    let canonical = address.to_canonical();
    canonical.is_loopback() || canonical.is_unspecified()
}

/// The host bits go: /24 and /48, and no more stays of an IPv4 address within an IPv6 address.
fn truncated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => {
            let [a, b, c, _] = a.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(v6) => match (v6.to_ipv4_mapped(), v6.segments()) {
            (Some(a), _) => {
                let [a, b, c, _] = a.octets();
                Ipv4Addr::new(a, b, c, 0).to_ipv6_mapped().into()
            }
            (None, [0x2002, a, b, ..]) => Ipv6Addr::new(0x2002, a, b & 0xff00, 0, 0, 0, 0, 0).into(),
            (None, [a, b, c, ..]) => Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into(),
        },
    }
}

struct Truncate {
    server_stays: bool,
}

impl Expect for Truncate {
    fn address(&mut self, address: IpAddr, _: &str) -> Option<String> {
        let stays = is_kept_by_default(address) || self.server_stays && coturn::is_server(address);
        let cut = truncated(address);
        (!stays && cut != address).then(|| cut.to_string())
    }

    fn user(&mut self, _: &[u8]) -> Vec<u8> {
        b"[REDACTED:user]".to_vec()
    }
}

struct Replace;

impl Expect for Replace {
    fn address(&mut self, address: IpAddr, _: &str) -> Option<String> {
        (!is_kept_by_default(address)).then(|| "[REDACTED:ip]".to_owned())
    }

    fn user(&mut self, _: &[u8]) -> Vec<u8> {
        b"[REDACTED:user]".to_vec()
    }

    fn takes_brackets(&self) -> bool {
        true
    }
}

/// Pseudonyms are not foretold but asked for once, in one plain line each: whatever the
/// template, the same value must then get the same pseudonym.
struct Keyed {
    host: Box<dyn Host>,
    addresses: HashMap<IpAddr, String>,
    users: HashMap<Vec<u8>, Vec<u8>>,
}

impl Keyed {
    fn ask(&mut self, before: &str, value: &[u8], after: &str) -> Vec<u8> {
        let line = [before.as_bytes(), value, after.as_bytes()].concat();
        let out = records::run(&mut *self.host, Encoding::Text, &[line], 1).remove(0).unwrap();
        out.strip_prefix(before.as_bytes())
            .and_then(|o| o.strip_suffix(after.as_bytes()))
            .unwrap_or_else(|| panic!("only the value may change: {}", show(&out)))
            .to_vec()
    }
}

impl Expect for Keyed {
    fn address(&mut self, address: IpAddr, text: &str) -> Option<String> {
        if is_kept_by_default(address) {
            return None;
        }
        if !self.addresses.contains_key(&address) {
            let out = self.ask("3: : session 001000000000000001: peer ", text.as_bytes(), " deleted");
            self.addresses.insert(address, String::from_utf8(out).unwrap());
        }
        self.addresses.get(&address).cloned()
    }

    fn user(&mut self, name: &[u8]) -> Vec<u8> {
        if !self.users.contains_key(name) {
            let out = self.ask("3: : session 001000000000000001: delete: realm=<r>, username=<", name, ">");
            self.users.insert(name.to_vec(), out);
        }
        self.users[name].clone()
    }
}

/// What stands in lines whose output the model does not know: text that a client chose, credentials.
const NOT_MODELLED: &[&str] = &[
    "wrong username:",
    "wrong realm:",
    "Wrong origin format:",
    "Wrong user name:",
    "Wrong key format:",
    "ends with semicolon",
    "password=",
    "postgres://",
    "postgresql://",
    " request: ",
    "Cookie:",
    "X-Forwarded-For:",
    "uname=",
    "origin <not an origin",
    "TXT2PCAP",
];

/// Lines that are the rest of a name with a line break in it, and one that such a name forged.
fn is_rest_of_name(line: &[u8]) -> bool {
    matches!(line, b"line" | b"rest" | b"\x1b[2J")
        || line.starts_with(b"\x1b[2J> ")
        || line.starts_with(b"\x1b[2J>,")
}

/// The exact output for a line, if the truth about it is simple.
fn model(line: &[u8], expect: &mut dyn Expect) -> Option<Vec<u8>> {
    if NOT_MODELLED.iter().any(|m| contains(line, m.as_bytes())) || is_rest_of_name(line) {
        return None;
    }
    let mut edits: Vec<(std::ops::Range<usize>, Vec<u8>)> = Vec::new();
    for (start, end) in user_places(line) {
        edits.push((start..end, expect.user(&line[start..end])));
    }
    for (mut range, address) in coturn::addresses(line) {
        if edits.iter().any(|(user, _)| user.start <= range.start && range.end <= user.end) {
            continue;
        }
        let text = std::str::from_utf8(&line[range.clone()]).unwrap();
        if let Some(new) = expect.address(address, text) {
            let bracketed =
                range.start > 0 && line[range.start - 1] == b'[' && line.get(range.end) == Some(&b']');
            if bracketed && expect.takes_brackets() {
                range = range.start - 1..range.end + 1;
            }
            edits.push((range, new.into_bytes()));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut done) = (Vec::new(), 0);
    for (range, new) in edits {
        out.extend_from_slice(&line[done..range.start]);
        out.extend_from_slice(&new);
        done = range.end;
    }
    out.extend_from_slice(&line[done..]);
    Some(out)
}

/// Where in a line user names stand, by the list of the planted names.
fn user_places(line: &[u8]) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let labels: [(&[u8], &[u8]); 3] = [
        (b"user <", b">"),
        (b"username=<", b">"),
        (b"check_stun_auth: user ", b" credentials are incorrect"),
    ];
    for (label, end) in labels {
        for (at, _) in line.windows(label.len()).enumerate().filter(|(_, w)| *w == label) {
            let mut start = at + label.len();
            let rest = &line[start..];
            if rest.starts_with(end) || rest.starts_with(b":1795223280>") {
                continue;
            }
            let is_time = rest.len() > 10 && rest[..10].iter().all(u8::is_ascii_digit) && rest[0] == b'1';
            if is_time && rest[10..].starts_with(end) {
                continue;
            }
            if is_time && rest[10] == b':' {
                start += 11;
            }
            let rest = &line[start..];
            let long = rest.iter().take_while(|b| b"LM".contains(b)).count();
            let len = if long > 100 {
                // Names of the greatest length; the longest are cut at the end of the record.
                Some(long)
            } else {
                let mut named: Vec<&&[u8]> = USERS
                    .iter()
                    .filter(|u| rest.starts_with(u) && rest[u.len()..].starts_with(end))
                    .collect();
                named.sort_by_key(|u| u.len());
                named.last().map(|u| u.len())
            };
            if rest.starts_with(end) {
                continue;
            }
            let len = len.unwrap_or_else(|| panic!("no planted user name: {}", show(line)));
            places.push((start, start + len));
        }
    }
    places.sort_unstable();
    places
}

/// What stands for a person in a text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Planted {
    addresses: usize,
    users: usize,
    secrets: usize,
}

impl Planted {
    fn of(line: &[u8], server_stays: bool) -> Self {
        let counts = |a: &IpAddr| coturn::is_planned(*a) && !(server_stays && coturn::is_server(*a));
        let mut addresses = coturn::addresses(line).iter().filter(|(_, a)| counts(a)).count();
        // Once more as words, in case something is glued to them.
        if addresses == 0 {
            let plan = ["198.51.100.", "203.0.113.", "2001:db8:20::", "2001:db8:20:0:", "2001:db8:30::"];
            let digit = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_hexdigit() && *b != b'0');
            addresses = plan
                .iter()
                .map(|p| {
                    let at = line.windows(p.len()).enumerate().filter(|(_, w)| *w == p.as_bytes());
                    at.filter(|(i, _)| digit(line.get(i + p.len()))).count()
                })
                .sum();
        }
        let users = USERS
            .iter()
            .map(|user| {
                if WORDS.contains(user) {
                    ["user <", "username=<"]
                        .iter()
                        .filter(|l| contains(line, &[l.as_bytes(), user, b">"].concat()))
                        .count()
                } else {
                    count_words(line, user)
                }
            })
            .sum::<usize>()
            + usize::from(is_rest_of_name(line) && line.len() < 5)
            + usize::from(contains(line, &[b'M'; 100]) || contains(line, &[b'L'; 100]));
        let secrets = SECRETS.iter().map(|s| count_words(line, s)).sum();
        Self { addresses, users, secrets }
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.addresses += other.addresses;
        self.users += other.users;
        self.secrets += other.secrets;
    }
}

#[derive(Default)]
struct Totals {
    lines: usize,
    changed: usize,
    modelled: usize,
    planted: Planted,
    leaked: Planted,
    over_redacted: usize,
    wrong: usize,
}

impl Totals {
    fn print(&self, name: &str) {
        let Self { lines, changed, modelled, planted, leaked, over_redacted, wrong } = self;
        println!(
            "{name:38} {lines:6} {changed:7} {modelled:8}  {:6} {:6} {:6}  {:6} {over_redacted:6} {wrong:6}",
            planted.addresses,
            planted.users,
            planted.secrets,
            leaked.addresses + leaked.users + leaked.secrets,
        );
    }

    fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.changed += other.changed;
        self.modelled += other.modelled;
        self.planted.add(other.planted);
        self.leaked.add(other.leaked);
        self.over_redacted += other.over_redacted;
        self.wrong += other.wrong;
    }
}

/// Every file through a fresh filter, and the numbers.
fn check(config: &str, expect: &mut dyn Expect, server_stays: bool) {
    let opener = Opener::default();
    let mut total = Totals::default();
    let mut faults = Vec::new();
    println!(
        "{:38} {:>6} {:>7} {:>8}  {:>6} {:>6} {:>6}  {:>6} {:>6} {:>6}",
        "file", "lines", "changed", "modelled", "ips", "users", "secrets", "leaked", "over", "wrong"
    );
    for log in coturn::corpus() {
        let lines = log.lines();
        let mut host = records::open(&opener, FILTER, HostKind::Native, config);
        let out = records::run(&mut *host, Encoding::Text, &lines, 500);
        assert_eq!(out.len(), lines.len());
        let mut file = Totals::default();
        for (number, (line, out)) in lines.iter().zip(out).enumerate() {
            let out = out.unwrap_or_else(|| panic!("{}:{} was dropped", log.name, number + 1));
            assert!(!contains(&out, b"\n"), "{}:{} became two lines", log.name, number + 1);
            let mut fault = |what: &str, detail: String| {
                faults.push(format!(
                    "{}:{}: {what}\n    in  {}\n    out {}{detail}",
                    log.name,
                    number + 1,
                    show(line),
                    show(&out)
                ));
            };
            file.lines += 1;
            file.changed += usize::from(out != *line);
            file.planted.add(Planted::of(line, server_stays));
            let leaked = Planted::of(&out, server_stays);
            if !leaked.is_empty() {
                fault(&format!("leaks {leaked:?}"), String::new());
            }
            file.leaked.add(leaked);
            if let Some(expected) = model(line, expect) {
                file.modelled += 1;
                if out != expected {
                    file.wrong += 1;
                    fault("is not what the model says", format!("\n    not {}", show(&expected)));
                }
                if expected == *line && out != *line {
                    file.over_redacted += 1;
                }
            }
        }
        file.print(&log.name);
        total.add(&file);
    }
    total.print("all");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(40)].join("\n"));
    assert!(total.modelled * 1000 > total.lines * 980, "{} of {} lines", total.modelled, total.lines);
    assert!(total.planted.addresses > 1500 && total.planted.users > 3000 && total.planted.secrets >= 30);
}

#[test]
fn by_default_no_one_survives_and_nothing_else_changes() {
    check("", &mut Truncate { server_stays: false }, false);
}

#[test]
fn a_kept_server_stays_and_no_one_else() {
    check(SERVER_KEPT, &mut Truncate { server_stays: true }, true);
}

#[test]
fn replaced_addresses_leave_no_trace() {
    check(REPLACE, &mut Replace, false);
}

#[test]
fn pseudonyms_are_the_same_in_every_template_and_no_one_survives() {
    let host = records::open(&Opener::default(), FILTER, HostKind::Native, KEYED);
    let mut keyed = Keyed { host, addresses: HashMap::new(), users: HashMap::new() };
    check(KEYED, &mut keyed, false);

    // One pseudonym per value, and no two values share one.
    let tokens: std::collections::HashSet<_> = keyed.users.values().collect();
    assert_eq!(tokens.len(), keyed.users.len());
    assert!(tokens.iter().all(|t| t.starts_with(b"user-k1-")));
    let pseudonyms: std::collections::HashSet<_> = keyed.addresses.values().collect();
    assert_eq!(pseudonyms.len(), keyed.addresses.len());

    // Prefixes are kept: the pseudonyms of two addresses share as many bits as the addresses do.
    let bits = |a: &IpAddr| match a.to_canonical() {
        IpAddr::V4(a) => (4, u128::from(u32::from(a)) << 96),
        IpAddr::V6(a) => (6, u128::from(a)),
    };
    for (a, a_out) in &keyed.addresses {
        for (b, b_out) in &keyed.addresses {
            let ((family, a_bits), (b_family, b_bits)) = (bits(a), bits(b));
            if family == b_family {
                let outs = [a_out, b_out].map(|o| bits(&o.parse().unwrap()));
                assert_eq!(outs[0].0, family);
                let shared = (outs[0].1 ^ outs[1].1).leading_zeros();
                assert_eq!(shared, (a_bits ^ b_bits).leading_zeros(), "{a} {b} -> {a_out} {b_out}");
            }
        }
    }
}

#[test]
fn filtering_twice_is_filtering_once() {
    let opener = Opener::default();
    for config in ["", SERVER_KEPT, REPLACE] {
        for log in coturn::corpus() {
            let run = |lines: &[Vec<u8>]| -> Vec<Vec<u8>> {
                let mut host = records::open(&opener, FILTER, HostKind::Native, config);
                records::run(&mut *host, Encoding::Text, lines, 100).into_iter().map(Option::unwrap).collect()
            };
            let input: Vec<Vec<u8>> = log.lines().iter().map(|l| l.to_vec()).collect();
            let once = run(&input);
            for (number, (once, twice)) in once.iter().zip(run(&once)).enumerate() {
                let (once, twice) = (show(once), show(&twice));
                assert_eq!(once, twice, "{}:{} with {config}", log.name, number + 1);
            }
        }
    }
}
