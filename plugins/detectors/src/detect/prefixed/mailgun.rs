//! Mailgun keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "mailgun-key",
    title: "Mailgun API key",
    what: "`key-` and 32 hexadecimal digits.",
    why: "Sends mail in the name of the company, and reads its log.",
    severity: Severity::Critical,
    pattern: r"\bkey-[a-f0-9]{32}",
    validator: "Exactly 32.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("mailgun ke", "y-0123456789abcdef0123456789abcdef ok"),
        found: &[concat!("ke", "y-0123456789abcdef0123456789abcdef")],
    }],
    no_matches: &[
        "key-1",
        "key-0123456789abcdef0123456789abcdef01",
        "monkey-0123456789abcdef0123456789abcdef",
    ],
};
