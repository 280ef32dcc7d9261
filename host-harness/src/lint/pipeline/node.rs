//! A configuration as a tree whose parts know their lines, whatever it was written in.

/// Levels that a tree may have.
pub(super) const MAX_DEPTH: usize = 100;

/// Parts that a tree may have: aliases multiply.
pub(super) const MAX_NODES: usize = 200_000;

/// A value.
#[derive(Debug, Clone)]
pub struct Node {
    /// The line it starts on, from 1.
    pub line: u64,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text, a number, true, false or nothing, as written.
    Scalar(String),
    /// A block of text: its lines stand below the line of its name.
    Block(String),
    /// A list.
    List(Vec<Node>),
    /// Names and values.
    Map(Vec<Field>),
}

/// A name with its value.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The line of the name.
    pub line: u64,
    /// The value.
    pub value: Node,
}

impl Node {
    pub fn fields(&self) -> &[Field] {
        match &self.value {
            Value::Map(fields) => fields,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|f| f.name == name)
    }

    pub fn get(&self, name: &str) -> Option<&Node> {
        self.field(name).map(|f| &f.value)
    }

    /// The value at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) | Value::Block(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a field.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// A list, or one value in its place.
    pub fn one_or_more(&self) -> Vec<&Node> {
        match &self.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![self],
        }
    }

    /// The node and all below it.
    pub fn all(&self) -> impl Iterator<Item = &Node> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let node = waiting.pop()?;
            match &node.value {
                Value::List(items) => waiting.extend(items.iter().rev()),
                Value::Map(fields) => waiting.extend(fields.iter().rev().map(|f| &f.value)),
                Value::Scalar(_) | Value::Block(_) => {}
            }
            Some(node)
        })
    }
}

/// What the words of configurations say about on and off.
pub fn is_on(text: &str) -> bool {
    ["on", "true", "yes", "1"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// See [`is_on`].
pub fn is_off(text: &str) -> bool {
    ["off", "false", "no", "0"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}
