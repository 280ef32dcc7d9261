//! What a rule has found: an alert, complete in itself.

use super::{
    Rule,
    window::{Entry, Hit, distinct},
};

/// What a rule has found.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The rule.
    pub rule: Rule,
    /// The address or user that it counts by; empty if it counts all.
    pub by: Vec<u8>,
    /// Whether `by` is a user.
    pub by_user: bool,
    /// The address that raised it, as it came.
    pub ip: Vec<u8>,
    /// Hits in the window.
    pub count: usize,
    /// What the rule asks for at least.
    pub threshold: u32,
    /// Length of the window.
    pub window_seconds: u32,
    /// Time of the first hit in the window.
    pub first_ms: i64,
    /// Time of the last.
    pub last_ms: i64,
    /// Users in the window; paths for scans. As many as the config allows.
    pub users: Vec<Vec<u8>>,
    /// How many there are.
    pub user_count: usize,
    /// Addresses in the window, likewise.
    pub ips: Vec<Vec<u8>>,
    /// How many there are.
    pub ip_count: usize,
    /// The address is private: likely a load balancer's, behind which are many clients.
    pub low_confidence: bool,
}

/// What an event counts as.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its time and hashes.
    pub hit: Hit,
    /// The user, or the path for scans.
    pub user: &'a [u8],
    /// The address as a key.
    pub ip: &'a [u8],
    /// The address as it came.
    pub address: &'a [u8],
    /// A private address.
    pub private: bool,
}

impl<'a> Seen<'a> {
    /// Counted by address.
    pub fn by_ip(&self) -> (&'a [u8], bool) {
        (self.ip, false)
    }

    /// Counted by user.
    pub fn by_user(&self) -> (&'a [u8], bool) {
        (self.user, true)
    }
}

/// The alert of a rule over the window that ends at `end`.
#[allow(clippy::too_many_arguments)]
pub fn alert(
    rule: Rule,
    by: (&[u8], bool),
    threshold: u32,
    seen: &Seen<'_>,
    list: usize,
    entry: &Entry,
    end: i64,
    window_ms: i64,
) -> Alert {
    let hits = entry.before(end, window_ms);
    let names = |of: fn(&Hit) -> u32| {
        let mut all: Vec<u32> = Vec::new();
        for hash in hits.iter().map(of).filter(|h| *h != 0) {
            if all.len() == list {
                break;
            }
            if !all.contains(&hash) {
                all.push(hash);
            }
        }
        all.iter().filter_map(|h| entry.name(*h)).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    Alert {
        rule,
        by: by.0.to_vec(),
        by_user: by.1,
        ip: if by.1 || by.0.is_empty() { Vec::new() } else { seen.address.to_vec() },
        count: hits.len(),
        threshold,
        window_seconds: u32::try_from(window_ms / 1000).unwrap_or(0),
        first_ms: hits.first().map_or(end, |h| h.ms),
        last_ms: end,
        users: names(|h| h.user),
        user_count: distinct(hits, |h| h.user),
        ips: names(|h| h.ip),
        ip_count: distinct(hits, |h| h.ip),
        low_confidence: seen.private && !by.1 && !by.0.is_empty(),
    }
}
