//! `tamis audit` as users run it: exit codes, outputs, pipes.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tamis"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn code(args: &[&str], input: &[u8]) -> i32 {
    run(args, input).status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const DIRTY: &[u8] = b"2026/11/21 00:15:48 job {\"email\":\"ada@example.org\"}\n";
/// Low is all there is.
const ADDRESS: &[u8] = b"2026/11/21 00:15:48 from 203.0.113.9\n";

#[test]
fn exit_codes() {
    assert_eq!(code(&["audit"], b"2026/11/21 00:15:48 started\n"), 0);
    assert_eq!(code(&["audit"], b""), 0);
    assert_eq!(code(&["audit", "-"], DIRTY), 1);
    assert_eq!(code(&["audit", "--fail-on", "never"], DIRTY), 0);
    assert_eq!(code(&["audit", "--fail-on", "low"], ADDRESS), 1);
    assert_eq!(code(&["audit", "--fail-on", "medium"], ADDRESS), 0);
    assert_eq!(code(&["audit", "--sample", "x"], DIRTY), 2);
    assert_eq!(code(&["audit", "--report", "xml=x"], DIRTY), 2);

    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("dirty.log"), DIRTY).unwrap();
    // What can be read is scanned, and what cannot be is said.
    let output = run(&["audit", &path("missing.log"), &path("dirty.log")], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.log"), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("1 file scanned") && text.contains("Could not be scanned"), "{text}");

    fs::write(path("bad.json"), "{\"taskz\":{}}").unwrap();
    let output = run(&["audit", "--config", &path("bad.json")], DIRTY);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean 'tasks'"), "{}", stderr(&output));
    fs::write(path("allow.json"), r#"{"tasks":{"default":{"allow":["*"]}},"detectors":{"email":"off"},"deny_keys":{"except":["email"]}}"#).unwrap();
    assert_eq!(code(&["audit", "--config", &path("allow.json")], DIRTY), 0);
}

#[test]
fn baselines_and_several_reports_in_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("app.log"), DIRTY).unwrap();
    assert_eq!(code(&["audit", &path("app.log"), "--write-baseline", &path("known.json")], b""), 0);
    fs::write(path("app.log"), [b"2026/11/21 00:15:47 moved down\n", DIRTY].concat()).unwrap();
    let reports: Vec<String> =
        ["sarif", "json", "html", "text"].iter().map(|f| format!("{f}={}", path(f))).collect();
    let mut args = vec!["audit".to_owned(), path("app.log"), "--baseline".to_owned(), path("known.json")];
    for report in &reports {
        args.extend(["--report".to_owned(), report.clone()]);
    }
    args.extend(["--output".to_owned(), path("out")]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = run(&args, b"");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    assert!(fs::read_to_string(path("sarif")).unwrap().contains("\"suppressions\""));
    assert!(fs::read_to_string(path("json")).unwrap().contains("\"known\": true"));
    assert!(fs::read_to_string(path("html")).unwrap().starts_with("<!doctype html>"));
    assert_eq!(fs::read_to_string(path("text")).unwrap(), fs::read_to_string(path("out")).unwrap());
    fs::write(path("app.log"), [DIRTY, ADDRESS].concat()).unwrap();
    assert_eq!(code(&["audit", &path("app.log"), "--baseline", &path("known.json")], b""), 1);
    fs::write(path("known.json"), "{}").unwrap();
    assert_eq!(code(&["audit", &path("app.log"), "--baseline", &path("known.json")], b""), 2);
}

#[test]
fn what_the_filter_gives_is_clean() {
    let filtered = run(&["run", "asynq-payload-redactor", "--host", "native"], DIRTY);
    assert!(filtered.status.success(), "{}", stderr(&filtered));
    let output = run(&["audit", "-"], &filtered.stdout);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&filtered), stdout(&output));
    assert!(stdout(&output).contains("0 findings"));
}

#[test]
fn nothing_but_text_goes_into_a_pipe() {
    let output = run(&["audit"], DIRTY);
    assert!(!output.stdout.contains(&0x1b));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
    assert!(!stdout(&output).contains("ada@example.org"));
    let wide = stdout(&output);
    let wide: Vec<&str> = wide.lines().filter(|l| l.chars().count() > 100).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}
