//! The artifact of the Wasmtime harness: a component of the WIT world.

use wasm_encoder::Function;
use wasmparser::{FuncType, Parser, Payload, Validator};
use wit_component::ComponentEncoder;

use crate::{Abi, Error, Label, rewrite, wasi};

/// The package whose interfaces a filter may import.
const PACKAGE: &str = "tamis:log-filter/";

/// The start of the name of every function of the interface that a filter is.
const FILTER: &str = "tamis:log-filter/filter@";

struct Rules;

impl rewrite::Rules for Rules {
    fn stub(&self, module: &str, name: &str, ty: &FuncType) -> Result<Option<Function>, Error> {
        if module == wasi::MODULE { wasi::stub(name, ty).map(Some) } else { Ok(None) }
    }

    fn export<'a>(&self, name: &'a str) -> Option<&'a str> {
        Some(name)
    }

    fn keep_custom(&self, name: &str) -> bool {
        // The encoded WIT world that the bindings left for the component encoder.
        name.starts_with("component-type")
    }
}

/// Make the component of a filter that was built with the feature `component`.
///
/// It imports nothing but interfaces of `tamis:log-filter`: what the standard library asks
/// of WASI is answered inside the module, as for a process that was given nothing.
///
/// # Errors
/// When the module is not one, lacks the exports of the world, or would import more.
pub fn component(wasm: &[u8], name: &str, version: &str) -> Result<Vec<u8>, Error> {
    // Without bindings the encoder would make an empty component.
    let surface = rewrite::Surface::read(wasm)?;
    if !surface.exports.iter().any(|(name, _)| name.starts_with(FILTER)) {
        return Err(Error::MissingExport { abi: Abi::Component, name: FILTER });
    }
    let core = without_wasi(wasm)?;
    // The chain of causes is what helps: which export is missing, which type differs.
    let refused = |error: &dyn std::fmt::Debug| {
        let text = format!("{error:?}");
        Error::Component(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|e| refused(&e))?;
    check_imports(&component)?;
    Label { name: name.into(), version: version.into(), abi: Abi::Component }.append(&mut component);
    Validator::new().validate_all(&component).map_err(|e| refused(&e))?;
    Ok(component)
}

/// A core module that answers all of its WASI imports itself, as for a process that was given nothing.
///
/// # Errors
/// When the module is not one, or imports a call of WASI whose type is another.
pub fn without_wasi(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    rewrite::rewrite(wasm, &Rules)
}

fn check_imports(component: &[u8]) -> Result<(), Error> {
    let mut depth = 0u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| Error::Component(e.to_string()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|e| Error::Component(e.to_string()))?;
                    if !import.name.name.starts_with(PACKAGE) {
                        return Err(Error::ForeignImport {
                            abi: Abi::Component,
                            import: import.name.name.to_owned(),
                        });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
