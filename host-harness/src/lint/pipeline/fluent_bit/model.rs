//! A pipeline of Fluent Bit, whichever of its two syntaxes it was written in.

use std::collections::BTreeMap;

use crate::lint::Place;

/// Inputs, filters and outputs in the order of the config.
#[derive(Debug, Default)]
pub struct Pipeline {
    pub inputs: Vec<Plugin>,
    pub filters: Vec<Plugin>,
    pub outputs: Vec<Plugin>,
    /// Variables that the config sets.
    pub variables: BTreeMap<String, String>,
    /// What could not be read.
    pub problems: Vec<(Place, String)>,
}

/// An instance of a plugin.
#[derive(Debug, Default)]
pub struct Plugin {
    /// The plugin, in lower case.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// The line it starts on.
    pub line: u64,
    pub settings: Vec<Setting>,
    /// What an input does with its records before filters see them, or an output before it writes.
    pub processors: Vec<Plugin>,
}

/// A setting of an instance.
#[derive(Debug)]
pub struct Setting {
    /// In lower case, with underscores.
    pub key: String,
    pub text: String,
    pub line: u64,
}

impl Plugin {
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|s| s.key == key)
    }

    pub fn place(&self) -> Place {
        Place::line(&self.file, self.line)
    }

    /// The line of a setting, or of the instance if there is none.
    pub fn place_of(&self, key: &str) -> Place {
        Place::line(&self.file, self.setting(key).map_or(self.line, |s| s.line))
    }

    pub fn is_wasm(&self) -> bool {
        self.name == "wasm"
    }

    pub fn set(&mut self, key: &str, text: &str, line: u64) {
        let key = canonical(key);
        if key == "name" {
            self.name = text.trim().to_ascii_lowercase();
        } else {
            self.settings.push(Setting { key, text: text.trim().to_owned(), line });
        }
    }
}

/// `Wasm_Path`, `wasm_path` and `wasmPath` are the same to Fluent Bit.
fn canonical(key: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for c in key.trim().chars() {
        if c.is_ascii_uppercase() && lower && !key.contains(['_', '.']) {
            out.push('_');
        }
        lower = c.is_ascii_lowercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}

impl Pipeline {
    /// The list for a kind of section, by its name in either syntax.
    pub fn list(&mut self, section: &str) -> Option<&mut Vec<Plugin>> {
        match section.to_ascii_lowercase().as_str() {
            "input" | "inputs" => Some(&mut self.inputs),
            "filter" | "filters" => Some(&mut self.filters),
            "output" | "outputs" => Some(&mut self.outputs),
            _ => None,
        }
    }

    /// The text with its variables, unless one is not known.
    pub fn resolve(&self, text: &str, environment: &BTreeMap<String, String>) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}')?;
            out.push_str(before);
            out.push_str(self.variables.get(name).or_else(|| environment.get(name))?);
            rest = tail;
        }
        Some(out + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_spelling() {
        for key in ["Wasm_Path", "wasm_path", "wasmPath", "WASM_PATH"] {
            assert_eq!(canonical(key), "wasm_path");
        }
        assert_eq!(canonical("tls.verify"), "tls.verify");
        assert_eq!(canonical("Match"), "match");
    }

    #[test]
    fn variables() {
        let mut pipeline = Pipeline::default();
        pipeline.variables.insert("DIR".into(), "/etc".into());
        let environment = BTreeMap::from([("N".to_owned(), "1".to_owned())]);
        assert_eq!(pipeline.resolve("${DIR}/a${N}", &environment).as_deref(), Some("/etc/a1"));
        assert_eq!(pipeline.resolve("${DIR}/${NOT_SET}", &environment), None);
        assert_eq!(pipeline.resolve("plain", &environment).as_deref(), Some("plain"));
    }
}
