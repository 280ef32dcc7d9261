//! What a record says of its task and of itself: the type, which chooses the allow-list, and the level.

use tamis_sdk::record::{Kind, Node, escape};

use super::{Sieve, stream::DOCKER_PIECE};
use crate::{config::Level, policy::memo};

/// The names under which programs log the type of a task, the clearest first.
const TYPE_KEYS: [&[u8]; 8] =
    [b"task_type", b"taskType", b"task.type", b"typename", b"type", b"Type", b"task_name", b"task"];

/// What stands before the type in text.
const TYPE_MARKS: [&[u8]; 12] = [
    b"task_type=",
    b"taskType=",
    b"task.type=",
    b"typename:",
    b" Type:",
    b" type=",
    b"TASK: ",
    b"task type ",
    b"\"task_type\":",
    b"\"type\":",
    b"\"Type\":",
    b"Task Type: ",
];

impl Sieve {
    /// Learn type and level of a JSON record, if the policy asks for them.
    #[inline(never)]
    pub(super) fn prepare_json(&mut self, body: &[u8], nodes: &[Node]) {
        if self.policy.allow.names_tasks() {
            let text = |node: &Node| body.get(node.start as usize..node.end as usize).unwrap_or_default();
            let key =
                |node: &Node| body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default();
            let by_key = TYPE_KEYS.iter().find_map(|k| {
                nodes.iter().find(|n| n.kind == Kind::String && key(n) == *k && is_type(text(n)))
            });
            match by_key {
                Some(node) => self.root = self.policy.allow.root(Some(text(node))),
                None => self.root_from_text(body),
            }
        }
        if let Some(limit) = self.policy.min_level {
            let level = nodes.iter().take(256).find_map(|n| {
                let name = body.get(n.key_start as usize..n.key_end as usize)?;
                (n.kind == Kind::String && matches!(name, b"level" | b"lvl" | b"severity" | b"L"))
                    .then_some(())?;
                level_of(body.get(n.start as usize..n.end as usize)?)
            });
            let policy = &mut self.policy;
            let line = || {
                let node = nodes.iter().find(|n| {
                    let name = body.get(n.key_start as usize..n.key_end as usize).unwrap_or_default();
                    n.kind == Kind::String && policy.judge(name, b"").kind & memo::LINE != 0
                })?;
                let mut text = Vec::new();
                escape::decode(body.get(node.start as usize..node.end as usize)?, &mut text);
                level_in(&text)
            };
            self.details = level.or_else(line).is_some_and(|l| l <= limit);
        }
    }

    /// Learn type and level of a line of text, if the policy asks for them.
    #[inline(never)]
    pub(super) fn prepare_text(&mut self, body: &[u8]) {
        if self.policy.allow.names_tasks() {
            self.root_from_text(body);
        }
        if let Some(limit) = self.policy.min_level {
            self.details = level_in(body).is_some_and(|l| l <= limit);
        }
    }

    /// The type that a text names in a known way, or the one name of the config that occurs in it. A text that names
    /// more than one gets the default.
    #[inline(never)]
    fn root_from_text(&mut self, text: &[u8]) {
        let allow = &self.policy.allow;
        for mark in TYPE_MARKS {
            let mut types = memchr::memmem::find_iter(text, mark)
                .map(|at| word(&text[at + mark.len()..]))
                .filter(|t| is_type(t));
            if let Some(first) = types.next() {
                let same = types.all(|t| t == first);
                self.root = allow.root(same.then_some(first));
                return;
            }
        }
        let mut found: Option<&[u8]> = None;
        for (name, prefix) in allow.tasks() {
            for at in memchr::memmem::find_iter(text, name) {
                let before = at == 0 || !is_type_byte(text[at - 1]);
                let whole = word(&text[at..]);
                if before && (prefix || whole == name) {
                    if found.is_some_and(|f| f != whole) {
                        return;
                    }
                    found = Some(whole);
                }
            }
        }
        if let Some(task) = found {
            self.root = allow.root(Some(task));
        }
    }
}

/// What a record says of whether it is a piece of a line that a container runtime cut.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    said: bool,
    docker: bool,
    stream: bool,
}

impl Pieces {
    /// A field.
    pub(super) fn see(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"logtag" | b"_p" => self.said |= value == b"P",
            b"partial_message" => self.said |= value == b"true",
            b"stream" => self.stream = true,
            b"log" if value.len() >= DOCKER_PIECE => {
                let mut text = Vec::new();
                escape::decode(value, &mut text);
                self.docker = text.len() == DOCKER_PIECE && !text.ends_with(b"\n");
            }
            _ => {}
        }
    }

    /// It says so, or it is exactly as long as the pieces of Docker's `json-file` are and has no line feed.
    pub(super) fn is_piece(&self) -> bool {
        self.said || (self.docker && self.stream)
    }
}

/// The task type at the start of `text`, without quotes, escapes and colour codes before it.
fn word(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let Some(rest) =
        text.strip_prefix(b"\\").or_else(|| text.strip_prefix(b"\"")).or_else(|| text.strip_prefix(b" "))
    {
        text = rest;
    }
    if let Some(rest) = text.strip_prefix(b"\x1b[0m") {
        text = rest;
    }
    &text[..text.iter().position(|b| !is_type_byte(*b)).unwrap_or(text.len())]
}

fn is_type_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.' | b'/')
}

fn is_type(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= 128 && text.iter().all(|b| is_type_byte(*b))
}

/// The level that a word names.
fn level_of(word: &[u8]) -> Option<Level> {
    let mut lower = [0; 8];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"trace" | b"trc" => Level::Trace,
        b"debug" | b"dbg" => Level::Debug,
        b"info" | b"inf" | b"notice" => Level::Info,
        b"warn" | b"warning" | b"wrn" => Level::Warn,
        b"error" | b"err" => Level::Error,
        b"fatal" | b"ftl" | b"panic" | b"dpanic" | b"critical" => Level::Fatal,
        _ => return None,
    })
}

/// The first word of a line that names a level: within its first 160 bytes.
fn level_in(text: &[u8]) -> Option<Level> {
    let head = &text[..text.len().min(160)];
    head.split(|b| !b.is_ascii_alphabetic()).find_map(|w| if w.len() < 3 { None } else { level_of(w) })
}
