//! Live mode: a filter that watches requests in a proxy, instead of reading what a program logs of them.
//!
//! The watcher sees headers, and the start of a request's body if it wants it. It never holds a request up and never
//! changes one; what it makes of a request and its answer is an [`Event`], which the shell makes known.

use serde::Deserialize;

use crate::config::{self, ConfigError};

/// Most bytes of a request's body that can be asked for: 1 MiB.
const MAX_BODY_BYTES: u32 = 1 << 20;

/// Most hops that can be trusted.
const MAX_HOPS: u8 = 32;

/// The headers that a filter needs, names in lower case, besides `:method`, `:path` and `:status`.
#[derive(Debug, Clone, Copy)]
pub struct Headers {
    /// Of the request.
    pub request: &'static [&'static str],
    /// Of the response.
    pub response: &'static [&'static str],
}

/// A request and its answer.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// The verb.
    pub method: Vec<u8>,
    /// Path and query as the client sent them.
    pub target: Vec<u8>,
    /// Address of the client, as far as the config trusts what is said of it; empty if not known.
    pub client_ip: Vec<u8>,
    /// Values of [`Headers::request`], in their order; empty where there is none.
    pub request: Vec<Vec<u8>>,
    /// The start of the request's body, if the filter wants it and the config lets it; it may be cut.
    pub body: Option<Vec<u8>>,
    /// Status of the answer.
    pub status: u16,
    /// Values of [`Headers::response`], likewise.
    pub response: Vec<Vec<u8>>,
    /// Nanoseconds since 1970-01-01T00:00:00Z at which the answer came; 0 if not known.
    pub time_ns: u64,
    /// Another instance raises the alerts, over the events of all.
    pub collected: bool,
}

impl Exchange {
    /// A header of the request by its place in [`Headers::request`]; empty if there is none.
    pub fn request_header(&self, index: usize) -> &[u8] {
        self.request.get(index).map_or(&[], Vec::as_slice)
    }

    /// A header of the response by its place in [`Headers::response`]; empty if there is none.
    pub fn response_header(&self, index: usize) -> &[u8] {
        self.response.get(index).map_or(&[], Vec::as_slice)
    }
}

/// What a request was. All of it may be shown: it holds no secret.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// All of it: one JSON object on one line.
    pub json: Vec<u8>,
    /// What was done, such as `user-login`.
    pub action: &'static str,
    /// `success`, `failure` or `unknown`.
    pub outcome: &'static str,
    /// Ids of the alerts that it raised.
    pub alerts: Vec<&'static str>,
    /// The same for the instance that collects: whatever [`Filter::collect`](crate::Filter::collect) of the same
    /// module takes. Empty if nobody [collects](Exchange::collected).
    pub relay: Vec<u8>,
}

impl Event {
    /// Forget all of it, keep the memory.
    pub fn clear(&mut self) {
        self.json.clear();
        self.alerts.clear();
        self.relay.clear();
        (self.action, self.outcome) = ("", "");
    }

    /// In short, for a header: `user-login; outcome=failure; alert=brute-force-detected`.
    pub fn summary(&self) -> String {
        let mut text = format!("{}; outcome={}", self.action, self.outcome);
        for alert in &self.alerts {
            text.push_str("; alert=");
            text.push_str(alert);
        }
        text
    }
}

/// Where events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Log {
    /// To the proxy's log, as level `info` (default).
    #[default]
    Info,
    /// To the proxy's log, as level `warn`.
    Warn,
    /// Nowhere.
    Off,
}

/// What this instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It watches requests (default).
    #[default]
    Watch,
    /// It reads the queue to which the others send their events, and raises alerts over all of them.
    Collect,
}

/// The `live` section of a plugin's config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveConfig {
    /// What this instance does.
    pub role: Role,
    /// How many entries at the right end of `x-forwarded-for` trusted proxies have written; the leftmost of these is
    /// the client. 0: the address that the proxy itself takes for the client's.
    pub trusted_hops: u8,
    /// Read the start of the bodies that the filter wants.
    pub read_body: bool,
    /// So many bytes of them at most.
    pub max_body_bytes: u32,
    /// Where events are written.
    pub log: Log,
    /// Put before the names of what is set in the filter state; empty: nothing is set.
    pub filter_state: String,
    /// Header to be added to responses, with the event in short; empty: none.
    pub response_header: String,
    /// Name of a queue that is shared by the workers: events are sent there, and one instance with the role `collect`
    /// raises the alerts. Empty: each worker raises those of the requests that it serves.
    pub queue: String,
    /// The `vm_id` of the instance with the role `collect`.
    pub queue_vm_id: String,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            role: Role::Watch,
            trusted_hops: 0,
            read_body: false,
            max_body_bytes: 16 << 10,
            log: Log::Info,
            filter_state: "tamis_".to_owned(),
            response_header: String::new(),
            queue: String::new(),
            queue_vm_id: String::new(),
        }
    }
}

impl LiveConfig {
    /// Parse the section.
    ///
    /// # Errors
    /// When it is wrong; the path starts at the section.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = config::parse(text)?;
        if !(1..=MAX_BODY_BYTES).contains(&config.max_body_bytes) {
            return Err(ConfigError::new("$.max_body_bytes", format!("must be 1 to {MAX_BODY_BYTES}")));
        }
        if config.trusted_hops > MAX_HOPS {
            return Err(ConfigError::new("$.trusted_hops", format!("must be 0 to {MAX_HOPS}")));
        }
        let token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        for (name, value) in
            [("filter_state", &config.filter_state), ("response_header", &config.response_header)]
        {
            if !value.bytes().all(token) {
                let message = "must be made of letters, digits, '-', '_' and '.'";
                return Err(ConfigError::new(format!("$.{name}"), message));
            }
        }
        if config.role == Role::Collect && config.queue.is_empty() {
            return Err(ConfigError::new(
                "$.queue",
                "is needed for the role 'collect': name the queue to read",
            ));
        }
        Ok(config)
    }

    /// The client's address: by the list in `x-forwarded-for`, or else `peer`, which is an address with a port as
    /// proxies write it.
    pub fn client<'a>(&self, forwarded: &'a [u8], peer: &'a [u8]) -> &'a [u8] {
        if let Some(back) = usize::from(self.trusted_hops).checked_sub(1) {
            let entry = forwarded.rsplit(|&b| b == b',').nth(back).map(<[u8]>::trim_ascii);
            if let Some(address) = entry.map(without_port).filter(|a| is_address(a)) {
                return address;
            }
        }
        let peer = without_port(peer);
        if is_address(peer) { peer } else { b"" }
    }
}

/// `192.0.2.1:443`, `[2001:db8::1]:443`, `[2001:db8::1]` and the bare forms, without port and brackets.
fn without_port(text: &[u8]) -> &[u8] {
    if let Some(rest) = text.strip_prefix(b"[") {
        return rest.split(|&b| b == b']').next().unwrap_or_default();
    }
    let mut colons = text.iter().enumerate().filter(|(_, b)| **b == b':').map(|(i, _)| i);
    match (colons.next(), colons.next()) {
        (Some(only), None) => text.get(..only).unwrap_or_default(),
        _ => text,
    }
}

fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|t| t.parse::<std::net::IpAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_who_the_client_is() {
        let list = b"198.51.100.66, 203.0.113.7,10.0.0.1";
        let peer = b"10.0.0.9:40000";
        for (hops, expected) in
            [(0, "10.0.0.9"), (1, "10.0.0.1"), (2, "203.0.113.7"), (3, "198.51.100.66"), (4, "10.0.0.9")]
        {
            let config = LiveConfig { trusted_hops: hops, ..LiveConfig::default() };
            assert_eq!(String::from_utf8_lossy(config.client(list, peer)), expected, "{hops}");
        }
        let config = LiveConfig { trusted_hops: 1, ..LiveConfig::default() };
        for (list, peer, expected) in [
            ("unknown", "[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::2", "", "2001:db8::2"),
            ("[2001:db8::2]:80", "", "2001:db8::2"),
            ("192.0.2.4:1234", "", "192.0.2.4"),
            ("x\"}, {\"", "/run/socket", ""),
            ("", "", ""),
        ] {
            assert_eq!(config.client(list.as_bytes(), peer.as_bytes()), expected.as_bytes(), "{list}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        for (text, path, message) in [
            (r#"{"max_body_bytes":0}"#, "$.max_body_bytes", "1 to 1048576"),
            (r#"{"trusted_hops":33}"#, "$.trusted_hops", "0 to 32"),
            (r#"{"response_header":"x y"}"#, "$.response_header", "letters"),
            (r#"{"role":"collect"}"#, "$.queue", "is needed"),
            (r#"{"trusted_hop":1}"#, "$.trusted_hop", "did you mean 'trusted_hops'?"),
            ("[]", "$", "must be a JSON object"),
        ] {
            let error = LiveConfig::parse(text).unwrap_err();
            assert_eq!(error.path, path, "{text}");
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
    }
}
