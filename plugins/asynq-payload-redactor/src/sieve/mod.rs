//! The engine: from a record's text, level by level through all that is encoded in it, to edits of that text.
//!
//! A level ([`Frame`]) is a decoded text with the segments of it that are still to be looked at. Looking at a
//! segment makes edits, more segments of the same text, and children: ranges that stand for another text. A child
//! becomes the next level; when that is done, its edits are carried back through the coding. So nesting costs
//! memory and never stack.
//!
//! | module | what it knows |
//! |---|---|
//! | `fields` | records that are JSON |
//! | `text` | free text: what is taken out of it, and what the detectors see |
//! | `pair` | names and their values in free text |
//! | `shape` | what it is that stands in a text: a record, a task, a payload |
//! | `dump` | JSON and Go dumps within a text, complete or cut |
//! | `value` | what a payload is written in |
//! | `look` | what a text may hold, at a glance |
//! | `leaf` | single values, and what takes their place |
//! | `task` | the type of the task a record is about |
//! | `stream` | payloads that are spread over records |

mod dump;
mod fields;
mod leaf;
mod look;
mod pair;
mod shape;
mod stream;
mod task;
mod text;
mod value;

use tamis_sdk::{
    Edits,
    record::{Node, escape::OffsetMap},
};

pub use self::leaf::{Form, NUMBER_BYTES};
use self::{
    dump::Level,
    look::Look,
    stream::{Ending, Streams},
};
use crate::{
    coding::{Coding, bytes},
    config::{PayloadMode, Reencode},
    counts::Counts,
    known::time,
    policy::{Context, PAYLOAD_PEN, PenId, Policy, allow, memo::Judgement},
};

/// Codings within codings that are followed. Each level of escapes doubles the backslashes, so that no honest text
/// comes near it; what is deeper goes whole.
const MAX_DEPTH: usize = 32;

/// What a segment is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Free text.
    Text,
    /// The value of a field: free text, or a structure of its own.
    Field,
    /// A log line: free text that may be JSON after a prefix, and that may go on in the next record.
    Line,
    /// The whole of a payload, in whatever it is written.
    Value,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    start: usize,
    end: usize,
    context: Context,
    role: Role,
}

#[derive(Debug, Clone, Copy)]
struct Child {
    segment: Segment,
    coding: Coding,
    /// It is all that a JSON array holds, whose brackets are around it.
    array: bool,
}

/// What is found in one text.
#[derive(Debug, Default)]
struct Out {
    edits: Edits,
    segments: Vec<Segment>,
    children: Vec<Child>,
    notes: Vec<Note>,
}

impl Out {
    fn segment(&mut self, start: usize, end: usize, context: Context, role: Role) {
        if start < end {
            self.segments.push(Segment { start, end, context, role });
        }
    }

    fn child(&mut self, start: usize, end: usize, coding: Coding, context: Context, role: Role) {
        if start < end {
            self.children.push(Child {
                segment: Segment { start, end, context, role },
                coding,
                array: false,
            });
        }
    }

    /// The bytes that a JSON array holds.
    fn array(&mut self, start: usize, end: usize, style: bytes::Style, context: Context, role: Role) {
        let segment = Segment { start, end, context, role };
        self.children.push(Child { segment, coding: Coding::Bytes(style), array: true });
    }
}

/// Whether `at` stands within quotes, by the quotes before it on its line.
fn in_quotes(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(before, |i| &before[i + 1..]);
    let (mut quoted, mut escaped) = (false, false);
    for &byte in line {
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    quoted
}

/// A text, and where it came from.
#[derive(Debug, Default)]
struct Frame {
    text: Vec<u8>,
    out: Out,
    origin: Option<Child>,
}

/// What was done somewhere, for an auditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// First byte, in the record's text.
    pub start: usize,
    /// End, exclusive.
    pub end: usize,
    /// The rule that did it.
    pub pen: PenId,
    /// In what form the value stood.
    pub form: Form,
}

/// The engine with its working memory.
#[derive(Debug)]
pub struct Sieve {
    /// What may be seen.
    pub policy: Policy,
    /// What was done.
    pub counts: Counts,
    /// Whether [`notes`](Self::notes) are taken.
    pub observe: bool,
    frames: Vec<Frame>,
    levels: Vec<Level>,
    look: Look,
    open: Vec<fields::Open>,
    /// Values of JSON that stands in a text.
    tape: Vec<Node>,
    streams: Streams,
    /// Where payloads of this record's task start in the allow-lists.
    root: allow::State,
    /// Whether this record's level lets details of payloads be seen.
    details: bool,
    /// The stream of this record.
    stream: u64,
    /// The record is a piece of a line.
    piece: bool,
    /// Text in the record stands in strings of JSON: the record is JSON itself.
    strings: bool,
    /// How the line at hand ended.
    ending: Ending,
    scratch: Vec<u8>,
}

impl Sieve {
    /// An engine for a policy that follows so many streams.
    pub fn new(policy: Policy, streams: usize) -> Self {
        Self {
            policy,
            counts: Counts::default(),
            observe: false,
            frames: vec![Frame::default()],
            levels: Vec::new(),
            look: Look::new(),
            open: Vec::new(),
            tape: Vec::new(),
            streams: Streams::new(streams),
            root: allow::DEAD,
            details: true,
            stream: 0,
            piece: false,
            strings: false,
            ending: Ending::default(),
            scratch: Vec::new(),
        }
    }

    /// Edit a record that is JSON: `nodes` are the values of `body`.
    pub fn json(&mut self, tag: &[u8], body: &[u8], nodes: &[Node], edits: &mut Edits) {
        self.begin(tag);
        self.strings = true;
        self.prepare_json(body, nodes);
        let mut out = self.take_out(edits);
        self.fields(body, nodes, true, &mut out);
        self.drive(body, out, edits);
    }

    /// Edit a record that is a line of text; `escaped` if it may be broken JSON, in which escapes stand.
    pub fn text(&mut self, tag: &[u8], body: &[u8], edits: &mut Edits) {
        self.begin(tag);
        self.prepare_text(body);
        let mut out = self.take_out(edits);
        out.segment(0, body.len(), Context::Fields, Role::Line);
        self.drive(body, out, edits);
    }

    /// Whether the next record of this tag may go on with what one before it left open.
    pub fn awaits(&self, tag: &[u8]) -> bool {
        self.streams.awaits(tamis_sdk::lru::hash(tag))
    }

    /// Whether times, uuids and hashes are passed over: no rule of the user's own may be about them.
    pub fn passes_over(&self) -> bool {
        !self.policy.has_custom()
    }

    /// Where in the text `start..end` that begins which a rule may be about, behind the time it starts with.
    fn behind_time(&self, text: &[u8], start: usize, end: usize) -> usize {
        let text = text.get(start..end).filter(|_| self.passes_over()).unwrap_or_default();
        start + time(text).1
    }

    /// What was done to the last record, in no order. Empty unless [`observe`](Self::observe) is set.
    pub fn notes(&self) -> &[Note] {
        self.frames.first().map_or(&[], |f| &f.out.notes)
    }

    fn begin(&mut self, tag: &[u8]) {
        self.root = self.policy.allow.root(None);
        self.details = true;
        self.stream = tamis_sdk::lru::hash(tag);
        self.piece = false;
        self.strings = false;
    }

    /// Payloads go whole in this record.
    fn whole_payloads(&self) -> bool {
        self.policy.mode != PayloadMode::Redact || !self.details
    }

    /// The context of a value under `key`. A payload that begins here gets the allow-list of this record's task.
    fn enter(&mut self, context: Context, key: &[u8], parent: &[u8]) -> (Context, Judgement) {
        let judgement = match context {
            Context::Secret(_) | Context::Payload(allow::DEAD) => Judgement::default(),
            _ => self.policy.judge(key, parent),
        };
        self.entered(context, key, judgement)
    }

    /// The context of a value under `key`, of which `judgement` is known.
    #[inline]
    fn entered(&mut self, context: Context, key: &[u8], judgement: Judgement) -> (Context, Judgement) {
        match (context, self.policy.enter(context, key, judgement)) {
            (Context::Fields, Context::Payload(_)) => (self.payload_context(), judgement),
            (_, context) => (context, judgement),
        }
    }

    fn payload_context(&self) -> Context {
        match self.root {
            allow::ALL if !self.whole_payloads() => Context::Allowed,
            root => Context::Payload(root),
        }
    }

    fn take_out(&mut self, edits: &mut Edits) -> Out {
        let mut out = self.frames.first_mut().map(|f| std::mem::take(&mut f.out)).unwrap_or_default();
        out.notes.clear();
        out.segments.clear();
        out.children.clear();
        std::mem::swap(&mut out.edits, edits);
        out
    }

    /// Look at all segments and children, level by level.
    fn drive(&mut self, body: &[u8], out: Out, edits: &mut Edits) {
        if let Some(frame) = self.frames.first_mut() {
            frame.out = out;
        }
        let mut depth = 0;
        while let Some(frame) = self.frames.get_mut(depth) {
            let own = std::mem::take(&mut frame.text);
            let mut out = std::mem::take(&mut frame.out);
            let text: &[u8] = if depth == 0 { body } else { &own };
            while let Some(segment) = out.segments.pop() {
                match segment.role {
                    Role::Text | Role::Field => self.scan_text(text, segment, &mut out),
                    Role::Line => self.scan_line(text, segment, &mut out),
                    Role::Value => self.scan_value(text, segment, &mut out),
                }
            }
            let child = out.children.pop();
            if let (Some(child), true) = (child, depth + 1 == MAX_DEPTH) {
                self.replace_whole(text, child.segment.start, child.segment.end, PAYLOAD_PEN, &mut out);
            }
            let descend = child.filter(|_| depth + 1 < MAX_DEPTH);
            if let Some(child) = descend {
                self.descend(text, child, depth + 1);
            }
            let Some(frame) = self.frames.get_mut(depth) else { break };
            frame.text = own;
            frame.out = out;
            if descend.is_some() {
                depth += 1;
            } else if child.is_none() {
                if depth == 0 {
                    break;
                }
                self.lift(body, depth);
                depth -= 1;
            }
        }
        if let Some(frame) = self.frames.first_mut() {
            std::mem::swap(&mut frame.out.edits, edits);
        }
    }

    #[inline(never)]
    fn descend(&mut self, text: &[u8], child: Child, depth: usize) {
        if self.frames.len() == depth {
            self.frames.push(Frame::default());
        }
        let Some(frame) = self.frames.get_mut(depth) else { return };
        frame.text.clear();
        frame.out.edits.clear();
        frame.out.notes.clear();
        frame.out.segments.clear();
        frame.out.children.clear();
        let Segment { start, end, context, role } = child.segment;
        child.coding.decode(text.get(start..end).unwrap_or_default(), &mut frame.text);
        let len = frame.text.len();
        frame.out.segment(0, len, context, role);
        frame.origin = Some(child);
    }

    /// Carry the edits of level `depth` back into the text it was decoded from.
    #[inline(never)]
    fn lift(&mut self, body: &[u8], depth: usize) {
        let Some((parents, own)) = self.frames.split_at_mut_checked(depth) else { return };
        let (Some(parent), Some(frame)) = (parents.last_mut(), own.first_mut()) else { return };
        let Some(Child { segment, coding, array }) = frame.origin else { return };
        let source: &[u8] = if depth == 1 { body } else { &parent.text };
        let raw = source.get(segment.start..segment.end).unwrap_or_default();
        let Frame { text, out, .. } = frame;
        if out.edits.is_empty() {
            return;
        }
        out.edits.normalise(0);
        if coding == Coding::Escaped {
            let mut map = OffsetMap::new(raw);
            for (edit, new) in out.edits.iter() {
                let start = segment.start + map.start(edit.start);
                let end = segment.start + map.end(edit.end);
                parent.out.edits.replace_with(start, end, |arena| coding.encode(new, arena));
            }
            out.notes.sort_by_key(|n| n.start);
            let mut map = OffsetMap::new(raw);
            let mut ends = OffsetMap::new(raw);
            parent.out.notes.extend(out.notes.iter().map(|n| Note {
                start: segment.start + map.start(n.start),
                end: segment.start + ends.end(n.end).max(1),
                ..*n
            }));
            return;
        }
        self.scratch.clear();
        out.edits.apply_plain(text, &mut self.scratch);
        let scratch = &self.scratch;
        let plain = self.policy.encoding == Reencode::Plain && coding != Coding::Escaped;
        // An array becomes a string; in text the brackets stay.
        let array = usize::from(plain && array);
        let quoted = plain && (array > 0 || depth == 1 && self.strings || in_quotes(source, segment.start));
        parent.out.edits.replace_with(segment.start - array, segment.end + array, |arena| {
            arena.extend(std::iter::repeat_n(b'"', array));
            match (plain, quoted) {
                (false, _) => coding.encode(scratch, arena),
                (true, true) => Coding::Escaped.encode(scratch, arena),
                (true, false) => arena.extend_from_slice(scratch),
            }
            arena.extend(std::iter::repeat_n(b'"', array));
        });
        parent.out.notes.extend(out.notes.iter().map(|n| Note {
            start: segment.start,
            end: segment.end,
            form: n.form.within(coding),
            ..*n
        }));
    }
}
