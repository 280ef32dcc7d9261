//! The summaries that coturn-ip-anonymizer writes instead of session events.

use std::collections::BTreeMap;

use tamis_sdk::timestamp;

use super::{hours::Hours, object::Object};

/// The message of a summary.
pub const MESSAGE: &[u8] = b"coturn summary";
/// STUN error codes are 300 to 699.
const CODES: std::ops::Range<u16> = 300..700;

/// A summary that says more is not believed: sums stay far from what overflows.
const MAX_COUNT: u64 = 1 << 48;

/// What the counts per hour are.
pub const NEW: usize = 0;
/// Sessions that were closed.
pub const CLOSED: usize = 1;
/// Requests that were answered with an error, and refused credentials.
pub const ERRORS: usize = 2;

/// Summaries, added up.
#[derive(Debug, Default)]
pub struct Sessions {
    /// How many there were.
    pub windows: u64,
    /// Session events in them.
    pub events: u64,
    /// Sessions by what became of them.
    pub new: u64,
    /// Refreshed allocations.
    pub refreshed: u64,
    /// Closed sessions.
    pub closed: u64,
    /// Refused credentials.
    pub refused: u64,
    /// Bytes received from and sent to clients, received from and sent to peers.
    pub bytes: [u64; 4],
    /// Requests by the STUN error that answered them.
    pub errors: BTreeMap<u16, u64>,
    /// Most users in a window.
    pub most_users: u64,
    /// Most networks of clients in a window.
    pub most_client_networks: u64,
    /// New and closed sessions and errors per hour.
    pub hours: Hours<3>,
}

impl Sessions {
    /// Add a record if it is a summary.
    pub fn add(&mut self, object: Object<'_>) -> bool {
        if object.text("", "message").as_deref() != Some(MESSAGE) {
            return false;
        }
        let Some(events) = object.number("", "events") else { return false };
        let number = |path: &str| object.number("", path).map_or(0, |n| n.min(MAX_COUNT));
        self.windows += 1;
        self.events = self.events.saturating_add(events.min(MAX_COUNT));
        let (new, closed, refused) = (number("sessions.new"), number("sessions.closed"), number("refused"));
        self.new = self.new.saturating_add(new);
        self.refreshed = self.refreshed.saturating_add(number("sessions.refreshed"));
        self.closed = self.closed.saturating_add(closed);
        self.refused = self.refused.saturating_add(refused);
        let paths = ["bytes.received", "bytes.sent", "bytes.peer_received", "bytes.peer_sent"];
        for (sum, path) in self.bytes.iter_mut().zip(paths) {
            *sum = sum.saturating_add(number(path));
        }
        self.most_users = self.most_users.max(number("distinct.users"));
        self.most_client_networks = self.most_client_networks.max(number("distinct.client_networks"));
        let mut failed = refused;
        for (code, at) in object.object("", "errors").into_iter().flat_map(Object::members) {
            let code = std::str::from_utf8(code).ok().and_then(|c| c.parse().ok());
            if let (Some(code), Some(count)) = (code.filter(|c| CODES.contains(c)), object.number_at(at)) {
                let count = count.min(MAX_COUNT);
                let sum = self.errors.entry(code).or_default();
                *sum = sum.saturating_add(count);
                failed = failed.saturating_add(count);
            }
        }
        let start = object.text("", "window.start").and_then(|t| timestamp::rfc3339(&t));
        let counts = self.hours.at(start.map(|ns| ns / 3_600_000_000_000));
        for (sum, count) in counts.iter_mut().zip([new, closed, failed]) {
            *sum = sum.saturating_add(count);
        }
        true
    }
}
