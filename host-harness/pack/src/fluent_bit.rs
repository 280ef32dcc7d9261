//! The artifact of Fluent Bit's `filter_wasm`.

use wasm_encoder::Function;
use wasmparser::{ExternalKind, FuncType, WasmFeatures};

use crate::{Abi, Error, Label, rewrite, wasi};

/// What a Fluent Bit filter exports: the name it has when linked, and in the artifact.
///
/// The shell cannot call its allocator `malloc`: the guest's libc owns that symbol, and the
/// standard library of the guest calls it.
const EXPORTS: [(&str, &str, ExternalKind); 5] = [
    ("memory", "memory", ExternalKind::Memory),
    ("_initialize", "_initialize", ExternalKind::Func),
    ("filter", "filter", ExternalKind::Func),
    ("tamis_malloc", "malloc", ExternalKind::Func),
    ("tamis_free", "free", ExternalKind::Func),
];

/// What every Fluent Bit with `filter_wasm` can run, also before 4.0.3, which has no
/// reference types: no SIMD, tail calls, threads, exceptions or garbage collection.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::FLOATS
        // Only that `funcref` is a type, as it has been since 1.0.
        | WasmFeatures::GC_TYPES
}

/// What the harness asks a filter that Fluent Bit does not: whether lines of text become JSON objects.
const LIFTS: &str = "tamis_lifts";
/// What `tamis bake` uses, if it is there, by the same name.
const BAKE: [&str; 2] = ["tamis_bake", "tamis_resume"];

struct Rules;

impl rewrite::Rules for Rules {
    fn stub(&self, module: &str, name: &str, _: &FuncType) -> Result<Option<Function>, Error> {
        if module == wasi::MODULE {
            return Ok(None);
        }
        Err(Error::ForeignImport { abi: Abi::FluentBit, import: format!("{module}::{name}") })
    }

    fn export<'a>(&self, name: &'a str) -> Option<&'a str> {
        if name == LIFTS || BAKE.contains(&name) {
            return Some(name);
        }
        EXPORTS.iter().find(|(linked, ..)| *linked == name).map(|(_, artifact, _)| *artifact)
    }

    fn keep_custom(&self, _: &str) -> bool {
        false
    }

    /// The host goes on with an instance that has trapped, whose stack pointer stays where
    /// it was: after some thousand traps every later record would be lost as well. The
    /// host never calls back into `filter`, so each call can begin with an empty stack.
    fn resets_stack(&self) -> Option<&str> {
        Some("filter")
    }
}

/// Make the Fluent Bit module of a filter that was built with the feature `fluent-bit`.
///
/// # Errors
/// When the module is not one, lacks an export of the shell, imports more than WASI, or
/// uses a feature that Fluent Bit's runtime does not have.
pub fn fluent_bit(wasm: &[u8], name: &str, version: &str) -> Result<Vec<u8>, Error> {
    let abi = Abi::FluentBit;
    let surface = rewrite::Surface::read(wasm)?;
    for (linked, _, kind) in EXPORTS {
        if !surface.has(linked, kind) {
            return Err(Error::MissingExport { abi, name: linked });
        }
    }
    let mut module = rewrite::rewrite(wasm, &Rules)?;
    Label { name: name.into(), version: version.into(), abi }.append(&mut module);
    crate::check(&module, abi)?;
    Ok(module)
}
