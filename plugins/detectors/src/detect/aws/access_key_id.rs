//! AWS access key ids.

use crate::{
    Definition, Example, Severity,
    detect::{Id, aws::secret_access_key, number::found},
    scan::Scan,
    text::{ALNUM, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "aws-access-key-id",
    title: "AWS access key id",
    what: "`AKIA`, `ASIA`, `ABIA` or `ACCA` and 16 characters of base32.",
    why: "Half of a credential, and it names the account. Its secret is looked for close to it.",
    severity: Severity::High,
    pattern: r"\bA(?:KI|SI|BI|CC)A[A-Z2-7]{16}\b",
    validator: "",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("key ", "AKIA", "IOSFODNN7EXAMPLE", " used"),
            found: &[concat!("AKIA", "IOSFODNN7EXAMPLE")],
        },
        Example {
            text: concat!("X-Amz-Credential=", "ASIA", "IOSFODNN7EXAMPLE", "/20261121/"),
            found: &[concat!("ASIA", "IOSFODNN7EXAMPLE", "/20261121/")],
        },
    ],
    no_matches: &[
        "AKIASHORT",
        concat!("XAKIA", "IOSFODNN7EXAMPLE"),
        concat!("AKIA", "IOSFODNN7EXAMPLEX"),
        concat!("AKIA", "iosfodnn7example"),
    ],
};

/// The `A` at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let id = scan.text.get(at..at + 20)?;
    let known = matches!(&id[..4], b"AKIA" | b"ASIA" | b"ABIA" | b"ACCA");
    let base32 = known && id[4..].iter().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    if !base32 || is(scan.at(at + 20), ALNUM) {
        return None;
    }
    let end = found(scan, Id::AwsAccessKeyId, at, at + 20).unwrap_or(at + 20);
    secret_access_key::expect_after(scan, end);
    Some(end)
}
