//! A file that grows, read as `tail -F` does: what is new, and after a rotation the new file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long to wait before the file is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// Reads a growing file; it ends when it is told to stop.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    file: File,
    position: u64,
    stop: Arc<AtomicBool>,
}

impl Follow {
    /// Follow a file from its present end on.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: PathBuf, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        let position = file.seek(SeekFrom::End(0))?;
        Ok(Self { path, file, position, stop })
    }

    /// The file that has the name now, if it is another one.
    fn successor(&self) -> io::Result<Option<File>> {
        // Between a rename and the new file there is none.
        let Ok(there) = File::open(&self.path) else { return Ok(None) };
        Ok((!is_same(&self.file, &there)?).then_some(there))
    }
}

#[cfg(unix)]
fn is_same(a: &File, b: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (a.metadata()?, b.metadata()?);
    Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

#[cfg(not(unix))]
fn is_same(_: &File, _: &File) -> io::Result<bool> {
    // An open file cannot be renamed here.
    Ok(true)
}

impl Read for Follow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let successor = self.successor()?;
            // After the look for a successor: what was written last before the rename is read, too.
            let read = self.file.read(buffer)?;
            self.position += read as u64;
            if read > 0 {
                return Ok(read);
            }
            if let Some(file) = successor {
                self.file = file;
                self.position = 0;
            } else if self.file.metadata()?.len() < self.position {
                self.position = self.file.seek(SeekFrom::Start(0))?;
            } else if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            } else {
                thread::sleep(PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn growth_rotation_and_cuts_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "old\n").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut follow = Follow::open(path.clone(), stop.clone()).unwrap();
        let mut expect = |text: &str| {
            let mut got = vec![0; text.len()];
            follow.read_exact(&mut got).unwrap();
            assert_eq!(String::from_utf8(got).unwrap(), text);
        };
        let append =
            |text: &str| fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes());
        append("new\n").unwrap();
        expect("new\n");
        fs::rename(&path, dir.path().join("log.1")).unwrap();
        fs::write(&path, "rotated\n").unwrap();
        expect("rotated\n");
        fs::write(&path, "cut\n").unwrap();
        expect("cut\n");
        stop.store(true, Ordering::Relaxed);
        let mut rest = Vec::new();
        follow.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    }
}
