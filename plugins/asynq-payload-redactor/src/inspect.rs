//! What the filter would do to a record, without doing it: for auditors.

use tamis_detectors::Severity;
use tamis_sdk::{ConfigError, Edits, Key, record::scan};

use crate::{
    config::Config,
    policy::{CLASSES, PAYLOAD_PEN, PenId, Policy},
    sieve::{Note, Sieve},
};

/// What kind of rule found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// It is in a payload.
    Payload,
    /// Its name is a sensitive one.
    Key,
    /// A detector knows it.
    Detector,
}

/// Finds what the filter would replace.
#[derive(Debug)]
pub struct Inspector {
    sieve: Sieve,
    tape: Vec<scan::Node>,
    edits: Edits,
}

impl Inspector {
    /// An inspector for a config of the filter.
    ///
    /// # Errors
    /// As for the filter.
    pub fn new(config: &Config, key: Option<&Key>) -> Result<Self, ConfigError> {
        let mut sieve = Sieve::new(Policy::new(config, key)?, usize::from(config.streams));
        sieve.observe = true;
        Ok(Self { sieve, tape: Vec::new(), edits: Edits::default() })
    }

    /// What would be replaced in a record: ranges of `body`, in no order; they may overlap, and one range may be named
    /// by several rules, as when several values stand in one base64 text. `json` if it is to be read as JSON; if it is
    /// none, it is read as text. Records of one stream are to be given in their order: payloads may be spread over
    /// several.
    pub fn inspect(&mut self, stream: &[u8], body: &[u8], json: bool) -> &[Note] {
        self.edits.clear();
        if json && scan::scan(body, &mut self.tape).is_ok() {
            self.sieve.json(stream, body, &self.tape, &mut self.edits);
        } else {
            self.sieve.text(stream, body, &mut self.edits);
        }
        self.sieve.notes()
    }

    /// The name of the rule behind a note: `payload`, a class of names, or a detector.
    pub fn rule(&self, pen: PenId) -> &str {
        self.sieve.policy.pen(pen).map_or("", |p| p.label())
    }

    /// What kind of rule is behind a note.
    pub fn kind(pen: PenId) -> RuleKind {
        if pen == PAYLOAD_PEN {
            RuleKind::Payload
        } else if usize::from(pen.0) <= CLASSES.len() {
            RuleKind::Key
        } else {
            RuleKind::Detector
        }
    }

    /// How bad it is.
    pub fn severity(&self, pen: PenId) -> Severity {
        self.sieve.policy.severity(pen)
    }
}
