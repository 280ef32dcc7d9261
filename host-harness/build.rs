//! Builds every filter for every host ABI and packs the artifacts, so that the harness has
//! them in its binary. They also go to `target/artifacts/<filter>.<abi>.wasm`.
//!
//! The guests are compiled by a cargo of their own. It gets a target directory of its own,
//! because the cargo that runs this script holds the lock of the outer one, and an
//! environment without the settings that are meant for the host.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use tamis_pack::Abi;

#[path = "build/sdk.rs"]
mod sdk;

/// The filters, by the name of their crate. A new filter is added here, and nowhere else
/// in the harness but where the native host links it.
const FILTERS: &[&str] =
    &["identity", "asynq-payload-redactor", "chatwoot-auth-tagger", "coturn-ip-anonymizer"];

const TARGET: &str = "wasm32-wasip1";

/// The cargo profile of the guests.
const PROFILE: &str = "guest";

const ABIS: [Abi; 3] = [Abi::Component, Abi::FluentBit, Abi::ProxyWasm];

/// Compiler flags of a guest, and the directory that is shared by ABIs with the same flags.
fn flags(abi: Abi) -> (&'static str, &'static str) {
    match abi {
        Abi::Component | Abi::ProxyWasm => ("guests-simd", "-Ctarget-feature=+simd128"),
        // Its runtime has no SIMD.
        Abi::FluentBit => ("guests-plain", "-Clink-arg=--compress-relocations"),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let harness = dir("CARGO_MANIFEST_DIR")?;
    let out = dir("OUT_DIR")?;
    let workspace = harness.parent().ok_or("the harness is not in a workspace")?;
    for input in ["plugins", "wit", "Cargo.toml", "Cargo.lock", "LICENSE", "rust-toolchain.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");

    write_if_changed(&out.join("sdk.rs"), sdk::table(workspace)?.as_bytes())?;
    write_if_changed(&out.join("sdk.toml"), sdk::manifest(workspace)?.as_bytes())?;

    let target = target_dir(&out);
    let artifacts = target.join("artifacts");
    fs::create_dir_all(&artifacts).map_err(|e| format!("cannot make {}: {e}", artifacts.display()))?;
    let version = env::var("CARGO_PKG_VERSION").map_err(|e| e.to_string())?;
    let mut table = String::new();
    for abi in ABIS {
        let (guests, flags) = flags(abi);
        let guests = target.join(guests);
        // Two ABIs share the directory and with it the file names of the modules: no other
        // build may come between compiling and reading.
        let _lock = lock(&guests)?;
        let built = build(workspace, &guests, flags, abi)?;
        for filter in FILTERS {
            let core = built.join(filter.replace('-', "_")).with_extension("wasm");
            let core = fs::read(&core).map_err(|e| format!("cannot read {}: {e}", core.display()))?;
            let pack = match abi {
                Abi::Component => tamis_pack::component,
                Abi::FluentBit => tamis_pack::fluent_bit,
                Abi::ProxyWasm => tamis_pack::proxy_wasm,
            };
            let wasm = pack(&core, filter, &version).map_err(|e| format!("{filter} for {abi}: {e}"))?;
            let name = format!("{filter}.{abi}.wasm");
            for dir in [&out, &artifacts] {
                write_if_changed(&dir.join(&name), &wasm)?;
            }
            table.push_str(&entry(filter, abi, &name));
        }
    }
    write_if_changed(&out.join("artifacts.rs"), format!("&[\n{table}]\n").as_bytes())
}

/// One line of the table that `src/artifacts.rs` includes.
fn entry(filter: &str, abi: Abi, file: &str) -> String {
    let kind = match abi {
        Abi::Component => "Component",
        Abi::FluentBit => "FluentBit",
        Abi::ProxyWasm => "ProxyWasm",
    };
    format!(
        "    Artifact {{ filter: {filter:?}, kind: HostKind::{kind}, \
         wasm: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},\n"
    )
}

/// Compile all filters for one ABI; the answer is the directory that holds the modules.
///
/// One cargo per ABI: within one, the features of the SDK would be unified, and every
/// module would have the shells of all hosts.
fn build(workspace: &Path, target: &Path, flags: &str, abi: Abi) -> Result<PathBuf, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace).args(["build", "--locked", "--quiet", "--target", TARGET]);
    cargo.args(["--profile", PROFILE, "--features", abi.name()]).arg("--target-dir").arg(target);
    for filter in FILTERS {
        cargo.args(["--package", filter]);
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_none_or(is_of_the_outer_build) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    let output = cargo.output().map_err(|e| format!("cannot start cargo for the filters: {e}"))?;
    if output.status.success() {
        return Ok(target.join(TARGET).join(PROFILE));
    }
    let log = String::from_utf8_lossy(&output.stderr);
    // rustc says it with error E0463, "can't find crate for `core`".
    if log.contains("can't find crate for") && log.contains("target may not be installed") {
        return Err(format!(
            "the filters are compiled for {TARGET}, which this toolchain does not have: \
             run `rustup target add {TARGET}` or `make setup`"
        ));
    }
    Err(format!("the filters do not compile for {abi} ({TARGET}):\n{log}"))
}

/// Whether a variable tells the outer cargo, or comes from it, how to build for the host.
fn is_of_the_outer_build(name: &str) -> bool {
    const OF_THE_USER: [&str; 5] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];
    const OF_THE_BUILD: [&str; 13] = [
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
        "TARGET",
    ];
    match name.starts_with("CARGO_") {
        true => !OF_THE_USER.iter().any(|prefix| name.starts_with(prefix)),
        false => {
            OF_THE_BUILD.contains(&name)
                || name.starts_with("DEP_")
                || name == "CLIPPY_ARGS"
                || name == "MAKEFLAGS"
        }
    }
}

/// The target directory of the outer build: cargo marks it with a tag for backup programs.
fn target_dir(out: &Path) -> PathBuf {
    out.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file()).unwrap_or(out).to_owned()
}

fn dir(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("cargo did not set {variable}"))
}

/// Keep other builds out of a directory until the answer is dropped.
fn lock(dir: &Path) -> Result<fs::File, String> {
    let open = || {
        fs::create_dir_all(dir)?;
        let file = fs::File::create(dir.join("tamis.lock"))?;
        file.lock()?;
        Ok::<_, io::Error>(file)
    };
    open().map_err(|e| format!("cannot lock {}: {e}", dir.display()))
}

/// Keep the time stamp of what is as it was: users' tools look at it.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<(), String> {
    match fs::read(path) {
        Ok(old) if old == bytes => return Ok(()),
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(format!("cannot read {}: {e}", path.display()));
        }
        _ => {}
    }
    fs::write(path, bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
