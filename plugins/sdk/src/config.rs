//! Config: one JSON document, and errors that name the path, what is wrong, and the nearest
//! valid name.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

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

/// What a filter answers to a config when it has one: baked into it, or given before.
pub const SET_ALREADY: &str =
    "this module has its config inside: give it none, or use the module that it was baked from";

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

/// For `#[serde(deserialize_with)]` on a section of a config: only a JSON object will do. Left to itself, serde
/// also takes an array for the fields of a struct in their order, so that `["keep"]` would mean something.
///
/// # Errors
/// When it is no object, or its fields are not right.
pub fn section<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// As [`section`], for a section that may be left out or `null`.
///
/// # Errors
/// As [`section`].
pub fn optional_section<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Section<T>(#[serde(deserialize_with = "section")] T);

    Ok(Option::<Section<T>>::deserialize(deserializer)?.map(|s| s.0))
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
    let text = without_value(text);
    ConfigError::new(path, format!("{text} (line {}, column {})", error.line(), error.column()))
}

/// What serde says about a value of the wrong type, without the value: it may be a key that stands in the wrong place.
fn without_value(text: &str) -> String {
    let told = |kind: &str| {
        let (found, expected) = text.strip_prefix(kind)?.rsplit_once(", expected ")?;
        let ends = [" \"", " `"].iter().filter_map(|open| found.find(open)).min()?;
        Some(format!("{kind}{}, expected {expected}", &found[..ends]))
    };
    told("invalid type: ").or_else(|| told("invalid value: ")).unwrap_or_else(|| text.to_owned())
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
        #[serde(deserialize_with = "section")]
        ip: Ip,
        #[allow(dead_code)]
        #[serde(deserialize_with = "optional_section")]
        own: Option<Ip>,
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
            (r#"{"zzzzzz":1}"#, "$.zzzzzz", "unknown key 'zzzzzz'; known: ip, own"),
            (
                r#"{"ip":{"prefix":"x"}}"#,
                "$.ip.prefix",
                "invalid type: string, expected u8 (line 1, column 19)",
            ),
            (
                r#"{"ip":["drop"]}"#,
                "$.ip",
                "invalid type: sequence, expected a JSON object (line 1, column 6)",
            ),
            (
                r#"{"own":["drop"]}"#,
                "$.own",
                "invalid type: sequence, expected a JSON object (line 1, column 7)",
            ),
            (
                r#"{"own":{"mode":"dorp"}}"#,
                "$.own.mode",
                "unknown value 'dorp'; did you mean 'drop'? known: redact, pass, drop",
            ),
            (r#"{"ip":}"#, "$", "not JSON: expected value at line 1 column 7"),
            ("[\"ip\"]", "$", "must be a JSON object: {...}"),
            ("{} x", "$", "not JSON: trailing characters at line 1 column 4"),
        ] {
            let error = parse::<Config>(text).unwrap_err();
            assert_eq!((error.path.as_str(), error.message.as_str()), (path, message), "{text}");
        }
        assert!(parse::<Config>(" \n").is_ok());
        assert!(parse::<Config>(r#"{"own":null}"#).is_ok());
    }
}
