//! The same records in every host ABI: the same bytes have to come out.

use std::fmt::Write as _;

use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};

use crate::{
    logs::Log,
    records::{self, show},
};

/// The lines of all logs, in order.
pub fn lines(logs: &[Log]) -> Vec<Vec<u8>> {
    logs.iter().flat_map(|log| log.lines().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

/// A line as a JSON record of a collector: bytes that are not UTF-8 are gone.
pub fn json(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    format!("{{\"log\":{},\"stream\":\"stdout\"}}", serde_json::to_string(&text).unwrap()).into()
}

/// A line as Docker's json-file driver writes it: with the line feed, and with `<`, `>` and
/// `&` and what is not ASCII and not UTF-8 escaped as Go does it.
pub fn docker(line: &[u8]) -> Vec<u8> {
    let mut text = String::from("{\"log\":\"");
    for c in String::from_utf8_lossy(line).chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..' ' | '<' | '>' | '&' | '\u{fffd}' => write!(text, "\\u{:04x}", c as u32).unwrap(),
            _ => text.push(c),
        }
    }
    text.push_str("\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T00:00:00.000000000Z\"}");
    text.into()
}

/// Every host, in batches of each of these sizes, gives what the native one gives for one batch.
pub fn all_hosts_agree(
    filter: &str,
    config: &str,
    encoding: Encoding,
    records: &[Vec<u8>],
    batch_lens: &[usize],
) {
    let opener = Opener::default();
    let run = |kind, batch_len: usize| {
        let mut host = records::open(&opener, filter, kind, config);
        records::run(&mut *host, encoding, records, batch_len.max(1))
    };
    let expected = run(HostKind::Native, records.len());
    for kind in HostKind::ALL {
        for &batch_len in batch_lens {
            let got = run(kind, batch_len);
            assert_eq!(got.len(), expected.len());
            let Some(i) = (0..got.len()).find(|&i| got[i] != expected[i]) else { continue };
            let text = |r: &Option<Vec<u8>>| r.as_deref().map(show);
            assert_eq!(
                text(&got[i]),
                text(&expected[i]),
                "{kind} with {config}, batches of {batch_len}, record {i}: {}",
                show(&records[i])
            );
        }
    }
}
