//! What a detector says about itself. The catalogue and the example tests are made from it.

use serde::{Deserialize, Serialize};

/// How bad it is when a value of this kind is read by the wrong person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Says something about a person or a system, alone of little use.
    Low,
    /// Identifies a person, or opens something together with other values.
    #[default]
    Medium,
    /// Enough for fraud or for access to one account.
    High,
    /// Opens systems or the accounts of many.
    Critical,
}

impl Severity {
    /// The name users write.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A kind of sensitive value that the crate finds by itself.
#[derive(Debug)]
pub struct Definition {
    /// Its name in configs, reports and replacements, such as `payment-card`.
    pub id: &'static str,
    /// Its name in headings.
    pub title: &'static str,
    /// What is found, in a sentence or two.
    pub what: &'static str,
    /// Why it is sensitive.
    pub why: &'static str,
    /// How bad a leak is.
    pub severity: Severity,
    /// A regular expression that says about the same; the first group, if there, is what is reported.
    pub pattern: &'static str,
    /// What is checked beyond the pattern, in words; may be empty.
    pub validator: &'static str,
    /// Whether it runs unless a config says otherwise.
    pub on_by_default: bool,
    /// Texts with findings.
    pub matches: &'static [Example],
    /// Texts without a finding of any detector.
    pub no_matches: &'static [&'static str],
}

/// A text, and what is found in it.
#[derive(Debug)]
pub struct Example {
    /// The text.
    pub text: &'static str,
    /// The findings in it, in their order.
    pub found: &'static [&'static str],
}

/// A detector of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomDetector {
    /// Its name in replacements and reports.
    pub name: String,
    /// Regular expression over the bytes of the text, at most 1,000 characters. If it has a group, group 1 is the
    /// secret part.
    pub pattern: String,
    /// The pattern runs only on texts with one of these in them, in any case (default: on every text).
    #[serde(default)]
    pub keywords: Vec<String>,
    /// How bad a leak is (default: medium).
    #[serde(default)]
    pub severity: Severity,
}
