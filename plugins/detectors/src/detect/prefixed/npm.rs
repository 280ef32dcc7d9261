//! npm tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "npm-token",
    title: "npm access token",
    what: "Granular and automation tokens of the npm registry: `npm_`.",
    why: "Publishes packages that others install.",
    severity: Severity::Critical,
    pattern: r"\bnpm_[A-Za-z0-9]{36,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "//registry.example/:_authToken ",
            "np",
            "m_a1B",
            "2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
            ""
        ),
        found: &[concat!("np", "m_a1B", "2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")],
    }],
    no_matches: &["npm_config_cache1", "npm_", concat!("xnp", "m_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")],
};
