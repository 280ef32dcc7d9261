//! DigitalOcean tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "digitalocean-token",
    title: "DigitalOcean token",
    what: "Personal (`dop_v1_`), OAuth (`doo_v1_`) and refresh (`dor_v1_`) tokens.",
    why: "Creates, reads and deletes everything of the account.",
    severity: Severity::Critical,
    pattern: r"\bdo[opr]_v1_[a-f0-9]{64}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "token do",
            "p_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef used"
        ),
        found: &[concat!("do", "p_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")],
    }],
    no_matches: &["dop_v1_short", "stop_v1_"],
};
