//! The options of `turnserver.conf`, by version.

use crate::lint::Version;

/// The newest version that this table knows.
pub const NEWEST: Version = Version(4, 17, 1);

/// The first version that lower `since` values can not be told from.
const OLDEST: Version = Version(4, 5, 0);

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// On or off; on if nothing is said.
    Flag,
    /// A value.
    Value,
}

/// An option.
#[derive(Debug, Clone, Copy)]
pub struct CoturnOption {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it, if it is gone.
    pub until: Option<Version>,
}

impl CoturnOption {
    /// Whether this version has it.
    pub fn is_in(&self, version: Version) -> bool {
        // A version that is not known yet is taken for the newest one that is.
        self.since <= version.min(NEWEST).max(OLDEST) && self.until.is_none_or(|until| version <= until)
    }
}

/// The option with this name.
pub fn find(name: &str) -> Option<&'static CoturnOption> {
    ALL.iter().find(|o| o.name == name)
}

const fn flag(name: &'static str) -> CoturnOption {
    CoturnOption { name, takes: Takes::Flag, since: OLDEST, until: None }
}

const fn value(name: &'static str) -> CoturnOption {
    CoturnOption { name, takes: Takes::Value, since: OLDEST, until: None }
}

impl CoturnOption {
    const fn since(mut self, minor: u16, patch: u16) -> Self {
        self.since = Version(4, minor, patch);
        self
    }

    const fn until(mut self, minor: u16, patch: u16) -> Self {
        self.until = Some(Version(4, minor, patch));
        self
    }
}

/// All of them. `since` and `until` are set where the version is known for certain.
pub const ALL: &[CoturnOption] = &[
    value("listening-device"),
    value("listening-port"),
    value("tls-listening-port"),
    value("alt-listening-port"),
    value("alt-tls-listening-port"),
    value("tcp-proxy-port"),
    value("listening-ip"),
    value("relay-device"),
    value("relay-ip"),
    value("external-ip"),
    value("relay-threads"),
    value("min-port"),
    value("max-port"),
    flag("lt-cred-mech"),
    flag("no-auth"),
    value("user"),
    value("userdb"),
    value("db"),
    value("psql-userdb"),
    value("sql-userdb"),
    value("mysql-userdb"),
    value("mongo-userdb"),
    value("redis-userdb"),
    value("redis-statsdb"),
    flag("prometheus").since(5, 2),
    value("prometheus-port"),
    value("prometheus-address"),
    value("prometheus-path"),
    flag("prometheus-username-labels"),
    flag("use-auth-secret"),
    value("static-auth-secret"),
    flag("no-auth-pings"),
    flag("no-dynamic-ip-list"),
    flag("no-dynamic-realms"),
    value("realm"),
    value("server-name"),
    flag("oauth"),
    value("user-quota"),
    value("total-quota"),
    value("max-bps"),
    value("bps-capacity"),
    flag("verbose"),
    flag("Verbose"),
    flag("daemon"),
    flag("no-software-attribute"),
    flag("software-attribute").since(7, 0),
    flag("fingerprint"),
    flag("check-origin-consistency"),
    flag("no-udp"),
    flag("no-tcp"),
    flag("no-tls"),
    flag("no-dtls"),
    flag("no-udp-relay"),
    flag("no-tcp-relay"),
    value("stale-nonce"),
    flag("stateless-nonce"),
    value("max-allocate-lifetime"),
    value("channel-lifetime"),
    value("permission-lifetime"),
    flag("stun-only"),
    flag("no-stun"),
    value("cert"),
    flag("raw-public-keys"),
    value("pkey"),
    value("pkey-pwd"),
    value("log-file"),
    value("log-min-level").since(15, 0),
    flag("no-stdout-log"),
    flag("syslog"),
    value("syslog-facility"),
    flag("simple-log"),
    flag("new-log-timestamp").since(5, 2),
    value("new-log-timestamp-format").since(5, 2),
    flag("log-binding"),
    value("aux-server"),
    flag("udp-self-balance"),
    value("alternate-server"),
    value("tls-alternate-server"),
    value("rest-api-separator"),
    value("max-allocate-timeout"),
    flag("no-multicast-peers"),
    flag("no-loopback-peers").until(5, 1),
    flag("allow-loopback-peers"),
    value("allowed-peer-ip"),
    value("denied-peer-ip"),
    value("cipher-list"),
    value("pidfile"),
    flag("secure-stun"),
    value("CA-file"),
    value("dh-file"),
    value("proc-user"),
    value("proc-group"),
    flag("mobility"),
    flag("cli").since(10, 0),
    flag("no-cli"),
    value("cli-ip"),
    value("cli-port"),
    value("cli-password"),
    value("cli-max-output-sessions"),
    flag("web-admin"),
    value("web-admin-ip"),
    value("web-admin-port"),
    flag("web-admin-listen-on-workers"),
    flag("server-relay"),
    value("ec-curve-name"),
    flag("dh566"),
    flag("dh1066"),
    value("ne"),
    flag("no-tlsv1"),
    flag("no-tlsv1_1"),
    flag("no-tlsv1_2"),
    value("secret-key-file"),
    flag("keep-address-family"),
    value("allocation-default-address-family"),
    value("acme-redirect"),
    flag("rfc5780"),
    flag("no-rfc5780"),
    flag("no-stun-backward-compatibility"),
    flag("response-origin-only-with-rfc5780"),
    flag("respond-http-unsupported"),
    flag("drop-invalid-packets"),
    flag("drop-invalid-packets-log"),
    flag("unauthorized-ratelimit").since(14, 0),
    value("unauthorized-ratelimit-rps").since(14, 0),
    flag("version"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_decide() {
        let level = find("log-min-level").unwrap();
        assert!(!level.is_in(Version(4, 14, 9)) && level.is_in(Version(4, 15, 0)));
        assert!(level.is_in(Version(9, 0, 0)), "a version to come");
        assert!(!find("no-loopback-peers").unwrap().is_in(Version(4, 6, 1)));
        assert!(find("log-level").is_none() && find("log-mobility").is_none());
        for (i, option) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|o| o.name != option.name), "{} is there twice", option.name);
        }
    }
}
