//! The command as users run it: bytes in, bytes out, exit codes.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

fn tamis(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
    command.args(args).env("TAMIS_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command
}

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child =
        tamis(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The command may end without reading: that is for the assertions to find.
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn passed(args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(args, input);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    assert_eq!(stderr(&output), "");
    output.stdout
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const HOSTS: [&str; 4] = ["native", "component", "fluent-bit", "proxy-wasm"];

const LINE: &[u8] = b"0: : session 001000000000000001: peer 198.51.100.77 user <alice>\n";

#[test]
fn bytes_pass_as_they_came() {
    let inputs: [&[u8]; 12] = [
        b"",
        b"\n",
        b"\n\n",
        b"no line end",
        b"a\nb\n",
        b"a\r\nb\r\n\r\nc",
        b"a\rb\n",
        b"nul \0 and \xff\xfe\xc3( bytes\n\x80",
        "\u{e000} \u{e080} \u{e0ff} \u{e100}\n".as_bytes(),
        b"\xef\xbb\xbfbom\n",
        b"{\"a\":1.0, \"a\":1e2,\"b\":\"\\u00e9\\/\"}\n\n  \n{\"c\":[]}",
        b"{not json\n",
    ];
    for input in inputs {
        for host in HOSTS {
            assert_eq!(passed(&["run", "identity", "--host", host], input), input, "{host}");
        }
    }
}

#[test]
fn compressed_input_is_told_by_its_first_bytes() {
    let text = b"first\nsecond";
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let two_members = [gzip(&text[..4]), gzip(&text[4..])].concat();
    let two_frames =
        [zstd::encode_all(&text[..4], 1).unwrap(), zstd::encode_all(&text[4..], 1).unwrap()].concat();
    for input in [two_members.clone(), two_frames] {
        assert_eq!(passed(&["run", "identity", "--host", "native"], &input), text);
    }
    let large = b"line of text\n".repeat(300_000);
    assert_eq!(passed(&["run", "identity", "--host", "native"], &gzip(&large)), large);

    let broken = run(&["run", "identity", "--host", "native"], &two_members[..two_members.len() - 9]);
    assert_eq!(broken.status.code(), Some(3));
    assert!(stderr(&broken).starts_with("tamis: cannot read standard input: "), "{}", stderr(&broken));
    // Too short for a magic number, but starting like one.
    for input in [&b"\x1f"[..], b"\x28\xb5", b"(\n"] {
        assert_eq!(passed(&["run", "identity", "--host", "native"], input), input);
    }
}

#[test]
fn long_lines_are_withheld_and_counted() {
    let input = [b"short\n".to_vec(), vec![b'x'; 3 << 20], b"\r\nshort".to_vec()].concat();
    let args = ["run", "identity", "--max-record-bytes", "1048576", "--summary-format", "json"];
    let output = run(&args, &input);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "short\n[tamis: line of 3145728 bytes withheld, over --max-record-bytes]\r\nshort"
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(summary["lines_withheld"], 1);
    assert_eq!(summary["records_in"], 2);
    assert_eq!(summary["bytes_in"], input.len());
}

#[test]
fn files_are_joined_at_line_ends() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b, c) = (file("a", b"a"), file("b", b""), file("c", b"{\"c\":1}"));
    let native = ["run", "identity", "--host", "native"];
    let args: Vec<&str> = native.into_iter().chain([a.as_str(), &b, &c]).collect();
    assert_eq!(passed(&args, b""), b"a\n{\"c\":1}");

    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    let args: Vec<&str> = native.into_iter().chain(["--output", out, a.as_str()]).collect();
    assert_eq!(passed(&args, b""), b"");
    assert_eq!(fs::read(out).unwrap(), b"a");
    let args: Vec<&str> = native.into_iter().chain(["--output", &a, a.as_str()]).collect();
    let same = run(&args, b"");
    assert_eq!(same.status.code(), Some(2));
    assert_eq!(fs::read(&a).unwrap(), b"a");
}

#[test]
fn a_live_pipe_is_not_held_back() {
    let mut child = tamis(&["run", "identity"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Shorter than a magic number; the pipe stays open until the line has come back.
    for line in [b"a\n", b"b\n"] {
        stdin.write_all(line).unwrap();
        let mut back = [0; 2];
        stdout.read_exact(&mut back).unwrap();
        assert_eq!(&back, line);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_closed_output_is_the_quiet_end() {
    let mut child = tamis(&["run", "identity", "--host", "native"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let feeder = thread::spawn(move || {
        // Never ends by itself: the command has to.
        while stdin.write_all(LINE).is_ok() {
            thread::sleep(Duration::from_micros(10));
        }
    });
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
    feeder.join().unwrap();
}

#[test]
fn hosts_agree_and_chains_are_in_order() {
    let input = [LINE, b"\xff 203.0.113.9\r\n", b"nothing here"].concat();
    let filter = "coturn-ip-anonymizer";
    let expected = passed(&["run", filter, "--host", "native"], &input);
    let text = String::from_utf8_lossy(&expected).into_owned();
    assert!(!text.contains("198.51.100.77") && !text.contains("203.0.113.9"), "{text}");
    assert!(text.ends_with("\r\nnothing here"), "{text}");
    for host in HOSTS {
        for chain in [vec![filter], vec!["identity", filter], vec![filter, "identity", "identity"]] {
            let args: Vec<&str> = ["run"].into_iter().chain(chain).chain(["--host", host]).collect();
            assert_eq!(passed(&args, &input), expected, "{args:?}");
        }
    }
}

#[test]
fn summary_says_what_was_done() {
    let output = run(&["run", "coturn-ip-anonymizer", "--summary"], LINE);
    let text = stderr(&output);
    assert!(text.contains("1 records in, 1 changed, 0 dropped"), "{text}");
    assert!(text.contains("coturn-ip-anonymizer: ip 1"), "{text}");
}

#[test]
fn usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("bad.json");
    fs::write(&config, r#"{"nonsense":1}"#).unwrap();
    let config = config.to_str().unwrap();
    for (args, code, says) in [
        (vec!["run", "identitty"], 2, "'identitty' is no built-in filter"),
        (vec!["run", "identity", "no-such-file"], 3, "cannot read no-such-file"),
        (vec!["run", "no-such.wasm"], 3, "cannot read the artifact no-such.wasm"),
        (vec!["run", "identity", "--config", "no-such.json"], 3, "cannot read the config"),
        (vec!["run", "identity", "--config", config], 2, "config $.nonsense: unknown key 'nonsense'"),
        (vec!["run", "identity", "--host", "native", "--config", config], 2, "config $.nonsense"),
        (vec!["run", "identity", "identity", "--config", config, "--host", "x"], 2, "invalid value 'x'"),
        (vec!["run", "identity", "coturn-ip-anonymizer", "--config", config], 2, "NAME=FILE"),
        (vec!["run"], 2, "required"),
        (vec!["replay", "--cases", "no-such-dir"], 3, "cannot read the cases"),
        (vec!["filters", "--schema", "identitty"], 2, "a similar value exists: 'identity'"),
    ] {
        let output = run(&args, b"");
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(says), "{args:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn replay_compares_blesses_and_shows() {
    let dir = tempfile::tempdir().unwrap();
    let cases = dir.path().to_str().unwrap();
    let case = |name: &str, files: &[(&str, &str)]| {
        let dir = dir.path().join("coturn-ip-anonymizer").join(name);
        fs::create_dir_all(&dir).unwrap();
        for (file, text) in files {
            fs::write(dir.join(file), text).unwrap();
        }
        dir
    };
    let line = std::str::from_utf8(LINE).unwrap();
    let fresh = case("fresh", &[("input.log", line), ("describe.txt", "a peer\n")]);
    let args = ["replay", "--cases", cases, "--host", "native", "--host", "component"];
    let with = |more: &[&'static str]| args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
    let output = run(&args, b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("expects nothing yet"));
    let text = String::from_utf8(passed(&with(&["--bless"]), b"")).unwrap();
    assert!(text.contains("coturn-ip-anonymizer/fresh  a peer"), "{text}");
    assert!(!fs::read_to_string(fresh.join("expected.log")).unwrap().contains("198.51.100.77"));
    passed(&args, b"");

    case(
        "refused",
        &[
            ("input.jsonl", ""),
            ("config.json", r#"{"nonsense":1}"#),
            ("error.txt", "config $.nonsense: something else\n"),
        ],
    );
    fs::write(fresh.join("expected.log"), "other\r\n").unwrap();
    let output = run(&args, b"");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("-other\\r") && text.contains("on component:"), "{text}");
    assert!(text.contains("unknown key 'nonsense'") && text.contains("0 as expected, 2 not"), "{text}");
    let output = run(&with(&["refused"]), b"");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 cases on native, component"));

    // An accepted config is not silently made one that is refused, nor the other way round.
    fs::write(fresh.join("config.json"), "nonsense").unwrap();
    let output = run(&with(&["--bless", "fresh"]), b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("expects an output"));
}

#[test]
fn inspect_and_filters() {
    let text = String::from_utf8(passed(&["inspect", "identity"], b"")).unwrap();
    assert!(text.contains("instance tamis:log-filter/filter@0.1.0"), "{text}");
    assert!(text.starts_with("filter     identity "), "{text}");
    let json = passed(&["inspect", "identity", "--host", "fluent-bit", "--format", "json"], b"");
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["abi"], "fluent-bit");
    let features = json["features"].as_array().unwrap();
    assert!(!features.iter().any(|f| f == "simd128"), "{features:?}");
    assert!(json["exports"].as_array().unwrap().iter().any(|e| e == "func malloc"));

    let text = String::from_utf8(passed(&["filters"], b"")).unwrap();
    assert!(text.contains("identity") && text.contains("coturn-ip-anonymizer"), "{text}");
    let schema = passed(&["filters", "--schema", "identity"], b"");
    assert!(serde_json::from_slice::<serde_json::Value>(&schema).is_ok());
}

#[test]
fn artifacts_run_from_files_and_without_a_home() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.wasm");
    let config = dir.path().join("c=1.json");
    fs::write(&config, "{}").unwrap();
    for (kind, other) in [("component", "fluent-bit"), ("fluent-bit", "component")] {
        let artifact = tamis::artifacts::find("identity", kind.parse().unwrap()).unwrap();
        fs::write(&path, artifact.wasm).unwrap();
        let wasm = path.to_str().unwrap();
        let named = format!("mine={}", config.display());
        for config in [config.to_str().unwrap(), &named] {
            assert_eq!(passed(&["run", wasm, "--config", config], LINE), LINE);
        }
        let output = run(&["run", wasm, "--host", other], LINE);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(&format!("is built for the host {kind}")));
    }
    fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let output = run(&["run", path.to_str().unwrap()], LINE);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("for no host known here"), "{}", stderr(&output));

    let mut bare = tamis(&["run", "identity", "--host", "component"]);
    bare.env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
    assert!(bare.output().unwrap().status.success());
    assert!(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache").is_dir());
}

#[test]
fn bake_says_what_is_inside() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (config, key, out) = (file("c.json"), file("k"), file("out.wasm"));
    fs::write(&config, r#"{"key":{"id":"k7","env":"TAMIS_NOT_SET"},"users":{"mode":"token"}}"#).unwrap();
    fs::write(&key, "0123456789abcdef").unwrap();
    let bake = |more: &[&str]| run(&[&["bake", "coturn-ip-anonymizer", "-o", &out], more].concat(), b"");

    // Nothing is written for a config or a key that is refused.
    for (more, code, said) in [
        (&["--config", &config][..], 2, "$.key.env: the environment variable 'TAMIS_NOT_SET' is not set"),
        (&["--config", &config, "--key-file", "/no/such/key"], 2, "$.key.file: cannot read the key file"),
        (&["--config", "/no/such/config"], 3, "cannot read the config /no/such/config"),
        (&["--key-file", &key], 2, "--config"),
        (&["--host", "native"], 2, "possible values: component, fluent-bit, proxy-wasm]"),
        (&["--config", &out.replace("out.wasm", "no/c.json")], 3, "cannot read the config"),
    ] {
        let output = bake(more);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{more:?}: {}", stderr(&output));
        assert!(!Path::new(&out).exists());
    }
    let nowhere = run(&["bake", "identity", "-o", "/no/such/dir/out.wasm"], b"");
    assert_eq!(nowhere.status.code(), Some(3), "{}", stderr(&nowhere));

    let output = bake(&["--config", &config, "--key-file", &key]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        output.stdout.is_empty() && stderr(&output).contains("the key 'k7' IS INSIDE"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains("0123456789abcdef"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let filtered = passed(&["run", &out], LINE);
    assert!(filtered.windows(8).any(|w| w == b"user-k7-"), "{}", String::from_utf8_lossy(&filtered));
    let text = String::from_utf8(passed(&["inspect", &out], b"")).unwrap();
    assert!(text.contains("key        'k7' IS INSIDE"), "{text}");
    let refused = run(&["run", &out, "--config", &config], LINE);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    let same = run(&["bake", &out, "-o", &out], b"");
    assert_eq!(same.status.code(), Some(2), "{}", stderr(&same));

    let piped = run(&["bake", "identity", "-o", "-"], b"");
    assert!(piped.status.success() && piped.stdout.starts_with(b"\0asm"), "{}", stderr(&piped));
    assert_eq!(run(&["bake", "identity", "-o", "-", "--format", "json"], b"").status.code(), Some(2));

    for host in ["component", "fluent-bit", "proxy-wasm"] {
        let json = run(&["bake", "identity", "--host", host, "-o", &out, "--format", "json"], b"");
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((&json["abi"], &json["key_id"]), (&host.into(), &serde_json::Value::Null));
        assert_eq!(passed(&["run", &out], LINE), LINE);
    }
}

#[cfg(unix)]
#[test]
fn the_example_of_bake_works() {
    let dir = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/bake.sh");
    let mut example = Command::new(script);
    let output = example.arg(dir.path()).arg(env!("CARGO_BIN_EXE_tamis")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let run_in = |host| {
        let wasm = dir.path().join(format!("coturn-ip-anonymizer.baked.{host}.wasm"));
        passed(&["run", wasm.to_str().unwrap()], LINE)
    };
    let line = run_in("component");
    assert!(line != LINE && line.windows(10).any(|w| w == b"user-demo-"));
    assert_eq!((run_in("fluent-bit"), run_in("proxy-wasm")), (line.clone(), line));
}

#[test]
fn bench_measures_saves_compares_and_draws() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (saved, svg, html) = (file("run.json"), file("chart.svg"), file("chart.html"));
    let log = file("log");
    fs::write(&log, LINE.repeat(50)).unwrap();
    let quick = ["--rounds", "2", "--mb", "1", "--sweep", "4,1,4", "--input", &log];
    let bench = |more: &[&str]| {
        run(&[&["bench", "identity", "coturn-ip-anonymizer"], &quick[..], more].concat(), b"")
    };

    let output = bench(&[
        "--host",
        "native",
        "--host",
        "component",
        "--format",
        "json",
        "--save",
        &saved,
        "--chart",
        &svg,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["input"]["records"], &json["input"]["name"]), (&50.into(), &"log".into()));
    let cases = json["cases"].as_array().unwrap();
    let id = |case: &serde_json::Value| {
        format!("{} {}", case["filter"].as_str().unwrap(), case["host"].as_str().unwrap())
    };
    assert_eq!(
        cases.iter().map(id).collect::<Vec<_>>(),
        [
            "copy native",
            "identity native",
            "identity component",
            "coturn-ip-anonymizer native",
            "coturn-ip-anonymizer component"
        ]
    );
    for case in cases {
        let native = case["host"] == "native";
        assert_eq!(case["compile_ms"].is_null(), native, "{case}");
        assert_eq!(case["guest_memory_bytes"].is_null(), native, "{case}");
        assert_eq!(case["control"].as_bool().unwrap(), case["filter"] != "coturn-ip-anonymizer");
        for figure in ["ns_per_record", "mb_per_s", "records_per_s", "start_us"] {
            assert!(case[figure].as_f64().unwrap() > 0.0, "{figure}: {case}");
        }
        assert_eq!(case["rounds_ns_per_record"].as_array().unwrap().len(), 2);
        let sizes: Vec<u64> =
            case["sweep"].as_array().unwrap().iter().map(|s| s["records"].as_u64().unwrap()).collect();
        assert_eq!(sizes, [1, 4]);
        for latency in ["batch_latency", "record_latency"] {
            let of = |name: &str| case[latency][name].as_u64().unwrap();
            assert!(
                of("calls") > 0 && of("p50_ns") <= of("p99_ns") && of("p999_ns") <= of("max_ns"),
                "{case}"
            );
        }
    }
    assert_eq!(cases[3]["output"], cases[4]["output"]);
    assert!(fs::read_to_string(&svg).unwrap().contains("coturn-ip-anonymizer component"));

    // The same filters are nowhere near 10,000 times as slow as a moment ago; a run with made-up times tells.
    let args = ["--host", "component", "--compare", &saved, "--fail-if-slower", "1000000", "--chart", &html];
    let output = bench(&args);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("only in the saved run: identity native, coturn-ip-anonymizer native"), "{text}");
    assert!(fs::read_to_string(&html).unwrap().contains("Against the saved run"));
    let mut made_up = json;
    for case in made_up["cases"].as_array_mut().unwrap() {
        case["ns_per_record"] = 0.01.into();
        case["rounds_ns_per_record"] = serde_json::json!([0.01, 0.01]);
    }
    fs::write(&saved, made_up.to_string()).unwrap();
    let output =
        bench(&["--host", "component", "--compare", &saved, "--fail-if-slower", "15%", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["comparison"]["slower"], true);
    assert!(!found["comparison"]["notes"].as_array().unwrap().is_empty());

    // Refused before anything is measured.
    for (more, code, said) in [
        (&["--chart", "x.png"][..], 2, "must end in .svg or .html"),
        (&["--save", "/no/such/dir/x.json"], 3, "there is no directory /no/such/dir"),
        (&["--save", "-"], 2, "standard output is named twice, by the figures and by --save"),
        (&["--save", "x.svg", "--chart", "x.svg"], 2, "x.svg is named twice, by --save and by --chart"),
        (&["--save", &log], 2, "is input and output"),
        (&["--compare", &log], 2, "cannot be compared with"),
        (&["--compare", "/no/such/file"], 3, "cannot read the saved run"),
        (&["--fail-if-slower", "5"], 2, "--compare"),
        (&["--compare", &saved, "--fail-if-slower=-1"], 2, "must not be negative"),
        (&["--config", &log], 2, "does not say which filter it is for"),
    ] {
        let output = bench(more);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{more:?}: {}", stderr(&output));
    }
    fs::write(&log, "other\n").unwrap();
    let output = bench(&["--compare", &saved]);
    assert!(stderr(&output).contains("measured on another log"), "{}", stderr(&output));
    fs::write(&log, "").unwrap();
    let empty = bench(&[]);
    assert_eq!(empty.status.code(), Some(3));
    assert!(stderr(&empty).contains("log: it is empty: name a log"), "{}", stderr(&empty));
    let twice = run(&["bench", "identity", "identity", "--rounds", "1"], b"");
    assert!(stderr(&twice).contains("is given twice"), "{}", stderr(&twice));
}

#[test]
fn reveal_gives_back_what_the_filter_has_taken() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (config, key, audit, log, users) =
        (file("c.json"), file("key"), file("audit"), file("log"), file("users"));
    let secret = "0123456789abcdef0123456789abcdef";
    fs::write(&key, format!("{secret}\n")).unwrap();
    fs::write(&users, "mallory\r\nalice\r\n").unwrap();
    let line = b"0: : session 001000000000000001: peer 198.51.100.77 user <alice>\n";
    let common = ["reveal", "--audit-log", &audit, "--reason", "case 4711"];
    let reveal = |more: &[&str], input: &[u8]| run(&[&common[..], more].concat(), input);
    let filter = |mode: &str| {
        let text = format!(
            r#"{{"key":{{"id":"k1","file":"key"}},"ip":{{"mode":"{mode}"}},"users":{{"mode":"token"}}}}"#
        );
        fs::write(&config, text).unwrap();
        String::from_utf8(passed(&["run", "coturn-ip-anonymizer", "--config", &config], line)).unwrap()
    };
    let word = |line: &str, i: usize| {
        line.split_ascii_whitespace().nth(i).unwrap().trim_matches(['<', '>']).to_owned()
    };
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();

    for (mode, certain) in [("prefix-preserving", false), ("deterministic", true)] {
        let address = word(&filter(mode), 5);
        let output = reveal(&["--config", &config, &address], b"");
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(text(&output).starts_with(&format!("{address} = 198.51.100.77")), "{}", text(&output));
        assert_eq!(text(&output).contains("nothing in it tells"), !certain);
        // The same by hand, with the key from every source that there is.
        for (source, input) in [(&["--key-file", &key][..], ""), (&["--key-stdin"], secret)] {
            let args =
                [&["--key-id", "k1", "--ip-mode", mode, "--format", "json", &address], source].concat();
            let json: serde_json::Value =
                serde_json::from_slice(&reveal(&args, input.as_bytes()).stdout).unwrap();
            assert_eq!((&json["value"], &json["certain"]), (&"198.51.100.77".into(), &certain.into()));
        }
        let mut by_env = tamis(
            &[&common[..], &["--key-id", "k1", "--key-env", "K", "--ip-mode", mode, &address]].concat(),
        );
        assert!(text(&by_env.env("K", secret).output().unwrap()).contains("198.51.100.77"));
    }

    let filtered = filter("token");
    let (ip, user) = (word(&filtered, 5), word(&filtered, 7));
    fs::write(&log, &filtered).unwrap();
    let candidates = ["--network", "198.51.100.0/24", "--candidates", &users];
    for (from, input) in
        [(&["--log", &log][..], ""), (&["--log", "-"], &filtered), (&[&user, &ip, &user], "")]
    {
        let output = reveal(&[&["--config", &config], from, &candidates[..]].concat(), input.as_bytes());
        assert!(output.status.success(), "{}", stderr(&output));
        let (found, mut wanted) =
            (text(&output), [format!("{ip} = 198.51.100.77"), format!("{user} = alice")]);
        let mut lines: Vec<&str> = found.lines().collect();
        lines.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
    }
    let one = reveal(&["--config", &config, &user, "--candidate", "bob", "--candidate", "alice"], b"");
    assert_eq!(text(&one), format!("{user} = alice\n"));

    // What is not known is said, and asked for all the same.
    let before = fs::read_to_string(&audit).unwrap().lines().count();
    let forged = "user-k1-aaaaaaaaaaaaaaaa";
    let other = "user-k2-aaaaaaaaaaaaaaaa";
    let output = reveal(&["--config", &config, &user, forged, other, "--candidate", "bob"], b"");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = text(&output);
    assert!(
        said.contains("none of the candidates") && said.contains("not made with this key 'k1'"),
        "{said}"
    );
    assert!(said.contains("made with the key 'k2'"), "{said}");
    let trail = fs::read_to_string(&audit).unwrap();
    assert_eq!(trail.lines().count(), before + 3);
    for line in trail.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["key_id"], &line["reason"]), (&"k1".into(), &"case 4711".into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z') && !line["user"].as_str().unwrap().is_empty());
        assert!(line["pseudonym"].is_string() && line["revealed"].is_boolean());
    }
    assert!(!trail.contains("alice") && !trail.contains("198.51.100.77") && !trail.contains(secret));
    assert!(trail.lines().last().unwrap().contains(r#""revealed":false"#));

    // Refused, with nothing printed.
    let k1 = ["--key-id", "k1", "--key-file", &key];
    let no_key = file("no-key.json");
    fs::write(&no_key, "{}").unwrap();
    for (more, code, said) in [
        (&["--key-id", "k1", "--key", secret, &user][..], 2, "a key on the command line"),
        (&["--config", &config, &user, "--network", "10.0.0.0/7"], 2, "try smaller networks"),
        (&["--config", &config, "alice"], 2, "is neither an address nor a token"),
        (&[&k1[..], &["192.0.2.1"]].concat(), 2, "--ip-mode"),
        (&["--key-id", "k1", &user], 2, "--key-file"),
        (&["--key-id", "k1", "--key-stdin", "--log", "-"], 2, "standard input can be read once"),
        (&["--config", &config, "--log", "/no/such/log"], 3, "cannot read /no/such/log"),
        (&["--config", &config, &user, "--candidates", "/no/such/file"], 3, "cannot read the candidates"),
        (&["--config", &config, &user, "--reason", ""], 2, "--reason"),
        (&["--key-id", "k1", "--key-file", "/no/such/key", &user], 2, "key.file: cannot read the key file"),
        (&["--config", &config], 2, "name a pseudonym, or a log that holds some with --log"),
        (&[user.as_str()], 2, "--key-id ID and --key-file FILE"),
        (
            &["--config", &no_key, &user],
            2,
            "has no section 'key': name the key with --key-id ID and --key-file",
        ),
        (&["--config", "/no/such/config", &user], 3, "cannot read the config"),
        (&["--config", &users, "--log", "-", "--candidates", "-"], 2, "standard input can be read once"),
    ] {
        let output = reveal(more, b"");
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{more:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&audit).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&audit, fs::Permissions::from_mode(0o644)).unwrap();
        let output = reveal(&["--config", &config, &user, "--candidate", "alice"], b"");
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(3), ""));
        assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
    }
    let nowhere =
        run(&["reveal", "--config", &config, "--audit-log", "/no/such/dir/a", "--reason", "x", &user], b"");
    assert_eq!((nowhere.status.code(), text(&nowhere).as_str()), (Some(3), ""));
}

#[cfg(unix)]
#[test]
fn the_examples_of_reveal_and_bench_work() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let output =
        Command::new(format!("{examples}/reveal.sh")).arg(env!("CARGO_BIN_EXE_tamis")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(" = 198.51.100.77 (if") && text.contains(" = alice\n"), "{text}");
    assert!(text.contains(r#""reason":"the example""#), "{text}");

    let dir = tempfile::tempdir().unwrap();
    let bench = || {
        let mut script = Command::new(format!("{examples}/ci/bench.sh"));
        script.args(["base.json", "identity", "--host", "native", "--mb", "1"]).current_dir(dir.path());
        script.env("TAMIS", env!("CARGO_BIN_EXE_tamis")).env("ROUNDS", "1").env("PERCENT", "1000000");
        let output = script.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    };
    bench();
    assert!(dir.path().join("base.json").is_file() && !dir.path().join("bench.html").exists());
    bench();
    assert!(dir.path().join("bench.html").is_file());
}
