//! The recorded Chatwoot logs in every host ABI: the same events, alerts and bytes come out of all of them, as text and
//! as JSON, however they are batched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tamis::host::Encoding;
use tamis_tests::{
    chatwoot::{self, FILTER},
    differential::{all_hosts_agree, docker, json},
    logs::Log,
};

/// Everything that changes what is written.
const CONFIGS: [&str; 5] = [
    r#"{"schema":"ocsf"}"#,
    r#"{"schema":"flat","prefix":"cw_","crowdsec":true}"#,
    r#"{"dotted":true,"prefix":"cw."}"#,
    r#"{"scrub_record":false,"crowdsec":true,"utc_offset_minutes":60}"#,
    r#"{"requests":{"open":8,"max_age_seconds":5},"alerts":{"keys":8,"list":2,"brute_force":{"failures":2},"web_scan":{"enabled":false}}}"#,
];

/// The lines of the logs of one kind, as all hosts can hold them.
fn logs(encoding: Encoding) -> Vec<Vec<u8>> {
    let logs: Vec<Log> =
        chatwoot::corpus().into_iter().filter(|l| chatwoot::encoding(l) == encoding).collect();
    chatwoot::lines(&logs)
}

#[test]
fn text_is_the_same_in_all_hosts() {
    let records = logs(Encoding::Text);
    assert!(records.len() > 30_000, "{}", records.len());
    all_hosts_agree(FILTER, "", Encoding::Text, &records, &[1, 7, records.len()]);
    for config in CONFIGS {
        all_hosts_agree(FILTER, config, Encoding::Text, &records, &[1000]);
    }
}

#[test]
fn json_is_the_same_in_all_hosts() {
    let records = logs(Encoding::Json);
    assert!(records.len() > 2_000, "{}", records.len());
    all_hosts_agree(FILTER, "", Encoding::Json, &records, &[1, 7, records.len()]);
    for config in CONFIGS {
        all_hosts_agree(FILTER, config, Encoding::Json, &records, &[1000]);
    }
}

#[test]
fn text_within_json_is_the_same_in_all_hosts() {
    let records = logs(Encoding::Text);
    for wrap in [json as fn(&[u8]) -> Vec<u8>, docker] {
        let wrapped: Vec<Vec<u8>> = records.iter().map(|l| wrap(l)).collect();
        all_hosts_agree(FILTER, "", Encoding::Json, &wrapped, &[100]);
    }
}
