//! The artifact of Envoy and other proxy-wasm hosts.

use wasm_encoder::Function;
use wasmparser::{ExternalKind, FuncType};

use crate::{Abi, Error, Label, rewrite, wasi};

/// Says which version of the ABI a module speaks; it does nothing.
const VERSION_MARK: &str = "proxy_abi_version_0_2_1";

struct Rules;

impl rewrite::Rules for Rules {
    fn stub(&self, module: &str, name: &str, _: &FuncType) -> Result<Option<Function>, Error> {
        // Hosts give the calls of the ABI under `env`, and a small part of WASI.
        if module == wasi::MODULE || (module == "env" && name.starts_with("proxy_")) {
            return Ok(None);
        }
        Err(Error::ForeignImport { abi: Abi::ProxyWasm, import: format!("{module}::{name}") })
    }

    fn export<'a>(&self, name: &'a str) -> Option<&'a str> {
        Some(name)
    }

    fn keep_custom(&self, _: &str) -> bool {
        false
    }
}

/// Make the proxy-wasm module of a filter that was built with the feature `proxy-wasm`.
///
/// # Errors
/// When the module is not one, does not speak the ABI, or imports what hosts do not give.
pub fn proxy_wasm(wasm: &[u8], name: &str, version: &str) -> Result<Vec<u8>, Error> {
    let abi = Abi::ProxyWasm;
    if !rewrite::Surface::read(wasm)?.has(VERSION_MARK, ExternalKind::Func) {
        return Err(Error::MissingExport { abi, name: VERSION_MARK });
    }
    let mut module = rewrite::rewrite(wasm, &Rules)?;
    Label { name: name.into(), version: version.into(), abi }.append(&mut module);
    crate::check(&module, abi)?;
    Ok(module)
}
