//! What packing does to small modules, and what it refuses.

#![allow(clippy::unwrap_used)]

use tamis_pack::{Abi, Baked, Error, Label, component, fluent_bit, proxy_wasm, without_wasi};
use wasmparser::{Operator, Parser, Payload};
use wasmtime::{Engine, Instance, Module, Store};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Names of imports and exports.
fn surface(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                imports.extend(section.into_imports().map(|i| i.unwrap().name.to_owned()));
            }
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|e| e.unwrap().name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

fn custom_sections(wasm: &[u8]) -> Vec<String> {
    let sections = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload.unwrap() {
        Payload::CustomSection(section) => Some(section.name().to_owned()),
        _ => None,
    });
    sections.collect()
}

/// A module as the shell and the linker make it.
fn fluent_bit_core(more: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (global $__stack_pointer (mut i32) (i32.const 65536))
            (func (export "_initialize"))
            (func (export "filter") (param i32 i32 i32 i32 i32 i32) (result i32)
                (global.set $__stack_pointer (i32.sub (global.get $__stack_pointer) (i32.const 16)))
                local.get 4)
            (func (export "tamis_malloc") (param i32) (result i32) i32.const 8)
            (func (export "tamis_free") (param i32))
            (func (export "something_else"))
            (@custom "producers" "")
            {more})"#
    ))
}

#[test]
fn fluent_bit_gets_the_allocator_under_the_names_it_calls() {
    let packed = fluent_bit(&fluent_bit_core(""), "some-filter", "1.2.3").unwrap();
    let (imports, exports) = surface(&packed);
    assert_eq!(imports, ["proc_exit"]);
    assert_eq!(exports, ["memory", "_initialize", "filter", "malloc", "free"]);
    assert_eq!(custom_sections(&packed), ["tamis"]);
    let label = Label { name: "some-filter".into(), version: "1.2.3".into(), abi: Abi::FluentBit };
    assert_eq!(Label::read(&packed).unwrap(), Some(label));
}

#[test]
fn what_was_baked_is_said_by_the_outermost_section() {
    let more = r#"(func (export "tamis_bake") (param i32 i32) (result i32) i32.const 0)
        (func (export "tamis_resume"))"#;
    let mut packed = fluent_bit(&fluent_bit_core(more), "f", "1.0.0").unwrap();
    let exports = surface(&packed).1;
    assert!(exports.ends_with(&["tamis_bake".into(), "tamis_resume".into()]), "{exports:?}");
    assert_eq!(Baked::read(&packed), Ok(None));
    for key_id in [None, Some("k1".to_owned())] {
        let mut packed = packed.clone();
        let baked = Baked { config_sha256: "00ff".into(), key_id };
        baked.append(&mut packed);
        assert_eq!(Baked::read(&packed), Ok(Some(baked)));
        assert_eq!(tamis_pack::check(&packed, Abi::FluentBit), Ok(()));
    }
    packed.truncate(packed.len() - 1);
    assert!(Baked::read(&packed).is_err());
}

#[test]
fn fluent_bit_calls_begin_with_an_empty_stack() {
    let packed = fluent_bit(&fluent_bit_core(""), "f", "0.1.0").unwrap();
    let bodies: Vec<_> = Parser::new(0)
        .parse_all(&packed)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        })
        .collect();
    let start: Vec<Operator<'_>> =
        bodies[1].get_operators_reader().unwrap().into_iter().take(2).map(Result::unwrap).collect();
    assert!(
        matches!(start[..], [Operator::I32Const { value: 65536 }, Operator::GlobalSet { global_index: 0 }]),
        "{start:?}"
    );
    // No other function does.
    let first = bodies[0].get_operators_reader().unwrap().read().unwrap();
    assert!(matches!(first, Operator::End), "{first:?}");
}

#[test]
fn fluent_bit_refuses_what_its_runtime_lacks() {
    let simd = fluent_bit_core("(func (drop (v128.const i32x4 0 0 0 0)))");
    let error = fluent_bit(&simd, "f", "0.1.0").unwrap_err();
    assert!(matches!(&error, Error::Unsupported { abi: Abi::FluentBit, .. }), "{error}");
    assert!(error.to_string().contains("SIMD"), "{error}");

    let tail_call = fluent_bit_core("(func $f (return_call $f))");
    assert!(matches!(fluent_bit(&tail_call, "f", "0.1.0"), Err(Error::Unsupported { .. })));

    let foreign = wasm(
        r#"(module (import "env" "now" (func)) (memory (export "memory") 1)
            (func (export "_initialize")) (func (export "filter"))
            (func (export "tamis_malloc")) (func (export "tamis_free")))"#,
    );
    let error = fluent_bit(&foreign, "f", "0.1.0").unwrap_err();
    assert_eq!(error, Error::ForeignImport { abi: Abi::FluentBit, import: "env::now".into() });
}

#[test]
fn missing_exports_are_named() {
    let empty = wasm("(module)");
    let missing = |abi, name| Err(Error::MissingExport { abi, name });
    assert_eq!(fluent_bit(&empty, "f", "0"), missing(Abi::FluentBit, "memory"));
    assert_eq!(proxy_wasm(&empty, "f", "0"), missing(Abi::ProxyWasm, "proxy_abi_version_0_2_1"));
    assert_eq!(component(&empty, "f", "0"), missing(Abi::Component, "tamis:log-filter/filter@"));
    let error = fluent_bit(&empty, "f", "0").unwrap_err();
    assert!(error.to_string().contains("feature `fluent-bit`"), "{error}");
}

#[test]
fn what_is_no_module_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x01\xff", b"MZ and so on"] {
        for pack in [fluent_bit, proxy_wasm, component] {
            let error = pack(bytes, "f", "0").unwrap_err();
            let refused = matches!(error, Error::NotAModule(_) | Error::MissingExport { .. });
            assert!(refused, "{error}");
        }
    }
    assert!(Label::read(b"MZ").is_err());
    assert_eq!(Label::read(&wasm("(module)")), Ok(None));
}

#[test]
fn proxy_wasm_is_only_stripped() {
    let core = wasm(
        r#"(module
            (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
            (@custom "name" ""))"#,
    );
    let packed = proxy_wasm(&core, "f", "0.1.0").unwrap();
    assert_eq!(surface(&packed), surface(&core));
    assert_eq!(custom_sections(&packed), ["tamis"]);

    let foreign = wasm(r#"(module (import "env" "open" (func)) (func (export "proxy_abi_version_0_2_1")))"#);
    let refused = Error::ForeignImport { abi: Abi::ProxyWasm, import: "env::open".into() };
    assert_eq!(proxy_wasm(&foreign, "f", "0"), Err(refused));
}

#[test]
fn a_component_must_not_need_random_numbers() {
    let core = wasm(
        r#"(module
            (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "tamis:log-filter/filter@0.1.0#counters")))"#,
    );
    let error = component(&core, "f", "0").unwrap_err();
    let import = "wasi_snapshot_preview1::random_get".into();
    assert_eq!(error, Error::ForeignImport { abi: Abi::Component, import });
}

#[test]
fn errors_do_not_depend_on_the_run() {
    let core = fluent_bit_core("(func (drop (v128.const i32x4 0 0 0 0)))");
    assert_eq!(fluent_bit(&core, "f", "0"), fluent_bit(&core, "f", "0"));
}

#[test]
fn stand_ins_answer_as_for_a_process_that_was_given_nothing() {
    let core = wasm(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory 1)
            ;; Two vectors, of 5 and 7 bytes, at 16; marks where results go.
            (data (i32.const 16) "\00\00\00\00\05\00\00\00\00\00\00\00\07\00\00\00")
            (data (i32.const 32) "\ff\ff\ff\ff\ff\ff\ff\ff")
            (func (export "write") (param $vectors i32) (result i32 i32)
                (call $write (i32.const 2) (i32.const 16) (local.get $vectors) (i32.const 32))
                (i32.load (i32.const 32)))
            (func (export "sizes") (result i32 i32 i32)
                (call $sizes (i32.const 32) (i32.const 36))
                (i32.load (i32.const 32)) (i32.load (i32.const 36)))
            (func (export "errors") (result i32 i32)
                (call $prestat (i32.const 3) (i32.const 0))
                (call $clock (i32.const 0) (i64.const 0) (i32.const 0)))
            (func (export "exit") (call $exit (i32.const 1))))"#,
    );
    let engine = Engine::default();
    let module = Module::new(&engine, without_wasi(&core).unwrap()).unwrap();
    assert_eq!(module.imports().len(), 0);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let write = instance.get_typed_func::<i32, (i32, i32)>(&mut store, "write").unwrap();
    assert_eq!(write.call(&mut store, 0).unwrap(), (0, 0));
    assert_eq!(write.call(&mut store, 2).unwrap(), (0, 12));
    let sizes = instance.get_typed_func::<(), (i32, i32, i32)>(&mut store, "sizes").unwrap();
    assert_eq!(sizes.call(&mut store, ()).unwrap(), (0, 0, 0));
    let errors = instance.get_typed_func::<(), (i32, i32)>(&mut store, "errors").unwrap();
    assert_eq!(errors.call(&mut store, ()).unwrap(), (8, 52));
    let exit = instance.get_typed_func::<(), ()>(&mut store, "exit").unwrap();
    assert!(exit.call(&mut store, ()).is_err());
}
