//! Sentry tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "sentry-token",
    title: "Sentry auth token",
    what: "Organisation (`sntrys_`) and user (`sntryu_`) tokens.",
    why: "Reads events, which hold data of users, and uploads releases.",
    severity: Severity::High,
    pattern: r"\bsntry[su]_[A-Za-z0-9_+/=-]{40,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("auth snt", "rys_eyJpYXQiOjE3MDAwMDAwMDAuMCwidXJsIjoiaHR0cHM6Ly9zIn0_a1B2c3D4e5F6g7H8"),
        found: &[concat!("snt", "rys_eyJpYXQiOjE3MDAwMDAwMDAuMCwidXJsIjoiaHR0cHM6Ly9zIn0_a1B2c3D4e5F6g7H8")],
    }],
    no_matches: &["sntrys_1", "sntrys_"],
};
