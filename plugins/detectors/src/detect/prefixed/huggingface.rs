//! Hugging Face tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "huggingface-token",
    title: "Hugging Face token",
    what: "User access tokens: `hf_`.",
    why: "Reads private models and data, and may write them.",
    severity: Severity::High,
    pattern: r"\bhf_[A-Za-z0-9]{30,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("token=", "h", "f_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7"),
        found: &[concat!("h", "f_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7")],
    }],
    no_matches: &["hf_cache_dir_1", "half_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"],
};
