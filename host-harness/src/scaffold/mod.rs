//! A new filter crate: what `tamis new` writes. The template is a filter that works, with
//! its unit tests, recorded cases, build and examples; see `scaffold/` beside `src/`.
//!
//! Not in here: building it (that is its Makefile) and packing (that is `tamis pack`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

mod lock;
mod name;

pub use name::Name;

/// A file of a recorded case of the template.
macro_rules! case {
    ($file:literal) => {
        (
            concat!("tests/cases/template-filter/", $file),
            include_str!(concat!("../../scaffold/tests/cases/template-filter/", $file)),
        )
    };
}
/// Files of the template. Paths and contents hold the names of [`name`] where the new
/// filter's are to stand.
const TEMPLATE: &[(&str, &str)] = &[
    (".gitignore", include_str!("../../scaffold/gitignore")),
    ("Cargo.toml", include_str!("../../scaffold/Cargo.toml")),
    ("Makefile", include_str!("../../scaffold/Makefile")),
    ("README.md", include_str!("../../scaffold/README.md")),
    ("ci/github-actions.yml", include_str!("../../scaffold/ci/github-actions.yml")),
    ("clippy.toml", include_str!("../../scaffold/clippy.toml")),
    ("config.schema.json", include_str!("../../scaffold/config.schema.json")),
    ("examples/envoy.yaml", include_str!("../../scaffold/examples/envoy.yaml")),
    ("examples/fluent-bit.yaml", include_str!("../../scaffold/examples/fluent-bit.yaml")),
    ("examples/template-filter.json", include_str!("../../scaffold/examples/template-filter.json")),
    ("rust-toolchain.toml", include_str!("../../../rust-toolchain.toml")),
    ("rustfmt.toml", include_str!("../../../rustfmt.toml")),
    ("src/config.rs", include_str!("../../scaffold/src/config.rs")),
    ("src/lib.rs", include_str!("../../scaffold/src/lib.rs")),
    ("tests/schema.rs", include_str!("../../scaffold/tests/schema.rs")),
    case!("json/config.json"),
    case!("json/describe.txt"),
    case!("json/expected.jsonl"),
    case!("json/input.jsonl"),
    case!("text/describe.txt"),
    case!("text/expected.log"),
    case!("text/input.log"),
    case!("unknown-key/config.json"),
    case!("unknown-key/describe.txt"),
    case!("unknown-key/error.txt"),
    case!("unknown-key/input.log"),
];

/// The packages that the template builds on, as `Cargo.lock` pins them.
const LOCK: &str = include_str!("../../scaffold/Cargo.lock");

/// Where the SDK lies in a new crate.
const VENDOR: &str = "vendor/tamis";

/// The dependency on it in the template.
const VENDORED_SDK: &str = "vendor/tamis/plugins/sdk";

/// The sources of the SDK, by their paths in the project.
const SDK: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The manifest of the workspace that they make up.
const SDK_MANIFEST: &str = include_str!(concat!(env!("OUT_DIR"), "/sdk.toml"));

/// What the new crate is built on.
#[derive(Debug, Clone)]
pub enum Sdk {
    /// The sources that are in this binary, written into the crate.
    Vendored,
    /// Those in this directory.
    Directory(PathBuf),
}

impl Sdk {
    /// The SDK of a checkout of the project, or its directory itself.
    ///
    /// # Errors
    /// When there is none.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        let dir =
            fs::canonicalize(path).with_context(|| format!("cannot read the SDK at {}", path.display()))?;
        for dir in [dir.join("plugins/sdk"), dir] {
            let manifest = fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
            if manifest.contains("name = \"tamis-sdk\"") {
                return Ok(Self::Directory(dir));
            }
        }
        bail!("there is no tamis-sdk at {}: name a checkout of tamis, or its plugins/sdk", path.display())
    }
}

/// Write a new filter crate into `dir`, which is made if it is not there. Gives the paths of
/// the files, those of the SDK left out.
///
/// # Errors
/// When `dir` holds something already, or cannot be written.
pub fn write(name: &Name, dir: &Path, sdk: &Sdk) -> anyhow::Result<Vec<String>> {
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!("{} is there already and not empty: name another directory", dir.display());
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e).with_context(|| format!("cannot write to {}", dir.display())),
    }
    let mut written = Vec::new();
    for (path, text) in TEMPLATE {
        let mut text = name.put_into(text);
        if let (Sdk::Directory(sdk), "Cargo.toml") = (sdk, *path) {
            text = text.replace(&toml_string(VENDORED_SDK), &toml_string(&sdk.to_string_lossy()));
        }
        let path = name.put_into(path);
        put(dir, &path, text.as_bytes())?;
        written.push(path);
    }
    put(dir, "Cargo.lock", lock::with(LOCK, name.as_str()).as_bytes())?;
    written.push("Cargo.lock".to_owned());
    if let Sdk::Vendored = sdk {
        for (path, bytes) in SDK {
            put(dir, &format!("{VENDOR}/{path}"), bytes)?;
        }
        put(dir, &format!("{VENDOR}/Cargo.toml"), SDK_MANIFEST.as_bytes())?;
    }
    written.sort();
    Ok(written)
}

fn toml_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

fn put(dir: &Path, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = dir.join(path);
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_everywhere() {
        let dir = tempfile::tempdir().unwrap();
        let crate_dir = dir.path().join("new");
        let name: Name = "pin-masker".parse().unwrap();
        let written = write(&name, &crate_dir, &Sdk::Vendored).unwrap();
        for path in &written {
            let text = fs::read_to_string(crate_dir.join(path)).unwrap();
            assert!(!path.contains("template") && !text.to_lowercase().contains("template"), "{path}");
        }
        assert!(written.iter().any(|p| p == "tests/cases/pin-masker/text/input.log"));
        assert!(fs::read_to_string(crate_dir.join("src/lib.rs")).unwrap().contains("pub struct PinMasker {"));
        assert!(crate_dir.join("vendor/tamis/wit/log-filter.wit").is_file());
        let again = write(&name, &crate_dir, &Sdk::Vendored).unwrap_err().to_string();
        assert!(again.contains("not empty"), "{again}");
    }

    #[test]
    fn a_checkout_takes_the_place_of_the_vendored_sdk() {
        let dir = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for path in [project.clone(), project.join("plugins/sdk")] {
            let target = tempfile::tempdir_in(dir.path()).unwrap();
            let name: Name = "pin-masker".parse().unwrap();
            write(&name, target.path(), &Sdk::at(&path).unwrap()).unwrap();
            assert!(!target.path().join("vendor").exists());
            let manifest = fs::read_to_string(target.path().join("Cargo.toml")).unwrap();
            let sdk = fs::canonicalize(project.join("plugins/sdk")).unwrap();
            assert!(manifest.contains(&format!("{{ path = \"{}\" }}", sdk.display())), "{manifest}");
        }
        assert!(Sdk::at(dir.path()).unwrap_err().to_string().contains("no tamis-sdk"));
    }

    #[test]
    fn pinned_versions_are_those_of_the_project() {
        let project = include_str!("../../../Cargo.lock");
        for package in lock::packages(LOCK).filter(|p| p.contains("checksum")) {
            let pinned = package.split_once("dependencies").map_or(package, |(head, _)| head).trim_end();
            assert!(
                project.contains(pinned),
                "the project has another version: see docs/your-own-filter.md\n{pinned}"
            );
        }
    }
}
