//! Why a module did not become an artifact.

use std::fmt;

use crate::Abi;

/// Why a module did not become an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The input is not a valid core module; the parser's words.
    NotAModule(String),
    /// The ABI needs an export that the module does not have.
    MissingExport {
        /// Which ABI.
        abi: Abi,
        /// The export it needs, under the name that it has in the core module.
        name: &'static str,
    },
    /// The module imports what the host of this ABI does not give.
    ForeignImport {
        /// Which ABI.
        abi: Abi,
        /// The imported function, as `module::name`.
        import: String,
    },
    /// The module uses a WebAssembly feature that the host of this ABI does not have.
    Unsupported {
        /// Which ABI.
        abi: Abi,
        /// The validator's words.
        reason: String,
    },
    /// The component encoder refused the module; its words.
    Component(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAModule(reason) => write!(
                f,
                "not a valid core module: {reason}; pack takes what `cargo build --target wasm32-wasip1` makes of a cdylib"
            ),
            Self::MissingExport { abi, name } => write!(
                f,
                "no export `{name}`, which a {abi} artifact needs: build the filter with the feature `{abi}` and call `export_filter!`"
            ),
            Self::ForeignImport { abi, import } => write!(
                f,
                "imports `{import}`, which a {abi} host does not give: remove the dependency that calls it"
            ),
            Self::Unsupported { abi, reason } => write!(
                f,
                "uses a WebAssembly feature that a {abi} host does not have: {reason}; build without `-C target-feature`"
            ),
            Self::Component(reason) => write!(f, "does not make a component: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
