//! GitLab tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "gitlab-token",
    title: "GitLab token",
    what: "Personal access, deploy, runner and trigger tokens: `glpat-`, `gldt-`, `glrt-`, `glptt-`.",
    why: "Reads and writes code and runs builds.",
    severity: Severity::Critical,
    pattern: r"\bgl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("git clone oauth2 ", "gl", "pat-a", "1B2c3D4e5F6g7H8i9J0", "."),
            found: &[concat!("gl", "pat-a", "1B2c3D4e5F6g7H8i9J0")],
        },
        Example {
            text: concat!("", "gl", "rt-a1", "B2c3D4e5F6g7H8i9J0", ""),
            found: &[concat!("gl", "rt-a1", "B2c3D4e5F6g7H8i9J0")],
        },
    ],
    no_matches: &["glpat-short1", concat!("glp", "at_a1B2c3D4e5F6g7H8i9J0"), "angular-glpat-"],
};
