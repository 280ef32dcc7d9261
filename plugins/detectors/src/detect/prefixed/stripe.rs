//! Stripe keys.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "stripe-key",
    title: "Stripe key",
    what: "Secret and restricted API keys, live and test, and webhook signing secrets: `sk_live_`, `sk_test_`, `rk_live_`, `rk_test_`, `whsec_`.",
    why: "Moves money and reads customers; a signing secret lets others forge events.",
    severity: Severity::Critical,
    pattern: r"\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("Authorization: ", "sk", "_test", "_a1B2c3D4e5F6g7H8i9J0k1L2", "\n"),
            found: &[concat!("sk", "_test", "_a1B2c3D4e5F6g7H8i9J0k1L2")],
        },
        Example {
            text: concat!("whsec ", "wh", "sec_a", "1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", ","),
            found: &[concat!("wh", "sec_a", "1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6")],
        },
        Example {
            text: concat!("rk=", "rk", "_live", "_a1B2c3D4e5F6g7H8i9J0k1L2", ""),
            found: &[concat!("rk", "_live", "_a1B2c3D4e5F6g7H8i9J0k1L2")],
        },
    ],
    no_matches: &[
        "sk_test_",
        "sk_live_short1",
        concat!("tas", "k_test_a1B2c3D4e5F6g7H8"),
        concat!("pk_", "test_a1B2c3D4e5F6g7H8i9J0k1L2"),
        concat!("dis", "k_live_a1B2c3D4e5F6g7H8i9"),
    ],
};
