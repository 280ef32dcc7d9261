//! The config of the filter: what users write, and its defaults.

use ipnet::IpNet;
use serde::Deserialize;
use tamis_sdk::{
    KeyConfig, OnError,
    config::{optional_section, section},
};

/// The whole config. Every key has a default; `{}` is a valid config.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The key of all pseudonyms. Needed by the modes `token`, `deterministic` and `prefix-preserving`.
    #[serde(deserialize_with = "optional_section")]
    pub key: Option<KeyConfig>,
    /// What becomes of a record that is not JSON where JSON was promised.
    pub on_error: OnError,
    /// The record fields whose strings are filtered, by name at any depth; `*` is every string.
    pub fields: Vec<String>,
    /// IP addresses.
    #[serde(deserialize_with = "section")]
    pub ip: IpConfig,
    /// User names. Default mode: `token` if there is a key, else `replace`.
    #[serde(deserialize_with = "section")]
    pub users: UserConfig,
    /// Session ids.
    #[serde(deserialize_with = "section")]
    pub sessions: FieldConfig,
    /// Realms.
    #[serde(deserialize_with = "section")]
    pub realms: FieldConfig,
    /// The Origin that a client sends.
    #[serde(deserialize_with = "section")]
    pub origins: FieldConfig,
    /// The account name in database connection strings (`user=...`). Passwords always go.
    #[serde(deserialize_with = "section")]
    pub database_users: FieldConfig,
    /// Swallow session events and emit one summary record per window instead.
    #[serde(deserialize_with = "optional_section")]
    pub aggregate: Option<AggregateConfig>,
    /// Add an object of this name to every changed record that says how much of what was done.
    pub counts_field: Option<String>,
    /// Pseudonyms that are remembered, per kind. 128 bytes each.
    pub cache_entries: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            key: None,
            on_error: OnError::default(),
            fields: vec!["*".to_owned()],
            ip: IpConfig::default(),
            users: UserConfig::default(),
            sessions: FieldConfig::default(),
            realms: FieldConfig::default(),
            origins: FieldConfig::default(),
            database_users: FieldConfig::default(),
            aggregate: None,
            counts_field: None,
            cache_entries: 1024,
        }
    }
}

/// What happens to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IpMode {
    /// It stays.
    Keep,
    /// Its host bits become zero (default).
    #[default]
    Truncate,
    /// ipcrypt-pfx: an address of the same family; addresses that share a prefix still do. Needs a key.
    PrefixPreserving,
    /// ipcrypt-deterministic: an IPv6-shaped address. Needs a key.
    Deterministic,
    /// `ip-<key id>-<16 characters>`, HMAC-SHA256. Needs a key.
    Token,
    /// `[REDACTED:ip]`.
    Replace,
}

/// How the key of the ipcrypt modes comes from `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IpcryptKey {
    /// Derived from it, as all others (default).
    #[default]
    Derived,
    /// Its bytes as they are: 16 for `deterministic`, 32 for `prefix-preserving`; for exchange with other ipcrypt tools.
    Raw,
}

/// IP addresses.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct IpConfig {
    /// What happens to an address that no other rule names.
    pub mode: IpMode,
    /// Bits of an IPv4 address that `truncate` keeps, 0 to 32.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 32)))]
    pub v4_prefix: u8,
    /// Bits of an IPv6 address that `truncate` keeps, 0 to 128.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 128)))]
    pub v6_prefix: u8,
    /// Networks whose addresses stay as they are. Setting it replaces the default (loopback and wildcard addresses).
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub keep: Vec<IpNet>,
    /// Another policy for private addresses (RFC 1918, RFC 6598, link-local, unique local).
    #[serde(deserialize_with = "optional_section")]
    pub private: Option<PolicyConfig>,
    /// Another policy for the server's own and relay addresses.
    #[serde(deserialize_with = "optional_section")]
    pub own: Option<OwnConfig>,
    /// Another policy for peers, the addresses that clients exchange data with through the relay.
    #[serde(deserialize_with = "optional_section")]
    pub peer: Option<PolicyConfig>,
    /// Treat host names that spell an address, such as `ip-198-51-100-7`, as that address.
    pub host_names: bool,
    /// How the key of the ipcrypt modes comes from `key`.
    pub ipcrypt_key: IpcryptKey,
}

impl Default for IpConfig {
    fn default() -> Self {
        Self {
            mode: IpMode::default(),
            v4_prefix: 24,
            v6_prefix: 48,
            keep: default_keep(),
            private: None,
            own: None,
            peer: None,
            host_names: true,
            ipcrypt_key: IpcryptKey::default(),
        }
    }
}

fn default_keep() -> Vec<IpNet> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    [
        (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
        (IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
    ]
    .into_iter()
    .filter_map(|(address, bits)| IpNet::new(address, bits).ok())
    .collect()
}

/// A policy for some addresses; what is left out is as in `ip`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// What happens to such an address.
    pub mode: Option<IpMode>,
    /// As `ip.v4_prefix`.
    pub v4_prefix: Option<u8>,
    /// As `ip.v6_prefix`.
    pub v6_prefix: Option<u8>,
}

/// A policy for the server's own addresses.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct OwnConfig {
    /// What happens to such an address.
    pub mode: Option<IpMode>,
    /// As `ip.v4_prefix`.
    pub v4_prefix: Option<u8>,
    /// As `ip.v6_prefix`.
    pub v6_prefix: Option<u8>,
    /// The server's networks; beside them, what coturn itself calls local, listener or relay counts as own.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub addresses: Vec<IpNet>,
}

/// What happens to a name or id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FieldMode {
    /// It stays; addresses and secrets in it do not.
    #[default]
    Keep,
    /// `[REDACTED:<kind>]`.
    Replace,
    /// `<kind>-<key id>-<16 characters>`, HMAC-SHA256: equal values have equal tokens. Needs a key.
    Token,
}

/// A name or id.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FieldConfig {
    /// What happens to it.
    pub mode: FieldMode,
}

/// User names.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct UserConfig {
    /// What happens to a user name. Default: `token` if there is a key, else `replace`.
    pub mode: Option<FieldMode>,
    /// What stands between timestamp and user id in names of the TURN REST API (coturn's
    /// `rest-api-separator`). The timestamp stays.
    pub rest_separator: String,
}

impl Default for UserConfig {
    fn default() -> Self {
        Self { mode: None, rest_separator: ":".to_owned() }
    }
}

/// Summaries instead of session events.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AggregateConfig {
    /// Length of a window in seconds of event time, 1 to 604,800.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 604_800)))]
    pub window_seconds: u32,
}

impl Default for AggregateConfig {
    fn default() -> Self {
        Self { window_seconds: 3600 }
    }
}
