//! Fields in angle brackets and behind labels. coturn does not escape what it puts
//! between `<` and `>`, and a client chooses the user name, so a field ends at the last
//! place where the template can go on, not at the first `>`.

use super::{
    CUT_BYTES,
    pass::{Pass, Which, record_bytes},
    stream::Rest,
};
use crate::{
    bytes::{find, rfind},
    counts::Kind,
};

impl Pass<'_> {
    /// `user <`, `username=<`, `realm <`, `realm=<`, `origin <`: where to go on.
    pub(super) fn bracket_field(&mut self, at: usize) -> Option<usize> {
        let before = &self.line[self.floor..at];
        let start = at + 1;
        self.find_segment(at);
        if before.ends_with(b"username=") || before.ends_with(b"user ") || before.ends_with(b"user: ") {
            let (end, closed) = self.user_end(before.ends_with(b"="), start);
            let next = self.name(Which::User, start, end);
            if !closed {
                self.expect_rest(Rest::User);
            }
            return Some(next);
        }
        if before.ends_with(b"connection ") || before.ends_with(b"connection: ") || before.ends_with(b"URI ")
        {
            return self.connection_string(start);
        }
        if before.ends_with(b"realm ") || before.ends_with(b"realm=") {
            let ends: [&[u8]; 3] = [b"> user <", b">, username=<", b"> origin <"];
            let first = ends.iter().filter_map(|e| find(self.reach(start), e)).min();
            return self.operator_or_origin(Which::Realm, start, first);
        }
        if before.ends_with(b"origin ") {
            let rest = self.reach(start);
            let end = rfind(rest, b">, local ").or_else(|| find(rest, b"> realm <"));
            return self.operator_or_origin(Which::Origin, start, end);
        }
        None
    }

    fn operator_or_origin(&mut self, which: Which, start: usize, end: Option<usize>) -> Option<usize> {
        let end = end.or_else(|| memchr::memrchr(b'>', self.reach(start)));
        let next = self.name(which, start, end.map_or(self.segment_end, |i| start + i));
        if end.is_none() {
            let rest = if which == Which::Realm { Rest::Realm } else { Rest::Origin };
            self.expect_rest(rest);
        }
        Some(next)
    }

    /// Where the user name that starts at `start` ends, and whether the line says so.
    fn user_end(&self, assigned: bool, start: usize) -> (usize, bool) {
        let rest = self.reach(start);
        let before = self.before(start, 512);
        let last = |ends: &[&[u8]]| ends.iter().filter_map(|e| rfind(rest, e)).max();
        let deleted = assigned && rfind(before, b" delete: realm=<").is_some();
        let expected = if deleted || before.ends_with(b"credentials of user <") {
            None
        } else if assigned {
            last(&[b">, lifetime=", b">, rp="])
        } else if before.ends_with(b" stage), user <") {
            last(&[b"> realm <"])
        } else {
            last(&[b">: incoming packet "])
        };
        if let Some(end) = expected {
            return (start + end, true);
        }
        // `delete: realm=<r>, username=<u>`, `credentials of user <u>`, the telnet console.
        if let Some(end) = memchr::memrchr(b'>', rest) {
            let tail = &rest[end + 1..];
            let ends_record = tail.trim_ascii().is_empty() || tail == b":" || tail.ends_with(b" sessions");
            let template = rfind(before, b"session ").is_some() && rfind(before, b"realm ").is_some();
            let reaches_end = rest.len() == self.segment_end - start;
            let ends_record = ends_record && reaches_end;
            let glued = self.segment_end < self.line.len();
            if ends_record || !template || glued && assigned {
                return (start + end, true);
            }
        }
        (self.segment_end, self.segment_end < self.line.len())
    }

    /// Where coturn's message starts, for telling what a line's prefix looks like.
    pub(super) fn message_start(&self) -> usize {
        let starts: [&[u8]; 6] =
            [b"session ", b"check_stun_auth: ", b"handle_turn_", b"handle_", b"dtls_", b"udp_"];
        starts.iter().filter_map(|s| find(self.line, s)).min().unwrap_or(0)
    }

    /// Where the record ends that begins at or before `from`: at the end of the line, or
    /// where another is glued on because the one before was cut or lacked its line break.
    pub(super) fn next_segment(&self, from: usize) -> usize {
        let line = self.line;
        // The record's own `session` is the first; a second starts another record.
        let own = find(&line[from..], b"session ").map_or(line.len(), |i| from + i + 8);
        let mut at = own.min(line.len());
        while let Some(i) = find(&line[at..], b"session ") {
            let session = at + i;
            at = session + 8;
            let id = line[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            if id < 18 || line.get(at + id) != Some(&b':') {
                continue;
            }
            let start = prefix_start(line, session);
            if start > from && is_complete(&line[from..start]) {
                return start;
            }
        }
        line.len()
    }

    /// Labels whose text runs to the end of the line.
    pub(super) fn label(&mut self, colon: usize) -> Option<usize> {
        let before = &self.line[self.floor..colon];
        let last = *before.last()?;
        if !(last.is_ascii_alphabetic() || matches!(last, b'"' | b')')) {
            return None;
        }
        let start = (colon + 1..self.line.len()).find(|i| self.line[*i] != b' ').unwrap_or(self.line.len());
        let end = self.line.len();
        let is = |label: &[u8]| before.ends_with(label);
        match last {
            b'e' if is(b"wrong username") => {
                self.name(Which::Refused, start, end);
                self.expect_rest(Rest::Hostile);
            }
            b'm' if is(b"wrong realm") => {
                self.redact(Kind::Realm, "realm", start, end);
                self.expect_rest(Rest::Hostile);
            }
            b't' if is(b"Wrong origin format") => {
                self.redact(Kind::Origin, "origin", start, end);
                self.expect_rest(Rest::Hostile);
            }
            b'h' if is(b"check_stun_auth") && self.line[start..].starts_with(b"user ") => {
                let name = start + 5;
                let stop = rfind(&self.line[name..], b" credentials are incorrect");
                let next = self.name(Which::User, name, stop.map_or(end, |i| name + i));
                if stop.is_none() {
                    self.expect_rest(Rest::Hostile);
                }
                return Some(next);
            }
            b'm' if is(b"Default realm") => return Some(self.name(Which::Realm, start, end)),
            b'e' if is(b"Domain name") || is(b"oAuth server name") => {
                return Some(self.name(Which::Realm, start, end));
            }
            b'n' if is(b"ends with semicolon") => return self.option_line(start),
            b'P' if is(b"TXT2PCAP") => return self.packet_dump(start),
            b't' if is(b" request") || is(b"connection input") => return self.http_request(colon, start),
            _ => return self.secret_label(last, colon, start),
        }
        Some(end)
    }

    /// `turn/realm/R/user/U/allocation/...`, a key of the redis statistics database.
    pub(super) fn statsdb(&mut self, slash: usize) -> Option<usize> {
        let start = slash + 1;
        if self.line[self.floor..slash].ends_with(b"turn/realm") {
            self.find_segment(slash);
            let end = start + find(self.reach(start), b"/user/")?;
            return Some(self.name(Which::Realm, start, end));
        }
        if !self.line[self.floor..slash].ends_with(b"/user")
            || find(self.before(slash, 512), b"turn/realm/").is_none()
        {
            return None;
        }
        self.find_segment(slash);
        let end = start + rfind(self.reach(start), b"/allocation/")?;
        Some(self.name(Which::User, start, end))
    }
}

/// Where the prefix of the record whose `session` stands at `session` begins.
fn prefix_start(line: &[u8], session: usize) -> usize {
    let mut start = session;
    for level in
        [&b"INFO: "[..], b"ERROR: ", b"WARNING: ", b"DEBUG: ", b"INFO ", b"ERROR ", b"WARNING ", b"DEBUG "]
    {
        if line[..start].ends_with(level) {
            start -= level.len();
            break;
        }
    }
    if line[..start].ends_with(b": ") {
        start -= 2;
    }
    if line[..start].ends_with(b": ") || line[..start].ends_with(b":") {
        start -= if line[..start].ends_with(b": ") { 2 } else { 1 };
    }
    if line[..start].ends_with(b")") {
        start = memchr::memrchr(b'(', &line[..start]).unwrap_or(start);
    }
    if line[..start].ends_with(b" ") {
        start -= 1;
    }
    while start > 0
        && (line[start - 1].is_ascii_digit()
            || matches!(line[start - 1], b'-' | b'+' | b':' | b'.' | b'T' | b'Z'))
    {
        start -= 1;
    }
    start
}

/// Whether these bytes can be a whole record, or one that was cut at its limit.
fn is_complete(record: &[u8]) -> bool {
    let name = find(record, b"user <").into_iter().chain(find(record, b"username=<")).min();
    let Some(name) = name.filter(|_| record_bytes(record) < CUT_BYTES) else { return true };
    let rest = &record[name..];
    let has = |needle: &[u8]| find(rest, needle).is_some();
    has(b">: incoming packet ") && has(b" processed, ")
        || has(b">, lifetime=")
        || has(b">, rp=")
        || has(b"> realm <") && has(b">, local ") && has(b", reason: ")
        || find(record, b"delete: realm=<").is_some() && rest.ends_with(b">")
}
