//! The fast way for the lines that make up a verbose log: each is matched whole, from its
//! prefix to its end, with nothing in between that could hold anything but what the template
//! puts there. What does not match to the last byte is left to [`super::pass`], so this
//! module decides nothing on its own; a property test holds the two to the same output.

use std::net::{IpAddr, Ipv4Addr};

use tamis_sdk::Edits;

use super::Scrubber;
use crate::{
    address::{policy::Role, v4, v6},
    counts::Kind,
    names::user_part,
};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Note the edits of `text` if it is a line that is recognised whole; else note nothing and say `false`.
pub fn scrub(scrubber: &mut Scrubber, text: &[u8], edits: &mut Edits) -> bool {
    if !scrubber.exact {
        return false;
    }
    let mut line = Line { text, pos: 0 };
    let mark = edits.mark();
    let mut found = Found { edits, users: 0, addresses: 0 };
    if line.prefix(scrubber).and_then(|()| line.message(scrubber, &mut found)).is_none() {
        edits.rollback(mark);
        return false;
    }
    scrubber.counts.add_many(Kind::User, found.users);
    scrubber.counts.add_many(Kind::Ip, found.addresses);
    true
}

/// What a template found so far: edits that stand if the line matches to its end.
struct Found<'e> {
    edits: &'e mut Edits,
    users: u64,
    addresses: u64,
}

impl Found<'_> {
    #[inline]
    fn user(&mut self, scrubber: &mut Scrubber, text: &[u8], start: usize, end: usize) {
        let name = &text[start..end];
        let part = user_part(name, &scrubber.rest_separator);
        if !part.is_empty() {
            let names = &mut scrubber.users;
            self.edits
                .replace_with(start + part.start, start + part.end, |out| names.write(&name[part], out));
            self.users += 1;
        }
    }

    #[inline]
    fn address(&mut self, scrubber: &mut Scrubber, address: IpAddr, role: Role, start: usize, end: usize) {
        let policies = &mut scrubber.policies;
        if self.edits.try_replace_with(start, end, |out| policies.write(address, role, out)) {
            self.addresses += 1;
        }
    }
}

struct Line<'a> {
    text: &'a [u8],
    pos: usize,
}

/// `None` in all of these: the line is not of this kind.
impl Line<'_> {
    fn rest(&self) -> &[u8] {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// Inlined, so that the comparison is one of whole words.
    #[inline(always)]
    fn lit<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        if self.rest().first_chunk::<N>()? != literal {
            return None;
        }
        self.pos += N;
        Some(())
    }

    #[inline(always)]
    fn is<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        self.lit(literal).is_some()
    }

    #[inline(always)]
    fn byte(&self) -> u8 {
        self.text.get(self.pos).copied().unwrap_or(0)
    }

    /// One or more digits.
    fn number(&mut self) -> Option<()> {
        let start = self.pos;
        while self.byte().is_ascii_digit() {
            self.pos += 1;
        }
        (self.pos > start).then_some(())
    }

    /// The end of the text, perhaps with its line terminator.
    fn end(&mut self) -> Option<()> {
        matches!(self.rest(), b"" | b"\n" | b"\r\n" | b"\r").then_some(())
    }

    /// `2026-11-21T00:06:35+0000: `, `3: : `, `3: (7690): INFO: `, `...+0000(7690): INFO: `,
    /// `2026-11-21T00:14:07.485+0000 INFO `, `3 INFO `, `2026-11-21 00:06:46: `.
    ///
    /// Before it, that of a container runtime (`2026-...Z stdout F `) or of syslog
    /// (`Nov 21 00:10:11 host turnserver: `, `2026-...+00:00 host turnserver: `) may stand.
    fn prefix(&mut self, scrubber: &mut Scrubber) -> Option<()> {
        let mut stamped = self.stamp();
        if stamped {
            if self.is(b" stdout F ") || self.is(b" stderr F ") {
                stamped = self.stamp();
            } else if self.byte() == b' ' && !self.level_follows() {
                self.host_and_program(scrubber)?;
                stamped = self.stamp();
            }
        } else if self.byte().is_ascii_uppercase() {
            self.syslog_time()?;
            self.host_and_program(scrubber)?;
            stamped = self.stamp();
        }
        if !stamped {
            self.number()?;
        }
        if self.is(b": ") {
            if stamped {
                return Some(());
            }
            if self.is(b": ") {
                let _ = self.is(b"ERROR: ");
                return Some(());
            }
        } else if self.byte() == b' ' {
            self.pos += 1;
            let level = self.is(b"INFO ") || self.is(b"DEBUG ") || self.is(b"ERROR ");
            return level.then_some(());
        }
        self.lit(b"(")?;
        self.number()?;
        self.lit(b"): ")?;
        (self.is(b"INFO: ") || self.is(b"ERROR: ") || self.is(b"DEBUG: ")).then_some(())
    }

    fn level_follows(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(b" INFO ")
            || rest.starts_with(b" DEBUG ")
            || rest.starts_with(b" ERROR ")
            || rest.starts_with(b" WARNING ")
    }

    /// `Nov 21 00:10:11`.
    fn syslog_time(&mut self) -> Option<()> {
        let time = self.rest().first_chunk::<15>()?;
        let ok = time.iter().zip(b"aaa 00 00:00:00").enumerate().all(|(i, (byte, class))| match class {
            b'a' => byte.is_ascii_alphabetic(),
            b'0' => byte.is_ascii_digit() || i == 4 && *byte == b' ',
            _ => byte == class,
        });
        self.pos += 15;
        ok.then_some(())
    }

    /// ` host program: ` or ` host program[123]: `.
    fn host_and_program(&mut self, scrubber: &mut Scrubber) -> Option<()> {
        self.lit(b" ")?;
        self.inert_name(&mut scrubber.last_host, b' ')?;
        self.pos += 1;
        if !self.is(b"turnserver") {
            let start = self.pos;
            while matches!(self.byte(), b'a'..=b'z' | b'A'..=b'Z' | b'_') {
                self.pos += 1;
            }
            if self.pos == start {
                return None;
            }
        }
        if self.is(b"[") {
            self.number()?;
            self.lit(b"]")?;
        }
        self.lit(b": ")
    }

    /// A date and time of the default formats.
    fn stamp(&mut self) -> bool {
        let Some(stamp) = self.rest().first_chunk::<19>() else { return false };
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&stamp[at..at + 8]);
            u64::from_le_bytes(word)
        };
        // Separators where they belong, and zeros in their place, so that eight digits remain.
        const DATE: u64 = 0x2D00_002D_0000_0000;
        const DATE_MASK: u64 = 0xFF00_00FF_0000_0000;
        const TIME: u64 = 0x0000_3A00_003A_0000;
        const TIME_MASK: u64 = 0x0000_FF00_00FF_0000;
        let (date, time) = (word(0), word(11));
        let separators = date & DATE_MASK == DATE && time & TIME_MASK == TIME;
        let day = [stamp[8], stamp[9]].iter().all(u8::is_ascii_digit);
        let digits = |word: u64, mask: u64| are_digits(word & !mask | 0x3030_3030_3030_3030 & mask);
        if !(separators
            && day
            && matches!(stamp[10], b'T' | b' ')
            && digits(date, DATE_MASK)
            && digits(time, TIME_MASK))
        {
            return false;
        }
        self.pos += 19;
        if self.byte() == b'.' {
            self.pos += 1;
            let start = self.pos;
            if self.number().is_none() || self.pos - start > 9 {
                return false;
            }
        }
        if matches!(self.byte(), b'+' | b'-') {
            self.pos += 1;
            let start = self.pos;
            if self.number().is_none() {
                return false;
            }
            let digits = self.pos - start;
            return digits == 4
                || digits == 2 && self.is(b":") && self.number().is_some() && self.pos - start == 5;
        }
        let _ = self.is(b"Z");
        true
    }

    fn message(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        if self.is(b"session ") {
            self.session_id()?;
            self.session(scrubber, found)
        } else if self.is(b"IPv4. ") {
            let role = self.relay_or_client()?;
            self.v4(scrubber, role, true, found)?;
            self.end()
        } else if self.is(b"IPv6. ") {
            let role = self.relay_or_client()?;
            self.v6_and_port(scrubber, role, found)?;
            self.end()
        } else if self.is(b"handle_udp_packet: New UDP endpoint: local addr ") {
            self.address(scrubber, Role::Own, found)?;
            self.lit(b", remote addr ")?;
            self.address(scrubber, Role::Client, found)?;
            self.end()
        } else if self.is(b"check_stun_auth: ") {
            self.refused(scrubber, found)
        } else {
            // Nothing but words: nothing to find.
            self.words()?;
            let _ = self.is(b", now ");
            self.words()?;
            self.end()
        }
    }

    fn refused(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        self.lit(b"Cannot find credentials of user <")?;
        self.user(scrubber, found)?;
        self.lit(b">")?;
        self.end()
    }

    fn relay_or_client(&mut self) -> Option<Role> {
        if self.is(b"Local relay addr: ")
            || self.is(b"Local reserved relay addr: ")
            || self.is(b"Local relay addr (RTCP): ")
        {
            return Some(Role::Own);
        }
        (self.is(b"tcp or tls connected to: ")).then_some(Role::Client)
    }

    /// Eighteen digits and `: `.
    fn session_id(&mut self) -> Option<()> {
        let id = self.rest().first_chunk::<20>()?;
        let (words, tail) = id.as_chunks::<8>();
        let digits = words.iter().all(|w| are_digits(u64::from_le_bytes(*w)));
        if !digits || !tail[0].is_ascii_digit() || !tail[1].is_ascii_digit() || tail[2..] != *b": " {
            return None;
        }
        self.pos += 20;
        Some(())
    }

    fn session(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        match self.byte() {
            b'o' => {
                self.lit(b"origin <")?;
                self.origin(scrubber)?;
                self.lit(b"> ")?;
                self.lit(b"realm <")?;
                self.request(scrubber, found)
            }
            b'R' => {
                self.words()?;
                self.end()
            }
            b'r' if self.is(b"realm <") => self.request(scrubber, found),
            b'r' | b'n' => {
                if !self.is(b"new, realm=<") {
                    self.lit(b"refreshed, realm=<")?;
                }
                self.realm_and_username(scrubber, found)?;
                self.lit(b">, lifetime=")?;
                self.number()?;
                self.end()
            }
            b'p' => {
                self.lit(b"peer ")?;
                if self.is(b"usage: realm=<") {
                    return self.usage(scrubber, found);
                }
                self.address(scrubber, Role::Peer, found)?;
                if self.is(b" lifetime updated: ") {
                    self.number()?;
                } else {
                    self.lit(b" deleted")?;
                }
                self.end()
            }
            b'u' => {
                self.lit(b"usage: realm=<")?;
                self.usage(scrubber, found)
            }
            b'd' => {
                self.lit(b"delete: realm=<")?;
                self.realm_and_username(scrubber, found)?;
                self.lit(b">")?;
                self.end()
            }
            b'c' if self.is(b"closed (") => {
                if !self.is(b"2nd") {
                    self.lit(b"1st")?;
                }
                self.lit(b" stage), user <")?;
                self.user(scrubber, found)?;
                self.lit(b"> realm <")?;
                self.realm(scrubber)?;
                self.lit(b"> origin <")?;
                self.origin(scrubber)?;
                self.lit(b">, local ")?;
                self.address(scrubber, Role::Own, found)?;
                self.lit(b", remote ")?;
                self.address(scrubber, Role::Client, found)?;
                self.lit(b", reason: ")?;
                self.words()?;
                self.end()
            }
            b'c' => {
                self.lit(b"check_stun_auth: ")?;
                self.refused(scrubber, found)
            }
            _ => None,
        }
    }

    /// What follows `realm <`: realm, user, request and its result.
    fn request(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        self.realm(scrubber)?;
        self.lit(b"> user <")?;
        self.user(scrubber, found)?;
        self.lit(b">: incoming packet ")?;
        self.method()?;
        self.lit(b" processed, ")?;
        if !self.is(b"success") {
            self.lit(b"error ")?;
            self.number()?;
            self.lit(b": ")?;
            self.words()?;
        }
        self.end()
    }

    fn usage(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        self.realm_and_username(scrubber, found)?;
        self.lit(b">, rp=")?;
        self.number()?;
        self.lit(b", rb=")?;
        self.number()?;
        self.lit(b", sp=")?;
        self.number()?;
        self.lit(b", sb=")?;
        self.number()?;
        self.end()
    }

    fn realm_and_username(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        self.realm(scrubber)?;
        self.lit(b">, username=<")?;
        self.user(scrubber, found)
    }

    fn realm(&mut self, scrubber: &mut Scrubber) -> Option<()> {
        self.inert_name(&mut scrubber.last_realm, b'>')
    }

    /// A realm or host name in which nothing is to be found, up to `end`. It is nearly always
    /// that of the line before, which is remembered in `last`.
    fn inert_name(&mut self, last: &mut Vec<u8>, end: u8) -> Option<()> {
        if self.is_last(last, end) {
            return Some(());
        }
        let rest = self.rest();
        let len =
            rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')))?;
        let inert = rest[..len].windows(2).all(|w| !(w[0].is_ascii_digit() && matches!(w[1], b'.' | b'-')));
        self.inert(inert, len, last, end)
    }

    /// An origin in which nothing is to be found: a URL of plain signs, without an address.
    fn origin(&mut self, scrubber: &mut Scrubber) -> Option<()> {
        if self.is_last(&scrubber.last_origin, b'>') {
            return Some(());
        }
        let rest = self.rest();
        let len = rest
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/')))?;
        let url = &rest[..len];
        // One colon of the scheme, one of a port: no IPv6. No digit before a dot or hyphen: no IPv4.
        let inert = url.windows(2).all(|w| !(w[0].is_ascii_digit() && matches!(w[1], b'.' | b'-')))
            && url.iter().filter(|b| **b == b':').count() <= 2
            && url.starts_with(b"http")
            && url.iter().filter(|b| **b == b'/').count() == 2
            || url.is_empty();
        self.inert(inert, len, &mut scrubber.last_origin, b'>')
    }

    fn is_last(&mut self, last: &[u8], end: u8) -> bool {
        let found = self.rest().get(last.len()) == Some(&end) && same(&self.rest()[..last.len()], last);
        if found {
            self.pos += last.len();
        }
        found
    }

    fn inert(&mut self, inert: bool, len: usize, last: &mut Vec<u8>, end: u8) -> Option<()> {
        if !inert || self.rest().get(len) != Some(&end) {
            return None;
        }
        if len > 0 {
            last.clear();
            last.extend_from_slice(&self.rest()[..len]);
        }
        self.pos += len;
        Some(())
    }

    /// A user name without angle brackets and control characters, which ends unambiguously.
    fn user(&mut self, scrubber: &mut Scrubber, found: &mut Found<'_>) -> Option<()> {
        let start = self.pos;
        let rest = self.rest();
        let (words, tail) = rest.as_chunks::<8>();
        let mut len = None;
        for (i, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            // `<` and `>` differ in one bit; bytes below 0x20 are control characters.
            let bracket = (word & !(ONES * 2)) ^ (ONES * u64::from(b'<'));
            let hit =
                ((bracket.wrapping_sub(ONES) & !bracket) | (word.wrapping_sub(ONES * 0x20) & !word)) & HIGHS;
            if hit != 0 {
                len = Some(i * 8 + (hit.trailing_zeros() / 8) as usize);
                break;
            }
        }
        let len = len.or_else(|| {
            let done = rest.len() - tail.len();
            tail.iter().position(|b| *b < 0x20 || b & !2 == b'<').map(|i| done + i)
        })?;
        if rest[len] != b'>' {
            return None;
        }
        self.pos += len;
        found.user(scrubber, self.text, start, self.pos);
        Some(())
    }

    fn method(&mut self) -> Option<()> {
        let known = self.is(b"REFRESH")
            || self.is(b"CHANNEL_BIND")
            || self.is(b"message")
            || self.is(b"ALLOCATE")
            || self.is(b"CREATE_PERMISSION")
            || self.is(b"BINDING")
            || self.is(b"CONNECTION_BIND")
            || self.is(b"CONNECT");
        known.then_some(())
    }

    /// Words in which nothing can be found: letters, digits, spaces, parentheses.
    fn words(&mut self) -> Option<()> {
        // The commonest, at once.
        let _ = self.is(b"allocation timeout")
            || self.is(b"Unauthorized")
            || self.is(b"TCP connection closed by client (callback)")
            || self.is(b"Forbidden IP")
            || self.is(b"Stale nonce");
        while matches!(self.byte(), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'(' | b')') {
            self.pos += 1;
        }
        Some(())
    }

    /// `192.0.2.1:3478`, `192.0.2.1` or `[2001:db8::1]:3478`.
    fn address(&mut self, scrubber: &mut Scrubber, role: Role, found: &mut Found<'_>) -> Option<()> {
        if self.byte() != b'[' {
            return self.v4(scrubber, role, false, found);
        }
        let start = self.pos + 1;
        let len = self.text[start..].iter().take(46).position(|b| *b == b']')?;
        let address = v6::parse(&self.text[start..start + len])?;
        self.pos = start + len;
        self.lit(b"]:")?;
        self.number()?;
        found.address(scrubber, IpAddr::V6(address), role, start, start + len);
        Some(())
    }

    /// `2001:db8::1:3478`: the port is what stands behind the last colon.
    fn v6_and_port(&mut self, scrubber: &mut Scrubber, role: Role, found: &mut Found<'_>) -> Option<()> {
        let start = self.pos;
        let run = self.rest();
        let len = run.iter().position(|b| !(b.is_ascii_hexdigit() || *b == b':')).unwrap_or(run.len());
        let colon = run[..len].iter().rposition(|b| *b == b':')?;
        let address = v6::parse(&run[..colon])?;
        self.pos += colon + 1;
        let port = self.pos;
        self.number()?;
        let end = start + colon;
        if self.pos - port > 5 {
            return None;
        }
        found.address(scrubber, IpAddr::V6(address), role, start, end);
        Some(())
    }

    fn v4(&mut self, scrubber: &mut Scrubber, role: Role, port: bool, found: &mut Found<'_>) -> Option<()> {
        let start = self.pos;
        let quad = v4::read(self.text, start)?;
        self.pos = quad.end;
        if self.is(b":") {
            self.number()?;
        } else if port || !matches!(self.byte(), b' ' | b',') {
            return None;
        }
        let address = IpAddr::V4(Ipv4Addr::from(quad.octets));
        found.address(scrubber, address, role, start, quad.end);
        Some(())
    }
}

/// Whether two texts of the same length are the same, by words: `memcmp` of wasi-libc goes byte by byte.
fn same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    a.iter().zip(b).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && a_tail.iter().zip(b_tail).all(|(a, b)| a == b)
}

/// Whether all eight bytes are ASCII digits.
fn are_digits(word: u64) -> bool {
    (word & 0xF0F0_F0F0_F0F0_F0F0) | ((word.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4)
        == 0x3333_3333_3333_3333
}
