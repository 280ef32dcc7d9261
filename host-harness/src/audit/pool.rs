//! Inputs through scanners on all cores. One thread reads and cuts, the others scan, and what they find is put
//! together in the order of the inputs, so that the number of threads shows nowhere but on the clock.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use tamis_sdk::ConfigError;

use super::{
    Options,
    chunks::{Chunk, Chunks, MAX_LINE_BYTES, Stop},
    scan::Scanner,
    tally::{CROWDED, MAX_FINDINGS, MAX_FINDINGS_CROWDED, Tally},
    walk::Input,
};
use crate::input::{InputMode, decode};

/// What was found in one input.
#[derive(Debug)]
pub struct Scanned {
    /// Which one.
    pub input: usize,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines in it.
    pub lines: u64,
    /// What was found.
    pub tally: Tally,
    /// It was left out on purpose.
    pub skipped: Option<String>,
    /// All or a part of it could not be scanned.
    pub errors: Vec<String>,
}

/// What a thread has to do: the place of the chunk in the order of all, and the chunk.
type Job = (u64, Chunk);
/// What the reader tells about the order of things.
enum Event {
    /// The chunk with this number is next; it is of the input whose end is told next.
    Chunk(u64),
    /// An input has ended.
    End(Box<Scanned>),
}

/// What reading gives.
#[derive(Debug)]
pub enum Step {
    /// A chunk of the input with this index; the chunks of an input come in order.
    Chunk(usize, Chunk),
    /// The end of an input, and what is known of it beside its chunks.
    End(Box<Scanned>),
}

/// Sees every chunk, in order and before it is scanned, with the index of its input.
pub type Tap<'t> = &'t mut (dyn FnMut(usize, &Chunk) + Send);

/// Scan `inputs`; `progress` is told how many bytes (as they lie on the disk) were read.
///
/// # Errors
/// When the config is refused.
pub fn run(
    inputs: &[Input],
    options: &Options,
    progress: &Progress,
    tap: Option<Tap<'_>>,
) -> Result<Vec<Scanned>, ConfigError> {
    // Said before any thread starts.
    Scanner::new(&options.config, options.secret.as_ref(), options.samples, 0)?;
    let threads = options.threads.max(1);
    // Chunks that are on their way: bounds the memory, also when one thread is slow.
    let permits = threads * 2;
    let (give_permit, permit) = sync_channel(permits);
    for _ in 0..permits {
        let _ = give_permit.send(());
    }
    let (to_scan, jobs) = channel::<Job>();
    let jobs = Mutex::new(jobs);
    let (say, events) = channel();
    let (done, results) = channel();
    thread::scope(|scope| {
        scope.spawn(move || read_all(inputs, options, progress, tap, &permit, &to_scan, &say));
        for _ in 0..threads {
            let (jobs, done) = (&jobs, done.clone());
            scope.spawn(move || scan_all(options, jobs, &done));
        }
        drop(done);
        collect(&events, &results, &give_permit, options.samples)
    })
}

fn read_all(
    inputs: &[Input],
    options: &Options,
    progress: &Progress,
    mut tap: Option<Tap<'_>>,
    permit: &Receiver<()>,
    to_scan: &Sender<Job>,
    say: &Sender<Event>,
) {
    let mut next = 0;
    // Whoever is gone has failed, and says why.
    read(inputs, options.mode, progress, &mut |step| match step {
        Step::Chunk(index, chunk) => {
            if let Some(tap) = &mut tap {
                tap(index, &chunk);
            }
            let number = next;
            next += 1;
            permit.recv().is_ok()
                && say.send(Event::Chunk(number)).is_ok()
                && to_scan.send((number, chunk)).is_ok()
        }
        Step::End(end) => say.send(Event::End(end)).is_ok(),
    });
}

/// Read `inputs` chunk by chunk and scan nothing; `take` says whether to go on.
pub fn read(inputs: &[Input], mode: InputMode, progress: &Progress, take: &mut dyn FnMut(Step) -> bool) {
    for (index, input) in inputs.iter().enumerate() {
        let mut scanned = Scanned {
            input: index,
            bytes: 0,
            lines: 0,
            tally: Tally::new(MAX_FINDINGS),
            skipped: None,
            errors: Vec::new(),
        };
        match open(input, progress).and_then(decode::decode) {
            Ok(decoded) => {
                let mut chunks = Chunks::new(decoded.reader, mode);
                loop {
                    match chunks.next_chunk() {
                        Ok(Some(chunk)) => {
                            if !take(Step::Chunk(index, chunk)) {
                                return;
                            }
                        }
                        Ok(None) => break,
                        Err(Stop::Binary) => {
                            scanned.skipped = Some("binary".into());
                            break;
                        }
                        Err(Stop::Io(error)) => {
                            scanned.errors.push(error.to_string());
                            break;
                        }
                    }
                }
                scanned.bytes = chunks.bytes_read;
                scanned.lines = chunks.lines();
                scanned.errors.extend(
                    chunks.too_long.iter().map(|l| format!("line {l} is over {MAX_LINE_BYTES} bytes")),
                );
            }
            Err(error) => scanned.errors.push(error.to_string()),
        }
        if !take(Step::End(Box::new(scanned))) {
            return;
        }
    }
}

fn open(input: &Input, progress: &Progress) -> io::Result<Counted> {
    let inner: Box<dyn Read + Send> = match &input.path {
        Some(path) => Box::new(File::open(path)?),
        None => Box::new(io::stdin()),
    };
    Ok(Counted { inner, progress: Arc::clone(progress) })
}

/// Called with the number of bytes that were read.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

struct Counted {
    inner: Box<dyn Read + Send>,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

fn scan_all(options: &Options, jobs: &Mutex<Receiver<Job>>, done: &Sender<Found>) {
    let scanner = Scanner::new(&options.config, options.secret.as_ref(), options.samples, MAX_FINDINGS);
    let Ok(mut scanner) = scanner else { return };
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, chunk)) = job else { return };
        let tally = scanner.scan(&chunk);
        drop(chunk);
        if done.send((number, tally)).is_err() {
            return;
        }
    }
}

type Found = (u64, Result<Tally, ConfigError>);

/// Put the results in order.
fn collect(
    events: &Receiver<Event>,
    results: &Receiver<Found>,
    permits: &SyncSender<()>,
    samples: usize,
) -> Result<Vec<Scanned>, ConfigError> {
    let mut scanned = Vec::new();
    let mut early = BTreeMap::new();
    let mut tally = Tally::new(MAX_FINDINGS);
    let mut findings = 0;
    for event in events {
        match event {
            Event::Chunk(number) => {
                let part = loop {
                    if let Some(part) = early.remove(&number) {
                        break part;
                    }
                    match results.recv() {
                        Ok((number, part)) => early.insert(number, part),
                        // All scanners have gone: the scope passes on why.
                        Err(_) => return Ok(scanned),
                    };
                };
                tally.merge(part?, samples);
                let _ = permits.send(());
            }
            Event::End(mut end) => {
                findings += tally.entries.len();
                let limit = if findings > CROWDED { MAX_FINDINGS_CROWDED } else { MAX_FINDINGS };
                end.tally = std::mem::replace(&mut tally, Tally::new(limit));
                scanned.push(*end);
            }
        }
    }
    Ok(scanned)
}
