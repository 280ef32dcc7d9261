//! What an artifact is, from its bytes alone: nothing of it is run, except that a
//! component of the contract is asked to describe itself.

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use wasmparser::{Encoding, ExternalKind, MemoryType, Parser, Payload, TypeRef, Validator, WasmFeatures};

use crate::host::HostKind;

/// Proposals beyond WebAssembly 1.0 that a host may lack, by the name in the
/// `target_features` section of compilers.
const FEATURES: &[(&str, WasmFeatures)] = &[
    ("bulk-memory", WasmFeatures::BULK_MEMORY),
    ("exceptions", WasmFeatures::EXCEPTIONS),
    ("extended-const", WasmFeatures::EXTENDED_CONST),
    ("gc", WasmFeatures::GC),
    ("memory64", WasmFeatures::MEMORY64),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("multivalue", WasmFeatures::MULTI_VALUE),
    ("mutable-globals", WasmFeatures::MUTABLE_GLOBAL),
    ("nontrapping-fptoint", WasmFeatures::SATURATING_FLOAT_TO_INT),
    ("reference-types", WasmFeatures::REFERENCE_TYPES),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("sign-ext", WasmFeatures::SIGN_EXTENSION),
    ("simd128", WasmFeatures::SIMD),
    ("tail-call", WasmFeatures::TAIL_CALL),
    ("threads", WasmFeatures::THREADS),
];

/// What is in an artifact.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The host ABI, or `unknown`.
    pub abi: &'static str,
    /// `component` or `module`.
    pub encoding: &'static str,
    /// Its size.
    pub size_bytes: usize,
    /// What it imports, with the kind of each.
    pub imports: Vec<String>,
    /// What it exports, with the kind of each.
    pub exports: Vec<String>,
    /// Linear memories of the core modules in it.
    pub memories: Vec<Memory>,
    /// Proposals beyond WebAssembly 1.0 without which it does not validate.
    pub features: Vec<&'static str>,
    /// What was baked in, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baked: Option<Baked>,
    /// Names and sizes of the custom sections.
    pub custom_sections: Vec<CustomSection>,
}

/// The config of a filter that was started before its artifact was made.
#[derive(Debug, Clone, Serialize)]
pub struct Baked {
    /// Which filter.
    pub filter: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the text of the config, in hex.
    pub config_sha256: String,
    /// The name of the key that is inside; then the artifact is as secret as the key.
    pub key_id: Option<String>,
}

/// One linear memory.
#[derive(Debug, Clone, Serialize)]
pub struct Memory {
    /// What it starts with.
    pub initial_bytes: u64,
    /// Up to what it may grow; none if only the host limits it.
    pub maximum_bytes: Option<u64>,
}

impl From<MemoryType> for Memory {
    fn from(ty: MemoryType) -> Self {
        let page = 1u64 << ty.page_size_log2.unwrap_or(16);
        Self {
            initial_bytes: ty.initial.saturating_mul(page),
            maximum_bytes: ty.maximum.map(|pages| pages.saturating_mul(page)),
        }
    }
}

/// One custom section.
#[derive(Debug, Clone, Serialize)]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: usize,
}

/// The host ABI of an artifact.
///
/// # Errors
/// When the bytes are no WebAssembly, or of no ABI that tamis has a host for.
pub fn kind(wasm: &[u8]) -> anyhow::Result<HostKind> {
    let report = surface(wasm)?;
    host_of(&report).with_context(|| {
        format!(
            "this {} is for no host known here: a component of tamis:log-filter exports its \
             filter and lifecycle, a Fluent Bit module `filter`, a proxy-wasm module \
             `proxy_on_context_create`",
            report.encoding
        )
    })
}

/// Look into an artifact.
///
/// # Errors
/// When the bytes are no valid WebAssembly.
pub fn inspect(wasm: &[u8]) -> anyhow::Result<Report> {
    let mut report = surface(wasm)?;
    report.abi = host_of(&report).map_or("unknown", HostKind::name);
    if let Some(tamis_pack::Baked { config_sha256, key_id }) = tamis_pack::Baked::read(wasm)? {
        let label = tamis_pack::Label::read(wasm)?;
        let (filter, version) = label.map_or_else(Default::default, |l| (l.name, l.version));
        report.baked = Some(Baked { filter, version, config_sha256, key_id });
    }
    let all = WasmFeatures::all();
    Validator::new_with_features(all).validate_all(wasm).context("this is not valid WebAssembly")?;
    report.features = FEATURES
        .iter()
        // Some proposals build on others; without its base a proposal is off as well.
        .filter(|(_, f)| Validator::new_with_features(all.difference(*f)).validate_all(wasm).is_err())
        .map(|(name, _)| *name)
        .collect();
    Ok(report)
}

fn host_of(report: &Report) -> Option<HostKind> {
    let exports = |name: &str| report.exports.iter().any(|e| e == name);
    if report.encoding == "component" {
        let filter = report.exports.iter().any(|e| e.starts_with("instance tamis:log-filter/filter@"));
        return filter.then_some(HostKind::Component);
    }
    if exports("func proxy_on_context_create") {
        return Some(HostKind::ProxyWasm);
    }
    exports("func filter").then_some(HostKind::FluentBit)
}

/// Whether a file is what it should be, from its first bytes.
///
/// # Errors
/// When it is no WebAssembly.
pub fn check_magic(wasm: &[u8]) -> anyhow::Result<()> {
    ensure!(!wasm.is_empty(), "this file is empty, and should be WebAssembly (a .wasm file)");
    if wasm.starts_with(b"\x7fELF") || wasm.starts_with(b"\0aot") {
        bail!("this is a precompiled module: give the .wasm file it was made from");
    }
    ensure!(
        wasm.starts_with(b"\0asm"),
        "this is not WebAssembly (a .wasm file), which begins with the bytes 00 61 73 6d; text has to be compiled"
    );
    Ok(())
}

/// Everything but what needs validation.
fn surface(wasm: &[u8]) -> anyhow::Result<Report> {
    check_magic(wasm)?;
    let mut report = Report {
        abi: "unknown",
        encoding: "module",
        size_bytes: wasm.len(),
        imports: Vec::new(),
        exports: Vec::new(),
        memories: Vec::new(),
        features: Vec::new(),
        baked: None,
        custom_sections: Vec::new(),
    };
    // Depth 0 is the artifact itself; a component holds further modules.
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("this is damaged WebAssembly")? {
            Payload::Version { encoding: Encoding::Component, .. } if depth == 0 => {
                report.encoding = "component";
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ImportSection(section) if depth == 0 => {
                for import in section.into_imports() {
                    let import = import?;
                    if let TypeRef::Memory(ty) = import.ty {
                        report.memories.push(ty.into());
                    }
                    let kind = type_ref(&import.ty);
                    report.imports.push(format!("{kind} {}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    report.exports.push(format!("{} {}", external(export.kind), export.name));
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    report.memories.push(memory?.into());
                }
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    report.imports.push(format!("instance {}", import?.name.name));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    report.exports.push(format!("instance {}", export?.name.name));
                }
            }
            Payload::CustomSection(section) if depth == 0 => {
                report.custom_sections.push(CustomSection {
                    name: section.name().to_owned(),
                    size_bytes: section.data().len(),
                });
            }
            _ => {}
        }
    }
    Ok(report)
}

fn external(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "func",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}

fn type_ref(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "func",
        TypeRef::Table(_) => "table",
        TypeRef::Memory(_) => "memory",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    }
}
