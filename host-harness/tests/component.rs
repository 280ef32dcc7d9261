//! What the component host does with guests that ask for too much or misbehave.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use tamis::host::{self, Action, Batch, Encoding, Engines, Host, HostKind, HostOptions, Outcome};

/// A component of the contract whose `process` has this core function body. Address 1024
/// holds zeros, which is an empty list, string or `ok` of every kind; 1056 holds the outcome
/// "keep" for one record.
fn guest(process: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
  (memory (export "memory") 1)
  (data (i32.const 1056) "\00\10\00\00\01\00\00\00")
  (global $free (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "tamis:log-filter/lifecycle@0.1.0#initialize") (param i32 i32) (result i32)
    (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#describe") (result i32) (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#flush") (result i32) (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#counters") (result i32) (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#process")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    {process}))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir("../wit").unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    wit_component::ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn open(wasm: &[u8], options: &HostOptions) -> anyhow::Result<Box<dyn Host>> {
    host::open(HostKind::Component, &Engines::with_cache_dir(None)?, wasm, "", options)
}

/// Give one record to a guest.
fn process(body: &str, options: &HostOptions) -> anyhow::Result<Outcome> {
    let mut host = open(&guest(body), options)?;
    let mut batch = Batch::new("t", Encoding::Text);
    batch.push(0, b"a line");
    let mut outcome = Outcome::default();
    host.process(&batch, &mut outcome)?;
    Ok(outcome)
}

fn failure<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => "no failure".into(),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn a_good_guest_is_a_good_guest() {
    let outcome = process("(i32.const 1056)", &HostOptions::default()).unwrap();
    assert_eq!(outcome.actions, [Action::Keep]);
}

#[test]
fn a_guest_that_does_not_come_back_is_stopped() {
    let options = HostOptions { call_timeout: Duration::from_millis(200), ..HostOptions::default() };
    let started = Instant::now();
    let text = failure(process("(loop (br 0)) (unreachable)", &options));
    assert!(text.contains("did not come back from `process` within 0.2 s"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_trap_is_an_error() {
    let text = failure(process("(unreachable)", &HostOptions::default()));
    assert!(text.contains("the guest trapped in `process`"), "{text}");
}

#[test]
fn memory_is_limited() {
    // 16 MiB more: either -1 and "keep", or a trap.
    let body = "(if (i32.ne (memory.grow (i32.const 256)) (i32.const -1)) (then (unreachable)))
                (i32.const 1056)";
    let small = HostOptions { memory_limit_bytes: 8 << 20, ..HostOptions::default() };
    assert!(process(body, &small).is_ok());
    assert!(failure(process(body, &HostOptions::default())).contains("trapped"));
    let none = HostOptions { memory_limit_bytes: 1 << 10, ..HostOptions::default() };
    assert!(failure(open(&guest("(unreachable)"), &none)).contains("cannot be instantiated"));
}

#[test]
fn columns_must_be_in_step() {
    let outcome = |verdicts: (u32, u32), bodies: (u32, u32), ends: (u32, u32), at: u32, end: u32| {
        let stores: String = [verdicts.0, verdicts.1, bodies.0, bodies.1, ends.0, ends.1]
            .iter()
            .enumerate()
            .map(|(i, value)| format!("(i32.store (i32.const {}) (i32.const {value}))", 512 + 4 * i))
            .collect();
        let body = format!(
            "{stores} (i32.store8 (i32.const 4096) (i32.const 1))
             (i32.store (i32.const {at}) (i32.const {end})) (i32.const 512)"
        );
        failure(process(&body, &HostOptions::default()))
    };
    let contract = "the guest broke the contract";
    assert_eq!(outcome((4096, 1), (0, 3), (600, 1), 600, 3), "no failure");
    for broken in [
        outcome((4096, 0), (0, 0), (600, 0), 600, 0),
        outcome((4096, 2), (0, 3), (600, 1), 600, 3),
        outcome((4096, 1), (0, 3), (600, 0), 600, 3),
        outcome((4096, 1), (0, 3), (600, 1), 600, 4),
        outcome((4096, 1), (0, 3), (600, 1), 600, 2),
        outcome((600, 1), (0, 0), (700, 0), 600, 99),
    ] {
        assert!(broken.contains(contract), "{broken}");
    }
    // Outside of its memory.
    for broken in [
        outcome((u32::MAX, 1), (0, 0), (600, 0), 600, 0),
        outcome((4096, u32::MAX), (0, 0), (600, 0), 600, 0),
    ] {
        assert!(broken.contains("trapped in `process`"), "{broken}");
    }
}

#[test]
fn other_imports_are_refused_by_name() {
    let wasm = wat::parse_str(
        r#"(component (import "wasi:cli/environment@0.2.0" (instance))
                      (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#,
    )
    .unwrap();
    let text = failure(open(&wasm, &HostOptions::default()));
    assert!(text.contains("imports wasi:cli/environment@0.2.0, wasi:clocks/wall-clock@0.2.0"), "{text}");
    let text = failure(open(&wat::parse_str("(component)").unwrap(), &HostOptions::default()));
    assert!(text.contains("does not export what tamis:log-filter asks for"), "{text}");
    let text = failure(open(b"\0asm\x01\0\0\0", &HostOptions::default()));
    assert!(text.contains("not a WebAssembly component"), "{text}");
}
