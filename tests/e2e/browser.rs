//! The pages that tamis writes, in a real browser: at the width of a desktop and of a phone, in light and dark, with
//! and without scripts, on paper.
//!
//! The browser is the Chromium that `CHROMIUM` names, or the one in `PATH`. Without either the tests say so and pass.
//! Pictures are in `target/screenshots`. Nothing is asked of any network.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::PathBuf, sync::Arc};

use serde_json::json;
use tamis::{
    audit::{self, pool::Progress, walk},
    bench::{self, Plan, Subject, corpus::Corpus},
    host::HostKind,
    report,
    select::Target,
};
use tamis_tests::browser::{Browser, WIDTHS};

fn corpus(folder: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    fs::canonicalize(path).unwrap().to_str().unwrap().to_owned()
}

fn no_progress() -> Progress {
    Arc::new(|_| ())
}

/// The report of all recorded logs.
fn report_page() -> (report::Review, String) {
    let walked = walk::walk(&["chatwoot", "coturn", "asynq"].map(corpus), &walk::Limits::default());
    let review = report::review(walked, &report::Options::default(), &no_progress()).unwrap();
    let page = report::html(&review);
    (review, page)
}

/// The audit of the recorded logs of asynq.
fn audit_page() -> String {
    let walked = walk::walk(&[corpus("asynq")], &walk::Limits::default());
    audit::html(&audit::audit(walked, &audit::Options::default(), &no_progress()).unwrap())
}

/// What every page of ours keeps to, at every width.
fn check(browser: &Browser, name: &str, page: &str, expected: &[&str]) {
    for width in WIDTHS {
        let seen = browser.look(name, page, width);
        println!("{name} at {width}: {}", seen.picture.display());
        assert_eq!(seen.console, Vec::<String>::new(), "{name} at {width}");
        assert_eq!(seen.requests, Vec::<String>::new(), "{name} at {width}");
        for text in expected {
            assert!(seen.dom.contains(text), "{name} at {width}: {text}");
            assert!(seen.dom_without_scripts.contains(text), "{name} at {width} without scripts: {text}");
        }
        // The script runs, and the policy lets it.
        assert!(seen.dom.contains("<button type=\"button\">"), "{name} at {width}");
        assert!(!seen.dom_without_scripts.contains("<button"), "{name} at {width}");
        let measured = &seen.measured;
        assert_eq!(measured["width"], width, "{name}: the window is as wide as asked for");
        assert_eq!(measured["scroll_width"], width, "{name} at {width}: {measured}");
        assert_eq!(measured["unnamed_charts"], 0, "{name}");
        assert_eq!(measured["low_contrast"], json!([]), "{name} at {width}");
        let dark = browser.measure_in_the_dark(page, width);
        assert_eq!(dark["low_contrast"], json!([]), "{name} at {width} in the dark");
        let size = fs::metadata(&seen.picture).unwrap().len();
        assert!(size > 20_000, "{}: {size} bytes", seen.picture.display());
    }
    assert!(browser.print(page).starts_with(b"%PDF-"), "{name}");
}

#[test]
fn the_report_of_the_recorded_logs() {
    let Some(browser) = Browser::find_or_skip() else { return };
    let (review, page) = report_page();
    let s = &review.summary;
    let tiles = [
        (s.alerts, "alerts"),
        (s.events, "events"),
        (s.failures, "failures"),
        (s.sessions, "coturn sessions"),
        (s.left, "still in the logs"),
    ];
    let mut expected: Vec<String> = tiles.iter().map(|(n, label)| format!("<b>{n}</b> {label}")).collect();
    let headings = [
        "What to look at first",
        "Alerts",
        "Events over time",
        "Events by action",
        "Sources",
        "Users",
        "coturn sessions",
        "Still in the logs",
        "Files",
    ];
    expected.extend(headings.map(|heading| format!("<h2>{heading}</h2>")));
    expected.extend(["account-compromise-suspected", "user-login", "203.0.113.0/24"].map(str::to_owned));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&browser, "report", &page, &expected);
}

#[test]
fn the_report_of_nothing() {
    let Some(browser) = Browser::find_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir
        .path()
        .join("a-file-name-that-is-much-longer-than-any-phone-is-wide-and-does-not-break-anywhere.log");
    fs::write(&file, "nothing of note\n").unwrap();
    let walked = walk::walk(&[file.to_str().unwrap().to_owned()], &walk::Limits::default());
    let review = report::review(walked, &report::Options::default(), &no_progress()).unwrap();
    check(&browser, "report-empty", &report::html(&review), &["<h2>Alerts</h2>", "None."]);
}

#[test]
fn the_audit_of_the_recorded_logs() {
    let Some(browser) = Browser::find_or_skip() else { return };
    check(
        &browser,
        "audit",
        &audit_page(),
        &["<h2>Findings</h2>", "<h2>By detector</h2>", "<h2>Loggers</h2>"],
    );
}

#[test]
fn the_chart_of_a_bench() {
    let Some(browser) = Browser::find_or_skip() else { return };
    let target = Target::find("coturn-ip-anonymizer").unwrap();
    let (name, sample) = bench::sample::of("coturn-ip-anonymizer");
    let corpus = Corpus::new(sample.to_vec()).unwrap();
    let subjects = [HostKind::Native, HostKind::Component].map(|host| Subject {
        label: "coturn-ip-anonymizer".to_owned(),
        target: Some(&target),
        host,
        config: "",
        config_base_dir: None,
        control: host == HostKind::Native,
    });
    let plan = Plan { rounds: 2, bytes: 200_000, sweep: vec![1, 64], memory_limit_bytes: 64 << 20 };
    let report = bench::run(&plan, &corpus, name, &subjects, &mut |_| ()).unwrap();
    let page = bench::chart::page(&report, None);
    check(&browser, "bench", &page, &["<h2>Figures</h2>", "coturn-ip-anonymizer component"]);
}

/// What the tests above would see, they do see.
#[test]
fn a_bad_page_is_seen() {
    let Some(browser) = Browser::find_or_skip() else { return };
    let page = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width\">\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src *\">\
        <title>bad</title></head><body><p style=\"width: 900px; color: #999\">wide and pale</p>\
        <img src=\"http://example.org/x.png\" alt=\"\"><script>document.title = 'run'</script></body></html>";
    let seen = browser.look("bad", page, 360);
    assert!(seen.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", seen.console);
    assert_eq!(seen.requests, ["http://example.org/x.png"]);
    assert!(seen.measured["scroll_width"].as_u64() > Some(800), "{}", seen.measured);
    assert_eq!(seen.measured["low_contrast"].as_array().unwrap().len(), 1, "{}", seen.measured);
}
