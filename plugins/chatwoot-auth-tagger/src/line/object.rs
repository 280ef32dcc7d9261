//! JSON objects: lograge, nginx's JSON access logs, and the fields of records.

use tamis_sdk::record::{Kind, Node, escape};

/// An object that was scanned, with the text it was scanned from.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// The text.
    pub body: &'a [u8],
    /// Its values.
    pub nodes: &'a [Node],
}

impl<'a> Object<'a> {
    /// The bytes of a value as they came.
    pub fn raw(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// The key of a value as it came.
    pub fn key(&self, node: &Node) -> &'a [u8] {
        self.body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
    }

    /// The values directly in the object, with their indexes.
    pub fn fields(&self) -> impl Iterator<Item = (usize, Node)> + use<'a> {
        let nodes = self.nodes;
        let end = nodes.first().filter(|n| n.kind == Kind::Object).map_or(0, |n| n.next as usize);
        let mut at = 1;
        std::iter::from_fn(move || {
            let node = *nodes.get(..end)?.get(at)?;
            let here = at;
            at = (node.next as usize).max(at + 1);
            Some((here, node))
        })
    }

    /// The first field with one of these names, in the order of the names.
    pub fn field(&self, names: &[&[u8]]) -> Option<(usize, Node)> {
        names.iter().find_map(|name| self.fields().find(|(_, n)| self.key(n) == *name))
    }

    /// Append the text of the first such field that is a string or number; whether there is one.
    pub fn text(&self, names: &[&[u8]], out: &mut Vec<u8>) -> bool {
        let Some((_, node)) = self.field(names) else { return false };
        match node.kind {
            Kind::String => escape::decode(self.raw(&node), out),
            Kind::Number => out.extend_from_slice(self.raw(&node)),
            _ => return false,
        }
        true
    }

    /// The first such field that is a number, or a string of digits.
    pub fn number(&self, names: &[&[u8]]) -> Option<u64> {
        crate::bytes::number(self.raw(&self.field(names)?.1))
    }

    /// Append the bytes of which the value at `index` is the array: so journald gives a message with control bytes.
    /// Whether it is one.
    pub fn bytes(&self, index: usize, out: &mut Vec<u8>) -> bool {
        let Some(array) = self.nodes.get(index).filter(|n| n.kind == Kind::Array) else { return false };
        let start = out.len();
        for node in self.nodes.get(index + 1..array.next as usize).unwrap_or_default() {
            let byte = crate::bytes::number(self.raw(node)).and_then(|n| u8::try_from(n).ok());
            let Some(byte) = byte.filter(|_| node.kind == Kind::Number) else {
                out.truncate(start);
                return false;
            };
            out.push(byte);
        }
        out.len() > start
    }

    /// Whether there is such a field.
    pub fn has(&self, name: &[u8]) -> bool {
        self.field(&[name]).is_some()
    }
}
