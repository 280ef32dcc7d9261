//! The published test vectors of ipcrypt through the filter's own modes, in every host.
//!
//! The vectors of `nd` and `ndx`, whose output is random by design, are for no mode of the filter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::records;

fn check(section: &str, mode: &str) {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("vectors/ipcrypt.json")).unwrap();
    let vectors = vectors[section].as_array().unwrap();
    assert!(vectors.len() >= 3);
    let opener = Opener::default();
    for vector in vectors {
        let [key, input, output] = ["key", "in", "out"].map(|k| vector[k].as_str().unwrap());
        // Nothing is kept: 0.0.0.0 is one of the vectors.
        let config = serde_json::json!({
            "key": {"id": "k1", "value": format!("hex:{key}")},
            "ip": {"mode": mode, "ipcrypt_key": "raw", "keep": []},
        });
        for kind in HostKind::ALL {
            let mut host = records::open(&opener, "coturn-ip-anonymizer", kind, &config.to_string());
            let bracketed =
                |a: &str| if a.contains(':') { format!("[{a}]:3478") } else { format!("{a}:3478") };
            for form in [|a: &str| format!("peer {a} deleted"), |a: &str| format!("from {a}, suppressing")] {
                let out = records::run(&mut *host, Encoding::Text, &[form(input)], 1).remove(0);
                assert_eq!(out.unwrap(), form(output).as_bytes(), "{mode} in {kind}, key {key}");
            }
            // With a port, twice: once computed, once remembered.
            let line = format!("(local {}, remote {})", bracketed(input), bracketed(input));
            let out =
                String::from_utf8(records::run(&mut *host, Encoding::Text, &[line], 1).remove(0).unwrap())
                    .unwrap();
            assert_eq!(out.matches(output).count(), 2, "{mode} in {kind}, key {key}: {out}");
        }
    }
}

#[test]
fn deterministic() {
    check("deterministic", "deterministic");
}

#[test]
fn prefix_preserving() {
    check("pfx", "prefix-preserving");
}
