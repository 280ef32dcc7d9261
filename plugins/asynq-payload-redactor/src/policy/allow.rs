//! Allow-lists of payloads: which paths may be seen, per task type.

/// Where in an allow-list a walk through a payload stands. [`DEAD`] matches nothing below.
pub type State = u16;

/// Nothing here or below is allowed.
pub const DEAD: State = 0;
/// All here and below is allowed.
pub const ALL: State = 1;

#[derive(Debug, Default)]
struct Node {
    keys: Vec<(Vec<u8>, State)>,
    any: Option<State>,
    element: Option<State>,
}

/// All allow-lists of a config, as one automaton.
#[derive(Debug)]
pub struct AllowLists {
    nodes: Vec<Node>,
    /// Task type (a prefix if the flag is set) and the root of its list; longer names first.
    tasks: Vec<(Vec<u8>, bool, State)>,
    default: State,
}

/// The entry for all types that no other entry names.
pub const DEFAULT_TASK: &str = "default";

impl AllowLists {
    /// From task types and their paths.
    ///
    /// # Errors
    /// The task type, the index of the bad path, and what is wrong with it.
    pub fn new<'a>(
        tasks: impl Iterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, (String, usize, String)> {
        let mut lists =
            Self { nodes: vec![Node::default(), Node::default()], tasks: Vec::new(), default: DEAD };
        for (task, paths) in tasks {
            let mut root = DEAD;
            for (i, path) in paths.iter().enumerate() {
                let steps = steps(path).map_err(|e| (task.to_owned(), i, e))?;
                root = lists.add(root, &steps).map_err(|e| (task.to_owned(), i, e))?;
            }
            if task == DEFAULT_TASK || task == "*" {
                lists.default = root;
            } else {
                let prefix = task.strip_suffix('*');
                lists.tasks.push((prefix.unwrap_or(task).as_bytes().to_vec(), prefix.is_some(), root));
            }
        }
        lists.tasks.sort_by(|a, b| (b.0.len(), a.1).cmp(&(a.0.len(), b.1)));
        Ok(lists)
    }

    /// Whether any type has an entry of its own: else there is no need to know the type.
    pub fn names_tasks(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// The names that have entries, and whether they are prefixes.
    pub fn tasks(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.tasks.iter().map(|(name, prefix, _)| (name.as_slice(), *prefix))
    }

    /// Where the payload of a task of type `task` starts.
    pub fn root(&self, task: Option<&[u8]>) -> State {
        let Some(task) = task else { return self.default };
        let fits = |(name, prefix, _): &&(Vec<u8>, bool, State)| {
            if *prefix { task.starts_with(name) } else { task == name }
        };
        self.tasks.iter().find(fits).map_or(self.default, |(_, _, root)| *root)
    }

    /// From an object to the value under `key`.
    pub fn key(&self, state: State, key: &[u8]) -> State {
        if state <= ALL {
            return state;
        }
        let Some(node) = self.nodes.get(usize::from(state)) else { return DEAD };
        let exact = node.keys.iter().find(|(k, _)| same_name(k, key)).map(|(_, s)| *s);
        exact.or(node.any).unwrap_or(DEAD)
    }

    /// From a list to its elements. A path may leave `[]` out.
    pub fn element(&self, state: State) -> State {
        if state <= ALL {
            return state;
        }
        self.nodes.get(usize::from(state)).map_or(DEAD, |n| n.element.unwrap_or(state))
    }

    fn add(&mut self, root: State, steps: &[Step<'_>]) -> Result<State, String> {
        if root == ALL {
            return Ok(ALL);
        }
        if matches!(steps, [] | [Step::Any]) {
            return Ok(ALL);
        }
        let root = if root == DEAD { self.node()? } else { root };
        let mut at = root;
        for (i, step) in steps.iter().enumerate() {
            let last = i + 1 == steps.len();
            let next = match step {
                Step::Key(k) => {
                    self.nodes[usize::from(at)].keys.iter().find(|(n, _)| same_name(n, k)).map(|(_, s)| *s)
                }
                Step::Any => self.nodes[usize::from(at)].any,
                Step::Element => self.nodes[usize::from(at)].element,
            };
            let next = match next {
                Some(ALL) => return Ok(root),
                _ if last => ALL,
                Some(next) => next,
                None => self.node()?,
            };
            let node = &mut self.nodes[usize::from(at)];
            match step {
                Step::Key(k) => {
                    node.keys.retain(|(n, _)| !same_name(n, k));
                    node.keys.push((k.to_vec(), next));
                }
                Step::Any => node.any = Some(next),
                Step::Element => node.element = Some(next),
            }
            at = next;
        }
        Ok(root)
    }

    fn node(&mut self) -> Result<State, String> {
        let index = State::try_from(self.nodes.len()).map_err(|_| "too many paths in all".to_owned())?;
        self.nodes.push(Node::default());
        Ok(index)
    }
}

#[derive(Debug)]
enum Step<'a> {
    Key(&'a [u8]),
    Any,
    Element,
}

fn steps(path: &str) -> Result<Vec<Step<'_>>, String> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let mut name = part;
        let mut lists = 0;
        while let Some(rest) = name.strip_suffix("[]") {
            name = rest;
            lists += 1;
        }
        match name {
            "" if lists == 0 => return Err(format!("'{path}' is not a path: a name is empty")),
            "" if !steps.is_empty() => return Err(format!("'{path}' is not a path: '[]' without a name")),
            "" => {}
            "*" => steps.push(Step::Any),
            _ if name.starts_with('$') => {
                return Err(format!("'{path}' is not a path: paths start at the payload, leave '$.' out"));
            }
            _ if name.contains(['[', ']']) => {
                return Err(format!("'{path}' is not a path: write '[]' for the elements of a list"));
            }
            _ => steps.push(Step::Key(name.as_bytes())),
        }
        steps.extend((0..lists).map(|_| Step::Element));
    }
    Ok(steps)
}

/// Whether two names are the same in any case style: `user_id`, `userId`, `UserID`, `user-id`.
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    let mut a = a.iter().filter(|b| !matches!(b, b'_' | b'-')).map(u8::to_ascii_lowercase);
    let mut b = b.iter().filter(|b| !matches!(b, b'_' | b'-')).map(u8::to_ascii_lowercase);
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (x, y) if x != y => return false,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(task: &str, paths: &[&str]) -> AllowLists {
        let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
        AllowLists::new([(task, paths.as_slice())].into_iter()).unwrap()
    }

    #[test]
    fn paths_lead_to_what_is_allowed() {
        let l = lists("email:welcome", &["user_id", "items[].sku", "meta.*", "a.b"]);
        let root = l.root(Some(b"email:welcome"));
        assert_eq!(l.key(root, b"userId"), ALL);
        assert_eq!(l.key(root, b"email"), DEAD);
        let item = l.element(l.key(root, b"items"));
        assert_eq!(l.key(item, b"sku"), ALL);
        assert_eq!(l.key(item, b"name"), DEAD);
        assert_eq!(l.key(l.key(root, b"meta"), b"x"), ALL);
        let a = l.key(root, b"a");
        assert!(a != ALL && a != DEAD);
        assert_eq!(l.root(Some(b"email:welcome2")), DEAD);
        assert_eq!(l.root(None), DEAD);
    }

    #[test]
    fn the_longest_name_wins_and_the_default_is_for_the_rest() {
        let paths = |p: &str| vec![p.to_owned()];
        let (a, b, c) = (paths("x"), paths("*"), paths("y"));
        let l = AllowLists::new(
            [("email:*", a.as_slice()), ("email:welcome", b.as_slice()), ("default", c.as_slice())]
                .into_iter(),
        )
        .unwrap();
        assert_eq!(l.root(Some(b"email:welcome")), ALL);
        assert_eq!(l.key(l.root(Some(b"email:other")), b"x"), ALL);
        assert_eq!(l.key(l.root(Some(b"sms")), b"y"), ALL);
        assert_eq!(l.key(l.root(None), b"y"), ALL);
    }

    #[test]
    fn bad_paths_are_refused() {
        for bad in ["", "a..b", "a[0]", "a.[]", "$.a"] {
            assert!(steps(bad).is_err(), "{bad}");
        }
    }
}
