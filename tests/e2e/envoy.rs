//! The real Envoy with `examples/envoy/envoy.yaml`: what reaches the store must be, byte for
//! byte, what the filter makes of it in this process.
//!
//! Envoy is the binary that `ENVOY` names, or the one that `make setup` puts into `.venv`.
//! Without either the tests say so and pass. All sockets are on the loopback interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tamis::{
    artifacts, bake,
    host::{Engines, HostKind, HostOptions},
};
use tamis_tests::payloads::{self, Payload};

const FILTER: &str = "coturn-ip-anonymizer";

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn module() -> &'static [u8] {
    artifacts::find(FILTER, HostKind::ProxyWasm).unwrap().wasm
}

fn find_envoy() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ENVOY").filter(|v| !v.is_empty()) {
        return Some(named.into());
    }
    // The package's `bin/envoy` is a script around this binary.
    let versions = fs::read_dir(workspace().join(".venv/lib")).ok()?;
    versions
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|binary| binary.is_file())
}

/// Envoy, or a line that says why not.
fn envoy_or_skip() -> Option<PathBuf> {
    let found = find_envoy();
    if found.is_none() {
        println!("skipped: there is no Envoy: set ENVOY to its binary, or run `make setup`");
    }
    found
}

/// An HTTP/1.1 message as it came: first line, headers in lower case, body.
#[derive(Debug, Default)]
struct Http {
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Http {
    /// Read one message; nothing if the connection ends before it.
    fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            (from.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
        };
        let mut http = Self { start: line()?, ..Self::default() };
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            http.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if http.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                from.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim().split(';').next()?, 16).ok()?;
                if size == 0 {
                    break;
                }
                let mut chunk = vec![0; size + 2];
                from.read_exact(&mut chunk).ok()?;
                http.body.extend_from_slice(&chunk[..size]);
            }
            // Trailers and the empty line after them.
            loop {
                let mut line = String::new();
                from.read_line(&mut line).ok()?;
                if line.trim_end().is_empty() {
                    break;
                }
            }
        } else if let Some(length) = http.header("content-length") {
            http.body = vec![0; length.parse().ok()?];
            from.read_exact(&mut http.body).ok()?;
        }
        Some(http)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
    }
}

/// A log store that takes all, tells what it got, and answers with the body of the request,
/// under the content type that `answer-type` names.
fn store() -> (u16, mpsc::Receiver<Http>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let sender = sender.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = Http::read(&mut reader) {
                    let ty = ["answer-type", "content-type"].iter().find_map(|name| request.header(name));
                    let ty = ty.unwrap_or("text/plain");
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: {ty}\r\ncontent-length: {}\r\n\r\n",
                        request.body.len()
                    );
                    let answer = [head.as_bytes(), &request.body].concat();
                    if sender.send(request).is_err() || stream.write_all(&answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, receiver)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// How a body is sent.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Chunks(usize),
    ChunksAndTrailer(usize),
}

/// A running Envoy. Ends with the value.
struct Envoy {
    child: Child,
    port: u16,
    admin_port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Envoy {
    /// Start Envoy on the example, with this plugin configuration in place of its own.
    fn start(binary: &Path, store_port: u16, plugin: &str, key: &str) -> Self {
        Self::start_module(binary, store_port, module(), &[plugin], key)
    }

    /// The same with another module, and with as many plugins of its one VM as there are configs.
    fn start_module(binary: &Path, store_port: u16, wasm: &[u8], plugins: &[&str], key: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let module = dir.path().join("filter.wasm");
        fs::write(&module, wasm).unwrap();
        let mut yaml = fs::read_to_string(workspace().join("examples/envoy/envoy.yaml")).unwrap();
        let (port, admin_port) = (free_port(), free_port());
        let mut put = |from: &str, to: &str| {
            assert_eq!(yaml.matches(from).count(), 1, "examples/envoy/envoy.yaml has '{from}' once");
            yaml = yaml.replace(from, to);
        };
        put("port_value: 10000", &format!("port_value: {port}"));
        put("port_value: 9901", &format!("port_value: {admin_port}"));
        put("port_value: 3100", &format!("port_value: {store_port}"));
        put("/etc/envoy/coturn-ip-anonymizer.proxy-wasm.wasm", module.to_str().unwrap());
        let first = yaml.find("- name: coturn-ip-anonymizer").unwrap();
        let start = yaml.find("value: |").unwrap();
        let end = start + yaml[start..].find("- name: envoy.filters.http.router").unwrap();
        let chain: String = plugins
            .iter()
            .enumerate()
            .map(|(i, plugin)| {
                let of_one_vm =
                    yaml[first..start].replace("root_id: coturn-ip-anonymizer", &format!("root_id: root{i}"));
                format!("{of_one_vm}value: '{plugin}'\n                  ")
            })
            .collect();
        yaml.replace_range(first..end, &chain);
        let config = dir.path().join("envoy.yaml");
        fs::write(&config, yaml).unwrap();
        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"])
            .env("TAMIS_KEY", key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, admin_port, _dir: dir }
    }

    fn log(&self) -> String {
        fs::read_to_string(self._dir.path().join("log")).unwrap_or_default()
    }

    fn wait_until_ready(mut self) -> Self {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("envoy ended with {status}: {}", self.log());
            }
            assert!(start.elapsed() < PATIENCE, "envoy does not listen: {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        self
    }

    fn get(port: u16, path: &str) -> Http {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        Http::read(&mut BufReader::new(stream)).unwrap()
    }

    fn post(&self, payload: &Payload, extra: &[(&str, &str)], framing: Framing) -> Http {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
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
        let mut writer = stream.try_clone().unwrap();
        // Envoy may answer, and hang up, before it has read all.
        thread::spawn(move || {
            let _ = writer.write_all(&wire);
        });
        Http::read(&mut BufReader::new(stream)).unwrap_or_default()
    }

    /// A counter of the filter, as Envoy's admin interface tells it.
    fn counter(&self, name: &str) -> u64 {
        let stats = Self::get(self.admin_port, "/stats");
        let stats = String::from_utf8_lossy(&stats.body).into_owned();
        let line = stats.lines().find(|l| l.ends_with(|c: char| c.is_ascii_digit()) && l.contains(name));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name}: {stats}"))
    }
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
    let envoy = Envoy::start(&binary, store_port, plugin, "").wait_until_ready();
    let good = payloads::all();
    let check_good = || {
        for payload in &good {
            let expected = payloads::expected(FILTER, "", payload).unwrap();
            for framing in [Framing::Length, Framing::Chunks(11), Framing::ChunksAndTrailer(300)] {
                let answer = envoy.post(payload, &[], framing);
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
        let answer = envoy.post(&payload, &extra, framing);
        assert_eq!(answer.status(), status, "{} {extra:?} {framing:?}: {answer:?}", payload.content_type);
    }
    assert_eq!(envoy.counter("tamis.coturn-ip-anonymizer.rejected"), 7);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&good[0].body).unwrap();
    let zipped = Payload { body: encoder.finish().unwrap(), ..good[0].clone() };
    assert_eq!(envoy.post(&zipped, &[("content-encoding", "gzip")], Framing::Chunks(9)).status(), 200);
    let got = stored.iter().find(|got| !got.body.is_empty()).unwrap();
    assert_eq!(text(&got.body), text(&payloads::expected(FILTER, "", &good[0]).unwrap()));
    assert_eq!(got.header("content-encoding"), None);
    assert_eq!(Envoy::get(envoy.port, "/ready").status(), 200);
    assert_eq!(stored.recv_timeout(PATIENCE).unwrap().body, b"");

    // A response that cannot be filtered does not get to the client.
    let answer = envoy.post(&good[0], &[("answer-type", "image/png")], Framing::Length);
    assert_eq!(answer.status(), 502, "{answer:?}");
    assert!(!text(&answer.body).contains("203.0.113"), "{answer:?}");
    stored.recv_timeout(PATIENCE).unwrap();

    // Poison: whatever becomes of it, the worker lives on.
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let open = "{\"a\":".repeat(50_000).into_bytes();
    for body in [deep.as_slice(), &open, &[0xFF; 9_999], b"\"\\ud800", b"{\"index\":{}}\n", &[b'"'; 5_001]] {
        for ty in [json, "application/x-ndjson", "text/plain"] {
            for path in ["/", "/_bulk", "/loki/api/v1/push", "/v1/logs", "/services/collector"] {
                let answer = envoy.post(&payload(path, ty, body), &[], Framing::Length);
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
    let mut envoy = Envoy::start(&binary, 1, r#"{"filter": {"no_such_key": 1}}"#, "");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = envoy.child.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < PATIENCE, "envoy runs with a config that the filter refused");
        thread::sleep(Duration::from_millis(50));
    };
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
    let envoy = Envoy::start_module(&binary, store_port, &wasm, &plugins, "").wait_until_ready();
    for payload in payloads::all() {
        assert_eq!(envoy.post(&payload, &[], Framing::Chunks(100)).status(), 200, "{}", envoy.log());
        let expected = payloads::expected(FILTER, config, &payload).unwrap();
        assert_eq!(text(&stored.recv_timeout(PATIENCE).unwrap().body), text(&expected), "{}", payload.name);
    }
    assert!(envoy.counter("tamis.coturn-ip-anonymizer.records") > 0);
    drop(envoy);

    let mut envoy = Envoy::start_module(&binary, 1, &wasm, &[r#"{"filter": {}}"#], "");
    assert_eq!(envoy.child.wait().unwrap().code(), Some(1));
    assert!(envoy.log().contains("config $.filter: this module has its config inside"), "{}", envoy.log());
}

#[test]
fn a_key_comes_from_the_environment() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let filter = r#"{"key":{"id":"k1","env":"TAMIS_KEY"},"ip":{"mode":"token"}}"#;
    let inline = r#"{"key":{"id":"k1","value":"0123456789abcdef"},"ip":{"mode":"token"}}"#;
    let plugin = format!(r#"{{"filter": {filter}}}"#);
    let envoy = Envoy::start(&binary, store_port, &plugin, "0123456789abcdef").wait_until_ready();
    let payload = payloads::all().remove(0);
    assert_eq!(envoy.post(&payload, &[], Framing::Length).status(), 200);
    let expected = payloads::expected(FILTER, inline, &payload).unwrap();
    assert_eq!(text(&stored.recv_timeout(PATIENCE).unwrap().body), text(&expected));
}

#[test]
fn a_request_without_a_record_left_is_answered_as_by_the_store() {
    let Some(binary) = envoy_or_skip() else { return };
    let (store_port, stored) = store();
    let plugin = r#"{"filter": {"aggregate": {"window_seconds": 3600}}}"#;
    let envoy = Envoy::start(&binary, store_port, plugin, "").wait_until_ready();
    let line = payloads::LINES[1];
    let hec = serde_json::json!({"time": 1_700_000_000, "event": line}).to_string();
    let loki = serde_json::json!({"streams": [{"stream": {}, "values": [["1700000000000000000", line]]}]});
    for (path, body, status, answer) in [
        ("/services/collector/event", hec, 200, r#"{"text":"Success","code":0}"#),
        ("/loki/api/v1/push", loki.to_string(), 204, ""),
    ] {
        let got = envoy.post(&payload(path, "application/json", body.as_bytes()), &[], Framing::Length);
        assert_eq!((got.status(), text(&got.body).as_str()), (status, answer), "{got:?} {}", envoy.log());
    }
    // Envoy may have sent the headers on; no body ever follows them.
    assert!(stored.try_recv().is_err());
}
