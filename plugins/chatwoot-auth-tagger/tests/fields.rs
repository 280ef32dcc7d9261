//! What the filter writes against the published schemas, of which `schemas/` holds the names and types: every field
//! that is not ours is one of theirs, is of its type, and nothing that they require is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

use chatwoot_auth_tagger::ChatwootAuthTagger;
use serde_json::Value;
use tamis_sdk::{Encoding, Meta, Session};

const ECS: &str = include_str!("schemas/ecs-8.17.txt");
const OCSF: &str = include_str!("schemas/ocsf-1.4.txt");

const FILES: [&str; 7] = [
    "rails-default.log",
    "rails-lograge.log",
    "rails-lograge-redis-down.log",
    "rails-legacy-ruby33.log",
    "rails-file-untagged.log",
    "nginx-access.log",
    "postgres.log",
];

fn tagged(config: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for file in FILES {
        let mut session = Session::<ChatwootAuthTagger>::new(config, |k| k.resolve_from_process()).unwrap();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/chatwoot").join(file);
        for line in std::fs::read(path).unwrap().split(|&b| b == b'\n') {
            let mut out = Vec::new();
            session.process(Meta { tag: file.as_bytes(), timestamp_ns: 0 }, Encoding::Text, line, &mut out);
            all.push(serde_json::from_slice(&out).unwrap());
        }
    }
    all
}

fn leaves<'v>(value: &'v Value, path: String, seen: &mut dyn FnMut(String, &'v Value)) {
    match value.as_object() {
        Some(object) => {
            for (name, inner) in object {
                leaves(inner, if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, seen);
            }
        }
        None => seen(path, value),
    }
}

fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

fn is_ip(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

#[test]
fn fields_are_those_of_ecs() {
    let types: BTreeMap<&str, &str> =
        ECS.lines().filter(|l| !l.starts_with('#')).map(|l| l.split_once(' ').unwrap()).collect();
    let mut found = BTreeSet::new();
    let mut check = |path: String, value: &Value| {
        if path.starts_with("chatwoot.") {
            return;
        }
        let (kind, array) = match types.get(path.as_str()) {
            Some(kind) => kind.split_once(' ').map_or((*kind, false), |(kind, _)| (kind, true)),
            None => panic!("ECS has no {path}"),
        };
        assert_eq!(value.is_array(), array, "{path}: {value}");
        for one in value.as_array().unwrap_or(&vec![value.clone()]) {
            let fits = match kind {
                "date" => is_time(one),
                "ip" => is_ip(one),
                "long" => one.is_u64(),
                "keyword" | "wildcard" => one.as_str().is_some_and(|s| !s.is_empty()),
                _ => false,
            };
            assert!(fits, "{path} is {kind}: {value}");
        }
        found.insert(path);
    };
    for mut event in tagged("") {
        let object = event.as_object_mut().unwrap();
        object.remove("log");
        let alerts = object.remove("alerts");
        assert_eq!(object.remove("alert").is_some(), alerts.is_some());
        for alert in alerts.iter().filter_map(Value::as_array).flatten() {
            leaves(alert, String::new(), &mut check);
        }
        if !object.is_empty() {
            leaves(&event, String::new(), &mut check);
        }
    }
    // All that it can write.
    assert_eq!(found.len(), 27, "{found:?}");
}

/// An attribute of a class or an object.
#[derive(Debug)]
struct Attribute {
    kind: &'static str,
    array: bool,
    required: bool,
}

/// A class or an object.
#[derive(Debug, Default)]
struct Shape {
    attributes: BTreeMap<&'static str, Attribute>,
    one_of: Vec<&'static str>,
    enums: BTreeMap<&'static str, BTreeMap<u64, &'static str>>,
}

fn shapes() -> BTreeMap<&'static str, Shape> {
    let mut shapes = BTreeMap::<_, Shape>::new();
    let mut name = "";
    for line in OCSF.lines().filter(|l| !l.starts_with('#')) {
        let Some(rest) = line.strip_prefix("  ") else {
            // A class by its number, an object by its name.
            name = line.split(' ').nth(1).unwrap();
            continue;
        };
        let shape = shapes.entry(name).or_default();
        if let Some(names) = rest.strip_prefix("one of ") {
            shape.one_of = names.split(' ').collect();
        } else if let Some(rest) = rest.strip_prefix("enum ") {
            let (attribute, values) = rest.split_once(' ').unwrap();
            let values = values.split('|').map(|v| {
                let (id, caption) = v.split_once('=').unwrap();
                (id.parse().unwrap(), caption)
            });
            shape.enums.insert(attribute, values.collect());
        } else {
            let mut words = rest.split(' ');
            let (attribute, kind) = (words.next().unwrap(), words.next().unwrap());
            let array = kind.ends_with("[]");
            let kind = kind.trim_end_matches("[]");
            let required = words.next() == Some("required");
            shape.attributes.insert(attribute, Attribute { kind, array, required });
        }
    }
    shapes
}

fn conforms(shapes: &BTreeMap<&str, Shape>, name: &str, value: &Value, ours: &[&str]) {
    let shape = shapes.get(name).unwrap_or_else(|| panic!("no shape of {name}"));
    let object = value.as_object().unwrap_or_else(|| panic!("{name} is an object: {value}"));
    for (attribute, spec) in &shape.attributes {
        assert!(!spec.required || object.contains_key(*attribute), "{name} requires {attribute}: {value}");
    }
    assert!(
        shape.one_of.is_empty() || shape.one_of.iter().any(|n| object.contains_key(*n)),
        "{name} needs one of {:?}: {value}",
        shape.one_of
    );
    for (attribute, inner) in object {
        if ours.contains(&attribute.as_str()) {
            continue;
        }
        let spec = shape.attributes.get(attribute.as_str());
        let spec = spec.unwrap_or_else(|| panic!("{name} has no {attribute}: {value}"));
        assert_eq!(inner.is_array(), spec.array, "{name}.{attribute}: {inner}");
        for one in inner.as_array().unwrap_or(&vec![inner.clone()]) {
            let fits = match spec.kind {
                "string_t" | "username_t" | "email_t" | "hostname_t" => one.is_string(),
                "ip_t" => is_ip(one),
                "integer_t" | "long_t" | "timestamp_t" => one.is_u64(),
                "boolean_t" => one.is_boolean(),
                // Whatever fits nowhere else.
                "object" => one.is_object(),
                kind => {
                    conforms(shapes, kind, one, &[]);
                    true
                }
            };
            assert!(fits, "{name}.{attribute} is {}: {inner}", spec.kind);
        }
        if let (Some(values), Some(id)) = (shape.enums.get(attribute.as_str()), inner.as_u64()) {
            assert!(values.contains_key(&id), "{name}.{attribute} has no {id}: {value}");
        }
    }
}

#[test]
fn events_and_alerts_are_as_ocsf_wants_them() {
    let shapes = shapes();
    let mut classes = BTreeSet::new();
    let mut check = |event: &Value| {
        let Some(class) = event["class_uid"].as_u64() else { return };
        classes.insert(class);
        conforms(&shapes, &class.to_string(), event, &["log", "alert", "alerts"]);
        assert_eq!(event["category_uid"], class / 1000);
        let activity = event["activity_id"].as_u64().unwrap();
        assert_eq!(event["type_uid"], class * 100 + activity);
        let name = event["activity_name"].as_str();
        let caption = shapes[class.to_string().as_str()].enums["activity_id"][&activity];
        let free = matches!(activity, 0 | 99) || class == 2004;
        assert!(free || name == Some(caption), "{name:?} is not {caption}");
        assert!(event["metadata"]["event_code"].is_string());
        assert_eq!(event["metadata"]["version"], "1.4.0");
    };
    for event in tagged(r#"{"schema":"ocsf"}"#) {
        check(&event);
        event["alerts"].as_array().into_iter().flatten().for_each(&mut check);
    }
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), [2004, 3001, 3002, 3005, 4002, 6003, 6005, 6008]);
}
