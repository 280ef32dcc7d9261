//! Lines through a chain of filters: a thread that reads and cuts, the calling thread that
//! runs the filters, a thread that writes. Memory is bounded by the few chunks that are
//! on their way, whatever the length of the input.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    host::{Action, Batch, Encoding, Host, Outcome},
    input::{Chunk, InputMode, Lines, decode},
    output::LineWriter,
};

/// How many chunks may wait between two threads.
const QUEUE: usize = 2;

/// One filter of a chain.
pub struct Stage {
    /// Its name, for messages and the summary.
    pub name: String,
    /// The filter, running.
    pub host: Box<dyn Host>,
}

/// An input that is opened when its turn has come.
pub struct Source {
    /// What messages call it.
    pub name: String,
    /// Opens it.
    pub open: Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>,
}

/// How to read and name the records.
#[derive(Debug, Clone)]
pub struct Options {
    /// Text or JSON lines.
    pub mode: InputMode,
    /// The tag that filters see.
    pub tag: String,
    /// Lines longer than this are replaced by a notice.
    pub max_record_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { mode: InputMode::Auto, tag: "tamis".into(), max_record_bytes: 16 << 20 }
    }
}

/// The name of a filter, and what it counted.
pub type FilterCounters = (String, Vec<(String, u64)>);

/// What went through.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Records given to the first filter.
    pub records_in: u64,
    /// Records that came out with another body.
    pub records_changed: u64,
    /// Records that came out not at all.
    pub records_dropped: u64,
    /// Records that filters held back and gave at the end, or made themselves.
    pub records_added: u64,
    /// Lines replaced by a notice because they were too long.
    pub lines_withheld: u64,
    /// Bytes read, after decompression.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// From the first read to the last write.
    pub elapsed: Duration,
    /// Per filter: its name, and what it counted.
    pub counters: Vec<FilterCounters>,
}

impl Summary {
    fn add(&mut self, chunk: &Chunk, outcome: &Outcome) {
        self.bytes_in += chunk.bytes_read;
        self.records_in += chunk.batch.len() as u64;
        self.lines_withheld += chunk.withheld;
        self.records_changed += outcome.ends.len() as u64;
        let dropped = outcome.actions.iter().filter(|a| **a == Action::Drop).count();
        self.records_dropped += dropped as u64;
    }
}

/// Why a run ended early.
#[derive(Debug)]
pub enum Error {
    /// Reading or writing failed.
    Io(anyhow::Error),
    /// A filter failed.
    Guest(anyhow::Error),
    /// Nobody reads the output any more.
    OutputClosed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) | Self::Guest(e) => write!(f, "{e:#}"),
            Self::OutputClosed => f.write_str("the output was closed"),
        }
    }
}

impl std::error::Error for Error {}

fn write_error(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::OutputClosed;
    }
    Error::Io(anyhow::Error::from(error).context("cannot write the output"))
}

/// A chain of filters that answers like one.
pub struct Chain {
    stages: Vec<Stage>,
    batch: Batch,
    outcome: Outcome,
    bodies: Vec<u8>,
    states: Vec<State>,
}

/// Where a record stands between two filters.
#[derive(Debug, Clone, Copy)]
struct State {
    action: Action,
    /// Its body in `Chain::bodies`, if it was replaced.
    start: usize,
    end: usize,
}

impl Chain {
    /// The stages in the order in which records pass them.
    pub fn new(stages: Vec<Stage>) -> Self {
        Self {
            stages,
            batch: Batch::new("", Encoding::Text),
            outcome: Outcome::default(),
            bodies: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Filter a batch through all stages; the outcome is relative to `batch`.
    ///
    /// # Errors
    /// When a stage fails; the error names it.
    pub fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        if let [only] = &mut self.stages[..] {
            return only.process(batch, outcome);
        }
        self.process_from(0, batch, outcome)
    }

    fn process_from(&mut self, first: usize, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        self.bodies.clear();
        self.states.clear();
        self.states.resize(batch.len(), State { action: Action::Keep, start: 0, end: 0 });
        for stage in first..self.stages.len() {
            // A filter may have made JSON of text: batches hold one encoding.
            let mut from = 0;
            while from < batch.len() {
                let encoding = encoding_of(batch, self.states[from]);
                let same = self.states[from..].iter().take_while(|s| encoding_of(batch, **s) == encoding);
                let to = from + same.count();
                self.run(stage, batch, from..to, encoding)?;
                from = to;
            }
        }
        outcome.clear();
        for state in &self.states {
            outcome.actions.push(state.action);
            if matches!(state.action, Action::Replace | Action::ReplaceJson) {
                outcome.bodies.extend_from_slice(&self.bodies[state.start..state.end]);
                outcome.ends.push(u32::try_from(outcome.bodies.len())?);
            }
        }
        Ok(())
    }

    fn run(
        &mut self,
        stage: usize,
        batch: &Batch,
        records: std::ops::Range<usize>,
        encoding: Encoding,
    ) -> anyhow::Result<()> {
        self.batch.clear();
        self.batch.encoding = encoding;
        self.batch.tag.clone_from(&batch.tag);
        for i in records.clone() {
            match self.states[i] {
                State { action: Action::Drop, .. } => {}
                State { action: Action::Keep, .. } => {
                    self.batch.push(batch.timestamps_ns[i], batch.body(i));
                }
                State { start, end, .. } => {
                    self.batch.push(batch.timestamps_ns[i], &self.bodies[start..end]);
                }
            }
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        self.stages[stage].process(&self.batch, &mut self.outcome)?;
        let (mut answer, mut body) = (0, 0);
        for i in records {
            if self.states[i].action == Action::Drop {
                continue;
            }
            let action = self.outcome.actions[answer];
            answer += 1;
            match action {
                Action::Keep => {}
                Action::Drop => self.states[i].action = Action::Drop,
                Action::Replace | Action::ReplaceJson => {
                    let start = self.bodies.len();
                    self.bodies.extend_from_slice(self.outcome.body(body));
                    body += 1;
                    let json = encoding == Encoding::Json && batch.encoding == Encoding::Text;
                    let action = if json { Action::ReplaceJson } else { action };
                    self.states[i] = State { action, start, end: self.bodies.len() };
                }
            }
        }
        Ok(())
    }

    /// What the filters held back: each stage's records go through those after it.
    ///
    /// # Errors
    /// When a stage fails; the error names it.
    pub fn flush(&mut self, tag: &str) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut records = Vec::new();
        for stage in 0..self.stages.len() {
            let held = self.stages[stage].flush()?;
            if stage + 1 == self.stages.len() {
                records.extend(held);
                continue;
            }
            let mut batch = Batch::new(tag, Encoding::Json);
            for record in &held {
                batch.push(0, record);
            }
            let mut outcome = Outcome::default();
            self.process_from(stage + 1, &batch, &mut outcome)?;
            let mut body = 0;
            for (record, action) in held.into_iter().zip(&outcome.actions) {
                match action {
                    Action::Keep => records.push(record),
                    Action::Drop => {}
                    Action::Replace | Action::ReplaceJson => {
                        records.push(outcome.body(body).to_vec());
                        body += 1;
                    }
                }
            }
        }
        Ok(records)
    }

    /// What each stage counted.
    ///
    /// # Errors
    /// When a stage fails; the error names it.
    pub fn counters(&mut self) -> anyhow::Result<Vec<FilterCounters>> {
        self.stages
            .iter_mut()
            .map(|stage| {
                let counters = stage.host.counters().map_err(|e| stage.name_error(e))?;
                Ok((stage.name.clone(), counters))
            })
            .collect()
    }
}

fn encoding_of(batch: &Batch, state: State) -> Encoding {
    if state.action == Action::ReplaceJson { Encoding::Json } else { batch.encoding }
}

impl Stage {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        self.host.process(batch, outcome).map_err(|e| self.name_error(e))?;
        // Whatever the ABI, all later code relies on this.
        outcome.check(batch.len()).map_err(|e| self.name_error(e))
    }

    fn flush(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        self.host.flush().map_err(|e| self.name_error(e))
    }

    fn name_error(&self, error: anyhow::Error) -> anyhow::Error {
        error.context(format!("filter '{}'", self.name))
    }
}

/// What goes from the filters to the writer.
enum Done {
    Chunk(Box<(Chunk, Outcome)>),
    Records(Vec<Vec<u8>>),
}

/// Make the allocator keep what is freed, up to some megabytes.
///
/// That of glibc gives blocks as large as the buffers here back to the kernel at once, and each batch would fault
/// its pages in again, until it has seen a larger block come and go; see `M_MMAP_THRESHOLD` in mallopt(3).
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(4 << 20)));
}

/// Read all sources, filter them, write what is left.
///
/// After a failure the reading thread may stay behind in a read that does not return; it
/// ends with the process or with its input.
///
/// # Errors
/// See [`Error`]. Lines before the failure have been written.
pub fn run(
    mut chain: Chain,
    sources: Vec<Source>,
    sink: impl Write + Send + 'static,
    options: &Options,
) -> Result<Summary, Error> {
    let started = Instant::now();
    keep_freed_memory();
    let (to_filter, from_reader) = sync_channel(QUEUE);
    let (to_writer, from_filter) = sync_channel(QUEUE);
    let (give_back, given_back) = channel();
    let (return_outcome, returned_outcome) = channel();
    let thread_failed = |e: io::Error| Error::Io(anyhow::Error::from(e).context("cannot start a thread"));
    {
        let options = options.clone();
        thread::Builder::new()
            .name("tamis-read".into())
            .spawn(move || read_all(sources, &options, &to_filter, &given_back))
            .map_err(thread_failed)?;
    }
    let writer = thread::Builder::new()
        .name("tamis-write".into())
        .spawn(move || write_all(sink, from_filter, give_back, return_outcome))
        .map_err(thread_failed)?;

    let mut summary = Summary::default();
    let filtered = filter_all(&mut chain, options, &from_reader, &to_writer, &returned_outcome, &mut summary);
    drop(to_writer);
    let written = match writer.join() {
        Ok(written) => written,
        Err(_) => Err(Error::Io(anyhow::anyhow!("the writing thread died"))),
    };
    // If both failed, the writer's failure is the cause.
    summary.bytes_out = written?;
    filtered?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// What goes from the reader to the filters.
type Filled = Result<Chunk, Error>;

fn filter_all(
    chain: &mut Chain,
    options: &Options,
    from_reader: &Receiver<Filled>,
    to_writer: &SyncSender<Done>,
    returned_outcome: &Receiver<Outcome>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let mut failed = None;
    for chunk in from_reader {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        let mut outcome = returned_outcome.try_recv().unwrap_or_default();
        outcome.clear();
        if !chunk.batch.is_empty() {
            chain.process(&chunk.batch, &mut outcome).map_err(Error::Guest)?;
        }
        summary.add(&chunk, &outcome);
        if to_writer.send(Done::Chunk(Box::new((chunk, outcome)))).is_err() {
            // The writer has failed and says why when it is joined.
            return Ok(());
        }
    }
    // Also after a failed read: what is held back belongs to lines that were read.
    let records = chain.flush(&options.tag).map_err(Error::Guest)?;
    summary.records_added = records.len() as u64;
    let _ = to_writer.send(Done::Records(records));
    summary.counters = chain.counters().map_err(Error::Guest)?;
    failed.map_or(Ok(()), Err)
}

fn read_all(
    sources: Vec<Source>,
    options: &Options,
    to_filter: &SyncSender<Filled>,
    given_back: &Receiver<Chunk>,
) {
    for source in sources {
        let name = source.name;
        let opened = (source.open)().and_then(decode::decode);
        let cannot_read =
            |e: io::Error| Error::Io(anyhow::Error::from(e).context(format!("cannot read {name}")));
        let decoded = match opened {
            Ok(decoded) => decoded,
            Err(error) => {
                // Nobody listens any more: nothing is left to do either way.
                let _ = to_filter.send(Err(cannot_read(error)));
                return;
            }
        };
        let fill = decoded.compressed;
        let mut lines = Lines::new(decoded.reader, options.mode, options.max_record_bytes, fill);
        loop {
            let mut chunk = given_back.try_recv().unwrap_or_else(|_| Chunk::new(&options.tag));
            let item = match lines.next_chunk(&mut chunk) {
                Ok(false) => break,
                Ok(true) => Ok(chunk),
                Err(error) => Err(cannot_read(error)),
            };
            let last = item.is_err();
            if to_filter.send(item).is_err() || last {
                return;
            }
        }
    }
}

fn write_all(
    sink: impl Write,
    from_filter: Receiver<Done>,
    give_back: Sender<Chunk>,
    return_outcome: Sender<Outcome>,
) -> Result<u64, Error> {
    let mut writer = LineWriter::new(sink);
    for done in from_filter {
        match done {
            Done::Chunk(filtered) => {
                let (chunk, outcome) = *filtered;
                writer.write_chunk(&chunk, &outcome).map_err(write_error)?;
                // The reader may have ended already.
                let _ = give_back.send(chunk);
                let _ = return_outcome.send(outcome);
            }
            Done::Records(records) => writer.write_records(&records).map_err(write_error)?,
        }
    }
    writer.finish().map_err(write_error)?;
    Ok(writer.bytes_written())
}

/// As [`run`], from memory to memory and on the calling thread only.
///
/// # Errors
/// See [`Error`].
pub fn run_bytes(chain: &mut Chain, input: &[u8], options: &Options) -> Result<(Vec<u8>, Summary), Error> {
    let started = Instant::now();
    let mut summary = Summary::default();
    let mut output = Vec::with_capacity(input.len());
    let mut writer = LineWriter::new(&mut output);
    let mut lines = Lines::new(input, options.mode, options.max_record_bytes, false);
    let mut chunk = Chunk::new(&options.tag);
    let mut outcome = Outcome::default();
    while lines.next_chunk(&mut chunk).map_err(|e| Error::Io(e.into()))? {
        outcome.clear();
        if !chunk.batch.is_empty() {
            chain.process(&chunk.batch, &mut outcome).map_err(Error::Guest)?;
        }
        summary.add(&chunk, &outcome);
        writer.write_chunk(&chunk, &outcome).map_err(write_error)?;
    }
    let records = chain.flush(&options.tag).map_err(Error::Guest)?;
    summary.records_added = records.len() as u64;
    writer.write_records(&records).map_err(write_error)?;
    summary.bytes_out = writer.bytes_written();
    summary.counters = chain.counters().map_err(Error::Guest)?;
    summary.elapsed = started.elapsed();
    Ok((output, summary))
}
