//! The real Envoy with `examples/envoy/chatwoot.yaml` before a stand-in that answers as Chatwoot's routes do: what
//! becomes known of the traffic, and that the traffic does not notice.
//!
//! Envoy is the binary that `ENVOY` names, or the one that `make setup` puts into `.venv`.
//! Without either the tests say so and pass. All sockets are on the loopback interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tamis::{artifacts, host::HostKind};
use tamis_tests::envoy::{Config, Envoy, Http, PATIENCE, envoy_or_skip, server};

const FILTER: &str = "chatwoot-auth-tagger";

/// The routes of Chatwoot that matter here, by what it answers to whom.
fn chatwoot() -> (u16, mpsc::Receiver<Http>) {
    server(|request| {
        let mut line = request.start.split(' ');
        let (method, target) = (line.next().unwrap_or(""), line.next().unwrap_or(""));
        let path = target.split('?').next().unwrap_or("");
        let body = String::from_utf8_lossy(&request.body);
        let right = body.contains("right");
        let signed_in = request.header("api_access_token") == Some("right");
        let (status, headers) = match (method, path) {
            ("POST", "/auth/sign_in") if body.contains("otp_code") && right => {
                (200, "uid: zoe@a.example\r\n")
            }
            ("POST", "/auth/sign_in") if body.contains("otp_code") => (400, ""),
            ("POST", "/auth/sign_in") if body.contains("mfa@") && right => (206, ""),
            ("POST", "/auth/sign_in") if right => (200, "uid: zoe@a.example\r\n"),
            ("POST", "/auth/sign_in") => (401, ""),
            ("DELETE", "/auth/sign_out") => (200, ""),
            ("POST", "/auth/password") => (200, ""),
            ("POST", "/super_admin/sign_in") if right => (302, "location: http://c.example/super_admin\r\n"),
            ("POST", "/super_admin/sign_in") => (302, "location: http://c.example/super_admin/sign_in\r\n"),
            ("GET", "/omniauth/saml/callback") => {
                (302, "location: http://c.example/app/login?email=a&sso_auth_token=s3cret-token\r\n")
            }
            ("POST", "/api/v1/accounts/1/webhooks") if signed_in => (200, ""),
            (_, path) if path.starts_with("/api/v1/") && !signed_in => (401, ""),
            ("GET", "/app/login" | "/") => (200, ""),
            ("GET", "/slow") => {
                thread::sleep(Duration::from_millis(300));
                (200, "")
            }
            _ => (404, ""),
        };
        format!("HTTP/1.1 {status} x\r\n{headers}content-length: 4\r\n\r\nbody").into_bytes()
    })
}

struct Live {
    envoy: Envoy,
    got: mpsc::Receiver<Http>,
    access_log: std::path::PathBuf,
}

fn start(binary: &Path, workers: &str, change: impl FnOnce(&mut Config)) -> Live {
    let (port, got) = chatwoot();
    let mut config = Config::example("examples/envoy/chatwoot.yaml");
    config.put("port_value: 3000", &format!("port_value: {port}"));
    let wasm = artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm;
    config.module("/etc/envoy/chatwoot-auth-tagger.proxy-wasm.wasm", wasm);
    let access_log = config.file("access.log");
    config.put("/dev/stdout", access_log.to_str().unwrap());
    change(&mut config);
    let args = ["--concurrency", workers, "--log-level", "error", "--component-log-level", "wasm:info"];
    let envoy = config.start(binary, &[&args[..], &["--file-flush-interval-msec", "50"]].concat(), &[]);
    Live { envoy: envoy.wait_until_ready(), got, access_log }
}

/// A request and what comes back; what the server got is as it was sent.
fn ask(live: &Live, method: &str, target: &str, headers: &str, body: &str) -> Http {
    let length = body.len();
    let wire = format!(
        "{method} {target} HTTP/1.1\r\nhost: c.example\r\nconnection: close\r\nuser-agent: curl/8\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    let answer = Envoy::send(live.envoy.port, wire.into_bytes());
    let got = live.got.recv_timeout(PATIENCE);
    let got = got.unwrap_or_else(|_| panic!("nothing came through: {answer:?} {}", live.envoy.log()));
    assert_eq!(String::from_utf8_lossy(&got.body), body);
    assert_eq!(got.start, format!("{method} {target} HTTP/1.1"));
    assert_eq!(answer.body, b"body");
    answer
}

fn sign_in(live: &Live, client: &str, user: &str, password: &str) -> Http {
    let headers =
        format!("content-type: application/json\r\nx-forwarded-for: {client}\r\nx-request-id: {user}-1\r\n");
    let body = format!(r#"{{"email":"{user}","password":"{password}"}}"#);
    ask(live, "POST", "/auth/sign_in", &headers, &body)
}

/// The events in Envoy's log: one JSON object at the end of each line of the filter.
fn events(live: &Live) -> Vec<Value> {
    let log = live.envoy.log();
    let json = log.lines().filter_map(|line| line.find(": {\"@timestamp\"").map(|at| &line[at + 2..]));
    json.map(|text| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))).collect()
}

fn wait_for<T>(what: &str, live: &Live, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "no {what}: {}", live.envoy.log());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn traffic_becomes_events_in_the_log_the_access_log_and_the_metrics() {
    let Some(binary) = envoy_or_skip() else { return };
    // Two hops: this Envoy, and the load balancer that the tests play.
    let live = start(&binary, "1", |config| config.put("\"trusted_hops\": 1", "\"trusted_hops\": 2"));
    let client = "6.6.6.6, 203.0.113.7";
    let form = "content-type: application/x-www-form-urlencoded\r\nx-forwarded-for: 203.0.113.9\r\n";
    let json = "content-type: application/json\r\nx-forwarded-for: 203.0.113.9\r\n";
    let plain = "x-forwarded-for: 203.0.113.9\r\n";
    assert_eq!(sign_in(&live, client, "zoe@a.example", "wr0ng").status(), 401);
    assert_eq!(sign_in(&live, client, "zoe@a.example", "right").status(), 200);
    assert_eq!(sign_in(&live, client, "mfa@a.example", "right").status(), 206);
    let mut expected = vec![
        ("user-login", "failure", "zoe@a.example"),
        ("user-login", "success", "zoe@a.example"),
        ("mfa-challenge", "unknown", "mfa@a.example"),
    ];
    let code = r#"{"email":"mfa@a.example","mfa_token":"x","otp_code":"000000"}"#;
    let admin = "super_admin%5Bemail%5D=root%40a.example&super_admin%5Bpassword%5D=";
    for (method, target, headers, body, event) in [
        ("POST", "/auth/sign_in", json, code.to_owned(), Some(("mfa-verify", "failure", "mfa@a.example"))),
        (
            "POST",
            "/super_admin/sign_in",
            form,
            format!("{admin}pa55"),
            Some(("admin-login", "failure", "root@a.example")),
        ),
        (
            "POST",
            "/super_admin/sign_in",
            form,
            format!("{admin}right"),
            Some(("admin-login", "success", "root@a.example")),
        ),
        ("GET", "/omniauth/saml/callback?x=1", plain, String::new(), Some(("sso-login", "success", ""))),
        (
            "POST",
            "/auth/password",
            json,
            r#"{"email":"kim@a.example"}"#.to_owned(),
            Some(("password-reset-request", "success", "kim@a.example")),
        ),
        ("GET", "/api/v1/accounts/1/agents", plain, String::new(), Some(("api-auth", "failure", ""))),
        (
            "POST",
            "/api/v1/accounts/1/webhooks",
            "api_access_token: right\r\n",
            "{\"url\":\"x\"}".to_owned(),
            Some(("webhook-create", "success", "")),
        ),
        ("GET", "/.env", plain, String::new(), Some(("suspicious-request", "failure", ""))),
        ("GET", "/app/login", plain, String::new(), None),
        ("GET", "/favicon.ico", plain, String::new(), None),
    ] {
        ask(&live, method, target, headers, &body);
        expected.extend(event);
    }
    let found = wait_for("events", &live, || Some(events(&live)).filter(|e| e.len() >= expected.len()));
    let short: Vec<(String, String, String)> = found
        .iter()
        .map(|e| {
            let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
            (text(&e["event"]["action"]), text(&e["event"]["outcome"]), text(&e["user"]["name"]))
        })
        .collect();
    let short: Vec<(&str, &str, &str)> =
        short.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(short, expected);
    assert_eq!(found[0]["source"]["ip"], "203.0.113.7");
    assert_eq!(found[0]["http"]["response"]["status_code"], 401);
    let log = live.envoy.log();
    for secret in ["wr0ng", "pa55", "right", "000000", "s3cret-token"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    for (name, count) in [
        ("requests", expected.len() as u64 + 2),
        ("failures", 0),
        ("event.user-login.failure", 1),
        ("event.admin-login.success", 1),
    ] {
        assert_eq!(live.envoy.counter(&format!("wasmcustom.tamis.{FILTER}.{name}")), count, "{name}");
    }
    let access = wait_for("access log", &live, || {
        let text = fs::read_to_string(&live.access_log).unwrap_or_default();
        (text.lines().count() >= expected.len() + 2).then_some(text)
    });
    let first: Value = serde_json::from_str(access.lines().next().unwrap()).unwrap();
    assert_eq!(first["action"], "user-login");
    assert_eq!(first["outcome"], "failure");
    let inner: Value = serde_json::from_str(first["event"].as_str().unwrap()).unwrap();
    assert_eq!(inner, found[0]);
    let none: Value = serde_json::from_str(access.lines().nth(11).unwrap()).unwrap();
    assert!(none["action"].is_null(), "{none}");
}

#[test]
fn an_attack_over_all_workers_is_one_alert() {
    let Some(binary) = envoy_or_skip() else { return };
    let live = start(&binary, "4", |_| ());
    // One connection each: Envoy spreads them.
    for i in 0..12 {
        assert_eq!(sign_in(&live, "", "zoe@a.example", &format!("wr0ng-{i}")).status(), 401);
    }
    let alerts =
        |live: &Live| -> Vec<Value> { events(live).into_iter().filter(|e| !e["alerts"].is_null()).collect() };
    wait_for("alert", &live, || alerts(&live).pop());
    wait_for("events", &live, || (events(&live).len() >= 13).then_some(()));
    let alerts = alerts(&live);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["alert"], "brute-force-detected");
    assert_eq!(alerts[0]["alerts"][0]["related"]["user"][0], "zoe@a.example");
    assert_eq!(live.envoy.counter(&format!("tamis.{FILTER}.alert.brute-force-detected")), 1);
    assert_eq!(live.envoy.counter(&format!("tamis.{FILTER}.failures")), 0);
}

#[test]
fn traffic_is_neither_held_nor_lost_when_the_observer_fails() {
    let Some(binary) = envoy_or_skip() else { return };
    // A module that does all that an ABI asks for, and dies at every request.
    let dying = r#"(module (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "_initialize"))
        (func (export "malloc") (param i32) (result i32) i32.const 1024)
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
        (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;
    let live = start(&binary, "1", |config| {
        fs::write(config.file("filter.wasm"), wat::parse_str(dying).unwrap()).unwrap();
    });
    // Envoy itself answers the request at which a worker's module dies, whatever the policy.
    assert_eq!(Envoy::get(live.envoy.port, "/").status(), 503);
    for _ in 0..3 {
        assert_eq!(sign_in(&live, "", "zoe@a.example", "right").status(), 200);
    }

    // What the upstream takes long for is not held up before it, and a large body goes through as it came.
    let live = start(&binary, "1", |_| ());
    let body = "x".repeat(3 << 20);
    assert_eq!(
        ask(&live, "POST", "/auth/sign_in", "content-type: application/json\r\n", &body).status(),
        401
    );
    assert_eq!(ask(&live, "GET", "/slow", "", "").status(), 200);
}

#[test]
fn a_bad_config_keeps_envoy_from_starting() {
    let Some(binary) = envoy_or_skip() else { return };
    let mut config = Config::example("examples/envoy/chatwoot.yaml");
    let wasm = artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm;
    config.module("/etc/envoy/chatwoot-auth-tagger.proxy-wasm.wasm", wasm);
    config.put("\"trusted_hops\": 1", "\"trusted_hop\": 1");
    let mut envoy = config.start(&binary, &["--log-level", "error"], &[]);
    assert_eq!(envoy.wait_until_ended().code(), Some(1));
    let log = envoy.log();
    assert!(
        log.contains("config $.live.trusted_hop: unknown key 'trusted_hop'; did you mean 'trusted_hops'"),
        "{log}"
    );
}
