//! Where in a record a value stands: under which name, in which kind of print, in which structure.
//!
//! Brackets are followed through the text as it came, whatever it is: JSON, JSON in a string, a Go dump. That is
//! enough to tell one payload from the next, and it costs one pass.

use memchr::memchr;

/// How a program printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Print {
    /// The field of a JSON record.
    JsonField,
    /// JSON within a text or a string.
    JsonText,
    /// `key=value`.
    Pair,
    /// `Key:value`, as `%+v` prints structs.
    Dump,
    /// `key: value`, as in a sentence: the name may be none.
    Colon,
    /// `Key:[]uint8{0x7b}`, as `%#v` prints them.
    Syntax,
    /// A structure without a name, as `%v` prints one.
    Bare,
    /// On lines after the one it began on.
    Spread,
    /// Anywhere in a text.
    #[default]
    Text,
}

impl Print {
    /// The name that reports have for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::JsonField => "JSON field",
            Self::JsonText => "JSON in text",
            Self::Pair => "key=value",
            Self::Dump => "%+v dump",
            Self::Colon => "key: value",
            Self::Syntax => "%#v dump",
            Self::Bare => "structure in text",
            Self::Spread => "over several lines",
            Self::Text => "text",
        }
    }
}

/// A kind of print and the name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The kind.
    pub print: Print,
    /// The name, empty if there is none.
    pub key: String,
}

/// A name before a value, and how it is joined to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'t> {
    /// The name.
    pub name: &'t [u8],
    /// The kind of print.
    pub print: Print,
    /// Where the name starts.
    pub start: usize,
}

/// The most that is looked at before a value for its name.
const REACH: usize = 96;

/// The name before the value at `at`.
pub fn name_before(text: &[u8], at: usize) -> Option<Name<'_>> {
    let floor = at.saturating_sub(REACH);
    let back = |mut i: usize, test: &dyn Fn(u8) -> bool| {
        while i > floor && test(text[i - 1]) {
            i -= 1;
        }
        i
    };
    let quote = |b: u8| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b'&' | b'[' | b'{');
    let mut i = skip_colour(text, back(at.min(text.len()), &|b| quote(b) || b == b' '), floor);
    let mut print = Print::Dump;
    // The type before the brace of a Go literal: `[]uint8{`, `main.Payload{`.
    let type_start = back(i, &|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'[' | b']' | b'*'));
    if type_start < i && type_start > floor && text.get(i) == Some(&b'{') {
        i = back(type_start, &|b| matches!(b, b'&' | b'('));
        print = Print::Syntax;
    }
    i = skip_colour(text, i, floor);
    let sign = *text.get(i.checked_sub(1)?)?;
    match sign {
        b'=' => print = Print::Pair,
        b':' => {}
        _ => return None,
    }
    i = skip_colour(text, i - 1, floor);
    let blank = back(i, &|b| b == b' ');
    let end = back(blank, &|b| matches!(b, b'"' | b'\\'));
    let quoted = end < blank && sign == b':';
    if !quoted && blank < i {
        return None;
    }
    let mut start = back(end, &|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if text[..start].ends_with(b"\x1b[") {
        // The end of a colour code is written up against the name.
        start += memchr(b'm', &text[start..end])? + 1;
    }
    let name = &text[start..end];
    let letter = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    if !letter || start == floor && floor > 0 {
        return None;
    }
    if quoted {
        let escaped = end < text.len() && text[end] == b'\\';
        print = if escaped { Print::JsonText } else { Print::JsonField };
    } else if print == Print::Dump {
        // `level:` of a sentence, or a task type: a name in a dump has a blank or a bracket before it.
        let before = start.checked_sub(1).map(|i| text[i]);
        if !matches!(before, None | Some(b'{' | b'[' | b'(' | b' ' | b'\t' | b'm')) {
            return None;
        }
        if text.get(i + 1) == Some(&b' ') {
            print = Print::Colon;
        }
    }
    Some(Name { name, print, start })
}

/// The start of a colour code that ends at `at`.
fn skip_colour(text: &[u8], at: usize, floor: usize) -> usize {
    let mut at = at;
    while at > floor && text[at - 1] == b'm' {
        let digits =
            text[floor..at - 1].iter().rev().take_while(|b| b.is_ascii_digit() || **b == b';').count();
        let start = at - 1 - digits;
        if start < floor + 2 || &text[start - 2..start] != b"\x1b[" {
            break;
        }
        at = start - 2;
    }
    at
}

/// A payload: the structure that some values are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Where it starts.
    pub start: usize,
    /// Where it ends, exclusive; the end of the last value if its end is not there.
    pub end: usize,
    /// Where its name starts and ends; empty if it has none.
    pub key: (usize, usize),
    /// How it is printed.
    pub print: Print,
}

/// Deeper structures are seen as part of what they are in.
const MAX_OPEN: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Open {
    start: usize,
    bracket: u8,
    key: (usize, usize),
    print: Print,
    /// It is under a name that payloads have.
    payload: bool,
    /// The group it makes, if it has one.
    group: Option<usize>,
}

/// Finds the structures around values, with its working memory.
#[derive(Debug, Default)]
pub struct Places {
    open: Vec<Open>,
    /// The structures found.
    pub groups: Vec<Group>,
}

impl Places {
    /// Put each of `values`, ranges sorted by their starts, into a structure: `of` gets the index of a value and of
    /// its group. `root`: where the structure starts that is the record itself.
    pub fn find(
        &mut self,
        text: &[u8],
        root: Option<usize>,
        values: &[(usize, usize)],
        mut is_payload_key: impl FnMut(&[u8]) -> bool,
        mut of: impl FnMut(usize, usize),
    ) {
        self.open.clear();
        self.groups.clear();
        let mut deeper = 0usize;
        let mut at = 0;
        let mut last = (0, 0);
        for (index, &(start, end)) in values.iter().enumerate() {
            // Several values of one encoded text.
            if start < last.0 {
                of(index, last.1);
                continue;
            }
            while at < start.min(text.len()) {
                match text[at] {
                    b'{' | b'[' if self.open.len() < MAX_OPEN => self.push(text, at, &mut is_payload_key),
                    b'{' | b'[' => deeper += 1,
                    b'}' | b']' if deeper > 0 => deeper -= 1,
                    b @ (b'}' | b']') => self.pop(b, at),
                    _ => {}
                }
                at += 1;
            }
            let group = self.group_of(text, root, start, &mut is_payload_key);
            if let Some(found) = self.groups.get_mut(group) {
                found.end = found.end.max(end);
            }
            of(index, group);
            last = (end, group);
            // What is in an encoded value is none of the structure around it.
            at = at.max(end);
        }
        // The rest of the structures that are still open.
        let waits = |open: &[Open]| open.iter().any(|o| o.group.is_some());
        while at < text.len() && waits(&self.open) {
            match text[at] {
                b'{' | b'[' if self.open.len() < MAX_OPEN => self.push(text, at, &mut |_| false),
                b'{' | b'[' => deeper += 1,
                b'}' | b']' if deeper > 0 => deeper -= 1,
                b @ (b'}' | b']') => self.pop(b, at),
                _ => {}
            }
            at += 1;
        }
    }

    fn push(&mut self, text: &[u8], at: usize, is_payload_key: &mut dyn FnMut(&[u8]) -> bool) {
        let name = name_before(text, at);
        let key = name.map_or((at, at), |n| (n.start, n.start + n.name.len()));
        let payload = name.is_some_and(|n| is_payload_key(n.name));
        let print = name.map_or(Print::Bare, |n| n.print);
        self.open.push(Open { start: at, bracket: text[at], key, print, payload, group: None });
    }

    fn pop(&mut self, bracket: u8, at: usize) {
        let opener = if bracket == b'}' { b'{' } else { b'[' };
        if self.open.last().is_none_or(|o| o.bracket != opener) {
            return;
        }
        let group = self.open.pop().and_then(|o| o.group);
        if let Some(group) = group.and_then(|g| self.groups.get_mut(g)) {
            group.end = group.end.max(at + 1);
        }
    }

    fn group_of(
        &mut self,
        text: &[u8],
        root: Option<usize>,
        start: usize,
        is_payload_key: &mut dyn FnMut(&[u8]) -> bool,
    ) -> usize {
        let next = self.groups.len();
        let named = self.open.iter().position(|o| o.payload);
        if named.is_none()
            && let Some(name) = name_before(text, start).filter(|n| is_payload_key(n.name))
        {
            let key = (name.start, name.start + name.name.len());
            self.groups.push(Group { start, end: start, key, print: name.print });
            return next;
        }
        let outer = usize::from(root.is_some() && self.open.first().map(|o| o.start) == root);
        let Some(open) =
            named.or((self.open.len() > outer).then_some(outer)).and_then(|i| self.open.get_mut(i))
        else {
            // What follows on a structure at once is what is left of it after a cut or a quote.
            if let Some(last) = self.groups.iter().rposition(|g| g.end == start && g.end > g.start) {
                return last;
            }
            // Values that nothing is around belong together: they are on one line.
            if let Some(last) =
                self.groups.iter().position(|g| matches!(g.print, Print::Text | Print::Spread))
            {
                return last;
            }
            let print = if root.is_some() { Print::JsonField } else { Print::Text };
            let name = name_before(text, start);
            let key = name.map_or((start, start), |n| (n.start, n.start + n.name.len()));
            self.groups.push(Group { start, end: start, key, print: name.map_or(print, |n| n.print) });
            return next;
        };
        if let Some(group) = open.group {
            return group;
        }
        open.group = Some(next);
        self.groups.push(Group { start: open.start, end: start, key: open.key, print: open.print });
        next
    }
}

/// Whether a line goes on with a structure that an earlier line opened.
pub fn continues(line: &[u8]) -> bool {
    match line.first() {
        Some(b' ' | b'\t') => {
            let rest = line.trim_ascii_start();
            !rest.starts_with(b"/") && memchr(b'(', &rest[..rest.len().min(16)]).is_none()
        }
        Some(b'}' | b']') => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, value: &str) -> Option<(String, Print)> {
        let at = text.find(value).unwrap();
        name_before(text.as_bytes(), at).map(|n| (String::from_utf8_lossy(n.name).into_owned(), n.print))
    }

    #[test]
    fn names_in_all_prints() {
        for (text, value, expected) in [
            (r#"{"email":"ada"}"#, "ada", Some(("email", Print::JsonField))),
            (r#"{"card": {"number": 41}}"#, "41", Some(("number", Print::JsonField))),
            (r#"{"log":"p={\"email\":\"ada\"}"}"#, "ada", Some(("email", Print::JsonText))),
            (r"payload={1 ada}", "{1", Some(("payload", Print::Pair))),
            (r#"level=info payload="{\"a\":1}""#, "{", Some(("payload", Print::Pair))),
            ("\x1b[36mpayload=\x1b[0m{1}", "{1", Some(("payload", Print::Pair))),
            ("&{ID:x Payload:[123 34]}", "[123", Some(("Payload", Print::Dump))),
            ("&asynq.TaskInfo{Payload:[]uint8{0x7b}}", "{0x7b", Some(("Payload", Print::Syntax))),
            ("main.Payload{A:1}", "{A", None),
            ("Type:email:welcome", "welcome", None),
            ("TASK: x, PAYLOAD: {1}", "{1", Some(("PAYLOAD", Print::Colon))),
            ("ada", "ada", None),
            ("12:30", "30", None),
        ] {
            let expected = expected.map(|(n, p)| (n.to_owned(), p));
            assert_eq!(name(text, value), expected, "{text}");
        }
    }

    fn groups(text: &str, root: Option<usize>, values: &[&str]) -> Vec<String> {
        let ranges: Vec<(usize, usize)> =
            values.iter().map(|v| text.find(v).map(|at| (at, at + v.len())).unwrap()).collect();
        let mut places = Places::default();
        let mut of = Vec::new();
        let payload = |k: &[u8]| k.eq_ignore_ascii_case(b"payload");
        places.find(text.as_bytes(), root, &ranges, payload, |_, group| of.push(group));
        of.iter().map(|g| text[places.groups[*g].start..places.groups[*g].end].to_owned()).collect()
    }

    #[test]
    fn values_of_one_payload_are_one_group() {
        let text = r#"{"msg":"x","payload":{"a":"v1","b":{"c":["v2"]}},"id":"z","args":{"d":"v3"}}"#;
        let payload = r#"{"a":"v1","b":{"c":["v2"]}}"#;
        assert_eq!(groups(text, Some(0), &["v1", "v2", "v3"]), [payload, payload, r#"{"d":"v3"}"#]);
        let text = r#"{"payload":"eyJhIjoxfQ==","x":1}"#;
        assert_eq!(groups(text, Some(0), &["eyJhIjoxfQ=="]), ["eyJhIjoxfQ=="]);
        let text = "got &{ID:1 Payload:[1 2 3] T:9} and {v4 v5}";
        assert_eq!(groups(text, None, &["1 2 3", "v4", "v5"]), ["[1 2 3]", "{v4 v5}", "{v4 v5}"]);
        // Cut, or closed by something else.
        assert_eq!(groups(r#"p payload={"a":"v1","b":"v2"#, None, &["v1", "v2"])[1], r#"{"a":"v1","b":"v2"#);
        assert_eq!(groups("payload={v1] v2}", None, &["v1", "v2"])[1], "{v1] v2}");
    }
}
