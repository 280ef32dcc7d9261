//! The recorded coturn logs in every host ABI: the same bytes come out of all of them,
//! whatever the records look like and however they are batched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::{
    coturn::{self, KEYED},
    differential::{self, docker, json},
    records,
};

const FILTER: &str = "coturn-ip-anonymizer";

const CONFIGS: [&str; 2] = ["", KEYED];

/// All lines of the corpus, in order.
fn corpus() -> Vec<Vec<u8>> {
    differential::lines(&coturn::corpus())
}

fn all_hosts_agree(encoding: Encoding, records: &[Vec<u8>]) {
    for config in CONFIGS {
        differential::all_hosts_agree(FILTER, config, encoding, records, &[1, 7, records.len()]);
    }
}

#[test]
fn text_is_the_same_in_all_hosts() {
    all_hosts_agree(Encoding::Text, &corpus());
}

#[test]
fn json_is_the_same_in_all_hosts() {
    all_hosts_agree(Encoding::Json, &corpus().iter().map(|l| json(l)).collect::<Vec<_>>());
}

#[test]
fn docker_json_is_the_same_in_all_hosts() {
    all_hosts_agree(Encoding::Json, &corpus().iter().map(|l| docker(l)).collect::<Vec<_>>());
}

/// Within JSON the text changes as it does on a line of its own, and nothing else does.
#[test]
fn json_changes_as_text_does() {
    let opener = Opener::default();
    for config in CONFIGS {
        let lines: Vec<Vec<u8>> =
            corpus().into_iter().map(|l| String::from_utf8_lossy(&l).into_owned().into_bytes()).collect();
        let run = |encoding, records: &[Vec<u8>]| {
            let mut host = records::open(&opener, FILTER, HostKind::Native, config);
            records::run(&mut *host, encoding, records, 1000)
        };
        let text = run(Encoding::Text, &lines);
        for (wrap, line_end) in [(json as fn(&[u8]) -> Vec<u8>, ""), (docker, "\n")] {
            let records: Vec<_> = lines.iter().map(|l| wrap(l)).collect();
            for (i, (out, text)) in run(Encoding::Json, &records).iter().zip(&text).enumerate() {
                let out: serde_json::Value = serde_json::from_slice(out.as_ref().unwrap()).unwrap();
                let text = format!("{}{line_end}", String::from_utf8_lossy(text.as_ref().unwrap()));
                assert_eq!(out["log"].as_str().unwrap(), text, "record {i}, {config}");
                assert_eq!(out["stream"], "stdout");
                if !line_end.is_empty() {
                    assert_eq!(out["time"], "2026-11-21T00:00:00.000000000Z");
                }
            }
        }
    }
}
