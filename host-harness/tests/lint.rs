//! `tamis lint` as users run it. `tests/lint/<command>/<rule>/` has a file that must break the rule (`bad*`) and one
//! that must not (`good*`) for each rule; a first line `# lint: ...` holds options. Storage is made here, because
//! no repository keeps modes and times.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

#[path = "../../tests/audit/schema.rs"]
mod schema;
#[cfg(unix)]
#[path = "lint/storage.rs"]
mod storage;

const SARIF: &str = include_str!("../../tests/audit/sarif-2.1.0.schema.json");

fn root() -> PathBuf {
    fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap()
}

fn lint(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tamis")).arg("lint").args(args).stdin(Stdio::null()).output().unwrap()
}

/// The report, and what was said on standard error.
fn report(args: &[&str]) -> (Value, String) {
    let output = lint(&[args, &["--format", "json"]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {stderr}"));
    (report, stderr)
}

fn rules(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect()
}

struct Fixture {
    command: String,
    rule: String,
    path: PathBuf,
    options: Vec<String>,
    bad: bool,
}

impl Fixture {
    fn args(&self) -> Vec<&str> {
        let mut args = vec![self.command.as_str(), self.path.to_str().unwrap()];
        args.extend(self.options.iter().map(String::as_str));
        args
    }
}

fn fixtures() -> Vec<Fixture> {
    let mut all = Vec::new();
    for command in ["coturn", "pipeline"] {
        for dir in fs::read_dir(root().join("tests/lint").join(command)).unwrap() {
            let dir = dir.unwrap().path();
            for file in fs::read_dir(&dir).unwrap() {
                let path = file.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let bad = name.starts_with("bad");
                if !path.is_file() || !bad && !name.starts_with("good") {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let header = text.lines().next().and_then(|l| l.strip_prefix("# lint:")).unwrap_or_default();
                let mut options: Vec<String> = header.split_whitespace().map(str::to_owned).collect();
                if command == "pipeline" {
                    options.extend(["--root".to_owned(), dir.to_str().unwrap().to_owned()]);
                }
                let rule = format!("{command}/{}", dir.file_name().unwrap().to_str().unwrap());
                all.push(Fixture { command: command.to_owned(), rule, path, options, bad });
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

#[test]
fn each_rule_has_a_file_that_breaks_it_and_one_that_does_not() {
    let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for fixture in fixtures() {
        let (report, stderr) = report(&fixture.args());
        let found = rules(&report);
        let name = fixture.path.strip_prefix(root()).unwrap().display().to_string();
        if found.contains(fixture.rule.as_str()) != fixture.bad {
            wrong.push(format!("{name}: found {found:?}"));
        }
        if !stderr.is_empty() {
            wrong.push(format!("{name}: {stderr}"));
        }
        let count = seen.entry(fixture.rule).or_default();
        if fixture.bad {
            count.0 += 1
        } else {
            count.1 += 1
        }
        for finding in report["findings"].as_array().unwrap() {
            assert!(
                !finding["message"].as_str().unwrap().is_empty()
                    && !finding["cure"].as_str().unwrap().is_empty()
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for rule in tamis::lint::rules().filter(|r| !r.id.starts_with("storage/")) {
        let (bad, good) = seen.remove(rule.id).unwrap_or_default();
        assert!(bad > 0 && good > 0, "{}: {bad} bad, {good} good", rule.id);
    }
    assert!(seen.is_empty(), "fixtures of no rule: {seen:?}");
}

#[test]
fn good_pipelines_have_no_finding_at_all() {
    for fixture in fixtures().into_iter().filter(|f| !f.bad && f.command == "pipeline") {
        let (report, _) = report(&fixture.args());
        assert!(rules(&report).is_empty(), "{}: {:?}", fixture.path.display(), rules(&report));
    }
}

#[test]
fn lines_are_those_of_the_file() {
    let at = |case: &str, rule: &str, words: &str| {
        let path = root().join("tests/lint").join(case);
        let text = fs::read_to_string(&path).unwrap();
        let command = case.split('/').next().unwrap();
        let (report, _) = report(&[command, path.to_str().unwrap()]);
        let finding = report["findings"].as_array().unwrap().iter().find(|f| f["rule"] == rule).unwrap();
        let line = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
        let found = text.lines().nth(line - 1).unwrap();
        assert!(found.contains(words), "{case}: line {line}: {found}");
    };
    at("coturn/verbose/bad.conf", "coturn/verbose", "verbose");
    at("pipeline/event-format/bad.yaml", "pipeline/event-format", "msgpack");
    at("pipeline/function-name/bad-not-set.conf", "pipeline/function-name", "[FILTER]");
    at("pipeline/fail-open/bad.yaml", "pipeline/fail-open", "fail_open: true");
    at("pipeline/wasm-transform/bad.toml", "pipeline/wasm-transform", "[transforms.redact]");
    at("pipeline/unfiltered/bad-vector.yaml", "pipeline/unfiltered", "store:");
    at("pipeline/admin-open/bad.yaml", "pipeline/admin-open", "0.0.0.0");
    at("pipeline/passes-on-error/bad-envoy-redact.yaml", "pipeline/passes-on-error", "on_error");
}

#[test]
fn what_is_fixed_stays_fixed_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("fixed.conf");
    let fixable: BTreeSet<&str> = tamis::lint::rules().filter(|r| r.fixable).map(|r| r.id).collect();
    assert!(fixable.len() > 10);
    for fixture in fixtures().into_iter().filter(|f| f.command == "coturn") {
        let args = [fixture.args(), vec!["--fix", target.to_str().unwrap()]].concat();
        let (first, _) = report(&args);
        let before = fs::read_to_string(&fixture.path).unwrap();
        let after = fs::read_to_string(&target).unwrap();
        let again = [&["coturn", target.to_str().unwrap()][..], &fixture.args()[2..]].concat();
        let (second, _) = report(&again);
        let name = fixture.path.display();
        for finding in second["findings"].as_array().unwrap() {
            assert!(!fixable.contains(finding["rule"].as_str().unwrap()), "{name}: {finding}\n{after}");
        }
        // The same ones are left as were said to be.
        let left = |r: &Value| -> Vec<String> {
            let open = r["findings"].as_array().unwrap().iter().filter(|f| f["fixed"] == false);
            let mut rules: Vec<String> = open.map(|f| f["rule"].as_str().unwrap().to_owned()).collect();
            rules.sort();
            rules
        };
        assert_eq!(left(&first), left(&second), "{name}\n{after}");
        // Comments and lines stay where they are.
        let kept =
            before.lines().zip(after.lines()).filter(|(a, b)| a == b || format!("#{a}") == **b).count();
        let changed = first["summary"]["fixed"].as_u64().unwrap();
        assert!(kept as u64 + changed >= before.lines().count() as u64, "{name}\n{after}");
        // Twice is once.
        let once = after.clone();
        lint(&[&["coturn", target.to_str().unwrap(), "--in-place"][..], &fixture.args()[2..]].concat());
        assert_eq!(fs::read_to_string(&target).unwrap(), once, "{name}");
    }
}

#[test]
fn in_place_keeps_mode_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("turnserver.conf");
    let file = path.to_str().unwrap();
    fs::write(&path, b"# caf\xe9\r\nverbose\r\nlog-file=-\r\nno-cli\r\nlog-binding").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let output = lint(&["coturn", file, "--in-place", "--allow", "coturn/verbose"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(fs::read(&path).unwrap(), b"# caf\xe9\r\nverbose\r\nlog-file=-\r\nno-cli\r\n#log-binding");
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777,
        0o600
    );

    let output = lint(&["coturn", file, "--fix", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--in-place"));
    let output = lint(&["coturn", file, "--fix", "-"]);
    assert_eq!(output.stdout, b"# caf\xe9\r\n#verbose\r\nlog-file=-\r\nno-cli\r\n#log-binding");
    assert!(String::from_utf8_lossy(&output.stderr).contains("coturn/verbose (fixed)"));
}

#[test]
fn secrets_are_not_shown() {
    for fixture in fixtures().into_iter().filter(|f| f.command == "coturn") {
        for format in ["text", "json", "sarif"] {
            let output = lint(&[&fixture.args()[..], &["--format", format]].concat());
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            for secret in ["Tr0ub4dor", "wonderland", "turn:turn@", "password=turn"] {
                assert!(!text.contains(secret), "{}: {text}", fixture.path.display());
            }
        }
    }
}

#[test]
fn sarif_is_valid() {
    let schema: Value = serde_json::from_str(SARIF).unwrap();
    for fixture in fixtures().into_iter().filter(|f| f.bad) {
        let output = lint(&[&fixture.args()[..], &["--format", "sarif"]].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors = schema::errors(&schema, &document);
        assert!(errors.is_empty(), "{}: {errors:#?}", fixture.path.display());
        let results = document["runs"][0]["results"].as_array().unwrap();
        assert!(results.iter().any(|r| r["ruleId"] == *fixture.rule));
    }
}

#[test]
fn our_own_examples_are_clean() {
    let mut files = 0;
    let mut waiting = vec![root().join("examples")];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let text = fs::read_to_string(&path).unwrap_or_default();
            let kubernetes_or_pipeline =
                ["pipeline:", "static_resources:", "sinks:", "[sinks", "kind: ConfigMap", "[OUTPUT]"]
                    .iter()
                    .any(|word| text.lines().any(|l| l.starts_with(word)));
            if !["yaml", "yml", "conf", "toml"].contains(&extension) || !kubernetes_or_pipeline {
                continue;
            }
            files += 1;
            // `tamis record`, to which this one sends, is what redacts.
            let recorded = path.ends_with("examples/record/fluent-bit.yaml");
            let allow: &[&str] = if recorded { &["--allow", "pipeline/no-filter"] } else { &[] };
            let output = lint(&[&["pipeline", path.to_str().unwrap()], allow].concat());
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(0), "{}\n{text}{:?}", path.display(), output.stderr);
        }
    }
    assert!(files >= 2, "{files}");
    let coturn = root().join("examples/coturn/turnserver.conf");
    let output = lint(&["coturn", coturn.to_str().unwrap(), "--coturn-version", "4.17.1"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn config_maps_are_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.yaml");
    let text = "apiVersion: v1\nkind: Namespace\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  other.txt: x\n  \
                fluent-bit.conf: |\n\n    [INPUT]\n        Name tail\n        Tag app\n    [OUTPUT]\n        Name es\n        \
                Host logs.example.com\n        Match *\n";
    fs::write(&path, text).unwrap();
    let (report, _) = report(&["pipeline", path.to_str().unwrap()]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(rules(&report), BTreeSet::from(["pipeline/no-filter", "pipeline/plain-output"]));
    for finding in findings {
        let line = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
        assert_eq!(text.lines().nth(line - 1).unwrap().trim(), "[OUTPUT]");
    }

    // One text includes another, as files do when they are mounted.
    let text = "kind: ConfigMap\ndata:\n  fluent-bit.conf: |\n    @INCLUDE input.conf\n    [FILTER]\n        Name wasm\n        \
                Match app\n        Wasm_Path /not/here/coturn-ip-anonymizer.fluent-bit.wasm\n        Function_Name filter\n        \
                Accessible_Paths /etc/tamis\n    [OUTPUT]\n        Name es\n        Match *\n  input.conf: |\n    \
                [INPUT]\n        Name tail\n        Tag web\n  parsers.conf: |\n    [PARSER]\n        Name x\n";
    fs::write(&path, text).unwrap();
    let (report, stderr) = self::report(&["pipeline", path.to_str().unwrap()]);
    assert_eq!(
        rules(&report),
        BTreeSet::from(["pipeline/matches-nothing", "pipeline/unfiltered"]),
        "{stderr}"
    );
    assert_eq!(stderr, "");
}

#[test]
fn exit_codes_and_odd_input() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = put("good.conf", b"log-file=stdout\nno-cli\n");
    let bad = put("bad.conf", b"log-file=stdout\nno-cli\nsecure-stun\n");
    let empty = put("empty.yaml", b"");
    let classic = put("fluent-bit", b"[INPUT]\n    Name tail\n[OUTPUT]\n    Name es\n    Match *\n");
    let binary = put("binary.yaml", b"\x00\xff\xfe\x01: [");
    let list = put("list.yaml", b"- a\n- b\n");
    let deep = put("deep.yaml", "[".repeat(50_000).as_bytes());
    let toml = put("bad.toml", b"a = = 1\n");
    let envoy = root().join("examples/envoy/envoy.yaml").to_str().unwrap().to_owned();
    let missing = dir.path().join("missing").to_str().unwrap().to_owned();
    let folder = dir.path().to_str().unwrap().to_owned();
    for (args, code, says) in [
        (vec!["coturn", &good], 0, "0 findings"),
        (vec!["coturn", &bad], 1, "coturn/secure-stun"),
        (vec!["coturn", &bad, "--fail-on", "medium"], 0, "coturn/secure-stun"),
        (vec!["coturn", &bad, "--fail-on", "never"], 0, "1 finding: 1 low"),
        (vec!["coturn", &bad, "--allow", "coturn/secure-stun"], 0, "0 findings"),
        (vec!["coturn", &bad, "--allow", "coturn/nothing"], 2, "no rule has this id"),
        (vec!["coturn", &good, "--coturn-version", "new"], 2, "is no version"),
        (vec!["coturn", &missing], 2, "cannot read it"),
        (vec!["coturn", &folder], 2, "this is a directory"),
        (vec!["coturn", "-", "--in-place"], 2, "--in-place needs a file"),
        (vec!["pipeline", &empty], 2, "this is no pipeline"),
        (vec!["pipeline", &list], 2, "this is no pipeline"),
        (vec!["pipeline", &binary], 2, "not YAML"),
        (vec!["pipeline", &deep], 2, "tamis: "),
        (vec!["pipeline", &toml], 2, "not TOML"),
        (vec!["pipeline", &envoy, "--type", "vector"], 2, "this is a pipeline of Envoy, not of Vector"),
        (vec!["pipeline", &list, "--type", "envoy"], 2, "this is no pipeline"),
        (vec!["pipeline", &good], 2, "this is no pipeline"),
        (vec!["pipeline", &classic], 1, "pipeline/no-filter"),
        (vec!["pipeline", &envoy, &missing], 2, "cannot read it"),
        (vec!["storage", &missing], 2, "cannot look at it"),
        (vec!["storage", &folder, "--retention", "soon"], 2, "30d"),
        (vec!["storage"], 2, "required"),
        (vec!["rules"], 0, "storage/retention"),
        (vec!["nothing"], 2, "unrecognized subcommand"),
    ] {
        let output = lint(&args);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(says), "{args:?}: {text}");
    }
}

#[test]
fn the_page_has_all_rules() {
    use std::fmt::Write;

    const START: &str =
        "<!-- Written from the definitions; `BLESS=1 cargo test --release -p tamis --test lint`. -->\n";
    let path = root().join("docs/lint.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, _) = page.split_once(START).unwrap();
    let mut wanted = format!("{before}{START}");
    for (command, title) in [("coturn", "coturn"), ("storage", "Storage"), ("pipeline", "Pipelines")] {
        write!(wanted, "\n### {title}\n\n| rule | severity | finds | why | cure |\n|---|---|---|---|---|\n")
            .unwrap();
        for rule in tamis::lint::rules().filter(|r| r.id.starts_with(command)) {
            let fix = if rule.fixable { "; `--fix` does it" } else { "" };
            let severity = rule.severity.label();
            writeln!(
                wanted,
                "| `{}` | {severity} | {} | {} | {}{fix} |",
                rule.id, rule.finds, rule.why, rule.cure
            )
            .unwrap();
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == wanted,
        "docs/lint.md is stale: run this test with BLESS=1"
    );
}
