//! The real Fluent Bit as a child process: start it on a config, wait for its output, look
//! at its memory, stop it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

/// The environment variable that names the binary.
pub const BINARY_ENV: &str = "FLUENT_BIT";

/// The environment variable that names the ahead-of-time compiler of that Fluent Bit, `flb-wamrc`.
pub const COMPILER_ENV: &str = "FLB_WAMRC";

/// The binary to test with; says loudly that the test is skipped if there is none.
#[must_use]
pub fn binary() -> Option<PathBuf> {
    named(BINARY_ENV, "the real Fluent Bit")
}

fn named(variable: &str, what: &str) -> Option<PathBuf> {
    let binary = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    if binary.is_none() {
        // Not `eprintln!`: the test harness would swallow it.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: {what}: {variable} is not set\n").as_bytes(),
        );
    }
    binary
}

/// How Fluent Bit is given its modules.
#[derive(Debug)]
pub enum Modules {
    /// As they are built; Fluent Bit interprets them.
    Interpreted,
    /// Compiled to machine code by this binary before Fluent Bit loads them.
    Compiled(PathBuf),
}

/// The ways to test in; says so if there is no compiler and one way is skipped.
#[must_use]
pub fn modules() -> Vec<Modules> {
    let compiler = named(COMPILER_ENV, "modules compiled ahead of time").map(Modules::Compiled);
    [Modules::Interpreted].into_iter().chain(compiler).collect()
}

impl Modules {
    /// The module as Fluent Bit is to load it. What was compiled once is not compiled again.
    ///
    /// # Errors
    /// When the compiler cannot be started or fails.
    pub fn of(&self, wasm: &[u8]) -> anyhow::Result<Arc<[u8]>> {
        /// Compiled modules by their wasm.
        static COMPILED: Mutex<BTreeMap<Vec<u8>, Arc<[u8]>>> = Mutex::new(BTreeMap::new());
        let Self::Compiled(compiler) = self else { return Ok(wasm.into()) };
        // Held while compiling: tests that want the same module wait for it.
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = compiled.get(wasm) {
            return Ok(module.clone());
        }
        let dir = tempfile::tempdir()?;
        let [from, to] = ["filter.wasm", "filter.aot"].map(|name| dir.path().join(name));
        fs::write(&from, wasm)?;
        let run = Command::new(compiler)
            .arg("-o")
            .args([&to, &from])
            .output()
            .with_context(|| format!("cannot start {}", compiler.display()))?;
        let said = String::from_utf8_lossy(&run.stdout);
        ensure!(run.status.success(), "{} failed ({}): {said}", compiler.display(), run.status);
        let module: Arc<[u8]> = fs::read(&to)?.into();
        compiled.insert(wasm.to_vec(), module.clone());
        Ok(module)
    }
}

/// A directory of one run, with what the examples expect: the log to tail, the directory
/// that is open to the filter, the module, and a directory for the output.
#[derive(Debug)]
pub struct Site {
    dir: TempDir,
    env: Vec<(&'static str, PathBuf)>,
}

impl Site {
    /// A site with this log, and with this module and its config file if there is a filter.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn new(log: &[u8], module: Option<(&str, &[u8], &str)>) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let place = |name: &str| dir.path().join(name);
        fs::create_dir(place("config"))?;
        fs::create_dir(place("out"))?;
        fs::write(place("turnserver.log"), log)?;
        if let Some((filter, wasm, config)) = module {
            fs::write(place("filter.wasm"), wasm)?;
            if !config.is_empty() {
                fs::write(place("config").join(format!("{filter}.json")), config)?;
            }
        }
        let env = vec![
            ("COTURN_LOG", place("turnserver.log")),
            ("CHATWOOT_LOG", place("turnserver.log")),
            ("TAMIS_WASM_DIR", dir.path().to_owned()),
            ("TAMIS_WASM", place("filter.wasm")),
            ("TAMIS_CONFIG_DIR", place("config")),
            ("OUTPUT_DIR", place("out")),
        ];
        Ok(Self { dir, env })
    }

    /// Where something in the site is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Start Fluent Bit on a config file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, binary: &Path, config: &Path) -> anyhow::Result<Running<'_>> {
        let log = fs::File::create(self.path("fluent-bit.log"))?;
        let child = Command::new(binary)
            .arg("--config")
            .arg(config)
            .current_dir(self.dir.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Running { site: self, child })
    }

    /// What Fluent Bit, or the filter in it, has said on stderr.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read(self.path("fluent-bit.log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

/// A Fluent Bit that runs; it is killed when dropped.
#[derive(Debug)]
pub struct Running<'a> {
    site: &'a Site,
    child: Child,
}

/// How memory was while a Fluent Bit wrote its output.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Resident memory in KiB when the given share of the lines was out.
    pub early_kib: u64,
    /// Resident memory in KiB at the end.
    pub late_kib: u64,
}

impl Running<'_> {
    /// Wait until the output has `lines` lines, stop Fluent Bit in order, and give the
    /// output. Memory is looked at first when `early` lines are out.
    ///
    /// # Errors
    /// When Fluent Bit ends by itself, or the lines do not come within two minutes.
    pub fn output(self, lines: usize, early: usize) -> anyhow::Result<(Vec<u8>, Growth)> {
        self.output_of("coturn.json", lines, early)
    }

    /// As [`output`](Self::output), of an output file with this name.
    ///
    /// # Errors
    /// Likewise.
    pub fn output_of(mut self, file: &str, lines: usize, early: usize) -> anyhow::Result<(Vec<u8>, Growth)> {
        let deadline = Instant::now() + Duration::from_secs(120);
        let path = self.site.path("out").join(file);
        let (mut output, mut file, mut seen, mut early_kib) = (Vec::new(), None, 0, 0);
        while seen < lines {
            if let Some(status) = self.child.try_wait()? {
                bail!("fluent bit ended ({status}) after {seen} lines: {}", self.site.said());
            }
            if Instant::now() > deadline {
                bail!("only {seen} of {lines} lines came: {}", self.site.said());
            }
            thread::sleep(Duration::from_millis(20));
            let file = match &mut file {
                Some(file) => file,
                None => match fs::File::open(&path) {
                    Ok(opened) => file.insert(opened),
                    Err(_) => continue,
                },
            };
            let before = output.len();
            file.read_to_end(&mut output)?;
            seen += output[before..].iter().filter(|b| **b == b'\n').count();
            if early_kib == 0 && seen >= early {
                early_kib = self.resident_kib()?;
            }
        }
        // More than was asked for would be an error to see.
        thread::sleep(Duration::from_millis(100));
        let late_kib = self.resident_kib()?;
        self.stop()?;
        Ok((fs::read(path)?, Growth { early_kib, late_kib }))
    }

    /// Wait until it ends by itself.
    ///
    /// # Errors
    /// When it does not within 20 seconds.
    pub fn end(mut self) -> anyhow::Result<ExitStatus> {
        self.wait(Duration::from_secs(20))
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot run kill")?;
        self.wait(Duration::from_secs(20)).map(|_| ())
    }

    fn wait(&mut self, time: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("fluent bit does not end: {}", self.site.said());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = field.and_then(|text| text.split_ascii_whitespace().next());
        kib.context("no VmRSS in /proc/PID/status")?.parse().context("VmRSS is not a number")
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
