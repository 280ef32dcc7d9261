//! Slack tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "slack-token",
    title: "Slack token",
    what: "Bot, user, app and refresh tokens: `xoxb-`, `xoxp-`, `xoxa-`, `xoxe-`, `xoxr-`, `xoxs-`, `xapp-`.",
    why: "Reads and writes messages as a bot or a person.",
    severity: Severity::Critical,
    pattern: r"\b(?:xox[abeprs]-[A-Za-z0-9_-]{10,}|xapp-[A-Za-z0-9_-]{20,})",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!(
                "slack:map[bot-token:",
                "xo",
                "xb-11",
                "111111111-222222222222-a1B2c3D4e5F6g7H8i9J0k1L2",
                " channel:#ops]"
            ),
            found: &[concat!("xo", "xb-11", "111111111-222222222222-a1B2c3D4e5F6g7H8i9J0k1L2")],
        },
        Example {
            text: concat!("", "xo", "xp-1-", "22222222", ""),
            found: &[concat!("xo", "xp-1-", "22222222")],
        },
    ],
    no_matches: &[
        "xoxb-",
        "xoxb-abcdefghijkl ",
        "foxoxb-12345678901",
        concat!("xox", "q-11111111111-222222222222"),
    ],
};
