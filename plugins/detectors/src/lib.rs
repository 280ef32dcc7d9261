//! Detectors of sensitive values in text, and rules that judge field names.
//!
//! | module | what it knows |
//! |---|---|
//! | `definition` | what a detector says about itself |
//! | `detect` | one file per kind of value: where it starts, where it ends, what it is not |
//! | `gate` | texts in which nothing can be found, told in one cheap pass |
//! | `walk` | one pass over the other texts, from one byte worth a look to the next |
//! | `scan` | the text under scan: boundaries, context, findings |
//! | `valid` | check digits |
//! | `keys` | field names |
//! | `custom` | users' own patterns |
//!
//! Not in here: what becomes of a finding, and how text comes out of a record.

mod custom;
mod definition;
mod detect;
mod gate;
pub mod keys;
mod scan;
mod text;
mod valid;
mod walk;

pub use definition::{CustomDetector, Definition, Example, Severity};

use crate::{
    custom::Custom,
    detect::{DEFINITIONS, Id},
    gate::Gate,
    scan::Scan,
};

/// Bytes `start..end` of the scanned text are sensitive: the secret part only, such as `abc` in `Bearer abc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Which detector found it: an index for [`Detectors::name`].
    pub detector: u16,
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

/// The built-in detectors; an index in here is a [`Finding::detector`].
#[must_use]
pub fn definitions() -> &'static [&'static Definition] {
    DEFINITIONS
}

/// Detectors made ready to run.
#[derive(Debug)]
pub struct Detectors {
    enabled: u64,
    gate: Gate,
    custom: Vec<Custom>,
}

impl Detectors {
    /// Built-in detectors that `enabled` says yes to, and custom ones, whose indices come after the built-in ones.
    ///
    /// # Errors
    /// The index of the custom detector that does not work, and why.
    pub fn new(
        enabled: impl Fn(&Definition) -> bool,
        custom: &[CustomDetector],
    ) -> Result<Self, (usize, String)> {
        let enabled =
            DEFINITIONS.iter().enumerate().filter(|(_, d)| enabled(d)).fold(0, |m, (i, _)| m | 1 << i);
        Ok(Self { enabled, gate: Gate::new(), custom: custom::compile(custom)? })
    }

    /// Whether [`scan`](Self::scan) may find anything: one cheap pass, for callers that have other things to do with
    /// a text otherwise.
    #[must_use]
    #[inline]
    pub fn may_match(&self, text: &[u8]) -> bool {
        !self.custom.is_empty() || self.gate.may_match(text)
    }

    /// Append the findings in `text`, sorted and without overlaps.
    pub fn scan(&self, text: &[u8], found: &mut Vec<Finding>) {
        let first = found.len();
        if self.enabled != 0 && self.gate.may_match(text) {
            walk::walk(&self.gate, &mut Scan::new(text, self.enabled, found));
        }
        custom::scan(&self.custom, text, first, found);
    }

    /// The detector that knows `number`, the text of a JSON number, as sensitive.
    #[must_use]
    pub fn scan_number(&self, number: &[u8]) -> Option<u16> {
        let card = Id::PaymentCard;
        (self.enabled & card.bit() != 0 && detect::payment_card::is_card(number)).then_some(card as u16)
    }

    /// Id of a built-in detector, name of a custom one.
    #[must_use]
    pub fn name(&self, detector: u16) -> &str {
        let index = usize::from(detector);
        match DEFINITIONS.get(index) {
            Some(definition) => definition.id,
            None => self.custom.get(index - DEFINITIONS.len()).map_or("", |c| &c.name),
        }
    }

    /// How bad a leak of what it finds is.
    #[must_use]
    pub fn severity(&self, detector: u16) -> Severity {
        let index = usize::from(detector);
        match DEFINITIONS.get(index) {
            Some(definition) => definition.severity,
            None => self.custom.get(index - DEFINITIONS.len()).map_or(Severity::Medium, |c| c.severity),
        }
    }

    /// Number of detectors, built-in (enabled or not) and custom: indices are below it.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there are always built-in ones")]
    pub fn len(&self) -> usize {
        DEFINITIONS.len() + self.custom.len()
    }

    /// Whether the built-in detector with this index runs; custom ones always do.
    #[must_use]
    pub fn is_enabled(&self, detector: u16) -> bool {
        let index = usize::from(detector);
        if index < DEFINITIONS.len() { self.enabled & 1 << index != 0 } else { index < self.len() }
    }
}
