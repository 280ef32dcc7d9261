//! The config of the filter: what users write, and its defaults.

use serde::Deserialize;
use tamis_sdk::{ConfigError, OnError, config::section};

/// The whole config. Every key has a default; `{}` is a valid config.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What becomes of a record that is not JSON where JSON was promised.
    pub on_error: OnError,
    /// Names of the fields of an event.
    pub schema: Schema,
    /// Fields as one key with dots (`"event.action"`) instead of nested objects.
    pub dotted: bool,
    /// Put before the name of every top-level field.
    pub prefix: String,
    /// Add the names that CrowdSec's scenarios read: `log_type`, `source_ip`, `target_user`.
    pub crowdsec: bool,
    /// Remove one-time tokens, SAML responses and the like from the record itself, too.
    pub scrub_record: bool,
    /// Offset of the processes' local time from UTC in minutes, for logs that never say it. Lines that do say it win.
    #[cfg_attr(feature = "schema", schemars(range(min = -840, max = 840)))]
    pub utc_offset_minutes: i16,
    /// How requests are put together from their lines.
    #[serde(deserialize_with = "section")]
    pub requests: RequestsConfig,
    /// Alerts.
    #[serde(deserialize_with = "section")]
    pub alerts: AlertsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            on_error: OnError::default(),
            schema: Schema::default(),
            dotted: false,
            prefix: String::new(),
            crowdsec: false,
            scrub_record: true,
            utc_offset_minutes: 0,
            requests: RequestsConfig::default(),
            alerts: AlertsConfig::default(),
        }
    }
}

/// Names of the fields of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Schema {
    /// Elastic Common Schema 8 (default).
    #[default]
    Ecs,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// Short names at the top level.
    Flat,
}

/// How requests are put together from their lines.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RequestsConfig {
    /// Most requests that are open at a time, 8 to 65,536; the one whose last line is oldest makes way.
    #[cfg_attr(feature = "schema", schemars(range(min = 8, max = 65_536)))]
    pub open: u32,
    /// Seconds of event time after which an open request is given up, 1 to 86,400.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86_400)))]
    pub max_age_seconds: u32,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self { open: 1024, max_age_seconds: 300 }
    }
}

/// Alerts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AlertsConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// Most addresses or users that a rule remembers, 8 to 262,144. When it is full, those whose window is over
    /// make way first, then those with the fewest hits.
    #[cfg_attr(feature = "schema", schemars(range(min = 8, max = 262_144)))]
    pub keys: u32,
    /// Most users, addresses or paths that an alert lists, 0 to 32.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 32)))]
    pub list: u8,
    /// A line this many seconds ahead of all others is not believed for alerts.
    pub max_future_seconds: u32,
    /// Failed sign-ins from an address, for few users.
    #[serde(deserialize_with = "section")]
    pub brute_force: BruteForce,
    /// Failed sign-ins of a user from many addresses.
    #[serde(deserialize_with = "section")]
    pub distributed_brute_force: Distributed,
    /// Failed sign-ins of many users from an address.
    #[serde(deserialize_with = "section")]
    pub credential_stuffing: Stuffing,
    /// Failed sign-ins of many users from many addresses, few each.
    #[serde(deserialize_with = "section")]
    pub password_spraying: Spraying,
    /// Failed second factors from an address.
    #[serde(deserialize_with = "section")]
    pub mfa_brute_force: MfaBruteForce,
    /// Failed API authentication from an address.
    #[serde(deserialize_with = "section")]
    pub api_token_abuse: TokenAbuse,
    /// Refused and missing objects asked for by an address.
    #[serde(deserialize_with = "section")]
    pub enumeration: Enumeration,
    /// Different suspicious paths asked for by an address.
    #[serde(deserialize_with = "section")]
    pub web_scan: WebScan,
    /// A sign-in that worked after many that did not, by user or address.
    #[serde(deserialize_with = "section")]
    pub account_compromise: Compromise,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            keys: 4096,
            list: 10,
            max_future_seconds: 3600,
            brute_force: BruteForce::default(),
            distributed_brute_force: Distributed::default(),
            credential_stuffing: Stuffing::default(),
            password_spraying: Spraying::default(),
            mfa_brute_force: MfaBruteForce::default(),
            api_token_abuse: TokenAbuse::default(),
            enumeration: Enumeration::default(),
            web_scan: WebScan::default(),
            account_compromise: Compromise::default(),
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident { window_seconds: $window:literal, $($(#[$field_doc:meta])* $field:ident: $default:literal,)* })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            #[serde(default, deny_unknown_fields)]
            pub struct $name {
                /// Whether the rule is on.
                pub enabled: bool,
                /// Length of the window in seconds of event time, 1 to 86,400.
                #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86_400)))]
                pub window_seconds: u32,
                $(
                    $(#[$field_doc])*
                    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
                    pub $field: u32,
                )*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { enabled: true, window_seconds: $window, $($field: $default,)* }
                }
            }

            impl $name {
                fn check(&self, path: &str) -> Result<(), ConfigError> {
                    bounds(path, "window_seconds", self.window_seconds, 1, 86_400)?;
                    $(bounds(path, stringify!($field), self.$field, 1, 1000)?;)*
                    Ok(())
                }
            }
        )+
    };
}

rules! {
    /// Failed sign-ins from an address, for few users.
    BruteForce { window_seconds: 300,
        /// At least this many failures.
        failures: 5,
        /// For at most this many users.
        max_users: 2,
    }
    /// Failed sign-ins of a user from many addresses.
    Distributed { window_seconds: 1800,
        /// At least this many failures.
        failures: 10,
        /// From at least this many addresses.
        addresses: 5,
    }
    /// Failed sign-ins of many users from an address.
    Stuffing { window_seconds: 300,
        /// At least this many users.
        users: 5,
        /// With at most this many tries each.
        max_tries: 2,
    }
    /// Failed sign-ins of many users from many addresses, few each.
    Spraying { window_seconds: 900,
        /// At least this many users.
        users: 8,
        /// From at least this many addresses.
        addresses: 5,
        /// With at most this many tries each.
        max_tries: 2,
    }
    /// Failed second factors from an address.
    MfaBruteForce { window_seconds: 300,
        /// At least this many failures.
        failures: 5,
    }
    /// Failed API authentication from an address.
    TokenAbuse { window_seconds: 60,
        /// At least this many failures.
        failures: 20,
    }
    /// Refused and missing objects asked for by an address.
    Enumeration { window_seconds: 60,
        /// At least this many.
        requests: 15,
    }
    /// Different suspicious paths asked for by an address.
    WebScan { window_seconds: 60,
        /// At least this many.
        paths: 10,
    }
    /// A sign-in that worked after many that did not.
    Compromise { window_seconds: 3600,
        /// At least this many failures before.
        failures: 5,
    }
}

fn bounds(path: &str, name: &str, value: u32, min: u32, max: u32) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(format!("{path}.{name}"), format!("must be {min} to {max}, is {value}")))
}

impl Config {
    /// Whether the values fit.
    ///
    /// # Errors
    /// When one does not; the error names its path.
    pub fn check(&self) -> Result<(), ConfigError> {
        bounds("$.requests", "open", self.requests.open, 8, 65_536)?;
        bounds("$.requests", "max_age_seconds", self.requests.max_age_seconds, 1, 86_400)?;
        let alerts = &self.alerts;
        bounds("$.alerts", "keys", alerts.keys, 8, 262_144)?;
        bounds("$.alerts", "list", u32::from(alerts.list), 0, 32)?;
        if !(-840..=840).contains(&self.utc_offset_minutes) {
            let message = format!("must be -840 to 840, is {}", self.utc_offset_minutes);
            return Err(ConfigError::new("$.utc_offset_minutes", message));
        }
        alerts.brute_force.check("$.alerts.brute_force")?;
        alerts.distributed_brute_force.check("$.alerts.distributed_brute_force")?;
        alerts.credential_stuffing.check("$.alerts.credential_stuffing")?;
        alerts.password_spraying.check("$.alerts.password_spraying")?;
        alerts.mfa_brute_force.check("$.alerts.mfa_brute_force")?;
        alerts.api_token_abuse.check("$.alerts.api_token_abuse")?;
        alerts.enumeration.check("$.alerts.enumeration")?;
        alerts.web_scan.check("$.alerts.web_scan")?;
        alerts.account_compromise.check("$.alerts.account_compromise")
    }
}
