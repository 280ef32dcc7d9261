//! `tamis record` and `tamis replay --recording` as users run them.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

fn tamis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
    command.args(args).env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = tamis(args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn passed(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(args, input);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    output.stdout
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn entries(recording: &[u8]) -> Vec<Value> {
    recording.split_inclusive(|b| *b == b'\n').skip(1).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

const LOG: &[u8] = b"0: : session 001000000000000001: peer 198.51.100.77 user <alice>\n\
    card 4111 1111 1111 1111 of bob@example.com, password=hunter2\n\
    asynq: task payload={\"user\":\"carol\",\"token\":\"s3cr3t\"}\n";

const SECRETS: [&str; 5] = ["198.51.100.77", "alice", "4111 1111 1111 1111", "bob@example.com", "hunter2"];

#[test]
fn recordings_are_redacted_unless_told_otherwise() {
    let output = run(&["record"], LOG);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.starts_with(r#"{"tamis_recording":1,"created":"2"#), "{text}");
    assert!(text.contains(r#""filters":["coturn-ip-anonymizer","asynq-payload-redactor"]"#), "{text}");
    assert!(stderr(&output).contains("3 records recorded, "), "{}", stderr(&output));
    assert!(stderr(&output).contains("; end of input"), "{}", stderr(&output));

    let output = run(&["record", "--raw"], LOG);
    assert!(stderr(&output).contains("warning: --raw"));
    assert!(String::from_utf8(output.stdout).unwrap().contains("198.51.100.77"));

    let one = passed(&["record", "--filter", "coturn-ip-anonymizer"], LOG);
    let one = String::from_utf8(one).unwrap();
    assert!(!one.contains("198.51.100.77") && one.contains("bob@example.com"), "{one}");
}

#[test]
fn any_bytes_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.tamis.jsonl");
    let path = path.to_str().unwrap();
    let mut log: Vec<u8> = (0..=255).filter(|b| *b != b'\n').collect();
    log.extend_from_slice("\n\n\u{e080}\u{1f600}\r\n \n".as_bytes());
    passed(&["record", "--raw", "--input", "text", "--output", path], &log);
    let back = passed(&["replay", "--recording", path], b"");
    // Line terminators are LF in a replay.
    let mut expected = log.clone();
    let at = expected.windows(2).rposition(|w| w == b"\r\n").unwrap();
    expected.remove(at);
    assert_eq!(back, expected);

    let again = run(&["record", "--output", path], b"x");
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("is there already"), "{}", stderr(&again));

    let json = b"{ \"time\": \"2026-01-01T00:00:00.5Z\", \"n\":1.0, \"n\":[\"\\u00e9\"] }\n{\"b\":2}\n";
    let recording = passed(&["record", "--raw", "--tag", "app.x"], json);
    let records = entries(&recording);
    assert_eq!(records[0]["time"], "2026-01-01T00:00:00.500000000Z");
    assert_eq!((&records[0]["tag"], &records[0]["encoding"]), (&"app.x".into(), &"json".into()));
    assert_eq!(passed(&["replay", "--recording", "-"], &recording), json);
    let packed = zstd::encode_all(recording.as_slice(), 1).unwrap();
    assert_eq!(passed(&["replay", "--recording", "-"], &packed), json);
}

#[test]
fn bounds_end_a_recording() {
    let log = b"line\n".repeat(50_000);
    for (option, value, end) in
        [("--max-records", "7", "bound reached"), ("--max-bytes", "1000", "bound reached")]
    {
        let output = run(&["record", "--raw", option, value, "--summary-format", "json"], &log);
        assert!(output.status.success());
        let summary: Value =
            serde_json::from_str(stderr(&output).lines().find(|l| l.starts_with('{')).unwrap()).unwrap();
        assert_eq!(summary["end"], end);
        assert_eq!(summary["bytes"], output.stdout.len());
        let records = entries(&output.stdout).len();
        assert_eq!(summary["records"], records);
        match option {
            "--max-records" => assert_eq!(records, 7),
            _ => assert!(output.stdout.len() <= 1000 && records > 5),
        }
    }
    // Standard input stays open: only the time can end this.
    let mut child = tamis(&["record", "--seconds", "1"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"before\n").unwrap();
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(stderr(&output).contains("time is over"), "{}", stderr(&output));
    assert_eq!(entries(&output.stdout).len(), 1);
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_followed_file_is_complete_after_an_interrupt() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (log, out) = (dir.path().join("app.log"), dir.path().join("r.jsonl"));
    fs::write(&log, "old\n").unwrap();
    let args = ["record", "--follow", log.to_str().unwrap(), "--output", out.to_str().unwrap()];
    let mut child = tamis(&args).spawn().unwrap();
    wait_for("the start", || fs::metadata(&out).is_ok_and(|m| m.len() > 0));
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    // The file is opened right after the header is written.
    thread::sleep(Duration::from_millis(500));
    let append = |text: &str| {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    };
    append("new 198.51.100.77\n");
    wait_for("the first record", || entries(&fs::read(&out).unwrap()).len() == 1);
    fs::rename(&log, dir.path().join("app.log.1")).unwrap();
    append("rotated\n");
    wait_for("the second record", || entries(&fs::read(&out).unwrap()).len() == 2);
    interrupt(&child);
    let status = child.wait().unwrap();
    assert!(status.success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(
        said.contains("2 records recorded, 1 of them changed, 0 dropped") && said.contains("interrupted"),
        "{said}"
    );
    let recording = fs::read(&out).unwrap();
    assert!(recording.ends_with(b"\n"));
    assert_eq!(entries(&recording)[0]["body"], "new [REDACTED:ip-address]");
}

/// A listener; gives its port.
fn listen(args: &[&str]) -> (Child, BufReader<ChildStderr>, u16) {
    let mut child = tamis(&[&["record", "--listen", "127.0.0.1:0"], args].concat()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("http://127.0.0.1:") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0);
    }
    let port = line.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    (child, said, port)
}

/// Send on an open connection; gives status and body.
fn send(
    stream: &mut TcpStream,
    method: &str,
    path: &str,
    content_type: &str,
    more: &str,
    body: &[u8],
) -> (u16, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\n{more}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut input = BufReader::new(&*stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        } else if line.is_empty() && status != 100 {
            break;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

/// Path, content type, more headers, body; status, and what the answer says.
type Exchange<'a> = (&'a str, &'a str, &'a str, &'a [u8], u16, &'a str);

#[cfg(unix)]
#[test]
fn shippers_are_recorded_and_answered() {
    let (child, mut said, port) = listen(&[]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let json = "application/json";
    let requests: [Exchange<'_>; 10] = [
        ("/logs", "application/x-ndjson", "", b"{\"m\":\"ndjson peer 198.51.100.77\"}\n{\"m\":2}\n", 204, ""),
        ("/logs", json, "expect: 100-continue\r\n", b"[{\"m\":\"array\"}]", 204, ""),
        ("/x", "text/plain", "", b"one\r\ntwo\n", 204, ""),
        ("/_bulk", "application/x-ndjson", "", b"{\"create\":{}}\n{\"m\":\"bulk\"}\n", 200, "{\"create\":{\"status\":201}}"),
        (
            "/loki/api/v1/push",
            json,
            "content-encoding: gzip\r\n",
            &gzip(br#"{"streams":[{"stream":{"a":"b"},"values":[["1700000000000000000","loki of bob@example.com"]]}]}"#),
            204,
            "",
        ),
        (
            "/v1/logs",
            json,
            "",
            br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1700000000000000001","body":{"stringValue":"otlp"},"attributes":[{"key":"password","value":{"stringValue":"hunter2"}}]}]}]}]}"#,
            200,
            "{}",
        ),
        ("/services/collector/event", json, "", br#"{"time":1700000000.25,"event":"hec"}"#, 200, "Success"),
        ("/services/collector/raw", "text/plain", "", b"raw", 200, "Success"),
        ("/v1/logs", "application/x-protobuf", "", b"\x0a\x00", 415, "protobuf"),
        ("/x", "text/plain", "content-encoding: zstd\r\n", b"x", 415, "gzip"),
    ];
    for (path, content_type, more, body, status, says) in requests {
        let (answered, text) = send(&mut stream, "POST", path, content_type, more, body);
        assert_eq!(answered, status, "{path} {text}");
        assert!(text.contains(says), "{path}: {text}");
    }
    assert_eq!(send(&mut stream, "GET", "/ready", "", "", b"").0, 200);
    assert_eq!(send(&mut stream, "DELETE", "/x", "", "", b"").0, 405);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("interrupted"), "{rest}");
    let records = entries(&output.stdout);
    let bodies: Vec<&str> = records.iter().map(|r| r["body"].as_str().unwrap()).collect();
    assert_eq!(bodies.len(), 10, "{bodies:?}");
    assert_eq!(bodies[0], r#"{"m":"ndjson peer [REDACTED:ip-address]"}"#);
    assert_eq!(bodies[2..6], [r#"{"m":"array"}"#, "one", "two", r#"{"m":"bulk"}"#]);
    assert!(bodies[6].starts_with("loki of ") && !bodies[6].contains("bob@"), "{}", bodies[6]);
    assert_eq!(records[6]["time"], "2023-11-14T22:13:20.000000000Z");
    assert!(bodies[7].contains("otlp") && !bodies[7].contains("hunter2"), "{}", bodies[7]);
    assert_eq!(records[7]["time"], "2023-11-14T22:13:20.000000001Z");
    assert_eq!(records[8]["time"], "2023-11-14T22:13:20.250000000Z");
    assert_eq!(bodies[9], "raw");
}

#[test]
fn a_bound_is_answered_with_503() {
    let (child, _said, port) = listen(&["--raw", "--max-records", "2"]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(send(&mut stream, "POST", "/", "text/plain", "", b"one\n").0, 204);
    assert_eq!(send(&mut stream, "POST", "/", "text/plain", "", b"two\nthree\n").0, 503);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(entries(&output.stdout).len(), 2);
}

#[test]
fn replays_keep_pace_and_pass_filters() {
    let recording = passed(
        &["record", "--raw"],
        b"{\"time\":\"2026-01-01T00:00:00Z\",\"m\":\"198.51.100.77\"}\n{\"time\":\"2026-01-01T00:00:30Z\",\"m\":\"b\"}\n",
    );
    let started = Instant::now();
    let args = ["replay", "--recording", "-", "--rate", "30x", "coturn-ip-anonymizer"];
    let text = String::from_utf8(passed(&args, &recording)).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert!(text.contains("198.51.100.0") && text.lines().count() == 2, "{text}");
    let cut = &recording[..recording.len() - 5];
    let output = run(&["replay", "--recording", "-"], cut);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("line 3: is cut off"), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}

#[test]
fn a_recording_becomes_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (recording, cases) = (path("r.jsonl"), path("cases"));
    passed(&["record", "--raw", "--output", &recording], LOG);
    let args =
        ["replay", "--recording", &recording, "--cases", &cases, "--case", "coturn-ip-anonymizer/incident"];
    let output = run(&args, b"");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", stderr(&output));
    assert!(stderr(&output).contains("warning: this was recorded with --raw"), "{}", stderr(&output));
    assert!(text.contains("1 cases on native, component, fluent-bit, proxy-wasm: 1 as expected"), "{text}");
    let case = Path::new(&cases).join("coturn-ip-anonymizer/incident");
    assert_eq!(fs::read(case.join("input.log")).unwrap(), LOG);
    assert!(fs::read_to_string(case.join("expected.log")).unwrap().contains("198.51.100.0"));
    passed(&["replay", "--cases", &cases], b"");
    assert_eq!(run(&args, b"").status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn the_example_goes_from_a_log_to_a_case() {
    let dir = tempfile::tempdir().unwrap();
    let (log, out) = (dir.path().join("app.log"), dir.path().join("out"));
    fs::write(&log, LOG).unwrap();
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/record/incident.sh"))
        .args([&log, &out])
        .arg(env!("CARGO_BIN_EXE_tamis"))
        .env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", stderr(&output));
    assert!(text.contains("1 as expected, 0 not"), "{text}");
    let input = fs::read_to_string(out.join("cases/coturn-ip-anonymizer/incident/input.log")).unwrap();
    assert!(SECRETS.iter().all(|secret| !text.contains(secret) && !input.contains(secret)), "{input}");
}

#[test]
fn bad_usage_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x").to_str().unwrap().to_owned();
    fs::write(&file, "no recording\n").unwrap();
    for (args, code, says) in [
        (&["record", "no-such-file"][..], 3, "there is no such file"),
        (&["record", "--listen", "0.0.0.0:0"], 2, "is open to other machines"),
        (&["record", "--listen", "somewhere"], 2, "is no port and no address"),
        (&["record", "--listen", "127.0.0.1:0", &file], 2, "cannot be used with"),
        (&["record", "--raw", "--filter", "identity"], 2, "cannot be used with"),
        (&["record", "--filter", "nonsense"], 2, "is no built-in filter"),
        (&["record", "--follow"], 2, "required"),
        (&["replay", "--recording", &file], 3, "is no recording"),
        (&["replay", "--recording", "no-such-file"], 3, "cannot read no-such-file"),
        (&["replay", "--recording", &file, "nonsense"], 2, "is no built-in filter"),
        (&["replay", "--recording", &file, "--rate", "fast"], 2, "is no rate"),
        (&["replay", "--recording", &file, "--case", "../x"], 2, "must be FILTER/CASE"),
        (&["replay", "--recording", &file, "--case", "mine/x"], 2, "give --artifacts"),
        (&["replay", "--rate", "max"], 2, "--recording"),
    ] {
        let output = run(args, b"");
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(says), "{args:?}: {text}");
    }
}
