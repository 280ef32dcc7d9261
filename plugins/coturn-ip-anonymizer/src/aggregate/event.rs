//! What a line says for a summary.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    address::{v4, v6},
    bytes::{find, rfind},
};

/// A session event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// An allocation was made, by this user.
    New(&'a [u8]),
    /// An allocation was refreshed.
    Refreshed,
    /// A session has ended: its user, and its client.
    Closed(&'a [u8], Option<IpAddr>),
    /// A request was answered with this STUN error.
    Error(u16),
    /// Credentials were refused.
    Refused,
    /// Traffic of a client: bytes received and sent.
    Usage(u64, u64),
    /// Traffic of its peers: bytes received and sent.
    PeerUsage(u64, u64),
    /// Anything else that a session does.
    Other,
}

/// What event a line is; `None` if it is none of a session.
pub fn event(line: &[u8]) -> Option<Event<'_>> {
    if let Some(message) = session_message(line) {
        return Some(session_event(message));
    }
    if find(line, b"check_stun_auth: ").is_some() {
        return Some(Event::Refused);
    }
    let other: [&[u8]; 6] = [
        b". tcp or tls connected to: ",
        b". Local relay addr",
        b". Local reserved relay addr",
        b": New UDP endpoint: ",
        b"Global turn allocation count ",
        b"handle_turn_",
    ];
    other.iter().any(|o| find(line, o).is_some()).then_some(Event::Other)
}

/// What stands behind `session <18 digits>: `.
fn session_message(line: &[u8]) -> Option<&[u8]> {
    let id = find(line, b"session ")? + 8;
    let digits = line[id..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits < 18 {
        return None;
    }
    line[id + digits..].strip_prefix(b": ")
}

fn session_event(message: &[u8]) -> Event<'_> {
    if message.starts_with(b"new, ") {
        return Event::New(between(message, b"username=<", b">, lifetime="));
    }
    if message.starts_with(b"refreshed, ") {
        return Event::Refreshed;
    }
    if message.starts_with(b"closed (2nd stage)") {
        let remote = rfind(message, b", remote ").map(|i| &message[i + 9..]);
        return Event::Closed(between(message, b"user <", b"> realm <"), remote.and_then(address));
    }
    let usage = |message: &[u8]| {
        (number_after(message, b">, rp=", b", rb="), number_after(message, b">, rp=", b", sb="))
    };
    if message.starts_with(b"usage: ") {
        let (received, sent) = usage(message);
        return Event::Usage(received, sent);
    }
    if message.starts_with(b"peer usage: ") {
        let (received, sent) = usage(message);
        return Event::PeerUsage(received, sent);
    }
    if message.starts_with(b"check_stun_auth: ") {
        return Event::Refused;
    }
    if let Some(at) = rfind(message, b" processed, error ") {
        let code = number(&message[at + 18..]);
        return Event::Error(u16::try_from(code).unwrap_or(0));
    }
    Event::Other
}

fn between<'a>(text: &'a [u8], start: &[u8], end: &[u8]) -> &'a [u8] {
    let from = find(text, start).map_or(0, |i| i + start.len());
    let to = rfind(text, end).filter(|to| *to >= from).unwrap_or(from);
    &text[from..to]
}

/// The number behind `label`, which comes after the last `anchor`.
fn number_after(text: &[u8], anchor: &[u8], label: &[u8]) -> u64 {
    let tail = rfind(text, anchor).map_or(text, |i| &text[i..]);
    find(tail, label).map_or(0, |i| number(&tail[i + label.len()..]))
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take(19).take_while(|b| b.is_ascii_digit());
    digits.fold(0, |n, d| n * 10 + u64::from(d - b'0'))
}

fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(v6) = text.strip_prefix(b"[") {
        let end = memchr::memchr(b']', v6)?;
        return v6::parse(&v6[..end]).map(|a| IpAddr::V6(a).to_canonical());
    }
    v4::read(text, 0).map(|q| IpAddr::V4(Ipv4Addr::from(q.octets)))
}

/// The time that the line itself gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTime {
    /// Seconds since 1970.
    Absolute(u64),
    /// Seconds since the server started.
    Relative(u64),
}

/// Read the time stamp nearest to the message: of two, coturn's own.
pub fn line_time(line: &[u8]) -> Option<LineTime> {
    let head = &line[..find(line, b"session ").unwrap_or(line.len()).min(96)];
    let stamp = (0..head.len().saturating_sub(18)).rev().find_map(|at| timestamp(&head[at..]));
    if let Some(seconds) = stamp {
        return Some(LineTime::Absolute(seconds));
    }
    // `N: : `, `N: (tid): INFO: `, `N INFO `: the number nearest to the message.
    let marks: [&[u8]; 4] = [b": : ", b": (", b" INFO ", b" ERROR "];
    let end = marks.iter().filter_map(|m| find(head, m)).min()?;
    let start = head[..end].iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |i| i + 1);
    (start < end).then(|| LineTime::Relative(number(&head[start..end])))
}

/// `2026-11-21T00:14:07[.485][+0000]`, `T` or a space: seconds since 1970.
fn timestamp(text: &[u8]) -> Option<u64> {
    let field = |at: usize, len: usize| {
        let digits = text.get(at..at + len)?;
        digits.iter().all(u8::is_ascii_digit).then(|| number(digits) as i64)
    };
    let is = |at: usize, bytes: &[u8]| text.get(at).is_some_and(|b| bytes.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"T ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (field(0, 4)?, field(5, 2)?, field(8, 2)?);
    let (hour, minute, second) = (field(11, 2)?, field(14, 2)?, field(17, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut zone = 19;
    if is(zone, b".") {
        zone += 1 + text[zone + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    let mut offset = 0;
    if is(zone, b"+-") {
        let minutes_at = if is(zone + 3, b":") { zone + 4 } else { zone + 3 };
        if let (Some(hours), Some(minutes)) = (field(zone + 1, 2), field(minutes_at, 2)) {
            offset = (hours * 60 + minutes) * if text[zone] == b'-' { -60 } else { 60 };
        }
    }
    // Days from civil (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

/// Append seconds since 1970 as `2026-11-21T00:00:00Z`.
pub fn write_time(seconds: u64, out: &mut Vec<u8>) {
    let days = (seconds / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let second = seconds % 86_400;
    let mut pad = |value: u64, width: usize, after: &[u8]| {
        let mut digits = Vec::with_capacity(20);
        crate::counts::write_number(value, &mut digits);
        out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits.len())));
        out.extend_from_slice(&digits);
        out.extend_from_slice(after);
    };
    pad(year as u64, 4, b"-");
    pad(month as u64, 2, b"-");
    pad(day as u64, 2, b"T");
    pad(second / 3600, 2, b":");
    pad(second / 60 % 60, 2, b":");
    pad(second % 60, 2, b"Z");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (line, time) in [
            ("2026-11-21T00:14:07.485+0000 INFO session 0", Some(LineTime::Absolute(1_795_220_047))),
            ("2026-11-21T02:14:07+0200: x", Some(LineTime::Absolute(1_795_220_047))),
            ("2026-11-21 00:14:07: x", Some(LineTime::Absolute(1_795_220_047))),
            (
                "2026-11-20T00:00:00.1Z stdout F 2026-11-21T00:14:07+0000(1): INFO: x",
                Some(LineTime::Absolute(1_795_220_047)),
            ),
            ("17: : session", Some(LineTime::Relative(17))),
            ("17: (4865): INFO: session", Some(LineTime::Relative(17))),
            ("host turnserver: 3 INFO session", Some(LineTime::Relative(3))),
            ("nothing", None),
        ] {
            assert_eq!(line_time(line.as_bytes()), time, "{line}");
        }
        let mut out = Vec::new();
        write_time(1_795_220_047, &mut out);
        assert_eq!(out, b"2026-11-21T00:14:07Z");
    }

    #[test]
    fn events() {
        let sid = "3: : session 001000000000000005: ";
        let of = |message: &str| format!("{sid}{message}");
        assert_eq!(
            event(of("new, realm=<r>, username=<bob>, lifetime=600").as_bytes()),
            Some(Event::New(b"bob"))
        );
        assert_eq!(
            event(of("closed (2nd stage), user <bob> realm <r> origin <>, local 1.2.3.4:5, remote 198.51.100.7:9, reason: x").as_bytes()),
            Some(Event::Closed(b"bob", Some("198.51.100.7".parse().unwrap())))
        );
        assert_eq!(
            event(of("usage: realm=<r>, username=<b>, rp=5, rb=444, sp=6, sb=412").as_bytes()),
            Some(Event::Usage(444, 412))
        );
        assert_eq!(
            event(
                of("realm <r> user <>: incoming packet message processed, error 401: Unauthorized")
                    .as_bytes()
            ),
            Some(Event::Error(401))
        );
        assert_eq!(event(b"3: : ERROR: check_stun_auth: wrong username: x"), Some(Event::Refused));
        assert_eq!(event(b"3: : Listener address to use: 192.0.2.1"), None);
    }
}
