//! Shopify tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "shopify-token",
    title: "Shopify token",
    what: "Access tokens of apps (`shpat_`, `shpca_`, `shppa_`) and their shared secrets (`shpss_`).",
    why: "Reads and changes orders and customers of a shop.",
    severity: Severity::Critical,
    pattern: r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!("X-Shopify-Access-Token ", "shp", "at_0123456789abcdef0123456789abcdef"),
        found: &[concat!("shp", "at_0123456789abcdef0123456789abcdef")],
    }],
    no_matches: &["shpat_x1", "shpat_ 12"],
};
