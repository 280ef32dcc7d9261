//! Live mode of the proxy-wasm shell on Wasmtime: traffic is as it was, and what it was becomes known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tamis::{
    artifacts,
    host::{
        Engines, HostKind, HostOptions, Refused,
        proxy_wasm::{Delivery, Guest, Message, Passed},
    },
};

const FILTER: &str = "chatwoot-auth-tagger";

type Lines = Arc<Mutex<Vec<(String, String)>>>;

struct Live {
    guest: Guest,
    log: Lines,
}

fn start(filter: &str, config: &str, beside: Option<&Guest>) -> anyhow::Result<Live> {
    let log = Lines::default();
    let sink = Arc::clone(&log);
    let options = HostOptions {
        diagnostics: Arc::new(move |level: &str, _: &str, text: &str| {
            sink.lock().unwrap().push((level.to_owned(), text.to_owned()));
        }),
        ..HostOptions::default()
    };
    let wasm = artifacts::find(filter, HostKind::ProxyWasm).unwrap().wasm;
    let mut guest = Guest::start_beside(beside, &Engines::new().unwrap(), wasm, config, &options)?;
    guest.set_property("source\0address", "10.0.0.9:41000");
    Ok(Live { guest, log })
}

fn live(section: &str) -> Live {
    start(FILTER, &format!(r#"{{"filter":{{}},"live":{section}}}"#), None).unwrap()
}

fn sign_in(user: &str) -> Message {
    let body = format!(r#"{{"email":"{user}","password":"pa55word"}}"#);
    Message::new(
        &[
            (":method", "POST"),
            (":path", "/auth/sign_in"),
            ("content-type", "application/json"),
            ("content-length", &body.len().to_string()),
            ("user-agent", "curl/8"),
            ("x-request-id", "r-1"),
            ("x-forwarded-for", "1.1.1.1, 203.0.113.7"),
        ],
        body,
    )
}

fn answer(status: u16) -> Message {
    Message::new(&[(":status", &status.to_string()), ("content-length", "2")], "{}")
}

fn on(passed: Passed) -> Message {
    match passed {
        Passed::On(message) => message,
        Passed::Answered(answer) => panic!("{answer:?}"),
    }
}

impl Live {
    /// Both go through, and neither is changed, but for headers of this name in the response.
    fn exchange(
        &mut self,
        request: &Message,
        response: &Message,
        delivery: Delivery,
        added: &str,
    ) -> Message {
        let (sent, answered) = self.guest.exchange(request.clone(), response.clone(), delivery).unwrap();
        let (sent, mut answered) = (on(sent), on(answered.unwrap()));
        let whole = answered.clone();
        answered.headers.retain(|(name, _)| name != added);
        for (now, before) in [(&sent, request), (&answered, response)] {
            assert_eq!(now.headers, before.headers);
            assert_eq!(now.body, before.body);
            assert_eq!(now.trailers, before.trailers);
        }
        whole
    }

    fn lines(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.log.lock().unwrap());
        lines.iter().map(|(_, line)| serde_json::from_str(line).unwrap()).collect()
    }

    fn metric(&self, name: &str) -> u64 {
        let name = format!("tamis.{FILTER}.{name}");
        self.guest.metrics().iter().find(|(n, _)| *n == name).map_or(0, |(_, value)| *value)
    }
}

#[test]
fn an_event_is_logged_counted_and_put_into_the_filter_state() {
    let section = r#"{"trusted_hops":1,"read_body":true,"response_header":"x-security-event"}"#;
    for delivery in [Delivery::Whole, Delivery::Chunks(1), Delivery::ChunksThenEnd(7)] {
        let mut live = live(section);
        let passed = live.exchange(&sign_in("zoe@a.example"), &answer(401), delivery, "x-security-event");
        assert_eq!(passed.header("x-security-event").unwrap(), b"user-login; outcome=failure");
        let lines = live.lines();
        assert_eq!(lines.len(), 1);
        let event = &lines[0];
        assert_eq!(event["event"]["action"], "user-login");
        assert_eq!(event["event"]["outcome"], "failure");
        assert_eq!(event["source"]["ip"], "203.0.113.7");
        assert_eq!(event["user"]["name"], "zoe@a.example");
        assert_eq!(event["user_agent"]["original"], "curl/8");
        assert_eq!(event["http"]["request"]["id"], "r-1");
        assert!(event["@timestamp"].as_str().unwrap().starts_with("20"));
        assert!(!event.to_string().contains("pa55"), "{event}");
        let set = live.guest.property("tamis_event").unwrap();
        assert_eq!(serde_json::from_slice::<Value>(set).unwrap(), *event);
        assert_eq!(live.guest.property("tamis_action").unwrap(), b"user-login");
        assert_eq!(live.guest.property("tamis_outcome").unwrap(), b"failure");
        assert_eq!(live.guest.property("tamis_alert"), None);
        for (name, count) in
            [("requests", 1), ("failures", 0), ("events", 1), ("alerts", 0), ("event.user-login.failure", 1)]
        {
            assert_eq!(live.metric(name), count, "{name}");
        }
    }
}

#[test]
fn what_is_no_event_leaves_no_trace() {
    let mut live = live(r#"{"response_header":"x-e"}"#);
    let get = Message::new(&[(":method", "GET"), (":path", "/app/login")], "");
    live.exchange(&get, &answer(200), Delivery::Whole, "");
    assert!(live.lines().is_empty());
    assert_eq!(live.guest.property("tamis_event"), None);
    assert_eq!((live.metric("requests"), live.metric("events")), (1, 0));
}

#[test]
fn the_config_says_what_is_told_and_read() {
    let mut quiet = live(r#"{"log":"off","filter_state":""}"#);
    quiet.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Whole, "");
    assert!(quiet.lines().is_empty());
    assert_eq!(quiet.guest.property("tamis_event"), None);
    assert_eq!(quiet.metric("event.user-login.failure"), 1);

    // Without bodies and trusted hops: no user, and the peer's address.
    let mut plain = live(r#"{"log":"warn"}"#);
    plain.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Chunks(9), "");
    assert_eq!(plain.log.lock().unwrap()[0].0, "warn");
    let event = &plain.lines()[0];
    assert!(event["user"].is_null());
    assert_eq!(event["source"]["ip"], "10.0.0.9");
    assert_eq!(event["chatwoot"]["confidence"], "medium");

    // A body over the limit is as if it had not been read.
    let mut short = live(r#"{"read_body":true,"max_body_bytes":20}"#);
    short.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Chunks(3), "");
    assert!(short.lines()[0]["user"].is_null());
}

#[test]
fn five_failures_are_an_alert() {
    let mut live = live(r#"{"trusted_hops":1,"read_body":true,"response_header":"x-e"}"#);
    for i in 1..=6 {
        let passed = live.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Whole, "x-e");
        let header = String::from_utf8_lossy(passed.header("x-e").unwrap()).into_owned();
        assert_eq!(header.contains("alert=brute-force-detected"), i == 5, "{i}: {header}");
        assert_eq!(live.guest.property("tamis_alert").is_some(), i == 5);
        let event = &live.lines()[0];
        assert_eq!(event["alert"].is_string(), i == 5);
    }
    assert_eq!(live.metric("alert.brute-force-detected"), 1);
}

#[test]
fn one_instance_raises_the_alerts_of_all_workers() {
    let watch = r#"{"filter":{},"live":{"trusted_hops":1,"read_body":true,"queue":"events"}}"#;
    let collect = r#"{"filter":{},"live":{"role":"collect","queue":"events"}}"#;
    // The workers may be there before it.
    let mut early = start(FILTER, watch, None).unwrap();
    early.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Whole, "");
    assert_eq!(early.metric("failures"), 1);
    let mut collector = start(FILTER, collect, Some(&early.guest)).unwrap();
    let mut late = start(FILTER, watch, Some(&early.guest)).unwrap();
    for i in 0..6 {
        let worker = if i % 2 == 0 { &mut early } else { &mut late };
        worker.exchange(&sign_in("zoe@a.example"), &answer(401), Delivery::Whole, "");
        assert!(worker.lines().iter().all(|event| event["alerts"].is_null()));
    }
    collector.guest.ready_queues().unwrap();
    let lines = collector.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["alerts"][0]["rule"]["id"], "brute-force-detected");
    assert_eq!(collector.metric("alert.brute-force-detected"), 1);
    assert_eq!(collector.metric("events"), 1);
    assert_eq!(early.metric("failures"), 1);
    // Nothing is left.
    collector.guest.ready_queues().unwrap();
    assert!(collector.lines().is_empty());
}

#[test]
fn hostile_traffic_passes_and_the_memory_stays() {
    let mut live = live(r#"{"trusted_hops":3,"read_body":true,"response_header":"x-e"}"#);
    let long = "x".repeat(60_000);
    let deep = [vec![b'['; 15_000], b"\"email\"".to_vec(), vec![b'{'; 30_000]].concat();
    let mut memory = 0;
    for round in 0..300 {
        for path in ["/auth/sign_in", "/\u{0}\u{1f}/../%00%ff\"", &long, "/auth/sign_in?token=%0a%22", ""] {
            for body in [deep.clone(), vec![0xFF; 20_000], b"{\"email\":\"\\ud800\n\"".to_vec(), Vec::new()] {
                let request = Message::new(
                    &[
                        (":method", "POST"),
                        (":path", path),
                        ("content-type", "application/json"),
                        ("user-agent", &long),
                        ("x-forwarded-for", ",,, ,\""),
                    ],
                    body,
                );
                for status in ["200", "401", "999999", "", "x"] {
                    if round > 3 && !(path.starts_with("/auth") && status == "401") {
                        continue;
                    }
                    let response =
                        Message::new(&[(":status", status), ("location", &long), ("uid", "a\n\"b")], "");
                    live.exchange(&request, &response, Delivery::Chunks(9_000), "x-e");
                }
            }
        }
        if round == 100 {
            memory = live.guest.memory_bytes();
        }
    }
    assert!(live.lines().iter().all(Value::is_object));
    assert_eq!(live.guest.memory_bytes(), memory);
}

#[test]
fn a_config_that_cannot_be_is_refused() {
    for (filter, config, message) in [
        ("coturn-ip-anonymizer", r#"{"live":{}}"#, "$.live: this filter has no live mode"),
        (FILTER, r#"{"live":{"trusted_hop":1}}"#, "$.live.trusted_hop"),
        (FILTER, r#"{"live":{},"body":{}}"#, "$.body: cannot stand beside 'live'"),
        (FILTER, r#"{"live":{},"filter":{"schema":"ecz"}}"#, "$.filter.schema"),
        (FILTER, r#"{"live":{"role":"collect"}}"#, "$.live.queue"),
    ] {
        let Err(error) = start(filter, config, None) else { panic!("{config}") };
        let refused = error.downcast_ref::<Refused>().unwrap_or_else(|| panic!("{error:#}"));
        assert!(refused.0.contains(message), "{config}: {}", refused.0);
    }
}
