//! The recorded Chatwoot logs of `corpus/chatwoot`.

use tamis::host::Encoding;

use crate::{
    differential,
    logs::{self, Log},
};

/// The filter that is made for them.
pub const FILTER: &str = "chatwoot-auth-tagger";

/// All logs.
///
/// # Panics
/// When there are too few.
#[must_use]
pub fn corpus() -> Vec<Log> {
    logs::corpus("chatwoot", &["log"], 10)
}

/// What the lines of a log are.
#[must_use]
pub fn encoding(log: &Log) -> Encoding {
    if log.name.ends_with("-json.log") { Encoding::Json } else { Encoding::Text }
}

/// The lines of logs, as all hosts can hold them: NUL ends a record in one of the ABIs, a carriage return is part of the
/// line end of a body, and between the records of a body blank lines are no records.
#[must_use]
pub fn lines(logs: &[Log]) -> Vec<Vec<u8>> {
    differential::lines(logs)
        .into_iter()
        .map(|l| String::from_utf8_lossy(&l).replace(['\r', '\0'], "").into_bytes())
        .filter(|l| !l.trim_ascii().is_empty())
        .collect()
}
