//! What commands share that read: files, or standard input as `-`.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Stands for standard input where a file can be named.
pub(super) const STDIN: &str = "-";

/// Whether standard input is meant.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Open a file, or standard input.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if is_stdin(path) { stdin() } else { Ok(Box::new(File::open(path)?)) }
}

/// Standard input without the buffer of the standard library: reads are large already.
pub(super) fn stdin() -> io::Result<Box<dyn Read + Send>> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        Ok(Box::new(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }
    #[cfg(not(unix))]
    Ok(Box::new(io::stdin()))
}
