//! The config of the filter: what users write, and its defaults.

use serde::Deserialize;
use tamis_sdk::OnError;

/// The whole config. Every key has a default; `{}` is a valid config.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What stands before a secret. The secret ends at a blank, a quote, or one of `,;&<>`.
    pub markers: Vec<String>,
    /// What takes the place of the secret.
    pub replacement: String,
    /// What becomes of a record that is not JSON where JSON was promised.
    pub on_error: OnError,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            markers: vec!["password=".to_owned(), "token=".to_owned()],
            replacement: "[REDACTED]".to_owned(),
            on_error: OnError::default(),
        }
    }
}
