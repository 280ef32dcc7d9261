//! Where an address is.

use std::net::IpAddr;

/// Whether a host, an address with a port or a URL is on this machine.
pub fn is_loopback(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    if address.starts_with("unix:") || rest.starts_with('/') {
        return true;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let name = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
        Some((name, _)) => name,
        None if host.parse::<IpAddr>().is_ok() => host,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #[test]
    fn loopback() {
        for address in [
            "127.0.0.1",
            "127.8.0.1:80",
            "::1",
            "[::1]:443",
            "http://localhost:3100/x",
            "unix:///run/x",
            "LOCALHOST",
        ] {
            assert!(super::is_loopback(address), "{address}");
        }
        for address in
            ["0.0.0.0", "loki", "http://127.0.0.1.example.com/", "2001:db8::1", "https://u:p@logs:443", ""]
        {
            assert!(!super::is_loopback(address), "{address}");
        }
    }
}
