//! OpenAI keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "openai-key",
    title: "OpenAI API key",
    what: "Project, service account, admin and older user keys: `sk-proj-`, `sk-svcacct-`, `sk-admin-`, `sk-`.",
    why: "Spends money and reads what was sent to the models.",
    severity: Severity::High,
    pattern: r"\bsk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("using ", "sk", "-proj", "-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8-x_y", ";"),
            found: &[concat!("sk", "-proj", "-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8-x_y")],
        },
        Example {
            text: concat!("OPENAI ", "sk", "-a1B2", "c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8T3BlbkFJ", ""),
            found: &[concat!("sk", "-a1B2", "c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8T3BlbkFJ")],
        },
    ],
    no_matches: &[
        "sk-proj-short1",
        concat!("tas", "k-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
        "sk-SK",
        concat!("sk-", "abcdefghijklmnopqrstuvwxyzabcdefghijkl "),
        concat!("ris", "k-proj-a1B2c3D4e5F6g7H8i9J0"),
    ],
};
