//! `tamis record`: logs into a recording, redacted on the way.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use super::{
    Failure, Format,
    bytes::Bytes,
    configs,
    input::{self, STDIN},
    output::{self, STDOUT},
    run::{Input, open},
};
use crate::{
    host::{Batch, HostKind},
    input::{Chunk, Lines, decode},
    pipeline::{self, Chain},
    recording::{
        follow::Follow,
        http::{Server, Take},
        recorder::{Bounds, Recorder, Totals},
    },
    select::{Opener, Target},
};

/// What people and secrets are taken out with unless other filters are named.
const REDACTORS: [&str; 2] = ["coturn-ip-anonymizer", "asynq-payload-redactor"];

/// How many batches may wait for the filters.
const QUEUE: usize = 2;

/// How often signals and the time are looked at.
const TICK: Duration = Duration::from_millis(50);

/// How long requests that are being answered are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many batches that were read before the end are recorded after it; sources go on meanwhile.
const MAX_LATE: usize = 16;

/// Longer lines are replaced by a notice.
const MAX_RECORD_BYTES: usize = 16 << 20;

const AFTER_HELP: &str = "\
Every record is kept with its tag, its time (or that of its arrival) and its bytes, as JSON \
lines; docs/record.md describes them. `tamis replay --recording FILE` gives the records out \
again, at the pace at which they came, or makes a recorded case of them.

Records pass coturn-ip-anonymizer and asynq-payload-redactor on the way, with their default \
configs, unless --filter names others. --raw records what comes as it is.

A recording ends with its input, at a bound, or with Ctrl-C, and is complete in any case.

Examples:
  tamis record turnserver.log --output incident.tamis.jsonl
  tamis record --follow /var/log/app.log --seconds 600 -o incident.tamis.jsonl
  journalctl -fu worker -o json | tamis record --max-records 10000 > app.jsonl
  tamis record --listen 8088 --output pushed.tamis.jsonl";

/// Record logs for a replay: from files, standard input or log shippers, redacted.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Files to record; `-` is standard input [default: standard input].
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<PathBuf>,

    /// Record what is written to the files from now on, across rotations.
    #[arg(long, short, requires = "files")]
    follow: bool,

    /// Take what log shippers on this machine send by HTTP: NDJSON, JSON, text, `_bulk`, Loki,
    /// OTLP/JSON, Splunk HEC. Port 0 takes a free one.
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = address, conflicts_with_all = ["files", "follow", "input"])]
    listen: Option<SocketAddr>,

    /// Write here, to a file that does not exist yet, instead of to standard output (`-`).
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Pass records through this filter, a built-in one or a .wasm artifact; several form a
    /// chain [default: coturn-ip-anonymizer, asynq-payload-redactor].
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,

    /// Config of the filter, or of one of several: a JSON file, or NAME=FILE.
    #[arg(long, short, value_name = "[NAME=]FILE")]
    config: Vec<String>,

    /// Record what comes as it is, with all that is in it.
    #[arg(long, conflicts_with_all = ["filter", "config"])]
    raw: bool,

    /// The tag of the records.
    #[arg(long, default_value = "tamis")]
    tag: String,

    /// What the lines are; auto asks the first line that is not blank.
    #[arg(long, value_enum, default_value = "auto")]
    input: Input,

    /// End after so many records.
    #[arg(long, value_name = "N")]
    max_records: Option<u64>,

    /// End before the recording is larger than this; k, M and G are powers of 1024.
    #[arg(long, value_name = "BYTES", default_value = "1G")]
    max_bytes: Bytes,

    /// End after this time.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,

    /// How to say at the end what was recorded.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    summary_format: Format,
}

/// A port of this machine, or a whole address.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| port.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).ok();
    let port = ["localhost:", ":"].iter().find_map(|start| text.strip_prefix(start)).unwrap_or(text);
    let wrong = || format!("'{text}' is no port and no address with a port, such as 8088 or 127.0.0.1:8088");
    local(port).or_else(|| text.parse().ok()).ok_or_else(wrong)
}

/// What sources say.
enum Message {
    Batch(Batch),
    /// The records of a request, whose sender waits to hear whether they were taken.
    Request(Vec<Batch>, SyncSender<bool>),
    Failed(anyhow::Error),
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Input,
    Bound,
    Time,
    Signal,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Input => "end of input",
            Self::Bound => "bound reached",
            Self::Time => "time is over",
            Self::Signal => "interrupted",
        }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let (chain, filters) = chain(&args)?;
    if let Some(file) = args.files.iter().find(|f| !input::is_stdin(f) && !f.exists()) {
        return Err(Failure::Io(anyhow!("cannot read {}: there is no such file", file.display())));
    }
    if args.follow && args.files.iter().any(|f| input::is_stdin(f)) {
        return Err(Failure::Usage(anyhow!(
            "--follow is for files: standard input is read to its end anyway"
        )));
    }
    let mut inputs: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    inputs.extend((args.files.is_empty() && args.listen.is_none()).then_some(Path::new(STDIN)));
    let output = args.output.as_deref().unwrap_or(Path::new(STDOUT));
    output::check(&[("--output", output)], &inputs).map_err(Failure::start)?;
    let stop = Arc::new(AtomicBool::new(false));
    listen_for_signals(&stop).context("cannot handle signals").map_err(Failure::Io)?;
    let (to_recorder, messages) = sync_channel(QUEUE);
    let server = args.listen.map(Server::bind).transpose();
    let server =
        server.context("cannot listen").map_err(|e| match e.root_cause().downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::InvalidInput => Failure::Usage(e),
            _ => Failure::Io(e),
        })?;
    let sink = sink(args.output.as_deref())?;
    if args.raw {
        note!("tamis: warning: --raw: the recording holds all that is in the logs; keep it as safe as them");
    }
    let bounds = Bounds { records: args.max_records.unwrap_or(u64::MAX), bytes: args.max_bytes.0 };
    let recorder = Recorder::start(sink, chain, filters, bounds)?;
    let open = match server {
        Some(server) => {
            let address = server.address().context("cannot listen").map_err(Failure::Io)?;
            note!("tamis: recording what is sent to http://{address}/, Ctrl-C ends it");
            let open = server.open();
            let (tag, take) = (args.tag.clone(), ToRecorder(to_recorder));
            spawn(move || server.serve(&tag, &take))?;
            Some(open)
        }
        None => {
            read_inputs(&args, &stop, to_recorder)?;
            None
        }
    };
    let deadline = args.seconds.and_then(|s| Instant::now().checked_add(Duration::from_secs(s)));
    let (totals, end) = record(recorder, messages, &stop, deadline, &args.tag)?;
    let farewell = Instant::now() + FAREWELL;
    while open.as_ref().is_some_and(|open| open.load(Ordering::SeqCst) > 0) && Instant::now() < farewell {
        thread::sleep(Duration::from_millis(5));
    }
    match args.summary_format {
        Format::Text => note!("{}", summary_text(&totals, end)),
        Format::Json => note!("{}", summary_json(&totals, end)),
    }
    Ok(())
}

fn chain(args: &Args) -> Result<(Option<Chain>, Vec<String>), Failure> {
    if args.raw {
        return Ok((None, Vec::new()));
    }
    let names: Vec<&str> = match args.filter.is_empty() {
        true => REDACTORS.to_vec(),
        false => args.filter.iter().map(String::as_str).collect(),
    };
    let targets =
        names.into_iter().map(Target::find).collect::<anyhow::Result<Vec<_>>>().map_err(Failure::start)?;
    let configs = configs::of(&args.config, &targets).map_err(Failure::start)?;
    let opener = Opener::default();
    let stages = targets.iter().zip(configs).map(|(target, config)| {
        let kind = target.host(None).unwrap_or(HostKind::Component);
        open(&opener, target, kind, config, None)
    });
    let stages = stages.collect::<Result<Vec<_>, _>>()?;
    let filters = targets.iter().map(|t| t.name().to_owned()).collect();
    Ok((Some(Chain::new(stages)), filters))
}

/// The first signal ends the recording, a second one the process.
fn listen_for_signals(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(())
}

fn sink(output: Option<&Path>) -> Result<Box<dyn Write>, Failure> {
    let Some(path) = output::file(output) else { return Ok(Box::new(BufWriter::new(io::stdout()))) };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // What is in logs is not for everybody.
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(Failure::Usage(anyhow!(
            "{} is there already: a recording is not written over",
            path.display()
        ))),
        Err(e) => {
            Err(Failure::Io(anyhow::Error::from(e).context(format!("cannot write {}", path.display()))))
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let spawned = thread::Builder::new().name("tamis-read".into()).spawn(work);
    spawned.map(drop).context("cannot start a thread").map_err(Failure::Io)
}

/// Hands the records of requests over, and waits until they are written.
#[derive(Clone)]
struct ToRecorder(SyncSender<Message>);

impl Take for ToRecorder {
    fn take(&self, batches: Vec<Batch>) -> bool {
        let (sender, answer) = sync_channel(1);
        // If the recording ends meanwhile, its end of either channel goes.
        self.0.send(Message::Request(batches, sender)).is_ok() && answer.recv().unwrap_or(false)
    }
}

type Opened = Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>;

/// Read files one after the other, followed ones at the same time.
fn read_inputs(args: &Args, stop: &Arc<AtomicBool>, to: SyncSender<Message>) -> Result<(), Failure> {
    let (mode, tag) = (args.input.mode(), args.tag.clone());
    if args.follow {
        for path in &args.files {
            let name = path.display().to_string();
            let file = Follow::open(path.clone(), stop.clone());
            let file = file.with_context(|| format!("cannot read {name}")).map_err(Failure::Io)?;
            let (tag, to) = (tag.clone(), to.clone());
            spawn(move || {
                let _ = read(&name, Box::new(file), mode, &tag, &to);
            })?;
        }
        return Ok(());
    }
    let mut inputs: Vec<(String, Opened)> = Vec::new();
    if args.files.is_empty() {
        inputs.push(("standard input".to_owned(), Box::new(input::stdin)));
    }
    for path in args.files.clone() {
        let name = path.display().to_string();
        inputs.push((name, Box::new(move || input::open(&path))));
    }
    spawn(move || {
        for (name, open) in inputs {
            let opened = open().and_then(decode::decode).with_context(|| format!("cannot read {name}"));
            let done = match opened {
                Ok(decoded) => read(&name, decoded.reader, mode, &tag, &to),
                Err(error) => to.send(Message::Failed(error)).map_err(drop),
            };
            if done.is_err() {
                return;
            }
        }
    })
}

/// Read one input to its end; an error if there is nobody to give it to.
fn read(
    name: &str,
    reader: Box<dyn Read + Send>,
    mode: crate::input::InputMode,
    tag: &str,
    to: &SyncSender<Message>,
) -> Result<(), ()> {
    let mut lines = Lines::new(reader, mode, MAX_RECORD_BYTES, false);
    let mut chunk = Chunk::new(tag);
    loop {
        let message = match lines.next_chunk(&mut chunk) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let empty = Batch::new(tag, chunk.batch.encoding);
                Message::Batch(std::mem::replace(&mut chunk.batch, empty))
            }
            Err(error) => Message::Failed(anyhow::Error::from(error).context(format!("cannot read {name}"))),
        };
        let failed = matches!(message, Message::Failed(_));
        to.send(message).map_err(drop)?;
        if failed {
            return Err(());
        }
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

/// Record what sources give until one of the ends.
fn record<W: Write>(
    mut recorder: Recorder<W>,
    messages: Receiver<Message>,
    stop: &AtomicBool,
    deadline: Option<Instant>,
    tag: &str,
) -> Result<(Totals, End), Failure> {
    let (mut failed, mut left) = (None, MAX_LATE);
    let end = loop {
        if recorder.is_full() {
            break End::Bound;
        }
        let over = if stop.load(Ordering::Relaxed) {
            Some(End::Signal)
        } else {
            deadline.is_some_and(|d| Instant::now() >= d).then_some(End::Time)
        };
        // What has been read before the end is recorded.
        let message = match over {
            Some(end) => match messages.try_recv() {
                Ok(message) if left > 0 => {
                    left -= 1;
                    message
                }
                _ => break end,
            },
            None => match messages.recv_timeout(TICK) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break End::Input,
            },
        };
        match message {
            Message::Batch(batch) => {
                recorder.record(&batch, now_ns())?;
            }
            Message::Request(batches, answer) => {
                let taken = record_all(&mut recorder, &batches)?;
                // The shipper may have gone.
                let _ = answer.send(taken);
            }
            Message::Failed(error) => {
                failed = Some(Failure::Io(error));
                break End::Input;
            }
        }
    };
    drop(messages);
    let totals = recorder.finish(tag, now_ns())?;
    failed.map_or(Ok((totals, end)), Err)
}

fn record_all<W: Write>(recorder: &mut Recorder<W>, batches: &[Batch]) -> Result<bool, pipeline::Error> {
    for batch in batches {
        let before = recorder.totals().records_in;
        recorder.record(batch, now_ns())?;
        if recorder.totals().records_in - before < batch.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn summary_text(totals: &Totals, end: End) -> String {
    format!(
        "tamis: {} records recorded, {} of them changed, {} dropped; {} bytes; {}",
        totals.records,
        totals.changed,
        totals.dropped,
        totals.bytes,
        end.name()
    )
}

fn summary_json(totals: &Totals, end: End) -> String {
    serde_json::json!({
        "records_in": totals.records_in,
        "records": totals.records,
        "records_changed": totals.changed,
        "records_dropped": totals.dropped,
        "bytes": totals.bytes,
        "end": end.name(),
    })
    .to_string()
}
