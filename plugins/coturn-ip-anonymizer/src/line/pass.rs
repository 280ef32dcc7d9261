//! One pass over a line, left to right, stopping at the bytes that can begin or end
//! something: `<` and `=` (fields), `:` (labels, IPv6), `.` (IPv4), `-` (host names), `/`.
//! What a field claims is not looked at again; everything else is read for addresses and
//! credentials, in whatever words it stands.

use std::net::{IpAddr, Ipv4Addr};

use tamis_sdk::Edits;

use super::{CUT_BYTES, Scrubber, exact, stream::Rest};
use crate::{
    address::{
        host_name,
        policy::Role,
        v4,
        v6::{self, Look},
    },
    bytes::{find, rfind},
    counts::Kind,
    names::{Names, user_part},
};

/// The pass over one line.
pub(super) struct Pass<'a> {
    pub(super) s: &'a mut Scrubber,
    pub(super) line: &'a [u8],
    /// Where the line starts in the text, to which edits refer.
    base: usize,
    edits: &'a mut Edits,
    /// Everything before is decided.
    pub(super) floor: usize,
    /// End of the record that is being read, as [`Pass::find_segment`] found it; before the end of
    /// the line if several records share it. 0 while no one has asked.
    pub(super) segment_end: usize,
    /// Whether the line speaks of a database connection, once that was asked.
    pub(super) database: Option<bool>,
    /// Where the line's connection string ends, once that was asked.
    pub(super) connection: Option<usize>,
    /// Whether the line prints addresses with a port but without brackets, once that was asked.
    bare_port: Option<bool>,
}

/// How far a field may reach, in bytes: a name has at most 512, each of which a host may have
/// made three. It bounds the work on lines that are nothing but beginnings of fields.
pub(super) const REACH: usize = 2048;

const TRIGGER: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 7 {
        table[b"<=:.-/,"[i] as usize] = true;
        i += 1;
    }
    table
};

impl<'a> Pass<'a> {
    pub(super) fn new(s: &'a mut Scrubber, line: &'a [u8], base: usize, edits: &'a mut Edits) -> Self {
        Self {
            s,
            line,
            base,
            edits,
            floor: 0,
            segment_end: 0,
            database: None,
            connection: None,
            bare_port: None,
        }
    }

    /// Note the edits of the line.
    pub(super) fn run(mut self) {
        if self.line.is_empty() {
            return;
        }
        if let Some((rest, start)) = self.s.streams.rest_of(self.line) {
            self.rest_of_name(rest, start);
        }
        if !self.s.sessions.keeps() {
            self.session_ids();
        }
        // A time stamp has many signs at which to look, and nothing to find.
        let mut pos = if self.floor == 0 { exact::stamp_len(self.line) } else { self.floor };
        while let Some(step) = self.line[pos..].iter().position(|b| TRIGGER[usize::from(*b)]) {
            pos += step;
            let next = match self.line[pos] {
                b'<' => self.bracket_field(pos),
                b'=' => self.key_value(pos),
                b':' => self.label(pos).or_else(|| self.userinfo(pos)).or_else(|| self.v6(pos)),
                b'.' => self.quad(pos),
                b'-' => self.dashed(pos),
                b'/' => self.statsdb(pos),
                _ => self.https_path(pos),
            };
            pos = next.unwrap_or(pos + 1).max(pos + 1);
            if pos >= self.line.len() {
                break;
            }
        }
        self.cut_address();
    }

    /// Give the name at bytes `start..end` of the line its policy; says where to go on: behind
    /// it, or, if it stays, at its start, for addresses in it do not.
    pub(super) fn name(&mut self, which: Which, start: usize, end: usize) -> usize {
        let names: &mut Names = match which {
            Which::User => &mut self.s.users,
            Which::Refused => &mut self.s.refused,
            Which::Realm => &mut self.s.realms,
            Which::Origin => &mut self.s.origins,
            Which::DatabaseUser => &mut self.s.database_users,
        };
        if names.keeps() {
            return start;
        }
        self.floor = self.floor.max(end);
        let value = &self.line[start..end];
        let (kind, range) = match which {
            Which::User | Which::Refused => (Kind::User, user_part(value, &self.s.rest_separator)),
            Which::Realm => (Kind::Realm, 0..value.len()),
            Which::Origin => (Kind::Origin, 0..value.len()),
            Which::DatabaseUser => (Kind::User, 0..value.len()),
        };
        if range.is_empty() {
            return end;
        }
        let value = &value[range.clone()];
        let at = self.base + start + range.start;
        self.edits.replace_with(at, at + value.len(), |out| names.write(value, out));
        self.s.counts.add(kind);
        end
    }

    /// Let `[REDACTED:what]` stand for bytes `start..end` of the line.
    pub(super) fn redact(&mut self, kind: Kind, what: &str, start: usize, end: usize) {
        self.floor = self.floor.max(end);
        // Nothing to hide, or hidden by coturn itself.
        if start >= end || self.line[start..end].iter().all(|b| *b == b'*') {
            return;
        }
        self.edits.replace_with(self.base + start, self.base + end, |out| {
            out.extend_from_slice(b"[REDACTED:");
            out.extend_from_slice(what.as_bytes());
            out.push(b']');
        });
        self.s.counts.add(kind);
    }

    /// The line does not end its field: what follows may be the rest of it.
    pub(super) fn expect_rest(&mut self, rest: Rest) {
        if record_bytes(self.line) < CUT_BYTES {
            let head = &self.line[..self.message_start()];
            // coturn prints no line breaks since 4.17, whose levels have no colon, and syslog escapes them.
            let one_line =
                [&b"ERROR "[..], b"WARNING ", b"INFO ", b"DEBUG "].iter().any(|l| head.ends_with(l));
            if !one_line && rfind(head, b"turnserver").is_none() {
                self.s.streams.expect(rest, strip_level(head));
            }
        }
    }

    fn rest_of_name(&mut self, rest: Rest, start: usize) {
        let ends: &[&[u8]] = match rest {
            Rest::User => &[b">: incoming packet ", b"> realm <", b">, lifetime=", b">, rp="],
            Rest::Realm => &[b"> user <", b">, username=<", b"> origin <"],
            Rest::Origin => &[b"> realm <", b">, local "],
            Rest::Hostile => &[],
        };
        let found = ends.iter().filter_map(|e| rfind(&self.line[start..], e)).max();
        let end = found.map_or(self.line.len(), |i| start + i);
        if found.is_some() {
            self.s.streams.end_rest();
        }
        if start == end {
            self.floor = end;
            return;
        }
        let which = match rest {
            Rest::User => Which::User,
            Rest::Realm => Which::Realm,
            Rest::Origin => Which::Origin,
            Rest::Hostile => return self.redact(Kind::User, "user", start, end),
        };
        // Kept, as the beginning of it was: read it for addresses.
        self.floor = self.name(which, start, end);
    }

    /// Every run of 18 or more digits in a line that speaks of sessions is a session id.
    fn session_ids(&mut self) {
        let mut pos = self.floor;
        while let Some(step) = self.line[pos..].iter().position(u8::is_ascii_digit) {
            let start = pos + step;
            let len = self.line[start..].iter().take_while(|b| b.is_ascii_digit()).count();
            pos = start + len;
            let word = &self.line[self.floor..start];
            let named = [&b"ession "[..], b"id=", b"transition to ", b"allocation/"]
                .iter()
                .any(|w| word.ends_with(w));
            if (18..=20).contains(&len) && named {
                let id = &self.line[start..pos];
                let names = &mut self.s.sessions;
                self.edits.replace_with(self.base + start, self.base + pos, |out| names.write(id, out));
                self.s.counts.add(Kind::Session);
            }
        }
    }

    /// Bring `segment_end` up to the record that `pos` stands in.
    pub(super) fn find_segment(&mut self, pos: usize) {
        while self.segment_end <= pos {
            self.segment_end = self.next_segment(self.segment_end);
        }
    }

    /// The bytes `start..` of the line as far as a field may reach.
    pub(super) fn reach(&self, start: usize) -> &'a [u8] {
        &self.line[start..self.segment_end.min(start + REACH).max(start)]
    }

    /// The last `bytes` bytes before `end`.
    pub(super) fn before(&self, end: usize, bytes: usize) -> &'a [u8] {
        &self.line[end.saturating_sub(bytes)..end]
    }

    pub(super) fn address(&mut self, address: IpAddr, start: usize, end: usize) {
        let role = if self.s.policies.needs_role() { role(&self.line[..start]) } else { Role::Client };
        let (mut from, mut to) = (start, end);
        // In brackets, a replacement that is no address takes their place.
        let bracketed =
            start > self.floor && self.line[start - 1] == b'[' && self.line.get(end) == Some(&b']');
        if bracketed && self.s.policies.replaces(address, role) {
            (from, to) = (start - 1, end + 1);
        }
        // An IPv6-shaped pseudonym of an IPv4 address needs brackets before a port.
        let port =
            self.line.get(end) == Some(&b':') && self.line.get(end + 1).is_some_and(u8::is_ascii_digit);
        let (open, close): (&[u8], &[u8]) =
            if port && address.is_ipv4() && self.s.policies.widens(address, role) {
                (b"[", b"]")
            } else {
                (b"", b"")
            };
        let policies = &mut self.s.policies;
        let changed = self.edits.try_replace_with(self.base + from, self.base + to, |out| {
            out.extend_from_slice(open);
            let changed = policies.write(address, role, out);
            out.extend_from_slice(close);
            changed
        });
        if changed {
            self.s.counts.add(Kind::Ip);
        }
        self.floor = self.floor.max(to);
    }

    fn quad(&mut self, dot: usize) -> Option<usize> {
        if !(dot > self.floor
            && self.line[dot - 1].is_ascii_digit()
            && self.line.get(dot + 1).is_some_and(u8::is_ascii_digit))
        {
            return self.nibbles(dot);
        }
        let Some((start, quad)) = v4::around_dot(self.line, dot, self.floor) else {
            // The rest of a number with other dots is no address either.
            let run = self.line[dot..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            let last = self.line[dot + run - 1] == b'.' && run > 1;
            if self.cut_within(dot, dot + run) {
                return Some(dot + run);
            }
            return self.nibbles(dot).or(Some(dot + run - usize::from(last)));
        };
        let [a, b, c, d] = quad.octets;
        if self.s.host_names && host_name::is_reverse(self.line, quad.end) {
            self.spelled(IpAddr::V4(Ipv4Addr::new(d, c, b, a)), start, quad.end, Spelling::Reverse);
        } else {
            self.address(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), start, quad.end);
        }
        Some(quad.end)
    }

    fn nibbles(&mut self, dot: usize) -> Option<usize> {
        const SUFFIX: &[u8] = b".ip6.arpa";
        if !self.s.host_names || !self.line.get(dot..dot + SUFFIX.len())?.eq_ignore_ascii_case(SUFFIX) {
            return None;
        }
        let (start, address) = host_name::reverse_nibbles(self.line, dot, self.floor)?;
        self.spelled(IpAddr::V6(address), start, dot, Spelling::Nibbles);
        Some(dot)
    }

    fn dashed(&mut self, dash: usize) -> Option<usize> {
        if !self.s.host_names || dash == 0 || !self.line[dash - 1].is_ascii_digit() {
            return None;
        }
        let found = host_name::around_dash(self.line, dash, self.floor)?;
        self.spelled(IpAddr::V4(found.address), found.start, found.end, Spelling::Dashed);
        Some(found.end)
    }

    /// An address in another spelling gets its policy in that spelling, or the replacement.
    fn spelled(&mut self, address: IpAddr, start: usize, end: usize, spelling: Spelling) {
        let role = if self.s.policies.needs_role() { role(&self.line[..start]) } else { Role::Client };
        let policies = &mut self.s.policies;
        let mut plain = Vec::new();
        self.floor = self.floor.max(end);
        if !policies.write(address, role, &mut plain) {
            return;
        }
        self.edits.replace_with(self.base + start, self.base + end, |out| {
            match (spelling, v6::parse(&plain), v4::read(&plain, 0)) {
                (Spelling::Dashed, None, Some(_)) => {
                    out.extend(plain.iter().map(|b| if *b == b'.' { b'-' } else { *b }))
                }
                (Spelling::Reverse, None, Some(quad)) => {
                    let [a, b, c, d] = quad.octets;
                    v4::write([d, c, b, a], out);
                }
                (Spelling::Dashed, Some(_), _) => {
                    out.extend(plain.iter().map(|b| if *b == b':' { b'-' } else { *b }));
                }
                (Spelling::Nibbles, Some(address), _) => host_name::write_nibbles(address, out),
                _ => out.extend_from_slice(&plain),
            }
        });
        self.s.counts.add(Kind::HostName);
    }

    fn v6(&mut self, colon: usize) -> Option<usize> {
        let line = self.line;
        let prints_bare_port = || {
            let has = |needle: &[u8]| find(line, needle).is_some();
            has(b"IPv6. ") || has(b"socket bound to ") || has(b"bind() failed for ")
        };
        // `IPv6. Local relay addr: 2001:db8::1:3478` and its kin: the port follows without brackets.
        let bare_port = &mut self.bare_port;
        match v6::around_colon(line, colon, self.floor, || *bare_port.get_or_insert_with(prints_bare_port)) {
            Look::Found(found) => {
                self.address(IpAddr::V6(found.address), found.start, found.end);
                Some(found.end)
            }
            Look::NothingUntil(end) if self.cut_within(colon, end) => Some(end),
            // The last colon of the run may end a label.
            Look::NothingUntil(end) if end > colon + 1 && self.line[end - 1] == b':' => Some(end - 1),
            Look::NothingUntil(end) => Some(end),
        }
    }

    /// Where a record can have been cut and the next one glued on, what is announced as an address and is none
    /// is the beginning of one: it goes, up to `end`.
    fn cut_within(&mut self, at: usize, end: usize) -> bool {
        if at < CUT_BYTES - 100 {
            return false;
        }
        let before = &self.line[self.floor..at];
        let start = at - before.iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
        let cut = end > at + 1 && v6::is_announced(self.line, start);
        if cut {
            self.redact(Kind::Ip, "ip", start, end);
        }
        cut
    }

    /// An address that the end of a cut record has cut: what is left of it goes.
    fn cut_address(&mut self) {
        if record_bytes(self.line) < CUT_BYTES {
            return;
        }
        let tail = self
            .line
            .iter()
            .rposition(|b| !(b.is_ascii_hexdigit() || matches!(b, b'.' | b':')))
            .map_or(0, |i| i + 1);
        let cut = &self.line[tail..];
        let dots = cut.iter().filter(|b| **b == b'.').count();
        let colons = cut.iter().filter(|b| **b == b':').count();
        let least = if v6::is_announced(self.line, tail) { 1 } else { 2 };
        let v4 = dots >= least && cut.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        if tail >= self.floor && (v4 || colons >= least && v6::parse(cut).is_none()) {
            self.redact(Kind::Ip, "ip", tail, self.line.len());
        }
    }
}

/// Whose name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    User,
    /// A user name that coturn refused.
    Refused,
    Realm,
    Origin,
    DatabaseUser,
}

#[derive(Debug, Clone, Copy)]
enum Spelling {
    Dashed,
    Reverse,
    Nibbles,
}

/// How many bytes coturn wrote for `text`: of a byte that a host has mapped to a code point, one.
pub(super) fn record_bytes(text: &[u8]) -> usize {
    // What is this long is long enough in any case.
    let mapped = if text.len() < CUT_BYTES || text.len() >= 3 * CUT_BYTES {
        0
    } else {
        text.windows(2).filter(|w| w[0] == 0xEE && w[1] & !1 == 0x82).count()
    };
    text.len() - 2 * mapped
}

/// The prefix of a line without the level that some eras print at its end.
fn strip_level(head: &[u8]) -> &[u8] {
    for level in
        [&b"ERROR: "[..], b"WARNING: ", b"INFO: ", b"DEBUG: ", b"ERROR ", b"WARNING ", b"INFO ", b"DEBUG "]
    {
        if let Some(head) = head.strip_suffix(level) {
            return head;
        }
    }
    head
}

/// Whose address follows these words.
fn role(before: &[u8]) -> Role {
    const OWN: &[&[u8]] = &[
        b"local ",
        b"local addr ",
        b"relay addr: ",
        b"relay addr ",
        b"addr (RTCP): ",
        b"opened on: ",
        b"opened on : ",
        b"address to use: ",
        b"  relay ",
        b"Aux server: ",
        b"server added: ",
        b"server removed: ",
        b"to addr ",
        b"private part: ",
        b"server addr ",
        b"will listen on ",
        b"bound to ",
        b"failed for ",
        b"fd to <",
        b"addr: ",
        b"backend host ",
        b"Host: ",
    ];
    const PEER: &[&[u8]] = &[b"peer ", b"A peer IP ", b"limit (at ", b"forbidden address: "];
    let before = before.strip_suffix(b"[").unwrap_or(before);
    if PEER.iter().any(|w| before.ends_with(w)) {
        Role::Peer
    } else if OWN.iter().any(|w| before.ends_with(w)) {
        Role::Own
    } else {
        Role::Client
    }
}
