//! Numbers that states give to people: each with a check digit, a rule or a telling word beside it.

pub(crate) mod br_cpf;
pub(crate) mod ca_sin;
pub(crate) mod ch_ahv;
pub(crate) mod de_steuer_id;
pub(crate) mod es_dni;
pub(crate) mod fr_nir;
pub(crate) mod in_aadhaar;
pub(crate) mod it_codice_fiscale;
pub(crate) mod uk_nino;
pub(crate) mod us_ssn;

use crate::{scan::Scan, text::contains_word};

/// How far before a number a telling word counts.
const REACH: usize = 40;

/// Whether one of `words`, in lower case, is shortly before `at`.
fn told_by(scan: &Scan<'_, '_>, at: usize, words: &[&[u8]]) -> bool {
    let context = scan.context(at, REACH);
    words.iter().any(|w| contains_word(context, w))
}

/// The value of digits, others passed over.
fn value(digits: &[u8]) -> u64 {
    digits.iter().filter(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + u64::from(b - b'0'))
}
