//! A recording through filters to an output, at the pace of its times.

use std::io::{self, BufRead, Write};

use super::{
    format::{self, Entry, Reader},
    rate::{Clock, Pacer, Rate},
};
use crate::{
    host::{Action, Batch, Encoding, Outcome},
    pipeline::{Chain, Error},
};

/// How many records go through the filters together, at most.
const MAX_BATCH: usize = 1024;

/// And about how many bytes.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// What was replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records in the recording.
    pub records: u64,
    /// Of these, such that a filter changed.
    pub changed: u64,
    /// Records that a filter removed.
    pub dropped: u64,
}

struct Player<'a, W, C> {
    chain: Option<&'a mut Chain>,
    output: W,
    clock: C,
    pacer: Pacer,
    batch: Batch,
    outcome: Outcome,
    totals: Totals,
}

fn cannot_write(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::OutputClosed;
    }
    Error::Io(anyhow::Error::from(error).context("cannot write the output"))
}

/// What is wrong with a recording, with its name.
pub fn cannot_read(name: &str, error: format::Error) -> Error {
    Error::Io(anyhow::anyhow!("{name}: {error}"))
}

/// Replay all of a recording; bodies come out as lines.
///
/// # Errors
/// When it cannot be read, a filter fails, or writing does. What stands before a broken spot
/// has been replayed.
pub fn play<R: BufRead>(
    reader: &mut Reader<R>,
    name: &str,
    chain: Option<&mut Chain>,
    rate: Rate,
    clock: impl Clock,
    output: impl Write,
) -> Result<Totals, Error> {
    let mut player = Player {
        chain,
        output,
        clock,
        pacer: Pacer::new(rate),
        batch: Batch::new("", Encoding::Text),
        outcome: Outcome::default(),
        totals: Totals::default(),
    };
    let mut broken = None;
    let mut tag = String::new();
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                tag.clone_from(&entry.tag);
                player.take(&entry)?;
            }
            Ok(None) => break,
            Err(error) => {
                broken = Some(cannot_read(name, error));
                break;
            }
        }
    }
    player.pass()?;
    if let Some(chain) = &mut player.chain {
        for record in chain.flush(&tag).map_err(Error::Guest)? {
            player
                .output
                .write_all(&record)
                .and_then(|()| player.output.write_all(b"\n"))
                .map_err(cannot_write)?;
        }
    }
    player.output.flush().map_err(cannot_write)?;
    broken.map_or(Ok(player.totals), Err)
}

impl<W: Write, C: Clock> Player<'_, W, C> {
    fn take(&mut self, entry: &Entry) -> Result<(), Error> {
        let now = self.clock.now();
        let due = self.pacer.due(entry.time_ns, now);
        let fits = entry.encoding == self.batch.encoding
            && entry.tag == self.batch.tag
            && self.batch.len() < MAX_BATCH
            && self.batch.bodies.len() < MAX_BATCH_BYTES;
        if due > now || !fits {
            self.pass()?;
        }
        if due > now {
            self.output.flush().map_err(cannot_write)?;
            self.clock.sleep_until(due);
        }
        if self.batch.is_empty() {
            self.batch.encoding = entry.encoding;
            self.batch.tag.clone_from(&entry.tag);
        }
        self.batch.push(entry.time_ns, &entry.body);
        Ok(())
    }

    /// The batch through the filters to the output.
    fn pass(&mut self) -> Result<(), Error> {
        let Self { chain, output, batch, outcome, totals, .. } = self;
        if batch.is_empty() {
            return Ok(());
        }
        outcome.clear();
        match chain {
            Some(chain) => chain.process(batch, outcome).map_err(Error::Guest)?,
            None => outcome.actions.resize(batch.len(), Action::Keep),
        }
        totals.records += batch.len() as u64;
        let mut changed = 0;
        for (i, action) in outcome.actions.iter().enumerate() {
            let body = match action {
                Action::Keep => batch.body(i),
                Action::Drop => {
                    totals.dropped += 1;
                    continue;
                }
                Action::Replace | Action::ReplaceJson => {
                    changed += 1;
                    outcome.body(changed - 1)
                }
            };
            output.write_all(body).and_then(|()| output.write_all(b"\n")).map_err(cannot_write)?;
        }
        totals.changed += changed as u64;
        batch.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc, time::Duration};

    use super::*;
    use crate::recording::format::{Header, write_entry, write_header};

    /// What was written, with the moment in milliseconds.
    type Noted = Vec<(u64, String)>;

    /// Time passes only by waiting.
    #[derive(Clone, Default)]
    struct Stage(Rc<RefCell<(Duration, Noted)>>);

    impl Clock for Stage {
        fn now(&self) -> Duration {
            self.0.borrow().0
        }

        fn sleep_until(&mut self, moment: Duration) {
            let mut stage = self.0.borrow_mut();
            assert!(moment > stage.0);
            stage.0 = moment;
        }
    }

    impl Write for Stage {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut stage = self.0.borrow_mut();
            let moment = stage.0.as_millis() as u64;
            if bytes != b"\n" {
                stage.1.push((moment, String::from_utf8_lossy(bytes).into_owned()));
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn played(rate: &str, records: &[(u64, &str)]) -> Noted {
        let mut bytes = Vec::new();
        write_header(&Header::new(Vec::new()), &mut bytes).unwrap();
        for (ms, body) in records {
            write_entry(
                "t",
                (1_700_000_000_000 + ms) * 1_000_000,
                Encoding::Text,
                body.as_bytes(),
                &mut bytes,
            )
            .unwrap();
        }
        let stage = Stage::default();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let rate = rate.parse().unwrap();
        let totals = play(&mut reader, "r", None, rate, stage.clone(), stage.clone()).unwrap();
        assert_eq!(totals.records, records.len() as u64);
        stage.0.take().1
    }

    #[test]
    fn records_come_at_their_times() {
        let records = [(0, "a"), (0, "b"), (1500, "c"), (1000, "late"), (3_600_000, "d")];
        let at = |rate: &str| played(rate, &records).into_iter().map(|(ms, _)| ms).collect::<Vec<_>>();
        assert_eq!(at("real"), [0, 0, 1500, 1500, 3_600_000]);
        assert_eq!(at("100x"), [0, 0, 15, 15, 36_000]);
        assert_eq!(at("0.5x"), [0, 0, 3000, 3000, 7_200_000]);
        assert_eq!(at("max"), [0; 5]);
        let bodies: Vec<String> = played("real", &records).into_iter().map(|(_, body)| body).collect();
        assert_eq!(bodies, ["a", "b", "c", "late", "d"]);
    }

    #[test]
    fn what_stands_before_a_broken_spot_is_replayed() {
        let mut bytes = Vec::new();
        write_header(&Header::new(Vec::new()), &mut bytes).unwrap();
        write_entry("t", 1, Encoding::Text, b"whole", &mut bytes).unwrap();
        bytes.extend_from_slice(b"{\"time\":\"20");
        let mut output = Vec::new();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let error = play(&mut reader, "r", None, Rate::Max, Stage::default(), &mut output).unwrap_err();
        assert_eq!(output, b"whole\n");
        assert!(error.to_string().contains("r: line 3: is cut off"), "{error}");
    }
}
