//! What the filter counts.

/// Names of the counts, in their order.
pub const NAMES: &[&str] = &["events", "alerts", "secrets"];

/// The counts since the start.
#[derive(Debug, Default)]
pub struct Counts([u64; 3]);

impl Counts {
    /// An event, with so many alerts.
    pub fn event(&mut self, alerts: usize) {
        self.0[0] += 1;
        self.0[1] += alerts as u64;
    }

    /// So many secrets have gone from a record.
    pub fn secrets(&mut self, removed: u64) {
        self.0[2] += removed;
    }

    /// All of them.
    pub fn all(&self) -> &[u64] {
        &self.0
    }
}
