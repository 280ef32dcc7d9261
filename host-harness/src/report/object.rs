//! Fields of a JSON record by their dotted path, whether they are nested or one key with dots.

use tamis_sdk::record::{Kind, Node, escape};

/// Bytes of a value that are looked at: longer ones are cut.
const MAX_VALUE_BYTES: usize = 320;

/// An object on the tape of a record.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    body: &'a [u8],
    nodes: &'a [Node],
    at: usize,
}

impl<'a> Object<'a> {
    /// The record itself, if it is an object.
    pub fn root(body: &'a [u8], nodes: &'a [Node]) -> Option<Self> {
        Self { body, nodes, at: 0 }.if_object(0)
    }

    fn if_object(self, at: usize) -> Option<Self> {
        (self.nodes.get(at)?.kind == Kind::Object).then_some(Self { at, ..self })
    }

    fn slice(&self, start: u32, end: u32) -> &'a [u8] {
        self.body.get(start as usize..end as usize).unwrap_or_default()
    }

    /// What is directly in it: keys, and places on the tape.
    pub fn members(self) -> impl Iterator<Item = (&'a [u8], usize)> {
        let end = self.nodes.get(self.at).map_or(0, |n| n.next as usize);
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let node = self.nodes.get(..end)?.get(at)?;
            let here = at;
            at = (node.next as usize).max(at + 1);
            Some((self.slice(node.key_start, node.key_end), here))
        })
    }

    fn member(self, key: &[&[u8]]) -> Option<usize> {
        let len: usize = key.iter().map(|k| k.len()).sum();
        let is = |name: &[u8]| {
            let mut rest = name;
            name.len() == len && key.iter().all(|k| rest.strip_prefix(*k).map(|r| rest = r).is_some())
        };
        self.members().find(|(name, _)| is(name)).map(|(_, at)| at)
    }

    /// The place of the field at `path`; the name at the top has `prefix` before it.
    fn find(self, prefix: &str, path: &str) -> Option<usize> {
        if let Some(at) = self.member(&[prefix.as_bytes(), path.as_bytes()]) {
            return Some(at);
        }
        let mut names = path.split('.');
        let mut at = self.member(&[prefix.as_bytes(), names.next()?.as_bytes()])?;
        for name in names {
            at = self.if_object(at)?.member(&[name.as_bytes()])?;
        }
        Some(at)
    }

    /// The object at `path`.
    pub fn object(self, prefix: &str, path: &str) -> Option<Self> {
        self.if_object(self.find(prefix, path)?)
    }

    /// The elements of the array at `path` that are objects.
    pub fn objects(self, prefix: &str, path: &str) -> impl Iterator<Item = Self> {
        self.elements(self.find(prefix, path)).filter_map(move |at| self.if_object(at))
    }

    fn elements(self, array: Option<usize>) -> impl Iterator<Item = usize> {
        let node = array.and_then(|at| self.nodes.get(at)).filter(|n| n.kind == Kind::Array);
        let (mut at, end) = node.map_or((0, 0), |n| (array.unwrap_or_default() + 1, n.next as usize));
        std::iter::from_fn(move || {
            let node = self.nodes.get(..end)?.get(at)?;
            let here = at;
            at = (node.next as usize).max(at + 1);
            Some(here)
        })
    }

    /// The string at `path`, decoded and cut.
    pub fn text(self, prefix: &str, path: &str) -> Option<Vec<u8>> {
        self.text_at(self.find(prefix, path)?)
    }

    fn text_at(self, at: usize) -> Option<Vec<u8>> {
        let node = self.nodes.get(at).filter(|n| n.kind == Kind::String)?;
        let raw = self.slice(node.start, node.end);
        let mut text = Vec::new();
        escape::decode(raw.get(..MAX_VALUE_BYTES * 6).unwrap_or(raw), &mut text);
        text.truncate(MAX_VALUE_BYTES);
        Some(text)
    }

    /// The whole string in the first of these members that is one.
    pub fn message(self, keys: &[&[u8]]) -> Option<Vec<u8>> {
        let at = keys.iter().find_map(|key| self.member(&[key]))?;
        let node = self.nodes.get(at).filter(|n| n.kind == Kind::String)?;
        let mut text = Vec::new();
        escape::decode(self.slice(node.start, node.end), &mut text);
        Some(text)
    }

    /// The number at `path`, if it is one without sign, fraction and exponent.
    pub fn number(self, prefix: &str, path: &str) -> Option<u64> {
        self.number_at(self.find(prefix, path)?)
    }

    /// The number at a place on the tape.
    pub fn number_at(self, at: usize) -> Option<u64> {
        let node = self.nodes.get(at).filter(|n| n.kind == Kind::Number)?;
        std::str::from_utf8(self.slice(node.start, node.end)).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use tamis_sdk::record::scan;

    use super::*;

    #[test]
    fn fields_are_found_nested_and_dotted() {
        for json in [
            r#"{"x":[1,{"a":9}],"t_a":{"b":{"c":"v\u0041","n":7}},"list":[{"k":1},2,{"k":3}]}"#,
            r#"{"t_a.b.c":"vA","t_a.b.n":7,"list":[{"k":1},2,{"k":3}]}"#,
        ] {
            let mut nodes = Vec::new();
            scan::scan(json.as_bytes(), &mut nodes).unwrap();
            let object = Object::root(json.as_bytes(), &nodes).unwrap();
            assert_eq!(object.text("t_", "a.b.c"), Some(b"vA".to_vec()));
            assert_eq!(object.number("t_", "a.b.n"), Some(7));
            assert_eq!(object.number("", "a.b.n"), None);
            assert_eq!(object.number("t_", "a.b.c"), None);
            assert_eq!(object.objects("", "list").filter_map(|o| o.number("", "k")).sum::<u64>(), 4);
        }
        let mut nodes = Vec::new();
        scan::scan(b"[1]", &mut nodes).unwrap();
        assert!(Object::root(b"[1]", &nodes).is_none());
    }
}
