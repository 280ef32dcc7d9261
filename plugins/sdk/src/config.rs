//! Config: one JSON document, and errors that name the path, what is wrong, and the nearest
//! valid name.

use std::fmt;

use serde::{Deserialize, de::DeserializeOwned};

/// What becomes of a record that is not the JSON it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// Read it as text and redact that (default).
    #[default]
    Redact,
    /// Let it through as it came.
    Pass,
    /// Remove it.
    Drop,
}

/// Why a filter did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where in the config, such as `$.ip.mode`.
    pub path: String,
    /// What is wrong there and what to do, in lower case, on one line.
    pub message: String,
}

impl ConfigError {
    /// An error at `path`, a JSON path that starts with `$`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "config {}: {}", self.path, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Parse a config; white space alone means all defaults.
///
/// # Errors
/// When it is not JSON or does not fit `T`.
pub fn parse<T: DeserializeOwned + Default>(text: &str) -> Result<T, ConfigError> {
    if text.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    if !text.trim_ascii_start().starts_with('{') {
        return Err(ConfigError::new("$", "must be a JSON object: {...}"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        describe(&path, e.inner())
    })?;
    json.end().map_err(|e| describe(".", &e))?;
    Ok(value)
}

fn describe(path: &str, error: &serde_json::Error) -> ConfigError {
    let path = match path {
        "." => "$".to_owned(),
        _ if path.starts_with('[') => format!("${path}"),
        _ => format!("$.{path}"),
    };
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = full.strip_suffix(&place).unwrap_or(&full);
    if !error.is_data() {
        return ConfigError::new("$", format!("not JSON: {full}"));
    }
    for (kind, noun) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        if let Some((name, rest)) = text.strip_prefix(kind).and_then(|r| r.split_once('`')) {
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            return ConfigError::new(path, unknown(noun, name, &known));
        }
    }
    ConfigError::new(path, format!("{text} (line {}, column {})", error.line(), error.column()))
}

/// "Unknown" with the nearest valid name first: the words of every such error.
pub fn unknown(noun: &str, name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .min()
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3);
    let hint = nearest.map(|(_, k)| format!("did you mean '{k}'? ")).unwrap_or_default();
    if known.is_empty() {
        return format!("unknown {noun} '{name}': none is allowed here");
    }
    format!("unknown {noun} '{name}'; {hint}known: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        #[allow(dead_code)]
        ip: Ip,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Ip {
        #[allow(dead_code)]
        mode: OnError,
        #[allow(dead_code)]
        prefix: u8,
    }

    #[test]
    fn errors_name_the_place_and_the_cure() {
        for (text, path, message) in [
            (
                r#"{"ip":{"modde":"drop"}}"#,
                "$.ip.modde",
                "unknown key 'modde'; did you mean 'mode'? known: mode, prefix",
            ),
            (
                r#"{"ip":{"mode":"dorp"}}"#,
                "$.ip.mode",
                "unknown value 'dorp'; did you mean 'drop'? known: redact, pass, drop",
            ),
            (r#"{"zzzzzz":1}"#, "$.zzzzzz", "unknown key 'zzzzzz'; known: ip"),
            (
                r#"{"ip":{"prefix":"x"}}"#,
                "$.ip.prefix",
                "invalid type: string \"x\", expected u8 (line 1, column 19)",
            ),
            (r#"{"ip":}"#, "$", "not JSON: expected value at line 1 column 7"),
            ("[\"ip\"]", "$", "must be a JSON object: {...}"),
            ("{} x", "$", "not JSON: trailing characters at line 1 column 4"),
        ] {
            let error = parse::<Config>(text).unwrap_err();
            assert_eq!((error.path.as_str(), error.message.as_str()), (path, message), "{text}");
        }
        assert!(parse::<Config>(" \n").is_ok());
    }
}
