//! Names and their values in free text: `key=value`, `payload: value`, and `"key": value` of JSON that is printed over
//! several lines.

use tamis_detectors::keys::KeyClass;

use super::{
    Out, Role, Sieve,
    dump::{self, close_quote, skip_blank},
    leaf::{Shape, is_binary},
    shape::holds_structure,
    text::{BASE64_STARTS, Scan},
    value::is_outcome,
};
use crate::{
    coding::{Coding, bytes, hex},
    policy::{Context, memo, pen},
};

impl Sieve {
    /// `key=value`.
    #[inline(never)]
    pub(super) fn assignment(&mut self, scan: &mut Scan<'_>, at: usize, out: &mut Out) -> usize {
        let text = scan.text;
        let Some((start, stop)) = key_before(text, scan.gap, at) else { return at + 1 };
        let value = skip_colour(text, at + 1, scan.end);
        self.pair(scan, (start, stop), value, Pair::Assigned, out)
    }

    /// `key: value`.
    #[inline(never)]
    pub(super) fn colon(&mut self, scan: &mut Scan<'_>, at: usize, out: &mut Out) -> usize {
        let text = scan.text;
        let spaced = text.get(at + 1).is_none_or(|b| matches!(b, b' ' | b'"' | b'{' | b'[' | b'&' | b'`'));
        // `first_name:Ada`, as structs of protobuf print themselves.
        if !spaced && !is_name_start(text[at + 1]) {
            return at + 1;
        }
        let Some((start, stop)) = key_before(text, scan.gap, at) else { return at + 1 };
        let told = self.policy.judge(&text[start..stop], b"");
        if !spaced && !told.class.is_some_and(is_spoken) {
            return at + 1;
        }
        let telling = told.class.is_some() || told.kind & memo::NAME != 0;
        if !(scan.context == Context::Fields && told.payload || telling) {
            return at + 1;
        }
        let value = skip_blank(text, at + 1, scan.end);
        self.pair(scan, (start, stop), value, Pair::Prose, out)
    }

    /// The value at `value` of the name `key`.
    #[inline(never)]
    pub(super) fn pair(
        &mut self,
        scan: &mut Scan<'_>,
        key: (usize, usize),
        value: usize,
        pair: Pair,
        out: &mut Out,
    ) -> usize {
        let (text, end) = (scan.text, scan.end);
        let name = &text[key.0..key.1];
        let (context, _) = self.enter(scan.context, name, b"");
        let value = if matches!(context, Context::Secret(_)) { skip_types(text, value, end) } else { value };
        if value >= end {
            if pair == Pair::Assigned || context == scan.context {
                return end;
            }
            return value;
        }
        let entered = context != scan.context;
        let byte = text[value];
        if byte == b'"' || byte == b'`' {
            let close = close_quote(text, value + 1, end, byte);
            if close.is_none() && !entered {
                // A stray quote, or a value that is cut.
                return self.quoted(scan, value, byte, out);
            }
            let stop = close.unwrap_or(end);
            let person = self.named(context, entered, name, &text[value + 1..stop]).1;
            if !entered && !person && byte == b'"' && !holds_structure(&text[value + 1..stop]) {
                return stop + 1;
            }
            self.gap(scan, value, (stop + 1).min(end), out);
            self.ending.string = scan.line && close.is_none();
            let (context, entered) = self.named(context, entered, name, &text[value + 1..stop]);
            self.string(text, value + 1, stop, context, entered, out);
            return stop + 1;
        }
        let (context, entered) = match pair {
            Pair::Assigned => {
                let stop = bare_end(text, value, end).min(value + 80);
                let stop = memchr::memchr(b'&', &text[value..stop]).map_or(stop, |i| value + i);
                self.named(context, entered, name, &text[value..stop])
            }
            Pair::Prose => self.named(context, entered, name, &text[value..words_end(text, value, end)]),
            Pair::Fragment => (context, entered),
        };
        if !entered {
            if pen::marker(&text[value..end]).is_none()
                && let Some(opener) =
                    dump::opener(text, value, end).filter(|o| o.is_keyed() || o.is_positional())
                && pair != Pair::Prose
            {
                let next = self.structure_at(scan, value, opener, Some(name), out);
                return if next == opener.inside { value } else { next };
            }
            return value;
        }
        if let Some(opener) = dump::opener(text, value, end)
            && pen::marker(&text[value..end]).is_none()
        {
            if opener.is_list()
                && matches!(context, Context::Payload(_))
                && let Some(list) = bytes::list(text, opener.inside).filter(|l| l.end <= end)
                && self.bytes_context(text, opener.inside, list, context, true).is_some()
                && !self.whole_payloads()
            {
                self.gap(scan, opener.inside, list.end, out);
                out.child(opener.inside, list.end, Coding::Bytes(list.style), context, Role::Value);
                return list.end;
            }
            if opener.is_keyed() || opener.is_positional() || opener.is_list() {
                return self.dump_at(scan, value, opener, context, name, out);
            }
        }
        if matches!(context, Context::Payload(_)) {
            let word = text[value..end].iter().take_while(|b| b.is_ascii_alphabetic()).count();
            if is_outcome(&text[value..value + word]) {
                return value + word;
            }
        }
        // A bare value: where it ends is a matter of what is after it.
        let stop = match (pair, context) {
            (Pair::Prose, Context::Secret(class)) => {
                if !is_spoken(class) || !is_name_start(text[value]) {
                    return value;
                }
                words_end(text, value, end)
            }
            (Pair::Prose, _) if !self.is_loud(name) => {
                if !self.is_coded(text, value, end) {
                    return value;
                }
                let word = text[value..end].iter().position(u8::is_ascii_whitespace).unwrap_or(end - value);
                hex::run(text, value).map_or(value + word, |(stop, _)| stop.max(value + word))
            }
            (Pair::Fragment, _) => {
                value
                    + text[value..end]
                        .iter()
                        .position(|b| matches!(b, b',' | b'}' | b']'))
                        .unwrap_or(end - value)
            }
            (Pair::Assigned, _) if key.0 > 0 && matches!(text[key.0 - 1], b'?' | b'&') => {
                query_end(text, value, end)
            }
            (Pair::Assigned, Context::Secret(KeyClass::Person)) if form_value(text, value, end).is_some() => {
                form_value(text, value, end).unwrap_or(end)
            }
            (_, Context::Payload(_) | Context::Secret(KeyClass::Password | KeyClass::Person)) => {
                bare_end(text, value, end)
            }
            (_, Context::Secret(class)) if is_spoken(class) => words_end(text, value, end),
            _ => {
                let word = &text[value..end];
                let word = &word[..word
                    .iter()
                    .position(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b'&'))
                    .unwrap_or(word.len())];
                value + word.len() - usize::from(matches!(word.last(), Some(b':' | b'.')))
            }
        };
        self.gap(scan, value, stop, out);
        if scan.line && stop == end && matches!(context, Context::Payload(_)) {
            self.ending.bare = true;
            self.ending.binary = is_binary(&text[value..stop]);
        }
        match context {
            Context::Payload(_) if self.whole_payloads() => self.whole_payload(text, value, stop, false, out),
            Context::Payload(_) if pair == Pair::Fragment => {
                self.leaf(text, value, stop, Shape::Bare { json: true }, context, entered, out);
            }
            Context::Payload(_) => out.segment(value, stop, context, Role::Value),
            _ if pair == Pair::Fragment => {
                self.leaf(text, value, stop, Shape::Bare { json: true }, context, entered, out);
            }
            _ => self.leaf(text, value, stop, Shape::Content, context, entered, out),
        }
        stop
    }

    /// Whether the value at `at` is JSON in base64 or hex.
    fn is_coded(&mut self, text: &[u8], at: usize, end: usize) -> bool {
        let rest = &text[at..end];
        BASE64_STARTS.iter().any(|s| rest.starts_with(s))
            || rest.starts_with(b"7b22")
            || rest.starts_with(b"7b 22")
            || rest.starts_with(b"7b0a")
    }

    /// `PAYLOAD: ` in capitals is no prose.
    fn is_loud(&self, name: &[u8]) -> bool {
        name.len() > 3 && name.iter().all(|b| b.is_ascii_uppercase() || *b == b'_')
    }
}

/// How a name and its value belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    /// `key=value`
    Assigned,
    /// `key: value`
    Prose,
    /// `"key": value`, a line of JSON.
    Fragment,
}

/// The name that ends at `at`, but not before `from`. Colour codes of consoles are not part of it.
fn key_before(text: &[u8], from: usize, at: usize) -> Option<(usize, usize)> {
    let head = text.get(from..at)?;
    let len = head
        .iter()
        .rev()
        .take(64)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    let mut start = at - len;
    if text.get(start.wrapping_sub(2)..start) == Some(b"\x1b[") {
        start += text[start..at].iter().position(|b| *b == b'm')? + 1;
    }
    (start < at).then_some((start, at))
}

/// Skip a colour code of a console.
fn skip_colour(text: &[u8], at: usize, end: usize) -> usize {
    if text.get(at..end).is_some_and(|r| r.starts_with(b"\x1b[")) {
        let code = text[at + 2..end].iter().take(12).position(|b| *b == b'm');
        return code.map_or(at, |i| at + 2 + i + 1);
    }
    at
}

/// Where a value of a form ends: `name=Ada+Lovelace&street=...`.
fn form_value(text: &[u8], value: usize, end: usize) -> Option<usize> {
    let len = text[value..end].iter().position(|b| b.is_ascii_whitespace() || *b == b'&')?;
    (text[value + len] == b'&').then_some(value + len)
}

/// Whether values of a class have several words: names, streets, numbers in groups.
fn is_spoken(class: KeyClass) -> bool {
    matches!(class, KeyClass::Person | KeyClass::Contact | KeyClass::NationalId | KeyClass::Financial)
}

/// Whether a word of a name, a street or a number may start with this byte.
pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || !byte.is_ascii() || matches!(byte, b'+' | b'(')
}

/// Where a value of several words ends: before a word that starts with a small letter, a comma, or the end.
fn words_end(text: &[u8], value: usize, end: usize) -> usize {
    let mut pos = value;
    loop {
        let word = text[pos..end]
            .iter()
            .take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b',' | b';' | b'"'))
            .count();
        let stop = pos + word;
        let more = word > 0
            && text[stop..end].first() == Some(&b' ')
            && !text[pos..stop].contains(&b'@')
            && text.get(stop + 1..end).and_then(<[u8]>::first).is_some_and(|b| is_name_start(*b));
        if !more {
            return stop - usize::from(word > 0 && matches!(text[stop - 1], b':' | b'.' | b')' | b'|'));
        }
        let next =
            text[stop + 1..end].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if matches!(text.get(stop + 1 + next), Some(b'=' | b':')) {
            return stop;
        }
        pos = stop + 1;
    }
}

/// What `spew` and its kin print before a value: `(string) (len=12) "Ada"`.
fn skip_types(text: &[u8], value: usize, end: usize) -> usize {
    let mut pos = value;
    while text[..end].get(pos) == Some(&b'(') {
        let type_char = |b: &&u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'*' | b'[' | b']' | b'=' | b'_' | b' ')
        };
        let len = text[pos + 1..end].iter().take(64).take_while(type_char).count();
        if len == 0 || text[..end].get(pos + 1 + len) != Some(&b')') || !text[pos + 1].is_ascii_lowercase() {
            return value;
        }
        pos = skip_blank(text, pos + len + 2, end);
    }
    pos
}

/// Where a value in the query of a URL ends.
fn query_end(text: &[u8], value: usize, end: usize) -> usize {
    let stop =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b'&' | b'"' | b'\'' | b'>' | b'<' | b'#' | b'\\');
    value + text[value..end].iter().position(stop).unwrap_or(end - value)
}

/// Where a value without quotes ends: before ` name=`, `, NAME: `, or with the text.
pub(super) fn bare_end(text: &[u8], value: usize, end: usize) -> usize {
    let mut pos = value;
    while let Some(i) = memchr::memchr3(b' ', b',', b'\n', &text[pos..end]) {
        let at = pos + i;
        let next = at + 1 + usize::from(text.get(at..at + 2) == Some(b", "));
        let word = text[next..end]
            .iter()
            .take(40)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            .count();
        let after = text[..end].get(next + word);
        let loud = || {
            text[next..next + word].iter().all(u8::is_ascii_uppercase)
                && text.get(next + word + 1) == Some(&b' ')
        };
        if word > 0 && (after == Some(&b'=') || (after == Some(&b':') && text[at] == b',' && loud())) {
            return at;
        }
        if text[at..end].starts_with(b" \x1b[") {
            return at;
        }
        pos = at + 1;
    }
    end
}
