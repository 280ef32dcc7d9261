//! The Fluent Bit artifacts in the harness's copy of that ABI: what must hold on any
//! machine, without a Fluent Bit at hand. `e2e/fluent_bit.rs` repeats the heart of it in
//! the real one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tamis::{
    artifacts,
    host::{
        Action, Batch, Encoding, Engines, Host, HostKind, HostOptions, Outcome, Refused,
        fluent_bit::{Copies, FluentBit},
        native,
    },
    text_wrap,
};
use tamis_tests::{
    asynq,
    poison::{self, Source},
};

const BOTH: [Copies; 2] = [Copies::Freed, Copies::Leaked];

fn open(filter: &str, config: &str, copies: Copies) -> anyhow::Result<FluentBit> {
    let artifact = artifacts::find(filter, HostKind::FluentBit).expect("a built-in filter");
    FluentBit::open(&Engines::new()?, artifact.wasm, config, &HostOptions::default(), copies)
}

/// The records of one batch as they leave a host; `None` where one was dropped.
fn run(host: &mut dyn Host, encoding: Encoding, records: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let mut batch = Batch::new("coturn", encoding);
    for record in records {
        batch.push(1_700_000_000_000_000_000, record);
    }
    let mut outcome = Outcome::default();
    host.process(&batch, &mut outcome).unwrap();
    assert_eq!(outcome.actions.len(), records.len());
    let (mut start, mut ends) = (0, outcome.ends.iter());
    let mut out = Vec::new();
    for (action, record) in outcome.actions.iter().zip(records) {
        out.push(match action {
            Action::Keep => Some(record.clone()),
            Action::Drop => None,
            Action::Replace | Action::ReplaceJson => {
                let end = *ends.next().unwrap() as usize;
                let body = outcome.bodies[start..end].to_vec();
                start = end;
                Some(body)
            }
        });
    }
    out
}

/// What the native host makes of the same records.
///
/// It gets lines as the guest does, as records. A byte that is not UTF-8 is three bytes
/// there, and a filter may look at the length of a line.
fn run_native(
    native: &mut dyn Host,
    lifts: bool,
    encoding: Encoding,
    records: &[Vec<u8>],
) -> Vec<Option<Vec<u8>>> {
    if encoding == Encoding::Json {
        return run(native, encoding, records);
    }
    let wrap = |line: &Vec<u8>| {
        let mut record = Vec::new();
        text_wrap::wrap(line, &mut record);
        record
    };
    let wrapped: Vec<Vec<u8>> = records.iter().map(wrap).collect();
    let unwrap = |record: Vec<u8>| if lifts { record } else { text_wrap::unwrap(&record).unwrap_or(record) };
    run(native, Encoding::Json, &wrapped).into_iter().map(|record| record.map(unwrap)).collect()
}

/// 5,000 hostile records, then 10,000 good ones, in batches: all come out as from the
/// native host, in order, and memory does not grow with their number.
fn poison_suite(
    filter: &str,
    copies: Copies,
    encoding: Encoding,
    hostile: impl Fn(usize) -> Vec<u8>,
    good: impl Fn(usize) -> Vec<u8>,
) {
    let mut guest = open(filter, "", copies).unwrap();
    let mut native = native::open(filter, "", &HostOptions::default()).unwrap();
    let records: Vec<Vec<u8>> =
        (0..poison::HOSTILE).map(hostile).chain((0..poison::GOOD).map(good)).collect();
    let longest = records.iter().map(Vec::len).max().unwrap();
    let mut after_hostile = 0;
    for (n, batch) in records.chunks(500).enumerate() {
        let got = run(&mut guest, encoding, batch);
        let want = run_native(&mut *native, guest.lifts(), encoding, batch);
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            let text = |r: &Option<Vec<u8>>| r.as_ref().map(|r| String::from_utf8_lossy(r).into_owned());
            assert!(got == want, "record {}: {:?} is not {:?}", n * 500 + i, text(got), text(want));
        }
        if n * 500 == poison::HOSTILE {
            after_hostile = guest.memory_bytes();
        }
    }
    // What a filter remembers of open requests is bounded; the places for it get their memory when first used.
    let tables = if filter == "chatwoot-auth-tagger" { 1 << 20 } else { 0 };
    let grown = guest.memory_bytes() - after_hostile;
    assert!(grown <= tables, "memory grows with good records: by {grown} bytes");
    // Copies of the record here and there, the tape of its values, and what stands at start.
    let bound = (4 << 20) + 64 * longest;
    assert!(after_hostile < bound, "{after_hostile} bytes of memory for records of {longest}");
}

fn good_record(source: Source, i: usize) -> Vec<u8> {
    format!("{{\"n\":{i},\"log\":{}}}", serde_json::to_string(&(source.good_line)(i)).unwrap()).into()
}

#[test]
fn hostile_lines_do_no_harm() {
    for filter in artifacts::filters() {
        let source = poison::of(filter);
        for copies in BOTH {
            let hostile = |i| poison::hostile_line(source, i);
            poison_suite(filter, copies, Encoding::Text, hostile, |i| (source.good_line)(i).into_bytes());
        }
    }
}

#[test]
fn hostile_json_does_no_harm() {
    for filter in artifacts::filters() {
        let source = poison::of(filter);
        for copies in BOTH {
            let hostile = |i| {
                let mut record = poison::hostile_record(source, i);
                if filter.starts_with("asynq") {
                    // A NUL at the end of a record ends it in this ABI; this filter tells bytes that are no text.
                    record.retain(|b| *b != 0);
                }
                record
            };
            poison_suite(filter, copies, Encoding::Json, hostile, |i| good_record(source, i));
        }
    }
}

#[test]
fn a_megabyte_and_100_000_levels_come_out() {
    for filter in artifacts::filters() {
        for copies in BOTH {
            let mut guest = open(filter, "", copies).unwrap();
            let mut native = native::open(filter, "", &HostOptions::default()).unwrap();
            let big = format!("{{\"log\":\"{}\"}}", "from 198.51.100.7:4711 ".repeat(45_000));
            let deep = format!("{{\"log\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
            let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
            let unclosed = "[{\"a\":".repeat(100_000);
            let payload = asynq::payloads::big(93_000);
            let list =
                format!("{{\"log\":\"Payload:{}\"}}", asynq::payloads::Form::Decimal.print(&payload, 0));
            assert!(list.len() > 317_000, "{}", list.len());
            let nested = format!("{{\"payload\":{}}}", serde_json::Value::from(payload.to_string()));
            let quotes = format!("{{\"payload\":\"{}\"}}", "\\".repeat(400_000));
            let records = [big, deep, objects, unclosed, list, nested, quotes].map(String::into_bytes);
            let mut memory = Vec::new();
            for _ in 0..20 {
                let got = run(&mut guest, Encoding::Json, &records);
                assert!(got == run(&mut *native, Encoding::Json, &records), "{filter}");
                memory.push(guest.memory_bytes());
            }
            assert_eq!(memory[2], memory[19], "{filter}: memory grows: {memory:?}");
        }
    }
}

#[test]
fn sizes_around_the_edges_of_the_arena_come_out_whole() {
    for copies in BOTH {
        let mut guest = open("identity", "", copies).unwrap();
        let sizes = (1..200).chain((7..21).flat_map(|p| (1 << p) - 20..(1 << p) + 4));
        for size in sizes.clone().chain(sizes.rev()) {
            let record = format!("{{\"log\":\"{}\"}}", "x".repeat(size)).into_bytes();
            let out = run(&mut guest, Encoding::Json, std::slice::from_ref(&record));
            assert!(out[0].as_ref() == Some(&record), "{size} bytes");
        }
        assert!(guest.memory_bytes() < 12 << 20, "{} bytes", guest.memory_bytes());
    }
}

#[test]
fn a_bad_config_is_refused_in_the_words_of_the_native_host() {
    for filter in artifacts::filters() {
        for config in [r#"{"no_such_key":1}"#, "[", "{} x", "3"] {
            let refusal = |error: anyhow::Error| {
                error.downcast::<Refused>().unwrap_or_else(|e| panic!("{filter}, {config}: {e:?}")).0
            };
            let guest = refusal(open(filter, config, Copies::Freed).unwrap_err());
            let native = native::open(filter, config, &HostOptions::default()).map(|_| ());
            assert_eq!(guest, refusal(native.unwrap_err()), "{filter}, {config}");
        }
    }
}
