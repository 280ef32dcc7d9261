//! Whole programs on the same bytes: `tamis run` and its peers.

use std::{
    env,
    fs::{self, File},
    io::{Read, Seek},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use wait4::Wait4;

use crate::corpus::Corpus;

/// How often the memory of a child is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The name under which the program that measures runs as the `tamis` command.
pub const TAMIS: &str = "tamis";

/// IPv4 addresses, for peers that work with patterns.
const IPV4: &str = "([0-9]{1,3}\\.){3}[0-9]{1,3}";

/// A program to measure.
#[derive(Debug, Clone)]
pub struct Program {
    /// What the table calls it.
    pub name: String,
    /// What it does, if it does less than the filter.
    pub note: &'static str,
    path: PathBuf,
    args: Vec<String>,
    /// Its own name for itself, where that is not its path.
    arg0: Option<&'static str>,
}

/// As long as this lives, this thread and the programs that it starts run on one core: then their CPU time is that of
/// their work, and not of threads that wake each other up. Of no effect where there is no such thing.
#[derive(Debug)]
pub struct OneCore {
    #[cfg(target_os = "linux")]
    before: Option<rustix::thread::CpuSet>,
}

impl OneCore {
    /// From now on.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            before: one_core(),
        }
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(before) = &self.before {
            let _ = rustix::thread::sched_setaffinity(None, before);
        }
    }
}

/// Go to the last of the cores that there are; what they were before.
#[cfg(target_os = "linux")]
fn one_core() -> Option<rustix::thread::CpuSet> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let before = sched_getaffinity(None).ok()?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| before.is_set(*cpu))?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).ok()?;
    Some(before)
}

/// What a run used.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// The most memory it had at a time, in bytes.
    pub peak_rss_bytes: u64,
}

impl Program {
    /// `tamis run ARGS...`: this very program under another name, so that what is measured
    /// is what was just built; or another build of it, if its path is given.
    ///
    /// # Errors
    /// When this program does not know where it is.
    pub fn tamis(path: Option<&Path>, args: &[&str]) -> anyhow::Result<Self> {
        let (path, arg0) = match path {
            Some(path) => (path.to_owned(), None),
            None => (env::current_exe().context("cannot find this program")?, Some(TAMIS)),
        };
        let mut all = vec!["run".to_owned()];
        all.extend(args.iter().map(|a| (*a).to_owned()));
        Ok(Self { name: format!("tamis run {}", args.join(" ")), note: "", path, args: all, arg0 })
    }

    /// `sed -E`, which replaces IPv4 addresses and nothing else.
    #[must_use]
    pub fn sed() -> Option<Self> {
        Some(Self {
            name: "sed -E".into(),
            note: "IPv4 only",
            path: find("sed")?,
            args: vec!["-E".into(), format!("s/{IPV4}/0.0.0.0/g")],
            arg0: None,
        })
    }

    /// `anonip`, which masks the first address of a line.
    #[must_use]
    pub fn anonip() -> Option<Self> {
        Some(Self {
            name: "anonip --regex".into(),
            note: "first IPv4 of a line only",
            path: find("anonip")?,
            args: vec!["--regex".into(), ".*?((?:[0-9]{1,3}\\.){3}[0-9]{1,3})".into()],
            arg0: None,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        // Byte-wise patterns are the fast ones.
        command.args(&self.args).env("LC_ALL", "C");
        #[cfg(unix)]
        if let Some(arg0) = self.arg0 {
            std::os::unix::process::CommandExt::arg0(&mut command, arg0);
        }
        command
    }

    /// Run it with the file as its input; its output goes nowhere.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn run(&self, input: &File) -> anyhow::Result<Usage> {
        let mut input = input.try_clone()?;
        input.rewind()?;
        let mut command = self.command();
        command.stdin(input).stdout(Stdio::null());
        self.watch(command, |_| Ok(()))
    }

    /// Run it as a filter between two pipes, `bytes` bytes of the log through it. The
    /// answer holds how many bytes went in and came out.
    ///
    /// # Errors
    /// When it cannot be started or fails, or does not give a line for every line.
    pub fn filter(&self, corpus: &Corpus, bytes: u64) -> anyhow::Result<(Usage, u64, u64)> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let (mut fed, mut came, mut lines) = (0, 0, 0);
        let usage = self.watch(command, |child| {
            let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
                bail!("no pipes to it");
            };
            thread::scope(|scope| {
                let feeder = scope.spawn(move || corpus.write_repeated(&mut stdin, bytes));
                let mut buffer = vec![0; 1 << 18];
                loop {
                    match stdout.read(&mut buffer)? {
                        0 => break,
                        n => {
                            came += n as u64;
                            lines += count_lines(&buffer[..n]);
                        }
                    }
                }
                match feeder.join() {
                    Ok(written) => fed = written.context("it did not take its input")?,
                    Err(_) => bail!("the thread that feeds it died"),
                }
                Ok(())
            })
        })?;
        let expected = fed / corpus.bytes.len() as u64 * count_lines(&corpus.bytes);
        ensure!(lines == expected, "{}: {lines} lines came out of {expected}", self.name);
        Ok((usage, fed, came))
    }

    fn watch(
        &self,
        mut command: Command,
        meanwhile: impl FnOnce(&mut std::process::Child) -> anyhow::Result<()>,
    ) -> anyhow::Result<Usage> {
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.path.display()))?;
        let watcher = peak_rss(child.id());
        let met = meanwhile(&mut child);
        let done = child.wait4().with_context(|| format!("cannot wait for {}", self.name))?;
        let wall = started.elapsed();
        ensure!(done.status.success(), "{} failed: {}", self.name, done.status);
        met.with_context(|| self.name.clone())?;
        // The kernel's own figure starts at what the parent had when it forked, which may
        // be more than the child ever has; so it is the second choice.
        let seen = watcher.and_then(|w| w.join().ok()).filter(|bytes| *bytes > 0);
        Ok(Usage {
            wall,
            cpu: done.rusage.utime + done.rusage.stime,
            peak_rss_bytes: seen.unwrap_or(done.rusage.maxrss),
        })
    }
}

/// Follow the peak memory of a process until it has ended; `None` where there is no
/// `/proc`. The last look is at most [`LOOK_EVERY`] before the end.
fn peak_rss(pid: u32) -> Option<thread::JoinHandle<u64>> {
    // The open file stays bound to this process, also when its number is used again.
    let mut status = File::open(format!("/proc/{pid}/status")).ok()?;
    let watch = move || {
        let (mut peak, mut text) = (0, String::new());
        loop {
            text.clear();
            if status.rewind().and_then(|()| status.read_to_string(&mut text)).is_err() {
                return peak;
            }
            // A process that has ended has no memory.
            let Some(bytes) = vm_hwm(&text) else { return peak };
            peak = peak.max(bytes);
            thread::sleep(LOOK_EVERY);
        }
    };
    thread::Builder::new().name("peak-rss".into()).spawn(watch).ok()
}

/// Peak resident memory in bytes from the text of `/proc/PID/status`.
fn vm_hwm(status: &str) -> Option<u64> {
    let field = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = field.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|b| u64::from(*b == b'\n')).sum()
}

/// A program in the `.venv` of the repository, or on `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    let venv = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = std::iter::once(venv).chain(env::split_paths(&path)).map(|dir| dir.join(name));
    places.find(|file| fs::metadata(file).is_ok_and(|m| m.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(vm_hwm("Name:\tx\nVmHWM:\t    2176 kB\nVmRSS:\t 1 kB\n"), Some(2176 * 1024));
        assert_eq!(vm_hwm("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn lines_are_counted() {
        assert_eq!(count_lines(b"a\n\nb\n"), 3);
    }
}
