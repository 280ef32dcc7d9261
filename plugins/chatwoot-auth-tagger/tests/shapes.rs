//! The same requests in other wrappings, and in bounded memory; and that no secret comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use chatwoot_auth_tagger::ChatwootAuthTagger;
use serde_json::{Value, json};
use tamis_sdk::{Action, Encoding, Meta, Session};

fn corpus(name: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/chatwoot").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
}

fn session(config: &str) -> Session<ChatwootAuthTagger> {
    Session::new(config, |k| k.resolve_from_process()).unwrap()
}

fn process(session: &mut Session<ChatwootAuthTagger>, encoding: Encoding, body: &str) -> String {
    let mut out = Vec::new();
    match session.process(Meta { tag: b"", timestamp_ns: 0 }, encoding, body.as_bytes(), &mut out) {
        Action::Keep => body.to_owned(),
        _ => String::from_utf8(out).unwrap(),
    }
}

/// What the filter added to each record.
fn added(lines: &[String], encoding: Encoding, key: &str, wrap: impl Fn(&str) -> String) -> Vec<Value> {
    let mut session = session("");
    let one = |line: &String| {
        let mut json: Value = serde_json::from_str(&process(&mut session, encoding, &wrap(line))).unwrap();
        let fields = json.as_object_mut().unwrap();
        fields.remove(key);
        // A line without a time has that of its prefix.
        if let Some(event) = fields.get_mut("event").and_then(Value::as_object_mut) {
            event.remove("end");
        }
        json
    };
    lines.iter().map(one).collect()
}

#[test]
fn wrappings_change_nothing() {
    for file in ["rails-default.log", "rails-lograge.log", "rails-legacy-ruby33.log"] {
        let lines = &corpus(file)[..2500];
        let plain = added(lines, Encoding::Text, "log", str::to_owned);
        assert!(plain.iter().filter(|v| v["event"]["kind"] == "event").count() > 200, "{file}");
        for prefix in [
            "rails-1     | ",
            "Mar 01 07:54:19 host chatwoot-web.1[687]: ",
            "2026-03-02T08:01:40.123456789Z stdout F ",
        ] {
            assert!(
                added(lines, Encoding::Text, "log", |l| format!("{prefix}{l}")) == plain,
                "{file} {prefix}"
            );
        }
        let docker =
            |l: &str| json!({ "log": format!("{l}\n"), "stream": "stdout", "time": "x" }).to_string();
        assert!(added(lines, Encoding::Text, "log", docker) == plain, "{file} docker");
        let journald = |l: &str| json!({ "MESSAGE": l.as_bytes() }).to_string();
        assert!(added(lines, Encoding::Json, "MESSAGE", journald) == plain, "{file} journald");
        for key in ["log", "message", "MESSAGE", "payload"] {
            let wrap = |l: &str| json!({ key: l }).to_string();
            assert!(added(lines, Encoding::Json, key, wrap) == plain, "{file} {key}");
        }
    }
}

/// The request id of a line, also of one of an exception.
fn id(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('[').or_else(|| Some(line.split_once(": [")?.1))?;
    let id = rest.split_once(']')?.0;
    (id.len() == 36).then_some(id)
}

#[test]
fn requests_of_several_threads_are_those_of_one_after_another() {
    for file in ["rails-default.log", "rails-legacy-ruby33.log", "rails-debug.log"] {
        let lines: Vec<String> =
            corpus(file).into_iter().filter(|l| id(l).is_some() && !l.contains(" #1]")).collect();
        let mut order = Vec::<&str>::new();
        let mut groups = std::collections::HashMap::<&str, Vec<String>>::new();
        for line in &lines {
            let id = id(line).unwrap();
            groups.entry(id).or_insert_with(|| {
                order.push(id);
                Vec::new()
            });
            groups.get_mut(id).unwrap().push(line.clone());
        }
        let single: Vec<String> = order.iter().flat_map(|id| groups[id].clone()).collect();
        let events = |lines: &[String]| -> Vec<String> {
            let mut all: Vec<String> = added(lines, Encoding::Text, "log", str::to_owned)
                .iter()
                .filter(|e| e["event"]["kind"] == "event")
                .map(|e| format!("{} {} {} {} {}", e["http"], e["event"], e["source"], e["user"], e["url"]))
                .collect();
            all.sort();
            all
        };
        let (mixed, single) = (events(&lines), events(&single));
        assert!(mixed.len() > 400, "{file}: {}", mixed.len());
        assert!(mixed == single, "{file}");
    }
}

#[test]
fn schemas_say_the_same() {
    let lines = &corpus("rails-default.log")[..1500];
    let ecs = added(lines, Encoding::Text, "log", str::to_owned);
    let get = |config: &str| -> Vec<Value> {
        let mut session = session(config);
        lines
            .iter()
            .map(|l| serde_json::from_str(&process(&mut session, Encoding::Text, l)).unwrap())
            .collect()
    };
    let (ocsf, flat) =
        (get(r#"{"schema":"ocsf"}"#), get(r#"{"schema":"flat","prefix":"cw_","crowdsec":true}"#));
    let dotted = get(r#"{"dotted":true}"#);
    for (i, event) in ecs.iter().enumerate() {
        let action = &event["event"]["action"];
        assert_eq!(*action, ocsf[i]["metadata"]["event_code"]);
        assert_eq!(*action, flat[i]["cw_action"]);
        assert_eq!(*action, dotted[i]["event.action"]);
        assert_eq!(event["source"]["ip"], flat[i]["cw_source_ip"]);
        assert_eq!(event["source"]["ip"], dotted[i]["source.ip"]);
        if action.is_string() {
            let type_uid =
                ocsf[i]["class_uid"].as_u64().unwrap() * 100 + ocsf[i]["activity_id"].as_u64().unwrap();
            assert_eq!(ocsf[i]["type_uid"].as_u64(), Some(type_uid));
        }
    }
}

#[test]
fn fields_that_a_record_has_already_stay() {
    let record = r#"{"remote_addr":"192.0.2.1","method":"POST","uri":"/auth/sign_in","status":401,"user_agent":"x/1"}"#;
    let out: Value = serde_json::from_str(&process(&mut session(""), Encoding::Json, record)).unwrap();
    assert_eq!(out["user_agent"], "x/1");
    assert_eq!(out["event"]["action"], "user-login");
    assert_eq!(out["chatwoot_auth"]["user_agent"]["original"], "x/1");
}

#[test]
fn a_message_as_an_array_of_bytes_is_scrubbed() {
    let array = |text: &str| json!({ "MESSAGE": text.as_bytes(), "x": [1, 2, 300] }).to_string();
    let line = "RoomChannel is streaming from pt7secret";
    let out = process(&mut session(""), Encoding::Json, &array(line));
    assert_eq!(out, array("RoomChannel is streaming from [FILTERED]"));
    let quiet = array("RoomChannel is streaming from account_1");
    assert_eq!(process(&mut session(""), Encoding::Json, &quiet), quiet);
}

#[test]
fn no_secret_comes_out() {
    let mut secrets = Vec::new();
    let between = |line: &str, start: &str, end: &[char]| -> Option<String> {
        let rest = line.split_once(start)?.1;
        let value = rest.split(end).next()?;
        (value.len() >= 3 && !value.starts_with('[')).then(|| value.to_owned())
    };
    let files = [
        "rails-default.log",
        "rails-lograge.log",
        "rails-legacy-ruby33.log",
        "rails-debug.log",
        "rails-file-untagged.log",
        "rails-lograge-redis-down.log",
        "sidekiq.log",
        "nginx-access.log",
        "nginx-access-json.log",
    ];
    for file in files {
        for line in corpus(file) {
            if line.contains("_instructions") {
                secrets.extend(between(&line, ">>, \"", &['"']));
            }
            for start in [
                "sso_auth_token=",
                "reset_password_token=",
                "cw_conversation=",
                "/webhooks/telegram/",
                "\"SAMLResponse\" => \"",
                "\"SAMLResponse\"=>\"",
                "\"SAMLResponse\":\"",
                "callback?code=",
            ] {
                secrets.extend(between(&line, start, &['"', '&', ' ', ',']));
            }
            if let Some(token) =
                between(&line, "streaming from ", &[' ']).filter(|t| !t.starts_with("account_"))
            {
                secrets.push(format!("from {token}\""));
            }
        }
    }
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() > 100, "{}", secrets.len());
    for file in files {
        let encoding = if file.ends_with("json.log") { Encoding::Json } else { Encoding::Text };
        let (mut clean, mut kept) = (session(""), session(r#"{"scrub_record":false}"#));
        let mut all = String::new();
        for line in corpus(file) {
            all.push_str(&process(&mut clean, encoding, &line));
            // What is added has none even where the record may keep its own.
            let mut json: Value = serde_json::from_str(&process(&mut kept, encoding, &line)).unwrap();
            let fields = json.as_object_mut().unwrap();
            fields.retain(|name, _| !matches!(name.as_str(), "log" | "uri" | "referer"));
            all.push_str(&json.to_string());
            all.push('\n');
        }
        for secret in &secrets {
            let at = all.find(secret.as_str());
            assert_eq!(
                at.map(|at| all[at.saturating_sub(200)..].chars().take(300).collect::<String>()),
                None,
                "{file}: {secret}"
            );
        }
    }
}

#[test]
fn any_bytes_are_safe() {
    let mut session = session("");
    for file in ["rails-default.log", "rails-lograge.log", "postgres.log", "nginx-access.log"] {
        for (i, line) in corpus(file).iter().take(400).enumerate() {
            let bytes = line.as_bytes();
            let mut out = Vec::new();
            let meta = Meta { tag: b"", timestamp_ns: 0 };
            // Cut anywhere, and with a byte changed.
            session.process(meta, Encoding::Text, &bytes[..(i * 7) % bytes.len().max(1)], &mut out);
            let mut changed = bytes.to_vec();
            if let Some(byte) = changed.get_mut((i * 13) % bytes.len().max(1)) {
                *byte = b"\"\\{}[]\0\n\xFF,:"[i % 11];
            }
            session.process(meta, Encoding::Text, &changed, &mut out);
            session.process(meta, Encoding::Json, &changed, &mut out);
        }
    }
}
