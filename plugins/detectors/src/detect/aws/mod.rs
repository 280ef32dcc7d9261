//! Keys that start with `A`: of AWS and of Google.

pub(crate) mod access_key_id;
pub(crate) mod gcp_api_key;
pub(crate) mod secret_access_key;

use crate::{
    scan::Scan,
    text::{ALNUM, JOINER, is},
};

/// The `A` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let next = scan.at(at + 1);
    if !matches!(next, b'K' | b'S' | b'B' | b'C' | b'I') || is(scan.before(at), ALNUM | JOINER) {
        return at + 1;
    }
    access_key_id::at(scan, at).or_else(|| gcp_api_key::at(scan, at)).unwrap_or(at + 1)
}
