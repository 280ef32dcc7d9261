//! Anthropic keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "anthropic-key",
    title: "Anthropic API key",
    what: "API and admin keys: `sk-ant-`.",
    why: "Spends money and reads what was sent to the models.",
    severity: Severity::High,
    pattern: r"\bsk-ant-[A-Za-z0-9_-]{20,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("x-api-key ", "sk", "-ant-", "api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", ""),
        found: &[concat!("sk", "-ant-", "api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")],
    }],
    no_matches: &["sk-ant-", "sk-ant-short1", concat!("ask", "-ant-api03-a1B2c3D4e5F6g7H8")],
};
