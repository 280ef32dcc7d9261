//! The fast way for the lines that make up a verbose log: each is matched whole, from its
//! prefix to its end, with nothing in between that could hold anything but what the template
//! puts there. What does not match to the last byte is left to [`super::pass`], so this
//! module decides nothing on its own; a property test holds the two to the same output.
//!
//! A line that matches holds neither `"` nor `\`: it is the same in a JSON string.

mod cursor;
mod fields;
mod prefix;

use std::net::IpAddr;

use cursor::{Line, Shape};
use fields::{address, inert_name, origin, user, v4, v6_and_port, words};
use tamis_sdk::{Edits, Splice};

use super::Scrubber;
use crate::{address::policy::Role, counts::Kind};

/// What most lines begin with.
const SESSION: Shape<54, 7> = Shape::new(b"0000-00-00T00:00:00+0000: session 000000000000000000: ");
const STAMP_LEN: usize = 26;
const STAMP: Shape<STAMP_LEN, 4> = Shape::new(b"0000-00-00T00:00:00+0000: ");
const SESSION_ID: Shape<28, 4> = Shape::new(b"session 000000000000000000: ");

/// Where edits go, in the order of their positions.
pub trait Sink {
    /// Let what `write` appends stand in place of bytes `start..end`, if it says `true`; says what it said.
    fn try_replace_with(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool;
}

impl Sink for Edits {
    #[inline(always)]
    fn try_replace_with(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        Edits::try_replace_with(self, start, end, write)
    }
}

impl Sink for Splice<'_> {
    #[inline(always)]
    fn try_replace_with(
        &mut self,
        start: usize,
        end: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        Splice::try_replace_with(self, start, end, write)
    }
}

/// Edit `text` if it is a line that is recognised whole; if not, say `false`: then the edits made
/// up to there must be forgotten.
#[inline(always)]
pub fn scrub<S: Sink>(scrubber: &mut Scrubber, text: &[u8], sink: &mut S) -> bool {
    let mut found = Found { sink, len: text.len(), users: 0, addresses: 0 };
    if message(Line::new(text), scrubber, &mut found).is_none() {
        return false;
    }
    scrubber.counts.add_many(Kind::User, found.users);
    scrubber.counts.add_many(Kind::Ip, found.addresses);
    true
}

/// What a template found so far: edits that stand if the line matches to its end.
pub struct Found<'s, S> {
    sink: &'s mut S,
    /// How long the line is.
    len: usize,
    users: u64,
    addresses: u64,
}

impl<S: Sink> Found<'_, S> {
    /// Where what is left of the line starts.
    #[inline(always)]
    fn pos(&self, line: &Line<'_>) -> usize {
        self.len - line.left()
    }

    #[inline(always)]
    fn user(&mut self, scrubber: &mut Scrubber, name: &[u8], start: usize) {
        self.sink.try_replace_with(start, start + name.len(), |out| {
            scrubber.users.write(name, out);
            true
        });
        self.users += 1;
    }

    #[inline(never)]
    fn address(&mut self, scrubber: &mut Scrubber, address: IpAddr, role: Role, start: usize, end: usize) {
        let policies = &mut scrubber.policies;
        if self.sink.try_replace_with(start, end, |out| policies.write(address, role, out)) {
            self.addresses += 1;
        }
    }

    /// Let `new` stand in place of a part of an address.
    #[inline(always)]
    fn replace<const N: usize>(&mut self, start: usize, end: usize, new: &[u8; N]) {
        self.sink.try_replace_with(start, end, |out| {
            out.extend_from_slice(new);
            true
        });
        self.addresses += 1;
    }
}

/// How long the time stamp is with which a line starts, if it is of the usual form; else 0.
pub fn stamp_len(line: &[u8]) -> usize {
    if Line::new(line).has(&STAMP) { STAMP_LEN } else { 0 }
}

/// The templates are functions of their own: together they are too much for one set of registers.
#[inline(always)]
fn message<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    if line.has(&SESSION) {
        return session(line, scrubber, found);
    }
    other_message(line, scrubber, found)
}

#[inline(never)]
fn other_message<S: Sink>(
    mut line: Line<'_>,
    scrubber: &mut Scrubber,
    found: &mut Found<'_, S>,
) -> Option<()> {
    if !line.has(&STAMP) {
        if line.is(b"socket: Protocol not supported") {
            return line.end();
        }
        line.rest = prefix::skip(line.rest, &mut scrubber.last_host)?;
    }
    if line.has(&SESSION_ID) {
        session(line, scrubber, found)
    } else if line.is(b"IPv4. ") {
        let role = listener_or_client(&mut line)?;
        v4(&mut line, scrubber, role, true, found)?;
        line.end()
    } else if line.is(b"IPv6. ") {
        let role = listener_or_client(&mut line)?;
        v6_and_port(&mut line, scrubber, role, found)?;
        line.end()
    } else if line.is(b"handle_udp_packet: New UDP endpoint: local addr ") {
        address(&mut line, scrubber, Role::Own, found)?;
        line.lit(b", remote addr ")?;
        address(&mut line, scrubber, Role::Client, found)?;
        line.end()
    } else if line.is(b"check_stun_auth: ") {
        refused(line, scrubber, found)
    } else if line.is(b"IO method (") {
        words(&mut line);
        line.lit(b": epoll (with changelist)")?;
        line.end()
    } else {
        only_words(line)
    }
}

/// Nothing but words: nothing to find.
#[inline(never)]
fn only_words(mut line: Line<'_>) -> Option<()> {
    words(&mut line);
    let _ = line.is(b", now ");
    words(&mut line);
    line.end()
}

#[inline(never)]
fn refused<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    line.lit(b"Cannot find credentials of user <")?;
    user(&mut line, scrubber, found)?;
    line.lit(b">")?;
    line.end()
}

fn listener_or_client(line: &mut Line<'_>) -> Option<Role> {
    if line.is(b"Local relay addr: ")
        || line.is(b"Local reserved relay addr: ")
        || line.is(b"Local relay addr (RTCP): ")
        || line.is(b"TCP listener opened on : ")
        || line.is(b"UDP listener opened on: ")
    {
        return Some(Role::Own);
    }
    line.is(b"tcp or tls connected to: ").then_some(Role::Client)
}

/// What follows the id of a session.
#[inline(always)]
fn session<S: Sink>(line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    match line.byte() {
        b'r' => request_or_refreshed(line, scrubber, found),
        b'p' => peer(line, scrubber, found),
        b'n' => allocated(line, scrubber, found),
        b'u' => usage(line, scrubber, found),
        b'd' => deleted(line, scrubber, found),
        b'c' => closed(line, scrubber, found),
        b'o' => request_with_origin(line, scrubber, found),
        b'R' => only_words(line),
        _ => None,
    }
}

fn request_or_refreshed<S: Sink>(
    mut line: Line<'_>,
    scrubber: &mut Scrubber,
    found: &mut Found<'_, S>,
) -> Option<()> {
    if !line.is(b"realm <") {
        return allocated(line, scrubber, found);
    }
    request(line, scrubber, found)
}

#[inline(never)]
fn request_with_origin<S: Sink>(
    mut line: Line<'_>,
    scrubber: &mut Scrubber,
    found: &mut Found<'_, S>,
) -> Option<()> {
    line.lit(b"origin <")?;
    origin(&mut line, &mut scrubber.last_origin)?;
    line.lit(b"> realm <")?;
    request(line, scrubber, found)
}

/// What follows `realm <`: realm, user, request and its result.
#[inline(never)]
fn request<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    inert_name(&mut line, &mut scrubber.last_realm, b'>')?;
    line.lit(b"> user <")?;
    user(&mut line, scrubber, found)?;
    line.lit(b">: incoming packet ")?;
    let method = match line.byte() {
        b'R' => line.is(b"REFRESH"),
        b'C' => {
            line.is(b"CHANNEL_BIND")
                || line.is(b"CREATE_PERMISSION")
                || line.is(b"CONNECTION_BIND")
                || line.is(b"CONNECT")
        }
        b'A' => line.is(b"ALLOCATE"),
        b'B' => line.is(b"BINDING"),
        _ => line.is(b"message"),
    };
    if !method {
        return None;
    }
    if !line.is(b" processed, success") {
        line.lit(b" processed, error ")?;
        line.number()?;
        line.lit(b": ")?;
        let _ = line.is(b"Unauthorized");
        words(&mut line);
    }
    line.end()
}

#[inline(never)]
fn allocated<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    if !line.is(b"refreshed, realm=<") {
        line.lit(b"new, realm=<")?;
    }
    realm_and_username(&mut line, scrubber, found)?;
    line.lit(b">, lifetime=")?;
    line.number()?;
    line.end()
}

#[inline(never)]
fn deleted<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    line.lit(b"delete: realm=<")?;
    realm_and_username(&mut line, scrubber, found)?;
    line.lit(b">")?;
    line.end()
}

#[inline(never)]
fn peer<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    line.lit(b"peer ")?;
    if line.byte() == b'u' {
        return usage(line, scrubber, found);
    }
    address(&mut line, scrubber, Role::Peer, found)?;
    if line.is(b" lifetime updated: ") {
        line.number()?;
    } else {
        line.lit(b" deleted")?;
    }
    line.end()
}

#[inline(never)]
fn usage<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    line.lit(b"usage: realm=<")?;
    realm_and_username(&mut line, scrubber, found)?;
    line.lit(b">, rp=")?;
    line.number()?;
    line.lit(b", rb=")?;
    line.number()?;
    line.lit(b", sp=")?;
    line.number()?;
    line.lit(b", sb=")?;
    line.number()?;
    line.end()
}

#[inline(never)]
fn closed<S: Sink>(mut line: Line<'_>, scrubber: &mut Scrubber, found: &mut Found<'_, S>) -> Option<()> {
    if line.is(b"check_stun_auth: ") {
        return refused(line, scrubber, found);
    }
    line.lit(b"closed (")?;
    if !line.is(b"2nd") {
        line.lit(b"1st")?;
    }
    line.lit(b" stage), user <")?;
    user(&mut line, scrubber, found)?;
    line.lit(b"> realm <")?;
    inert_name(&mut line, &mut scrubber.last_realm, b'>')?;
    line.lit(b"> origin <")?;
    origin(&mut line, &mut scrubber.last_origin)?;
    line.lit(b">, local ")?;
    address(&mut line, scrubber, Role::Own, found)?;
    line.lit(b", remote ")?;
    address(&mut line, scrubber, Role::Client, found)?;
    line.lit(b", reason: ")?;
    // The commonest, at once.
    let _ = line.is(b"allocation timeout") || line.is(b"TCP connection closed by client (callback)");
    words(&mut line);
    line.end()
}

#[inline(always)]
fn realm_and_username<S: Sink>(
    line: &mut Line<'_>,
    scrubber: &mut Scrubber,
    found: &mut Found<'_, S>,
) -> Option<()> {
    inert_name(line, &mut scrubber.last_realm, b'>')?;
    line.lit(b">, username=<")?;
    user(line, scrubber, found)
}
