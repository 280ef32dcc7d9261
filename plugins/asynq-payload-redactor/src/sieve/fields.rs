//! Records that are JSON: their values, each in its context.

use tamis_sdk::record::{Kind, Node};

use super::{Out, Role, Sieve, leaf::Shape, task::Pieces, value::MIN_BYTES};
use crate::{
    coding::{Coding, bytes},
    known::{hash_in_hex, uuid},
    policy::{
        Context, allow,
        memo::{self, Judgement},
    },
};

/// A container whose values are being looked at.
#[derive(Debug)]
pub(super) struct Open {
    /// Tape index of its first value.
    first: usize,
    /// Tape index of what is after it.
    next: usize,
    context: Context,
    object: bool,
    key: (usize, usize),
    /// The [`mix`](memo::mix) of its name.
    mix: u64,
    /// Where the last of its values that stays ends.
    kept: Option<usize>,
}

impl Sieve {
    /// Look at all values of a record. `lines`: its message may be a line that a runtime or a shipper has wrapped, which
    /// may go on in the next record.
    pub(super) fn fields(&mut self, body: &[u8], nodes: &[Node], lines: bool, out: &mut Out) {
        let mut open = std::mem::take(&mut self.open);
        open.clear();
        self.each_field(body, nodes, lines, &mut open, out);
        self.open = open;
    }

    #[inline(never)]
    fn each_field(&mut self, body: &[u8], nodes: &[Node], lines: bool, open: &mut Vec<Open>, out: &mut Out) {
        // A record that says its level was written by a logger: its message is whole.
        let mut logger = (!lines).then_some(true);
        let mut pieces = Pieces::default();
        let mut index = 0;
        while let Some(node) = nodes.get(index) {
            while open.last().is_some_and(|o| o.next <= index) {
                open.pop();
            }
            let (start, end) = (node.start as usize, node.end as usize);
            let mut key = (node.key_start as usize, node.key_end as usize);
            let mut kind = 0;
            let (mut context, mut entered) = (Context::Fields, false);
            if let Some(parent) = open.last() {
                if parent.object {
                    let name = body.get(key.0..key.1).unwrap_or_default();
                    let parent_name = body.get(parent.key.0..parent.key.1).unwrap_or_default();
                    let outer = parent.context;
                    let judgement = match outer {
                        Context::Secret(_) | Context::Payload(allow::DEAD) => Judgement::default(),
                        _ => self.policy.judge_mixed(name, parent_name, parent.mix),
                    };
                    let (mut inner, _) = self.entered(outer, name, judgement);
                    if kind_of_pair(name)
                        && inner == outer
                        && let Some(key) = pair_key(body, nodes, parent.first, parent.next)
                    {
                        // `{"key": "user.name", "value": ...}`: attributes of OpenTelemetry, headers.
                        (inner, _) = self.enter(outer, key, b"");
                    }
                    if inner != outer
                        && outer == Context::Fields
                        && matches!(inner, Context::Payload(_))
                        && node.kind == Kind::Object
                        && describes_task(body, nodes, index)
                    {
                        inner = outer;
                    }
                    (context, entered, kind) = (inner, inner != outer, judgement.kind);
                    if kind & memo::NAME != 0 && node.kind == Kind::String {
                        let value = body.get(start..end).unwrap_or_default();
                        (context, entered) = self.person(context, entered, value);
                    }
                    if kind & memo::PIECE != 0 && node.kind != Kind::Number {
                        pieces.see(name, body.get(start..end).unwrap_or_default());
                    }
                    if kind & memo::ODD != 0 || outer == Context::Payload(allow::DEAD) {
                        self.key_text(body, key.0, key.1, outer, out);
                    }
                } else {
                    context = self.policy.element(parent.context);
                    key = parent.key;
                }
            }
            index += 1;
            let quote = usize::from(node.kind == Kind::String);
            if let Some(parent) = open.last_mut() {
                if self.removes(context, entered) {
                    let object = parent.object;
                    let entry =
                        if object { (node.key_start as usize).saturating_sub(1) } else { start - quote };
                    let next = nodes.get(node.next as usize).filter(|_| (node.next as usize) < parent.next);
                    let (from, to) = match next {
                        Some(n) if object => (entry, (n.key_start as usize).saturating_sub(1)),
                        Some(n) => (entry, n.start as usize - usize::from(n.kind == Kind::String)),
                        None => (parent.kept.unwrap_or(entry), end + quote),
                    };
                    self.delete(from, to, context, out);
                    index = node.next as usize;
                    continue;
                }
                parent.kept = Some(end + quote);
            }
            match node.kind {
                Kind::String if context == Context::Fields => {
                    let text = body.get(start..end).unwrap_or_default();
                    let line = kind & memo::LINE != 0;
                    if kind & memo::TIME != 0 && is_time(text) || !line && self.passes_over() && is_id(text) {
                        continue;
                    }
                    let role = if line && !*logger.get_or_insert_with(|| self.is_logger(body, nodes)) {
                        Role::Line
                    } else if line {
                        Role::Text
                    } else {
                        Role::Field
                    };
                    if node.escaped {
                        out.child(start, end, Coding::Escaped, context, role);
                    } else if role == Role::Line || self.look.may_start(text) {
                        out.segment(start, end, context, role);
                    } else if self.policy.may_find(text) {
                        let from = self.behind_time(body, start, end);
                        self.detect(body, from, end, out);
                    }
                }
                Kind::String => self.string(body, start, end, context, entered, out),
                Kind::Literal if matches!(context, Context::Fields | Context::Allowed) => {}
                Kind::Number | Kind::Literal => {
                    self.leaf(body, start, end, Shape::Bare { json: true }, context, entered, out);
                }
                Kind::Object | Kind::Array => {
                    if entered && matches!(context, Context::Payload(_)) && self.whole_payloads() {
                        self.whole_payload(body, start, end, true, out);
                        index = node.next as usize;
                        continue;
                    }
                    if node.kind == Kind::Array
                        && let Some(list) = bytes::list(body, start + 1).filter(|l| l.end + 1 == end)
                    {
                        let line = context == Context::Fields && kind & memo::LINE != 0;
                        // Shorter than any line that says something.
                        let bytes = if line && list.count < MIN_BYTES {
                            None
                        } else if line {
                            Some(context)
                        } else {
                            self.bytes_context(body, start + 1, list, context, entered)
                        };
                        if let Some(context) = bytes {
                            let role = if line { Role::Line } else { Role::Value };
                            out.array(start + 1, list.end, list.style, context, role);
                            index = node.next as usize;
                            continue;
                        }
                    }
                    let object = node.kind == Kind::Object;
                    let mix = memo::mix(body.get(key.0..key.1).unwrap_or_default());
                    open.push(Open {
                        first: index,
                        next: node.next as usize,
                        context,
                        object,
                        key,
                        mix,
                        kept: None,
                    });
                }
            }
        }
        self.piece |= lines && pieces.is_piece();
    }

    #[inline(never)]
    fn is_logger(&mut self, body: &[u8], nodes: &[Node]) -> bool {
        nodes.iter().any(|n| {
            let key = body.get(n.key_start as usize..n.key_end as usize).unwrap_or_default();
            n.parent == 0 && self.policy.judge(key, b"").kind & memo::LEVEL != 0
        })
    }
}

/// Whether a name is that of the value in a pair of name and value.
fn kind_of_pair(name: &[u8]) -> bool {
    name.len() == 5 && name.eq_ignore_ascii_case(b"value")
}

/// The name in a pair of name and value, whose first value has tape index `first`.
fn pair_key<'a>(body: &'a [u8], nodes: &[Node], first: usize, end: usize) -> Option<&'a [u8]> {
    let mut index = first;
    for _ in 0..8 {
        let node = nodes.get(index).filter(|_| index < end)?;
        let name = body.get(node.key_start as usize..node.key_end as usize)?;
        if node.kind == Kind::String && [&b"key"[..], b"name"].iter().any(|k| name.eq_ignore_ascii_case(k)) {
            return body.get(node.start as usize..node.end as usize);
        }
        index = node.next as usize;
    }
    None
}

/// Whether an object under the name of a payload describes a task instead, as loggers do that put all fields under
/// `data`: it has two or more of the names that tasks have.
fn describes_task(body: &[u8], nodes: &[Node], object: usize) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"task_id",
        b"taskId",
        b"task_type",
        b"taskType",
        b"queue",
        b"retry_count",
        b"retryCount",
        b"max_retry",
        b"maxRetry",
        b"retried",
        b"worker_id",
        b"elapsed_ms",
    ];
    let Some(end) = nodes.get(object).map(|n| n.next as usize) else { return false };
    let (mut index, mut found) = (object + 1, 0);
    while let Some(node) = nodes.get(index).filter(|_| index < end) {
        let name = body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default();
        found += usize::from(NAMES.contains(&name));
        index = node.next as usize;
    }
    found >= 2
}

/// Whether a text is a uuid or a hash.
fn is_id(text: &[u8]) -> bool {
    text.len() >= 32 && (text[8] == b'-' && uuid(text) || hash_in_hex(text))
}

/// `2026-11-21T00:17:19.378735899Z` and its kin.
pub(super) fn is_time(text: &[u8]) -> bool {
    text.len() <= 40
        && text.first().is_some_and(u8::is_ascii_digit)
        && text
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'-' | b':' | b'.' | b'T' | b'Z' | b'+' | b' ' | b'/'))
        && matches!(text.get(4), Some(b'-' | b'/'))
}
