//! The outside of a core module: what it imports and exports, with types.

use std::collections::BTreeMap;

use anyhow::Context;
use wasmparser::{
    CompositeInnerType, FuncType, KnownCustom, Name, Parser, Payload, ValType, Validator, WasmFeatures,
    types::{CoreTypeId, EntityType, Types},
};

/// One import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entity {
    Func(Signature),
    Memory,
    Other(&'static str),
}

/// What a function takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Signature {
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

impl Signature {
    /// So many `i32` in, so many out: most functions of the ABIs are like this.
    pub fn words(params: usize, results: usize) -> Self {
        Self { params: vec![ValType::I32; params], results: vec![ValType::I32; results] }
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        write!(f, "({}) -> ({})", list(&self.params), list(&self.results))
    }
}

impl From<&FuncType> for Signature {
    fn from(ty: &FuncType) -> Self {
        Self { params: ty.params().to_vec(), results: ty.results().to_vec() }
    }
}

/// The outside of a core module.
#[derive(Debug)]
pub(super) struct Module {
    /// Module name, name, and what it is.
    pub imports: Vec<(String, String, Entity)>,
    pub exports: BTreeMap<String, Entity>,
}

impl Module {
    /// # Errors
    /// When the bytes are no valid core module.
    pub fn read(wasm: &[u8]) -> anyhow::Result<Self> {
        let types = Validator::new_with_features(WasmFeatures::all())
            .validate_all(wasm)
            .context("this is not valid WebAssembly")?;
        let types = types.as_ref();
        let entity = |ty: EntityType| match ty {
            EntityType::Func(id) | EntityType::FuncExact(id) => {
                signature(&types[id].composite_type.inner).map_or(Entity::Other("function"), Entity::Func)
            }
            EntityType::Memory(_) => Entity::Memory,
            EntityType::Table(_) => Entity::Other("table"),
            EntityType::Global(_) => Entity::Other("global"),
            EntityType::Tag(_) => Entity::Other("tag"),
        };
        let imports = types.core_imports().context("this is a component, not a core module")?;
        Ok(Self {
            imports: imports.map(|(m, n, ty)| (m.to_owned(), n.to_owned(), entity(ty))).collect(),
            exports: types
                .core_exports()
                .into_iter()
                .flatten()
                .map(|(n, ty)| (n.to_owned(), entity(ty)))
                .collect(),
        })
    }

    /// The type of an exported function.
    pub fn function(&self, name: &str) -> Option<&Signature> {
        match self.exports.get(name) {
            Some(Entity::Func(signature)) => Some(signature),
            _ => None,
        }
    }

    /// Whether a function is exported with just this type.
    pub fn has(&self, name: &str, signature: &Signature) -> bool {
        self.function(name) == Some(signature)
    }
}

fn signature(ty: &CompositeInnerType) -> Option<Signature> {
    match ty {
        CompositeInnerType::Func(ty) => Some(ty.into()),
        _ => None,
    }
}

/// The type of the function with this id; none for what is no function.
pub(super) fn signature_of(types: &Types, id: CoreTypeId) -> Option<Signature> {
    signature(&types.as_ref()[id].composite_type.inner)
}

/// Names of functions by index, from the name section; compilers may have left it out.
pub(super) fn function_names(wasm: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(Payload::CustomSection(section)) = payload else { continue };
        let KnownCustom::Name(subsections) = section.as_known() else { continue };
        for name in subsections.into_iter().flatten() {
            let Name::Function(map) = name else { continue };
            names.extend(map.into_iter().flatten().map(|n| (n.index, n.name.to_owned())));
        }
    }
    names
}
