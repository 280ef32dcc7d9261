//! Azure storage account keys, found by their name in connection strings.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "azure-storage-key",
    title: "Azure storage account key",
    what: "`AccountKey=` and 88 characters of base64.",
    why: "Full access to all data of the storage account.",
    severity: Severity::Critical,
    pattern: r"\b(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,88}={0,2})",
    validator: "",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "AccountName=shop;",
            "AccountKey=",
            "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6k7L8m9N0o1P2q3==",
            ";EndpointSuffix=core.windows.net"
        ),
        found: &["a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6k7L8m9N0o1P2q3=="],
    }],
    no_matches: &["AccountKey=", "AccountKey missing"],
};

/// Whether `value` after `key` is one.
pub(crate) fn fits(key: &[u8], value: &[u8]) -> bool {
    (key.eq_ignore_ascii_case(b"AccountKey") || key.eq_ignore_ascii_case(b"SharedAccessKey"))
        && (40..=90).contains(&value.len())
}
