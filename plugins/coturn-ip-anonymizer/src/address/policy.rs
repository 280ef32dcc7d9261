//! What takes an address's place: the configured policies, resolved once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use tamis_sdk::{
    ConfigError, Key,
    lru::Lru,
    pseudonym::{AddressCipher, CipherKind, KeyUse, Tokenizer},
};

use super::{v4, v6};
use crate::config::{IpConfig, IpMode, IpcryptKey, PolicyConfig};

/// Whose address it is, as far as the text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A client's, or not known.
    Client,
    /// The server's own, listener or relay.
    Own,
    /// A peer's.
    Peer,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    mode: IpMode,
    v4_mask: u32,
    v6_mask: u128,
}

/// All address policies of a config.
#[derive(Debug)]
pub struct Policies {
    keep: Vec<IpNet>,
    /// Fast answer for the default keep list; `None` when another is configured.
    default_keep: bool,
    base: Rule,
    private: Option<Rule>,
    own: Option<Rule>,
    own_networks: Vec<IpNet>,
    peer: Option<Rule>,
    deterministic: Option<AddressCipher>,
    prefix_preserving: Option<AddressCipher>,
    token: Option<Tokenizer>,
    cache: Lru,
    cuts_last_octet: bool,
    kept_v6_groups: Option<usize>,
}

impl Policies {
    /// Resolve the config.
    ///
    /// # Errors
    /// When a prefix is out of range, or a mode needs a key that is not there or does not fit.
    pub fn new(config: &IpConfig, key: Option<&Key>, cache_entries: usize) -> Result<Self, ConfigError> {
        let base = PolicyConfig { mode: Some(config.mode), v4_prefix: None, v6_prefix: None };
        let rule = |path: &str, policy: &PolicyConfig| rule(config, path, policy);
        let own = config.own.as_ref().map(|o| PolicyConfig {
            mode: o.mode,
            v4_prefix: o.v4_prefix,
            v6_prefix: o.v6_prefix,
        });
        let base = rule("", &base)?;
        let private = config.private.as_ref().map(|p| rule(".private", p)).transpose()?;
        let own = own.as_ref().map(|p| rule(".own", p)).transpose()?;
        let peer = config.peer.as_ref().map(|p| rule(".peer", p)).transpose()?;
        let rules = [
            ("$.ip.mode", Some(base)),
            ("$.ip.private.mode", private),
            ("$.ip.own.mode", own),
            ("$.ip.peer.mode", peer),
        ];
        let needs = |mode: IpMode| {
            rules.iter().find(|(_, r)| r.is_some_and(|r| r.mode == mode)).map(|(path, _)| *path)
        };
        let key_for = |path: &str| {
            key.ok_or_else(|| {
                ConfigError::new(
                    path,
                    "this mode needs a key: add \"key\": {\"id\": \"k1\", \"file\": \"...\"}",
                )
            })
        };
        let key_use = match config.ipcrypt_key {
            IpcryptKey::Derived => KeyUse::Derived,
            IpcryptKey::Raw => KeyUse::Raw,
        };
        let cipher = |mode, kind| {
            needs(mode)
                .map(|path| {
                    AddressCipher::new(kind, key_for(path)?, key_use)
                        .map_err(|e| ConfigError::new("$.ip.ipcrypt_key", e.0))
                })
                .transpose()
        };
        let token = needs(IpMode::Token)
            .map(|path| Ok(Tokenizer::new(key_for(path)?, "ip", cache_entries)))
            .transpose()?;
        let mut policies = Self {
            default_keep: config.keep == IpConfig::default().keep,
            keep: config.keep.clone(),
            base,
            private,
            own,
            own_networks: config.own.as_ref().map(|o| o.addresses.clone()).unwrap_or_default(),
            peer,
            deterministic: cipher(IpMode::Deterministic, CipherKind::Deterministic)?,
            prefix_preserving: cipher(IpMode::PrefixPreserving, CipherKind::PrefixPreserving)?,
            token,
            cache: Lru::new(cache_entries),
            cuts_last_octet: false,
            kept_v6_groups: None,
        };
        if let Some(only) = policies.only_rule().filter(|rule| rule.mode == IpMode::Truncate) {
            policies.cuts_last_octet = only.v4_mask == 0xFFFF_FF00;
            // Of six groups and less that stay, the zeros behind them are the longest run.
            policies.kept_v6_groups = (1..=6).find(|n| only.v6_mask == !(u128::MAX >> (16 * n)));
        }
        Ok(policies)
    }

    /// How many groups of IPv6 addresses stay, if all behind them becomes 0 and nothing else happens but
    /// to loopback, wildcard and mapped addresses.
    pub fn kept_v6_groups(&self) -> Option<usize> {
        self.kept_v6_groups
    }

    /// Whether of IPv4 addresses but 127.0.0.0/8 the last number becomes 0, and nothing else happens.
    pub fn cuts_last_octet(&self) -> bool {
        self.cuts_last_octet
    }

    /// Whether the policies distinguish roles at all: if not, no one need find out.
    pub fn needs_role(&self) -> bool {
        self.peer.is_some() || self.own.is_some()
    }

    /// The one rule there is for every address but loopback and wildcards, if so.
    fn only_rule(&self) -> Option<Rule> {
        let only = self.default_keep && self.private.is_none() && self.own.is_none() && self.peer.is_none();
        only.then_some(self.base)
    }

    fn rule_for(&self, address: IpAddr, role: Role) -> Option<Rule> {
        let canonical = address.to_canonical();
        if self.is_kept(canonical) || canonical != address && self.is_kept(address) {
            return None;
        }
        if let Some(own) = self.own
            && (role == Role::Own || self.own_networks.iter().any(|n| n.contains(&canonical)))
        {
            return Some(own);
        }
        if let (Some(peer), Role::Peer) = (self.peer, role) {
            return Some(peer);
        }
        match self.private {
            Some(private) if is_private(canonical) => Some(private),
            _ => Some(self.base),
        }
    }

    fn is_kept(&self, address: IpAddr) -> bool {
        if self.default_keep {
            return match address {
                IpAddr::V4(a) => a.is_loopback() || a.is_unspecified(),
                IpAddr::V6(a) => a.is_loopback() || a.is_unspecified(),
            };
        }
        self.keep.iter().any(|n| n.contains(&address))
    }

    /// Append what takes the place of `address` to `out`; `false`, with nothing appended,
    /// if it stays as it is.
    pub fn write(&mut self, address: IpAddr, role: Role, out: &mut Vec<u8>) -> bool {
        if let (IpAddr::V4(v4), Some(rule)) = (address, self.only_rule())
            && rule.mode == IpMode::Truncate
        {
            let bits = u32::from(v4);
            let cut = bits & rule.v4_mask;
            if cut == bits || bits >> 24 == 127 {
                return false;
            }
            v4::write(cut.to_be_bytes(), out);
            return true;
        }
        let Some(rule) = self.rule_for(address, role) else { return false };
        let canonical = address.to_canonical();
        let mapped = canonical != address;
        match rule.mode {
            IpMode::Keep => return false,
            IpMode::Replace => out.extend_from_slice(REPLACEMENT),
            IpMode::Truncate => {
                let cut = truncate(canonical, rule);
                if cut == canonical {
                    return false;
                }
                write(cut, mapped, out);
            }
            IpMode::Token => {
                let Some(token) = &mut self.token else { return false };
                match canonical {
                    IpAddr::V4(a) => token.write(&a.octets(), out),
                    IpAddr::V6(a) => token.write(&a.octets(), out),
                }
            }
            IpMode::PrefixPreserving | IpMode::Deterministic => {
                let cipher = match rule.mode {
                    IpMode::Deterministic => &self.deterministic,
                    _ => &self.prefix_preserving,
                };
                let Some(cipher) = cipher else { return false };
                // Both modes can be in use side by side: the cache key says which.
                let mut key = [0; 17];
                key[16] = rule.mode as u8;
                let key_len = match canonical {
                    IpAddr::V4(a) => {
                        key[..4].copy_from_slice(&a.octets());
                        key[4] = key[16];
                        5
                    }
                    IpAddr::V6(a) => {
                        key[..16].copy_from_slice(&a.octets());
                        17
                    }
                };
                if mapped && rule.mode == IpMode::PrefixPreserving {
                    out.extend_from_slice(MAPPED);
                }
                self.cache.get_or(&key[..key_len], out, |out| write(cipher.encrypt(canonical), false, out));
            }
        }
        true
    }

    /// Whether the pseudonym of an IPv4 address has the shape of IPv6.
    pub fn widens(&self, address: IpAddr, role: Role) -> bool {
        self.deterministic.is_some()
            && self.rule_for(address, role).is_some_and(|r| r.mode == IpMode::Deterministic)
    }

    /// Whether a placeholder, not an address or a token, takes the place of `address`.
    pub fn replaces(&self, address: IpAddr, role: Role) -> bool {
        self.rule_for(address, role).is_some_and(|r| r.mode == IpMode::Replace)
    }
}

/// What stands for an address in mode `replace`.
pub const REPLACEMENT: &[u8] = b"[REDACTED:ip]";

const MAPPED: &[u8] = b"::ffff:";

fn rule(config: &IpConfig, path: &str, policy: &PolicyConfig) -> Result<Rule, ConfigError> {
    let bits = |name: &str, own: Option<u8>, base: u8, max: u8| {
        let bits = own.unwrap_or(base);
        if bits <= max {
            return Ok(bits);
        }
        let path = if own.is_some() { path } else { "" };
        Err(ConfigError::new(format!("$.ip{path}.{name}"), format!("must be 0 to {max}, is {bits}")))
    };
    let v4_prefix = bits("v4_prefix", policy.v4_prefix, config.v4_prefix, 32)?;
    let v6_prefix = bits("v6_prefix", policy.v6_prefix, config.v6_prefix, 128)?;
    Ok(Rule {
        mode: policy.mode.unwrap_or(config.mode),
        v4_mask: u32::MAX.checked_shl(32 - u32::from(v4_prefix)).unwrap_or(0),
        v6_mask: u128::MAX.checked_shl(128 - u32::from(v6_prefix)).unwrap_or(0),
    })
}

/// Zero the host bits. Of an address that holds an IPv4 address (6to4, NAT64), no more of that
/// stays than of an IPv4 address.
fn truncate(address: IpAddr, rule: Rule) -> IpAddr {
    match address {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from(u32::from(a) & rule.v4_mask)),
        IpAddr::V6(a) => {
            let bits = u128::from(a);
            let embedded_shift = match a.segments() {
                [0x2002, ..] => Some(80),
                [0x64, 0xFF9B, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(0),
                _ => None,
            };
            let embedded_mask = match embedded_shift {
                Some(shift) => !((u128::from(!rule.v4_mask)) << shift),
                None => u128::MAX,
            };
            IpAddr::V6(Ipv6Addr::from(bits & rule.v6_mask & embedded_mask))
        }
    }
}

fn write(address: IpAddr, mapped: bool, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(a) => {
            if mapped {
                out.extend_from_slice(MAPPED);
            }
            v4::write(a.octets(), out);
        }
        IpAddr::V6(a) => v6::write(a, out),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let o = a.octets();
            a.is_private() || a.is_link_local() || a.is_loopback() || o[0] == 100 && o[1] & 0xC0 == 64
        }
        IpAddr::V6(a) => a.is_unique_local() || a.is_unicast_link_local() || a.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OwnConfig;

    fn key() -> Key {
        Key::new("k1", *b"0123456789abcdef0123456789ABCDEF")
    }

    fn rewritten(policies: &mut Policies, address: &str, role: Role) -> String {
        let mut out = Vec::new();
        if policies.write(address.parse().unwrap(), role, &mut out) {
            String::from_utf8(out).unwrap()
        } else {
            address.to_owned()
        }
    }

    #[test]
    fn truncation_is_the_default_and_keeps_loopback() {
        let mut p = Policies::new(&IpConfig::default(), None, 16).unwrap();
        for (address, expected) in [
            ("198.51.100.7", "198.51.100.0"),
            ("10.1.2.3", "10.1.2.0"),
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0", "0.0.0.0"),
            ("2001:db8:20:0:aa:bb:cc:dd", "2001:db8:20::"),
            ("::1", "::1"),
            ("::", "::"),
            ("::ffff:10.1.2.3", "::ffff:10.1.2.0"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("2002:c0a8:117::1", "2002:c0a8:100::"),
            ("64:ff9b::a01:203", "64:ff9b::"),
            ("fe80::1ff:fe23:4567:890a", "fe80::"),
            ("198.51.100.0", "198.51.100.0"),
        ] {
            assert_eq!(rewritten(&mut p, address, Role::Client), expected, "{address}");
        }
    }

    #[test]
    fn modes_that_need_a_key_say_so() {
        let config = IpConfig { mode: IpMode::Token, ..IpConfig::default() };
        let error = Policies::new(&config, None, 16).unwrap_err();
        assert_eq!(error.path, "$.ip.mode");
        let config = IpConfig {
            peer: Some(PolicyConfig { mode: Some(IpMode::Deterministic), ..PolicyConfig::default() }),
            ..IpConfig::default()
        };
        assert_eq!(Policies::new(&config, None, 16).unwrap_err().path, "$.ip.peer.mode");
        let config = IpConfig { v4_prefix: 33, ..IpConfig::default() };
        assert_eq!(
            Policies::new(&config, None, 16).unwrap_err().to_string(),
            "config $.ip.v4_prefix: must be 0 to 32, is 33"
        );
    }

    #[test]
    fn roles_and_networks_have_their_own_policy() {
        let config = IpConfig {
            own: Some(OwnConfig {
                mode: Some(IpMode::Keep),
                addresses: vec!["192.0.2.0/24".parse().unwrap()],
                ..OwnConfig::default()
            }),
            peer: Some(PolicyConfig { mode: Some(IpMode::Replace), ..PolicyConfig::default() }),
            private: Some(PolicyConfig { v4_prefix: Some(8), ..PolicyConfig::default() }),
            keep: vec![],
            ..IpConfig::default()
        };
        let mut p = Policies::new(&config, None, 16).unwrap();
        assert_eq!(rewritten(&mut p, "192.0.2.10", Role::Client), "192.0.2.10");
        assert_eq!(rewritten(&mut p, "203.0.113.5", Role::Own), "203.0.113.5");
        assert_eq!(rewritten(&mut p, "203.0.113.5", Role::Peer), "[REDACTED:ip]");
        assert_eq!(rewritten(&mut p, "10.1.2.3", Role::Client), "10.0.0.0");
        assert_eq!(rewritten(&mut p, "127.0.0.1", Role::Client), "127.0.0.0");
    }

    #[test]
    fn mapped_addresses_keep_their_form() {
        let config = IpConfig { mode: IpMode::PrefixPreserving, ..IpConfig::default() };
        let mut p = Policies::new(&config, Some(&key()), 16).unwrap();
        let plain = rewritten(&mut p, "198.51.100.7", Role::Client);
        assert_eq!(rewritten(&mut p, "::ffff:198.51.100.7", Role::Client), format!("::ffff:{plain}"));
        let config = IpConfig { mode: IpMode::Token, ..IpConfig::default() };
        let mut p = Policies::new(&config, Some(&key()), 16).unwrap();
        assert_eq!(
            rewritten(&mut p, "::ffff:198.51.100.7", Role::Client),
            rewritten(&mut p, "198.51.100.7", Role::Client)
        );
    }
}
