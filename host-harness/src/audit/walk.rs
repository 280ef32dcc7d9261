//! From operands to the files that are scanned, in an order that does not depend on the file system.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use super::glob::Glob;

/// Something to scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What reports call it.
    pub name: String,
    /// Its path below the operand it was found by: the part that is the same on another machine.
    pub stable_name: String,
    /// Where it is; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Its size if known.
    pub bytes: u64,
}

/// A path that is not scanned.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NotScanned {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What the operands come to.
#[derive(Debug, Default)]
pub struct Walked {
    /// To be scanned, in order.
    pub inputs: Vec<Input>,
    /// Left out on purpose.
    pub skipped: Vec<NotScanned>,
    /// Could not be read.
    pub errors: Vec<NotScanned>,
}

/// What not to scan.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Paths to leave out.
    pub exclude: Vec<Glob>,
    /// Larger files are left out.
    pub max_file_bytes: Option<u64>,
    /// Files that will be written, as `fs::canonicalize` has them: what is in them will be gone.
    pub outputs: Vec<PathBuf>,
}

/// Find the files below `operands`; `-` is standard input.
pub fn walk(operands: &[String], limits: &Limits) -> Walked {
    let mut walked = Walked::default();
    let mut seen = HashSet::new();
    for operand in operands {
        if operand == "-" {
            walked.inputs.push(Input {
                name: "<stdin>".into(),
                stable_name: "<stdin>".into(),
                path: None,
                bytes: 0,
            });
            continue;
        }
        // A stack instead of recursion; children are pushed in reverse, so that they come out in order.
        let mut stack = vec![PathBuf::from(operand)];
        let base = PathBuf::from(operand);
        while let Some(path) = stack.pop() {
            visit(&path, &base, limits, &mut walked, &mut seen, &mut stack);
        }
    }
    walked
}

fn visit(
    path: &Path,
    base: &Path,
    limits: &Limits,
    walked: &mut Walked,
    seen: &mut HashSet<PathBuf>,
    stack: &mut Vec<PathBuf>,
) {
    let is_operand = path == base;
    let name = path.to_string_lossy().into_owned();
    let below = path.strip_prefix(base).unwrap_or(path);
    let mut stable_name = below.to_string_lossy().replace('\\', "/");
    if stable_name.is_empty() {
        stable_name = path.file_name().map_or_else(|| name.clone(), |n| n.to_string_lossy().into_owned());
    }
    if limits.exclude.iter().any(|g| g.matches(&stable_name) || g.matches(&name)) {
        walked.skipped.push(NotScanned { path: name, reason: "excluded".into() });
        return;
    }
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => {
            walked.errors.push(NotScanned { path: name, reason: error.to_string() });
            return;
        }
    };
    if meta.is_dir() {
        // A link to a directory may lead back up; what is under it is scanned under its own name.
        if !is_operand && fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_symlink()) {
            walked.skipped.push(NotScanned { path: name, reason: "a link to a directory".into() });
            return;
        }
        match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => {
                let mut paths: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).collect();
                paths.sort_unstable_by(|a, b| b.cmp(a));
                stack.extend(paths);
            }
            Err(error) => walked.errors.push(NotScanned { path: name, reason: error.to_string() }),
        }
        return;
    }
    if !meta.is_file() && !is_operand {
        walked.skipped.push(NotScanned { path: name, reason: "not a regular file".into() });
        return;
    }
    if let Some(limit) = limits.max_file_bytes.filter(|limit| meta.len() > *limit) {
        let reason = format!("{} bytes, over --max-file-size {limit}", meta.len());
        walked.skipped.push(NotScanned { path: name, reason });
        return;
    }
    if meta.is_file() {
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if limits.outputs.contains(&whole) {
            walked.skipped.push(NotScanned { path: name, reason: "an output of this command".into() });
            return;
        }
        if !seen.insert(whole) {
            return;
        }
    }
    walked.inputs.push(Input { name, stable_name, path: Some(path.to_owned()), bytes: meta.len() });
}

/// A file name as it was before rotation: without `.1`, `-20260101`, `.gz` and the like.
pub fn without_rotation(name: &str) -> &str {
    let mut name = name;
    loop {
        let shorter = strip_one(name);
        if shorter.len() == name.len() || shorter.is_empty() || shorter.ends_with('/') {
            return name;
        }
        name = shorter;
    }
}

fn strip_one(name: &str) -> &str {
    for suffix in [".gz", ".zst", ".zstd", ".old", ".bak"] {
        if let Some(stem) = name.strip_suffix(suffix) {
            return stem;
        }
    }
    let date = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | 'T' | ':');
    let stem = name.trim_end_matches(date);
    let tail = &name[stem.len()..];
    let digits = tail.bytes().filter(u8::is_ascii_digit).count();
    match stem.strip_suffix('.') {
        // `app.log.1`, `app.log.2026-01-01`; `1.2` is a name.
        Some(rest) if digits > 0 && (digits <= 4 || digits >= 6) && rest.contains('.') => rest,
        // `app.log-20260101`, also with a time.
        _ if tail.starts_with(['-', '_']) && digits >= 8 => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_suffixes_go() {
        for (name, base) in [
            ("app.log", "app.log"),
            ("app.log.1", "app.log"),
            ("app.log.12.gz", "app.log"),
            ("app.log-20260101.gz", "app.log"),
            ("app.log-20260101-1795219200.zst", "app.log"),
            ("app.log.2026-01-01", "app.log"),
            ("a/app.log.1", "a/app.log"),
            ("worker-2", "worker-2"),
            ("a/2026", "a/2026"),
            ("2026-01-01", "2026-01-01"),
            (".gz", ".gz"),
            ("", ""),
        ] {
            assert_eq!(without_rotation(name), base, "{name}");
        }
    }
}
