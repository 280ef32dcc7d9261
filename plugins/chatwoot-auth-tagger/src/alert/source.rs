//! The address that a rule counts by.

use std::{io::Write, net::IpAddr};

/// An address as a key: IPv6 by its /64, which is the least that one client has.
#[derive(Debug, Default)]
pub struct Source {
    /// The key; empty if there is no address.
    pub key: Vec<u8>,
    /// A private address: not the client's.
    pub private: bool,
}

impl Source {
    /// Take an address. What is none, such as a pseudonym, is its own key.
    pub fn set(&mut self, ip: &[u8]) {
        self.key.clear();
        self.private = false;
        let parsed = std::str::from_utf8(ip).ok().and_then(|t| t.parse::<IpAddr>().ok());
        match parsed.map(|a| a.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                self.private = address.is_loopback() || address.is_unique_local();
                // Writing to memory does not fail.
                let _ = write!(self.key, "{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0));
            }
            Some(IpAddr::V4(address)) => {
                self.private = address.is_private() || address.is_loopback() || address.is_link_local();
                let _ = write!(self.key, "{address}");
            }
            None => self.key.extend_from_slice(ip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_keys() {
        let mut source = Source::default();
        for (ip, key, private) in [
            ("192.0.2.1", "192.0.2.1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", false),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", false),
            ("10.0.0.5", "10.0.0.5", true),
            ("ip-k1-abc", "ip-k1-abc", false),
            ("", "", false),
        ] {
            source.set(ip.as_bytes());
            assert_eq!((source.key.as_slice(), source.private), (key.as_bytes(), private), "{ip}");
        }
    }
}
