//! How a report names who was behind an event: by a network, a token, or as the log has it.

use std::net::IpAddr;

use ipnet::IpNet;
use tamis_sdk::{ConfigError, Key, KeyConfig, key::KeyError, pseudonym::Tokenizer};

use super::Options;
use crate::render::columns::plain;

/// Bits of an address that `truncate` keeps, as in the default config of coturn-ip-anonymizer.
const V4_PREFIX: u8 = 24;
const V6_PREFIX: u8 = 48;
/// Tokens that are remembered.
const CACHE_ENTRIES: usize = 4096;
/// Characters of a name that is shown.
const MAX_CHARS: usize = 64;
/// What stands for names that a filter has removed.
const REDACTED: &str = "(redacted)";

/// How addresses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addresses {
    /// By their network, /24 and /48.
    #[default]
    Truncate,
    /// As tokens.
    Token,
    /// As the log has them.
    Keep,
}

/// How users are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Users {
    /// As tokens.
    #[default]
    Token,
    /// As the log has them.
    Keep,
}

/// Gives the names.
#[derive(Debug)]
pub struct Names {
    addresses: Addresses,
    users: Users,
    ip: Tokenizer,
    user: Tokenizer,
}

impl Names {
    /// As the options say; without a key tokens have one that is made for this report.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(options: &Options) -> Result<Self, ConfigError> {
        let key = match &options.key {
            Some(key) => key.clone(),
            None => random_key()?,
        };
        Ok(Self {
            addresses: options.addresses,
            users: options.users,
            ip: Tokenizer::new(&key, "ip", CACHE_ENTRIES),
            user: Tokenizer::new(&key, "user", CACHE_ENTRIES),
        })
    }

    /// The name of an address or network; `None` if there is nothing to name.
    pub fn address(&mut self, raw: &[u8]) -> Option<String> {
        let text = shown(raw)?;
        if is_removed(&text) {
            return Some(REDACTED.to_owned());
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, bits.parse::<u8>().ok()),
            None => (text.as_str(), None),
        };
        let parsed: Option<IpAddr> = address.parse().ok().map(|a: IpAddr| a.to_canonical());
        match (self.addresses, parsed) {
            (Addresses::Keep, _) => Some(text),
            (Addresses::Truncate, Some(address)) => {
                let most = if address.is_ipv4() { V4_PREFIX } else { V6_PREFIX };
                let net = IpNet::new(address, bits.map_or(most, |b| b.min(most))).ok()?.trunc();
                Some(net.to_string())
            }
            // One address, one token, however it is spelled.
            (Addresses::Token, Some(address)) if bits.is_none() => {
                Some(token(&mut self.ip, address.to_string().as_bytes()))
            }
            _ => Some(token(&mut self.ip, raw)),
        }
    }

    /// The name of a user; `None` if there is nothing to name.
    pub fn user(&mut self, raw: &[u8]) -> Option<String> {
        let text = shown(raw)?;
        if is_removed(&text) {
            return Some(REDACTED.to_owned());
        }
        match self.users {
            Users::Keep => Some(text),
            Users::Token if self.user.is_token(raw) => Some(text),
            Users::Token => Some(token(&mut self.user, text.to_lowercase().as_bytes())),
        }
    }
}

fn token(tokenizer: &mut Tokenizer, value: &[u8]) -> String {
    let mut out = Vec::new();
    tokenizer.write(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A text as it may be shown; `None` if it is empty.
fn shown(raw: &[u8]) -> Option<String> {
    let text = plain(&String::from_utf8_lossy(raw));
    let text: String = text.trim().chars().take(MAX_CHARS).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether a filter has put a mark in the place of the name.
fn is_removed(text: &str) -> bool {
    matches!(text, "[FILTERED]" | "[REDACTED]") || text.starts_with("[REDACTED:") && text.ends_with(']')
}

fn random_key() -> Result<Key, ConfigError> {
    let refused = |message: String| ConfigError::new("$.key", message);
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| {
        refused(format!("the system gives no random numbers for a key: {e}; name one by --key"))
    })?;
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let section =
        KeyConfig { id: "report".to_owned(), value: Some(format!("hex:{digits}")), ..KeyConfig::default() };
    section.resolve_from_process().map_err(|KeyError { message, .. }| refused(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(addresses: Addresses, users: Users) -> Names {
        let key = KeyConfig {
            id: "k1".into(),
            value: Some("a test key of enough bytes".into()),
            ..KeyConfig::default()
        };
        let key = Some(key.resolve_from_process().unwrap());
        Names::new(&Options { addresses, users, key, ..Options::default() }).unwrap()
    }

    #[test]
    fn nothing_is_shown_that_was_not_asked_for() {
        let mut n = names(Addresses::Truncate, Users::Token);
        for (address, name) in [
            ("203.0.113.9", "203.0.113.0/24"),
            ("::ffff:203.0.113.9", "203.0.113.0/24"),
            ("203.0.113.0/28", "203.0.113.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("[REDACTED:ip]", REDACTED),
        ] {
            assert_eq!(n.address(address.as_bytes()).unwrap(), name);
        }
        assert_eq!(n.address(b" "), None);
        let odd = n.address(b"ada@example.org").unwrap();
        assert!(odd.starts_with("ip-k1-") && odd.len() == 22, "{odd}");
        let ada = n.user(b"Ada@Example.org").unwrap();
        assert!(ada.starts_with("user-k1-"), "{ada}");
        assert_eq!(n.user(b"ada@example.org").unwrap(), ada);
        assert_eq!(n.user(ada.as_bytes()).unwrap(), ada);
        assert_eq!(n.user(b"[REDACTED:user]").unwrap(), REDACTED);
    }

    #[test]
    fn what_was_asked_for_is_shown_without_control_characters() {
        let mut n = names(Addresses::Keep, Users::Keep);
        assert_eq!(n.user(b"a\x1b[31mb").unwrap(), "a [31mb");
        assert_eq!(n.address(b"2001:DB8::1").unwrap(), "2001:DB8::1");
        let mut n = names(Addresses::Token, Users::Token);
        assert_eq!(n.address(b"2001:DB8::1"), n.address(b"2001:db8:0::1"));
        assert_ne!(n.address(b"203.0.113.1"), n.address(b"203.0.113.2"));
    }

    #[test]
    fn a_key_of_its_own_is_another_one_each_time() {
        let mut tokens = (0..2).map(|_| Names::new(&Options::default()).unwrap().user(b"ada").unwrap());
        assert_ne!(tokens.next(), tokens.next());
    }
}
