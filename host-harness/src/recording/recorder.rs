//! Batches of records through filters into a recording, up to its bounds.

use std::io::{self, Write};

use super::{
    format::{self, Header},
    time,
};
use crate::{
    host::{Action, Batch, Encoding, Outcome},
    pipeline::{Chain, Error},
};

/// How much a recording may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Records.
    pub records: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records that came, up to the bounds.
    pub records_in: u64,
    /// Records in the recording.
    pub records: u64,
    /// Of these, such that a filter changed.
    pub changed: u64,
    /// Records that a filter removed.
    pub dropped: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes a recording.
pub struct Recorder<W> {
    sink: W,
    chain: Option<Chain>,
    bounds: Bounds,
    totals: Totals,
    full: bool,
    outcome: Outcome,
    line: Vec<u8>,
}

fn cannot_write(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::OutputClosed;
    }
    Error::Io(anyhow::Error::from(error).context("cannot write the recording"))
}

impl<W: Write> Recorder<W> {
    /// Start a recording. Without a chain, records are recorded as they came.
    ///
    /// # Errors
    /// When writing fails.
    pub fn start(sink: W, chain: Option<Chain>, filters: Vec<String>, bounds: Bounds) -> Result<Self, Error> {
        let mut line = Vec::new();
        format::write_header(&Header::new(filters), &mut line).map_err(cannot_write)?;
        let totals = Totals { bytes: line.len() as u64, ..Totals::default() };
        let mut recorder =
            Self { sink, chain, bounds, totals, full: false, outcome: Outcome::default(), line: Vec::new() };
        recorder.sink.write_all(&line).map_err(cannot_write)?;
        recorder.sink.flush().map_err(cannot_write)?;
        Ok(recorder)
    }

    /// Whether a bound was reached: nothing more is taken.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// What was recorded so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Record a batch that came at `arrival_ns`; whether there is room for more. What was taken is
    /// written out.
    ///
    /// # Errors
    /// When a filter fails, or writing does.
    pub fn record(&mut self, batch: &Batch, arrival_ns: u64) -> Result<bool, Error> {
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.clear();
        match &mut self.chain {
            Some(chain) if !batch.is_empty() => chain.process(batch, &mut outcome).map_err(Error::Guest)?,
            _ => outcome.actions.resize(batch.len(), Action::Keep),
        }
        let mut changed = 0;
        for (i, action) in outcome.actions.iter().enumerate() {
            let (encoding, body) = match action {
                Action::Drop => {
                    self.totals.records_in += u64::from(!self.full);
                    self.totals.dropped += u64::from(!self.full);
                    continue;
                }
                Action::Keep => (batch.encoding, batch.body(i)),
                Action::Replace | Action::ReplaceJson => {
                    changed += 1;
                    let json = *action == Action::ReplaceJson;
                    let encoding = if json { Encoding::Json } else { batch.encoding };
                    (encoding, outcome.body(changed - 1))
                }
            };
            let time_ns = Some(batch.timestamps_ns[i]).filter(|ns| *ns > 0 && time::format(*ns).is_some());
            if !self.put(&batch.tag, time_ns.unwrap_or(arrival_ns), encoding, body)? {
                break;
            }
            self.totals.records_in += 1;
            self.totals.changed += u64::from(*action != Action::Keep);
        }
        self.outcome = outcome;
        self.sink.flush().map_err(cannot_write)?;
        Ok(!self.full)
    }

    /// End the recording: what filters held back comes last, with the time `now_ns`.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn finish(mut self, tag: &str, now_ns: u64) -> Result<Totals, Error> {
        let held = match &mut self.chain {
            Some(chain) => chain.flush(tag).map_err(Error::Guest)?,
            None => Vec::new(),
        };
        for record in held {
            self.put(tag, now_ns, Encoding::Json, &record)?;
        }
        self.sink.flush().map_err(cannot_write)?;
        Ok(self.totals)
    }

    fn put(&mut self, tag: &str, time_ns: u64, encoding: Encoding, body: &[u8]) -> Result<bool, Error> {
        self.line.clear();
        format::write_entry(tag, time_ns, encoding, body, &mut self.line).map_err(cannot_write)?;
        let bytes = self.totals.bytes + self.line.len() as u64;
        self.full |= self.totals.records >= self.bounds.records || bytes > self.bounds.bytes;
        if self.full {
            return Ok(false);
        }
        self.sink.write_all(&self.line).map_err(cannot_write)?;
        self.totals.records += 1;
        self.totals.bytes = bytes;
        self.full = self.totals.records >= self.bounds.records;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Bounds = Bounds { records: u64::MAX, bytes: u64::MAX };

    fn batch(lines: &[&[u8]]) -> Batch {
        let mut batch = Batch::new("t", Encoding::Text);
        lines.iter().for_each(|line| batch.push(0, line));
        batch
    }

    fn recorded(bounds: Bounds) -> (Vec<u8>, Totals, bool) {
        let mut bytes = Vec::new();
        let mut recorder = Recorder::start(&mut bytes, None, Vec::new(), bounds).unwrap();
        let all = recorder.record(&batch(&[b"one", b"two", b"\xff"]), 7).unwrap();
        let all = all && recorder.record(&batch(&[b"four"]), 8).unwrap();
        let totals = recorder.finish("t", 9).unwrap();
        (bytes, totals, all)
    }

    #[test]
    fn bounds_hold_and_lines_stay_whole() {
        let (whole, totals, all) = recorded(NONE);
        assert!(all);
        assert_eq!((totals.records, totals.bytes), (4, whole.len() as u64));
        for records in 0..4 {
            let (bytes, totals, all) = recorded(Bounds { records, ..NONE });
            assert_eq!((totals.records, all), (records, false));
            assert_eq!(bytes.iter().filter(|b| **b == b'\n').count() as u64, records + 1);
        }
        let header = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
        for limit in header..whole.len() {
            let (bytes, totals, _) = recorded(Bounds { bytes: limit as u64, ..NONE });
            assert!(bytes.len() <= limit && bytes.ends_with(b"\n"), "{limit}");
            assert_eq!(totals.bytes, bytes.len() as u64);
        }
    }

    #[test]
    fn times_are_the_records_else_those_of_arrival() {
        let mut bytes = Vec::new();
        let mut recorder = Recorder::start(&mut bytes, None, Vec::new(), NONE).unwrap();
        let mut batch = Batch::new("t", Encoding::Json);
        for time_ns in [0, 5, u64::MAX] {
            batch.push(time_ns, b"{}");
        }
        recorder.record(&batch, 9).unwrap();
        recorder.finish("t", 9).unwrap();
        let mut reader = format::Reader::new(bytes.as_slice()).unwrap();
        let times: Vec<u64> =
            std::iter::from_fn(|| reader.next_entry().unwrap().map(|entry| entry.time_ns)).collect();
        assert_eq!(times, [9, 5, 9]);
    }
}
