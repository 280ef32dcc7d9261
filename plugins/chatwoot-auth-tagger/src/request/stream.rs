//! What has to be remembered of a stream of lines to tell which of them a program wrote, and which a client through
//! a line feed in a parameter.

use tamis_sdk::lru::hash;

use crate::{
    bytes::percent_decode,
    event::Facts,
    line::{Line, Message, prefix},
};

/// Processes that write to one stream.
const PIDS: usize = 16;
/// Lines that a client may have announced in a path.
const ECHOES: usize = 32;
/// No text of a client goes on for longer than this many lines.
const RUN: u16 = 256;
/// As [`RUN`], for what looks right: until the request that printed the text goes on, but not for longer.
const SHADOW: u16 = 16;
/// After so many lines without a logger's prefix, a stream counts as one that has none.
const PREFIXED: u16 = 1000;
/// Backends of the database whose client is known.
const BACKENDS: usize = 32;

/// How far a line can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A program wrote it.
    Full,
    /// It starts a request right behind a client's text.
    Suspect,
    /// A client wrote it, or may have.
    None,
}

/// Lines of other programs than Rails.
pub fn server(message: &Message<'_>) -> bool {
    matches!(message, Message::Access(_) | Message::Database(_) | Message::Object(_))
}

/// One stream: a file, a container, a tag.
#[derive(Debug, Default)]
pub struct Stream {
    /// Hash of its tag.
    pub tag: u64,
    /// When it was last used, in lines.
    pub used: u64,
    /// Offset of local time from UTC in milliseconds.
    pub zone_ms: i64,
    /// Time of the latest line.
    pub time_ms: i64,
    /// The request of lines without an id.
    pub bare: Facts,
    /// How many such requests are open.
    pub bare_open: u32,
    /// When the last of them began.
    pub bare_ms: i64,
    pids: Vec<u64>,
    next_pid: usize,
    /// Lines for which the text of a client may still go on.
    run: u16,
    /// Only lines of processes not seen before are doubted.
    loose: bool,
    /// Lines that may still be of a client's text, though they look right.
    shadow: u16,
    /// Hash of the id of the request that printed it.
    shadow_id: u64,
    prefixed: u16,
    echoes: Vec<u64>,
    /// By length modulo 64: whether such a line may be among them.
    echo_lens: u64,
    next_echo: usize,
    backends: Vec<(u64, Vec<u8>)>,
    next_backend: usize,
    decoded: Vec<u8>,
}

impl Stream {
    /// Nothing is known of it but the hash of its tag.
    pub fn new(tag: u64, zone_ms: i64) -> Self {
        Self { tag, zone_ms, ..Self::default() }
    }

    /// How far `line`, read from `text`, can be believed.
    pub fn trust(&mut self, line: &Line<'_>, text: &[u8]) -> Trust {
        if self.echo_lens != 0 {
            let line = prefix::strip(text).rest.trim_ascii();
            if self.echo_lens >> (line.len() % 64) & 1 != 0 && self.echoes.contains(&hash(line)) {
                return Trust::None;
            }
        }
        if self.run > 0 && self.loose && line.pid.is_none() {
            self.restarted(text);
        }
        let believed = match line.pid {
            Some(pid) if self.pids.contains(&pid) => {
                self.run = 0;
                true
            }
            Some(pid) if self.run == 0 => {
                self.learn(pid);
                true
            }
            Some(_) => false,
            // A stream without processes has nothing to tell lines apart by.
            None => self.run == 0 || self.pids.is_empty() || self.loose && !server(&line.message),
        };
        if line.pid.is_some() && believed {
            self.prefixed = PREFIXED;
        } else {
            self.prefixed = self.prefixed.saturating_sub(1);
        }
        if !believed {
            self.run = self.run.saturating_sub(1);
            return Trust::None;
        }
        match line.message {
            Message::Untrusted => {
                (self.run, self.loose) = (RUN, false);
                (self.shadow, self.shadow_id) = (SHADOW, hash(line.id));
            }
            // Some exceptions print what they could not read.
            Message::Exception { .. } => (self.run, self.loose) = (RUN, true),
            Message::Other if line.pid.is_some() => {
                (self.run, self.loose) = (RUN, true);
            }
            _ => {}
        }
        // Everything that a logger with a prefix writes has one.
        let rails = !server(&line.message) && !matches!(line.message, Message::Spoof { .. });
        if line.pid.is_none() && line.id.is_empty() && rails && self.prefixed > 0 {
            return Trust::None;
        }
        Trust::Full
    }

    /// A line of the request `id`: `new` if none before it had its id.
    pub fn shadowed(&mut self, id: &[u8], new: bool, suspect: bool) -> Trust {
        if self.shadow > 0 && (new || suspect) && (id.is_empty() || hash(id) != self.shadow_id) {
            self.shadow -= 1;
            return Trust::Suspect;
        }
        self.shadow = 0;
        Trust::Full
    }

    /// Whether its lines say when they were written, and by which process.
    pub fn stamped(&self) -> bool {
        !self.pids.is_empty()
    }

    /// Puma names its process when it starts: `*          PID: 21545`.
    fn restarted(&mut self, text: &[u8]) {
        let banner = prefix::strip(text).rest.strip_prefix(b"* ").map(<[u8]>::trim_ascii);
        let pid = banner.and_then(|b| b.strip_prefix(b"PID: ")).and_then(crate::bytes::number);
        if let Some(pid) = pid {
            self.learn(pid);
        }
    }

    fn learn(&mut self, pid: u64) {
        if self.pids.len() < PIDS {
            self.pids.push(pid);
        } else if let Some(slot) = self.pids.get_mut(self.next_pid % PIDS) {
            *slot = pid;
            self.next_pid += 1;
        }
    }

    /// Remember the lines that a path holds behind line feeds: if they come, a client wrote them.
    pub fn announce(&mut self, path: &[u8]) {
        let feed = |at: usize| matches!(path.get(at..at + 3), Some(b"%0A" | b"%0a"));
        if !memchr::memchr_iter(b'%', path).any(feed) {
            return;
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        percent_decode(path, false, &mut decoded);
        for line in decoded.split(|&b| b == b'\n').skip(1) {
            let line = line.trim_ascii();
            if line.len() < 8 {
                continue;
            }
            self.echo_lens |= 1 << (line.len() % 64);
            if self.echoes.len() < ECHOES {
                self.echoes.push(hash(line));
            } else if let Some(slot) = self.echoes.get_mut(self.next_echo % ECHOES) {
                *slot = hash(line);
                self.next_echo += 1;
            }
        }
        self.decoded = decoded;
    }

    /// A backend of the database has a client.
    pub fn connected(&mut self, pid: u64, host: &[u8]) {
        if let Some((_, known)) = self.backends.iter_mut().find(|(p, _)| *p == pid) {
            crate::bytes::set(known, host, 64);
        } else if self.backends.len() < BACKENDS {
            self.backends.push((pid, host.get(..host.len().min(64)).unwrap_or_default().to_vec()));
        } else if let Some((slot, known)) = self.backends.get_mut(self.next_backend % BACKENDS) {
            *slot = pid;
            crate::bytes::set(known, host, 64);
            self.next_backend += 1;
        }
    }

    /// The client of a backend; empty if not known.
    pub fn host(&self, pid: u64) -> &[u8] {
        self.backends.iter().find(|(p, _)| *p == pid).map_or(b"", |(_, host)| host)
    }
}
