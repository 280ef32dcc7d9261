//! Keys on the host's side: native filters ask for them, components get them inline.

use std::{collections::HashMap, fmt::Write, fs, path::Path};

use serde_json::value::RawValue;
use tamis_sdk::{ConfigError, Key, KeyConfig, key::KeyError};

/// Resolve a `key` section; a relative `file` starts at `base_dir`, or at the current
/// directory if there is none.
///
/// # Errors
/// When the section names no source or several, or what it names cannot be had.
pub fn resolve(section: &KeyConfig, base_dir: Option<&Path>) -> Result<Key, KeyError> {
    section.resolve(
        |file| {
            let path = base_dir.map_or_else(|| file.into(), |dir| dir.join(file));
            fs::read_to_string(path).map_err(|e| format!("cannot read the key file '{file}': {e}"))
        },
        |env| {
            std::env::var(env)
                .map_err(|_| format!("the environment variable '{env}' is not set or not UTF-8"))
        },
    )
}

/// The `key` section of a config: its text and where it is, as a JSON path. In the config of a
/// proxy's plugin it is below `filter`.
fn section(config: &str) -> Option<(&str, &'static str)> {
    let member = |text, name| {
        let top = serde_json::from_str::<HashMap<&str, &RawValue>>(text).ok()?;
        top.get(name).map(|raw| raw.get())
    };
    let here = member(config, "key").map(|raw| (raw, "$.key"));
    here.or_else(|| member(member(config, "filter")?, "key").map(|raw| (raw, "$.filter.key")))
}

/// The name of the key of a config, if it has one.
pub fn id(config: &str) -> Option<String> {
    let key: KeyConfig = serde_json::from_str(section(config)?.0).ok()?;
    Some(key.id)
}

/// A key for looking at a config only: files and variables are not looked for, they may be on another machine.
///
/// # Errors
/// As [`resolve`], but for what those would hold.
pub fn stand_in(section: &KeyConfig) -> Result<Key, KeyError> {
    let some =
        |_: &str| Ok("hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".to_owned());
    section.resolve(some, some)
}

/// The config with `key.file` and `key.env` replaced by `key.value`, for guests that have
/// neither files nor an environment. All other bytes stay as they are; a config that is
/// not understood here is returned as it came, for the filter to refuse.
///
/// # Errors
/// When the key cannot be had.
pub fn inline(config: &str, base_dir: Option<&Path>) -> Result<String, ConfigError> {
    let Some((raw, path)) = section(config) else { return Ok(config.to_owned()) };
    let Ok(key) = serde_json::from_str::<KeyConfig>(raw) else { return Ok(config.to_owned()) };
    if key.file.is_none() && key.env.is_none() {
        return Ok(config.to_owned());
    }
    let key =
        resolve(&key, base_dir).map_err(|e| ConfigError::new(format!("{path}{}", e.path), e.message))?;
    let mut value = String::from("hex:");
    for byte in key.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    let replaced = serde_json::json!({ "id": key.id(), "value": value }).to_string();
    Ok(replace(config, raw, &replaced))
}

/// The config with its key from `file`, wherever it says that it comes from.
///
/// # Errors
/// When it has no `key` section to name the key.
pub fn from_file(config: &str, file: &Path) -> Result<String, ConfigError> {
    let Some((raw, path)) = section(config) else {
        let message = "the key has no name: give the config a section \"key\": {\"id\": \"k1\"}";
        return Err(ConfigError::new("$.key", message));
    };
    let key: KeyConfig = serde_json::from_str(raw).map_err(|e| ConfigError::new(path, e.to_string()))?;
    let Some(file) = file.to_str() else {
        return Err(ConfigError::new(path, "the name of the key file is not UTF-8: rename it"));
    };
    Ok(replace(config, raw, &serde_json::json!({ "id": key.id, "file": file }).to_string()))
}

/// `config` with `new` in the place of `old`, which is a part of it.
fn replace(config: &str, old: &str, new: &str) -> String {
    // It borrows from `config`, so that its place is known.
    let start = old.as_ptr() as usize - config.as_ptr() as usize;
    [&config[..start], new, &config[start + old.len()..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_section_changes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("k"), "sixteen bytes ok\n").unwrap();
        let config = "{ \"a\": 1.0,\r\n \"key\" : {\"id\":\"k1\", \"file\":\"k\"} , \"z\":[] }";
        assert_eq!(
            inline(config, Some(dir.path())).unwrap(),
            "{ \"a\": 1.0,\r\n \"key\" : {\"id\":\"k1\",\"value\":\"hex:7369787465656e206279746573206f6b\"} , \"z\":[] }"
        );
    }

    #[test]
    fn what_needs_no_key_stays() {
        for config in ["", "{}", "nonsense", "[1]", r#"{"key":null}"#, r#"{"key":{"id":"k","value":"v"}}"#] {
            assert_eq!(inline(config, None).unwrap(), config);
        }
    }

    #[test]
    fn a_plugins_key_is_its_filters() {
        let config = r#"{"body":{},"filter":{"key":{"id":"k1","env":"TAMIS_TEST_NOT_SET"}}}"#;
        assert_eq!(inline(config, None).unwrap_err().path, "$.filter.key.env");
        assert_eq!(id(config).as_deref(), Some("k1"));
        assert_eq!(
            from_file(config, Path::new("/k")).unwrap(),
            r#"{"body":{},"filter":{"key":{"file":"/k","id":"k1"}}}"#
        );
        assert_eq!(from_file("{}", Path::new("/k")).unwrap_err().path, "$.key");
        assert_eq!(id("{}"), None);
    }

    #[test]
    fn a_missing_key_is_named_by_its_path() {
        let error = inline(r#"{"key":{"id":"k1","env":"TAMIS_TEST_NOT_SET"}}"#, None).unwrap_err();
        assert_eq!(error.path, "$.key.env");
    }
}
