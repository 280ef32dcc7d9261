//! The recorded asynq logs through the filter: no planted value survives in any form, and the metadata does.
//!
//! `cargo test --release --test corpus_asynq -- --nocapture` prints the numbers per file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::{
    asynq::{self, FILTER, Finder, Hit, KEYED, Planted, joined, metadata},
    logs::{Log, contains},
    records::{self, show},
};

/// What may be seen of some types.
const ALLOWED: &str = r#"{"tasks":{"email:welcome":{"allow":["user_id","locale"]},
    "payment:capture":{"allow":["order_id","currency"]},"user:profile_update":{"allow":["data.id"]}}}"#;

/// A log with what comes out of the filter.
struct Filtered {
    log: Log,
    input: Vec<Vec<u8>>,
    output: Vec<Vec<u8>>,
    encoding: Encoding,
}

fn filtered(config: &str) -> Vec<Filtered> {
    let opener = Opener::default();
    let filter = |log: Log| {
        let input: Vec<Vec<u8>> = log.lines().iter().map(|l| l.to_vec()).collect();
        let encoding = asynq::encoding(&log);
        let mut host = records::open(&opener, FILTER, HostKind::Native, config);
        let output = records::run(&mut *host, encoding, &input, 500);
        let output =
            output.into_iter().map(|r| r.unwrap_or_else(|| panic!("{}: dropped", log.name))).collect();
        Filtered { log, input, output, encoding }
    };
    asynq::corpus().into_iter().map(filter).collect()
}

/// A line in which there is nothing to look for: no structure, no list, no name of a payload.
fn is_plain(line: &[u8], encoding: Encoding) -> bool {
    if encoding == Encoding::Json {
        let Ok(serde_json::Value::Object(record)) = serde_json::from_slice(line) else { return false };
        return record.iter().all(|(key, value)| match value {
            serde_json::Value::String(text) => {
                matches!(
                    key.as_str(),
                    "time" | "level" | "type" | "task_type" | "queue" | "task_id" | "caller" | "stacktrace"
                ) || matches!(key.as_str(), "msg" | "message") && !text.contains(['{', '[', '=', '@', ':'])
            }
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => {
                matches!(
                    key.as_str(),
                    "ts" | "retry"
                        | "retried"
                        | "retry_count"
                        | "max_retry"
                        | "duration"
                        | "elapsed"
                        | "elapsed_ms"
                        | "is_final_failure"
                )
            }
            _ => false,
        });
    }
    // The rest of a payload of bytes may be anything, also nothing to see; that of a key is no plain line.
    if line.trim_ascii().is_empty() || line.starts_with(b"-----") || contains(line, b"private_key") {
        return false;
    }
    if line.iter().any(|b| *b < b' ' && *b != b'\t') || std::str::from_utf8(line).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(line).to_lowercase();
    !text.contains(['{', '[', '"', '@', '=']) && !text.contains("payload") && !text.contains("data")
}

#[derive(Default)]
struct Totals {
    lines: usize,
    planted: usize,
    seen: usize,
    leaked: usize,
    chance: usize,
    metadata: usize,
    lost: usize,
    plain: usize,
    over: usize,
}

impl Totals {
    fn print(&self, name: &str) {
        let Self { lines, planted, seen, leaked, chance, metadata, lost, plain, over } = self;
        println!(
            "{name:28} {lines:6} {planted:8} {seen:6} {leaked:7} {chance:7} {metadata:9} {lost:5} {plain:6} {over:5}"
        );
    }

    fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.planted += other.planted;
        self.seen += other.seen;
        self.leaked += other.leaked;
        self.chance += other.chance;
        self.metadata += other.metadata;
        self.lost += other.lost;
        self.plain += other.plain;
        self.over += other.over;
    }
}

/// What is wrong: the first few of each kind in each file, and how many there are.
#[derive(Default)]
struct Faults {
    shown: Vec<String>,
    counts: BTreeMap<(String, &'static str), usize>,
}

impl Faults {
    fn push(&mut self, file: &Filtered, kind: &'static str, message: String) {
        let count = self.counts.entry((file.log.name.clone(), kind)).or_default();
        *count += 1;
        if *count <= 4 && self.shown.last() != Some(&message) {
            self.shown.push(message);
        }
    }
}

fn distinct(hits: &[Hit], chance: bool) -> BTreeSet<usize> {
    hits.iter().filter(|h| h.chance == chance).map(|h| h.value).collect()
}

/// The line and the place of a leak, for the message.
fn describe(file: &Filtered, planted: &Planted, hit: &Hit) -> String {
    let finder_of_one = [planted.clone()];
    let finder = Finder::new(&finder_of_one);
    let found = file.output.iter().position(|l| finder.find(l).iter().any(|h| !h.chance));
    let place = found.map_or_else(
        || "over lines".to_owned(),
        |n| {
            format!(
                "{}\n    in  {:.600}\n    out {:.600}",
                n + 1,
                show(&file.input[n]),
                show(&file.output[n])
            )
        },
    );
    format!(
        "{}:{place}\n    {} '{}' survives{}: ..{}..",
        file.log.name,
        planted.class,
        planted.value,
        hit.path,
        hit.around.escape_debug()
    )
}

/// Every file: nothing planted survives, metadata and plain lines do.
fn check(config: &str) {
    let mut total = Totals::default();
    let mut faults = Faults::default();
    println!(
        "{:28} {:>6} {:>8} {:>6} {:>7} {:>7} {:>9} {:>5} {:>6} {:>5}",
        "file", "lines", "planted", "seen", "leaked", "chance", "metadata", "lost", "plain", "over"
    );
    for file in filtered(config) {
        let planted = asynq::planted(&file.log);
        let finder = Finder::new(&planted);
        assert_eq!(file.input.len(), file.output.len());
        let before = finder.find(&joined(&file.input));
        let after = finder.find(&joined(&file.output));
        let leaked = distinct(&after, false);
        let mut seen = distinct(&before, false);
        seen.extend(distinct(&before, true));
        let mut counts = Totals {
            lines: file.input.len(),
            planted: planted.len(),
            seen: seen.len(),
            leaked: leaked.len(),
            chance: distinct(&after, true).difference(&leaked).count(),
            ..Totals::default()
        };
        for value in &leaked {
            let hit = after.iter().find(|h| h.value == *value && !h.chance).unwrap();
            faults.push(&file, "leak", describe(&file, &planted[*value], hit));
        }
        for (number, (line, out)) in file.input.iter().zip(&file.output).enumerate() {
            assert!(!out.contains(&b'\n'), "{}:{} became two lines", file.log.name, number + 1);
            let fault = |what: String| {
                format!(
                    "{}:{}: {what}\n    in  {:.600}\n    out {:.600}",
                    file.log.name,
                    number + 1,
                    show(line),
                    show(out)
                )
            };
            let metadata = metadata::of(line);
            counts.metadata += metadata.values().sum::<usize>();
            let lost = if line == out { Vec::new() } else { metadata::lost(&metadata, &metadata::of(out)) };
            if !lost.is_empty() {
                counts.lost += lost.len();
                for (kind, _) in &lost {
                    faults.push(&file, kind, fault(format!("lost {lost:?}")));
                }
            }
            if is_plain(line, file.encoding) && finder.find(line).iter().all(|h| h.chance) {
                counts.plain += 1;
                if line != out {
                    counts.over += 1;
                    faults.push(&file, "plain", fault("a plain line changed".to_owned()));
                }
            }
            if file.encoding == Encoding::Json
                && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
            {
                let keys = |json: &[u8]| -> Option<Vec<String>> {
                    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
                    Some(value.as_object()?.keys().cloned().collect())
                };
                if keys(line) != keys(out) {
                    faults.push(&file, "keys", fault("other keys, or no JSON any more".to_owned()));
                }
            }
        }
        counts.print(&file.log.name);
        total.add(&counts);
    }
    total.print("all");
    assert!(faults.shown.is_empty(), "{:?}:\n{}", faults.counts, faults.shown.join("\n"));
    assert!(total.planted > 40_000 && total.metadata > 65_000, "the corpus is smaller than it was");
    // The list counts what stands within other values, and halves of base64 groups; the finder does not.
    assert!(total.seen * 1000 > total.planted * 998, "the finder sees {} of {}", total.seen, total.planted);
}

#[test]
fn by_default_nothing_planted_survives_and_the_metadata_does() {
    check("");
}

#[test]
fn tokens_do_not_hold_what_they_stand_for() {
    check(KEYED);
}

#[test]
fn an_allow_list_lets_nothing_else_through() {
    check(ALLOWED);
}

#[test]
fn whole_payloads_go() {
    check(r#"{"payload":{"mode":"drop"}}"#);
    check(r#"{"key":{"id":"k1","value":"a test key of enough bytes"},"payload":{"mode":"size-and-hash"}}"#);
}

#[test]
fn details_are_for_debug_records_only() {
    check(r#"{"payload":{"min_level":"debug"},"tasks":{"default":{"allow":["user_id","locale"]}}}"#);
}

#[test]
fn what_was_logged_well_stays_as_it_is() {
    for config in ["", KEYED, ALLOWED, r#"{"payload":{"mode":"drop"}}"#] {
        let file = filtered(config).into_iter().find(|f| f.log.name.starts_with("safe-practice")).unwrap();
        for (number, (line, out)) in file.input.iter().zip(&file.output).enumerate() {
            assert_eq!(show(line), show(out), "line {} with {config}", number + 1);
        }
    }
}
