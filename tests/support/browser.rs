//! A real browser without a window, driven through its command line: Chromium.
//!
//! A page is seen three times: as it is, for what it logs and asks the network for, and for a picture; without scripts,
//! for what it says all the same; and as a copy with a script that measures it, which its own policy would not let run.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Widths of a desktop and of a small phone, in CSS pixels.
pub const WIDTHS: [u32; 2] = [1280, 360];
const HEIGHT: u32 = 2600;
/// How long a look at a page may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where pictures go.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/screenshots");
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Measures the page, and writes what it finds into an attribute of its root.
const MEASURE: &str = include_str!("measure.js");

fn read(pipe: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A browser.
#[derive(Debug)]
pub struct Browser {
    binary: PathBuf,
    profile: tempfile::TempDir,
}

/// What a browser made of a page at one width.
#[derive(Debug)]
pub struct Seen {
    /// What it wrote to its console.
    pub console: Vec<String>,
    /// Addresses that it asked the network for, those of the browser itself not counted.
    pub requests: Vec<String>,
    /// The page as it was in the end.
    pub dom: String,
    /// The same without scripts.
    pub dom_without_scripts: String,
    /// What was measured: `width`, `scroll_width`, `overflowing`, `low_contrast`.
    pub measured: Value,
    /// The picture.
    pub picture: PathBuf,
}

impl Browser {
    /// The binary that `CHROMIUM` names, else the first in `PATH`; without one a line says so.
    pub fn find_or_skip() -> Option<Self> {
        let named = env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from);
        let in_path = || {
            let dirs = env::var_os("PATH")?;
            let candidates = env::split_paths(&dirs).flat_map(|dir| NAMES.map(|name| dir.join(name)));
            candidates.into_iter().find(|path| path.is_file())
        };
        let Some(binary) = named.or_else(in_path) else {
            println!(
                "skipped: there is no Chromium: set CHROMIUM to its binary, or install the package chromium"
            );
            return None;
        };
        Some(Self { binary, profile: tempfile::tempdir().unwrap() })
    }

    fn run(&self, page: &Path, args: &[&str]) -> Output {
        let mut child = Command::new(&self.binary)
            .args([
                "--headless",
                // Tests may run as root, in a container that has its own walls.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--no-default-browser-check",
                "--hide-scrollbars",
                "--virtual-time-budget=3000",
                // Nothing is reached that is not on this machine.
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ])
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(args)
            .arg(format!("file://{}", page.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = thread::spawn(move || read(&mut stderr));
        let stdout = thread::spawn(move || read(&mut stdout));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("the browser has not come back: {args:?}");
            }
            thread::sleep(Duration::from_millis(20));
        };
        let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn dom(&self, page: &Path, args: &[&str]) -> String {
        String::from_utf8(self.run(page, &[&["--dump-dom"], args].concat()).stdout).unwrap()
    }

    /// Look at a page. `name` names the pictures.
    pub fn look(&self, name: &str, html: &str, width: u32) -> Seen {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("page.html");
        fs::write(&page, html).unwrap();
        let size = format!("--window-size={width},{HEIGHT}");

        let log = dir.path().join("net.json");
        let output = self.run(
            &page,
            &["--dump-dom", "--enable-logging=stderr", &size, &format!("--log-net-log={}", log.display())],
        );
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let console = stderr.lines().filter(|l| l.contains(":CONSOLE")).map(str::to_owned).collect();

        fs::create_dir_all(SCREENSHOTS).unwrap();
        let picture = |suffix: &str| Path::new(SCREENSHOTS).join(format!("{name}-{width}{suffix}.png"));
        self.run(&page, &[&size, &format!("--screenshot={}", picture("").display())]);
        let dark = format!("--screenshot={}", picture("-dark").display());
        self.run(&page, &[&size, "--blink-settings=preferredColorScheme=0", &dark]);

        let plain = dir.path().join("plain.html");
        fs::write(&plain, without_scripts(html)).unwrap();
        Seen {
            console,
            requests: requests(&fs::read_to_string(&log).unwrap()),
            dom: String::from_utf8(output.stdout).unwrap(),
            dom_without_scripts: self.dom(&plain, &[&size]),
            measured: self.measure(html, width, &[]),
            picture: picture(""),
        }
    }

    /// What is measured in the dark.
    pub fn measure_in_the_dark(&self, html: &str, width: u32) -> Value {
        self.measure(html, width, &["--blink-settings=preferredColorScheme=0"])
    }

    fn measure(&self, html: &str, width: u32, args: &[&str]) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("measured.html");
        fs::write(&copy, framed(&measuring(html), width)).unwrap();
        measured(&self.dom(&copy, &[&["--window-size=1600,2600"], args].concat()))
    }

    /// The pages on paper: the bytes of a PDF.
    pub fn print(&self, html: &str) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (page, pdf) = (dir.path().join("page.html"), dir.path().join("page.pdf"));
        fs::write(&page, html).unwrap();
        self.run(&page, &[&format!("--print-to-pdf={}", pdf.display())]);
        fs::read(pdf).unwrap()
    }
}

/// A copy without scripts: without any at all the browser could not tell what it has made of the page.
fn without_scripts(html: &str) -> String {
    let start = html.rfind("<script>").unwrap();
    let end = start + html[start..].find("</script>").unwrap() + "</script>".len();
    format!("{}{}", &html[..start], &html[end..])
}

/// A copy without the policy, with the script that measures.
fn measuring(html: &str) -> String {
    let start = html.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let end = start + html[start..].find('>').unwrap() + 1;
    let body_end = html.rfind("</body>").unwrap();
    format!("{}{}<script>{MEASURE}</script>{}", &html[..start], &html[end..body_end], &html[body_end..])
}

/// A page in a frame that is so wide: no window is as narrow as a phone.
fn framed(html: &str, width: u32) -> String {
    let escaped = html.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!doctype html><meta name=\"color-scheme\" content=\"light dark\">\
         <iframe id=\"page\" width=\"{width}\" height=\"{HEIGHT}\" style=\"border: 0\" srcdoc=\"{escaped}\"></iframe>\
         <script>page.onload = () => {{ document.documentElement.dataset.measured = \
         page.contentDocument.documentElement.dataset.measured; page.remove(); }};</script>"
    )
}

fn measured(dom: &str) -> Value {
    let start = dom.find("data-measured=\"").expect("the script has run") + "data-measured=\"".len();
    let end = start + dom[start..].find('"').unwrap();
    let text = dom[start..end].replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    serde_json::from_str(&text.replace("&amp;", "&")).unwrap()
}

/// Addresses in the network log of a browser that a page could have asked for.
fn requests(log: &str) -> Vec<String> {
    // The log of a browser that was ended may not be closed.
    let mut found: Vec<String> = log
        .split("\"url\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|url| ["http:", "https:", "ws:", "wss:"].iter().any(|scheme| url.starts_with(scheme)))
        // The browser asks for these itself, with an empty page, too.
        .filter(|url| {
            !url.contains(".google.com/") && !url.contains(".googleapis.com/") && !url.contains(".gvt1.com/")
        })
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}
