//! Fields by dotted path, and how they become JSON: nested or dotted.

use tamis_sdk::record::escape;

/// Deepest path.
const DEPTH: usize = 6;

/// Fields in the order in which they are to be written. Those of one object stand together.
#[derive(Debug, Default)]
pub struct Fields {
    arena: Vec<u8>,
    list: Vec<(&'static str, usize, usize)>,
}

impl Fields {
    /// Forget all, keep the memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.list.clear();
    }

    /// A field of which `write` appends the JSON.
    pub fn raw(&mut self, path: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.arena.len();
        write(&mut self.arena);
        self.list.push((path, start, self.arena.len()));
    }

    /// A string, unless it is empty.
    pub fn text(&mut self, path: &'static str, text: &[u8]) {
        if !text.is_empty() {
            self.raw(path, |out| string(text, out));
        }
    }

    /// A number.
    pub fn number(&mut self, path: &'static str, n: u64) {
        self.raw(path, |out| crate::bytes::write_number(n, out));
    }

    /// A literal.
    pub fn flag(&mut self, path: &'static str, value: bool) {
        self.raw(path, |out| out.extend_from_slice(if value { b"true" } else { b"false" }));
    }

    /// A list of strings without the empty ones, unless nothing is left.
    pub fn list<'a>(&mut self, path: &'static str, items: impl IntoIterator<Item = &'a [u8]>) {
        let mut items = items.into_iter().filter(|i| !i.is_empty()).peekable();
        if items.peek().is_none() {
            return;
        }
        self.raw(path, |out| {
            out.push(b'[');
            for (i, item) in items.enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                string(item, out);
            }
            out.push(b']');
        });
    }

    /// Call `add` with the name and JSON of every top-level field.
    pub fn top(&self, dotted: bool, value: &mut Vec<u8>, mut add: impl FnMut(&str, &[u8])) {
        let mut at = 0;
        while let Some(&(path, start, end)) = self.list.get(at) {
            let Some((name, _)) = path.split_once('.').filter(|_| !dotted) else {
                add(path, self.arena.get(start..end).unwrap_or_default());
                at += 1;
                continue;
            };
            let inside = |p: &str| p.split_once('.').is_some_and(|(n, _)| n == name);
            let len = self.list[at..].iter().take_while(|(p, ..)| inside(p)).count().max(1);
            value.clear();
            self.nested(&self.list[at..at + len], name.len() + 1, value);
            add(name, value);
            at += len;
        }
    }

    /// All of them as one object.
    pub fn object(&self, dotted: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut value = Vec::new();
        let mut first = true;
        self.top(dotted, &mut value, |name, json| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            string(name.as_bytes(), out);
            out.push(b':');
            out.extend_from_slice(json);
        });
        out.push(b'}');
    }

    /// An object of fields whose paths all have the same first `skip` bytes.
    fn nested(&self, fields: &[(&'static str, usize, usize)], skip: usize, out: &mut Vec<u8>) {
        let mut open: [&str; DEPTH] = [""; DEPTH];
        let mut depth = 0;
        out.push(b'{');
        for (i, &(path, start, end)) in fields.iter().enumerate() {
            let path = path.get(skip..).unwrap_or(path);
            let parents = path.split('.').count().saturating_sub(1).min(DEPTH);
            let common =
                path.split('.').take(parents).zip(&open[..depth]).take_while(|(a, b)| a == *b).count();
            for _ in common..depth {
                out.push(b'}');
            }
            if i > 0 {
                out.push(b',');
            }
            for (level, name) in path.split('.').enumerate().take(parents).skip(common) {
                open[level] = name;
                string(name.as_bytes(), out);
                out.extend_from_slice(b":{");
            }
            depth = parents;
            string(path.rsplit('.').next().unwrap_or_default().as_bytes(), out);
            out.push(b':');
            out.extend_from_slice(self.arena.get(start..end).unwrap_or_default());
        }
        out.extend(std::iter::repeat_n(b'}', depth + 1));
    }
}

/// A JSON string.
pub fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape::encode(text, out);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_objects() {
        let mut fields = Fields::default();
        fields.text("event.kind", b"event");
        fields.list("event.type", [&b"a\""[..], b"", b"b"]);
        fields.text("http.request.id", b"x");
        fields.text("http.request.method", b"GET");
        fields.number("http.response.status_code", 200);
        fields.text("http.version", b"1");
        fields.text("empty", b"");
        fields.flag("flat", true);
        let mut out = Vec::new();
        fields.object(false, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"event":{"kind":"event","type":["a\"","b"]},"http":{"request":{"id":"x","method":"GET"},"response":{"status_code":200},"version":"1"},"flat":true}"#
        );
        let mut out = Vec::new();
        fields.object(true, &mut out);
        assert!(out.starts_with(br#"{"event.kind":"event","event.type":["a\"","b"],"http.request.id":"x""#));
    }
}
