//! Structures within a text: JSON, and what Go's `%v`, `%+v` and `%#v` print of structs, maps and slices. Complete or
//! cut, well-formed or not; walked without recursion.

use super::{
    Out, Role, Sieve,
    leaf::Shape,
    value::{MIN_BYTES, starts_json},
};
use crate::{
    coding::{Coding, bytes},
    policy::{Context, allow, memo, pen::marker},
};

/// A container that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    kind: Kind,
    /// What closes it.
    close: u8,
    /// That of the values in it.
    context: Context,
    /// Its own name: up to its first 24 bytes.
    name: Name,
    /// Where the last of its values that stays ends.
    kept: Option<usize>,
}

/// The first bytes of a name, kept beside a container.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Name {
    len: u8,
    bytes: [u8; 24],
}

impl Name {
    pub(super) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 24];
        let len = name.len().min(24);
        bytes[..len].copy_from_slice(&name[..len]);
        Self { len: len as u8, bytes }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Quoted names, values between commas.
    Json,
    /// `Name:value`, blanks between; a value without quotes runs to the next name.
    Go,
    /// `{42 a@b.c}`: values without names.
    Positional,
    /// `[a b]`, `[]string{"a", "b"}`.
    List,
    /// `["a",2]`: values between commas.
    JsonList,
}

impl Kind {
    fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::JsonList)
    }

    fn is_keyed(self) -> bool {
        matches!(self, Self::Json | Self::Go)
    }
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// Where the structure ends.
    pub end: usize,
    /// The text ended before it did.
    pub open: bool,
}

/// What opens a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opener {
    /// Where its content starts.
    pub inside: usize,
    close: u8,
    kind: Kind,
}

impl Opener {
    /// Whether its values have names.
    pub(super) fn is_keyed(&self) -> bool {
        self.kind.is_keyed()
    }

    /// Whether it is a struct without names.
    pub(super) fn is_positional(&self) -> bool {
        self.kind == Kind::Positional
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List | Kind::JsonList)
    }

    /// Whether it is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.kind == Kind::Json
    }

    /// The same within JSON: there a list is one of JSON.
    fn within(self, level: Level) -> Self {
        let list = self.kind == Kind::List && level.kind.is_json() && self.close == b']';
        Self { kind: if list { Kind::JsonList } else { self.kind }, ..self }
    }
}

/// The opener at `pos`: `{`, `[`, `&{`, `map[`, `main.T{`, `[]string{`, `map[string]int{`.
pub(super) fn opener(text: &[u8], pos: usize, end: usize) -> Option<Opener> {
    let pos = pos + usize::from(text.get(pos) == Some(&b'&'));
    let rest = text.get(pos..end)?;
    let braces = |inside: usize| {
        let at = skip_blank(text, inside, end);
        let kind = match text.get(at..end)?.first() {
            // A brace at the end of a line is the first line of a dump if a type is before it, else of JSON.
            None if after_type(text.get(..inside - 1).unwrap_or_default()) => Kind::Go,
            None | Some(b'"' | b'}') => Kind::Json,
            _ if go_key(text, at, end).is_some() => Kind::Go,
            _ => Kind::Positional,
        };
        Some(Opener { inside, close: b'}', kind })
    };
    match rest.first()? {
        b'{' => braces(pos + 1),
        b'm' if rest.starts_with(b"map[") => match typed(rest) {
            Some(brace) => braces(pos + brace + 1),
            None => Some(Opener { inside: pos + 4, close: b']', kind: Kind::Go }),
        },
        b'[' => match typed(rest) {
            Some(brace) => Some(Opener { inside: pos + brace + 1, close: b'}', kind: Kind::List }),
            None => {
                let kind = if is_json_list(text, pos + 1, end) { Kind::JsonList } else { Kind::List };
                Some(Opener { inside: pos + 1, close: b']', kind })
            }
        },
        b'A'..=b'Z' | b'a'..=b'z' => braces(pos + typed(rest)? + 1),
        b'(' => {
            // `(main.T) {` and `(*main.T)(0xc000012345)({` of `spew`.
            let line = rest.get(..rest.len().min(96))?;
            let brace = line.iter().position(|b| matches!(b, b'{' | b'"' | b'\n'))?;
            (line[brace] == b'{' && after_type(&line[..brace])).then(|| braces(pos + brace + 1))?
        }
        _ => None,
    }
}

/// Whether a type stands right before a brace: `main.T{`, `(main.T) {`, `)({`.
fn after_type(before: &[u8]) -> bool {
    match before {
        [.., b')', b' ' | b'('] | [.., b')'] => true,
        [.., last] => last.is_ascii_alphanumeric() || *last == b']',
        [] => false,
    }
}

/// The brace after a Go type at the start of `rest`: `main.T{`, `[]string{`, `map[string]interface {}{`.
fn typed(rest: &[u8]) -> Option<usize> {
    let rest = rest.get(..rest.len().min(96))?;
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'{' => return is_type(&rest[..at]).then_some(at),
            b' ' if rest[at..].starts_with(b" {}") && rest[..at].ends_with(b"interface") => at += 3,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'*' | b'[' | b']' => at += 1,
            _ => return None,
        }
    }
}

/// Whether the list whose content starts at `pos` is one of JSON: commas part its values.
fn is_json_list(text: &[u8], pos: usize, end: usize) -> bool {
    let at = skip_blank(text, pos, end);
    let rest = text.get(at..end).unwrap_or_default();
    let word = rest
        .iter()
        .take(40)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'))
        .count();
    let scalar = match &rest[..word] {
        b"true" | b"false" | b"null" => true,
        number => number.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')),
    };
    match rest.first() {
        _ if marker(rest).is_some() => false,
        Some(b'"' | b'[') => true,
        Some(b'{') => matches!(rest.get(skip_blank(rest, 1, rest.len())), Some(b'"' | b'}')),
        _ => word > 0 && scalar && rest.get(word) == Some(&b','),
    }
}

/// Whether a word is a Go type: `[]string`, `map[string]int`, `*main.T`. Others may be values that look like one.
fn is_type(word: &[u8]) -> bool {
    const PLAIN: [&[u8]; 20] = [
        b"string",
        b"byte",
        b"int",
        b"int8",
        b"int16",
        b"int32",
        b"int64",
        b"uint",
        b"uint8",
        b"uint16",
        b"uint32",
        b"uint64",
        b"float32",
        b"float64",
        b"bool",
        b"any",
        b"rune",
        b"uintptr",
        b"interface {}",
        b"struct {}",
    ];
    let mut word = word;
    loop {
        if let Some(rest) = word.strip_prefix(b"[]").or_else(|| word.strip_prefix(b"*")) {
            word = rest;
        } else if let Some(rest) = word.strip_prefix(b"map[") {
            let Some(close) = rest.iter().position(|b| *b == b']') else { return false };
            if !is_type(&rest[..close]) {
                return false;
            }
            word = &rest[close + 1..];
        } else {
            break;
        }
    }
    if PLAIN.contains(&word) {
        return true;
    }
    // Types of packages: `main.T`.
    let Some(dot) = word.iter().position(|b| *b == b'.') else { return false };
    let (package, name) = (&word[..dot], &word[dot + 1..]);
    !package.is_empty()
        && package.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// The name that ends with `:` at `pos`: where it ends. Names start with a letter or `_`.
pub(super) fn go_key(text: &[u8], pos: usize, end: usize) -> Option<usize> {
    let rest = text.get(pos..end.min(pos + 65))?;
    if !rest.first()?.is_ascii_alphabetic() && rest[0] != b'_' {
        return None;
    }
    let len = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')))?;
    (rest[len] == b':' && rest.get(len + 1..len + 3) != Some(b"//")).then_some(pos + len)
}

/// The first byte from `pos` on that is no white space.
pub(super) fn skip_blank(text: &[u8], mut pos: usize, end: usize) -> usize {
    while pos < end && text[pos].is_ascii_whitespace() {
        pos += 1;
    }
    pos
}

/// Where the quoted text that starts after the quote `quote` at `start` ends, at its closing quote.
pub(super) fn close_quote(text: &[u8], start: usize, end: usize, quote: u8) -> Option<usize> {
    if quote == b'`' {
        return memchr::memchr(quote, text.get(start..end)?).map(|i| start + i);
    }
    let mut pos = start;
    loop {
        let at = pos + memchr::memchr2(quote, b'\\', text.get(pos..end)?)?;
        if text[at] == quote {
            return Some(at);
        }
        pos = at + 2;
    }
}

impl Sieve {
    /// Walk the structure that `opener` opens. Its values have context `context`, its own name is `name`.
    #[inline(never)]
    pub(super) fn walk(
        &mut self,
        text: &[u8],
        opener: Opener,
        end: usize,
        context: Context,
        name: &[u8],
        out: &mut Out,
    ) -> Walked {
        self.levels.clear();
        self.levels.push(Level::new(opener, context, Name::new(name)));
        self.walk_on(text, opener.inside, end, out)
    }

    /// Walk on from `pos` in the containers that are open.
    #[inline(never)]
    pub(super) fn walk_on(&mut self, text: &[u8], mut pos: usize, end: usize, out: &mut Out) -> Walked {
        // Nothing after its end says anything about a text.
        let text = text.get(..end).unwrap_or(text);
        let end = text.len();
        while let Some(&level) = self.levels.last() {
            while pos < end && (text[pos].is_ascii_whitespace() || text[pos] == b',') {
                pos += 1;
            }
            let Some(&byte) = text.get(pos).filter(|_| pos < end) else { return Walked { end, open: true } };
            if byte == level.close {
                self.levels.pop();
                pos += 1;
                self.keep_value(pos);
                continue;
            }
            if matches!(byte, b'}' | b']') {
                // Not ours: a stray bracket of some value.
                pos += 1;
                continue;
            }
            let entry = pos;
            let (key, value) = level.key(text, pos, end);
            let context = match (key, level.context) {
                (Some((start, stop)), context) => {
                    let key = text.get(start..stop).unwrap_or_default();
                    let (inner, judgement) = self.enter(context, key, level.name.as_bytes());
                    if judgement.kind & memo::ODD != 0 || context == Context::Payload(allow::DEAD) {
                        self.key_text(text, start, stop, context, out);
                    }
                    inner
                }
                (None, context) => self.policy.element(context),
            };
            let entered = context != level.context && key.is_some();
            let name = key.and_then(|(a, b)| text.get(a..b)).map_or(level.name, Name::new);
            if self.removes(context, entered) {
                pos = self.remove(text, entry, value, end, out);
            } else {
                pos = self.walk_value(text, value, end, level, context, name, entered, out);
                self.keep_value(pos);
            }
            if pos >= end && !self.levels.is_empty() {
                return Walked { end, open: true };
            }
        }
        Walked { end: pos, open: false }
    }

    /// A value of the innermost container stays; it ends at `end`.
    fn keep_value(&mut self, end: usize) {
        if let Some(level) = self.levels.last_mut() {
            level.kept = Some(end);
        }
    }

    /// Remove the entry at `entry`, whose value is at `value`, with the comma or blank that parts it from the next or,
    /// for the last one, from the one before.
    #[inline(never)]
    fn remove(&mut self, text: &[u8], entry: usize, value: usize, end: usize, out: &mut Out) -> usize {
        let Some(&level) = self.levels.last() else { return end };
        let stop = self.skip_value(text, value, end);
        let mut next = skip_blank(text, stop, end);
        if text.get(next) == Some(&b',') {
            next = skip_blank(text, next + 1, end);
        }
        let last = next >= end || text[next] == level.close;
        let (from, to) = if last { (level.kept.unwrap_or(entry), stop) } else { (entry, next) };
        self.delete(from, to.max(entry), level.context, out);
        stop.max(entry + 1).min(end)
    }

    /// Where the value at `at` of the innermost container ends. Nothing in it is looked at.
    #[inline(never)]
    fn skip_value(&mut self, text: &[u8], at: usize, end: usize) -> usize {
        let depth = self.levels.len();
        let Some(&level) = self.levels.last() else { return end };
        let mut nothing = Out::default();
        let quiet = Context::Payload(allow::DEAD);
        let mut pos = self.walk_value(text, at, end, level, quiet, Name::default(), false, &mut nothing);
        if self.levels.len() == depth
            && !nothing.children.is_empty()
            && text.get(pos).is_some_and(|b| matches!(b, b']' | b'}'))
        {
            // A list of bytes ends before its bracket.
            pos += 1;
        }
        while self.levels.len() > depth && pos < end {
            let Some(&level) = self.levels.last() else { break };
            while pos < end && (text[pos].is_ascii_whitespace() || text[pos] == b',') {
                pos += 1;
            }
            let Some(&byte) = text.get(pos).filter(|_| pos < end) else { break };
            if byte == level.close {
                self.levels.pop();
                pos += 1;
            } else if matches!(byte, b'}' | b']') {
                pos += 1;
            } else {
                let (_, value) = level.key(text, pos, end);
                pos = self.walk_value(text, value, end, level, quiet, Name::default(), false, &mut nothing);
            }
        }
        if pos < end {
            self.levels.truncate(depth);
        }
        pos
    }

    /// One value of a container; says where it ends, or for a container where its content starts.
    #[allow(clippy::too_many_arguments)]
    #[inline(never)]
    fn walk_value(
        &mut self,
        text: &[u8],
        at: usize,
        end: usize,
        level: Level,
        context: Context,
        name: Name,
        entered: bool,
        out: &mut Out,
    ) -> usize {
        let Some(&byte) = text.get(at).filter(|_| at < end) else { return end };
        if byte == b'"' || byte == b'`' {
            let close = close_quote(text, at + 1, end, byte);
            let stop = close.unwrap_or(end);
            self.ending.string = close.is_none();
            let value = text.get(at + 1..stop).unwrap_or_default();
            let (context, entered) = self.named(context, entered, name.as_bytes(), value);
            if byte == b'"' {
                self.string(text, at + 1, stop, context, entered, out);
            } else {
                self.plain_string(text, at + 1, stop, context, entered, out);
            }
            return close.map_or(end, |c| c + 1);
        }
        if let Some(len) = text.get(at..end).and_then(marker) {
            // A replacement; what touches it is a value of its own.
            return at + len;
        }
        if let Some(opener) = opener(text, at, end).map(|o| o.within(level)) {
            if matches!(context, Context::Payload(_)) && entered && self.whole_payloads() {
                let stop = self.skip_value(text, at, end);
                self.whole_payload(text, at, stop, level.kind.is_json(), out);
                return stop;
            }
            if opener.is_list()
                && let Some(list) = bytes::list(text, opener.inside).filter(|l| l.end <= end)
                && let Some(context) = self.bytes_context(text, opener.inside, list, context, entered)
            {
                out.child(opener.inside, list.end, Coding::Bytes(list.style), context, Role::Value);
                return list.end;
            }
            self.levels.push(Level::new(opener, context, name));
            return opener.inside;
        }
        let stop = level.atom_end(text, at, end);
        let value = text.get(at..stop).unwrap_or_default();
        let (context, entered) = self.named(context, entered, name.as_bytes(), value);
        self.leaf(text, at, stop, Shape::Bare { json: level.kind.is_json() }, context, entered, out);
        // Progress, whatever stands there.
        stop.max(at + usize::from(stop == at && !level.kind.is_keyed()))
    }

    /// The value at `at`, whose name is not known: it goes.
    #[inline(never)]
    pub(super) fn walk_unknown(&mut self, text: &[u8], at: usize, end: usize, out: &mut Out) -> usize {
        let Some(&level) = self.levels.last() else { return at };
        let quiet = Context::Payload(allow::DEAD);
        self.walk_value(text, skip_blank(text, at, end), end, level, quiet, Name::default(), false, out)
    }

    /// The context in which a list of bytes is to be decoded, if it is one of a text. `entered`: it is all of a payload.
    #[inline(never)]
    pub(super) fn bytes_context(
        &mut self,
        text: &[u8],
        start: usize,
        list: bytes::List,
        context: Context,
        entered: bool,
    ) -> Option<Context> {
        match context {
            Context::Secret(_) => None,
            Context::Payload(_) if entered && list.count >= MIN_BYTES && !list.zero => Some(context),
            Context::Payload(_) if entered => {
                self.scratch.clear();
                bytes::decode(text.get(start..list.end)?, &mut self.scratch);
                (list.count > 1 && starts_json(&self.scratch)).then_some(context)
            }
            _ if list.count < MIN_TEXT => None,
            _ => {
                self.scratch.clear();
                bytes::decode(text.get(start..list.end)?, &mut self.scratch);
                let printable = self.scratch.iter().filter(|b| matches!(b, 9 | 10 | 13 | 32..127)).count();
                let readable = printable * 4 >= list.count * 3;
                match context {
                    // A short list of small numbers may be anything; a long one is bytes.
                    Context::Fields => (readable || (list.count >= MAX_NUMBERS && !list.zero))
                        .then(|| self.payload_context()),
                    _ => readable.then_some(context),
                }
            }
        }
    }
}

/// A list of fewer numbers is no text.
const MIN_TEXT: usize = 8;
/// A list of so many numbers below 256 is no list of numbers.
const MAX_NUMBERS: usize = 16;

impl Level {
    fn new(opener: Opener, context: Context, name: Name) -> Self {
        Self { kind: opener.kind, close: opener.close, context, name, kept: None }
    }

    pub(super) fn is_json(&self) -> bool {
        self.kind.is_json()
    }

    /// It goes on in another text, from `start` on.
    pub(super) fn move_to(&mut self, start: usize) {
        self.kept = self.kept.map(|_| start);
    }

    /// The first line after a brace at the end of a line: if it is that of an `asynq.TaskInfo` or of a logger's record,
    /// what follows is no payload.
    pub(super) fn decide(&mut self, line: &[u8]) {
        const FIRST: [&[u8]; 10] = [
            b"\"ID\":",
            b"\"level\":",
            b"\"time\":",
            b"\"ts\":",
            b"\"timestamp\":",
            b"\"@timestamp\":",
            b"\"severity\":",
            b"\"lvl\":",
            b"\"logger\":",
            b"\"caller\":",
        ];
        let line = line.trim_ascii_start();
        if self.kept.is_none() && self.kind == Kind::Json && FIRST.iter().any(|f| line.starts_with(f)) {
            self.context = Context::Fields;
        }
    }

    /// The name at `pos`, if there is one, and where its value starts.
    fn key(&self, text: &[u8], pos: usize, end: usize) -> (Option<(usize, usize)>, usize) {
        match self.kind {
            Kind::Positional | Kind::List | Kind::JsonList => (None, pos),
            Kind::Json | Kind::Go if text[pos] == b'"' => {
                let Some(close) = close_quote(text, pos + 1, end, b'"') else { return (None, pos) };
                let colon = skip_blank(text, close + 1, end);
                if text.get(colon) != Some(&b':') {
                    return (None, pos);
                }
                (Some((pos + 1, close)), skip_blank(text, colon + 1, end))
            }
            Kind::Json | Kind::Go => match go_key(text, pos, end).or_else(|| map_key(text, pos, end)) {
                Some(colon) => {
                    // `Name:   "value",` of dumps over several lines; `Name: Next:` is an empty value.
                    let value = skip_blank(text, colon + 1, end);
                    let empty =
                        value >= end || go_key(text, value, end).is_some() || text[value] == self.close;
                    (Some((pos, colon)), if empty { colon + 1 } else { value })
                }
                None => (None, pos),
            },
        }
    }

    /// Where the bare value at `at` ends.
    fn atom_end(&self, text: &[u8], at: usize, end: usize) -> usize {
        let mut pos = at;
        let mut nested = 0usize;
        while pos < end {
            match text[pos] {
                b'}' | b']' if nested > 0 => nested -= 1,
                b if b == self.close => return pos,
                b'}' | b']' if self.kind.is_json() => return pos,
                b'{' | b'[' if !self.kind.is_json() => nested += 1,
                b',' if self.kind.is_json() || matches!(text.get(pos + 1), None | Some(b'\n' | b'\r')) => {
                    return pos;
                }
                b',' if text.get(pos + 1) == Some(&b' ') && go_key(text, pos + 2, end).is_some() => {
                    return pos;
                }
                b' ' | b'\n' | b'\t' | b'\r' => match self.kind {
                    Kind::Json | Kind::JsonList | Kind::Positional | Kind::List if nested == 0 => return pos,
                    Kind::Go
                        if go_key(text, pos + 1, end).or_else(|| map_key(text, pos + 1, end)).is_some() =>
                    {
                        return pos;
                    }
                    _ => {}
                },
                _ => {}
            }
            pos += 1;
        }
        end
    }
}

/// A name of a map that is no identifier, such as `2024-01:` or `@type:`, but no time of day.
fn map_key(text: &[u8], pos: usize, end: usize) -> Option<usize> {
    let rest = text.get(pos..end.min(pos + 65))?;
    let len = rest
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@' | b'$' | b'/')))?;
    let time =
        rest.get(len + 1).is_some_and(u8::is_ascii_digit) && rest[..len].iter().all(u8::is_ascii_digit);
    (len > 0 && rest[len] == b':' && !time && rest.get(len + 1..len + 3) != Some(b"//") && rest[0] != b'/')
        .then_some(pos + len)
}
