//! Resend keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "resend-key",
    title: "Resend API key",
    what: "`re_`, 8 characters, `_` and 24 characters.",
    why: "Sends mail in the name of the company.",
    severity: Severity::Critical,
    pattern: r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("mail by re", "_a1B2c3D4_e5F6g7H8i9J0k1L2m3N4o5P6 failed"),
        found: &[concat!("re", "_a1B2c3D4_e5F6g7H8i9J0k1L2m3N4o5P6")],
    }],
    no_matches: &[
        "re_queue_all_the_tasks_of_yesterday_1",
        "re_a1B2c3D4",
        "pre_a1B2c3D4_e5F6g7H8i9J0k1L2m3N4o5P6",
    ],
};
