//! The custom section `tamis`: which filter an artifact is, and for which host.

use std::{fmt, str::FromStr};

use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use crate::Error;

/// The name of the custom section.
const SECTION: &str = "tamis";

/// The name of the custom section of [`Baked`].
const BAKED: &str = "tamis-baked";

/// The host ABI of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abi {
    /// A component of the world `tamis:log-filter/log-filter`.
    Component,
    /// A core module for Fluent Bit's `filter_wasm`.
    FluentBit,
    /// A core module for proxy-wasm 0.2.1.
    ProxyWasm,
}

impl Abi {
    /// Its name in labels, file names and cargo features.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::FluentBit => "fluent-bit",
            Self::ProxyWasm => "proxy-wasm",
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Abi {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Component, Self::FluentBit, Self::ProxyWasm]
            .into_iter()
            .find(|abi| abi.name() == name)
            .ok_or(())
    }
}

/// Which filter an artifact is, and for which host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The filter's name, such as `coturn-ip-anonymizer`.
    pub name: String,
    /// Its version, as semver.
    pub version: String,
    /// The host it was packed for.
    pub abi: Abi,
}

impl Label {
    /// Read the label of an artifact; `None` if it has none, as with artifacts of others.
    ///
    /// # Errors
    /// [`Error::NotAModule`] when the bytes are neither a core module nor a component.
    pub fn read(wasm: &[u8]) -> Result<Option<Self>, Error> {
        Ok(section(wasm, SECTION)?.and_then(Self::parse))
    }

    /// Append the label to an artifact, be it a module or a component.
    pub(crate) fn append(&self, wasm: &mut Vec<u8>) {
        let text = format!("name={}\nversion={}\nabi={}\n", self.name, self.version, self.abi);
        append(wasm, SECTION, &text);
    }

    fn parse(data: &[u8]) -> Option<Self> {
        let value = |key| value(data, key);
        Some(Self { name: value("name")?, version: value("version")?, abi: value("abi")?.parse().ok()? })
    }
}

/// What was baked into an artifact: which config, and whether there is a key in it. Never the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baked {
    /// SHA-256 of the text of the config, in hex; of no text if the config is all defaults.
    pub config_sha256: String,
    /// The name of the key that is inside, if there is one.
    pub key_id: Option<String>,
}

impl Baked {
    /// Read what an artifact says; `None` if nothing was baked into it.
    ///
    /// # Errors
    /// As [`Label::read`].
    pub fn read(wasm: &[u8]) -> Result<Option<Self>, Error> {
        let Some(data) = section(wasm, BAKED)? else { return Ok(None) };
        Ok(value(data, "config-sha256")
            .map(|config_sha256| Self { config_sha256, key_id: value(data, "key-id") }))
    }

    /// Say it in an artifact, be it a module or a component.
    pub fn append(&self, wasm: &mut Vec<u8>) {
        let key = self.key_id.as_ref().map(|id| format!("key-id={id}\n")).unwrap_or_default();
        append(wasm, BAKED, &format!("config-sha256={}\n{key}", self.config_sha256));
    }
}

/// The first custom section of this name.
fn section<'a>(wasm: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, Error> {
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|e| Error::NotAModule(e.to_string()))? {
            // A component holds modules; only what the outermost says counts.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == name => {
                return Ok(Some(section.data()));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn append(wasm: &mut Vec<u8>, name: &str, text: &str) {
    CustomSection { name: name.into(), data: text.as_bytes().into() }.append_to_component(wasm);
}

/// A value from lines of `key=value`.
fn value(data: &[u8], key: &str) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
}
