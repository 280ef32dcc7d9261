//! `tamis audit` on recorded logs: everything planted is found, nothing of it is shown, and what the filter has been
//! over is clean.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, fs, io::Write, path::Path, sync::Arc};

use asynq_payload_redactor::{config::Config, inspect::Inspector};
use serde_json::Value;
use tamis::{
    audit::{self, Options, Report, Style, sarif::sarif, walk},
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::{
    asynq::{self, FILTER, Finder, Planted},
    logs::{self, Log},
    records,
};

#[path = "audit/schema.rs"]
mod schema;

const SCHEMA: &str = include_str!("audit/sarif-2.1.0.schema.json");

fn audit_paths(paths: &[&Path], options: &Options) -> Report {
    let operands: Vec<String> = paths.iter().map(|p| p.to_str().unwrap().to_owned()).collect();
    let walked = walk::walk(&operands, &walk::Limits::default());
    audit::audit(walked, options, &(Arc::new(|_| ()) as audit::pool::Progress)).unwrap()
}

fn formats(report: &Report) -> [(&'static str, String); 5] {
    [
        ("text", audit::text(report, Style::default())),
        ("coloured text", audit::text(report, Style { colour: true })),
        ("json", report.json().unwrap()),
        ("sarif", sarif_of_logs(report)),
        ("html", audit::html(report)),
    ]
}

/// SARIF without the texts about rules: they have examples, which are values too.
fn sarif_of_logs(report: &Report) -> String {
    let mut document = sarif(report);
    document["runs"][0]["tool"]["driver"]["rules"].take();
    serde_json::to_string_pretty(&document).unwrap()
}

fn in_dir(log: &Log, dir: &Path) -> std::path::PathBuf {
    let path = dir.join(&log.name);
    fs::write(&path, &log.bytes).unwrap();
    path
}

fn certain(planted: &[Planted], text: &[u8]) -> Vec<String> {
    let finder = Finder::new(planted);
    let hits = finder.find(text);
    hits.iter()
        .filter(|h| !h.chance)
        .map(|h| format!("{} in ..{}..", planted[h.value].value, h.around))
        .collect()
}

#[test]
fn every_planted_value_is_covered_by_a_finding() {
    let mut covered = 0;
    for log in asynq::corpus() {
        let planted = asynq::planted(&log);
        let json = asynq::encoding(&log) == Encoding::Json;
        let mut inspector = Inspector::new(&Config::default(), None).unwrap();
        for (i, line) in log.lines().into_iter().enumerate() {
            let mut rest = line.to_vec();
            for note in inspector.inspect(b"test", line, json) {
                assert!(note.start < note.end && note.end <= line.len(), "{} line {}", log.name, i + 1);
                rest[note.start..note.end].fill(b'\x00');
                covered += 1;
            }
            let missed = certain(&planted, &rest);
            assert!(missed.is_empty(), "{} line {}: {missed:?}", log.name, i + 1);
        }
    }
    assert!(covered > 10_000, "{covered}");
}

#[test]
fn reports_show_no_planted_value() {
    let dir = tempfile::tempdir().unwrap();
    for log in asynq::corpus() {
        let planted = asynq::planted(&log);
        let path = in_dir(&log, dir.path());
        let mut lines = BTreeSet::new();
        for samples in [0, 20] {
            let report = audit_paths(&[&path], &Options { samples, ..Options::default() });
            assert_eq!(report.findings.is_empty(), log.name.starts_with("safe-practice"), "{}", log.name);
            let texts = formats(&report).into_iter().map(|(_, text)| text);
            for text in texts.chain([audit::baseline::write(&report).unwrap()]) {
                lines.extend(text.lines().map(str::to_owned));
            }
        }
        for line in lines {
            let shown = certain(&planted, line.as_bytes());
            assert!(shown.is_empty(), "{}: {shown:?}", log.name);
        }
    }
}

#[test]
fn filtered_logs_are_clean() {
    let dir = tempfile::tempdir().unwrap();
    let opener = Opener::default();
    let mut found = Vec::new();
    for log in asynq::corpus() {
        let mut host = records::open(&opener, FILTER, HostKind::Native, "{}");
        let lines = log.lines();
        let output = records::run(&mut *host, asynq::encoding(&log), &lines, 500);
        let lines: Vec<Vec<u8>> = output.into_iter().map(Option::unwrap).collect();
        let path = in_dir(&Log { name: log.name.clone(), bytes: lines.join(&b'\n') }, dir.path());
        let report = audit_paths(&[&path], &Options::default());
        let all = report.findings.iter();
        found.extend(all.map(|f| format!("{} {} {} {} {:?}", f.file, f.rule, f.place, f.count, f.samples)));
        assert!(report.errors.is_empty() && report.skipped.is_empty(), "{}", log.name);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn loggers_are_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let expected = [
        ("zap-production.jsonl", "zap JSON", None),
        ("zap-development.log", "zap console", None),
        ("zerolog.jsonl", "zerolog JSON", None),
        ("zerolog-console.log", "zerolog console", None),
        ("slog-json.jsonl", "slog JSON", None),
        ("slog-text.log", "slog text", None),
        ("logrus-json.jsonl", "logrus JSON", None),
        ("logrus-text.log", "logrus text", None),
        ("std-log.log", "Go log", None),
        ("asynq-debug-scheduler.log", "asynq default logger", None),
        ("redis-monitor.log", "redis MONITOR", None),
        ("cli-asynq.log", "asynq CLI", None),
        ("asynqmon-api.jsonl", "asynqmon", None),
        ("cri-slog.log", "slog JSON", Some("CRI")),
        ("fluentbit-zerolog.jsonl", "zerolog JSON", Some("Fluent Bit")),
        ("journald.jsonl", "Go log", Some("journald")),
    ];
    for log in asynq::corpus() {
        let Some((_, logger, wrapper)) = expected.iter().find(|(name, ..)| log.name == *name) else {
            continue;
        };
        let report = audit_paths(&[&in_dir(&log, dir.path())], &Options::default());
        let file = &report.loggers[0];
        // Stack traces and payloads over lines are lines too.
        let first =
            file.loggers.iter().find(|l| !matches!(l.name, "continuation" | "Go panic or stack trace"));
        assert_eq!(first.map(|l| l.name), Some(*logger), "{}: {:?}", log.name, file.loggers);
        assert_eq!(file.wrappers.first().map(|w| w.name), *wrapper, "{}", log.name);
        let lines: u64 = file.loggers.iter().map(|l| l.lines).sum();
        assert!(lines <= report.files[0].lines && lines + 50 > report.files[0].lines, "{}", log.name);
    }
}

/// Several times the size of a chunk, with payloads over lines.
fn large() -> Vec<u8> {
    let logs = logs::corpus("asynq", &["log", "jsonl"], 20);
    let mut bytes = Vec::new();
    while bytes.len() < 11 << 20 {
        for name in ["std-log.log", "inspector-std.log", "slog-text.log"] {
            bytes.extend_from_slice(&logs.iter().find(|l| l.name == name).unwrap().bytes);
        }
    }
    bytes
}

#[test]
fn threads_make_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    for log in asynq::corpus() {
        in_dir(&log, dir.path());
    }
    in_dir(&Log { name: "large.log".into(), bytes: large() }, dir.path());
    let one = audit_paths(&[dir.path()], &Options::default());
    assert!(one.findings.len() > 1000);
    for threads in [2, 5] {
        let more = audit_paths(&[dir.path()], &Options { threads, ..Options::default() });
        assert!(more.json().unwrap() == one.json().unwrap(), "{threads} threads");
    }
}

#[test]
fn a_large_file_is_the_sum_of_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = large();
    let report = audit_paths(
        &[&in_dir(&Log { name: "large.log".into(), bytes: bytes.clone() }, dir.path())],
        &Options { threads: 2, ..Options::default() },
    );
    // One inspector over all lines: chunks with their context find the same.
    let mut inspector = Inspector::new(&Config::default(), None).unwrap();
    let mut values: u64 = 0;
    let mut lines = 0;
    for line in logs::lines(&bytes) {
        values += inspector.inspect(b"test", line, false).len() as u64;
        lines += 1;
    }
    let found: u64 = report.findings.iter().map(|f| f.values).sum();
    assert_eq!(report.files[0].lines, lines);
    assert_eq!(found, values);
}

#[test]
fn folders_with_everything_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let line = b"2026/11/21 00:15:48 mail to ada@example.org failed\n";
    fs::create_dir_all(at("old/deep")).unwrap();
    fs::write(at("app.log"), line).unwrap();
    fs::write(at("app.log.1"), line).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line).unwrap();
    fs::write(at("old/app.log-20260101.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(at("old/deep/app.log.2.zst"), zstd(line)).unwrap();
    fs::write(at("binary"), b"\x7fELF\x02\x01\x01\x00\x00\x00").unwrap();
    fs::write(at("empty.log"), b"").unwrap();
    fs::write(at("cut.log.gz"), b"\x1f\x8b\x08\x00").unwrap();
    fs::write(at("packed.xz"), b"\xfd7zXZ\x00\x00").unwrap();

    let report = audit_paths(&[dir.path(), &at("missing.log")], &Options::default());
    let names: Vec<&str> = report.findings.iter().map(|f| f.file.rsplit('/').next().unwrap()).collect();
    assert_eq!(report.findings.len(), 4, "{names:?}");
    assert!(report.findings.iter().all(|f| f.rule == "email" && f.count == 1 && f.first_line == 1));
    // What rotates keeps its fingerprint, a file of another folder has its own.
    let fingerprint = |name: &str| {
        let finding = report.findings.iter().find(|f| f.file.ends_with(name)).unwrap();
        finding.fingerprint.clone()
    };
    assert_eq!(fingerprint("/app.log"), fingerprint("/app.log.1"));
    assert_ne!(fingerprint("/app.log"), fingerprint("/old/app.log-20260101.gz"));
    let paths = |list: &[walk::NotScanned]| {
        list.iter().map(|n| n.path.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&report.skipped), ["binary"]);
    let mut errors = paths(&report.errors);
    errors.sort();
    assert_eq!(errors, ["cut.log.gz", "missing.log", "packed.xz"]);

    // Root reads everything: only others can be kept out.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(at("app.log"), fs::Permissions::from_mode(0o000)).unwrap();
        let readable = fs::read(at("app.log")).is_ok();
        let report = audit_paths(&[&at("app.log"), &at("app.log.1")], &Options::default());
        assert_eq!(report.errors.len(), usize::from(!readable));
        assert_eq!(report.findings.len(), 1 + usize::from(readable));
    }

    let limits = walk::Limits {
        exclude: ["*.gz", "old/deep/**"].map(|g| audit::glob::Glob::new(g).unwrap()).into(),
        max_file_bytes: Some(40),
        outputs: Vec::new(),
    };
    let walked = walk::walk(&[dir.path().to_str().unwrap().to_owned()], &limits);
    let kept: Vec<&str> = walked.inputs.iter().map(|i| i.stable_name.as_str()).collect();
    assert_eq!(kept, ["binary", "empty.log", "packed.xz"]);
    assert_eq!(walked.skipped.len(), 5);
}

/// A zstd frame with one raw block.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).unwrap();
    let block = (u32::from(len) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, len][..], &block[..3], bytes].concat()
}

#[test]
fn a_baseline_knows_what_it_has_seen() {
    let dir = tempfile::tempdir().unwrap();
    let logs = asynq::corpus();
    let log = logs.iter().find(|l| l.name == "slog-json.jsonl").unwrap();
    let path = in_dir(log, dir.path());
    let mut report = audit_paths(&[&path], &Options::default());
    let baseline = audit::Baseline::read(&audit::baseline::write(&report).unwrap()).unwrap();
    report.apply(&baseline);
    assert_eq!((report.summary.findings, report.summary.known), (0, report.findings.len() as u64));
    assert!(!report.reaches(tamis_detectors::Severity::Low));

    // Rotated, moved down, and with something new in it.
    let new = b"{\"time\":\"2026-11-21T00:16:49Z\",\"level\":\"INFO\",\"msg\":\"brand new\",\"note\":\"for ada@example.org\"}\n";
    let start = log.bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    let first = b"{\"msg\":\"first\"}\n".repeat(100);
    let moved = [&log.bytes[..start], &first, &log.bytes[start..], new].concat();
    fs::remove_file(&path).unwrap();
    let path = in_dir(&Log { name: "slog-json.jsonl.1".into(), bytes: moved }, dir.path());
    let mut report = audit_paths(&[&path], &Options::default());
    report.apply(&baseline);
    let new: Vec<&str> = report.findings.iter().filter(|f| !f.known).map(|f| f.message.as_str()).collect();
    assert_eq!(new, ["brand new"]);
    let sarif = sarif(&report);
    let open: Vec<&Value> = results(&sarif).iter().filter(|r| r.get("suppressions").is_none()).collect();
    assert_eq!(open.len(), 1);
}

fn results(sarif: &Value) -> &Vec<Value> {
    sarif["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn sarif_is_valid() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for log in asynq::corpus() {
        in_dir(&log, dir.path());
    }
    fs::write(dir.path().join("a b%.log"), "mail ada@example.org\n").unwrap();
    fs::write(dir.path().join("x.xz"), b"\xfd7zXZ\x00\x00").unwrap();
    for samples in [0, 3] {
        let mut report = audit_paths(&[dir.path()], &Options { samples, ..Options::default() });
        let known = audit::baseline::write(&report).unwrap();
        for baseline in ["{\"schema\":\"tamis-audit-baseline/1\",\"findings\":{}}", &known] {
            report.apply(&audit::Baseline::read(baseline).unwrap());
            let sarif = sarif(&report);
            let errors = schema::errors(&schema, &sarif);
            assert!(errors.is_empty(), "{:#?}", &errors[..errors.len().min(5)]);
            let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
            for result in results(&sarif) {
                let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
                assert_eq!(rule["id"], result["ruleId"]);
                assert!(rule["help"]["text"].as_str().unwrap().len() > 20);
            }
        }
    }
    // The schema does notice something.
    for bad in [
        serde_json::json!({ "version": "2.1.0", "runs": [{ "results": [] }] }),
        serde_json::json!({ "version": "2.0.0", "runs": [] }),
        serde_json::json!({ "version": "2.1.0", "runs": [], "x": 1 }),
        serde_json::json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": 1 } } }] }),
    ] {
        assert!(!schema::errors(&schema, &bad).is_empty(), "{bad}");
    }
}

#[test]
fn a_page_needs_nothing_and_believes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> ada@example.org\n\
                   payload={\"</pre><script>x\":\"v1\",\"<b>\":{\"c\":\"bob@example.org\"}} type=\"<i>:x\"\n\
                   \u{1b}]0;title\u{7} \u{202e}ada@example.org&lt;\n";
    let path = dir.path().join("<img src=x>&.log");
    fs::write(&path, hostile).unwrap();
    let report = audit_paths(&[dir.path()], &Options::default());
    assert!(report.findings.len() >= 3);
    let page = audit::html(&report);
    let script_start = page.rfind("<script>").unwrap();
    let markup = &page[..script_start];
    for bad in ["<script", "<img", "<b>:", "</pre><", "onerror=alert(1)>", "\u{1b}", "\u{202e}", "<i>"] {
        assert!(!markup.contains(bad), "{bad}");
    }
    for reference in ["http://", "https://", "src=\"", "href=", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("<svg"));
    for (format, text) in formats(&report) {
        let escapes = text.matches('\u{1b}').count();
        assert!(escapes == 0 || format == "coloured text", "{format}");
    }
}

#[test]
fn the_report_keeps_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "2026/11/21 00:15:48 enqueued type=email:welcome payload={\"user_id\":7,\"to\":{\"email\":\"ada@example.org\"}}\n".repeat(5)).unwrap();
    let report: Value =
        serde_json::from_str(&audit_paths(&[&path], &Options::default()).json().unwrap()).unwrap();
    assert_eq!(report["schema"], "tamis-audit/1");
    let finding = &report["findings"][0];
    for (name, value) in [
        ("rule", "payload".into()),
        ("kind", "payload".into()),
        ("severity", "high".into()),
        ("form", "text".into()),
        ("place", "payload=".into()),
        ("key", "payload".into()),
        ("message", "# enqueued type= payload=<payload>".into()),
        ("count", 5.into()),
        ("values", Value::from(10)),
        ("first_line", 1.into()),
        ("last_line", 5.into()),
        ("known", false.into()),
    ] {
        assert_eq!(finding[name], value, "{name}");
    }
    assert_eq!(finding["contains"]["email"], 5);
    assert_eq!(finding["tasks"]["email:welcome"], serde_json::json!(["to.email", "user_id"]));
    assert_eq!(finding["samples"].as_array().unwrap().len(), 3);
    assert_eq!(report["timeline"]["hours"][0]["hour"], "2026-11-21T00Z");
    assert_eq!(report["tasks"][0]["fields"][0]["sensitive"], "contact");
    assert_eq!(report["loggers"][0]["loggers"][0]["name"], "Go log");
    assert_eq!(report["payloads"][0]["count"], 5);
    // Allowed is allowed.
    let config: Config =
        serde_json::from_str(r#"{"tasks":{"email:welcome":{"allow":["user_id"]}}}"#).unwrap();
    let options = Options { config, ..Options::default() };
    assert_eq!(audit_paths(&[&path], &options).findings[0].values, 5);
}
