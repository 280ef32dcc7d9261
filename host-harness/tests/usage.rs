//! What every command does alike, as a new user finds out: `-`, files that are in each other's way, what cannot be
//! written, and errors that say what to do.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

/// A directory to work in, with things in it that go wrong.
fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    put("app.log", LINE);
    put("turnserver.conf", b"log-file=stdout\nno-cli\nverbose\n");
    put("c.json", b"{}");
    put("key", b"0123456789abcdef0123456789abcdef");
    put("text.wasm", b"(module)\n");
    put("empty.wasm", b"");
    put("cut.wasm", b"\0asm\x01\0\0\0\xff\xff");
    put("compiled.wasm", b"\0aot\x05\0\0\0");
    put("fine.wasm", tamis::artifacts::find("identity", tamis::host::HostKind::FluentBit).unwrap().wasm);
    put("core.wasm", &wat::parse_str(r#"(module (func (export "proxy_abi_version_0_2_1")))"#).unwrap());
    fs::create_dir(dir.path().join("logs")).unwrap();
    put("logs/app.log", LINE);
    dir
}

const LINE: &[u8] = b"2026/11/21 00:15:48 job {\"email\":\"ada@example.org\"}\n";

fn command(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
    command.args(line.split_ascii_whitespace()).current_dir(dir);
    command.env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

fn run(dir: &Path, line: &str, input: &[u8]) -> Output {
    let mut command = command(dir, line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The command may end without reading.
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_dash_is_standard_output() {
    let dir = place();
    for (line, code) in [
        ("run identity --host native app.log", 0),
        ("audit app.log", 1),
        ("report --key k1=key --no-scan app.log", 0),
        ("lint coturn turnserver.conf", 1),
        ("lint storage app.log --fail-on never", 0),
        ("config init identity", 0),
        ("conformance --list", 0),
        ("record --raw app.log", 0),
    ] {
        let (plain, dash) = (run(dir.path(), line, b""), run(dir.path(), &format!("{line} -o -"), b""));
        let shown = text(&dash.stdout);
        assert_eq!((plain.status.code(), dash.status.code()), (Some(code), Some(code)), "{line}: {dash:?}");
        // A recording starts with the time at which it was made.
        if line.starts_with("record") {
            assert!(shown.starts_with("{\"tamis_recording\""), "{line}: {shown}");
        } else {
            assert_eq!(text(&plain.stdout), shown, "{line}");
        }
    }
    for (line, starts) in [
        ("audit app.log --report json=- -o report.txt", &b"{"[..]),
        ("audit app.log --write-baseline - -o report.txt", b"{"),
        ("report app.log --report json=- -o report.txt", b"{"),
        ("bake identity -o -", b"\0asm"),
        ("pack core.wasm --abi proxy-wasm -o -", b"\0asm"),
        ("man -", b"."),
    ] {
        let output = run(dir.path(), line, b"");
        assert!(
            output.stdout.starts_with(starts),
            "{line}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    let refused =
        run(dir.path(), "reveal --config c.json --audit-log - --reason x user-k1-aaaaaaaaaaaaaaaa", b"");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(!dir.path().join("-").exists());
}

#[test]
fn a_dash_is_standard_input() {
    let dir = place();
    for line in ["run identity --host native -", "run identity --host native app.log -"] {
        let output = run(dir.path(), line, b"piped\n");
        assert!(text(&output.stdout).ends_with("piped\n"), "{line}: {output:?}");
    }
    let recorded = run(dir.path(), "record --raw -", b"piped\n");
    assert!(text(&recorded.stdout).contains("piped"), "{recorded:?}");
    let line = "bench identity --host native --mb 1 --rounds 1 --sweep 1 --format json --input -";
    let measured = run(dir.path(), line, b"piped\n");
    assert!(text(&measured.stdout).contains("\"name\": \"-\""), "{measured:?}");
    let line = "conformance identity --host fluent-bit --records 100 --only result --input -";
    let checked = run(dir.path(), line, b"piped\n");
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let followed = run(dir.path(), "record --follow -", b"");
    assert_eq!(followed.status.code(), Some(2), "{followed:?}");
}

/// What is named for two purposes is refused before anything is read or written.
#[test]
fn each_output_has_a_file_to_itself() {
    let dir = place();
    let before = fs::read(dir.path().join("app.log")).unwrap();
    for (line, says) in [
        ("audit app.log -o x --report json=x", "x is named twice, by --output and by --report"),
        (
            "audit app.log --report html=x --report json=./x",
            "./x is named twice, by --report and by --report",
        ),
        ("audit app.log -o x --write-baseline x", "x is named twice, by --output and by --write-baseline"),
        (
            "audit app.log --report json=-",
            "standard output is named twice, by the report without --output and by --report",
        ),
        ("audit app.log -o app.log", "app.log is input and output"),
        ("audit app.log --baseline app.log --report json=app.log", "app.log is input and output"),
        ("audit app.log -c c.json -o c.json", "c.json is input and output"),
        ("report app.log -o x --report json=x", "x is named twice"),
        ("report app.log --report json=app.log", "app.log is input and output"),
        ("report app.log --key k1=key -o key", "key is input and output"),
        ("lint coturn turnserver.conf -o turnserver.conf", "turnserver.conf is input and output"),
        ("lint coturn turnserver.conf --fix x -o x", "x is named twice, by --fix and by --output"),
        (
            "lint coturn turnserver.conf --fix - -o -",
            "standard output is named twice, by --fix and by --output",
        ),
        ("lint pipeline c.json -o c.json", "c.json is input and output"),
        ("lint storage app.log -o app.log", "app.log is input and output"),
        ("run identity -c c.json app.log -o c.json", "c.json is input and output"),
        ("run ./fine.wasm app.log -o fine.wasm", "fine.wasm is input and output"),
        ("bake ./fine.wasm -o fine.wasm", "fine.wasm is input and output"),
        ("pack fine.wasm --abi fluent-bit -o fine.wasm", "fine.wasm is input and output"),
        (
            "reveal --log app.log --config c.json --audit-log app.log --reason x",
            "app.log is input and output",
        ),
    ] {
        let output = run(dir.path(), line, b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(says) && output.stdout.is_empty(), "{line}: {said}");
    }
    assert!(!dir.path().join("x").exists());
    assert_eq!(fs::read(dir.path().join("app.log")).unwrap(), before);
    #[cfg(unix)]
    for line in ["run identity --host native app.log", "run identity --host native", "record --raw app.log"] {
        let at =
            |write| fs::File::options().read(true).append(write).open(dir.path().join("app.log")).unwrap();
        let output = command(dir.path(), line).stdin(at(false)).stdout(at(true)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(text(&output.stderr).contains("is input and output"), "{line}: {}", text(&output.stderr));
    }
    // What anything may be written to, and a baseline that is brought up to date.
    for line in [
        "audit app.log --fail-on never -o /dev/null --report json=/dev/null",
        "audit app.log --write-baseline known.json",
        "audit app.log --baseline known.json --write-baseline known.json",
    ] {
        assert_eq!(run(dir.path(), line, b"").status.code(), Some(0), "{line}");
    }
    // The report of the last run is no log.
    for _ in 0..2 {
        let output = run(dir.path(), "audit logs --format json -o logs/report.json", b"");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let report = fs::read_to_string(dir.path().join("logs/report.json")).unwrap();
    assert!(report.contains("an output of this command") && report.contains("logs/app.log"), "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let dir = place();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for (line, code) in [
        ("--help", 3),
        ("--version", 3),
        ("run --help", 3),
        ("help lint", 3),
        ("filters", 3),
        ("filters --format json", 3),
        ("config schema identity", 3),
        ("config init identity", 3),
        ("config explain coturn-ip-anonymizer", 3),
        ("config check identity c.json", 3),
        ("completions bash", 3),
        ("man", 3),
        ("inspect fine.wasm", 3),
        ("run identity --host native app.log", 3),
        ("report app.log", 3),
        ("conformance --list", 3),
        ("bake identity -o -", 3),
        ("pack core.wasm --abi proxy-wasm -o -", 3),
        ("lint rules", 2),
        ("lint rules --format json", 2),
        ("lint coturn turnserver.conf", 2),
        ("audit app.log", 2),
    ] {
        let output = command(dir.path(), line).stdout(full()).stdin(Stdio::null()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert!(
            said.contains("tamis: cannot write the output") || said.contains("No space left"),
            "{line}: {said}"
        );
        // Nobody listens: no panic, and the same answer.
        let deaf =
            command(dir.path(), line).stdout(full()).stderr(full()).stdin(Stdio::null()).status().unwrap();
        assert_eq!(deaf.code(), Some(code), "{line}");
    }
    for line in ["--help", "--version", "help run", "lint rules", "filters", "completions zsh"] {
        let mut child = command(dir.path(), line);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{line}");
    }
    let nowhere = run(dir.path(), "bake identity -o /proc/out.wasm", b"");
    let said = text(&nowhere.stderr);
    assert_eq!(nowhere.status.code(), Some(3), "{said}");
    assert!(said.starts_with("tamis: cannot write /proc/out.wasm: ") && !said.contains(".tamis-"), "{said}");
}

#[test]
fn what_is_no_filter_is_said_in_a_line() {
    let dir = place();
    for command in ["inspect", "run", "bake -o x", "pack --abi component -o x", "bench", "conformance"] {
        for (file, says) in [
            ("text.wasm", "this is not WebAssembly (a .wasm file)"),
            ("empty.wasm", "this file is empty, and should be WebAssembly"),
            ("cut.wasm", "malformed section id"),
            ("compiled.wasm", "this is a precompiled module"),
        ] {
            let output = run(dir.path(), &format!("{command} {file}"), b"");
            let said = text(&output.stderr);
            assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{command}: {said}");
            assert!(said.contains(file) && said.contains(says), "{command}: {said}");
        }
        let missing = run(dir.path(), &format!("{command} ./nope.wasm"), b"");
        let said = text(&missing.stderr);
        assert_eq!(missing.status.code(), Some(3), "{command}: {said}");
        assert!(said.contains("cannot read the") && said.contains("nope.wasm"), "{command}: {said}");
    }
    for command in ["inspect", "run", "bake -o x", "bench", "conformance", "record --filter"] {
        let output = run(dir.path(), &format!("{command} identitty"), b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("did you mean 'identity'?"), "{command}: {said}");
    }
}

#[test]
fn errors_say_what_can_be_given() {
    let dir = place();
    for glob in ["[", "*.{gz", "/"] {
        for command in ["audit", "report"] {
            let output = run(dir.path(), &format!("{command} --exclude {glob} logs"), b"");
            assert_eq!(output.status.code(), Some(2), "{command} {glob}");
            assert!(text(&output.stderr).contains("'--exclude <GLOB>'"), "{}", text(&output.stderr));
        }
    }
    assert_eq!(run(dir.path(), "audit --exclude *.{log,gz} logs", b"").status.code(), Some(0));
    for (line, code, says) in [
        (
            "run identity -c foo=nope.json",
            2,
            "there is no such file, and 'foo' is none of the filters given (identity)",
        ),
        ("config explain identity", 0, "identity has no settings"),
        ("run identity -c identty=c.json", 2, "did you mean 'identity'?"),
        (
            "bench identity coturn-ip-anonymizer -c foo=nope",
            2,
            "'foo' is none of the filters given (identity, coturn",
        ),
        ("run identity -c nope.json", 3, "cannot read the config nope.json"),
        ("run identity app.lgo", 3, "there is no such file"),
        ("run identity coturn-ip-anonymzer", 3, "did you mean 'coturn-ip-anonymizer'?"),
        ("run identity app.log -o no/such/x", 3, "cannot write no/such/x: there is no directory no/such"),
        ("run identity --max-record-bytes 10", 2, "from 1k to 1G"),
        ("run identity --memory-limit-bytes 5x", 2, "'x' is no unit: k, M or G"),
        ("run identity --host foo", 2, "possible values: native, component, fluent-bit, proxy-wasm]"),
        ("inspect identity --host native", 2, "possible values: component, fluent-bit, proxy-wasm]"),
        ("inspect fine.wasm --host component", 2, "this is for the host fluent-bit, not component"),
        ("bake identity -o x --host foo", 2, "possible values: component, fluent-bit, proxy-wasm]"),
        ("conformance identity --host foo", 2, "possible values: component, fluent-bit, proxy-wasm]"),
        ("config check identity c.json --host foo", 2, "possible values: native, component,"),
        ("lint coturn turnserver.conf --allow coturn/rest-user", 2, "did you mean 'coturn/rest-users'?"),
        ("lint coturn turnserver.conf -o no/such/x", 2, "there is no directory no/such"),
        ("audit app.log -o no/such/x", 2, "there is no directory no/such"),
        ("report app.log -o no/such/x", 3, "there is no directory no/such"),
        ("replay --cases no-such-dir", 3, "cannot read the cases in no-such-dir"),
        ("replay --cases logs nothing", 2, "no case in logs holds nothing"),
        ("replay --artifacts nope --cases logs", 2, "no case in logs"),
        ("new x --sdk nope", 3, "cannot read the SDK at nope"),
        ("reveal --key-id k1 --audit-log x --reason x user-k1-aaaaaaaaaaaaaaaa", 2, "add --key-file FILE"),
    ] {
        let output = run(dir.path(), line, b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert!(said.contains(says), "{line}: {said}");
    }
    let usage = text(&run(dir.path(), "reveal --help", b"").stdout);
    assert!(!usage.contains("--key "), "{usage}");
    let usage = text(&run(dir.path(), "run --help", b"").stdout);
    assert!(usage.contains("Usage: tamis run [OPTIONS] <FILTER>... [FILE]..."), "{usage}");
}
