//! The proxy-wasm shell on Wasmtime: bodies in pieces of any size, refusals, poison.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, io::Write, path::Path, sync::Once};

use tamis::{
    artifacts,
    host::{
        self, Action, Batch, Encoding, Engines, Host, HostKind, HostOptions, Outcome, Refused, native,
        proxy_wasm::{Delivery, Guest, Message, Passed, ProxyWasm},
    },
};
use tamis_sdk::timestamp;
use tamis_tests::{
    asynq,
    payloads::{self, Payload},
    poison,
};

const FILTER: &str = "coturn-ip-anonymizer";
const ASYNQ: &str = "asynq-payload-redactor";

fn engines() -> Engines {
    static COMPILED: Once = Once::new();
    let engines = Engines::new().unwrap();
    // The tests run at once: let one of them compile and the others find it in the cache.
    COMPILED.call_once(|| {
        for filter in artifacts::filters() {
            let wasm = artifacts::find(filter, HostKind::ProxyWasm).unwrap().wasm;
            Guest::start(&engines, wasm, "", &quiet()).unwrap();
        }
    });
    engines
}

fn quiet() -> HostOptions {
    HostOptions { diagnostics: std::sync::Arc::new(|_, _, _| ()), ..HostOptions::default() }
}

fn guest(filter: &str, config: &str) -> Guest {
    let wasm = artifacts::find(filter, HostKind::ProxyWasm).unwrap().wasm;
    Guest::start(&engines(), wasm, config, &quiet()).unwrap()
}

fn request(payload: &Payload) -> Message {
    let length = payload.body.len().to_string();
    let mut headers = vec![(":method", "POST"), (":path", payload.path), ("content-length", length.as_str())];
    if !payload.content_type.is_empty() {
        headers.push(("content-type", payload.content_type));
    }
    Message::new(&headers, payload.body.clone())
}

fn post(headers: &[(&str, &str)], body: &[u8]) -> Message {
    Message::new(&[&[(":method", "POST"), (":path", "/")], headers].concat(), body)
}

fn status(passed: &Passed) -> u32 {
    match passed {
        Passed::On(_) => 0,
        Passed::Answered(answer) => answer.status,
    }
}

fn body(passed: Passed) -> Vec<u8> {
    match passed {
        Passed::On(message) => message.body,
        Passed::Answered(answer) => panic!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_comes_out_as_from_the_native_filter_however_it_is_cut() {
    let tokens =
        r#"{"key":{"id":"k1","value":"0123456789abcdef"},"ip":{"mode":"token"},"counts_field":"tamis"}"#;
    for (filter, config) in
        [(FILTER, ""), (FILTER, tokens), ("identity", ""), (ASYNQ, ""), (ASYNQ, asynq::KEYED)]
    {
        let mut guest = guest(filter, config);
        let (payloads, gone) = match filter {
            ASYNQ => (payloads::of(&payloads::ASYNQ_LINES), "zoe@example.org"),
            _ => (payloads::all(), "203.0.113.2"),
        };
        for payload in payloads {
            let expected = payloads::expected(filter, config, &payload).unwrap();
            if filter == "identity" {
                assert_eq!(expected, payload.body, "{}", payload.name);
            } else {
                assert!(!String::from_utf8_lossy(&expected).contains(gone), "{}", payload.name);
            }
            let deliveries =
                [Delivery::Whole, Delivery::Chunks(1), Delivery::Chunks(7), Delivery::ChunksThenEnd(100)];
            for delivery in deliveries {
                let passed = guest.request(request(&payload), delivery).unwrap();
                let Passed::On(message) = &passed else { panic!("{}: {passed:?}", payload.name) };
                assert_eq!(message.header("content-length"), None);
                assert_eq!(
                    String::from_utf8_lossy(&message.body),
                    String::from_utf8_lossy(&expected),
                    "{filter}: {} {delivery:?}",
                    payload.name
                );
            }
            let mut trailing = request(&payload);
            trailing.trailers = vec![("checksum".into(), b"1".to_vec())];
            assert_eq!(body(guest.request(trailing, Delivery::Chunks(50)).unwrap()), expected);
        }
    }
}

#[test]
fn a_body_split_at_any_byte_is_the_same_body() {
    let mut guest = guest(FILTER, "");
    let payload = payloads::all().into_iter().find(|p| p.name == "loki").unwrap();
    let expected = payloads::expected(FILTER, "", &payload).unwrap();
    for cut in 1..payload.body.len() {
        assert_eq!(body(guest.request(request(&payload), Delivery::Chunks(cut)).unwrap()), expected, "{cut}");
    }
}

#[test]
fn what_cannot_be_filtered_is_refused() {
    let mut guest = guest(FILTER, r#"{"body":{"max_bytes":100,"text_fallback":false}}"#);
    let json = ("content-type", "application/json");
    let long = format!("[{}]", "1,".repeat(100)).replace(",]", "]");
    for (headers, body, expected) in [
        (vec![json], b"{}".to_vec(), 0),
        (vec![json], b"{".to_vec(), 400),
        (vec![json], long.clone().into_bytes(), 413),
        (vec![json, ("content-length", "101")], b"{}".to_vec(), 413),
        (vec![("content-type", "application/x-protobuf")], b"\x0a\x01".to_vec(), 415),
        (vec![("content-type", "application/grpc")], b"\x00".to_vec(), 415),
        (vec![], b"\x0a\x00\x01".to_vec(), 415),
        (vec![json, ("content-encoding", "zstd")], b"{}".to_vec(), 415),
        (vec![json, ("content-encoding", "gzip")], b"{}".to_vec(), 400),
        (vec![json, ("content-encoding", "gzip")], gzip(b"{}"), 0),
        (vec![json, ("content-encoding", "gzip")], gzip(long.as_bytes()), 413),
        (vec![json, ("upgrade", "websocket")], b"{}".to_vec(), 415),
        (vec![json, ("upgrade", "h2c")], b"{}".to_vec(), 0),
        (vec![], b"".to_vec(), 0),
    ] {
        for delivery in [Delivery::Whole, Delivery::Chunks(3), Delivery::ChunksThenEnd(50)] {
            let passed = guest.request(post(&headers, &body), delivery).unwrap();
            assert_eq!(
                status(&passed),
                expected,
                "{headers:?} {:?} {passed:?}",
                String::from_utf8_lossy(&body)
            );
        }
    }
    let counted = guest.metrics().iter().find(|(name, _)| name.ends_with(".rejected")).unwrap().1;
    assert_eq!(counted, 30);
    let get = Message::new(&[(":method", "GET"), (":path", "/ready")], "");
    assert_eq!(status(&guest.request(get, Delivery::Whole).unwrap()), 0);
}

#[test]
fn what_may_pass_unfiltered_must_be_chosen() {
    let config = r#"{"body":{"max_bytes":10,"over_limit":"pass","on_unsupported":"pass","content_types":{"text/x-raw":"pass","text/x-no":"reject"}}}"#;
    let mut guest = guest(FILTER, config);
    let line = b"remote addr 203.0.113.200:51234";
    for (ty, expected) in [("text/plain", 0), ("image/png", 0), ("text/x-raw", 0), ("text/x-no", 415)] {
        for delivery in [Delivery::Whole, Delivery::Chunks(4), Delivery::ChunksThenEnd(4)] {
            let passed = guest.request(post(&[("content-type", ty)], line), delivery).unwrap();
            assert_eq!(status(&passed), expected, "{ty}");
            if expected == 0 {
                assert_eq!(body(passed), line, "{ty} {delivery:?}");
            }
        }
    }
}

#[test]
fn gzip_goes_on_unfolded() {
    let mut guest = guest("identity", "");
    let headers = [("content-type", "text/plain"), ("content-encoding", "gzip"), ("digest", "x")];
    let message = post(&headers, &gzip(b"some\nlines\n"));
    let Passed::On(message) = guest.request(message, Delivery::Chunks(5)).unwrap() else { panic!() };
    assert_eq!(message.body, b"some\nlines\n");
    assert_eq!((message.header("content-encoding"), message.header("digest")), (None, None));
}

#[test]
fn responses_are_filtered_when_asked_for() {
    let payload = payloads::all().into_iter().find(|p| p.name == "array").unwrap();
    // A response has no path, so its tag is that of the request.
    let expected = payloads::expected(FILTER, "", &payload).unwrap();
    let get = || Message::new(&[(":method", "GET"), (":path", "/"), ("accept-encoding", "br")], "");
    let response = |ty| Message::new(&[(":status", "200"), ("content-type", ty)], payload.body.clone());
    let mut on = guest(FILTER, r#"{"body":{"response":true}}"#);
    for delivery in [Delivery::Whole, Delivery::Chunks(9), Delivery::ChunksThenEnd(9)] {
        let passed = on.response(get(), response("application/json"), delivery).unwrap();
        assert_eq!(body(passed), expected);
    }
    assert_eq!(status(&on.response(get(), response("image/png"), Delivery::Whole).unwrap()), 502);
    let Passed::On(message) = on.request(get(), Delivery::Whole).unwrap() else { panic!() };
    assert_eq!(message.header("accept-encoding"), None);
    let mut off = guest(FILTER, "");
    assert_eq!(
        body(off.response(get(), response("application/json"), Delivery::Whole).unwrap()),
        payload.body
    );
}

#[test]
fn a_bad_config_is_refused_in_the_words_of_the_native_host() {
    let wasm = artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm;
    let refusal = |result: anyhow::Result<Box<dyn Host>>| match result {
        Ok(_) => panic!("the config was accepted"),
        Err(error) => error.downcast::<Refused>().unwrap().0,
    };
    for config in [r#"{"no_such_key":1}"#, "{", "[]x", r#"{"key":{"id":"k","env":"NO_SUCH_VARIABLE"}}"#] {
        let on_native = refusal(native::open(FILTER, config, &quiet()));
        let on_proxy = refusal(host::open(HostKind::ProxyWasm, &engines(), wasm, config, &quiet()));
        assert_eq!(on_proxy, on_native, "{config}");
    }
    let error = Guest::start(&engines(), wasm, r#"{"filter":{},"bdoy":{}}"#, &quiet()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "config $.bdoy: unknown key 'bdoy'; did you mean 'body'? known: filter, body, live; options of the filter belong into 'filter'"
    );
}

#[test]
fn batches_come_back_record_by_record() {
    let mut text = Batch::new("turn", Encoding::Text);
    let mut json = Batch::new("turn", Encoding::Json);
    for line in payloads::LINES {
        for batch in [&mut text, &mut json] {
            batch.push(0, b"");
            batch.push(0, b" \t");
            batch.push(0, line.as_bytes());
            batch.push(0, b"\xFF\x00 203.0.113.200:4 \xC3");
        }
        json.push(0, format!("{{\n\"log\": {}\n}}", serde_json::json!(line)).as_bytes());
        json.push(0, format!("{{\"log\":{}}}", serde_json::json!(line)).as_bytes());
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/coturn");
    for name in ["4.17.1-default-verbose.log", "4.6.1-hostile-usernames.log", "4.6.1-load-mixed.log"] {
        let log = fs::read(corpus.join(name)).unwrap();
        for line in log.split(|b| *b == b'\n').take(1000) {
            text.push(0, line);
            let record = serde_json::json!({"time": 1_700_000_000, "log": String::from_utf8_lossy(line)});
            let record = record.to_string();
            json.push(timestamp::of_json(record.as_bytes()), record.as_bytes());
        }
    }
    let engines = engines();
    let wasm = artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm;
    let aggregate = r#"{"aggregate":{"window_seconds":1}}"#;
    for (config, delivery) in
        [("", Delivery::Whole), ("", Delivery::Chunks(1300)), (aggregate, Delivery::ChunksThenEnd(60_000))]
    {
        let mut proxy = ProxyWasm::open(&engines, wasm, config, &quiet(), delivery).unwrap();
        let mut oracle = native::open(FILTER, config, &quiet()).unwrap();
        for batch in [&text, &json] {
            let (mut got, mut wanted) = (Outcome::default(), Outcome::default());
            proxy.process(batch, &mut got).unwrap();
            oracle.process(batch, &mut wanted).unwrap();
            let (got, wanted) = (resolved(batch, &got), resolved(batch, &wanted));
            assert_eq!(config.is_empty(), !wanted.contains(&None), "only aggregation drops");
            for (i, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                assert_eq!(got, wanted, "{:?} {}", batch.encoding, String::from_utf8_lossy(batch.body(i)));
            }
        }
        assert_eq!(proxy.counters().unwrap(), oracle.counters().unwrap());
    }
}

#[test]
fn hostile_records_come_back_as_from_the_native_filter() {
    let source = poison::of(ASYNQ);
    let mut text = Batch::new("worker", Encoding::Text);
    let mut json = Batch::new("worker", Encoding::Json);
    for i in 0..poison::HOSTILE {
        // One record is one line of a body; bytes that are not UTF-8 are for another test.
        let line = String::from_utf8_lossy(&poison::hostile_line(source, i)).replace(['\r', '\0'], "");
        text.push(0, line.as_bytes());
        json.push(0, format!("{{\"n\":{i},\"log\":{}}}", serde_json::json!(line)).as_bytes());
    }
    for i in 0..poison::GOOD {
        text.push(0, (source.good_line)(i).as_bytes());
    }
    let engines = engines();
    let wasm = artifacts::find(ASYNQ, HostKind::ProxyWasm).unwrap().wasm;
    let mut proxy = ProxyWasm::open(&engines, wasm, "", &quiet(), Delivery::Chunks(60_000)).unwrap();
    let mut oracle = native::open(ASYNQ, "", &quiet()).unwrap();
    for batch in [&text, &json] {
        let (mut got, mut wanted) = (Outcome::default(), Outcome::default());
        proxy.process(batch, &mut got).unwrap();
        oracle.process(batch, &mut wanted).unwrap();
        for (i, (got, wanted)) in resolved(batch, &got).iter().zip(&resolved(batch, &wanted)).enumerate() {
            assert_eq!(got, wanted, "{:?} {}", batch.encoding, String::from_utf8_lossy(batch.body(i)));
        }
    }
    assert_eq!(proxy.counters().unwrap(), oracle.counters().unwrap());
}

/// What is left of each record.
fn resolved(batch: &Batch, outcome: &Outcome) -> Vec<Option<String>> {
    let mut changed = 0;
    let records = outcome.actions.iter().enumerate().map(|(i, action)| {
        let body = match action {
            Action::Keep => batch.body(i),
            Action::Drop => return None,
            Action::Replace | Action::ReplaceJson => {
                changed += 1;
                outcome.body(changed - 1)
            }
        };
        Some(String::from_utf8_lossy(body).into_owned())
    });
    records.collect()
}

#[test]
fn poison_does_no_harm_to_what_follows() {
    harmless(FILTER, &payloads::all());
    harmless(ASYNQ, &payloads::of(&payloads::ASYNQ_LINES));
}

fn harmless(filter: &str, good: &[Payload]) {
    let mut guest = guest(filter, "");
    let expected: Vec<_> = good.iter().map(|p| payloads::expected(filter, "", p).unwrap()).collect();
    let hostile: Vec<Vec<u8>> = vec![
        vec![b'['; 200_000],
        b"{\"streams\":[{\"values\":[[\"1\",".to_vec(),
        [vec![b'['; 100_000], vec![b']'; 100_000]].concat(),
        "{\"a\":".repeat(50_000).into_bytes(),
        vec![0xFF; 10_000],
        vec![0; 10_000],
        b"\"\\ud800\\udc00\\ud800\" \"\\u12".to_vec(),
        vec![b'"'; 9_999],
        b"{\"event\":\"\\ud800 203.0.113.200\"}".to_vec(),
        b"{\"index\":{}}\n".to_vec(),
        format!("<{}>", "1.2.3.4:".repeat(5_000)).into_bytes(),
        b"\n\r\n\r\r\n".to_vec(),
    ];
    let types = ["application/json", "application/x-ndjson", "text/plain", ""];
    let paths = ["/", "/_bulk", "/loki/api/v1/push", "/v1/logs", "/services/collector"];
    let mut sent = 0;
    let mut memory = 0;
    for round in 0..3 {
        for body in &hostile {
            for ty in types {
                for path in paths {
                    let headers = [(":method", "POST"), (":path", path), ("content-type", ty)];
                    guest.request(Message::new(&headers, body.clone()), Delivery::Chunks(65_536)).unwrap();
                    sent += 1;
                }
            }
        }
        for (payload, expected) in good.iter().zip(&expected) {
            let passed = guest.request(request(payload), Delivery::Whole).unwrap();
            assert_eq!(&body(passed), expected, "{}", payload.name);
        }
        if round == 0 {
            memory = guest.memory_bytes();
        }
    }
    assert_eq!(sent, 3 * 240);
    assert_eq!(guest.memory_bytes(), memory, "memory grows from round to round");
}
