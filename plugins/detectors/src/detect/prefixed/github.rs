//! GitHub tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "github-token",
    title: "GitHub token",
    what: "Personal, OAuth, app and refresh tokens: `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_`, `github_pat_`.",
    why: "Reads and writes code, secrets of its builds included.",
    severity: Severity::Critical,
    pattern: r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_-]{36,})",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("api_key=", "ghp", "_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
            found: &[concat!("ghp", "_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")],
        },
        Example {
            text: concat!("push with ", "gh", "p_a1B", "2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", " failed"),
            found: &[concat!("gh", "p_a1B", "2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")],
        },
        Example {
            text: concat!(
                "\"github_token\":\"",
                "gi",
                "thub_",
                "pat_11AAAAAAA0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8_x",
                "\""
            ),
            found: &[concat!("gi", "thub_", "pat_11AAAAAAA0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8_x")],
        },
        Example {
            text: concat!("cut ", "gh", "p_a1B", "2c3D4", "..."),
            found: &[concat!("gh", "p_a1B", "2c3D4")],
        },
    ],
    no_matches: &[
        "ghp_short1",
        concat!("gra", "ph_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
        "ghp_",
        concat!("ghp", "_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
    ],
};
