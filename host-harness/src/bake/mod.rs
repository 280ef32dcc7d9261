//! Snapshots of started filters: an artifact with its config inside, its regexes and tables
//! built, that starts with nothing left to do.
//!
//! The artifact is instrumented by wizer, started here with its config, and what its memory and
//! globals hold then becomes what they hold at the start of a new artifact. Of core modules the
//! shell's export `tamis_bake` starts the filter and `tamis_resume` becomes `_initialize`; both
//! names are gone afterwards. A component has `lifecycle.initialize` for that.
//!
//! A started filter has nothing of its host in its memory: no file, no environment, no context,
//! no metric, and no random number, which would be the same in all copies.

mod component;
mod module;

use std::{
    path::Path,
    pin::pin,
    task::{Context, Poll, Waker},
};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest, Sha256};
use tamis_pack::{Abi, Baked, Label};
use tamis_sdk::ConfigError;

use crate::{
    host::{self, Engines, HostKind, HostOptions, Refused},
    inspect, keys,
};

/// A baked artifact.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its bytes.
    pub wasm: Vec<u8>,
    /// Which filter it is, for which host.
    pub label: Label,
    /// What is inside, as the artifact itself says.
    pub baked: Baked,
}

/// Bake a config into an artifact. An empty text means all defaults. `config` may be that of a
/// plugin, with the sections `filter` and `body`, if the artifact is for a proxy. With `key_file`
/// the key is taken from there, wherever the config says that it comes from.
///
/// `engines` should have no compilation cache: what is compiled may have a key inside.
///
/// # Errors
/// [`Refused`] when the filter does not accept the config or its key cannot be had; else when
/// this is no artifact that can be baked, or it fails.
pub fn bake(
    engines: &Engines,
    wasm: &[u8],
    config: &str,
    key_file: Option<&Path>,
    options: &HostOptions,
) -> anyhow::Result<Artifact> {
    let kind = inspect::kind(wasm)?;
    if Baked::read(wasm)?.is_some() {
        bail!("this artifact was baked already: bake the one that it was made from");
    }
    let label = Label::read(wasm)?.context(
        "this artifact does not say which filter it is: only those that tamis has packed can be baked",
    )?;
    let baked = Baked { config_sha256: sha256(config), key_id: keys::id(config) };
    let refused = |e: ConfigError| Refused(e.to_string());
    let config = match key_file {
        Some(file) => &keys::from_file(config, file).map_err(refused)?,
        None => config,
    };
    let inlined = keys::inline(config, options.config_base_dir.as_deref()).map_err(refused)?;
    let mut wasm = match kind {
        HostKind::Native => bail!("the native host has no artifact to bake: name another host"),
        HostKind::Component => component::bake(engines, wasm, &inlined, options)?,
        HostKind::FluentBit => module::bake(engines, wasm, "malloc", &inlined, options)?,
        HostKind::ProxyWasm => module::bake(engines, wasm, "proxy_on_memory_allocate", &inlined, options)?,
    };
    baked.append(&mut wasm);
    let abi = match kind {
        HostKind::FluentBit => Abi::FluentBit,
        HostKind::ProxyWasm => Abi::ProxyWasm,
        HostKind::Component | HostKind::Native => Abi::Component,
    };
    tamis_pack::check(&wasm, abi)?;
    // What does not start is found out here, and not where it is deployed.
    host::open(kind, engines, &wasm, "", options).context("the baked artifact does not start")?;
    Ok(Artifact { wasm, label, baked })
}

/// In hex.
fn sha256(config: &str) -> String {
    Sha256::digest(config).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What wizer refuses: it names the instruction or the import.
fn unfit(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from(error).context("this artifact cannot be snapshotted")
}

/// What a guest imports that would freeze into every copy what must differ between them.
fn refuse_random(imports: &[String]) -> anyhow::Result<()> {
    let random = imports.iter().find(|name| name.contains("random"));
    ensure!(
        random.is_none(),
        "this artifact imports `{}`: random numbers of its start would be the same in all copies",
        random.map_or("", String::as_str)
    );
    Ok(())
}

/// The value of a future that has nothing to wait for: wizer's are asynchronous for hosts that
/// are, which this one is not.
fn ready<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => bail!("the snapshot waits for something"),
    }
}
