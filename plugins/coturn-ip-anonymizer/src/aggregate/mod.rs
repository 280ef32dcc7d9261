//! Summaries instead of session events: one record per window of event time. The summary
//! of a window takes the place of the first event after it, because no host ABI lets a
//! filter make a record out of nothing; the last one comes with the end of the stream,
//! where the host tells of it.

mod distinct;
mod event;

use tamis_sdk::lru::hash;

use self::{
    distinct::Distinct,
    event::{Event, LineTime},
};
use crate::{
    config::{AggregateConfig, IpConfig},
    counts::write_number,
    names::user_part,
};

/// STUN error codes are 300 to 699.
const CODES: std::ops::Range<u16> = 300..700;

/// What a text means for the aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is no session event and goes its way.
    No,
    /// It went into the current window and is to be dropped.
    Swallowed,
    /// As `Swallowed`, and the window before has ended: [`Aggregator::summary`] has it.
    WindowEnded,
}

/// The windows.
#[derive(Debug)]
pub struct Aggregator {
    window_seconds: u64,
    v4_prefix: u8,
    v6_prefix: u8,
    rest_separator: Vec<u8>,
    current: Option<Start>,
    window: Window,
    summary: Vec<u8>,
}

/// When a window starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Start {
    absolute: bool,
    seconds: u64,
}

#[derive(Debug)]
struct Window {
    events: u64,
    late: u64,
    new: u64,
    refreshed: u64,
    closed: u64,
    refused: u64,
    received: u64,
    sent: u64,
    peer_received: u64,
    peer_sent: u64,
    errors: Vec<u64>,
    users: Distinct,
    networks: Distinct,
}

impl Aggregator {
    /// Windows of the configured length; client networks by the configured prefixes.
    pub fn new(config: &AggregateConfig, ip: &IpConfig, rest_separator: &str) -> Self {
        Self {
            window_seconds: u64::from(config.window_seconds.max(1)),
            v4_prefix: ip.v4_prefix,
            v6_prefix: ip.v6_prefix,
            rest_separator: rest_separator.as_bytes().to_vec(),
            current: None,
            window: Window {
                events: 0,
                late: 0,
                new: 0,
                refreshed: 0,
                closed: 0,
                refused: 0,
                received: 0,
                sent: 0,
                peer_received: 0,
                peer_sent: 0,
                errors: vec![0; CODES.len()],
                users: Distinct::default(),
                networks: Distinct::default(),
            },
            summary: Vec::new(),
        }
    }

    /// Take a line if it is a session event. `timestamp_ns` is the record's own time, for
    /// lines that tell none.
    pub fn take(&mut self, line: &[u8], timestamp_ns: u64) -> Taken {
        let Some(event) = event::event(line) else { return Taken::No };
        let time = match event::line_time(line) {
            Some(LineTime::Absolute(seconds)) => Some((true, seconds)),
            _ if timestamp_ns > 0 => Some((true, timestamp_ns / 1_000_000_000)),
            Some(LineTime::Relative(seconds)) => Some((false, seconds)),
            None => None,
        };
        let start = time.map(|(absolute, s)| Start { absolute, seconds: s - s % self.window_seconds });
        let mut ended = false;
        match (self.current, start) {
            (None, Some(start)) => self.current = Some(start),
            // A counter that starts again is a new server, not a late line.
            (Some(now), Some(start))
                if start.absolute != now.absolute
                    || start.seconds > now.seconds
                    || !start.absolute && start.seconds < now.seconds =>
            {
                self.close();
                ended = true;
                self.current = Some(start);
            }
            (Some(now), Some(start)) if start.seconds < now.seconds => self.window.late += 1,
            _ => {}
        }
        self.count(event);
        if ended { Taken::WindowEnded } else { Taken::Swallowed }
    }

    /// The summary of the window that ended last, a JSON object.
    pub fn summary(&self) -> &[u8] {
        &self.summary
    }

    /// The stream is over: the summary of the window that has not ended, if it holds anything.
    pub fn finish(&mut self) -> Option<&[u8]> {
        if self.window.events == 0 {
            return None;
        }
        self.close();
        self.current = None;
        Some(&self.summary)
    }

    fn count(&mut self, event: Event<'_>) {
        let window = &mut self.window;
        window.events += 1;
        let mut user = |name: &[u8]| {
            let part = user_part(name, &self.rest_separator);
            if !part.is_empty() {
                window.users.add(hash(&name[part]));
            }
        };
        match event {
            Event::New(name) => {
                user(name);
                window.new += 1;
            }
            Event::Refreshed => window.refreshed += 1,
            Event::Closed(name, client) => {
                user(name);
                window.closed += 1;
                let bits = if client.is_some_and(|c| c.is_ipv4()) { self.v4_prefix } else { self.v6_prefix };
                if let Some(network) = client.and_then(|c| ipnet::IpNet::new(c, bits).ok()) {
                    match network.network() {
                        std::net::IpAddr::V4(a) => window.networks.add(hash(&a.octets())),
                        std::net::IpAddr::V6(a) => window.networks.add(hash(&a.octets())),
                    }
                }
            }
            Event::Error(code) => {
                if let Some(count) =
                    code.checked_sub(CODES.start).and_then(|i| window.errors.get_mut(usize::from(i)))
                {
                    *count += 1;
                }
            }
            Event::Refused => window.refused += 1,
            Event::Usage(received, sent) => {
                window.received = window.received.saturating_add(received);
                window.sent = window.sent.saturating_add(sent);
            }
            Event::PeerUsage(received, sent) => {
                window.peer_received = window.peer_received.saturating_add(received);
                window.peer_sent = window.peer_sent.saturating_add(sent);
            }
            Event::Other => {}
        }
    }

    /// Write the summary and start over.
    fn close(&mut self) {
        let out = &mut self.summary;
        let window = &mut self.window;
        out.clear();
        out.extend_from_slice(b"{\"message\":\"coturn summary\",\"window\":{\"start\":");
        match self.current {
            Some(Start { absolute: true, seconds }) => {
                out.push(b'"');
                event::write_time(seconds, out);
                out.push(b'"');
            }
            // Seconds since the server started.
            Some(start) => write_number(start.seconds, out),
            None => out.extend_from_slice(b"null"),
        }
        let mut field = |name: &str, value: u64| {
            out.extend_from_slice(name.as_bytes());
            write_number(value, out);
        };
        field(",\"seconds\":", self.window_seconds);
        field("},\"events\":", window.events);
        field(",\"late\":", window.late);
        field(",\"sessions\":{\"new\":", window.new);
        field(",\"refreshed\":", window.refreshed);
        field(",\"closed\":", window.closed);
        field("},\"refused\":", window.refused);
        field(",\"bytes\":{\"received\":", window.received);
        field(",\"sent\":", window.sent);
        field(",\"peer_received\":", window.peer_received);
        field(",\"peer_sent\":", window.peer_sent);
        field("},\"distinct\":{\"users\":", window.users.count());
        field(",\"client_networks\":", window.networks.count());
        out.extend_from_slice(b"},\"errors\":{");
        let mut first = true;
        for (code, count) in CODES.zip(&window.errors).filter(|(_, count)| **count > 0) {
            out.extend_from_slice(if first { b"\"" } else { b",\"" });
            first = false;
            write_number(u64::from(code), out);
            out.extend_from_slice(b"\":");
            write_number(*count, out);
        }
        out.extend_from_slice(b"}}");
        window.clear();
    }
}

impl Window {
    fn clear(&mut self) {
        let Self {
            events,
            late,
            new,
            refreshed,
            closed,
            refused,
            received,
            sent,
            peer_received,
            peer_sent,
            errors,
            users,
            networks,
        } = self;
        for count in [events, late, new, refreshed, closed, refused, received, sent, peer_received, peer_sent]
        {
            *count = 0;
        }
        errors.fill(0);
        users.clear();
        networks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregator(seconds: u32) -> Aggregator {
        Aggregator::new(&AggregateConfig { window_seconds: seconds }, &IpConfig::default(), ":")
    }

    const NEW: &str = "session 001000000000000005: new, realm=<r>, username=<1795306080:bob>, lifetime=600";

    #[test]
    fn a_window_ends_with_the_first_event_after_it() {
        let mut a = aggregator(60);
        assert_eq!(a.take(format!("2026-11-21T00:14:07+0000: {NEW}").as_bytes(), 0), Taken::Swallowed);
        assert_eq!(a.take(b"2026-11-21T00:14:08+0000: Listener address to use: 192.0.2.1", 0), Taken::No);
        assert_eq!(a.take(format!("2026-11-21T00:13:07+0000: {NEW}").as_bytes(), 0), Taken::Swallowed);
        assert_eq!(a.take(format!("2026-11-21T00:15:00+0000: {NEW}").as_bytes(), 0), Taken::WindowEnded);
        assert_eq!(
            std::str::from_utf8(a.summary()).unwrap(),
            "{\"message\":\"coturn summary\",\"window\":{\"start\":\"2026-11-21T00:14:00Z\",\"seconds\":60},\"events\":2,\"late\":1,\
             \"sessions\":{\"new\":2,\"refreshed\":0,\"closed\":0},\"refused\":0,\
             \"bytes\":{\"received\":0,\"sent\":0,\"peer_received\":0,\"peer_sent\":0},\
             \"distinct\":{\"users\":1,\"client_networks\":0},\"errors\":{}}"
        );
        assert!(a.finish().is_some());
        assert!(a.finish().is_none());
    }

    #[test]
    fn a_counter_that_starts_again_ends_the_window() {
        let mut a = aggregator(10);
        assert_eq!(a.take(format!("25: : {NEW}").as_bytes(), 0), Taken::Swallowed);
        assert_eq!(a.take(format!("3: : {NEW}").as_bytes(), 0), Taken::WindowEnded);
        assert!(std::str::from_utf8(a.summary()).unwrap().contains("\"start\":20,"));
    }
}
