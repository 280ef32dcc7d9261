//! Records that are JSON: their values, each in its context.

use tamis_sdk::record::{Kind, Node};

use super::{Out, Role, Sieve, leaf::Shape};
use crate::{
    coding::{Coding, bytes},
    policy::Context,
};

/// The names under which shippers hand over a line as it was printed.
const LINE_KEYS: [&[u8]; 5] = [b"log", b"message", b"MESSAGE", b"msg", b"line"];

/// The names under which loggers give the level.
const LEVEL_KEYS: [&[u8]; 5] = [b"level", b"lvl", b"severity", b"L", b"levelname"];

/// A container whose values are being looked at.
struct Open {
    /// Tape index of what is after it.
    next: usize,
    context: Context,
    object: bool,
    key: (usize, usize),
    /// Where the last of its values that stays ends.
    kept: Option<usize>,
}

impl Sieve {
    /// Look at all values of a record.
    pub(super) fn fields(&mut self, body: &[u8], nodes: &[Node], out: &mut Out) {
        let mut open: Vec<Open> = Vec::new();
        // A record that says its level was written by a logger: its message is whole.
        let logger = nodes.iter().any(|n| {
            n.parent == 0
                && LEVEL_KEYS
                    .contains(&body.get(n.key_start as usize..n.key_end as usize).unwrap_or_default())
        });
        let line_role = if logger { Role::Text } else { Role::Line };
        let mut index = 0;
        while let Some(node) = nodes.get(index) {
            while open.last().is_some_and(|o| o.next <= index) {
                open.pop();
            }
            let key = (node.key_start as usize, node.key_end as usize);
            let name = body.get(key.0..key.1).unwrap_or_default();
            let parent = open.last();
            let (context, entered) = match parent {
                None => (Context::Fields, false),
                Some(o) if o.object => {
                    let parent_name = body.get(o.key.0..o.key.1).unwrap_or_default();
                    let context = self.enter(o.context, name, parent_name);
                    (context, context != o.context)
                }
                Some(o) => (self.policy.element(o.context), false),
            };
            let (context, entered) = if node.kind == Kind::String {
                let value = body.get(node.start as usize..node.end as usize).unwrap_or_default();
                self.person(context, entered, name, value)
            } else {
                (context, entered)
            };
            let outer = parent.map(|o| o.context);
            let key = if key.0 < key.1 || parent.is_none_or(|o| o.object) {
                key
            } else {
                parent.map_or(key, |o| o.key)
            };
            if name.len() >= 6
                && let Some(context) = outer
            {
                self.key_text(body, node.key_start as usize, node.key_end as usize, context, out);
            }
            let (start, end) = (node.start as usize, node.end as usize);
            index += 1;
            let quote = usize::from(node.kind == Kind::String);
            if let Some(parent) = open.last_mut() {
                if self.removes(context, entered) {
                    let entry = if parent.object {
                        (node.key_start as usize).saturating_sub(1)
                    } else {
                        start - quote
                    };
                    let next = nodes.get(node.next as usize).filter(|_| (node.next as usize) < parent.next);
                    let (from, to) = match next {
                        Some(n) if parent.object => (entry, (n.key_start as usize).saturating_sub(1)),
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
                Kind::String if context == Context::Fields && LINE_KEYS.contains(&name) => {
                    if node.escaped {
                        out.child(start, end, Coding::Escaped, context, line_role);
                    } else {
                        out.segment(start, end, context, line_role);
                    }
                }
                Kind::String => self.string(body, start, end, context, entered, out),
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
                        let line = context == Context::Fields && LINE_KEYS.contains(&name);
                        let bytes = if line {
                            Some(context)
                        } else {
                            self.bytes_context(body, start + 1, list, context, entered)
                        };
                        if let Some(context) = bytes {
                            let role = if line { line_role } else { Role::Value };
                            out.child(start + 1, list.end, Coding::Bytes(list.style), context, role);
                            index = node.next as usize;
                            continue;
                        }
                    }
                    open.push(Open {
                        next: node.next as usize,
                        context,
                        object: node.kind == Kind::Object,
                        key,
                        kept: None,
                    });
                }
            }
        }
    }
}
