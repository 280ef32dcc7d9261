//! chatwoot-auth-tagger: security events and alerts from the logs of Chatwoot and of what runs around it.
//!
//! | module | what it knows |
//! |---|---|
//! | `config` | what users write |
//! | `line` | what one line says: Rails, lograge, Rack::Attack, omniauth, puma, nginx, PostgreSQL |
//! | `request` | which lines are of one request, and which a client wrote |
//! | `event` | what a request means, and how that is written down |
//! | `alert` | what many events mean |
//! | `live` | requests that a proxy sees, instead of logs of them |
//! | `scrub` | secrets that these logs hold |
//!
//! Not in here: how a record comes and goes (that is the SDK).

#![cfg_attr(target_family = "wasm", allow(unsafe_code))]

pub mod alert;
mod bytes;
pub mod config;
pub mod counts;
pub mod event;
pub mod line;
pub mod live;
pub mod request;
pub mod scrub;

use tamis_sdk::{
    ConfigError, Filter, Key, OnError, Record, Verdict,
    live::{Event as LiveEvent, Exchange, Headers},
    record::{Kind, Node, escape, scan},
};

use crate::{
    alert::Alerts,
    config::{Config, Schema},
    counts::Counts,
    event::{Facts, fields::Fields, probe::Prober, write::Writer},
    line::object::Object,
    request::Requests,
    scrub::Gate,
};

/// The filter.
#[derive(Debug)]
pub struct ChatwootAuthTagger {
    requests: Requests,
    prober: Prober,
    alerts: Alerts,
    writer: Writer,
    fields: Fields,
    counts: Counts,
    dotted: bool,
    prefix: String,
    scrub_record: bool,
    gate: Gate,
    text: Vec<u8>,
    nodes: Vec<Node>,
    value: Vec<u8>,
    name: String,
    beside: Vec<u8>,
    live: Facts,
    schema: Schema,
}

/// Fields in which shippers put a line, the likeliest first.
const MESSAGES: &[&[u8]] =
    &[b"log", b"message", b"msg", b"MESSAGE", b"text", b"body", b"line", b"event", b"content"];
/// Below this stand those of our fields whose name the record has already.
const BESIDE: &str = "chatwoot_auth";

impl ChatwootAuthTagger {
    /// Read the record's line or fields; whether it ends a request.
    fn read(&mut self, record: &Record<'_>, record_ms: i64) -> bool {
        let tag = record.tag();
        if !record.is_text() {
            return self.object(tag, &Object { body: record.body(), nodes: record.nodes() }, record_ms);
        }
        // A line of Docker's log files, or of a program that logs objects.
        let text = record.body();
        if text.first() == Some(&b'{') {
            let mut nodes = std::mem::take(&mut self.nodes);
            let scanned = scan::scan(text, &mut nodes).is_ok();
            let finished = scanned && self.object(tag, &Object { body: text, nodes: &nodes }, record_ms);
            self.nodes = nodes;
            if scanned {
                return finished;
            }
        }
        self.lines(tag, text, record_ms)
    }

    fn object(&mut self, tag: &[u8], object: &Object<'_>, record_ms: i64) -> bool {
        if self.requests.object(tag, object, record_ms, &mut self.prober) {
            return true;
        }
        let strings = || object.nodes.iter().filter(|n| n.kind == Kind::String);
        let named = |name: &&[u8]| strings().find(|n| object.key(n) == *name);
        let message = MESSAGES.iter().find_map(named);
        if let Some(node) = message.filter(|n| !n.escaped) {
            // Without an escape there is no line feed.
            return self.line(tag, object.raw(node), record_ms);
        }
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if let Some(node) = message {
            escape::decode(object.raw(node), &mut text);
        } else if let Some((at, _)) = object.field(MESSAGES).filter(|(_, n)| n.kind == Kind::Array) {
            object.bytes(at, &mut text);
        } else if let Some(node) = strings().max_by_key(|n| n.end - n.start) {
            // A message under a name of its own is the longest text.
            escape::decode(object.raw(node), &mut text);
        }
        let finished = self.lines(tag, &text, record_ms);
        self.text = text;
        finished
    }

    /// A record may hold several lines, which a shipper has joined. It carries one event: the first.
    fn lines(&mut self, tag: &[u8], text: &[u8], record_ms: i64) -> bool {
        let mut finished = false;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
            let line = text.get(start..end).unwrap_or_default();
            start = end + 1;
            finished |= !finished && self.line(tag, line, record_ms);
        }
        finished
    }

    fn line(&mut self, tag: &[u8], line: &[u8], record_ms: i64) -> bool {
        !line.is_empty() && self.requests.line(tag, line, record_ms, &mut self.prober)
    }

    /// Add the event and its alerts to the record.
    fn tag(&mut self, record: &mut Record<'_>, record_ms: i64) {
        let facts = self.requests.done();
        self.alerts.tick(facts.time_ms, record_ms);
        let Some(event) = event::decide(facts, &mut self.prober) else { return };
        let alerts = self.alerts.observe(&event, facts, record_ms);
        self.counts.event(alerts.len());
        self.writer.write(&event, facts, alerts, &mut self.fields);
        let Self { fields, value, name, prefix, dotted, beside, .. } = self;
        let text = record.is_text();
        beside.clear();
        fields.top(*dotted, value, |field, json| {
            name.clear();
            name.push_str(prefix);
            name.push_str(field);
            let object = Object { body: record.body(), nodes: record.nodes() };
            if text || !object.has(name.as_bytes()) {
                record.append(name, json);
                return;
            }
            beside.push(if beside.is_empty() { b'{' } else { b',' });
            event::fields::string(field.as_bytes(), beside);
            beside.push(b':');
            beside.extend_from_slice(json);
        });
        if !beside.is_empty() {
            beside.push(b'}');
            name.clear();
            name.push_str(prefix);
            name.push_str(BESIDE);
            record.append(name, beside);
        }
    }

    /// As [`scrub`](Self::scrub), for a message that is the array of its bytes; whether it had secrets.
    fn scrub_bytes(&mut self, record: &mut Record<'_>, index: usize) -> bool {
        let object = Object { body: record.body(), nodes: record.nodes() };
        self.text.clear();
        self.value.clear();
        if !object.bytes(index, &mut self.text) {
            return false;
        }
        scrub::clean(&self.text, &mut self.value);
        if self.text == self.value {
            return false;
        }
        record.replace_plain(index, |out| {
            for (i, byte) in self.value.iter().enumerate() {
                out.push(if i == 0 { b'[' } else { b',' });
                bytes::write_number(u64::from(*byte), out);
            }
            out.push(b']');
        });
        true
    }

    /// Remove secrets from the record itself.
    fn scrub(&mut self, record: &mut Record<'_>) {
        let mut removed = 0;
        let text = record.is_text();
        for index in 0..record.nodes().len() {
            let Some(node) = record.node(index) else { continue };
            if node.kind == Kind::Array && MESSAGES.contains(&record.key(&node)) {
                removed += u64::from(self.scrub_bytes(record, index));
            }
            if node.kind != Kind::String {
                continue;
            }
            let named = !text && scrub::secret_name(record.key(&node));
            let kinds = self.gate.kinds(record.raw(&node));
            if kinds == 0 && !named {
                continue;
            }
            // An escape may stand for any letter.
            let kinds = if node.escaped && kinds & scrub::ESCAPE != 0 { scrub::ALL } else { kinds };
            record.edit_text(index, |text, edits| {
                if named && !text.is_empty() && text != scrub::FILTERED {
                    edits.replace(0, text.len(), scrub::FILTERED);
                    removed += 1;
                } else {
                    scrub::secrets(text, kinds, |start, end| {
                        edits.replace(start, end, scrub::FILTERED);
                        removed += 1;
                    });
                }
            });
        }
        self.counts.secrets(removed);
    }
}

impl Filter for ChatwootAuthTagger {
    const NAME: &'static str = "chatwoot-auth-tagger";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");
    const COUNTERS: &'static [&'static str] = counts::NAMES;
    const LIFTS: bool = true;

    const LIVE: Option<Headers> = Some(live::HEADERS);

    type Config = Config;

    fn on_error(config: &Config) -> OnError {
        config.on_error
    }

    fn new(config: Config, _key: Option<Key>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            requests: Requests::new(&config.requests, i64::from(config.utc_offset_minutes) * 60_000),
            prober: Prober::default(),
            alerts: Alerts::new(&config.alerts),
            writer: Writer::new(&config),
            fields: Fields::default(),
            counts: Counts::default(),
            dotted: config.dotted,
            prefix: config.prefix,
            scrub_record: config.scrub_record,
            gate: Gate::default(),
            text: Vec::new(),
            nodes: Vec::new(),
            value: Vec::new(),
            name: String::new(),
            beside: Vec::new(),
            live: Facts::default(),
            schema: config.schema,
        })
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        let record_ms = i64::try_from(record.timestamp_ns() / 1_000_000).unwrap_or(0);
        if self.read(record, record_ms) {
            self.tag(record, record_ms);
        } else {
            self.alerts.tick(self.requests.now_ms(), record_ms);
        }
        if self.scrub_record {
            self.scrub(record);
        }
        Verdict::Keep
    }

    fn wants_body(&self, exchange: &Exchange) -> bool {
        live::wants_body(exchange)
    }

    fn watch(&mut self, exchange: &Exchange, event: &mut LiveEvent) -> bool {
        self.answered(exchange, event)
    }

    fn collect(&mut self, relay: &[u8], event: &mut LiveEvent) -> bool {
        self.relayed(relay, event)
    }

    fn counts(&self) -> &[u64] {
        self.counts.all()
    }
}

tamis_sdk::export_filter!(ChatwootAuthTagger);
