//! One log record: its text as it came, and the edits made to it. No DOM: what is not
//! edited leaves byte for byte as it came, with its number spelling, key order, duplicate
//! keys, escapes and white space.

mod edits;
pub mod escape;
mod path;
pub mod scan;
mod splice;

pub use edits::{Edit, Edits, push_short};
pub use path::Path;
pub use scan::{Kind, Node};
use scan::{NO_NODE, ScanError};
pub use splice::Splice;

use crate::session::{Action, Meta};

/// The name under which a text record's line appears when fields are added to it.
pub const TEXT_FIELD: &str = "log";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// JSON that scanned.
    Json,
    /// A line of text: one string, nothing escaped.
    Text,
    /// Meant to be JSON and is not: one string, in which escapes may stand.
    Broken,
}

/// Buffers that records share, one after the other.
#[derive(Debug, Default)]
pub struct Workspace {
    tape: Vec<Node>,
    edits: Edits,
    decoded: Vec<u8>,
    /// Added fields, each as `,"name":value`.
    appended: Vec<u8>,
    /// If not empty: the JSON object that takes the record's place.
    whole: Vec<u8>,
    /// The edits go down as they are, instead of as content of strings.
    raw: bool,
    /// A line of text becomes an object even without added fields.
    lifted: bool,
}

/// A record on its way through a filter.
pub struct Record<'a> {
    meta: Meta<'a>,
    body: &'a [u8],
    form: Form,
    ws: &'a mut Workspace,
}

impl<'a> Record<'a> {
    /// A record that is JSON text.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(meta: Meta<'a>, body: &'a [u8], ws: &'a mut Workspace) -> Result<Self, ScanError> {
        scan::scan(body, &mut ws.tape)?;
        Ok(Self::new(meta, body, Form::Json, ws))
    }

    /// A record that is a line of text.
    pub fn text(meta: Meta<'a>, body: &'a [u8], ws: &'a mut Workspace) -> Self {
        Self::single(meta, body, Form::Text, false, ws)
    }

    /// A record that was to be JSON and is not: read as one string, escapes and all.
    pub fn broken(meta: Meta<'a>, body: &'a [u8], ws: &'a mut Workspace) -> Self {
        let escaped = memchr::memchr(b'\\', body).is_some();
        Self::single(meta, body, Form::Broken, escaped, ws)
    }

    fn single(meta: Meta<'a>, body: &'a [u8], form: Form, escaped: bool, ws: &'a mut Workspace) -> Self {
        ws.tape.clear();
        ws.tape.push(Node {
            kind: Kind::String,
            escaped,
            start: 0,
            end: u32::try_from(body.len()).unwrap_or(u32::MAX),
            key_start: 0,
            key_end: 0,
            parent: NO_NODE,
            next: 1,
        });
        Self::new(meta, body, form, ws)
    }

    fn new(meta: Meta<'a>, body: &'a [u8], form: Form, ws: &'a mut Workspace) -> Self {
        ws.edits.clear();
        ws.appended.clear();
        ws.whole.clear();
        ws.raw = false;
        ws.lifted = false;
        Self { meta, body, form, ws }
    }

    /// Tag, stream or route the record came under.
    pub fn tag(&self) -> &'a [u8] {
        self.meta.tag
    }

    /// Nanoseconds since 1970, 0 if not known.
    pub fn timestamp_ns(&self) -> u64 {
        self.meta.timestamp_ns
    }

    /// The record's bytes as they came.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Whether it is one string without keys: a line of text, or broken JSON.
    pub fn is_text(&self) -> bool {
        self.form != Form::Json
    }

    /// Its values, containers before what is in them. Never empty.
    pub fn nodes(&self) -> &[Node] {
        &self.ws.tape
    }

    /// A value by its tape index.
    pub fn node(&self, index: usize) -> Option<Node> {
        self.ws.tape.get(index).copied()
    }

    /// The bytes of a value as they came: what stands between the quotes of a string.
    pub fn raw(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// The key of a value as it came, undecoded; empty for elements of arrays and the root.
    pub fn key(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
    }

    /// Tape index of the value at `path`; of duplicate keys the first counts.
    pub fn find(&self, path: &Path) -> Option<usize> {
        path.find(&self.ws.tape, self.body)
    }

    /// Edit the content of the string at tape index `index`: `edit` sees it decoded and
    /// notes edits in its coordinates. Not a string: nothing happens.
    pub fn edit_text(&mut self, index: usize, edit: impl FnOnce(&[u8], &mut Edits)) {
        let Some(node) = self.ws.tape.get(index).copied() else { return };
        if node.kind != Kind::String {
            return;
        }
        let raw = self.body.get(node.start as usize..node.end as usize).unwrap_or_default();
        let base = node.start as usize;
        let first = self.ws.edits.len();
        if !node.escaped {
            edit(raw, &mut self.ws.edits);
            // Their order is looked at once, in `finish`.
            if base > 0 {
                self.ws.edits.remap(first, |start, end| {
                    *start += base;
                    *end += base;
                });
            }
            return;
        }
        self.ws.decoded.clear();
        escape::decode(raw, &mut self.ws.decoded);
        edit(&self.ws.decoded, &mut self.ws.edits);
        if self.ws.edits.len() > first {
            self.ws.edits.normalise(first);
            let mut map = escape::OffsetMap::new(raw);
            self.ws.edits.remap(first, |start, end| {
                *start = base + map.start(*start);
                *end = base + map.end(*end);
            });
        }
    }

    /// Let what `write` appends take the place of the number, literal or container at tape index
    /// `index`. It must be JSON of printable ASCII without quotes and backslashes.
    pub fn replace_plain(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(node) = self.ws.tape.get(index).copied().filter(|n| n.kind != Kind::String) {
            self.ws.edits.replace_with(node.start as usize, node.end as usize, write);
        }
    }

    /// Edit the whole text of the record: `edit` gets it, its values, and edits in its coordinates. Their
    /// replacements go down as they are; that JSON stays JSON is up to `edit`. Not together with the other edits.
    pub fn edit_raw(&mut self, edit: impl FnOnce(&'a [u8], &[Node], &mut Edits)) {
        self.ws.raw = true;
        edit(self.body, &self.ws.tape, &mut self.ws.edits);
    }

    /// Add a field to the record's object. `value` is JSON text. In a record that is not
    /// an object nothing happens; a text record becomes `{"log": <the line>, ...}`.
    pub fn append(&mut self, name: &str, value: &[u8]) {
        self.ws.appended.extend_from_slice(b",\"");
        escape::encode(name.as_bytes(), &mut self.ws.appended);
        self.ws.appended.extend_from_slice(b"\":");
        self.ws.appended.extend_from_slice(value);
    }

    /// Let a line of text become `{"log": <the line>}`, whether fields are added or not.
    pub fn lift(&mut self) {
        self.ws.lifted = self.form == Form::Text;
    }

    /// Let the JSON object that `write` appends take the place of the whole record.
    pub fn replace_whole(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.ws.whole.clear();
        write(&mut self.ws.whole);
    }

    /// Append the record as it is now to `out`, unless nothing was changed.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Action {
        let Self { body, form, ws, .. } = self;
        if !ws.whole.is_empty() {
            out.extend_from_slice(&ws.whole);
            return if form == Form::Json { Action::Replace } else { Action::ReplaceJson };
        }
        let root = match (form, ws.tape.first()) {
            (Form::Json, Some(node)) if node.kind == Kind::Object => Some(*node),
            _ => None,
        };
        let appended: &[u8] = if form == Form::Text || root.is_some() { &ws.appended } else { &[] };
        if ws.edits.is_empty() && appended.is_empty() && !ws.lifted {
            return Action::Keep;
        }
        ws.edits.normalise(0);
        match form {
            Form::Text if appended.is_empty() && !ws.lifted => {
                ws.edits.apply_plain(body, out);
                Action::Replace
            }
            Form::Text => {
                ws.decoded.clear();
                ws.edits.apply_plain(body, &mut ws.decoded);
                out.extend_from_slice(b"{\"");
                out.extend_from_slice(TEXT_FIELD.as_bytes());
                out.extend_from_slice(b"\":\"");
                escape::encode(&ws.decoded, out);
                out.push(b'"');
                out.extend_from_slice(appended);
                out.push(b'}');
                Action::ReplaceJson
            }
            Form::Json | Form::Broken => {
                if let (Some(root), false) = (root, appended.is_empty()) {
                    let brace = (root.end as usize).saturating_sub(1);
                    // Without fields of its own the object needs no leading comma.
                    let skip = usize::from(root.next == 1);
                    let appended = &ws.appended[skip..];
                    ws.edits.replace(brace, brace, b"");
                    let last = ws.edits.len() - 1;
                    apply_with_tail(&ws.edits, last, ws.raw, body, appended, out);
                } else if ws.raw {
                    ws.edits.apply_plain(body, out);
                } else {
                    ws.edits.apply(body, out, escape::encode);
                }
                Action::Replace
            }
        }
    }
}

/// Apply all edits; the one numbered `tail` stands for `fields`, which go down unescaped, as all do if `raw`.
fn apply_with_tail(edits: &Edits, tail: usize, raw: bool, body: &[u8], fields: &[u8], out: &mut Vec<u8>) {
    let mut done = 0;
    for (i, (edit, new)) in edits.iter().enumerate() {
        let start = edit.start.clamp(done, body.len());
        out.extend_from_slice(&body[done..start]);
        if i == tail {
            out.extend_from_slice(fields);
        } else if raw {
            out.extend_from_slice(new);
        } else {
            escape::encode(new, out);
        }
        done = edit.end.clamp(start, body.len());
    }
    out.extend_from_slice(&body[done..]);
}

#[cfg(test)]
mod tests;
