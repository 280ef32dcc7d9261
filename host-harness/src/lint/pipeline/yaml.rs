//! YAML, and JSON as a part of it, from the parser's events: nothing here calls itself, and what aliases blow up has
//! a limit.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::node::{Field, MAX_DEPTH, MAX_NODES, Node, Value};

/// Why a text is not read: the line, and what is wrong there.
pub type Refused = (u64, String);

/// A collection that is not complete yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The name that waits for its value.
    name: Option<(String, u64)>,
    /// What `<<` takes over.
    merged: Vec<Field>,
    is_map: bool,
    /// Levels that are in it already.
    depth: usize,
    nodes: usize,
}

/// A value with a name for aliases.
struct Anchored {
    node: Node,
    depth: usize,
    nodes: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    documents: Vec<Node>,
    nodes: usize,
}

/// All documents of a text.
///
/// # Errors
/// When it is no YAML, or deeper or larger than a configuration is.
pub fn parse(text: &str) -> Result<Vec<Node>, Refused> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    let mut last = 1;
    while let Some(event) = parser.next_event() {
        let (event, span) =
            event.map_err(|e| (e.marker().line() as u64, format!("not YAML: {}", e.info())))?;
        last = span.start.line() as u64;
        builder.event(event, last).map_err(|words| (last, words))?;
    }
    if builder.open.is_empty() {
        Ok(builder.documents)
    } else {
        Err((last, "not YAML: it ends too early".to_owned()))
    }
}

impl Builder {
    fn event(&mut self, event: Event<'_>, line: u64) -> Result<(), String> {
        let scalar = |text: String, style| match style {
            ScalarStyle::Literal | ScalarStyle::Folded => Value::Block(text),
            _ => Value::Scalar(text),
        };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let node = Node { line, value: scalar(text.into_owned(), style) };
                self.nodes += 1;
                self.done(node, anchor, 0, 1)
            }
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).ok_or("an alias to what is not complete")?;
                let (depth, nodes) = (found.depth, found.nodes);
                self.nodes += nodes;
                if self.nodes > MAX_NODES {
                    return Err(format!("over {MAX_NODES} values: this is no config"));
                }
                let node = found.node.clone();
                self.done(node, 0, depth, nodes)
            }
            Event::SequenceStart(anchor, _) => self.start(line, anchor, Value::List(Vec::new()), false),
            Event::MappingStart(anchor, _) => self.start(line, anchor, Value::Map(Vec::new()), true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else { return Ok(()) };
                merge(&mut open);
                self.done(open.node, open.anchor, open.depth + 1, open.nodes + 1)
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, line: u64, anchor: usize, value: Value, is_map: bool) -> Result<(), String> {
        self.nodes += 1;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("over {MAX_DEPTH} levels deep: this is no config"));
        }
        let node = Node { line, value };
        self.open.push(Open { node, anchor, name: None, merged: Vec::new(), is_map, depth: 0, nodes: 0 });
        Ok(())
    }

    fn done(&mut self, node: Node, anchor: usize, depth: usize, nodes: usize) -> Result<(), String> {
        if self.nodes > MAX_NODES || self.open.len() + depth > MAX_DEPTH {
            return Err(format!("over {MAX_NODES} values or {MAX_DEPTH} levels: this is no config"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), depth, nodes });
        }
        let Some(parent) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        parent.depth = parent.depth.max(depth);
        parent.nodes += nodes;
        if !parent.is_map {
            if let Value::List(items) = &mut parent.node.value {
                items.push(node);
            }
            return Ok(());
        }
        match (parent.name.take(), &mut parent.node.value) {
            (None, _) => {
                let line = node.line;
                // A name that is a list or a map means nothing to any of the hosts.
                parent.name = Some((node.text().unwrap_or_default().to_owned(), line));
            }
            (Some((name, _)), _) if name == "<<" => {
                parent.merged.extend(node.one_or_more().into_iter().flat_map(Node::fields).cloned());
            }
            (Some((name, line)), Value::Map(fields)) => fields.push(Field { name, line, value: node }),
            _ => {}
        }
        Ok(())
    }
}

/// What is taken over gives way to what is said here.
fn merge(open: &mut Open) {
    let Value::Map(fields) = &mut open.node.value else { return };
    if open.merged.is_empty() {
        return;
    }
    let mut known: HashSet<String> = fields.iter().map(|f| f.name.clone()).collect();
    fields.extend(open.merged.drain(..).filter(|f| known.insert(f.name.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_aliases() {
        let text =
            "a: &x\n  b: 1\n  c: [2, 3]\nd:\n  <<: *x\n  b: |\n    two\n    lines\n---\n{\"j\": \"s\"}\n";
        let documents = parse(text).unwrap();
        assert_eq!(documents.len(), 2);
        let d = documents[0].get("d").unwrap();
        assert_eq!(d.field("b").unwrap().line, 6);
        assert!(matches!(&d.get("b").unwrap().value, Value::Block(t) if t == "two\nlines\n"));
        assert_eq!(d.get("c").unwrap().items()[1].text(), Some("3"));
        assert_eq!(d.get("c").unwrap().line, 3);
        assert_eq!(documents[1].text_of("j"), Some("s"));
        assert_eq!(documents[0].all().count(), 11);
    }

    #[test]
    fn what_is_no_config_is_refused() {
        assert_eq!(parse("a: [1\nb: 2\n").unwrap_err().0, 2);
        assert!(parse("a: *nothing").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&format!("{}1{}", "[".repeat(200), "]".repeat(200))).unwrap_err().1.contains("levels"));
        // Each line ten times the one before.
        let mut bomb = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for i in 1..12 {
            let list = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{list}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().1.contains("values"));
        assert!(parse("").unwrap().is_empty());
    }
}
