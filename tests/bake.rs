//! Baked artifacts: what comes out of them is what comes out of the artifact they were made
//! from with the same config, byte for byte, in all three ABIs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use tamis::{
    artifacts, bake,
    host::{self, Batch, Encoding, Engines, Host, HostKind, HostOptions, Outcome, Refused},
    input::InputMode,
    inspect,
    pipeline::{Chain, Options, Stage, run_bytes},
    replay::{self, Case, Expected},
    select::Opener,
};
use tamis_tests::{asynq, coturn, logs::Log, records};

const COTURN: &str = "coturn-ip-anonymizer";
const ABIS: [HostKind; 3] = [HostKind::Component, HostKind::FluentBit, HostKind::ProxyWasm];

const KEYED: &str = r#"{"key":{"id":"k1","value":"0123456789abcdef"},"ip":{"mode":"prefix-preserving"},"users":{"mode":"token"}}"#;

fn engines() -> Engines {
    Engines::with_cache_dir(Some(Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/bake-cache")))).unwrap()
}

fn built_in(filter: &str, kind: HostKind) -> &'static [u8] {
    artifacts::find(filter, kind).unwrap().wasm
}

fn bake(filter: &str, kind: HostKind, config: &str) -> anyhow::Result<bake::Artifact> {
    bake::bake(&engines(), built_in(filter, kind), config, None, &HostOptions::default())
}

fn open(kind: HostKind, wasm: &[u8], config: &str) -> anyhow::Result<Box<dyn Host>> {
    host::open(kind, &engines(), wasm, config, &HostOptions::default())
}

fn refusal<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.downcast::<Refused>().unwrap().0,
    }
}

fn folder(case: &Case) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(&case.filter).join(&case.name)
}

/// All cases with a config, each with one of the ABIs in turn: compiling takes its time, and what the
/// ABIs do differently does not depend on the config.
fn cases() -> Vec<(Case, HostKind, String)> {
    let mut cases = Vec::new();
    for case in replay::discover(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"), &[]).unwrap() {
        if let Ok(config) = fs::read_to_string(folder(&case).join("config.json")) {
            let kind = ABIS[cases.len() % ABIS.len()];
            if !case.skipped.contains_key(&kind) {
                cases.push((case, kind, config));
            }
        }
    }
    cases
}

#[test]
fn recorded_cases_come_out_as_expected() {
    let engines = engines();
    let mut known: HashMap<(String, HostKind, String), Vec<u8>> = HashMap::new();
    let (mut outputs, mut refusals) = (0, 0);
    for (case, kind, config) in cases() {
        let dir = folder(&case);
        let options = HostOptions { config_base_dir: Some(dir.clone()), ..HostOptions::default() };
        let name = format!("{}/{} on {kind}", case.filter, case.name);
        let key = (case.filter.clone(), kind, config);
        let make = || bake::bake(&engines, built_in(&key.0, kind), &key.2, None, &options);
        let expected = match case.expected().unwrap().unwrap() {
            Expected::Output(expected) => expected,
            Expected::Refusal(expected) => {
                refusals += 1;
                if refusals % 5 == 0 {
                    assert_eq!(refusal(make()), expected, "{name}");
                }
                continue;
            }
        };
        let wasm = known.get(&key).cloned().unwrap_or_else(|| make().expect(&name).wasm);
        let host = open(kind, &wasm, "").expect(&name);
        let (file, mode) = match fs::read(dir.join("input.log")) {
            Ok(text) => (text, InputMode::Text),
            Err(_) => (fs::read(dir.join("input.jsonl")).unwrap(), InputMode::Json),
        };
        let mut chain = Chain::new(vec![Stage { name: case.filter.clone(), host }]);
        let (output, _) = run_bytes(&mut chain, &file, &Options { mode, ..Options::default() }).unwrap();
        let (expected, output) = (Expected::Output(expected), Expected::Output(output));
        assert!(expected == output, "{name}: {}", replay::difference(&expected, &output));
        known.insert(key, wasm);
        outputs += 1;
    }
    println!("{outputs} cases as expected");
    assert!(outputs >= 40 && refusals >= 20, "{outputs} {refusals}");
}

#[test]
fn recorded_logs_come_out_as_from_the_native_host() {
    let opener = Opener::default();
    let of = |logs: Vec<Log>, text: bool| -> Vec<Vec<u8>> {
        let encoding = if text { Encoding::Text } else { Encoding::Json };
        let logs = logs.iter().filter(|log| asynq::encoding(log) == encoding);
        logs.flat_map(|log| log.lines().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>())
            // What the ABIs cannot hold is left out; see the differential tests.
            .map(|l| String::from_utf8_lossy(&l).replace(['\r', '\0'], "").into_bytes())
            .filter(|l| !l.trim_ascii().is_empty())
            .collect()
    };
    for (filter, config, logs) in [
        (COTURN, KEYED, vec![(Encoding::Text, of(coturn::corpus(), true))]),
        (
            asynq::FILTER,
            asynq::KEYED,
            vec![(Encoding::Text, of(asynq::corpus(), true)), (Encoding::Json, of(asynq::corpus(), false))],
        ),
    ] {
        for kind in ABIS {
            let wasm = bake(filter, kind, config).unwrap().wasm;
            for (encoding, records) in &logs {
                let mut native = records::open(&opener, filter, HostKind::Native, config);
                let expected = records::run(&mut *native, *encoding, records, records.len());
                let mut host = open(kind, &wasm, "").unwrap();
                let got = records::run(&mut *host, *encoding, records, 1000);
                assert!(expected == got, "{filter} on {kind}");
                assert_eq!(host.counters().unwrap().is_empty(), kind == HostKind::FluentBit);
            }
        }
    }
}

#[test]
fn no_other_config_is_taken() {
    for kind in ABIS {
        let wasm = bake(COTURN, kind, KEYED).unwrap().wasm;
        for config in ["{}", KEYED, r#"{"ip":{"mode":"keep"}}"#, "nonsense"] {
            let text = refusal(open(kind, &wasm, config));
            assert!(text.contains("this module has its config inside"), "{kind} {config}: {text}");
        }
        for config in ["", " \n"] {
            open(kind, &wasm, config).unwrap();
        }
    }
}

#[test]
fn a_proxy_may_still_say_what_happens_to_bodies() {
    let plugin = format!(r#"{{"filter":{KEYED},"body":{{"max_bytes":10}}}}"#);
    let artifact = bake(COTURN, HostKind::ProxyWasm, &plugin).unwrap();
    assert_eq!(artifact.baked.key_id.as_deref(), Some("k1"));
    let mut batch = Batch::new("t", Encoding::Text);
    batch.push(0, b"peer 198.51.100.77 is longer than ten bytes");
    let mut outcome = Outcome::default();
    // The harness asks for its own limit; that of the bake is what an empty config leaves in place.
    let mut host = open(HostKind::ProxyWasm, &artifact.wasm, "").unwrap();
    host.process(&batch, &mut outcome).unwrap();
    let guest = host::proxy_wasm::Guest::start(&engines(), &artifact.wasm, "", &HostOptions::default());
    let headers = [(":method", "POST"), (":path", "/t"), ("content-type", "text/plain")];
    let message = host::proxy_wasm::Message::new(&headers, batch.body(0).to_vec());
    let passed = guest.unwrap().request(message, host::proxy_wasm::Delivery::Whole).unwrap();
    assert!(matches!(passed, host::proxy_wasm::Passed::Answered(answer) if answer.status == 413));
}

#[test]
fn artifacts_say_what_is_inside_and_have_no_trace_of_the_baking() {
    for kind in ABIS {
        let artifact = bake(COTURN, kind, KEYED).unwrap();
        assert_eq!(artifact.wasm, bake(COTURN, kind, KEYED).unwrap().wasm, "{kind}: not the same twice");
        let (before, after) =
            (inspect::inspect(built_in(COTURN, kind)).unwrap(), inspect::inspect(&artifact.wasm).unwrap());
        let of_baking = |name: &&String| ["tamis_bake", "tamis_resume"].iter().any(|b| name.contains(b));
        assert_eq!(
            before.exports.iter().filter(of_baking).count(),
            if kind == HostKind::Component { 0 } else { 2 }
        );
        assert_eq!(after.exports.iter().find(of_baking), None);
        let sorted = |list: &[String]| {
            let mut list: Vec<String> = list.iter().filter(|n| !of_baking(n)).cloned().collect();
            list.sort();
            list
        };
        assert_eq!(sorted(&before.exports), sorted(&after.exports));
        assert_eq!(before.imports, after.imports);
        assert_eq!(before.features, after.features);
        let baked = after.baked.as_ref().unwrap();
        assert_eq!((baked.filter.as_str(), baked.key_id.as_deref()), (COTURN, Some("k1")));
        assert_eq!(baked.config_sha256.len(), 64);
        let said = serde_json::to_string(&after).unwrap();
        assert!(!said.contains("0123456789abcdef\""), "{said}");
        let again = bake::bake(&engines(), &artifact.wasm, "", None, &HostOptions::default())
            .unwrap_err()
            .to_string();
        assert!(again.contains("was baked already"), "{again}");

        let without = inspect::inspect(&bake(COTURN, kind, "{}").unwrap().wasm).unwrap();
        assert_eq!(without.baked.unwrap().key_id, None);
    }
}

#[test]
fn instances_of_one_artifact_have_nothing_in_common() {
    let config = r#"{"aggregate":{"window_seconds":60}}"#;
    let wasm = bake(COTURN, HostKind::Component, config).unwrap().wasm;
    let (mut one, mut other) =
        (open(HostKind::Component, &wasm, "").unwrap(), open(HostKind::Component, &wasm, "").unwrap());
    let mut batch = Batch::new("t", Encoding::Text);
    batch.push(
        records::TIMESTAMP_NS,
        b"3: : session 001000000000000005: new, realm <x>, username <y>, lifetime=600",
    );
    one.process(&batch, &mut Outcome::default()).unwrap();
    assert!(!one.flush().unwrap().is_empty());
    assert!(other.flush().unwrap().is_empty());
}

#[test]
fn keys_are_looked_up_while_baking() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("key"), "0123456789abcdef\n").unwrap();
    let options = HostOptions { config_base_dir: Some(dir.path().into()), ..HostOptions::default() };
    let artifact = |config: &str, key: Option<&Path>| {
        bake::bake(&engines(), built_in(COTURN, HostKind::FluentBit), config, key, &options)
    };
    let by_file = KEYED.replace(r#""value":"0123456789abcdef""#, r#""file":"key""#);
    let by_env = KEYED.replace(r#""value":"0123456789abcdef""#, r#""env":"TAMIS_NO_SUCH_VARIABLE""#);
    let log = b"peer 198.51.100.77 user <alice>".to_vec();
    let filtered = |wasm: &[u8]| {
        records::run(&mut *open(HostKind::FluentBit, wasm, "").unwrap(), Encoding::Text, &[&log], 1)
    };
    let expected = filtered(&bake(COTURN, HostKind::FluentBit, KEYED).unwrap().wasm);
    assert_eq!(filtered(&artifact(&by_file, None).unwrap().wasm), expected);
    let key = dir.path().join("key");
    let from_key_file = artifact(&by_env, Some(&key)).unwrap();
    assert_eq!(filtered(&from_key_file.wasm), expected);
    let said = tamis_pack::Baked::read(&from_key_file.wasm).unwrap().unwrap();
    assert_eq!(said, from_key_file.baked);
    assert!(refusal(artifact(&by_env, None)).starts_with("config $.key.env: "));
    assert!(refusal(artifact("{}", Some(&key))).starts_with("config $.key: the key has no name"));
}
