//! Values that a token may stand for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::ensure;
use ipnet::IpNet;

/// A value to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// As it is written.
    pub text: &'a str,
    /// The address it spells, if it spells one.
    pub address: Option<IpAddr>,
}

impl<'a> Candidate<'a> {
    /// From a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, address: text.parse().ok() }
    }
}

/// How many addresses of a network are tried at most: those of an IPv4 /8.
pub const MAX_ADDRESSES: u128 = 1 << 24;

/// All addresses of a network, network and broadcast address too: any of them may be in a log.
///
/// # Errors
/// When there are more than [`MAX_ADDRESSES`].
pub fn addresses(network: IpNet) -> anyhow::Result<(u128, impl Iterator<Item = IpAddr>)> {
    let host_bits = u32::from(network.max_prefix_len() - network.prefix_len());
    let count = 1u128.checked_shl(host_bits).unwrap_or(u128::MAX);
    ensure!(
        count <= MAX_ADDRESSES,
        "{network} has more than {MAX_ADDRESSES} addresses: try smaller networks (at most an IPv4 /8 or an IPv6 /104)"
    );
    let first = match network.network() {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    };
    let v4 = network.network().is_ipv4();
    let all = (0..count).map(move |i| match u32::try_from(first + i) {
        Ok(bits) if v4 => IpAddr::V4(Ipv4Addr::from(bits)),
        _ => IpAddr::V6(Ipv6Addr::from(first + i)),
    });
    Ok((count, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_whole_and_bounded() {
        let of = |text: &str| addresses(text.parse().unwrap()).map(|(n, all)| (n, all.collect::<Vec<_>>()));
        let (count, all) = of("192.0.2.9/30").unwrap();
        assert_eq!((count, all.len()), (4, 4));
        assert_eq!((all[0].to_string(), all[3].to_string()), ("192.0.2.8".into(), "192.0.2.11".into()));
        assert_eq!(of("255.255.255.255/32").unwrap().1[0].to_string(), "255.255.255.255");
        assert_eq!(of("::/128").unwrap().1[0].to_string(), "::");
        assert_eq!(of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127").unwrap().0, 2);
        for large in ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2001:db8::/64"] {
            assert!(addresses(large.parse().unwrap()).is_err(), "{large}");
        }
    }
}
