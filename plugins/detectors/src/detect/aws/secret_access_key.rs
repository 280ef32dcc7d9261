//! AWS secret access keys: 40 characters that look like any hash in base64, so only where their place tells.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, BASE64, DIGIT, JOINER, LOWER, UPPER, class},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "aws-secret-access-key",
    title: "AWS secret access key",
    what: "40 characters of base64 after a field name that tells, or up to 120 bytes after an access key id.",
    why: "With the key id it opens the AWS account.",
    severity: Severity::Critical,
    pattern: r#"(?i:secret_?access_?key|aws_?secret)[\\"' ]{0,4}[:=][\\"' ]{0,4}([A-Za-z0-9/+]{40})\b"#,
    validator: "Upper case, lower case and digits.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("aws_secret_access_key=", "wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"),
            found: &[concat!("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY")],
        },
        Example {
            text: concat!("{", "AKIA", "IOSFODNN7EXAMPLE ", "wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY}"),
            found: &[
                concat!("AKIA", "IOSFODNN7EXAMPLE"),
                concat!("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"),
            ],
        },
    ],
    no_matches: &[
        concat!("sum ", "wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"),
        "commit 6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8",
    ],
};

/// How far after a key id its secret is looked for.
const REACH: usize = 120;

/// Whether `value` has the form of a secret.
pub(crate) fn fits(value: &[u8]) -> bool {
    let classes = value.iter().fold(0, |c, &b| c | class(b));
    value.len() == 40
        && classes & (UPPER | LOWER | DIGIT) == UPPER | LOWER | DIGIT
        && !value.iter().any(|&b| class(b) & (ALNUM | BASE64) == 0 || b == b'=')
}

/// Look for the secret that goes with the key id that ends at `id_end`, for the walk to find when it gets there.
pub(crate) fn expect_after(scan: &mut Scan<'_, '_>, id_end: usize) {
    if !scan.on(Id::AwsSecretAccessKey) {
        return;
    }
    let limit = scan.text.len().min(id_end + REACH);
    let mut at = id_end;
    while at < limit {
        let end = scan.skip(at, ALNUM | BASE64 | JOINER);
        // `secret=` before it is of the same classes.
        let run = &scan.text[at..end];
        let start =
            at + run.iter().rposition(|&b| b == b'=').filter(|i| i + 1 < run.len()).map_or(0, |i| i + 1);
        if fits(&scan.text[start..end]) {
            scan.expect_secret(start, end);
            return;
        }
        at = end + 1;
    }
}

/// The digit at `at`, if it is of a secret that is expected.
pub(crate) fn expected(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let (start, end) = scan.expected_secret();
    (start <= at && at < end).then(|| found(scan, Id::AwsSecretAccessKey, start, end)).flatten()
}
