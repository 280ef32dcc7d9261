//! The recorded asynq logs in every host ABI: the same bytes come out of all of them, as text and as JSON, however
//! they are batched, payloads that are spread over records included.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tamis::host::Encoding;
use tamis_tests::{
    asynq::{self, FILTER, KEYED},
    differential::{all_hosts_agree, docker, json, lines},
    logs::Log,
};

/// Everything that changes what is written, in one config.
const MIXED: &str = r#"{"payload":{"values":{"partial":{"first":2,"last":2}},"encoding":"plain","min_level":"info"},
    "tasks":{"email:welcome":{"allow":["user_id","locale"]},"payment:*":{"allow":["order_id"]}},
    "deny_keys":{"rules":{"all":"remove"}},"counts_field":"tamis","lift":true}"#;

fn logs(encoding: Encoding) -> Vec<Vec<u8>> {
    let logs: Vec<Log> = asynq::corpus().into_iter().filter(|l| asynq::encoding(l) == encoding).collect();
    lines(&logs)
        .into_iter()
        // A host that holds text as JSON cannot hold bytes that are not UTF-8; NUL ends a record in one of
        // the ABIs, and a carriage return is part of the line end of a body.
        .map(|l| String::from_utf8_lossy(&l).replace(['\r', '\0'], "").into_bytes())
        // Between the records of a body blank lines are no records.
        .filter(|l| !l.trim_ascii().is_empty())
        .collect()
}

#[test]
fn text_is_the_same_in_all_hosts() {
    let records = logs(Encoding::Text);
    all_hosts_agree(FILTER, "", Encoding::Text, &records, &[1, 7, records.len()]);
    for config in [KEYED, MIXED] {
        all_hosts_agree(FILTER, config, Encoding::Text, &records, &[records.len()]);
    }
}

#[test]
fn json_is_the_same_in_all_hosts() {
    let records = logs(Encoding::Json);
    all_hosts_agree(FILTER, "", Encoding::Json, &records, &[1, 7, records.len()]);
    for config in [KEYED, MIXED] {
        all_hosts_agree(FILTER, config, Encoding::Json, &records, &[records.len()]);
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
