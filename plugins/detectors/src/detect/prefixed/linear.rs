//! Linear API keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "linear-key",
    title: "Linear API key",
    what: "Personal API keys: `lin_api_`.",
    why: "Reads and changes the issues of a company.",
    severity: Severity::High,
    pattern: r"\blin_api_[A-Za-z0-9]{40}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("key lin", "_api_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"),
        found: &[concat!("lin", "_api_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0")],
    }],
    no_matches: &["lin_api_v2", "berlin_api_1"],
};
