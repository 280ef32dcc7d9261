//! As much of JSON Schema draft 7 as the schema of SARIF needs. A keyword that it does not know is an error: what is
//! called valid has been looked at in full. The validators of the registry refuse a pattern of that schema.

use regex::bytes::RegexBuilder;
use serde_json::Value;

/// What is wrong with `value`.
pub fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    Validator { root: schema }.check(schema, value, "$", &mut errors);
    errors
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
        let mut fail = |what: String| errors.push(format!("{path}: {what}"));
        let mut nested: Vec<(&Value, &Value, String)> = Vec::new();
        for (keyword, rule) in schema.as_object().expect("schemas are objects") {
            match keyword.as_str() {
                "$schema" | "$id" | "title" | "description" | "default" | "definitions" => {}
                "$ref" => {
                    let pointer =
                        rule.as_str().unwrap().strip_prefix('#').expect("a reference within the schema");
                    nested.push((self.root.pointer(pointer).expect("a definition"), value, path.to_owned()));
                }
                "type" => {
                    let is = |name: &Value| match name.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_i64() || value.is_u64(),
                        "number" => value.is_number(),
                        "null" => value.is_null(),
                        other => panic!("type {other}"),
                    };
                    let fits = rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is));
                    if !fits {
                        fail(format!("is no {rule}"));
                    }
                }
                "required" => {
                    let Some(object) = value.as_object() else { continue };
                    for name in rule.as_array().unwrap() {
                        if !object.contains_key(name.as_str().unwrap()) {
                            fail(format!("lacks {name}"));
                        }
                    }
                }
                "properties" => {
                    let Some(object) = value.as_object() else { continue };
                    for (name, value) in object {
                        if let Some(schema) = rule.get(name) {
                            nested.push((schema, value, format!("{path}.{name}")));
                        }
                    }
                }
                "additionalProperties" => {
                    let Some(object) = value.as_object() else { continue };
                    let known = schema.get("properties");
                    for (name, value) in
                        object.iter().filter(|(n, _)| known.is_none_or(|k| k.get(n).is_none()))
                    {
                        match rule {
                            Value::Bool(true) => {}
                            Value::Bool(false) => fail(format!("has the unknown property '{name}'")),
                            schema => nested.push((schema, value, format!("{path}.{name}"))),
                        }
                    }
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        nested.push((rule, item, format!("{path}[{i}]")));
                    }
                }
                "minItems" => {
                    if value.as_array().is_some_and(|a| (a.len() as u64) < rule.as_u64().unwrap()) {
                        fail(format!("has fewer than {rule} items"));
                    }
                }
                "uniqueItems" => {
                    let items = value.as_array().map(|a| a.iter().map(Value::to_string).collect::<Vec<_>>());
                    let mut distinct = items.clone().unwrap_or_default();
                    distinct.sort_unstable();
                    distinct.dedup();
                    if *rule == Value::Bool(true) && items.is_some_and(|i| i.len() != distinct.len()) {
                        fail("has the same item twice".to_owned());
                    }
                }
                "minimum" | "maximum" => {
                    let (Some(number), Some(limit)) = (value.as_f64(), rule.as_f64()) else { continue };
                    if (keyword == "minimum" && number < limit) || (keyword == "maximum" && number > limit) {
                        fail(format!("is beyond the {keyword} {rule}"));
                    }
                }
                "enum" => {
                    if !rule.as_array().unwrap().contains(value) {
                        fail(format!("is none of {rule}"));
                    }
                }
                "pattern" => {
                    let pattern = RegexBuilder::new(rule.as_str().unwrap()).unicode(false).build();
                    if value.as_str().is_some_and(|v| !pattern.expect("a pattern").is_match(v.as_bytes())) {
                        fail(format!("does not match {rule}"));
                    }
                }
                "format" => {
                    let bad = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
                    let uri = rule.as_str().unwrap().starts_with("uri");
                    if uri && value.as_str().is_some_and(|text| text.is_empty() || text.contains(bad)) {
                        fail(format!("is no {rule}"));
                    }
                }
                "anyOf" | "oneOf" => {
                    let fitting = rule.as_array().unwrap().iter().filter(|schema| {
                        let mut errors = Vec::new();
                        self.check(schema, value, path, &mut errors);
                        errors.is_empty()
                    });
                    let count = fitting.count();
                    if count == 0 || keyword == "oneOf" && count > 1 {
                        fail(format!("fits {count} of {keyword}"));
                    }
                }
                unknown => panic!("the keyword {unknown} is not known here"),
            }
        }
        for (schema, value, path) in nested {
            self.check(schema, value, &path, errors);
        }
    }
}
