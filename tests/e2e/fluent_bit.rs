//! The real Fluent Bit, when `FLUENT_BIT` names its binary, on the files of
//! `examples/fluent-bit`, at its default `wasm_heap_size` and `wasm_stack_size`; with
//! modules that it interprets, and, when `FLB_WAMRC` names its compiler, with the same
//! modules compiled ahead of time.
//!
//! Every run has a control: the same pipeline without the filter. What Fluent Bit itself
//! does not deliver is not asked of the filter.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use tamis::{
    artifacts, bake,
    host::{Action, Batch, Encoding, Engines, HostKind, HostOptions, Outcome, native},
};
use tamis_tests::{
    asynq::{self, payloads::Form},
    chatwoot, coturn,
    fluent_bit::{self, Growth, Modules, Site},
    logs::Log,
    poison,
};

const COTURN: &str = "coturn-ip-anonymizer";
const ASYNQ: &str = "asynq-payload-redactor";
const CHATWOOT: &str = chatwoot::FILTER;

/// What the process may grow by, from a fifth of the records to the last, in KiB: buffers
/// of the tail and the output that fill at their own pace.
const GROWTH_KIB: u64 = 12 << 10;

/// Patterns of one's own: too deep for the default stack to build, not to use.
const CUSTOM: &str = r#"{"key":{"id":"k1","value":"0123456789abcdef"},"detectors":{"all":"token"},
    "custom":[{"name":"customer-no","pattern":"\\bKD-[0-9]{8}\\b","rule":"token"},
              {"name":"ticket","pattern":"(?i)\\bticket[ #:]+([a-z]{2,4})-[0-9]{1,6}","rule":"mask"}]}"#;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/fluent-bit").join(name)
}

fn example_text(name: &str) -> String {
    fs::read_to_string(example(name)).unwrap()
}

/// The example without its filter.
fn control() -> String {
    let text = example_text("fluent-bit.yaml");
    let (before, rest) = text.split_once("  filters:\n").unwrap();
    let (_, after) = rest.split_once("  outputs:\n").unwrap();
    format!("{before}  outputs:\n{after}")
}

/// The example with lines that are JSON objects read as such.
fn json_lines(config: &str, site: &Site) -> String {
    let parsers = site.path("parsers.conf");
    fs::write(&parsers, "[PARSER]\n    Name json\n    Format json\n").unwrap();
    config
        .replace("service:\n", &format!("service:\n  parsers_file: {}\n", parsers.display()))
        .replace("    - name: tail\n", "    - name: tail\n      parser: json\n")
}

fn module(filter: &str) -> &'static [u8] {
    artifacts::find(filter, HostKind::FluentBit).unwrap().wasm
}

struct Run {
    lines: Vec<String>,
    growth: Growth,
    said: String,
}

/// A filter as Fluent Bit is given it.
#[derive(Clone, Copy)]
struct Filter<'a> {
    name: &'a str,
    wasm: &'a [u8],
    /// Whether Fluent Bit interprets the module.
    modules: &'a Modules,
    /// The content of the config file; no file if empty.
    config: &'a str,
}

impl<'a> Filter<'a> {
    fn new(name: &'a str, modules: &'a Modules, config: &'a str) -> Self {
        Self { name, wasm: module(name), modules, config }
    }

    fn site(&self, log: &[u8]) -> Site {
        Site::new(log, Some((self.name, &self.modules.of(self.wasm).unwrap(), self.config))).unwrap()
    }
}

/// Run the example, or the control, over a log and expect this many records.
fn run(
    binary: &Path,
    log: &[u8],
    filter: Option<Filter<'_>>,
    records: usize,
    change: impl Fn(String, &Site) -> String,
) -> Run {
    let site = filter.map_or_else(|| Site::new(log, None).unwrap(), |filter| filter.site(log));
    let text = if filter.is_some() { example_text("fluent-bit.yaml") } else { control() };
    let config = site.path("fluent-bit.yaml");
    fs::write(&config, change(text, &site)).unwrap();
    let running = site.start(binary, &config).unwrap();
    let (output, growth) = running.output(records, records / 5).unwrap();
    let lines: Vec<String> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
    let of = filter.map(|f| (f.name, f.modules, f.config));
    assert_eq!(lines.len(), records, "{of:?}: {}", site.said());
    Run { lines, growth, said: site.said() }
}

fn as_it_is(config: String, _: &Site) -> String {
    config
}

/// What the native host makes of records, as Fluent Bit writes it; none may be dropped.
///
/// Fluent Bit gives byte `b` that is not UTF-8 as the character U+E000 + `b`, and writes all
/// other characters beyond ASCII as escapes. Past a filter it is a character like any other.
fn natively(filter: &str, config: &str, records: &[String]) -> Vec<String> {
    let escape = |record: String| {
        let mut out = String::with_capacity(record.len());
        for c in record.chars() {
            match c {
                '\u{e080}'..='\u{e0ff}' => out += &format!("\\u{:04x}", u32::from(c)),
                c => out.push(c),
            }
        }
        out
    };
    raw_natively(filter, config, records).into_iter().map(escape).collect()
}

fn raw_natively(filter: &str, config: &str, records: &[String]) -> Vec<String> {
    let mut host = native::open(filter, config, &HostOptions::default()).unwrap();
    let mut batch = Batch::new("coturn", Encoding::Json);
    // A record's time is when Fluent Bit read it.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for record in records {
        batch.push(now.as_nanos() as u64, record.as_bytes());
    }
    let mut outcome = Outcome::default();
    host.process(&batch, &mut outcome).unwrap();
    let (mut start, mut ends, mut out) = (0, outcome.ends.iter(), Vec::new());
    for (action, record) in outcome.actions.iter().zip(records) {
        match action {
            Action::Keep => out.push(record.clone()),
            Action::Drop => panic!("dropped: {record}"),
            Action::Replace | Action::ReplaceJson => {
                let end = *ends.next().unwrap() as usize;
                out.push(String::from_utf8(outcome.bodies[start..end].to_vec()).unwrap());
                start = end;
            }
        }
    }
    out
}

#[track_caller]
fn assert_same(got: &[String], want: &[String]) {
    assert_eq!(got.len(), want.len());
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(got == want, "record {i}:\n     got {got:.2000}\n    want {want:.2000}");
    }
}

/// Equal but for the spelling of characters: Fluent Bit writes some broken UTF-8 as escapes
/// of plain letters.
#[track_caller]
fn assert_same_json(got: &[String], want: &[String]) {
    let respelled = |lines: &[String]| -> Vec<String> {
        let respell = |line: &String| {
            serde_json::from_str::<Value>(line).map_or_else(|_| line.clone(), |json| json.to_string())
        };
        lines.iter().map(respell).collect()
    };
    assert_same(&respelled(got), &respelled(want));
}

/// Without the times of events whose lines did not say any.
fn timeless(lines: &[String]) -> Vec<String> {
    let today = |time: &Value| {
        let text = time.as_str().unwrap_or_default();
        !text.starts_with("2026-03-") && !text.starts_with("2026-11-21T00:")
    };
    let one = |line: &String| {
        let Ok(mut json) = serde_json::from_str::<Value>(line) else { return line.clone() };
        let strip = |event: &mut Value| {
            for name in ["start", "end"] {
                if event["event"].get(name).is_some_and(today) {
                    event["event"][name] = Value::Null;
                }
            }
        };
        strip(&mut json);
        json["alerts"].as_array_mut().into_iter().flatten().for_each(strip);
        json.to_string()
    };
    lines.iter().map(one).collect()
}

/// The lines of logs as one log, and how many they are.
fn one_log(logs: &[Log]) -> (Vec<u8>, usize) {
    let (mut log, mut records) = (Vec::new(), 0);
    for line in logs.iter().flat_map(Log::lines) {
        // What becomes of empty lines and of NULs is for the tail to decide.
        if !line.trim_ascii().is_empty() {
            log.extend(line.iter().filter(|b| **b != 0));
            log.push(b'\n');
            records += 1;
        }
    }
    (log, records)
}

#[test]
fn the_example_gives_what_the_native_host_gives() {
    let Some(binary) = fluent_bit::binary() else { return };
    let (log, records) = one_log(&coturn::corpus());
    let config = example_text("coturn-ip-anonymizer.json");
    assert!(records > 1_000);
    let plain = run(&binary, &log, None, records, as_it_is);
    for modules in &fluent_bit::modules() {
        let filtered = run(&binary, &log, Some(Filter::new(COTURN, modules, &config)), records, as_it_is);
        assert_same(&filtered.lines, &natively(COTURN, &config, &plain.lines));
        assert!(!filtered.said.contains("[error]"), "{}", filtered.said);
        assert_ne!(filtered.lines, plain.lines);

        let identity = run(&binary, &log, Some(Filter::new("identity", modules, "")), records, as_it_is);
        assert_same(&identity.lines, &natively("identity", "", &plain.lines));
    }
}

#[test]
fn asynq_logs_come_out_as_from_the_native_host() {
    let Some(binary) = fluent_bit::binary() else { return };
    for encoding in [Encoding::Text, Encoding::Json] {
        let logs: Vec<Log> = asynq::corpus().into_iter().filter(|l| asynq::encoding(l) == encoding).collect();
        let (log, records) = one_log(&logs);
        let read = |c: String, site: &Site| match encoding {
            Encoding::Text => c,
            Encoding::Json => json_lines(&c, site),
        };
        let plain = run(&binary, &log, None, records, read);
        let want = natively(ASYNQ, "{}", &plain.lines);
        for modules in &fluent_bit::modules() {
            let filtered = run(&binary, &log, Some(Filter::new(ASYNQ, modules, "{}")), records, read);
            assert_same_json(&filtered.lines, &want);
            assert!(!filtered.said.contains("[error]"), "{}", filtered.said);
            assert_ne!(filtered.lines, plain.lines);
        }
    }
}

#[test]
fn chatwoot_logs_come_out_as_from_the_native_host() {
    let Some(binary) = fluent_bit::binary() else { return };
    for encoding in [Encoding::Text, Encoding::Json] {
        let logs: Vec<Log> =
            chatwoot::corpus().into_iter().filter(|l| chatwoot::encoding(l) == encoding).collect();
        let (log, records) = one_log(&logs);
        let read = |c: String, site: &Site| match encoding {
            Encoding::Text => c,
            Encoding::Json => json_lines(&c, site),
        };
        let plain = run(&binary, &log, None, records, read);
        for config in ["{}", r#"{"schema":"ocsf","crowdsec":true}"#] {
            let want = natively(CHATWOOT, config, &plain.lines);
            for modules in &fluent_bit::modules() {
                let filter = Filter::new(CHATWOOT, modules, config);
                let filtered = run(&binary, &log, Some(filter), records, read);
                assert_same_json(&filtered.lines, &want);
                assert!(!filtered.said.contains("[error]"), "{}", filtered.said);
                let alerts = filtered.lines.iter().filter(|l| l.contains("\"alerts\":[")).count();
                assert!(alerts > 10, "{alerts}");
            }
        }
    }
}

/// `examples/fluent-bit/chatwoot`: events and alerts, addresses gone, each record where it belongs.
#[test]
fn the_chatwoot_example_tags_anonymises_and_routes() {
    let Some(binary) = fluent_bit::binary() else { return };
    let log = chatwoot::corpus().into_iter().find(|l| l.name == "rails-default.log").unwrap();
    let (log, records) = one_log(&[log]);
    let plain = run(&binary, &log, None, records, as_it_is).lines;
    let tagged = natively(CHATWOOT, &example_text("chatwoot/chatwoot-auth-tagger.json"), &plain);
    let clean = natively(COTURN, &example_text("chatwoot/coturn-ip-anonymizer.json"), &tagged);

    let field = |record: &String, pointer: &str| {
        let json: Value = serde_json::from_str(record).unwrap();
        json.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    };
    let retention = |record: &String| field(record, "/chatwoot/retention");
    let (mut audit, mut events, mut lines, mut alerts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for record in clean {
        if field(&record, "/alert").is_some() {
            alerts.push(record.clone());
        }
        match retention(&record).as_deref() {
            Some("audit") => audit.push(record),
            Some(_) => events.push(record),
            None => lines.push(record),
        }
    }
    assert!(alerts.len() > 10 && audit.len() > 100 && events.len() > 500, "{}", alerts.len());

    let want = [("lines", lines), ("audit", audit), ("events", events), ("alerts", alerts)];
    for modules in &fluent_bit::modules() {
        let site = Site::new(&log, None).unwrap();
        for filter in [CHATWOOT, COTURN] {
            let wasm = modules.of(module(filter)).unwrap();
            fs::write(site.path(&format!("{filter}.fluent-bit.wasm")), wasm).unwrap();
            let config = format!("chatwoot/{filter}.json");
            fs::copy(example(&config), site.path("config").join(format!("{filter}.json"))).unwrap();
        }
        let running = site.start(&binary, &example("chatwoot/fluent-bit.yaml")).unwrap();
        running.output_of("lines.json", want[0].1.len(), 1).unwrap();
        for (file, want) in &want {
            let text = fs::read_to_string(site.path("out").join(format!("{file}.json"))).unwrap();
            assert_same(&sorted(text.lines()), &sorted(want.iter().map(String::as_str)));
        }
        assert!(!site.said().contains("[error]"), "{}", site.said());
    }
}

/// As JSON, in an order of their own: records of several tags come in the order of their chunks.
fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines: Vec<String> =
        lines.map(|l| serde_json::from_str::<Value>(l).unwrap().to_string()).collect();
    lines.sort();
    lines
}

#[test]
fn a_payload_of_90_kilobytes_comes_out_redacted_in_every_form() {
    let Some(binary) = fluent_bit::binary() else { return };
    let payload = asynq::payloads::big(93_000);
    let mut log = String::new();
    let forms = [Form::Decimal, Form::Json, Form::Base64, Form::Hex, Form::Quoted, Form::Struct];
    for form in forms {
        log += &format!(
            "2026/11/21 00:15:48 received task type=report:export payload={}\n",
            form.print(&payload, 0)
        );
    }
    for i in 0..100 {
        log += &((poison::ASYNQ.good_line)(i) + "\n");
    }
    let records = forms.len() + 100;
    let plain = run(&binary, log.as_bytes(), None, records, as_it_is);
    assert!(plain.lines[0].len() > 317_000, "{}", plain.lines[0].len());
    for modules in &fluent_bit::modules() {
        let filter = Filter::new(ASYNQ, modules, "{}");
        let filtered = run(&binary, log.as_bytes(), Some(filter), records, as_it_is);
        assert_same(&filtered.lines, &natively(ASYNQ, "{}", &plain.lines));
        for (form, line) in forms.iter().zip(&filtered.lines) {
            assert!(
                !line.contains("user7@example.org") && !line.contains("117 115 101 114 55 64"),
                "{form:?}: {line:.500}"
            );
        }
    }
}

#[test]
fn a_megabyte_and_100_000_levels_come_out() {
    let Some(binary) = fluent_bit::binary() else { return };
    let mut log = String::new();
    for i in 0..10 {
        log += &format!("{i} {}\n", "from 198.51.100.7:4711 ".repeat(45_000));
        log += &format!("{i} {}\n", "[".repeat(100_000));
        log += &format!("{i} {{\"a\":{}1{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
        log += &(poison::COTURN.good_line)(i);
        log.push('\n');
    }
    let plain = run(&binary, log.as_bytes(), None, 40, as_it_is);
    for name in [COTURN, ASYNQ, CHATWOOT] {
        for modules in &fluent_bit::modules() {
            let filter = Filter::new(name, modules, "{}");
            let filtered = run(&binary, log.as_bytes(), Some(filter), 40, as_it_is);
            assert_same(&filtered.lines, &natively(name, "{}", &plain.lines));
        }
    }
}

#[test]
fn structured_records_come_out() {
    let Some(binary) = fluent_bit::binary() else { return };
    let mut log = String::new();
    for i in 0..200 {
        // Deeper than this, Fluent Bit itself does not read.
        let depth = i % 25;
        log += &format!(
            "{{\"n\":{i},\"null\":null,\"empty\":[{{}},[]],\"big\":18446744073709551615,\"e\":\"é\\u0000\\u001f\\ud83d\\ude00\",\"deep\":{}\"from 198.51.100.7:80\"{},\"log\":{}}}\n",
            "[{\"a\":".repeat(depth / 2),
            "}]".repeat(depth / 2),
            serde_json::to_string(&(poison::COTURN.good_line)(i)).unwrap(),
        );
    }
    let plain = run(&binary, log.as_bytes(), None, 200, |c, site| json_lines(&c, site));
    for modules in &fluent_bit::modules() {
        let filter = Filter::new(COTURN, modules, "");
        let filtered = run(&binary, log.as_bytes(), Some(filter), 200, |c, site| json_lines(&c, site));
        assert_same(&filtered.lines, &natively(COTURN, "", &plain.lines));
        assert!(serde_json::from_str::<Value>(&filtered.lines[24]).unwrap()["deep"].is_array());
    }
}

#[test]
fn hostile_records_do_no_harm() {
    let Some(binary) = fluent_bit::binary() else { return };
    for (filter, utf8) in [(COTURN, false), (ASYNQ, false), (CHATWOOT, false), (CHATWOOT, true)] {
        let source = poison::of(filter);
        let mut log = Vec::new();
        for i in 0..poison::HOSTILE {
            let mut line = poison::hostile_line(source, i);
            if utf8 {
                line = String::from_utf8_lossy(&line).into_owned().into();
            }
            // Tail ends a line at a NUL, and leaves out lines that are empty.
            log.extend(line.iter().filter(|b| !matches!(b, 0 | b'\r')));
            log.extend(format!(" #{i}\n").bytes());
        }
        for i in 0..poison::GOOD {
            log.extend((source.good_line)(i).bytes());
            log.push(b'\n');
        }
        let records = poison::HOSTILE + poison::GOOD;
        let plain = run(&binary, &log, None, records, as_it_is);
        for modules in &fluent_bit::modules() {
            let filtered = run(&binary, &log, Some(Filter::new(filter, modules, "")), records, as_it_is);
            if filter == CHATWOOT && !utf8 {
                // What this filter says of a line is also of lines before it, and Fluent Bit writes broken UTF-8
                // in its output in another way than it gives it to a filter.
                continue;
            }
            assert_same_json(&timeless(&filtered.lines), &timeless(&natively(filter, "", &plain.lines)));
        }
    }
}

#[test]
fn memory_stays_flat_over_100_000_records() {
    let Some(binary) = fluent_bit::binary() else { return };
    let records = 100_000;
    for filter in ["identity", COTURN, ASYNQ, CHATWOOT] {
        let source = poison::of(filter);
        let log: String = (0..records).map(|i| (source.good_line)(i) + "\n").collect();
        for modules in &fluent_bit::modules() {
            let filter = Filter::new(filter, modules, "");
            let run = run(&binary, log.as_bytes(), Some(filter), records, as_it_is);
            let Growth { early_kib, late_kib } = run.growth;
            assert!(
                late_kib <= early_kib + GROWTH_KIB,
                "{}, {modules:?}: {early_kib} KiB after a fifth of the records, {late_kib} KiB at the end",
                filter.name
            );
        }
    }
}

#[test]
fn a_bad_config_keeps_fluent_bit_from_starting() {
    let Some(binary) = fluent_bit::binary() else { return };
    for (filter, config, message) in [
        (COTURN, r#"{"ip":{"modde":"keep"}}"#, "$.ip.modde: unknown key 'modde'; did you mean 'mode'?"),
        (COTURN, "{", "$: not JSON"),
        (COTURN, "[", "$: must be a JSON object"),
        (COTURN, r#"{"key":{"id":"k1","env":"KEY"}}"#, "$.key.env: "),
        (COTURN, r#"{"key":{"id":"k1","file":"/no/such/key"}}"#, "$.key.file: "),
        ("identity", r#"{"x":1}"#, "$.x: unknown key 'x'"),
    ] {
        for modules in &fluent_bit::modules() {
            let site = Filter::new(filter, modules, config).site(b"x\n");
            let running = site.start(&binary, &example("fluent-bit.yaml")).unwrap();
            let status = running.end().unwrap();
            let file = site.path("config").join(format!("{filter}.json"));
            let line = format!("{filter}: {}: {message}", file.display());
            let said = site.said();
            assert_eq!(status.code(), Some(255), "{modules:?}, {config}: {said}");
            assert!(said.lines().any(|l| l.starts_with(&line)), "no line '{line}' in: {said}");
            assert!(!site.path("out/coturn.json").exists());
        }
    }
}

/// A module with its config inside, and its filter started.
fn baked(filter: &str, config: &str) -> Vec<u8> {
    let engines = Engines::with_cache_dir(None).unwrap();
    bake::bake(&engines, module(filter), config, None, &HostOptions::default()).unwrap().wasm
}

#[test]
fn patterns_of_ones_own_run_on_the_default_stack_once_they_are_baked() {
    let Some(binary) = fluent_bit::binary() else { return };
    let log: String = (0..2_000)
        .map(|i| {
            let good = (poison::ASYNQ.good_line)(i);
            format!("{good} customer KD-{:08}, Ticket #ABC-{i}\n", i * 7)
        })
        .collect();
    let plain = run(&binary, log.as_bytes(), None, 2_000, as_it_is);
    let want = natively(ASYNQ, CUSTOM, &plain.lines);
    assert!(want.iter().all(|line| !line.contains("KD-") && !line.contains("#ABC")), "{}", want[0]);

    let wasm = baked(ASYNQ, CUSTOM);
    for modules in &fluent_bit::modules() {
        let filter = Filter { name: ASYNQ, wasm: &wasm, modules, config: "" };
        let filtered = run(&binary, log.as_bytes(), Some(filter), 2_000, as_it_is);
        assert_same(&filtered.lines, &want);
        // Not even a warning: `_initialize` is there.
        assert!(!filtered.said.contains("initialize"), "{}", filtered.said);
        assert!(!filtered.said.contains("[error]"), "{}", filtered.said);

        let unbaked = Filter::new(ASYNQ, modules, CUSTOM);
        if matches!(modules, Modules::Compiled(_)) {
            // A compiled module has the stack of the process.
            assert_same(&run(&binary, log.as_bytes(), Some(unbaked), 2_000, as_it_is).lines, &want);
        } else {
            // The control: what baking is for.
            let site = unbaked.site(log.as_bytes());
            let running = site.start(&binary, &example("fluent-bit.yaml")).unwrap();
            assert_eq!(running.end().unwrap().code(), Some(255), "{}", site.said());
            assert!(site.said().contains("stack overflow"), "{}", site.said());
        }
    }
}

#[test]
fn a_baked_module_does_not_start_beside_a_config_file() {
    let Some(binary) = fluent_bit::binary() else { return };
    let wasm = baked(COTURN, "{}");
    for modules in &fluent_bit::modules() {
        let filter = Filter { name: COTURN, wasm: &wasm, modules, config: r#"{"ip":{"mode":"keep"}}"# };
        let site = filter.site(b"x\n");
        let running = site.start(&binary, &example("fluent-bit.yaml")).unwrap();
        assert_eq!(running.end().unwrap().code(), Some(255), "{}", site.said());
        let file = site.path("config").join(format!("{COTURN}.json"));
        let line = format!("{COTURN}: {}: $: this module has its config inside", file.display());
        assert!(site.said().lines().any(|l| l.starts_with(&line)), "no line '{line}' in: {}", site.said());
    }
}

#[test]
fn keys_come_from_a_file_below_accessible_paths() {
    let Some(binary) = fluent_bit::binary() else { return };
    let key = "0123456789abcdef0123456789abcdef";
    let config = |key: &str| {
        format!(
            "{{\"key\":{{\"id\":\"k1\",{key}}},\"ip\":{{\"mode\":\"prefix-preserving\"}},\"users\":{{\"mode\":\"token\"}}}}"
        )
    };
    let log: String = (0..100).map(|i| (poison::COTURN.good_line)(i) + "\n").collect();
    let plain = run(&binary, log.as_bytes(), None, 100, as_it_is);
    let want = natively(COTURN, &config(&format!("\"value\":\"{key}\"")), &plain.lines);
    for modules in &fluent_bit::modules() {
        let filter = Filter::new(COTURN, modules, "{}");
        let filtered = run(&binary, log.as_bytes(), Some(filter), 100, |text, site| {
            let file = site.path("config/key");
            fs::write(&file, format!("{key}\n")).unwrap();
            let config = config(&format!("\"file\":\"{}\"", file.display()));
            fs::write(site.path("config").join(format!("{COTURN}.json")), config).unwrap();
            text
        });
        assert_same(&filtered.lines, &want);
    }
}
