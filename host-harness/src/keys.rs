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
    let Ok(top) = serde_json::from_str::<HashMap<&str, &RawValue>>(config) else {
        return Ok(config.to_owned());
    };
    let Some(raw) = top.get("key").map(|raw| raw.get()) else { return Ok(config.to_owned()) };
    let Ok(section) = serde_json::from_str::<KeyConfig>(raw) else {
        return Ok(config.to_owned());
    };
    if section.file.is_none() && section.env.is_none() {
        return Ok(config.to_owned());
    }
    let key =
        resolve(&section, base_dir).map_err(|e| ConfigError::new(format!("$.key{}", e.path), e.message))?;
    let mut value = String::from("hex:");
    for byte in key.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    let replaced = serde_json::json!({ "id": key.id(), "value": value }).to_string();
    // `raw` borrows from `config`, so that its place is known.
    let start = raw.as_ptr() as usize - config.as_ptr() as usize;
    Ok([&config[..start], &replaced, &config[start + raw.len()..]].concat())
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
    fn a_missing_key_is_named_by_its_path() {
        let error = inline(r#"{"key":{"id":"k1","env":"TAMIS_TEST_NOT_SET"}}"#, None).unwrap_err();
        assert_eq!(error.path, "$.key.env");
    }
}
