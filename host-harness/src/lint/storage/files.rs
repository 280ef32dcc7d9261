//! Which files there are, with what the rules need to know of them.

use std::{
    collections::BTreeSet,
    fs::{self, Metadata},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files of one operand; a folder with more is no folder of logs.
const MAX_FILES: usize = 100_000;

/// A file.
#[derive(Debug)]
pub struct Entry {
    /// Its path, without links.
    pub path: PathBuf,
    /// Its mode bits.
    pub mode: u32,
    /// The number of its owner.
    pub owner: u32,
    /// When it was written to last.
    pub modified: Option<SystemTime>,
}

/// What an operand names.
#[derive(Debug)]
pub struct Tree {
    /// The file or folder, without links.
    pub root: PathBuf,
    /// The directory of the file, or the folder and all below it; in order.
    pub dirs: Vec<Entry>,
    /// The directories above, from the root of the file system on.
    pub above: Vec<Entry>,
    /// The files, those of one directory together.
    pub files: Vec<Entry>,
    /// Directories that others cannot enter.
    closed: BTreeSet<PathBuf>,
    /// What could not be read, and why.
    pub errors: Vec<(PathBuf, String)>,
}

impl Tree {
    /// Look at a file or folder.
    ///
    /// # Errors
    /// When it is not there or cannot be looked at.
    pub fn read(path: &Path) -> Result<Self, String> {
        if !cfg!(unix) {
            return Err("modes and owners of files are only known on Unix".to_owned());
        }
        let root = fs::canonicalize(path).map_err(|e| format!("cannot look at it: {e}"))?;
        let about = fs::metadata(&root).map_err(|e| format!("cannot look at it: {e}"))?;
        let mut tree = Self {
            root: root.clone(),
            dirs: Vec::new(),
            above: Vec::new(),
            files: Vec::new(),
            closed: BTreeSet::new(),
            errors: Vec::new(),
        };
        let dir = if about.is_dir() {
            tree.walk(&root)?;
            root
        } else {
            tree.files.push(entry(root.clone(), &about));
            let dir = root.parent().unwrap_or(&root).to_owned();
            tree.dirs.extend(tree.look(&dir));
            dir
        };
        let mut above: Vec<&Path> = dir.ancestors().skip(1).collect();
        above.reverse();
        let above: Vec<Entry> = above.into_iter().filter_map(|p| tree.look(p)).collect();
        tree.above = above;
        tree.files.sort_by(|a, b| (a.path.parent(), &a.path).cmp(&(b.path.parent(), &b.path)));
        tree.dirs.sort_by(|a, b| a.path.cmp(&b.path));
        let closed = tree.above.iter().chain(&tree.dirs).filter(|d| d.mode & 0o001 == 0);
        tree.closed = closed.map(|d| d.path.clone()).collect();
        Ok(tree)
    }

    fn walk(&mut self, root: &Path) -> Result<(), String> {
        let mut waiting = vec![root.to_owned()];
        while let Some(dir) = waiting.pop() {
            self.dirs.extend(self.look(&dir));
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(error) => {
                    self.errors.push((dir, format!("cannot read it: {error}")));
                    continue;
                }
            };
            for found in entries {
                // What has gone in between is no matter.
                let Ok(found) = found else { continue };
                let Ok(about) = found.metadata() else { continue };
                if about.is_dir() {
                    waiting.push(found.path());
                } else if about.is_file() {
                    self.files.push(entry(found.path(), &about));
                }
                if self.files.len() + self.dirs.len() + waiting.len() > MAX_FILES {
                    return Err(format!("over {MAX_FILES} files: name the folder of the logs alone"));
                }
            }
        }
        Ok(())
    }

    fn look(&self, path: &Path) -> Option<Entry> {
        Some(entry(path.to_owned(), &fs::metadata(path).ok()?))
    }

    /// Whether all users get as far as this directory.
    pub fn is_reachable(&self, dir: &Path) -> bool {
        !dir.ancestors().any(|d| self.closed.contains(d))
    }

    /// The files of one directory.
    pub fn in_dir(&self, dir: &Path) -> &[Entry] {
        let start = self.files.partition_point(|f| f.path.parent() < Some(dir));
        let rest = self.files.get(start..).unwrap_or_default();
        let count = rest.partition_point(|f| f.path.parent() == Some(dir));
        rest.get(..count).unwrap_or_default()
    }
}

#[cfg(unix)]
fn entry(path: PathBuf, about: &Metadata) -> Entry {
    use std::os::unix::fs::MetadataExt;
    Entry { path, mode: about.mode(), owner: about.uid(), modified: about.modified().ok() }
}

#[cfg(not(unix))]
fn entry(path: PathBuf, about: &Metadata) -> Entry {
    Entry { path, mode: 0, owner: 0, modified: about.modified().ok() }
}
