//! The real Envoy as a child process, and just enough HTTP/1.1 to talk to it and to stand in for what is behind it.
//!
//! Envoy is the binary that `ENVOY` names, or the one that `make setup` puts into `.venv`. All sockets are on the
//! loopback interface.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The directory of the project.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn find_envoy() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ENVOY").filter(|v| !v.is_empty()) {
        return Some(named.into());
    }
    // The package's `bin/envoy` is a script around this binary.
    let versions = fs::read_dir(workspace().join(".venv/lib")).ok()?;
    versions
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|binary| binary.is_file())
}

/// Envoy, or a line that says why not.
pub fn envoy_or_skip() -> Option<PathBuf> {
    let found = find_envoy();
    if found.is_none() {
        println!("skipped: there is no Envoy: set ENVOY to its binary, or run `make setup`");
    }
    found
}

/// An HTTP/1.1 message as it came: first line, headers in lower case, body.
#[derive(Debug, Default)]
pub struct Http {
    /// Request or status line.
    pub start: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without its framing.
    pub body: Vec<u8>,
}

impl Http {
    /// Read one message; nothing if the connection ends before it.
    pub fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            (from.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
        };
        let mut http = Self { start: line()?, ..Self::default() };
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            http.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if http.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                from.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim().split(';').next()?, 16).ok()?;
                if size == 0 {
                    break;
                }
                let mut chunk = vec![0; size + 2];
                from.read_exact(&mut chunk).ok()?;
                http.body.extend_from_slice(&chunk[..size]);
            }
            // Trailers and the empty line after them.
            loop {
                let mut line = String::new();
                from.read_line(&mut line).ok()?;
                if line.trim_end().is_empty() {
                    break;
                }
            }
        } else if let Some(length) = http.header("content-length") {
            http.body = vec![0; length.parse().ok()?];
            from.read_exact(&mut http.body).ok()?;
        }
        Some(http)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Status of a response; 0 if it is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
    }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that answers each request with what `answer` makes of it, and tells what it got.
pub fn server(answer: impl Fn(&Http) -> Vec<u8> + Clone + Send + 'static) -> (u16, mpsc::Receiver<Http>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let (sender, answer) = (sender.clone(), answer.clone());
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = Http::read(&mut reader) {
                    let bytes = answer(&request);
                    if sender.send(request).is_err() || stream.write_all(&bytes).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, receiver)
}

/// A running Envoy. Ends with the value.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    /// Where it listens.
    pub port: u16,
    admin_port: u16,
    dir: tempfile::TempDir,
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A config that is an example of the project, to be changed in places.
#[derive(Debug)]
pub struct Config {
    yaml: String,
    port: u16,
    admin_port: u16,
    dir: tempfile::TempDir,
}

impl Config {
    /// Read an example, and let it listen on free ports instead of 10000 and 9901.
    pub fn example(path: &str) -> Self {
        let yaml = fs::read_to_string(workspace().join(path)).unwrap();
        let mut config =
            Self { yaml, port: free_port(), admin_port: free_port(), dir: tempfile::tempdir().unwrap() };
        config.put("port_value: 10000", &format!("port_value: {}", config.port));
        config.put("port_value: 9901", &format!("port_value: {}", config.admin_port));
        config
    }

    /// Replace what is there once.
    pub fn put(&mut self, from: &str, to: &str) {
        assert_eq!(self.yaml.matches(from).count(), 1, "the example has '{from}' once");
        self.yaml = self.yaml.replace(from, to);
    }

    /// Replace what is there at least once.
    pub fn put_all(&mut self, from: &str, to: &str) {
        assert!(self.yaml.contains(from), "the example has '{from}'");
        self.yaml = self.yaml.replace(from, to);
    }

    /// Everything from `from` to just before `to`.
    pub fn between(&self, from: &str, to: &str) -> String {
        let start = self.yaml.find(from).unwrap();
        let end = start + self.yaml[start..].find(to).unwrap();
        self.yaml[start..end].to_owned()
    }

    /// Replace everything from `from` to just before `to`.
    pub fn put_between(&mut self, from: &str, to: &str, new: &str) {
        let start = self.yaml.find(from).unwrap();
        let end = start + self.yaml[start..].find(to).unwrap();
        self.yaml.replace_range(start..end, new);
    }

    /// Let the module that the example names be this one.
    pub fn module(&mut self, named: &str, wasm: &[u8]) {
        let module = self.dir.path().join("filter.wasm");
        fs::write(&module, wasm).unwrap();
        self.put_all(named, module.to_str().unwrap());
    }

    /// A path for Envoy to write to.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Start Envoy with these arguments and environment besides.
    pub fn start(self, binary: &Path, args: &[&str], env: &[(&str, &str)]) -> Envoy {
        let Self { yaml, port, admin_port, dir } = self;
        let config = dir.path().join("envoy.yaml");
        fs::write(&config, yaml).unwrap();
        let child = Command::new(binary)
            .arg("-c")
            .arg(&config)
            .arg("--use-dynamic-base-id")
            .args(args)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Envoy { child, port, admin_port, dir }
    }
}

impl Envoy {
    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Wait until it listens.
    pub fn wait_until_ready(mut self) -> Self {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("envoy ended with {status}: {}", self.log());
            }
            assert!(start.elapsed() < PATIENCE, "envoy does not listen: {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        self
    }

    /// Wait until it has ended.
    pub fn wait_until_ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "envoy still runs");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Send bytes, which should say `connection: close`, and read the answer.
    pub fn send(port: u16, wire: Vec<u8>) -> Http {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut writer = stream.try_clone().unwrap();
        // Envoy may answer, and hang up, before it has read all.
        thread::spawn(move || {
            let _ = writer.write_all(&wire);
        });
        Http::read(&mut BufReader::new(stream)).unwrap_or_default()
    }

    /// Get a page.
    pub fn get(port: u16, path: &str) -> Http {
        Self::send(port, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").into_bytes())
    }

    /// A counter of the filter, as Envoy's admin interface tells it.
    pub fn counter(&self, name: &str) -> u64 {
        let stats = Self::get(self.admin_port, "/stats");
        let stats = String::from_utf8_lossy(&stats.body).into_owned();
        let line = stats.lines().find(|l| l.ends_with(|c: char| c.is_ascii_digit()) && l.contains(name));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name}: {stats}"))
    }
}
