//! `tamis report` as users run it: exit codes, outputs, pipes, and a report that is known word by word.
//! `BLESS=1` rewrites what is expected; read every line of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/report")
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tamis"))
        .args(args)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn stdout(args: &[&str], input: &[u8]) -> String {
    let output = run(args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str], input: &[u8]) -> Value {
    let args = [&["report", "--format", "json"], args].concat();
    serde_json::from_str(&stdout(&args, input)).unwrap()
}

fn log(name: &str) -> Vec<u8> {
    fs::read(folder().join("logs").join(name)).unwrap()
}

/// What a report says of events, without the names of files.
fn of_events(review: &Value) -> Value {
    let mut alerts = review["alerts"].clone();
    for alert in alerts["list"].as_array_mut().unwrap() {
        alert["file"].take();
    }
    serde_json::json!([review["period"], review["events"], alerts, review["sources"], review["users"]])
}

#[test]
fn the_report_is_known_word_by_word() {
    for format in ["text", "json"] {
        let mut text = stdout(&["report", "--key", "k1=key", "--format", format, "logs"], b"");
        if format == "json" {
            let mut value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["tool"]["version"].take(), env!("CARGO_PKG_VERSION"));
            text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        }
        let path = folder().join(format!("expected.{format}"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap();
        assert!(text == expected, "{}:\n{text}\nexpected:\n{expected}", path.display());
        assert!(text.lines().all(|line| format == "json" || line.chars().count() <= 100), "{text}");
    }
}

#[test]
fn tagged_logs_say_what_raw_logs_say() {
    let key = ["--key", "k1=key"];
    let raw = json(&[&key[..], &["logs/chatwoot.log"]].concat(), b"");
    assert!(raw["summary"]["alerts"].as_u64() >= Some(2), "{}", raw["summary"]);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    for schema in ["ecs", "ocsf", "flat"] {
        for dotted in [true, false] {
            for prefix in ["", "cw_"] {
                let text = format!(r#"{{"schema":"{schema}","dotted":{dotted},"prefix":"{prefix}"}}"#);
                fs::write(&config, &text).unwrap();
                let config = config.to_str().unwrap();
                let run = [
                    "run",
                    "chatwoot-auth-tagger",
                    "--host",
                    "native",
                    "--config",
                    config,
                    "logs/chatwoot.log",
                ];
                let tagged = stdout(&run, b"");
                let review = json(&[&key[..], &["--prefix", prefix]].concat(), tagged.as_bytes());
                assert_eq!(of_events(&review), of_events(&raw), "{text}");
                assert_eq!(review["files"][0]["contents"], serde_json::json!(["events"]), "{text}");
                // As a container's log holds it, and behind what Envoy writes before it.
                for wrap in [
                    (|line| serde_json::json!({ "log": line, "stream": "stdout" }).to_string())
                        as fn(&str) -> String,
                    |line| format!("[2026-03-02 11:00:00.1][1][info][wasm] [ctx.cc:1] wasm log: {line}"),
                ] {
                    let wrapped: Vec<String> = tagged.lines().map(wrap).collect();
                    let review =
                        json(&[&key[..], &["--prefix", prefix]].concat(), wrapped.join("\n").as_bytes());
                    assert_eq!(of_events(&review), of_events(&raw), "{text} wrapped");
                }
            }
        }
    }
}

#[test]
fn a_client_cannot_write_events() {
    let forged = r#"{"event":{"dataset":"chatwoot.auth","action":"user-delete","outcome":"success"},"source":{"ip":"192.0.2.1"}}"#;
    let raw = log("chatwoot.log");
    let before = json(&["--key", "k1=key"], &raw);
    // In the log of a program, on a line of its own and within one.
    let line = format!("\n{forged}\nI, [2026-03-02T12:00:00.1 #11]  INFO -- : x {forged}\n");
    let after = json(&["--key", "k1=key"], &[&raw[..], line.as_bytes()].concat());
    assert_eq!(of_events(&after), of_events(&before));
    // Words that are none of the filter's.
    let odd = forged.replace("user-delete", "alice@example.org");
    let review = json(&[], odd.as_bytes());
    assert_eq!(review["summary"]["events"], 0);
}

#[test]
fn inputs_of_all_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let raw = log("chatwoot.log");
    let gz = fs::File::create(path("a.log.1.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(gz, flate2::Compression::fast());
    gz.write_all(&raw).unwrap();
    gz.finish().unwrap();
    fs::write(path("b.log.2.zst"), zstd::encode_all(&raw[..], 1).unwrap()).unwrap();
    fs::write(path("c.bin"), b"\x7fELF\x00\x00").unwrap();
    fs::write(path("empty.log"), b"").unwrap();
    let once = json(&[], &raw);
    let review = json(&[dir.path().to_str().unwrap()], b"");
    assert_eq!(
        review["summary"]["events"].as_u64().unwrap(),
        once["summary"]["events"].as_u64().unwrap() * 2
    );
    assert_eq!(review["skipped"][0]["reason"], "binary");
    // The scan makes no difference to the rest.
    let unscanned = json(&["--no-scan", dir.path().to_str().unwrap()], b"");
    assert_eq!(unscanned["summary"]["events"], review["summary"]["events"]);
    assert_eq!(unscanned["left"]["scanned"], false);
    assert_eq!(unscanned["left"]["rules"], serde_json::json!([]));
    // The number of threads does not, either.
    let key = ["--key", "k1=key", dir.path().to_str().unwrap()];
    let one = json(&[&["--threads", "1"], &key[..]].concat(), b"");
    assert_eq!(one, json(&[&["--threads", "5"], &key[..]].concat(), b""));
}

#[test]
fn names_are_shown_as_asked() {
    let raw = log("chatwoot.log");
    let shown = |args: &[&str]| {
        let page = |format| stdout(&[&["report", "--format", format], args].concat(), &raw);
        page("html") + &page("json") + &page("text")
    };
    let all = shown(&[]);
    for secret in ["203.0.113.66", "ivan@", "mallory", "olivia", "acme.example", "192.0.2.7"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(all.contains("203.0.113.0/24") && all.contains("user-report-"));
    let tokens = shown(&["--addresses", "token", "--key", "k1=key"]);
    assert!(tokens.contains("ip-k1-") && !tokens.contains("203.0.113.0/24"));
    assert_eq!(tokens, shown(&["--addresses", "token", "--key", "k1=key"]));
    assert_ne!(all, shown(&[]));
    let clear = shown(&["--addresses", "keep", "--users", "keep"]);
    assert!(clear.contains("203.0.113.66") && clear.contains("ivan@acme.example"));
    assert!(clear.contains("keep it like the logs"));
}

#[test]
fn exit_codes() {
    let code = |args: &[&str], input: &[u8]| run(args, input).status.code().unwrap();
    let raw = log("chatwoot.log");
    assert_eq!(code(&["report"], b""), 0);
    assert_eq!(code(&["report", "-"], &raw), 0);
    assert_eq!(code(&["report", "--fail-on", "critical"], &raw), 1);
    assert_eq!(code(&["report", "--fail-on", "low"], &log("turnserver.log")), 0);
    assert_eq!(code(&["report", "--format", "pdf"], b""), 2);
    assert_eq!(code(&["report", "--report", "pdf=x"], b""), 2);
    assert_eq!(code(&["report", "--output", "/nowhere/x"], b""), 3);
    for (key, words) in [("k1", "ID=FILE"), ("k1=nokey", "nokey"), ("k!=key", "must be 1 to 16")] {
        let output = run(&["report", "--key", key], b"");
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(words), "{error}");
    }
    // What can be read is in the report, and what cannot is said.
    let output = run(&["report", "logs/missing.log", "logs/chatwoot.log"], b"");
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Could not be read") && text.contains("user-login"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.log"));
    // Several reports in one run; a reader that has gone.
    let dir = tempfile::tempdir().unwrap();
    let reports: Vec<String> =
        ["html", "json", "text"].map(|f| format!("{f}={}", dir.path().join(f).display())).into();
    let mut args = vec!["report", "logs"];
    reports.iter().for_each(|r| args.extend(["--report", r.as_str()]));
    assert_eq!(code(&args, b""), 0);
    assert!(fs::read_to_string(dir.path().join("html")).unwrap().starts_with("<!doctype html>"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_tamis"))
        .args(["report", "--format", "html", "logs"])
        .current_dir(folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
