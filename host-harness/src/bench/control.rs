//! The control without a filter: every body is copied, and nothing is looked at. What it takes
//! is what the harness and the memory of the machine take.

use crate::host::{Action, Batch, Host, Outcome};

/// What the control is called in reports.
pub const NAME: &str = "copy";

/// Copies every body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Copy;

impl Host for Copy {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.clear();
        let mut start = 0;
        for &end in &batch.ends {
            let end = end as usize;
            outcome.bodies.extend_from_slice(&batch.bodies[start..end]);
            outcome.ends.push(u32::try_from(outcome.bodies.len())?);
            outcome.actions.push(Action::Replace);
            start = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Encoding;

    #[test]
    fn bodies_come_out_as_they_went_in() {
        let mut batch = Batch::new("t", Encoding::Text);
        for body in [&b"one"[..], b"", b"three"] {
            batch.push(0, body);
        }
        let mut outcome = Outcome::default();
        Copy.process(&batch, &mut outcome).unwrap();
        outcome.check(3).unwrap();
        assert_eq!((&outcome.bodies, &outcome.ends), (&batch.bodies, &batch.ends));
    }
}
