//! `tamis config` as users run it.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tamis::host::native::BUILTINS;

fn config(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tamis"))
        .arg("config")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The command may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_init_writes_is_accepted_on_every_host() {
    for filter in BUILTINS {
        for extent in ["--minimal", "--full"] {
            let start = config(&["init", filter.name, extent], "");
            assert!(start.status.success());
            for host in ["native", "component", "fluent-bit", "proxy-wasm"] {
                let checked = config(&["check", filter.name, "-", "--host", host], &text(&start.stdout));
                assert_eq!(checked.status.code(), Some(0), "{} {extent} {host}: {checked:?}", filter.name);
            }
        }
    }
}

/// A config that says every default does what the defaults do.
#[test]
fn the_full_config_changes_nothing() {
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus");
    for (filter, file) in [
        ("coturn-ip-anonymizer", "coturn/4.6.1-load-mixed.log"),
        ("asynq-payload-redactor", "asynq/std-log.log"),
        ("asynq-payload-redactor", "asynq/zerolog.jsonl"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("full.json");
        let written = config(&["init", filter, "--full", "--output", path.to_str().unwrap()], "");
        assert!(written.status.success(), "{written:?}");
        let file = format!("{log}/{file}");
        let run = |more: &[&str]| {
            let mut tamis = Command::new(env!("CARGO_BIN_EXE_tamis"));
            tamis.args(["run", filter, "--host", "native", &file]).args(more).output().unwrap()
        };
        let (plain, full) = (run(&[]), run(&["--config", path.to_str().unwrap()]));
        assert!(plain.status.success() && full.status.success(), "{}", text(&full.stderr));
        assert!(plain.stdout == full.stdout, "{filter} on {file}");
    }
}

#[test]
fn check_says_where_and_why() {
    let filter = "coturn-ip-anonymizer";
    for (args, input, code, says) in [
        (vec!["check", filter, "-"], "{}", 0, "<stdin>: accepted by coturn-ip-anonymizer"),
        (vec!["check", filter, "-"], "", 0, "accepted"),
        (
            vec!["check", filter, "-"],
            r#"{"ip":{"modde":1}}"#,
            1,
            "config $.ip.modde: unknown key 'modde'; did you mean 'mode'?",
        ),
        (vec!["check", filter, "-"], "[", 1, "must be a JSON object"),
        (vec!["check", filter, "-"], r#"{"users":{"mode":"token"}}"#, 1, "key"),
        (vec!["check", filter, "-"], r#"{"key":{"id":"k","file":"/no/such/file"}}"#, 0, "accepted"),
        (
            vec!["check", filter, "-", "--with-key"],
            r#"{"key":{"id":"k","file":"/no/such/file"}}"#,
            1,
            "$.key.file",
        ),
        (
            vec!["check", filter, "-", "--host", "fluent-bit"],
            r#"{"key":{"id":"k","env":"K"}}"#,
            1,
            "$.key.env",
        ),
        (vec!["check", filter, "-"], r#"{"filter":{},"body":{}}"#, 1, "unknown key"),
        (vec!["check", filter, "-", "--host", "proxy-wasm"], r#"{"filter":{},"body":{}}"#, 0, "accepted"),
        (vec!["check", filter, "-", "--host", "proxy-wasm"], r#"{"filter":{"ip":1}}"#, 1, "$.filter.ip"),
        (vec!["check", filter, "/no/such/file"], "", 3, "cannot read the config"),
        (vec!["check", "coturn", "-"], "", 2, "invalid value 'coturn'"),
        (vec!["schema", "nothing"], "", 2, "possible values"),
        (vec!["explain", filter, "ip"], "", 0, "ip.mode: keep | truncate"),
        (vec!["explain", filter, "ipp"], "", 2, "did you mean"),
        (vec!["init", filter, "--full", "--minimal"], "", 2, "cannot be used with"),
    ] {
        let output = config(&args, input);
        let said = text(&[output.stdout, output.stderr].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?} {input}: {said}");
        assert!(said.contains(says), "{args:?} {input}: {said}");
    }
    let output = config(&["check", filter, "-", "--format", "json"], r#"{"ip":{"modde":1}}"#);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((json["accepted"].as_bool(), json["path"].as_str()), (Some(false), Some("$.ip.modde")));
}

#[test]
fn init_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.json");
    fs::write(&path, "mine").unwrap();
    let output = config(&["init", "identity", "--output", path.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is there already"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let schema = config(&["schema", "coturn-ip-anonymizer"], "");
    assert!(serde_json::from_slice::<Value>(&schema.stdout).unwrap()["properties"]["ip"].is_object());
}
