//! Machine code of the embedded components, kept in the cache directory and mapped from there.
//!
//! Wasmtime's own cache compresses what it keeps; unpacking and copying that is most of what a warm start of a
//! component costs. These files are used as they lie there, pages that are not needed are not even read.

use std::{
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

const EXTENSION: &str = "machine-code";

/// A file that was written so long ago is of a version that is probably gone. In use or not, all that is lost is
/// the time to compile it again.
const OLD: Duration = Duration::from_secs(30 * 24 * 3600);

/// A directory of machine code.
#[derive(Debug, Clone)]
pub(super) struct MachineCode {
    dir: PathBuf,
}

impl MachineCode {
    /// Keep it in a directory of its own in `dir`, which is made when something is written.
    pub(super) fn new(dir: &Path) -> Option<Self> {
        Some(Self { dir: std::path::absolute(dir).ok()?.join("components") })
    }

    /// The component, compiled now or before. A directory that cannot be used, or that others can write to, is
    /// left alone: compiling again is slower, not wrong.
    ///
    /// # Errors
    /// When it cannot be compiled.
    pub(super) fn component(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Component> {
        let file = self.dir.join(file_name(engine, wasm));
        if let Some(found) = self.load(engine, &file) {
            return Ok(found);
        }
        let code = engine.precompile_component(wasm)?;
        if self.write(&file, &code).is_ok()
            && let Some(written) = self.load(engine, &file)
        {
            return Ok(written);
        }
        // SAFETY: this engine has just made it.
        #[allow(unsafe_code)]
        unsafe {
            Component::deserialize(engine, code)
        }
    }

    fn load(&self, engine: &Engine, file: &Path) -> Option<Component> {
        if !(file.is_file() && is_ours_alone(&self.dir) && is_ours_alone(file)) {
            return None;
        }
        // SAFETY: only this user can have written it, and this program writes files of this name whole or not at
        // all, from what Wasmtime has made of this very component with these very settings; Wasmtime looks at its
        // version, its settings and the machine again. Nobody changes a file: a new one takes its place.
        #[allow(unsafe_code)]
        unsafe {
            Component::deserialize_file(engine, file).ok()
        }
    }

    fn write(&self, file: &Path, code: &[u8]) -> io::Result<()> {
        make_dir(&self.dir)?;
        if !is_ours_alone(&self.dir) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.remove_old();
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.dir)?;
        new.write_all(code)?;
        // Nothing looks at the bytes again: after a crash there must be all of them or no file.
        new.as_file().sync_data()?;
        new.persist(file)?;
        Ok(())
    }

    fn remove_old(&self) {
        let now = SystemTime::now();
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let age = entry.metadata().and_then(|about| about.modified()).ok();
            let old = age.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > OLD);
            if old && path.extension().is_some_and(|e| e == EXTENSION) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Told by all that the machine code depends on.
fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut name = String::new();
    for byte in &Sha256::digest(wasm)[..16] {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    let _ = write!(name, "-{:016x}.{EXTENSION}", settings.finish());
    name
}

#[cfg(unix)]
fn make_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Whether nobody else can write to it: it is run as a part of this program.
#[cfg(unix)]
fn is_ours_alone(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path)
        .is_ok_and(|about| about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn is_ours_alone(_: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"(component (core module (func (export \"f\"))))";

    fn files(dir: &Path) -> Vec<PathBuf> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_was_compiled_is_found_again() {
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let code = MachineCode::new(&dir.path().join("a/b")).unwrap();
        let engine = Engine::default();
        code.component(&engine, &wasm).unwrap();
        let [file] = &files(&code.dir)[..] else { panic!("{:?}", files(&code.dir)) };
        let written = fs::metadata(file).unwrap().modified().unwrap();
        code.component(&engine, &wasm).unwrap();
        assert_eq!(fs::metadata(file).unwrap().modified().unwrap(), written, "it was compiled again");
    }

    #[test]
    fn other_settings_are_other_files() {
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let (plain, metered) =
            (Engine::default(), Engine::new(wasmtime::Config::new().consume_fuel(true)).unwrap());
        assert_ne!(file_name(&plain, &wasm), file_name(&metered, &wasm));
        assert_ne!(file_name(&plain, &wasm), file_name(&plain, b"another"));
    }

    #[test]
    fn a_file_that_is_none_is_replaced() {
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let code = MachineCode::new(dir.path()).unwrap();
        let file = code.dir.join(file_name(&engine, &wasm));
        make_dir(&code.dir).unwrap();
        fs::write(&file, b"nonsense").unwrap();
        code.component(&engine, &wasm).unwrap();
        assert!(fs::read(&file).unwrap().starts_with(b"\x7fELF"));
    }

    #[test]
    fn old_files_go_and_others_stay() {
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let code = MachineCode::new(dir.path()).unwrap();
        make_dir(&code.dir).unwrap();
        let (old, other) = (code.dir.join("old.machine-code"), code.dir.join("other"));
        for path in [&old, &other] {
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::now() - 2 * OLD).unwrap();
        }
        code.component(&Engine::default(), &wasm).unwrap();
        assert!(!old.exists() && other.exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_write_is_not_run() {
        use std::os::unix::fs::PermissionsExt;
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let code = MachineCode::new(dir.path()).unwrap();
        make_dir(&code.dir).unwrap();
        fs::set_permissions(&code.dir, fs::Permissions::from_mode(0o777)).unwrap();
        code.component(&Engine::default(), &wasm).unwrap();
        assert_eq!(files(&code.dir), [] as [PathBuf; 0]);
    }

    #[test]
    fn a_directory_that_cannot_be_is_left_alone() {
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let code = MachineCode::new(&file.path().join("below-a-file")).unwrap();
        code.component(&Engine::default(), &wasm).unwrap();
    }
}
