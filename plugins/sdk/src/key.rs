//! Keys: where they come from and what is derived from them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

/// Shortest key that is accepted, in bytes.
pub const MIN_KEY_BYTES: usize = 16;

/// The `key` section of a config. Exactly one of `value`, `file` and `env` must be there.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct KeyConfig {
    /// Name of the key, part of every pseudonym made with it, so that keys can be
    /// rotated: 1 to 16 of `A-Z a-z 0-9 . _`.
    pub id: String,
    /// The key itself: `hex:...`, `base64:...`, or text of at least 16 bytes.
    pub value: Option<String>,
    /// A file that holds what `value` would. In Fluent Bit it must be below `accessible_paths`.
    pub file: Option<String>,
    /// An environment variable that holds what `value` would. Not in Fluent Bit, which
    /// gives its guests no environment.
    pub env: Option<String>,
}

impl fmt::Debug for KeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyConfig")
            .field("id", &self.id)
            .field("value", &self.value.as_ref().map(|_| "..."))
            .field("file", &self.file)
            .field("env", &self.env)
            .finish()
    }
}

/// Why a key could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError {
    /// Below the `key` section, such as `.file`; empty for the section as a whole.
    pub path: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl KeyError {
    fn new(path: &'static str, message: impl Into<String>) -> Self {
        Self { path, message: message.into() }
    }
}

/// A key, ready for use.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: String,
    bytes: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {} bytes)", self.id, self.bytes.len())
    }
}

impl KeyConfig {
    /// Resolve the key; `read_file` and `read_env` are what this host offers, and give an
    /// error message where it offers nothing.
    ///
    /// # Errors
    /// When none or several sources are named, the source cannot be read, or the key is
    /// too short or not what its prefix says.
    pub fn resolve(
        &self,
        read_file: impl FnOnce(&str) -> Result<String, String>,
        read_env: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<Key, KeyError> {
        let id_ok = (1..=16).contains(&self.id.len())
            && self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
        if !id_ok {
            return Err(KeyError::new(".id", "must be 1 to 16 of A-Z a-z 0-9 . _, for example \"k1\""));
        }
        let (path, text) = match (&self.value, &self.file, &self.env) {
            (Some(value), None, None) => (".value", value.clone()),
            (None, Some(file), None) => (".file", read_file(file).map_err(|m| KeyError::new(".file", m))?),
            (None, None, Some(env)) => (".env", read_env(env).map_err(|m| KeyError::new(".env", m))?),
            _ => return Err(KeyError::new("", "needs exactly one of value, file and env")),
        };
        let bytes = decode(text.trim_end_matches(['\r', '\n'])).map_err(|m| KeyError::new(path, m))?;
        if bytes.len() < MIN_KEY_BYTES {
            return Err(KeyError::new(
                path,
                format!(
                    "the key has {} bytes, at least {MIN_KEY_BYTES} are needed; make one with: openssl rand -hex 32",
                    bytes.len()
                ),
            ));
        }
        Ok(Key { id: self.id.clone(), bytes })
    }

    /// Resolve with the files and the environment of this process (WASI or native).
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn resolve_from_process(&self) -> Result<Key, KeyError> {
        self.resolve(
            |file| {
                std::fs::read_to_string(file).map_err(|e| format!("cannot read the key file '{file}': {e}"))
            },
            |env| {
                std::env::var(env)
                    .map_err(|_| format!("the environment variable '{env}' is not set or not UTF-8"))
            },
        )
    }
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    if let Some(hex) = text.strip_prefix("hex:") {
        let digits: Option<Vec<u8>> =
            hex.bytes().map(|b| (b as char).to_digit(16).map(|d| d as u8)).collect();
        return match digits {
            Some(d) if d.len() % 2 == 0 => Ok(d.chunks(2).map(|p| p[0] << 4 | p[1]).collect()),
            _ => Err("after 'hex:' there must be an even number of hex digits".into()),
        };
    }
    if let Some(base64) = text.strip_prefix("base64:") {
        return decode_base64(base64).ok_or_else(|| "what stands after 'base64:' is not base64".into());
    }
    Ok(text.as_bytes().to_vec())
}

/// RFC 4648 base64, either alphabet, padding optional.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0u32);
    for b in digits.bytes() {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (digits.len() % 4 != 1).then_some(out)
}

impl Key {
    /// A key from its parts, unchecked: for tests and for hosts that have resolved it.
    pub fn new(id: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { id: id.into(), bytes: bytes.into() }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// 32 bytes for one purpose: HMAC-SHA256 of `tamis/v1/<purpose>` under this key, so
    /// that no two uses share a key.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = hmac(&self.bytes);
        mac.update(b"tamis/v1/");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

pub(crate) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC takes keys of any length; the signature of the trait does not know it.
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(config: &KeyConfig) -> Result<Key, KeyError> {
        config.resolve(
            |f| {
                if f == "k" {
                    Ok("hex:00112233445566778899aabbccddeeff\n".into())
                } else {
                    Err(format!("no {f}"))
                }
            },
            |_| Err("there is no environment here".into()),
        )
    }

    fn inline(value: &str) -> KeyConfig {
        KeyConfig { id: "k1".into(), value: Some(value.into()), ..KeyConfig::default() }
    }

    #[test]
    fn keys_come_from_value_file_or_env() {
        assert_eq!(resolve(&inline("sixteen bytes ok")).unwrap().bytes(), b"sixteen bytes ok");
        assert_eq!(
            resolve(&inline("base64:AAECAwQFBgcICQoLDA0ODw==")).unwrap().bytes(),
            (0..16).collect::<Vec<u8>>()
        );
        let file = KeyConfig { id: "k".into(), file: Some("k".into()), ..KeyConfig::default() };
        assert_eq!(resolve(&file).unwrap().bytes().len(), 16);
        let env = KeyConfig { id: "k".into(), env: Some("X".into()), ..KeyConfig::default() };
        assert_eq!(resolve(&env).unwrap_err().path, ".env");
    }

    #[test]
    fn bad_keys_are_refused_with_their_place() {
        assert_eq!(resolve(&inline("short")).unwrap_err().path, ".value");
        assert!(resolve(&inline("hex:123")).unwrap_err().message.contains("even number"));
        assert!(resolve(&inline("base64:!!!")).unwrap_err().message.contains("not base64"));
        assert_eq!(resolve(&KeyConfig { id: "k".into(), ..KeyConfig::default() }).unwrap_err().path, "");
        assert_eq!(
            resolve(&KeyConfig { id: "a-b".into(), ..inline("sixteen bytes ok") }).unwrap_err().path,
            ".id"
        );
        assert!(!format!("{:?}", inline("sixteen bytes ok")).contains("sixteen"));
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let key = Key::new("k", *b"0123456789abcdef");
        assert_ne!(key.derive("users"), key.derive("sessions"));
    }
}
