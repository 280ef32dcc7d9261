//! What was done, per kind. Counts only: never a value.

use crate::policy::{CLASSES, PAYLOAD_PEN, PenId};

/// Names of the kinds: payload values, values under names of each class, what detectors found.
pub const NAMES: &[&str] = &[
    "payload",
    "password",
    "secret",
    "code",
    "person",
    "contact",
    "national_id",
    "financial",
    "network",
    "detected",
];

/// A count per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; NAMES.len()]);

impl Counts {
    /// One more that `pen` replaced.
    pub fn add(&mut self, pen: PenId) {
        let kind = if pen == PAYLOAD_PEN { 0 } else { usize::from(pen.0).min(CLASSES.len() + 1) };
        if let Some(count) = self.0.get_mut(kind) {
            *count += 1;
        }
    }

    /// All counts, in the order of [`NAMES`].
    pub fn all(&self) -> &[u64] {
        &self.0
    }

    /// Append what came since `before` as a JSON object of the kinds that occurred; `false` if there were none.
    pub fn write_since(&self, before: &Self, out: &mut Vec<u8>) -> bool {
        let mut any = false;
        for ((name, now), then) in
            NAMES.iter().zip(self.0).zip(before.0).filter(|((_, now), then)| now > then)
        {
            out.extend_from_slice(if any { b",\"" } else { b"{\"" });
            any = true;
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(format!("\":{}", now - then).as_bytes());
        }
        if any {
            out.push(b'}');
        }
        any
    }
}
