//! From what a user writes to a filter that runs: a built-in name or the path of an
//! artifact, and the host ABI that fits.

use std::{cell::OnceCell, fs, io, path::Path};

use anyhow::{Context, anyhow, ensure};
use tamis_pack::Baked;

use crate::{
    artifacts,
    host::{
        self, Engines, Host, HostKind, HostOptions,
        native::{self, BUILTINS},
    },
    inspect,
    nearest::did_you_mean,
};

/// Something that can be run.
#[derive(Debug)]
pub enum Target {
    /// A filter that is linked into this binary and embedded for every host.
    Builtin {
        /// Its name.
        name: &'static str,
    },
    /// An artifact from a file.
    Artifact {
        /// The file name without `.wasm`.
        name: String,
        /// Its bytes.
        wasm: Vec<u8>,
        /// The one host it is for.
        kind: HostKind,
    },
}

/// Whether an operand of the command line means a filter, and not an input file.
pub fn is_filter(operand: &str) -> bool {
    native::builtin(operand).is_some() || is_artifact_path(operand)
}

fn is_artifact_path(operand: &str) -> bool {
    Path::new(operand).extension().is_some_and(|e| e.eq_ignore_ascii_case("wasm"))
}

/// The bytes of an artifact from a file, whatever its name ends in.
///
/// # Errors
/// When it cannot be read or is no WebAssembly.
pub fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    let wasm = match fs::read(file) {
        // More likely a name than a path.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && Path::new(file).components().count() == 1
                && !is_artifact_path(file) =>
        {
            return Err(no_filter(file));
        }
        read => read.with_context(|| format!("cannot read the artifact {file}"))?,
    };
    inspect::check_magic(&wasm).with_context(|| file.to_owned())?;
    Ok(wasm)
}

fn no_filter(name: &str) -> anyhow::Error {
    let names: Vec<&str> = BUILTINS.iter().map(|b| b.name).collect();
    let hint = did_you_mean(name, names.iter().copied());
    anyhow!("'{name}' is no built-in filter ({}) and no path of a .wasm artifact{hint}", names.join(", "))
}

impl Target {
    /// A built-in filter, or the artifact at a path that ends in `.wasm`.
    ///
    /// # Errors
    /// When there is no such filter, or the file cannot be read or is no artifact.
    pub fn find(filter: &str) -> anyhow::Result<Self> {
        if let Some(builtin) = native::builtin(filter) {
            return Ok(Self::Builtin { name: builtin.name });
        }
        if !is_artifact_path(filter) {
            return Err(no_filter(filter));
        }
        let wasm = read(filter)?;
        let kind = inspect::kind(&wasm).with_context(|| format!("{filter} cannot be run"))?;
        let name = Path::new(filter).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::Artifact { name, wasm, kind })
    }

    /// What messages and `--config NAME=FILE` call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin { name } => name,
            Self::Artifact { name, .. } => name,
        }
    }

    /// The host to run it in: the one that was asked for if it can be, else the only one
    /// there is, else component.
    ///
    /// # Errors
    /// When an artifact is for another host than the one asked for.
    pub fn host(&self, asked: Option<HostKind>) -> anyhow::Result<HostKind> {
        match self {
            Self::Builtin { .. } => Ok(asked.unwrap_or(HostKind::Component)),
            Self::Artifact { name, kind, .. } => {
                ensure!(
                    asked.is_none_or(|asked| asked == *kind),
                    "'{name}' is built for the host {kind}: leave --host out or give --host {kind}"
                );
                Ok(*kind)
            }
        }
    }

    /// The artifact for this host; `None` for native.
    ///
    /// # Errors
    /// When this binary was built without it.
    pub fn wasm(&self, kind: HostKind) -> anyhow::Result<Option<&[u8]>> {
        match self {
            Self::Builtin { .. } if kind == HostKind::Native => Ok(None),
            Self::Builtin { name } => {
                let artifact = artifacts::find(name, kind).with_context(|| {
                    format!("this binary was built without the {kind} artifact of '{name}'")
                })?;
                Ok(Some(artifact.wasm))
            }
            Self::Artifact { wasm, .. } => Ok(Some(wasm)),
        }
    }
}

/// Opens filters; starts Wasmtime only if one of them needs it.
#[derive(Debug, Default)]
pub struct Opener {
    engines: OnceCell<Engines>,
    uncached_engines: OnceCell<Engines>,
    builtin_engines: OnceCell<Engines>,
}

impl Opener {
    /// The engines, started on first use.
    ///
    /// # Errors
    /// When Wasmtime does not start.
    pub fn engines(&self) -> anyhow::Result<&Engines> {
        if let Some(engines) = self.engines.get() {
            return Ok(engines);
        }
        let engines = Engines::new()?;
        Ok(self.engines.get_or_init(|| engines))
    }

    /// For artifacts with a key inside, which the cache would keep a copy of.
    fn uncached_engines(&self) -> anyhow::Result<&Engines> {
        if let Some(engines) = self.uncached_engines.get() {
            return Ok(engines);
        }
        let engines = Engines::with_cache_dir(None)?;
        Ok(self.uncached_engines.get_or_init(|| engines))
    }

    /// The engines for an artifact in a host, started on first use.
    ///
    /// # Errors
    /// When Wasmtime does not start.
    pub fn engines_for(&self, target: &Target, kind: HostKind) -> anyhow::Result<&Engines> {
        match target {
            Target::Builtin { .. } if kind == HostKind::Component => self.builtin_engines(),
            Target::Artifact { wasm, .. } if has_key(wasm) => self.uncached_engines(),
            _ => self.engines(),
        }
    }

    fn builtin_engines(&self) -> anyhow::Result<&Engines> {
        if let Some(engines) = self.builtin_engines.get() {
            return Ok(engines);
        }
        let engines = Engines::for_builtins()?;
        Ok(self.builtin_engines.get_or_init(|| engines))
    }

    /// Start a filter.
    ///
    /// # Errors
    /// As [`host::open`] and [`native::open`].
    pub fn open(
        &self,
        target: &Target,
        kind: HostKind,
        config: &str,
        options: &HostOptions,
    ) -> anyhow::Result<Box<dyn Host>> {
        match target.wasm(kind)? {
            None => native::open(target.name(), config, options),
            Some(wasm) => host::open(kind, self.engines_for(target, kind)?, wasm, config, options),
        }
    }
}

/// Whether a key was baked into an artifact.
fn has_key(wasm: &[u8]) -> bool {
    matches!(Baked::read(wasm), Ok(Some(Baked { key_id: Some(_), .. })))
}
