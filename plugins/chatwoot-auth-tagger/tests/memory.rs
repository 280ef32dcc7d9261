//! Memory is bounded, whoever comes. On its own, so that no other test's memory is counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chatwoot_auth_tagger::ChatwootAuthTagger;
use tamis_sdk::{Encoding, Meta, Session};

/// Resident memory in bytes, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn a_million_records_of_a_hundred_thousand_clients_fit_in_bounded_memory() {
    let before = resident();
    let mut session = Session::<ChatwootAuthTagger>::new("", |k| k.resolve_from_process()).unwrap();
    let start = std::time::Instant::now();
    let (mut alerts, mut bytes) = (0, 0);
    let mut out = Vec::new();
    for i in 0..1_000_000u64 {
        let client = i.wrapping_mul(2_654_435_761) % 100_000;
        let second = i / 100;
        let line = format!(
            "I, [2026-03-02T{:02}:{:02}:{:02}.000 #7]  INFO -- : [id-{i}] {{\"method\":\"POST\",\"path\":\"/auth/sign_in\",\"controller\":\"DeviseOverrides::SessionsController\",\"action\":\"create\",\"status\":401,\"params\":{{\"email\":\"u{client}@x.example\"}},\"remote_ip\":\"10.{}.{}.{}\",\"user_id\":null}}",
            second / 3600 % 24,
            second / 60 % 60,
            second % 60,
            client >> 16,
            client >> 8 & 255,
            client & 255
        );
        out.clear();
        session.process(Meta { tag: b"", timestamp_ns: 0 }, Encoding::Text, line.as_bytes(), &mut out);
        bytes += line.len();
        alerts += usize::from(memchr::memmem::find(&out, b"\"alerts\"").is_some());
    }
    let grown = resident().saturating_sub(before);
    let rate = bytes as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("memory grown by {} MB, {alerts} alerts, {rate:.0} MB/s", grown / 1_000_000);
    assert!(grown < 48_000_000, "{grown}");
}
