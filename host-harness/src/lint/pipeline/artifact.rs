//! Which filter an artifact is: by its label if it can be read, else by its name.

use std::path::{Path, PathBuf};

use tamis_pack::{Abi, Label};

use crate::{host::native::BUILTINS, inspect};

/// An artifact is not larger than this.
const MAX_ARTIFACT_BYTES: u64 = 64 << 20;

/// The filter that has to see what the others remove.
pub const TAGGER: &str = "chatwoot-auth-tagger";

/// The filters that anonymise or redact.
pub const REDACTORS: [&str; 2] = ["coturn-ip-anonymizer", "asynq-payload-redactor"];

/// What is known of an artifact.
#[derive(Debug, Clone, Default)]
pub struct Artifact {
    /// The filter, if it is one of tamis.
    pub filter: Option<String>,
    /// The host it is for.
    pub abi: Option<Abi>,
    /// Functions that it exports; none if it cannot be read.
    pub functions: Option<Vec<String>>,
    /// It should be on this machine and is not.
    pub missing: bool,
}

impl Artifact {
    /// Look for the artifact that a config names.
    pub fn find(path: &str, site: &Site) -> Self {
        let mut artifact = Self::by_name(path);
        let Some(file) = site.find(path) else {
            artifact.missing = site.should_have(path);
            return artifact;
        };
        let Ok(wasm) = read(&file) else { return artifact };
        if let Ok(Some(label)) = Label::read(&wasm) {
            artifact.filter = Some(label.name);
            artifact.abi = Some(label.abi);
        }
        if let Ok(report) = inspect::inspect(&wasm) {
            let functions = report.exports.iter().filter_map(|e| e.strip_prefix("func "));
            artifact.functions = Some(functions.map(str::to_owned).collect());
            artifact.abi = artifact.abi.or_else(|| report.abi.parse().ok());
        }
        artifact
    }

    fn by_name(path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let filter = BUILTINS.iter().map(|b| b.name).find(|f| name.starts_with(f));
        let abi = [Abi::FluentBit, Abi::ProxyWasm, Abi::Component]
            .into_iter()
            .find(|abi| filter.is_some() && name.contains(&format!(".{abi}.")));
        Self { filter: filter.map(str::to_owned), abi, functions: None, missing: false }
    }

    pub fn is_tagger(&self) -> bool {
        self.filter.as_deref() == Some(TAGGER)
    }

    pub fn is_redactor(&self) -> bool {
        self.filter.as_deref().is_some_and(|f| REDACTORS.contains(&f))
    }
}

/// Where the files of a config are looked for.
#[derive(Debug, Clone)]
pub struct Site {
    /// What stands for `/`.
    pub root: PathBuf,
    /// The directory of the config.
    pub base: PathBuf,
}

impl Site {
    /// The file at a path of the config, if it is on this machine.
    pub fn find(&self, path: &str) -> Option<PathBuf> {
        self.places(path).into_iter().find(|p| p.exists())
    }

    /// Whether this is the machine that the config is for: the directory is there, so the file should be.
    fn should_have(&self, path: &str) -> bool {
        self.places(path).iter().any(|p| p.parent().is_some_and(Path::is_dir))
    }

    fn places(&self, path: &str) -> Vec<PathBuf> {
        match path.strip_prefix('/') {
            Some(rest) => vec![self.root.join(rest)],
            // Hosts start at their working directory, which may be that of the config or this one.
            None => vec![PathBuf::from(path), self.base.join(path)],
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_ARTIFACT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts;

    #[test]
    fn labels_come_before_names() {
        let dir = tempfile::tempdir().unwrap();
        let site = Site { root: dir.path().to_owned(), base: dir.path().to_owned() };
        let wasm = artifacts::find("identity", "fluent-bit".parse().unwrap()).unwrap().wasm;
        std::fs::write(dir.path().join("coturn-ip-anonymizer.proxy-wasm.wasm"), wasm).unwrap();
        let artifact = Artifact::find("/coturn-ip-anonymizer.proxy-wasm.wasm", &site);
        assert_eq!((artifact.filter.as_deref(), artifact.abi), (Some("identity"), Some(Abi::FluentBit)));
        assert!(artifact.functions.unwrap().iter().any(|f| f == "filter"));

        let gone = Artifact::find("/asynq-payload-redactor.proxy-wasm.wasm", &site);
        assert!(gone.missing && gone.is_redactor() && gone.abi == Some(Abi::ProxyWasm));
        let elsewhere = Artifact::find("/no/such/dir/mine.wasm", &site);
        assert!(!elsewhere.missing && elsewhere.filter.is_none());
    }
}
