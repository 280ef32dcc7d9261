//! What can be set in the config of a filter, from its JSON Schema: a list of keys, and configs to start from.

use serde_json::{Map, Value};

/// Levels of a schema that are followed. Those of the filters have four.
const MAX_DEPTH: usize = 16;

/// Something that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its path, as in `ip.mode`; `[]` stands for the elements of a list, `*` for names of the user.
    pub path: String,
    /// What it takes: `boolean`, `integer 0..32`, `keep | truncate`, `object`.
    pub takes: String,
    /// What holds if it is not set; none if that hangs on other settings.
    pub default: Option<Value>,
    /// What it is for.
    pub about: String,
}

/// How much a config to start from says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The choices that are made first: the modes of its sections.
    Minimal,
    /// Every setting with its default.
    Full,
}

/// All settings of a schema, in its order.
#[must_use]
pub fn settings(schema: &str) -> Vec<Setting> {
    let Ok(root) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let mut out = Vec::new();
    list(&root, &root, "", 0, &mut out);
    out
}

/// A config to start from, as pretty JSON with a line end.
#[must_use]
pub fn start(schema: &str, extent: Extent) -> String {
    let root = serde_json::from_str::<Value>(schema).unwrap_or_default();
    let config = match extent {
        Extent::Minimal => choices(&root, &root, 0),
        Extent::Full => defaults(&root, &root, 0),
    };
    format!("{:#}\n", config.unwrap_or_else(|| Value::Object(Map::new())))
}

/// A schema without its reference, and without the `null` that it may be instead.
fn target<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    // A reference to a reference is as far as schemas go.
    for _ in 0..4 {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let pointer = name.trim_start_matches('#');
            let Some(found) = root.pointer(pointer) else { return schema };
            schema = found;
        } else if let Some(other) = optional(schema) {
            schema = other;
        } else {
            return schema;
        }
    }
    schema
}

/// What a schema is if it is not `null`, for one that may be.
fn optional(schema: &Value) -> Option<&Value> {
    let all = schema.get("anyOf")?.as_array()?;
    let is_null = |s: &&Value| s.get("type").and_then(Value::as_str) == Some("null");
    let others: Vec<&Value> = all.iter().filter(|s| !is_null(s)).collect();
    match (others.as_slice(), others.len() < all.len()) {
        ([other], true) => Some(other),
        _ => None,
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The words that a choice has, with what is said of each.
fn words(schema: &Value) -> Vec<(&str, &str)> {
    let one_of = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let constants = one_of.filter_map(|v| {
        let about = v.get("description").and_then(Value::as_str).unwrap_or_default();
        Some((v.get("const")?.as_str()?, about))
    });
    let plain = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    constants.chain(plain.filter_map(|v| Some((v.as_str()?, "")))).collect()
}

/// What holds if nothing is set.
fn default(root: &Value, schema: &Value) -> Option<Value> {
    if let Some(value) = schema.get("default") {
        return Some(value.clone());
    }
    if optional(schema).is_some() {
        return Some(Value::Null);
    }
    let target = target(root, schema);
    if let Some(value) = target.get("default") {
        return Some(value.clone());
    }
    let chosen = words(target).into_iter().find(|(_, about)| about.contains("(default)"));
    if let Some((word, _)) = chosen {
        return Some(word.into());
    }
    match target.get("type").and_then(Value::as_str) {
        Some("array") => Some(Value::Array(Vec::new())),
        Some("object") if target.get("properties").is_none() => Some(Value::Object(Map::new())),
        _ => None,
    }
}

fn defaults(root: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let inner = target(root, schema);
    if inner.get("properties").is_none() || optional(schema).is_some() || depth > MAX_DEPTH {
        return default(root, schema);
    }
    let all = properties(inner).filter_map(|(name, s)| Some((name.clone(), defaults(root, s, depth + 1)?)));
    Some(Value::Object(all.collect()))
}

/// Only what is one of a few words, and not below lists or optional sections.
fn choices(root: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let inner = target(root, schema);
    if optional(schema).is_some() || depth > 2 {
        return None;
    }
    if inner.get("properties").is_some() {
        let all =
            properties(inner).filter_map(|(name, s)| Some((name.clone(), choices(root, s, depth + 1)?)));
        let all: Map<String, Value> = all.collect();
        return (!all.is_empty() || depth == 0).then_some(Value::Object(all));
    }
    if words(inner).is_empty() { None } else { default(root, schema) }
}

fn list(root: &Value, schema: &Value, path: &str, depth: usize, out: &mut Vec<Setting>) {
    if depth > MAX_DEPTH {
        return;
    }
    let inner = target(root, schema);
    for (name, property) in properties(inner) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let about = |s: &Value| s.get("description").and_then(Value::as_str).map(|t| t.replace('\n', " "));
        let target = target(root, property);
        out.push(Setting {
            takes: takes(root, property),
            default: if target.get("properties").is_some() { None } else { default(root, property) },
            about: about(property).or_else(|| about(target)).unwrap_or_default(),
            path: path.clone(),
        });
        list(root, property, &path, depth + 1, out);
        if let Some(items) = target.get("items") {
            list(root, items, &format!("{path}[]"), depth + 1, out);
        }
        if let Some(values) = target.get("additionalProperties").filter(|v| v.is_object()) {
            list(root, values, &format!("{path}.*"), depth + 1, out);
        }
    }
}

fn takes(root: &Value, schema: &Value) -> String {
    let inner = target(root, schema);
    let words = words(inner);
    if !words.is_empty() {
        return words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" | ");
    }
    let kind = match inner.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").unwrap_or("any")
        }
        _ => "any",
    };
    match (kind, inner.get("minimum"), inner.get("maximum")) {
        ("array", ..) => {
            let items = inner.get("items").map(|i| takes(root, i)).unwrap_or_default();
            format!("list of {items}")
        }
        (_, Some(low), Some(high)) => format!("{kind} {low}..{high}"),
        (_, Some(low), None) => format!("{kind} from {low}"),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::native::{BUILTINS, check};

    #[test]
    fn configs_to_start_from_are_accepted() {
        for filter in BUILTINS {
            for extent in [Extent::Minimal, Extent::Full] {
                let config = start(filter.config_schema, extent);
                check(filter.name, &config, crate::keys::stand_in)
                    .unwrap_or_else(|e| panic!("{} {extent:?}: {e}\n{config}", filter.name));
            }
        }
    }

    #[test]
    fn settings_have_paths_and_defaults() {
        let schema = crate::host::native::builtin("coturn-ip-anonymizer").unwrap().config_schema;
        let all = settings(schema);
        let of = |path: &str| all.iter().find(|s| s.path == path).unwrap();
        assert_eq!(of("ip.mode").default, Some("truncate".into()));
        assert!(of("ip.mode").takes.starts_with("keep | truncate | "));
        assert_eq!(of("ip.v4_prefix").takes, "integer 0..32");
        assert_eq!(of("fields").takes, "list of string");
        assert_eq!(of("aggregate.window_seconds").default, Some(3600.into()));
        let text = start(schema, Extent::Minimal);
        assert!(text.contains("\"mode\": \"truncate\"") && !text.contains("cache_entries"), "{text}");
    }
}
