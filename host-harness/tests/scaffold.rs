//! What `tamis new` writes builds, passes its own tests and does the same in all hosts, by the very
//! commands of docs/your-own-filter.md.

#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

const TAMIS: &str = env!("CARGO_BIN_EXE_tamis");

const GUIDE: &str = include_str!("../../docs/your-own-filter.md");

/// The cargo target directory of the project: what the filters in `plugins/` were built with is there.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

fn command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    // What the outer cargo sets for this test is not meant for the crate.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" || name == "RUSTFLAGS" {
            command.env_remove(name);
        }
    }
    let bin = Path::new(TAMIS).parent().unwrap();
    let path =
        env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    command
        .env("PATH", path.unwrap())
        .env("CARGO_NET_OFFLINE", "true")
        .env("TARGET_DIR", target_dir())
        .env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The fenced blocks of the guide: language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = GUIDE.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

#[test]
fn the_guide_does_what_it_says() {
    let home = tempfile::tempdir().unwrap();
    let mut dir = home.path().to_owned();
    let blocks = blocks();
    assert!(blocks.iter().filter(|(language, _)| *language == "sh").count() >= 8);
    let mut printed = String::new();
    for (language, text) in blocks {
        if language == "text" {
            assert!(printed.contains(text), "the guide says:\n{text}\nbut it was:\n{printed}");
            continue;
        }
        assert_eq!(language, "sh");
        let script = format!("set -e\n{text}\npwd > '{}/pwd'", home.path().display());
        let output = command("sh", &dir).arg("-c").arg(script).output().unwrap();
        printed = said(&output);
        assert!(output.status.success(), "{text}\n{printed}");
        dir = fs::read_to_string(home.path().join("pwd")).unwrap().trim_end().into();
    }
    odd_records_are_the_same_in_all_hosts(&dir);
    the_real_hosts_take_the_examples(&dir);
}

fn the_real_hosts_take_the_examples(dir: &Path) {
    let named = |variable: &str| {
        let path = env::var_os(variable).filter(|path| !path.is_empty());
        if path.is_none() {
            println!("skipped: {variable} names no binary");
        }
        path.map(|path| path.to_string_lossy().into_owned())
    };
    if let Some(envoy) = named("ENVOY") {
        // With the module in it, started and configured.
        let args = ["--mode", "validate", "-c", "examples/envoy.yaml"];
        let output = command(&envoy, dir).args(args).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    if let Some(fluent_bit) = named("FLUENT_BIT") {
        let mut running = command(&fluent_bit, dir)
            .args(["--config", "examples/fluent-bit.yaml"])
            .envs([("LOG", "app.log"), ("TAMIS_CONFIG_DIR", "examples"), ("OUTPUT_DIR", ".")])
            .env("TAMIS_WASM", "artifacts/login-masker.fluent-bit.wasm")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let read = || fs::read_to_string(dir.join("app.json")).unwrap_or_default();
        while !read().ends_with('\n') && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(50));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        assert_eq!(read(), "{\"log\":\"login user=alice password=[REDACTED] ok\"}\n");
    }
}

fn odd_records_are_the_same_in_all_hosts(dir: &Path) {
    let text = b"password=a\r\n\xff\xfe token=\xe9 x\n\nnul \0 password=\"q\" token=,\nno line end token=1";
    let json = b"{\"a\": 1.0, \"b\":\"token=\\u0061 \\ud83d\\ude00\"}\n{\"c\":[{\"d\":\"password=x\"}]}\r\nnot json token=2\n";
    for (mode, input) in [("text", &text[..]), ("json", json)] {
        fs::write(dir.join("odd"), input).unwrap();
        let outputs: Vec<Vec<u8>> = ["component", "fluent-bit", "proxy-wasm"]
            .iter()
            .map(|abi| {
                let artifact = format!("artifacts/login-masker.{abi}.wasm");
                let output =
                    command(TAMIS, dir).args(["run", &artifact, "--input", mode, "odd"]).output().unwrap();
                assert!(output.status.success(), "{abi}: {}", said(&output));
                output.stdout
            })
            .collect();
        assert_ne!(outputs[0], input);
        assert!(outputs.iter().all(|o| *o == outputs[0]), "{mode}: {outputs:?}");
    }
}

#[test]
fn a_checkout_can_be_the_sdk_and_places_are_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let new = |args: &[&str]| command(TAMIS, home.path()).arg("new").args(args).output().unwrap();
    let output = new(&["pin-masker", "some/where", "--sdk", project]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("cd some/where"));
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let metadata = command(&cargo, &home.path().join("some/where"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", said(&metadata));

    fs::write(home.path().join("file"), "").unwrap();
    for (args, code, says) in [
        (&["pin-masker", "some"][..], 2, "not empty"),
        (&["Pin_Masker"], 2, "how about 'pin-masker'?"),
        (&["identity"], 2, "is a built-in filter"),
        (&["pin-masker", "file"], 3, "cannot write"),
        (&["pin-masker", "--sdk", "some"], 2, "no tamis-sdk"),
    ] {
        let output = new(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{args:?}: {}", said(&output));
    }
    assert!(!home.path().join("pin-masker").exists());
}

#[test]
fn pack_refuses_what_a_host_could_not_load() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let pack = |args: &[&str]| command(TAMIS, dir.path()).arg("pack").args(args).output().unwrap();
    for (args, code, says) in [
        (&["empty.wasm", "--abi", "fluent-bit", "-o", "x.wasm"][..], 2, "no export `memory`"),
        (
            &["empty.wasm", "--abi", "component", "-o", "x.wasm"],
            2,
            "build the filter with the feature `component`",
        ),
        (&["none.wasm", "--abi", "component", "-o", "x.wasm"], 3, "cannot read the module none.wasm"),
        (&["empty.wasm", "--abi", "component", "-o", "x.wasm", "--name", "a\nb"], 2, "must be a word"),
        (&["empty.wasm", "--abi", "native", "-o", "x.wasm"], 2, "possible values"),
    ] {
        let output = pack(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{args:?}: {}", said(&output));
    }
    assert!(!dir.path().join("x.wasm").exists());
}
