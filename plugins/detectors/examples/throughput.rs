//! Megabytes per second of the scan: `throughput [FILE...]`; files are scanned line by line.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use tamis_detectors::{Detectors, keys::KeyRules};

const PLAIN: &str =
    "task done, worker is waiting for more; nothing in this line is worth a second look at all";
const STRINGS: &[&str] = &[
    "INFO",
    "task enqueued",
    "Finished processing",
    "2026-11-21T00:17:19.380137386Z",
    "91536d3f-9ebe-45ef-926d-a7dbb65bd091",
    "image:resize",
    "low",
    "pending",
    "fc7232374def3e8ff97252397e4b26cf9929134b19e3faadf4bebc6232f8baf3",
    "worker-7f9c6d5b8-x2x4z",
    "shopworker/log_zap.go:45",
];
const LINE: &str = "2026/11/21 00:15:48 enqueued task: id=72e4fbc5-42ae-430b-96ad-e4fedf6f3388 queue=low type=image:resize max_retry=2 timeout=5s";
const JSON: &str = r#"{"time":"2026-11-21T00:17:19.380137386Z","level":"INFO","msg":"task enqueued","task_id":"91536d3f-9ebe-45ef-926d-a7dbb65bd091","type":"image:resize","queue":"low","state":"pending","max_retry":2,"timeout":5000000000,"payload_bytes":215,"token_count":53,"trace_id":"fc7232374def3e8ff97252397e4b26cf"}"#;
const LIST: &str =
    "[123 34 117 115 101 114 95 105 100 34 58 52 50 44 34 101 109 97 105 108 34 58 34 97 64 98 46 99 34 125]";
const KEYS: &[&str] = &[
    "time",
    "level",
    "msg",
    "task_id",
    "type",
    "queue",
    "state",
    "max_retry",
    "timeout",
    "next_process_at",
    "payload_bytes",
    "token_count",
    "trace_id",
    "email",
    "resetToken",
    "user_agent",
];

fn main() -> std::io::Result<()> {
    let Ok(detectors) = Detectors::new(|_| true, &[]) else { return Ok(()) };
    measure("plain words", &detectors, &[PLAIN.as_bytes()]);
    measure("values of a JSON record", &detectors, &STRINGS.iter().map(|s| s.as_bytes()).collect::<Vec<_>>());
    measure("line of Go's log", &detectors, &[LINE.as_bytes()]);
    measure("JSON line", &detectors, &[JSON.as_bytes()]);
    measure("decimal list", &detectors, &[LIST.as_bytes()]);
    for path in std::env::args_os().skip(1) {
        let text = std::fs::read(&path)?;
        let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
        measure(&path.to_string_lossy(), &detectors, &lines);
    }
    let rules = KeyRules::new(&[], &[]);
    let (rounds, time) = repeat(|| {
        for key in KEYS {
            black_box(rules.judge(black_box(key.as_bytes())));
        }
    });
    println!("{:>9.1} ns per field name", time.as_secs_f64() * 1e9 / f64::from(rounds) / 16.0);
    Ok(())
}

fn measure(name: &str, detectors: &Detectors, texts: &[&[u8]]) {
    let mut found = Vec::new();
    let (rounds, time) = repeat(|| {
        for text in texts {
            found.clear();
            detectors.scan(black_box(text), &mut found);
            black_box(&found);
        }
    });
    let bytes: usize = texts.iter().map(|t| t.len()).sum();
    #[allow(clippy::cast_precision_loss, reason = "a few megabytes")]
    let rate = bytes as f64 * f64::from(rounds) / time.as_secs_f64() / 1e6;
    println!("{rate:>9.0} MB/s  {name}");
}

fn repeat(mut f: impl FnMut()) -> (u32, Duration) {
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < Duration::from_millis(500) {
        for _ in 0..16 {
            f();
        }
        rounds += 16;
    }
    (rounds, start.elapsed())
}
