//! One input, line by line: what each line is, and which filter reads it.
//!
//! A record that a filter has written already is read as it is. Everything else is a log as its program wrote it: it
//! goes through chatwoot-auth-tagger, and lines of coturn go through coturn-ip-anonymizer, in this process.

use std::collections::BTreeMap;

use chatwoot_auth_tagger::ChatwootAuthTagger;
use coturn_ip_anonymizer::{
    CoturnIpAnonymizer,
    aggregate::{Aggregator, Taken},
    config::{AggregateConfig, IpConfig},
};
use memchr::{memchr, memmem};
use tamis_sdk::{
    Action, ConfigError, Encoding, Meta, Session,
    key::KeyError,
    record::{Node, scan},
    timestamp,
};

use super::{
    Options,
    event::{self, Tagged},
    names::Names,
    object::Object,
    redaction, session,
    sums::{self, Sums},
};
use crate::audit::{chunks::Chunk, hour};

/// Members in which shippers put a line.
const MESSAGES: &[&[u8]] = &[b"log", b"message", b"msg", b"MESSAGE", b"text", b"body", b"line"];
/// What coturn's own logs hold.
const COTURN: [&[u8]; 8] = [
    b"session 00",
    b"STUN/TURN Server",
    b"turnserver",
    b"check_stun_auth",
    b"Coturn Version",
    b"Listener address to use",
    b"Relay address to use",
    b"CLI password",
];
const NS_PER_HOUR: u64 = 3_600_000_000_000;

/// All inputs, one after the other.
pub struct Streams {
    prefix: String,
    counts_field: String,
    sums: Sums,
    stream: Option<(usize, Stream)>,
    tape: Vec<Node>,
    inner: Vec<Node>,
    out: Vec<u8>,
}

/// What is remembered of the input that is read.
struct Stream {
    tagger: Session<ChatwootAuthTagger>,
    /// Put before the names of the tagger's fields, so that nothing in a log passes for them.
    prefix: String,
    tagged_so_far: u64,
    coturn: Option<Coturn>,
    /// Whether an event within a text is one: the first such line decides. In the log of a program, text that comes
    /// from outside may look like it.
    embedded: Option<bool>,
    /// All lines so far are JSON, and one of them is an event that the tagger has written: it has read the others.
    done: bool,
    has_text: bool,
    removed: BTreeMap<&'static str, u64>,
}

struct Coturn {
    anonymizer: Session<CoturnIpAnonymizer>,
    removable: BTreeMap<&'static str, u64>,
    aggregator: Aggregator,
}

impl Coturn {
    fn new() -> Result<Self, ConfigError> {
        let ip = IpConfig::default();
        Ok(Self {
            anonymizer: Session::new("", no_key)?,
            removable: BTreeMap::new(),
            aggregator: Aggregator::new(&AggregateConfig::default(), &ip, ":"),
        })
    }

    /// Count what the filter would remove. It counts its own marks again: in a record that stays as it is, nothing is
    /// left to remove.
    fn would_remove(&mut self, meta: Meta<'_>, encoding: Encoding, record: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let before: Vec<u64> = self.anonymizer.counters().map(|(_, count)| count).collect();
        if self.anonymizer.process(meta, encoding, record, out) == Action::Keep || out == record {
            return;
        }
        for ((kind, after), before) in self.anonymizer.counters().zip(before) {
            *self.removable.entry(kind).or_default() += after - before;
        }
    }
}

fn no_key(_: &tamis_sdk::KeyConfig) -> Result<tamis_sdk::Key, KeyError> {
    Err(KeyError { path: "", message: "no filter in a report has a key".to_owned() })
}

impl Stream {
    fn new() -> Result<Self, ConfigError> {
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce)
            .map_err(|e| ConfigError::new("$.prefix", format!("the system gives no random numbers: {e}")))?;
        let prefix = format!("tamis_{:016x}_", u64::from_ne_bytes(nonce));
        let config = format!("{{\"prefix\":\"{prefix}\",\"scrub_record\":false}}");
        Ok(Self {
            tagger: Session::new(&config, no_key)?,
            prefix,
            tagged_so_far: 0,
            coturn: None,
            embedded: None,
            done: false,
            has_text: false,
            removed: BTreeMap::new(),
        })
    }

    /// Whether the line that was just read was an event.
    fn has_tagged(&mut self) -> bool {
        let events = self.tagger.counters().next().map_or(0, |(_, events)| events);
        std::mem::replace(&mut self.tagged_so_far, events) < events
    }
}

impl Streams {
    /// Nothing has been read yet.
    ///
    /// # Errors
    /// When a filter cannot be started.
    pub fn new(options: &Options, names: Names) -> Result<Self, ConfigError> {
        // Said before anything is read.
        Stream::new()?;
        Coturn::new()?;
        Ok(Self {
            prefix: options.prefix.clone(),
            counts_field: options.counts_field.clone(),
            sums: Sums::new(names),
            stream: None,
            tape: Vec::new(),
            inner: Vec::new(),
            out: Vec::new(),
        })
    }

    /// Read the lines of a chunk.
    pub fn chunk(&mut self, input: usize, chunk: &Chunk) {
        let mut stream = match self.stream.take() {
            Some((of, stream)) if of == input => stream,
            other => {
                self.end(other);
                let Ok(stream) = Stream::new() else { return };
                stream
            }
        };
        let own = chunk.bytes.get(chunk.own..).unwrap_or_default();
        if stream.coturn.is_none() && COTURN.iter().any(|mark| memmem::find(own, mark).is_some()) {
            stream.coturn = Coturn::new().ok();
        }
        let json = chunk.encoding == Encoding::Json;
        let mut rest = own;
        while !rest.is_empty() {
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]);
            rest = rest.get(len + 1..).unwrap_or_default();
            if !line.trim_ascii().is_empty() {
                self.line(input, &mut stream, line, json);
            }
        }
        self.stream = Some((input, stream));
    }

    /// All inputs have been read.
    pub fn finish(mut self) -> Sums {
        let last = self.stream.take();
        self.end(last);
        self.sums
    }

    fn end(&mut self, ended: Option<(usize, Stream)>) {
        let Some((input, stream)) = ended else { return };
        sums::add(&mut self.sums.removed, input, stream.removed);
        let Some(mut coturn) = stream.coturn else { return };
        if let Some(summary) = coturn.aggregator.finish() {
            self.summary(summary);
        }
        sums::add(&mut self.sums.removable, input, coturn.removable);
    }

    fn line(&mut self, input: usize, stream: &mut Stream, line: &[u8], json: bool) {
        let mut tape = std::mem::take(&mut self.tape);
        let looks_json = line.trim_ascii_start().first() == Some(&b'{');
        let is_json = looks_json && scan::scan(line, &mut tape).is_ok();
        match Object::root(line, &tape).filter(|_| is_json) {
            Some(object) => self.object(input, stream, line, object, json),
            None => {
                stream.has_text = true;
                redaction::marked(line, &mut stream.removed);
                let embedded = memchr(b'{', line).map(|at| &line[at..]);
                if !embedded.is_some_and(|inner| self.embedded(input, stream, inner)) {
                    self.raw(input, stream, line, line, Encoding::Text);
                }
            }
        }
        self.tape = tape;
    }

    fn object(&mut self, input: usize, stream: &mut Stream, line: &[u8], object: Object<'_>, json: bool) {
        if !redaction::counted(object, &self.counts_field, &mut stream.removed) {
            redaction::marked(line, &mut stream.removed);
        }
        if json && self.known(input, line, object) {
            stream.done = self.sums.inputs.get(&input).is_some_and(|file| file.tagged);
            return;
        }
        let message = object.message(MESSAGES).unwrap_or_default();
        if message.first() == Some(&b'{') && self.embedded(input, stream, &message) {
            return;
        }
        self.raw(input, stream, line, &message, Encoding::Json);
    }

    /// A record that a filter has written.
    fn known(&mut self, input: usize, record: &[u8], object: Object<'_>) -> bool {
        if event::may_hold(record) {
            let prefix = self.prefix.clone();
            let tagged = Tagged::read(object, &prefix);
            if tagged.is_some_and(|tagged| self.tagged(input, record, tagged)) {
                self.sums.inputs.entry(input).or_default().tagged = true;
                return true;
            }
        }
        if memmem::find(record, session::MESSAGE).is_some() && self.sums.sessions.add(object) {
            self.sums.inputs.entry(input).or_default().summaries = true;
            return true;
        }
        false
    }

    fn tagged(&mut self, input: usize, record: &[u8], tagged: Tagged<'_>) -> bool {
        let Some(event) = tagged.event() else { return false };
        let at = match timestamp::of_json(record) {
            0 => None,
            ns => Some(ns / NS_PER_HOUR),
        };
        self.sums.event(input, &event, tagged.alerts(), at);
        true
    }

    /// A record of a filter within a text, such as Envoy's log or a container's.
    fn embedded(&mut self, input: usize, stream: &mut Stream, text: &[u8]) -> bool {
        let text = text.trim_ascii_end();
        if stream.embedded == Some(false) || text.last() != Some(&b'}') {
            return false;
        }
        if !event::may_hold(text) && memmem::find(text, session::MESSAGE).is_none() {
            return false;
        }
        let mut inner = std::mem::take(&mut self.inner);
        let scanned = scan::scan(text, &mut inner).is_ok();
        let object = Object::root(text, &inner).filter(|_| scanned);
        let known = object.is_some_and(|object| self.known(input, text, object));
        self.inner = inner;
        if known {
            stream.embedded = Some(true);
        }
        known
    }

    /// A record as its program wrote it; `message` is the line of text in it.
    fn raw(&mut self, input: usize, stream: &mut Stream, record: &[u8], message: &[u8], encoding: Encoding) {
        let timestamp_ns = if encoding == Encoding::Json { timestamp::of_json(record) } else { 0 };
        let meta = Meta { tag: b"", timestamp_ns };
        if let Some(coturn) = &mut stream.coturn {
            let taken = coturn.aggregator.take(message, timestamp_ns);
            if taken == Taken::WindowEnded {
                let summary = coturn.aggregator.summary().to_vec();
                self.summary(&summary);
            }
            let file = self.sums.inputs.entry(input).or_default();
            // In a stream of several programs only what is coturn's for sure.
            if taken != Taken::No || !file.raw_events {
                file.coturn = true;
                coturn.would_remove(meta, encoding, record, &mut self.out);
            }
            if taken != Taken::No {
                return;
            }
        }
        if stream.done && !stream.has_text {
            return;
        }
        self.out.clear();
        stream.tagger.process(meta, encoding, record, &mut self.out);
        if !stream.has_tagged() {
            return;
        }
        stream.embedded.get_or_insert(false);
        let out = std::mem::take(&mut self.out);
        let mut inner = std::mem::take(&mut self.inner);
        if scan::scan(&out, &mut inner).is_ok()
            && let Some(object) = Object::root(&out, &inner)
            && let Some(tagged) = Tagged::read(object, &stream.prefix)
            && let Some(event) = tagged.event()
        {
            let at = hour::of(record, encoding == Encoding::Json);
            self.sums.event(input, &event, tagged.alerts(), at);
            self.sums.inputs.entry(input).or_default().raw_events = true;
        }
        self.inner = inner;
        self.out = out;
    }

    fn summary(&mut self, json: &[u8]) {
        let mut inner = std::mem::take(&mut self.inner);
        if scan::scan(json, &mut inner).is_ok()
            && let Some(object) = Object::root(json, &inner)
        {
            self.sums.sessions.add(object);
        }
        self.inner = inner;
    }
}
