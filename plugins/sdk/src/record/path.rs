//! Paths such as `kubernetes.pod_name` or `entries[0].log` into a record.

use super::scan::{Kind, Node};

/// A path, parsed once and looked up often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Parse `a.b[0].c`. A key may hold anything but `.`, `[` and `]`.
    ///
    /// # Errors
    /// A message that says what is wrong with the path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if key.is_empty() && (rest.is_empty() || !steps.is_empty()) {
                return Err(format!("'{text}' is not a path: a key is empty"));
            }
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            while !rest.is_empty() {
                let index = rest.strip_prefix('[').and_then(|r| r.split_once(']'));
                let Some((number, after)) = index else {
                    return Err(format!("'{text}' is not a path: '[' without ']'"));
                };
                let number = number
                    .parse()
                    .map_err(|_| format!("'{text}' is not a path: '{number}' is not an index"))?;
                steps.push(Step::Index(number));
                rest = after;
            }
        }
        Ok(Self { steps })
    }

    pub(super) fn find(&self, tape: &[Node], body: &[u8]) -> Option<usize> {
        let mut at = 0;
        for step in &self.steps {
            let node = tape.get(at)?;
            let mut child = at + 1;
            let end = node.next as usize;
            match step {
                Step::Key(key) if node.kind == Kind::Object => loop {
                    let n = tape[..end].get(child)?;
                    if body.get(n.key_start as usize..n.key_end as usize) == Some(key.as_bytes()) {
                        break;
                    }
                    child = n.next as usize;
                },
                Step::Index(index) if node.kind == Kind::Array => {
                    for _ in 0..*index {
                        child = tape[..end].get(child)?.next as usize;
                    }
                    tape[..end].get(child)?;
                }
                _ => return None,
            }
            at = child;
        }
        Some(at)
    }
}
