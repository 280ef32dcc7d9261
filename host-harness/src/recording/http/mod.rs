//! A listener for log shippers, on this machine only: it takes what they send, and answers
//! as the store would that they believe to talk to.
//!
//! | module | what it knows |
//! |---|---|
//! | `message` | HTTP/1.1, as much as shippers speak |
//! | `records` | where in a body the records are |
//! | `answer` | what stores answer |

mod answer;
mod message;
mod records;

use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tamis_sdk::payload::{self, Choice, GunzipError, choose, media_kind};

use crate::host::Batch;
use message::{Answer, Request, Trouble};

/// How many shippers may be connected.
const MAX_CONNECTIONS: usize = 32;

/// How long a shipper may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes the records of one request; whether they are all in the recording.
pub trait Take: Clone + Send + 'static {
    /// Take batches, in their order.
    fn take(&self, batches: Vec<Batch>) -> bool;
}

/// A listener that is ready.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    /// Requests that are not answered yet.
    open: Arc<AtomicUsize>,
}

impl Server {
    /// Listen on a loopback address.
    ///
    /// # Errors
    /// When the address is one that other machines reach, or is taken.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let message = format!(
                "{} is open to other machines: listen on 127.0.0.1 or [::1], and let a shipper on this machine send",
                address.ip()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(Self { listener: TcpListener::bind(address)?, open: Arc::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How many requests are not answered yet; goes with the server.
    pub fn open(&self) -> Arc<AtomicUsize> {
        self.open.clone()
    }

    /// Serve until the process ends. A thread per connection.
    pub fn serve(self, tag: &str, take: &impl Take) {
        let connections = Arc::new(AtomicUsize::new(0));
        for stream in self.listener.incoming() {
            // Out of file handles, say: it may get better.
            let Ok(stream) = stream else {
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            let guard = Count::new(&connections);
            if connections.load(Ordering::Relaxed) > MAX_CONNECTIONS {
                let busy = Answer::text(503, "too many connections");
                let _ = message::write(&mut &stream, &busy, false, false);
                continue;
            }
            let (tag, take, open) = (tag.to_owned(), take.clone(), self.open.clone());
            // If there is no thread to be had, the connection is closed: the shipper tries again.
            let _ = thread::Builder::new().name("tamis-http".into()).spawn(move || {
                let _guard = guard;
                let _ = converse(&stream, &tag, &take, &open);
            });
        }
    }
}

/// Counts as long as it lives.
struct Count(Arc<AtomicUsize>);

impl Count {
    fn new(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter.clone())
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn converse(stream: &TcpStream, tag: &str, take: &impl Take, open: &Arc<AtomicUsize>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    loop {
        let go_on = || (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        let request = match message::read(&mut input, go_on) {
            Ok(request) => request,
            Err(Trouble::Closed) => return Ok(()),
            Err(Trouble::Refused(status, text)) => {
                return message::write(&mut &*stream, &Answer::text(status, text), false, false);
            }
        };
        let _open = Count::new(open);
        let answer = answer(&request, tag, take);
        // After a 503 the recording has ended.
        let keep_alive = request.keep_alive && answer.status != 503;
        message::write(&mut &*stream, &answer, keep_alive, request.method == "HEAD")?;
        if !keep_alive {
            return Ok(());
        }
    }
}

fn answer(request: &Request, tag: &str, take: &impl Take) -> Answer {
    match request.method.as_str() {
        "GET" | "HEAD" => return answer::asked(&request.target),
        "POST" | "PUT" => {}
        _ => return Answer::text(405, "send logs by POST"),
    }
    let mut unfolded = Vec::new();
    let body = match request.content_encoding.as_slice() {
        b"" | b"identity" => &request.body,
        b"gzip" | b"x-gzip" => match payload::gunzip(&request.body, message::MAX_BODY_BYTES, &mut unfolded) {
            Ok(()) => &unfolded,
            Err(GunzipError::TooLarge) => return Answer::text(413, "the body unfolds to too much"),
            Err(GunzipError::Damaged) => return Answer::text(400, "the body is damaged or no gzip"),
        },
        _ => return Answer::text(415, "send bodies as they are, or with gzip"),
    };
    let format = match choose(media_kind(&request.content_type), request.target.as_bytes(), body) {
        Choice::Format(format) => format,
        Choice::Unsupported => {
            return Answer::text(415, "this is read as text or JSON only: switch protobuf off");
        }
    };
    if take.take(records::records(format, body, tag).batches) {
        answer::accepted(format, &request.target, body)
    } else {
        Answer::text(503, "the recording has ended")
    }
}
