//! One chunk through the inspector: what is found in each record, added up.

use asynq_payload_redactor::{
    config::Config,
    inspect::Inspector,
    policy::{PAYLOAD_PEN, Policy},
    sieve::{Form, Note},
};
use memchr::memchr;
use tamis_detectors::keys::KeyRules;
use tamis_sdk::{
    ConfigError, Key as SecretKey,
    record::scan::{self, Node},
};

use super::{
    chunks::Chunk,
    hour,
    inside::Inside,
    logger::{Loggers, object_in_text},
    mask::{self, Mask, is_identifier},
    place::{self, Group, Place, Places, Print},
    shape,
    tally::{Entry, Key, Sample, Tally},
    trace,
};
use crate::host::Encoding;

/// Findings of one kind whose payloads are asked for names of fields, per chunk.
const FIELDS_FROM: u64 = 64;
/// The stream that the inspector sees; there is one inspector per chunk.
const STREAM: &[u8] = b"audit";

/// Scans chunks, one after the other.
pub struct Scanner<'c> {
    config: &'c Config,
    secret: Option<&'c SecretKey>,
    samples: usize,
    max_entries: usize,
    /// The same rules as those of the inspector, to ask them for names.
    policy: Policy,
    names: KeyRules,
    places: Places,
    inside: Inside,
    tape: Vec<Node>,
    notes: Vec<Note>,
    key: Key,
    values: Vec<(usize, usize)>,
    payloads: Vec<Payload>,
}

/// The values that a record has of one payload.
#[derive(Debug, Clone, Copy)]
struct Payload {
    values: u64,
    form: Form,
    first: Note,
    group: Group,
}

/// The line on which a structure begins that goes on over lines.
#[derive(Debug)]
struct Opener {
    key: String,
    shape: String,
    hour: Option<u64>,
    counted: bool,
}

/// The JSON of a record.
struct Record<'t> {
    /// Where its object starts.
    root: Option<usize>,
    /// The same, and its values, if it is whole.
    tape: Option<(usize, &'t [Node])>,
}

/// What of a line matters beside its bytes.
struct Line<'l> {
    number: u64,
    body: &'l [u8],
    /// It is one of the chunk's own, and not context.
    own: bool,
    json: bool,
}

impl<'c> Scanner<'c> {
    /// A scanner for a config of the filter that shows so many samples.
    ///
    /// # Errors
    /// As for the filter.
    pub fn new(
        config: &'c Config,
        secret: Option<&'c SecretKey>,
        samples: usize,
        max_entries: usize,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            config,
            secret,
            samples,
            max_entries,
            policy: Policy::new(config, secret)?,
            names: names(config),
            places: Places::default(),
            inside: Inside::default(),
            tape: Vec::new(),
            notes: Vec::new(),
            key: Key::default(),
            values: Vec::new(),
            payloads: Vec::new(),
        })
    }

    /// What is in a chunk.
    ///
    /// # Errors
    /// As for the filter; not if [`new`](Self::new) gave none.
    pub fn scan(&mut self, chunk: &Chunk) -> Result<Tally, ConfigError> {
        let mut inspector = Inspector::new(self.config, self.secret)?;
        let mut loggers = Loggers::default();
        let mut tally = Tally::new(self.max_entries);
        let mut opener = None;
        let mut at = 0;
        let context_lines = memchr::memchr_iter(b'\n', &chunk.bytes[..chunk.own]).count() as u64;
        let mut number = chunk.first_line.saturating_sub(context_lines);
        while at < chunk.bytes.len() {
            let rest = &chunk.bytes[at..];
            let len = memchr(b'\n', rest).unwrap_or(rest.len());
            let body = rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]);
            let own = at >= chunk.own;
            at += len + 1;
            let json = chunk.encoding == Encoding::Json;
            if !(json && body.trim_ascii().is_empty()) {
                let line = Line { number, body, own, json };
                self.line(&line, &mut inspector, &mut loggers, &mut opener, &mut tally);
            }
            number += 1;
        }
        Ok(tally)
    }

    fn line(
        &mut self,
        line: &Line<'_>,
        inspector: &mut Inspector,
        loggers: &mut Loggers,
        opener: &mut Option<Opener>,
        tally: &mut Tally,
    ) {
        let mut tape = std::mem::take(&mut self.tape);
        let looks_json = line.body.trim_ascii_start().first() == Some(&b'{');
        let is_json = looks_json && scan::scan(line.body, &mut tape).is_ok();
        let logger = loggers.tell(line.body, is_json.then_some(&tape[..]));
        if line.own {
            tally.line(logger);
        }
        self.notes.clear();
        let notes = inspector.inspect(STREAM, line.body, line.json).iter();
        let left = |n: &&Note| n.form != Form::Plain || !mask::is_redacted(&line.body[n.start..n.end]);
        self.notes.extend(notes.filter(left));
        let goes_on = !is_json && place::continues(line.body);
        if !goes_on {
            *opener = self.opener(line, is_json);
        }
        if !self.notes.is_empty() {
            self.notes.sort_unstable_by_key(|n| (n.start, n.end, n.pen.0, n.form));
            let mut record = Record { root: None, tape: None };
            if is_json {
                record.root = line.body.iter().position(|b| *b == b'{');
                record.tape = Some((0, &tape[..]));
            } else if let Some(object) = object_in_text(line.body, logger) {
                record.root = Some(object);
                if scan::scan(&line.body[object..], &mut tape).is_ok() {
                    record.tape = Some((object, &tape[..]));
                }
            }
            self.record(line, &record, inspector, opener.as_mut().filter(|_| goes_on), tally);
        }
        self.tape = tape;
    }

    /// The line may begin something that goes on on the next one.
    fn opener(&self, line: &Line<'_>, is_json: bool) -> Option<Opener> {
        let text = line.body.trim_ascii_end();
        if is_json || !matches!(text.last(), Some(b'{' | b'[')) {
            return None;
        }
        let name = place::name_before(text, text.len() - 1);
        let mut shape = String::new();
        shape::shape(text, None, &[], &mut shape);
        Some(Opener {
            key: name.map(|n| readable(n.name)).unwrap_or_default(),
            shape,
            hour: hour::of(text, false),
            counted: false,
        })
    }

    /// A record in which something was found.
    fn record(
        &mut self,
        line: &Line<'_>,
        record: &Record<'_>,
        inspector: &Inspector,
        opener: Option<&mut Opener>,
        tally: &mut Tally,
    ) {
        let body = line.body;
        self.group(body, record.root);
        let masks = masks(&self.notes, inspector);
        let spans = self.spans(inspector);
        shape::shape(body, record.tape, &spans, &mut self.key.shape);
        let hour = match &opener {
            Some(opener) => opener.hour,
            None => hour::of(body, record.root.is_some_and(|at| at < 8)),
        };
        if let Some(opener) = opener {
            self.continuation(line, opener, &masks, hour, tally);
        } else if line.own {
            for i in 0..self.payloads.len() {
                self.payload(line, self.payloads[i], &masks, hour, tally);
            }
        }
        if !line.own {
            return;
        }
        let caller = trace::caller(body);
        for i in 0..self.notes.len() {
            let note = self.notes[i];
            if note.pen == PAYLOAD_PEN {
                continue;
            }
            let name = place::name_before(body, note.start).filter(|n| n.print != Print::Colon);
            let print = if record.root.is_some() { Print::JsonField } else { Print::Text };
            self.set_key(
                note.pen.0,
                note.form,
                name.map_or(print, |n| n.print),
                name.map_or(b"", |n| n.name),
            );
            tally.at_hour(hour, note.pen.0, 1);
            let samples = self.samples;
            let entry = tally.entry(&self.key);
            found(entry, line, note, 1, 1);
            if entry.samples.len() < samples {
                let value = match note.form {
                    Form::Plain => mask::sample(body.get(note.start..note.end).unwrap_or_default()),
                    form => format!("in {} of {} characters", form.name(), note.end - note.start),
                };
                entry.samples.push(sample(line, note, value, &masks));
            }
            if let Some(caller) = &caller {
                Entry::remember(&mut entry.callers, caller);
            }
        }
    }

    /// Put the values of payloads into payloads.
    fn group(&mut self, body: &[u8], root: Option<usize>) {
        self.values.clear();
        self.payloads.clear();
        let payload = |n: &&Note| n.pen == PAYLOAD_PEN;
        self.values.extend(self.notes.iter().filter(payload).map(|n| (n.start, n.end)));
        if self.values.is_empty() {
            return;
        }
        let mut notes = self.notes.iter().filter(payload);
        let payloads = &mut self.payloads;
        let policy = &mut self.policy;
        self.places.find(
            body,
            root,
            &self.values,
            |key| policy.is_payload_key(key),
            |_, group| {
                let Some(note) = notes.next().copied() else { return };
                if group == payloads.len() {
                    let empty = Group { start: 0, end: 0, key: (0, 0), print: Print::Text };
                    payloads.push(Payload { values: 0, form: note.form, first: note, group: empty });
                }
                if let Some(payload) = payloads.get_mut(group) {
                    payload.values += 1;
                    payload.form = payload.form.min(note.form);
                }
            },
        );
        for (payload, group) in self.payloads.iter_mut().zip(&self.places.groups) {
            payload.group = *group;
        }
    }

    /// What the shape of a message leaves out: whole payloads, and what else was found.
    fn spans<'i>(&self, inspector: &'i Inspector) -> Vec<shape::Span<'i>> {
        let payloads =
            self.payloads.iter().map(|p| (p.group.start, p.group.end, inspector.rule(PAYLOAD_PEN)));
        let others = self.notes.iter().filter(|n| n.pen != PAYLOAD_PEN);
        let mut spans: Vec<shape::Span<'_>> =
            payloads.chain(others.map(|n| (n.start, n.end, inspector.rule(n.pen)))).collect();
        spans.sort_unstable_by_key(|s| (s.0, std::cmp::Reverse(s.1)));
        let mut end = 0;
        spans.retain(|s| {
            let keep = s.0 >= end;
            end = end.max(s.1);
            keep
        });
        spans
    }

    fn payload(
        &mut self,
        line: &Line<'_>,
        payload: Payload,
        masks: &[Mask<'_>],
        hour: Option<u64>,
        tally: &mut Tally,
    ) {
        let (body, group, note) = (line.body, payload.group, payload.first);
        let name = body.get(group.key.0..group.key.1).unwrap_or_default();
        self.set_key(PAYLOAD_PEN.0, payload.form, group.print, name);
        let coded = body.get(note.start..note.end).unwrap_or_default();
        match payload.form {
            Form::Plain => {
                let text = body.get(group.start..group.end).unwrap_or_default();
                self.inside.look(text, Form::Plain, &mut self.policy, &self.names);
            }
            form => self.inside.look(coded, form, &mut self.policy, &self.names),
        }
        let samples = self.samples;
        let entry = tally.entry(&self.key);
        found(entry, line, note, 1, payload.values);
        if entry.samples.len() < samples {
            let value = match payload.form {
                Form::Plain => mask::sample(coded),
                form => format!("{} bytes in {}", self.inside.bytes, form.name()),
            };
            entry.samples.push(sample(line, note, value, masks));
        }
        let task = trace::task_type(body).unwrap_or_default();
        if (entry.count <= FIELDS_FROM || !entry.tasks.contains_key(task))
            && let Some(fields) = entry.fields_of(task)
        {
            self.inside.fields(|field| Entry::remember(fields, field));
        }
        if let Some(caller) = trace::caller(&body[..group.start.min(body.len())]) {
            Entry::remember(&mut entry.callers, &caller);
        }
        for rule in &self.inside.rules {
            *entry.inside.entry(rule.0).or_default() += 1;
        }
        tally.at_hour(hour, PAYLOAD_PEN.0, 1);
        for i in 0..self.inside.rules.len() {
            tally.at_hour(hour, self.inside.rules[i].0, 1);
        }
    }

    /// Values of a payload that an earlier line began: they belong to it, and are no payload of their own.
    fn continuation(
        &mut self,
        line: &Line<'_>,
        opener: &mut Opener,
        masks: &[Mask<'_>],
        hour: Option<u64>,
        tally: &mut Tally,
    ) {
        let Some(first) = self.payloads.first().map(|p| p.first) else { return };
        let begins = !std::mem::replace(&mut opener.counted, true);
        if !line.own {
            return;
        }
        let values: u64 = self.payloads.iter().map(|p| p.values).sum();
        let own_shape = std::mem::take(&mut self.key.shape);
        self.key.shape.push_str(&opener.shape);
        self.set_key(PAYLOAD_PEN.0, Form::Plain, Print::Spread, opener.key.as_bytes());
        let samples = self.samples;
        let entry = tally.entry(&self.key);
        found(entry, line, first, u64::from(begins), values);
        if begins && entry.samples.len() < samples {
            let value = mask::sample(line.body.get(first.start..first.end).unwrap_or_default());
            entry.samples.push(sample(line, first, value, masks));
        }
        for payload in &self.payloads {
            let name = place::name_before(line.body, payload.first.start).filter(|n| is_identifier(n.name));
            if let (Some(name), Some(fields)) = (name, entry.fields_of("")) {
                Entry::remember(fields, &readable(name.name));
            }
        }
        let text = line.body.get(first.start..).unwrap_or_default();
        self.inside.look(text, Form::Plain, &mut self.policy, &self.names);
        for rule in &self.inside.rules {
            *entry.inside.entry(rule.0).or_default() += 1;
        }
        if begins {
            tally.at_hour(hour, PAYLOAD_PEN.0, 1);
        }
        for i in 0..self.inside.rules.len() {
            tally.at_hour(hour, self.inside.rules[i].0, 1);
        }
        self.key.shape = own_shape;
    }

    fn set_key(&mut self, rule: u16, form: Form, print: Print, name: &[u8]) {
        self.key.rule = rule;
        self.key.form = form;
        self.key.place.print = print;
        self.key.place.key.clear();
        if is_identifier(name) {
            self.key.place.key.push_str(&String::from_utf8_lossy(name));
        }
    }
}

fn found(entry: &mut Entry, line: &Line<'_>, note: Note, count: u64, values: u64) {
    entry.count += count;
    entry.values += values;
    if entry.first.is_none() {
        entry.first = Some((line.number, column(line.body, note.start)));
    }
    entry.last_line = line.number;
}

fn sample(line: &Line<'_>, note: Note, value: String, masks: &[Mask<'_>]) -> Sample {
    Sample {
        line: line.number,
        column: column(line.body, note.start),
        end_column: column(line.body, note.end),
        value,
        context: mask::context(line.body, masks, note.start, note.end),
    }
}

/// The character that starts at byte `at`, from 1.
fn column(body: &[u8], at: usize) -> u64 {
    String::from_utf8_lossy(&body[..at.min(body.len())]).chars().count() as u64 + 1
}

fn readable(name: &[u8]) -> String {
    if is_identifier(name) { String::from_utf8_lossy(name).into_owned() } else { String::new() }
}

/// The ranges of all notes, without overlaps: where two overlap, both are covered under the name of the first.
fn masks<'i>(notes: &[Note], inspector: &'i Inspector) -> Vec<Mask<'i>> {
    let mut masks: Vec<Mask<'_>> = Vec::with_capacity(notes.len());
    for note in notes {
        match masks.last_mut() {
            Some(last) if note.start < last.end => last.end = last.end.max(note.end),
            _ => masks.push(Mask { start: note.start, end: note.end, rule: inspector.rule(note.pen) }),
        }
    }
    masks
}

/// The rules that judge names.
pub fn names(config: &Config) -> KeyRules {
    KeyRules::new(&config.deny_keys.names, &config.deny_keys.except)
}

/// The place as reports have it.
pub fn place_label(place: &Place) -> String {
    match (place.print, place.key.as_str()) {
        (print, "") => print.label().to_owned(),
        (Print::Pair, key) => format!("{key}="),
        (print, key) => format!("{key} ({})", print.label()),
    }
}
