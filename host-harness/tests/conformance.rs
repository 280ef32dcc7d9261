//! `tamis conformance` on artifacts of ours and of strangers, good ones and bad ones: each bad
//! one fails the check that it is bad for, and no other.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use tamis::{
    artifacts,
    conformance::{
        self, Artifact, Options, Sample,
        catalogue::CHECKS,
        report::{Report, Status},
    },
    host::{Encoding, Engines, HostKind},
};

fn engines() -> Engines {
    Engines::with_cache_dir(Some(Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/cache")))).unwrap()
}

fn options() -> Options {
    // Machines that run tests are slow at times.
    options_with(60)
}

fn options_with(timeout_seconds: u64) -> Options {
    let mut options = Options { records: 20_000, ..Options::default() };
    options.host.init_timeout = Duration::from_secs(timeout_seconds);
    options.host.call_timeout = Duration::from_secs(timeout_seconds);
    options
}

fn run(artifact: &Artifact, options: &Options) -> Report {
    conformance::check(artifact, options, &engines(), &mut |_| {}).unwrap()
}

fn dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// A fixture with its holes filled: by what is given, else by what makes it good.
fn fixture(name: &str, good: &[(&str, &str)], bad: &[(&str, &str)]) -> Vec<u8> {
    let mut text = std::fs::read_to_string(dir().join(name)).unwrap();
    for (hole, filling) in bad.iter().chain(good) {
        text = text.replace(&format!("{{{{{hole}}}}}"), filling);
    }
    assert!(bad.iter().all(|(hole, _)| good.iter().any(|(known, _)| known == hole)), "{bad:?}");
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}"))
}

const FLUENT_BIT: &[(&str, &str)] = &[
    ("imports", ""),
    ("memory", r#"(export "memory")"#),
    ("initialize", ""),
    ("malloc", r#"(export "malloc")"#),
    ("free", r#"(export "free")"#),
    (
        "turn",
        "(if (global.get $stale) (then (global.set $top (i32.const 131072)) (global.set $stale (i32.const 0))))",
    ),
    (
        "advance",
        "(global.set $top (i32.add (local.get $at) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))",
    ),
    ("functions", ""),
    ("params", "(param $tag i32) (param $tag_len i32) (param $sec i32) (param $nsec i32)"),
    ("null", "(if (i32.eqz (local.get $record)) (then (return (i32.const 1024))))"),
    ("filter", ""),
];

fn fluent_bit(bad: &[(&str, &str)]) -> Artifact {
    Artifact {
        name: "fixture".to_owned(),
        wasm: fixture("fluent_bit.wat", FLUENT_BIT, bad),
        kind: HostKind::FluentBit,
        function: Some("filter".to_owned()),
    }
}

const PROXY_WASM: &[(&str, &str)] = &[
    ("imports", ""),
    ("version", "proxy_abi_version_0_2_1"),
    ("advance", ""),
    ("configure", ""),
    ("body", ""),
];

fn proxy_wasm(bad: &[(&str, &str)]) -> Artifact {
    let wasm = fixture("proxy_wasm.wat", PROXY_WASM, bad);
    Artifact { name: "fixture".to_owned(), wasm, kind: HostKind::ProxyWasm, function: None }
}

const COMPONENT: &[(&str, &str)] = &[
    ("name", "stranger"),
    ("name_len", "8"),
    ("schema_len", "17"),
    ("initialize", ""),
    ("reset", "(global.set $top (i32.const 65536))"),
    ("verdict", "0"),
    ("process", ""),
];

fn component(bad: &[(&str, &str)]) -> Artifact {
    let mut module = fixture("component.wat", COMPONENT, bad);
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir("../wit").unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    let wasm = wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    Artifact { name: "fixture".to_owned(), wasm, kind: HostKind::Component, function: None }
}

fn stranger(name: &str) -> Artifact {
    let wasm = wat::parse_file(dir().join(name)).unwrap();
    Artifact::new(name, wasm, None, None).unwrap()
}

/// What failed, with what was seen: for messages of assertions.
fn failures(report: &Report) -> Vec<String> {
    let failed = report.checks.iter().filter(|o| o.status == Status::Fail);
    failed.map(|o| format!("{}: {}", o.check, o.detail)).collect()
}

/// What is bad, how it gets into the fixture, and the check that fails for it.
type Bad<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// One check fails, the rest that runs does not.
fn fails(name: &str, artifact: &Artifact, check: &str) {
    let timeout_seconds = if name.contains("hang") { 2 } else { 60 };
    let options = Options { idempotent: true, ..options_with(timeout_seconds) };
    let report = run(artifact, &options);
    assert_eq!(report.names(Status::Fail), [check], "{name}: {:#?}", failures(&report));
}

#[test]
fn our_artifacts_pass() {
    for artifact in artifacts::ALL {
        let report = run(
            &Artifact {
                name: artifact.filter.to_owned(),
                wasm: artifact.wasm.to_vec(),
                kind: artifact.kind,
                function: Some("filter".to_owned()).filter(|_| artifact.kind == HostKind::FluentBit),
            },
            &Options { idempotent: !artifact.filter.ends_with("-tagger"), ..options() },
        );
        let what = format!("{} for {}", artifact.filter, artifact.kind);
        assert_eq!(failures(&report), [""; 0], "{what}");
        // What is warned of is known: see docs/conformance.md.
        let known = ["stack", "imports"];
        let warned = report.names(Status::Warn);
        assert!(warned.iter().all(|check| known.contains(check)), "{what}: {warned:?}");
        let skipped = report.names(Status::Skip);
        assert!(skipped.iter().all(|check| *check == "idempotence"), "{what}: {skipped:?}");
    }
}

#[test]
fn good_strangers_pass() {
    for (name, function, warnings) in [
        ("rust_filter.wat", "rust_filter", vec!["exports", "allocator", "leaking-host"]),
        ("go_filter.wat", "go_filter", vec!["exports"]),
        ("c_filter.wat", "c_filter", vec!["allocator", "leaking-host"]),
    ] {
        let artifact = stranger(name);
        assert_eq!(artifact.kind, HostKind::FluentBit);
        assert_eq!(artifact.function.as_deref(), Some(function));
        let report = run(&artifact, &options());
        assert_eq!(failures(&report), [""; 0], "{name}");
        assert_eq!(report.names(Status::Warn), warnings, "{name}: {report:#?}");
    }
    // Its type is not that of the runtime, which matters only to who calls it.
    let aborts = fluent_bit(&[("imports", r#"(import "env" "abort" (func $abort))"#)]);
    for (name, artifact) in [
        ("fluent-bit", fluent_bit(&[])),
        ("a function of another type", aborts),
        ("proxy-wasm", proxy_wasm(&[])),
        ("component", component(&[])),
    ] {
        let report = run(&artifact, &Options { idempotent: true, ..options() });
        assert_eq!(failures(&report), [""; 0], "{name}");
        assert_eq!(report.names(Status::Warn), [""; 0], "{name}: {report:#?}");
    }
}

#[test]
fn bad_modules_for_fluent_bit_fail_for_their_own_reason() {
    let unless_object = |then: &str| {
        format!("(if (i32.eqz (call $object (local.get $record) (local.get $len))) (then {then}))")
    };
    let traps_on_text = unless_object("(unreachable)");
    let counts_text = unless_object("(global.set $count (i32.add (global.get $count) (i32.const 1)))")
        + "(if (i32.gt_u (global.get $count) (i32.const 100)) (then (return (i32.const 0))))";
    let locals = format!("(local {})", "i64 ".repeat(60));
    // One level of recursion for each bracket, at most 64.
    let recursion = format!(
        "(func $deep (param $at i32) (param $left i32) (result i32) {locals}
           (if (result i32) (i32.and (i32.ne (local.get $left) (i32.const 0))
                   (i32.or (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x5b))
                           (i32.eq (i32.load8_u offset=5 (local.get $at)) (i32.const 0x5b))))
             (then (i32.add (i32.const 1)
                (call $deep (i32.add (local.get $at) (i32.const 1)) (i32.sub (local.get $left) (i32.const 1)))))
             (else (i32.const 0))))"
    );
    let bump = "(global.set $top (i32.add (local.get $at) (i32.add (local.get $size) (i32.const 64))))";
    let cases: &[Bad<'_>] = &[
        ("memory is not exported", &[("memory", "")], "exports"),
        ("five parameters", &[("params", "(param $tag i32) (param $tag_len i32) (param $sec i32)")], "exports"),
        (
            "an import nobody gives",
            &[("imports", r#"(import "env" "curl_easy_init" (func $curl (result i32)))"#)],
            "imports",
        ),
        (
            "SIMD",
            &[("filter", "(if (i32x4.extract_lane 0 (i32x4.splat (i32.const 0))) (then (unreachable)))")],
            "features",
        ),
        ("a trap at start", &[("initialize", "(unreachable)")], "start"),
        ("a hang at start", &[("initialize", "(loop (br 0))")], "start"),
        ("an exit at start", &[("initialize", "(call $proc_exit (i32.const 1))")], "start"),
        ("malloc gives the same again", &[("advance", "")], "allocator"),
        ("malloc gives null", &[("advance", "(if (i32.gt_u (local.get $size) (i32.const 60000)) (then (return (i32.const 0))))")], "allocator"),
        ("a null result", &[("filter", "(return (i32.const 0))")], "result"),
        ("a result without NUL", &[("filter", "(i32.store8 (i32.const 262143) (i32.const 97)) (memory.fill (i32.const 262000) (i32.const 97) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 262000))) (return (i32.const 262100))")], "result"),
        ("a result outside of memory", &[("filter", "(return (i32.const -16))")], "result"),
        ("a result that is no object", &[("filter", "(return (i32.const 1025))")], "result"),
        ("a trap on every record", &[("filter", "(unreachable)")], "result"),
        (
            "a record without memory, and no allocator",
            &[
                ("malloc", ""),
                ("free", ""),
                ("null", "(if (i32.eqz (local.get $record)) (then (unreachable)))"),
            ],
            "null-record",
        ),
        (
            "recursion on nesting",
            &[
                ("functions", &recursion),
                ("filter", "(drop (call $deep (i32.add (local.get $record) (i32.const 7)) (i32.const 64)))"),
            ],
            "stack",
        ),
        (
            "a trap on a percent sign",
            &[("filter", "(if (call $has (local.get $record) (local.get $len) (i32.const 0x25)) (then (unreachable)))")],
            "hostile",
        ),
        (
            "a hang on a percent sign",
            &[("filter", "(if (call $has (local.get $record) (local.get $len) (i32.const 0x25)) (then (loop (br 0))))")],
            "hostile",
        ),
        ("a trap on text", &[("filter", &traps_on_text)], "malformed"),
        ("no good record after 100 bad ones", &[("filter", &counts_text)], "poison"),
        (
            "a random result",
            &[
                ("imports", r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
                   (data (i32.const 1100) "{\22random\22:\22    \22}\00")"#),
                (
                    "filter",
                    "(if (i32.eq (local.get $len) (i32.const 2)) (then
                       (drop (call $random (i32.const 1200) (i32.const 4)))
                       (i32.store (i32.const 1111) (i32.or (i32.const 0x40404040)
                          (i32.and (i32.load (i32.const 1200)) (i32.const 0x0f0f0f0f))))
                       (return (i32.const 1100))))",
                ),
            ],
            "determinism",
        ),
        (
            "a number becomes a float",
            // {"log":"x","tamis_a":9007199254740993,...
            &[(
                "filter",
                "(if (i32.and (i32.gt_u (local.get $len) (i32.const 40))
                              (i64.eq (i64.load offset=29 (local.get $record)) (i64.const 0x3339393034373435)))
                   (then (i32.store8 offset=36 (local.get $record) (i32.const 0x32))))",
            )],
            "untouched",
        ),
        (
            "every time a blank more",
            &[(
                "filter",
                "(if (i32.and (i32.lt_u (local.get $len) (i32.const 300)) (call $object (local.get $record) (local.get $len))) (then
                   (memory.copy (i32.const 2049) (local.get $record) (i32.add (local.get $len) (i32.const 1)))
                   (i32.store8 (i32.const 2048) (i32.const 0x20))
                   (return (i32.const 2048))))",
            )],
            "idempotence",
        ),
        ("64 bytes of every record stay", &[("turn", ""), ("advance", bump)], "memory"),
    ];
    for (name, bad, check) in cases {
        fails(name, &fluent_bit(bad), check);
    }
}

#[test]
fn bad_components_fail_for_their_own_reason() {
    let traps_on_nothing = "(if (i32.and (i32.eq (local.get $records) (i32.const 1)) (i32.eqz (local.get $bodies_len))) (then (unreachable)))";
    let cases: &[Bad<'_>] = &[
        ("a name with a blank", &[("name", "s ranger")], "describe"),
        ("no name", &[("name_len", "0")], "describe"),
        ("half a schema", &[("schema_len", "12")], "schema"),
        ("a trap at start", &[("initialize", "(unreachable)")], "start"),
        (
            "a trap on a bad config",
            &[("initialize", "(if (i32.eq (local.get $len) (i32.const 1)) (then (unreachable)))")],
            "refusal",
        ),
        ("a verdict that is none", &[("verdict", "4")], "result"),
        ("a changed record without a body", &[("verdict", "1")], "result"),
        ("a trap on nothing", &[("process", traps_on_nothing)], "malformed"),
        (
            "the second of a batch is dropped",
            &[(
                "process",
                "(if (i32.gt_u (local.get $records) (i32.const 1)) (then (i32.store8 offset=1 (local.get $verdicts) (i32.const 3))))",
            )],
            "batches",
        ),
        ("all memory is kept", &[("reset", "")], "memory"),
    ];
    for (name, bad, check) in cases {
        fails(name, &component(bad), check);
    }
    let imports = |name: &str| {
        let wasm = wat::parse_str(format!(r#"(component (import "{name}" (instance)))"#)).unwrap();
        Artifact { name: "fixture".to_owned(), wasm, kind: HostKind::Component, function: None }
    };
    let report = run(&imports("wasi:cli/environment@0.2.0"), &options());
    assert_eq!(report.names(Status::Fail), ["exports", "imports"], "{report:#?}");
    let report = run(&imports("tamis:log-filter/diagnostics@0.1.0"), &options());
    assert_eq!(report.names(Status::Fail), ["exports"], "{report:#?}");
    assert_eq!(report.count(Status::Skip), report.checks.len() - 2);
}

#[test]
fn bad_proxy_modules_fail_for_their_own_reason() {
    let marks_each_piece =
        "(drop (call $set (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1100) (i32.const 1)))";
    let reads_the_body =
        "(drop (call $get (i32.const 0) (i32.const 0) (local.get $size) (i32.const 1200) (i32.const 1204)))";
    let keeps_all = "(global.set $top (i32.add (local.get $at) (local.get $size)))";
    let cases: &[Bad<'_>] = &[
        ("no version", &[("version", "version")], "exports"),
        (
            "a call that proxies do not have",
            &[("imports", r#"(import "env" "proxy_open_file" (func $open (param i32) (result i32)))"#)],
            "imports",
        ),
        (
            "a clock of another WASI",
            &[("imports", r#"(import "wasi:clocks/wall-clock" "now" (func $now (result i32)))"#)],
            "imports",
        ),
        ("no config is right", &[("configure", "(return (i32.const 0))")], "start"),
        (
            "a trap on a bad config",
            &[("configure", "(if (i32.eq (local.get $size) (i32.const 1)) (then (unreachable)))")],
            "refusal",
        ),
        ("a body is held back", &[("body", "(return (i32.const 1))")], "result"),
        ("each piece is marked", &[("body", marks_each_piece)], "chunks"),
        (
            "a trap on 900 kB",
            &[("body", "(if (i32.gt_u (local.get $size) (i32.const 900000)) (then (unreachable)))")],
            "hostile",
        ),
        ("all bodies are kept", &[("advance", keeps_all), ("body", reads_the_body)], "memory"),
    ];
    for (name, bad, check) in cases {
        fails(name, &proxy_wasm(bad), check);
    }
}

#[test]
fn a_filter_that_remembers_a_little_is_only_warned_of() {
    // Once it has seen text, every 64th record is a note.
    let filter = "(if (i32.eqz (call $object (local.get $record) (local.get $len)))
          (then (global.set $count (i32.or (global.get $count) (i32.const 0x10000)))))
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (if (i32.and (i32.gt_u (global.get $count) (i32.const 0xffff))
                     (i32.eqz (i32.and (global.get $count) (i32.const 63))))
          (then (return (i32.const 1024))))";
    let report = run(&fluent_bit(&[("filter", filter)]), &options());
    assert_eq!(failures(&report), [""; 0]);
    assert_eq!(report.names(Status::Warn), ["poison"], "{report:#?}");
}

#[test]
fn what_strangers_do_not_do_is_left_out_and_said() {
    // Text of one's own becomes a record on its way into Fluent Bit.
    let own = Options {
        samples: vec![Sample { encoding: Encoding::Text, body: b"a \"line\" \xff".to_vec() }],
        idempotent: true,
        only: vec!["result".into(), "idempotence".into()],
        ..options()
    };
    let report = run(&fluent_bit(&[]), &own);
    assert_eq!(report.names(Status::Pass), ["result", "idempotence"], "{report:#?}");
    assert_eq!(report.checks.len(), 2);
    // A function that is not there is a failed check, what needs it is left out with the reason.
    let mut artifact = fluent_bit(&[]);
    artifact.function = Some("go_filter".to_owned());
    let report = run(&artifact, &options());
    assert_eq!(report.names(Status::Fail), ["exports"]);
    let details = report.checks.iter().filter(|o| o.status == Status::Skip).map(|o| o.detail.as_str());
    assert!(details.clone().all(|d| d.contains("failed") || d.contains("could not run")), "{report:#?}");
    assert!(details.count() > 10);
}

#[test]
fn the_host_of_a_module_is_told_from_its_exports() {
    let new = |text: &str, host, function| {
        Artifact::new("x", wat::parse_str(text).unwrap(), host, function).map_err(|e| format!("{e:#}"))
    };
    let two = r#"(module (memory (export "memory") 1)
        (func (export "a") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "b") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0)))"#;
    assert!(new(two, None, None).unwrap_err().contains("name one with --function: a, b"));
    assert_eq!(new(two, None, Some("b")).unwrap().function.as_deref(), Some("b"));
    assert!(new("(module)", None, None).unwrap_err().contains("for no host known here"));
    assert_eq!(new("(module)", Some(HostKind::ProxyWasm), None).unwrap().kind, HostKind::ProxyWasm);
    assert!(new("(component)", Some(HostKind::FluentBit), None).unwrap_err().contains("is a component"));
    assert!(new(two, Some(HostKind::ProxyWasm), Some("a")).unwrap_err().contains("--function"));
    assert!(Artifact::new("x", b"no wasm".to_vec(), None, None).is_err());
}

fn tamis(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
    command.arg("conformance").args(args);
    command.env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_command_speaks_to_people_scripts_and_ci() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let (good, bad) = (place("good.wasm"), place("bad <&>.wasm"));
    fs::write(&good, fluent_bit(&[]).wasm).unwrap();
    fs::write(&bad, fluent_bit(&[("filter", "(return (i32.const 0))")]).wasm).unwrap();
    fs::write(place("text.wasm"), "no wasm").unwrap();
    let quick = ["--records", "1000", "--timeout", "60"];
    let with = |args: &[&str]| tamis(&[args, quick.as_slice()].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();

    let passed = with(&[&good]);
    assert_eq!(passed.status.code(), Some(0), "{}", text(&passed.stdout));
    assert!(text(&passed.stdout).contains("pass  result"), "{}", text(&passed.stdout));
    assert_eq!(text(&passed.stderr), "");
    let failed = with(&[&good, &bad]);
    assert_eq!(failed.status.code(), Some(1));
    let shown = text(&failed.stdout);
    assert!(shown.contains("FAIL  result") && shown.contains("why:") && shown.contains("cure:"), "{shown}");

    let json = with(&[&good, &bad, "--format", "json"]);
    assert_eq!(json.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["failed"], &json["artifacts"][1]["host"]), (&1.into(), &"fluent-bit".into()));
    let junit = with(&[&bad, "--format", "junit", "--output", &place("report.xml")]);
    assert_eq!((junit.status.code(), junit.stdout.len()), (Some(1), 0));
    let xml = fs::read_to_string(place("report.xml")).unwrap();
    assert!(
        xml.contains(r#"name="bad &lt;&amp;&gt;.wasm.fluent-bit""#) && xml.contains("<failure "),
        "{xml}"
    );
    assert_eq!(xml.matches("<testcase ").count(), xml.matches("</testcase>").count());

    let list = text(&tamis(&["--list"]).stdout);
    assert!(CHECKS.iter().all(|check| list.contains(check.name)), "{list}");
    for (args, words) in [
        (vec![good.as_str(), "--only", "memor"], "did you mean 'memory'?"),
        (vec!["no-such-filter"], "is no built-in filter"),
        (vec![good.as_str(), "--host", "component"], "core module, not a component"),
        (vec!["identity", "--host", "native"], "possible values: component, fluent-bit, proxy-wasm]"),
        (vec![good.as_str(), "--output", &good], "is input and output"),
        (vec![good.as_str(), "--records", "7"], "--records"),
    ] {
        let refused = tamis(&args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(text(&refused.stderr).contains(words), "{args:?}: {}", text(&refused.stderr));
    }
    fs::write(place("empty.log"), "").unwrap();
    for (args, words) in [
        (["--config", "/no/such/file"], "cannot read the config"),
        (["--input", "/no/such/file"], "cannot read /no/such/file"),
        (["--input", &place("empty.log")], "it holds no record"),
        (["--output", "/no/such/dir/x"], "there is no directory /no/such/dir"),
    ] {
        let failed = tamis(&[&[good.as_str()], &args[..]].concat());
        assert_eq!(failed.status.code(), Some(3), "{args:?}");
        assert!(text(&failed.stderr).contains(words), "{args:?}: {}", text(&failed.stderr));
    }
    let no_wasm = tamis(&[&place("text.wasm")]);
    assert_eq!(no_wasm.status.code(), Some(2), "{}", text(&no_wasm.stderr));
}
