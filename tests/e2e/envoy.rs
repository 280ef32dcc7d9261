//! The real Envoy with `examples/envoy/envoy.yaml`: what reaches the store must be, byte for
//! byte, what the filter makes of it in this process.
//!
//! Envoy is the binary that `ENVOY` names, or the one that `make setup` puts into `.venv`.
//! Without either the tests say so and pass. All sockets are on the loopback interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{io::Write, path::Path, sync::mpsc};

use tamis::{
    artifacts, bake,
    host::{Engines, HostKind, HostOptions},
};
use tamis_tests::{
    envoy::{Config, Envoy, Http, PATIENCE, envoy_or_skip, server},
    payloads::{self, Payload},
};

const FILTER: &str = "coturn-ip-anonymizer";

/// A log store that takes all, tells what it got, and answers with the body of the request,
/// under the content type that `answer-type` names.
fn store() -> (u16, mpsc::Receiver<Http>) {
    server(|request| {
        let ty = ["answer-type", "content-type"].iter().find_map(|name| request.header(name));
        let ty = ty.unwrap_or("text/plain");
        let length = request.body.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {ty}\r\ncontent-length: {length}\r\n\r\n");
        [head.as_bytes(), &request.body].concat()
    })
}

/// How a body is sent.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Chunks(usize),
    ChunksAndTrailer(usize),
}

fn module() -> &'static [u8] {
    artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm
}

/// Start Envoy on the example, with this plugin configuration in place of its own.
fn start(binary: &Path, store_port: u16, plugin: &str, key: &str) -> Envoy {
    start_module(binary, store_port, module(), &[plugin], key)
}

/// The same with another module, and with as many plugins of its one VM as there are configs.
fn start_module(binary: &Path, store_port: u16, wasm: &[u8], plugins: &[&str], key: &str) -> Envoy {
    let mut config = Config::example("examples/envoy/envoy.yaml");
    config.put("port_value: 3100", &format!("port_value: {store_port}"));
    config.module("/etc/envoy/coturn-ip-anonymizer.proxy-wasm.wasm", wasm);
    let plugin = config.between("- name: coturn-ip-anonymizer", "value: |");
    let chain: String = plugins
        .iter()
        .enumerate()
        .map(|(i, text)| {
            let of_one_vm = plugin.replace("root_id: coturn-ip-anonymizer", &format!("root_id: root{i}"));
            format!("{of_one_vm}value: '{text}'\n                  ")
        })
        .collect();
    config.put_between("- name: coturn-ip-anonymizer", "- name: envoy.filters.http.router", &chain);
    config.start(binary, &["--concurrency", "1", "--log-level", "error"], &[("TAMIS_KEY", key)])
}

fn post(envoy: &Envoy, payload: &Payload, extra: &[(&str, &str)], framing: Framing) -> Http {
    let mut head = format!("POST {} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n", payload.path);
    if !payload.content_type.is_empty() {
        head += &format!("content-type: {}\r\n", payload.content_type);
    }
    for (name, value) in extra {
        head += &format!("{name}: {value}\r\n");
    }
    let mut wire = match framing {
        Framing::Length => format!("content-length: {}\r\n\r\n", payload.body.len()),
        Framing::Chunks(_) => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        Framing::ChunksAndTrailer(_) => "trailer: sum\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
    }
    .into_bytes();
    wire.splice(0..0, head.into_bytes());
    match framing {
        Framing::Length => wire.extend_from_slice(&payload.body),
        Framing::Chunks(size) | Framing::ChunksAndTrailer(size) => {
            for chunk in payload.body.chunks(size) {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n");
            if matches!(framing, Framing::ChunksAndTrailer(_)) {
                wire.extend_from_slice(b"sum: 1\r\n");
            }
            wire.extend_from_slice(b"\r\n");
        }
    }
    Envoy::send(envoy.port, wire)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn payload(path: &'static str, content_type: &'static str, body: &[u8]) -> Payload {
    Payload { name: "", path, content_type, body: body.to_vec() }
}

#[test]
fn what_reaches_the_store_is_what_the_filter_makes_of_it() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let plugin = r#"{"filter": {}, "body": {"response": true}}"#;
    let envoy = start(&binary, store_port, plugin, "").wait_until_ready();
    let good = payloads::all();
    let check_good = || {
        for payload in &good {
            let expected = payloads::expected(FILTER, "", payload).unwrap();
            for framing in [Framing::Length, Framing::Chunks(11), Framing::ChunksAndTrailer(300)] {
                let answer = post(&envoy, payload, &[], framing);
                assert_eq!(answer.status(), 200, "{}: {answer:?} {}", payload.name, envoy.log());
                let got = stored.recv_timeout(PATIENCE).unwrap();
                assert_eq!(text(&got.body), text(&expected), "{} {framing:?}", payload.name);
                assert!(got.start.starts_with(&format!("POST {} ", payload.path)));
                assert_eq!(got.header("accept-encoding"), None);
            }
        }
    };
    check_good();
    assert!(envoy.counter("tamis.coturn-ip-anonymizer.records") > 100);

    // Refused by the filter, or by Envoy itself; none of it gets to the store.
    let large = vec![b'a'; (4 << 20) + 1];
    let json = "application/json";
    for (payload, extra, framing, status) in [
        (payload("/", "text/plain", &large), None, Framing::Length, 413),
        (payload("/", "text/plain", &large), None, Framing::Chunks(60_000), 413),
        (payload("/v1/logs", "application/x-protobuf", b"\x0a\x01\x02"), None, Framing::Length, 415),
        (payload("/loki/api/v1/push", "application/x-protobuf", b"\x0a"), None, Framing::Chunks(1), 415),
        (payload("/", "", b"\x00\x01"), None, Framing::Length, 415),
        (payload("/", json, b"{}"), Some(("content-encoding", "br")), Framing::Length, 415),
        (payload("/", json, b"{}"), Some(("content-encoding", "gzip")), Framing::Length, 400),
    ] {
        let extra: Vec<_> = extra.into_iter().collect();
        let answer = post(&envoy, &payload, &extra, framing);
        assert_eq!(answer.status(), status, "{} {extra:?} {framing:?}: {answer:?}", payload.content_type);
    }
    assert_eq!(envoy.counter("tamis.coturn-ip-anonymizer.rejected"), 7);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&good[0].body).unwrap();
    let zipped = Payload { body: encoder.finish().unwrap(), ..good[0].clone() };
    assert_eq!(post(&envoy, &zipped, &[("content-encoding", "gzip")], Framing::Chunks(9)).status(), 200);
    let got = stored.iter().find(|got| !got.body.is_empty()).unwrap();
    assert_eq!(text(&got.body), text(&payloads::expected(FILTER, "", &good[0]).unwrap()));
    assert_eq!(got.header("content-encoding"), None);
    assert_eq!(Envoy::get(envoy.port, "/ready").status(), 200);
    assert_eq!(stored.recv_timeout(PATIENCE).unwrap().body, b"");

    // A response that cannot be filtered does not get to the client.
    let answer = post(&envoy, &good[0], &[("answer-type", "image/png")], Framing::Length);
    assert_eq!(answer.status(), 502, "{answer:?}");
    assert!(!text(&answer.body).contains("203.0.113"), "{answer:?}");
    stored.recv_timeout(PATIENCE).unwrap();

    // Poison: whatever becomes of it, the worker lives on.
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let open = "{\"a\":".repeat(50_000).into_bytes();
    for body in [deep.as_slice(), &open, &[0xFF; 9_999], b"\"\\ud800", b"{\"index\":{}}\n", &[b'"'; 5_001]] {
        for ty in [json, "application/x-ndjson", "text/plain"] {
            for path in ["/", "/_bulk", "/loki/api/v1/push", "/v1/logs", "/services/collector"] {
                let answer = post(&envoy, &payload(path, ty, body), &[], Framing::Length);
                assert!(matches!(answer.status(), 200 | 400), "{ty} {path}: {answer:?}");
            }
        }
    }
    while stored.try_recv().is_ok() {}
    check_good();
}

#[test]
fn a_bad_config_keeps_envoy_from_starting() {
    let Some(binary) = envoy_or_skip() else { return };
    let mut envoy = start(&binary, 1, r#"{"filter": {"no_such_key": 1}}"#, "");
    let status = envoy.wait_until_ended();
    assert_eq!(status.code(), Some(1));
    let log = envoy.log();
    assert!(log.contains("config $.filter.no_such_key: unknown key 'no_such_key'"), "{log}");
}

#[test]
fn a_baked_module_needs_no_config_and_serves_all_plugins_of_its_vm() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let config = r#"{"key":{"id":"k1","value":"0123456789abcdef"},"ip":{"mode":"token"}}"#;
    let engines = Engines::with_cache_dir(None).unwrap();
    let wasm = bake::bake(&engines, module(), config, None, &HostOptions::default()).unwrap().wasm;
    let plugins = ["", r#"{"body": {"response": true}}"#];
    let envoy = start_module(&binary, store_port, &wasm, &plugins, "").wait_until_ready();
    for payload in payloads::all() {
        assert_eq!(post(&envoy, &payload, &[], Framing::Chunks(100)).status(), 200, "{}", envoy.log());
        let expected = payloads::expected(FILTER, config, &payload).unwrap();
        assert_eq!(text(&stored.recv_timeout(PATIENCE).unwrap().body), text(&expected), "{}", payload.name);
    }
    assert!(envoy.counter("tamis.coturn-ip-anonymizer.records") > 0);
    drop(envoy);

    let mut envoy = start_module(&binary, 1, &wasm, &[r#"{"filter": {}}"#], "");
    assert_eq!(envoy.wait_until_ended().code(), Some(1));
    assert!(envoy.log().contains("config $.filter: this module has its config inside"), "{}", envoy.log());
}

#[test]
fn a_key_comes_from_the_environment() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let filter = r#"{"key":{"id":"k1","env":"TAMIS_KEY"},"ip":{"mode":"token"}}"#;
    let inline = r#"{"key":{"id":"k1","value":"0123456789abcdef"},"ip":{"mode":"token"}}"#;
    let plugin = format!(r#"{{"filter": {filter}}}"#);
    let envoy = start(&binary, store_port, &plugin, "0123456789abcdef").wait_until_ready();
    let payload = payloads::all().remove(0);
    assert_eq!(post(&envoy, &payload, &[], Framing::Length).status(), 200);
    let expected = payloads::expected(FILTER, inline, &payload).unwrap();
    assert_eq!(text(&stored.recv_timeout(PATIENCE).unwrap().body), text(&expected));
}

#[test]
fn a_request_without_a_record_left_is_answered_as_by_the_store() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let plugin = r#"{"filter": {"aggregate": {"window_seconds": 3600}}}"#;
    let envoy = start(&binary, store_port, plugin, "").wait_until_ready();
    let line = payloads::LINES[1];
    let hec = serde_json::json!({"time": 1_700_000_000, "event": line}).to_string();
    let loki = serde_json::json!({"streams": [{"stream": {}, "values": [["1700000000000000000", line]]}]});
    for (path, body, status, answer) in [
        ("/services/collector/event", hec, 200, r#"{"text":"Success","code":0}"#),
        ("/loki/api/v1/push", loki.to_string(), 204, ""),
    ] {
        let got = post(&envoy, &payload(path, "application/json", body.as_bytes()), &[], Framing::Length);
        assert_eq!((got.status(), text(&got.body).as_str()), (status, answer), "{got:?} {}", envoy.log());
    }
    // Envoy may have sent the headers on; no body ever follows them.
    assert!(stored.try_recv().is_err());
}
