//! Records through a host, and what comes out of it, one by one.

use tamis::{
    host::{Action, Batch, Encoding, Host, HostKind, HostOptions, Outcome},
    select::{Opener, Target},
};

/// The time of all records: nothing may depend on it but aggregation.
pub const TIMESTAMP_NS: u64 = 1_795_219_200_000_000_000;

/// Start a built-in filter.
pub fn open(opener: &Opener, filter: &str, kind: HostKind, config: &str) -> Box<dyn Host> {
    let target = Target::find(filter).unwrap();
    opener
        .open(&target, kind, config, &HostOptions::default())
        .unwrap_or_else(|e| panic!("{filter} on {kind} with {config}: {e:#}"))
}

/// What is left of each record, in batches of `batch_len`: `None` for a dropped one.
pub fn run<R: AsRef<[u8]>>(
    host: &mut dyn Host,
    encoding: Encoding,
    records: &[R],
    batch_len: usize,
) -> Vec<Option<Vec<u8>>> {
    let mut out = Vec::with_capacity(records.len());
    let mut outcome = Outcome::default();
    for chunk in records.chunks(batch_len) {
        let mut batch = Batch::new("coturn", encoding);
        for record in chunk {
            batch.push(TIMESTAMP_NS, record.as_ref());
        }
        host.process(&batch, &mut outcome).unwrap();
        outcome.check(chunk.len()).unwrap();
        let mut changed = 0;
        for (action, record) in outcome.actions.iter().zip(chunk) {
            out.push(match action {
                Action::Keep => Some(record.as_ref().to_vec()),
                Action::Drop => None,
                Action::Replace | Action::ReplaceJson => {
                    changed += 1;
                    Some(outcome.body(changed - 1).to_vec())
                }
            });
        }
    }
    out
}

/// Bytes as a terminal can show them.
pub fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
