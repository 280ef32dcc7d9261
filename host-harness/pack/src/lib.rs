//! Turns a filter's core module into the artifact of one host ABI.
//!
//! A linker gives one core module per ABI (`wasm32-wasip1`, `cdylib`). What it cannot do is
//! done here: [`component`] takes away the WASI imports that the standard library drags in
//! and wraps the module, [`fluent_bit`] gives the shell's allocator the names that Fluent
//! Bit calls, which the libc of the guest owns at link time, [`proxy_wasm`] only strips.
//! Every artifact is checked against what its host has, and carries a [`Label`].
//!
//! Not in here: compiling a filter (that is the harness's build script) and running one.

mod component;
mod error;
mod fluent_bit;
mod label;
mod proxy_wasm;
mod rewrite;
mod wasi;

pub use component::{component, without_wasi};
pub use error::Error;
pub use fluent_bit::fluent_bit;
pub use label::{Abi, Baked, Label};
pub use proxy_wasm::proxy_wasm;

/// Whether the host of this ABI can run an artifact, as far as a validator can tell.
///
/// # Errors
/// [`Error::Unsupported`] when it cannot.
pub fn check(wasm: &[u8], abi: Abi) -> Result<(), Error> {
    let mut validator = match abi {
        Abi::FluentBit => wasmparser::Validator::new_with_features(fluent_bit::features()),
        Abi::Component | Abi::ProxyWasm => wasmparser::Validator::new(),
    };
    let checked = validator.validate_all(wasm);
    checked.map(drop).map_err(|e| Error::Unsupported { abi, reason: e.to_string() })
}
