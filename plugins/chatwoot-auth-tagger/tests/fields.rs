//! Names of fields against the published schemas: every field that is not ours is one of theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, path::PathBuf};

use chatwoot_auth_tagger::ChatwootAuthTagger;
use serde_json::Value;
use tamis_sdk::{Encoding, Meta, Session};

/// Fields of ECS 8.17 that the filter writes.
const ECS: &[&str] = &[
    "event.kind",
    "event.category",
    "event.type",
    "event.action",
    "event.outcome",
    "event.severity",
    "event.reason",
    "event.dataset",
    "event.created",
    "event.start",
    "event.end",
    "source.ip",
    "source.address",
    "user.email",
    "user.name",
    "user.id",
    "user.target.email",
    "http.request.id",
    "http.request.method",
    "http.response.status_code",
    "url.path",
    "url.query",
    "user_agent.original",
    "threat.technique.id",
    "related.ip",
    "related.user",
    "rule.id",
    "rule.name",
];

/// Attributes that all classes of OCSF 1.4 have.
const BASE: &[&str] = &[
    "class_uid",
    "category_uid",
    "activity_id",
    "activity_name",
    "type_uid",
    "severity_id",
    "status_id",
    "status_detail",
    "status_code",
    "time",
    "start_time",
    "end_time",
    "count",
    "metadata",
    "unmapped",
    "message",
];

/// Attributes of its classes beyond these, profiles included.
const OCSF: &[(u64, &[&str])] = &[
    (2004, &["finding_info", "confidence_id"]),
    (3001, &["user", "src_endpoint", "http_request"]),
    (3002, &["user", "src_endpoint", "http_request", "is_mfa"]),
    (3005, &["user", "src_endpoint", "http_request"]),
    (4002, &["src_endpoint", "http_request", "http_response", "disposition_id"]),
    (6003, &["actor", "api", "src_endpoint", "http_request"]),
    (6005, &["actor", "src_endpoint", "http_request"]),
    (6008, &[]),
];

fn tagged(config: &str) -> Vec<Value> {
    let mut session = Session::<ChatwootAuthTagger>::new(config, |k| k.resolve_from_process()).unwrap();
    let mut all = Vec::new();
    for file in ["rails-default.log", "rails-lograge.log", "nginx-access.log", "postgres.log"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/chatwoot").join(file);
        for line in std::fs::read(path).unwrap().split(|&b| b == b'\n') {
            let mut out = Vec::new();
            session.process(Meta { tag: file.as_bytes(), timestamp_ns: 0 }, Encoding::Text, line, &mut out);
            all.push(serde_json::from_slice(&out).unwrap());
        }
    }
    all
}

fn leaves(value: &Value, path: String, out: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(object) => {
            for (name, inner) in object {
                leaves(inner, if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, out);
            }
        }
        None => {
            out.insert(path);
        }
    }
}

#[test]
fn fields_are_those_of_ecs() {
    let mut found = BTreeSet::new();
    for mut event in tagged("") {
        let object = event.as_object_mut().unwrap();
        object.remove("log");
        object.remove("alert");
        for alert in object.remove("alerts").iter().filter_map(Value::as_array).flatten() {
            leaves(alert, String::new(), &mut found);
        }
        leaves(&event, String::new(), &mut found);
    }
    found.retain(|f| !f.is_empty() && !f.starts_with("chatwoot."));
    for field in &found {
        assert!(ECS.contains(&field.as_str()), "{field}");
    }
    assert_eq!(found.len(), ECS.len(), "{found:?}");
}

#[test]
fn attributes_are_those_of_ocsf() {
    let mut classes = BTreeSet::new();
    let mut check = |event: &Value| {
        let Some(class) = event["class_uid"].as_u64() else { return };
        classes.insert(class);
        let (_, own) = OCSF.iter().find(|(c, _)| *c == class).unwrap();
        for name in event.as_object().unwrap().keys() {
            let ours = matches!(name.as_str(), "log" | "alert" | "alerts");
            assert!(ours || BASE.contains(&name.as_str()) || own.contains(&name.as_str()), "{class}: {name}");
        }
    };
    for event in tagged(r#"{"schema":"ocsf"}"#) {
        check(&event);
        event["alerts"].as_array().into_iter().flatten().for_each(&mut check);
    }
    assert_eq!(classes.len(), OCSF.len(), "{classes:?}");
}
