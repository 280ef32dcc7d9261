//! chatwoot-auth-tagger and coturn-ip-anonymizer in one chain: the tagger first, then the addresses go everywhere; or the
//! other way round, where pseudonyms are the same for the same address, and alerts still work.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde_json::Value;
use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::{
    chatwoot::{self, FILTER},
    logs::contains,
    records,
};

const ANONYMIZER: &str = "coturn-ip-anonymizer";
const PSEUDONYMS: &str = r#"{"key":{"id":"k1","value":"0123456789abcdef0123456789abcdef"},"ip":{"mode":"prefix-preserving"},"users":{"mode":"keep"}}"#;
const EXAMPLE: &str = include_str!("../examples/fluent-bit/chatwoot/coturn-ip-anonymizer.json");

const LOGS: [&str; 4] =
    ["rails-default.log", "rails-lograge.log", "rails-legacy-ruby33.log", "nginx-access.log"];

fn run(filter: &str, config: &str, encoding: Encoding, lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut host = records::open(&Opener::default(), filter, HostKind::Native, config);
    records::run(&mut *host, encoding, lines, 1000).into_iter().map(Option::unwrap).collect()
}

fn log(name: &str) -> Vec<Vec<u8>> {
    chatwoot::lines(&chatwoot::corpus().into_iter().filter(|l| l.name == name).collect::<Vec<_>>())
}

fn json(records: &[Vec<u8>]) -> Vec<Value> {
    records.iter().map(|r| serde_json::from_slice(r).unwrap()).collect()
}

/// How many alerts of each rule there are, and by how many addresses or users.
fn alerts(records: &[Vec<u8>]) -> BTreeMap<String, (usize, usize)> {
    let mut found = BTreeMap::<String, (usize, BTreeSet<String>)>::new();
    for record in json(records) {
        for alert in record["alerts"].as_array().into_iter().flatten() {
            let entry = found.entry(alert["rule"]["id"].as_str().unwrap().to_owned()).or_default();
            entry.0 += 1;
            entry.1.insert(format!("{} {}", alert["source"]["address"], alert["user"]["name"]));
        }
    }
    found.into_iter().map(|(rule, (count, by))| (rule, (count, by.len()))).collect()
}

#[test]
fn addresses_are_gone_from_lines_and_fields() {
    for name in LOGS {
        let tagged = run(FILTER, "", Encoding::Text, &log(name));
        let clean = run(ANONYMIZER, EXAMPLE, Encoding::Json, &tagged);
        let mut addresses = BTreeSet::new();
        for record in json(&tagged) {
            let all = [&record["source"]["ip"]]
                .into_iter()
                .chain(record["related"]["ip"].as_array().into_iter().flatten());
            addresses.extend(all.filter_map(Value::as_str).map(str::to_owned));
        }
        // Loopback stays.
        addresses.retain(|a| a.parse::<IpAddr>().is_ok_and(|a| !a.is_loopback()));
        assert!(addresses.len() > 50, "{name}: {}", addresses.len());
        for (i, record) in clean.iter().enumerate() {
            for address in &addresses {
                // Not as the start of a longer one.
                let end = |b: u8| !b.is_ascii_hexdigit() && b != b'.' && b != b':';
                let whole = contains(record, address.as_bytes()) && {
                    let text = String::from_utf8_lossy(record);
                    text.match_indices(address.as_str()).any(|(at, _)| {
                        let before = at == 0 || end(text.as_bytes()[at - 1]);
                        before && text.as_bytes().get(at + address.len()).is_none_or(|b| end(*b))
                    })
                };
                // What is a network already is one of many.
                assert!(
                    !whole || is_network(address),
                    "{name}, record {i}: {address} in {}",
                    records::show(record)
                );
            }
        }
        // Nothing else is gone.
        let count = |records: &[Vec<u8>]| {
            json(records)
                .iter()
                .filter(|r| r["event"]["action"].is_string())
                .map(|r| r["event"].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(count(&tagged), count(&clean), "{name}");
        assert_eq!(alerts(&tagged).keys().collect::<Vec<_>>(), alerts(&clean).keys().collect::<Vec<_>>());
    }
}

fn is_network(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(a)) => a.octets()[3] == 0,
        Ok(IpAddr::V6(a)) => a.segments()[3..].iter().all(|s| *s == 0),
        Err(_) => false,
    }
}

#[test]
fn alerts_work_on_prefix_preserving_pseudonyms() {
    for name in LOGS {
        let lines = log(name);
        let plain = run(FILTER, "", Encoding::Text, &lines);
        let pseudonyms = run(ANONYMIZER, PSEUDONYMS, Encoding::Text, &lines);
        assert_ne!(pseudonyms, lines);
        let tagged = run(FILTER, "", Encoding::Text, &pseudonyms);
        assert!(alerts(&plain).len() >= 5, "{name}: {:?}", alerts(&plain));
        assert_eq!(alerts(&tagged), alerts(&plain), "{name}");
        let actions = |records: &[Vec<u8>]| -> Vec<String> {
            json(records)
                .iter()
                .map(|r| format!("{} {}", r["event"]["action"], r["event"]["outcome"]))
                .collect()
        };
        assert_eq!(actions(&tagged), actions(&plain), "{name}");
    }
}
