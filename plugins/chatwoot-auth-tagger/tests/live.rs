//! Live mode and the access log of the same requests: a proxy knows what its own log says, so the events are the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use chatwoot_auth_tagger::{ChatwootAuthTagger, live::HEADERS};
use serde_json::Value;
use tamis_sdk::{
    Encoding, Meta, Session,
    live::{Event, Exchange},
};

fn session() -> Session<ChatwootAuthTagger> {
    Session::new("", |k| k.resolve_from_process()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn requests_seen_live_are_the_events_that_the_access_log_tells() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/chatwoot/nginx-access-json.log");
    let log = std::fs::read_to_string(path).unwrap();
    let (mut reader, mut watcher) = (session(), session());
    let (mut events, mut alerts) = (0, Vec::new());
    let mut event = Event::default();
    for line in log.lines() {
        let mut out = Vec::new();
        reader.process(Meta { tag: b"t", timestamp_ns: 0 }, Encoding::Json, line.as_bytes(), &mut out);
        let logged: Value =
            serde_json::from_slice(if out.is_empty() { line.as_bytes() } else { &out }).unwrap();
        let request: Value = serde_json::from_str(line).unwrap();
        let stamp = tamis_sdk::timestamp::rfc3339(text(&request["time"]).as_bytes()).unwrap();
        let mut headers = vec![Vec::new(); HEADERS.request.len()];
        headers[0] = text(&request["user_agent"]).into();
        headers[1] = text(&request["request_id"]).into();
        // Whether credentials were sent, a log does not say.
        headers[3] = b"unknown".to_vec();
        let status = u16::try_from(request["status"].as_u64().unwrap()).unwrap();
        let exchange = Exchange {
            method: text(&request["method"]).into(),
            target: text(&request["uri"]).into(),
            client_ip: text(&request["remote_addr"]).into(),
            request: headers,
            status,
            response: vec![Vec::new(); HEADERS.response.len()],
            time_ns: stamp,
            ..Exchange::default()
        };
        let seen = watcher.watch(&exchange, &mut event);
        if status == 302 {
            // Where it leads to, only a proxy knows; and the log does not tell it here.
            continue;
        }
        assert_eq!(seen, logged["event"]["action"].is_string(), "{line}\n{logged}");
        if !seen {
            continue;
        }
        let mut live: Value = serde_json::from_slice(&event.json).unwrap();
        // An access log does not say that a request was seen from its start.
        live["chatwoot"]["request_complete"] = false.into();
        for field in
            ["event", "source", "http", "url", "user_agent", "threat", "chatwoot", "related", "alerts"]
        {
            // A field whose name the log has already stands below another.
            let own = if request[field].is_null() { &logged[field] } else { &logged["chatwoot_auth"][field] };
            assert_eq!(live[field], *own, "{field}: {line}");
        }
        events += 1;
        alerts.extend(event.alerts.iter().copied());
    }
    println!("{events} events, alerts: {alerts:?}");
    assert!(events > 1000 && alerts.len() > 5);
}
