//! Single values: what is done with one, and what takes its place.

use tamis_detectors::keys::KeyClass;
use tamis_sdk::record::escape;

use super::{Note, Out, Role, Sieve};
use crate::{
    coding::Coding,
    config::Rule,
    policy::{Context, PAYLOAD_PEN, PenId, allow, pen},
};

/// How a value stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Between quotes, or a text of its own: the range is the content.
    Content,
    /// Without quotes; in JSON a number or a literal.
    Bare {
        /// In JSON, where only JSON may take its place.
        json: bool,
    },
}

/// In what form a sensitive value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// In plain text or as a JSON value.
    Plain,
    /// In a list of byte numbers.
    Bytes,
    /// In base64.
    Base64,
    /// In hex.
    Hex,
}

impl Form {
    /// The name reports have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "text",
            Self::Bytes => "byte list",
            Self::Base64 => "base64",
            Self::Hex => "hex",
        }
    }

    pub(super) fn within(self, coding: Coding) -> Self {
        match coding {
            Coding::Escaped => self,
            Coding::Bytes(_) => Self::Bytes,
            Coding::Base64(_) => Self::Base64,
            Coding::Hex(_) => Self::Hex,
        }
    }
}

impl Sieve {
    /// The content of a quoted string in a structure. `entered`: its own name gave it its context.
    #[inline(never)]
    pub(super) fn string(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        context: Context,
        entered: bool,
        out: &mut Out,
    ) {
        let escaped = memchr::memchr(b'\\', text.get(start..end).unwrap_or_default()).is_some();
        if !escaped {
            return self.plain_string(text, start, end, context, entered, out);
        }
        match context {
            Context::Secret(_) => self.leaf(text, start, end, Shape::Content, context, entered, out),
            Context::Payload(state) if !entered && state == allow::DEAD => {
                self.leaf(text, start, end, Shape::Content, context, entered, out);
            }
            Context::Payload(_) if entered && self.whole_payloads() => {
                let mut content = Vec::new();
                escape::decode(text.get(start..end).unwrap_or_default(), &mut content);
                self.whole_payload_content(&content, start, end, out);
            }
            Context::Payload(_) => out.child(start, end, Coding::Escaped, context, Role::Value),
            Context::Fields | Context::Allowed => {
                out.child(start, end, Coding::Escaped, context, Role::Field)
            }
        }
    }

    /// As [`string`](Self::string), without escapes in it.
    pub(super) fn plain_string(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        context: Context,
        entered: bool,
        out: &mut Out,
    ) {
        match context {
            Context::Payload(_) if entered && self.whole_payloads() => {
                let content = text.get(start..end).unwrap_or_default();
                self.whole_payload_content(content, start, end, out);
            }
            Context::Payload(state) if entered || state != allow::DEAD => {
                out.segment(start, end, context, Role::Value);
            }
            Context::Payload(_) | Context::Secret(_) => {
                self.leaf(text, start, end, Shape::Content, context, entered, out);
            }
            Context::Fields | Context::Allowed => out.segment(start, end, context, Role::Field),
        }
    }

    /// A value that holds nothing to look into but itself.
    #[allow(clippy::too_many_arguments)]
    #[inline(never)]
    pub(super) fn leaf(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        shape: Shape,
        context: Context,
        entered: bool,
        out: &mut Out,
    ) {
        let Some(value) = text.get(start..end).filter(|v| !v.is_empty()) else { return };
        let pen = match context {
            Context::Payload(_) if entered && self.whole_payloads() => {
                return self.whole_payload(text, start, end, shape == Shape::Bare { json: true }, out);
            }
            Context::Payload(state) if shape == Shape::Content && state != allow::DEAD => {
                return out.segment(start, end, context, Role::Value);
            }
            Context::Payload(_) => PAYLOAD_PEN,
            Context::Secret(class) => PenId::class(class),
            Context::Fields | Context::Allowed => {
                return self.judged_leaf(text, start, end, shape, context, out);
            }
        };
        if shape == Shape::Content {
            if scalar(value) != Scalar::Nothing {
                self.replace_whole(text, start, end, pen, out);
            }
            return;
        }
        match scalar(value) {
            Scalar::Nothing => {}
            Scalar::Number => self.note_edit(start, end, pen, out, |_, arena| arena.push(b'0')),
            Scalar::True => {
                self.note_edit(start, end, pen, out, |_, arena| arena.extend_from_slice(b"false"))
            }
            Scalar::Text
                if shape == (Shape::Bare { json: true }) && value.iter().all(u8::is_ascii_alphanumeric) =>
            {
                // A literal that is cut, such as `tru`.
                self.note_edit(start, end, pen, out, |_, arena| arena.extend_from_slice(b"null"));
            }
            Scalar::Text => self.replace_whole(text, start, end, pen, out),
        }
    }

    #[inline(never)]
    fn judged_leaf(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        shape: Shape,
        context: Context,
        out: &mut Out,
    ) {
        let value = text.get(start..end).unwrap_or_default();
        if shape == Shape::Content {
            return out.segment(start, end, context, Role::Text);
        }
        if value.len() < NUMBER_BYTES && shape == (Shape::Bare { json: true }) {
            return;
        }
        if scalar(value) == Scalar::Number {
            if let Some(detector) = self.policy.number(value) {
                let pen = PenId::detector(detector);
                if shape == (Shape::Bare { json: true }) {
                    self.note_edit(start, end, pen, out, |_, arena| arena.push(b'0'));
                } else {
                    self.replace_whole(text, start, end, pen, out);
                }
            }
        } else if shape == (Shape::Bare { json: false }) {
            out.segment(start, end, context, Role::Text);
        }
    }

    /// The context of `value`, which stands under `name`: that may be anything's, but what looks like that of a
    /// person goes.
    #[inline(never)]
    pub(super) fn person(&self, context: Context, entered: bool, value: &[u8]) -> (Context, bool) {
        let plain = matches!(context, Context::Fields | Context::Allowed);
        let person = plain && looks_like_person(value);
        let on = || self.policy.pen(PenId::class(KeyClass::Person)).is_none_or(|p| p.rule() != Rule::Off);
        if person && on() { (Context::Secret(KeyClass::Person), true) } else { (context, entered) }
    }

    /// As [`person`](Self::person), whatever the name is.
    pub(super) fn named(
        &self,
        context: Context,
        entered: bool,
        name: &[u8],
        value: &[u8],
    ) -> (Context, bool) {
        if name.len() == 4 && name.eq_ignore_ascii_case(b"name") {
            return self.person(context, entered, value);
        }
        (context, entered)
    }

    /// Whether a value goes with its name.
    pub(super) fn removes(&self, context: Context, entered: bool) -> bool {
        let pen = match context {
            Context::Secret(class) => PenId::class(class),
            Context::Payload(allow::DEAD) if !entered => PAYLOAD_PEN,
            _ => return false,
        };
        self.policy.pen(pen).is_some_and(|p| p.rule() == Rule::Remove)
    }

    /// Remove `start..end`, an entry of a container whose values have context `context`.
    #[inline(never)]
    pub(super) fn delete(&mut self, start: usize, end: usize, context: Context, out: &mut Out) {
        let pen = match context {
            Context::Secret(class) => PenId::class(class),
            _ => PAYLOAD_PEN,
        };
        self.note_edit(start, end, pen, out, |_, _| {});
    }

    /// The name of a value. Names stay, but for what detectors know: some maps have people for keys.
    #[inline(never)]
    pub(super) fn key_text(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        context: Context,
        out: &mut Out,
    ) {
        if end - start.min(end) >= 6 && !matches!(context, Context::Secret(_)) {
            self.detect(text, start, end, out);
        }
    }

    /// Let the detectors look at `start..end`.
    #[inline(never)]
    pub(super) fn detect(&mut self, text: &[u8], start: usize, end: usize, out: &mut Out) {
        let Some(slice) = text.get(start..end) else { return };
        let count = self.policy.findings(slice).len();
        for i in 0..count {
            let Some(&finding) = self.policy.found(i) else { break };
            let (from, to) = (start + finding.start, start + finding.end);
            self.replace_whole(text, from, to, PenId::detector(finding.detector), out);
        }
    }

    /// Replace all of `start..end`, the content of a string or of a text.
    #[inline(never)]
    pub(super) fn replace_whole(&mut self, text: &[u8], start: usize, end: usize, pen: PenId, out: &mut Out) {
        let value = text.get(start..end).unwrap_or_default();
        if self.policy.is_replacement(value) || self.policy.pen(pen).is_some_and(|p| p.rule() == Rule::Off) {
            return;
        }
        if pen == PAYLOAD_PEN && is_binary(value) {
            return self.note_edit(start, end, pen, out, |sieve, arena| {
                if let Some(pen) = sieve.policy.pen(pen) {
                    pen.mask_with_size(value, None, arena);
                }
            });
        }
        self.note_edit(start, end, pen, out, |sieve, arena| sieve.policy.write(pen, value, arena));
    }

    /// Replace a whole payload by a marker, as `payload.mode` has it. `json`: only a JSON value may take its place.
    #[inline(never)]
    pub(super) fn whole_payload(&mut self, text: &[u8], start: usize, end: usize, json: bool, out: &mut Out) {
        let value = text.get(start..end).unwrap_or_default();
        if matches!(scalar(value), Scalar::Nothing) || pen::is_marker(value) {
            return;
        }
        self.note_edit(start, end, PAYLOAD_PEN, out, |sieve, arena| {
            if json {
                arena.push(b'"');
            }
            sieve.write_whole(value, arena);
            if json {
                arena.push(b'"');
            }
        });
    }

    /// As [`whole_payload`](Self::whole_payload), for the content of a string that decodes to `content`.
    #[inline(never)]
    pub(super) fn whole_payload_content(&mut self, content: &[u8], start: usize, end: usize, out: &mut Out) {
        if !content.is_empty() && !pen::is_marker(content) {
            self.note_edit(start, end, PAYLOAD_PEN, out, |sieve, arena| {
                sieve.policy.write_whole(content, arena)
            });
        }
    }

    /// Append the marker of a whole payload. Its size and hash are those of what it says, whatever it is written in, so
    /// that one payload is known again in the lines of several loggers.
    #[inline(never)]
    fn write_whole(&mut self, value: &[u8], arena: &mut Vec<u8>) {
        if self.policy.hash.is_none() {
            return self.policy.write_whole(value, arena);
        }
        let mut content = value.to_vec();
        for _ in 0..MAX_CODINGS {
            let len = content.len();
            let Some((start, end, coding)) = self.coded(&content, 0, len) else { break };
            let mut inner = Vec::new();
            coding.decode(content.get(start..end).unwrap_or_default(), &mut inner);
            content = inner;
        }
        self.policy.write_whole(&content, arena);
    }

    fn note_edit(
        &mut self,
        start: usize,
        end: usize,
        pen: PenId,
        out: &mut Out,
        write: impl FnOnce(&mut Self, &mut Vec<u8>),
    ) {
        self.counts.add(pen);
        out.edits.replace_with(start, end, |arena| write(self, arena));
        if self.observe {
            out.notes.push(Note { start, end, pen, form: Form::Plain });
        }
    }
}

/// Codings around a payload that are taken off before it is hashed.
const MAX_CODINGS: usize = 4;

/// No detector knows a shorter number.
pub const NUMBER_BYTES: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    /// `null`, `false`, `0`, `<nil>`: nothing to hide, or hidden already.
    Nothing,
    Number,
    True,
    Text,
}

fn scalar(value: &[u8]) -> Scalar {
    match value {
        b"null" | b"nil" | b"<nil>" | b"false" | b"0" | b"{}" | b"[]" | b"map[]" => Scalar::Nothing,
        b"true" => Scalar::True,
        _ => {
            let digits = value.strip_prefix(b"-").unwrap_or(value);
            let number = digits.first().is_some_and(u8::is_ascii_digit)
                && digits.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
            if number { Scalar::Number } else { Scalar::Text }
        }
    }
}

/// Two to five words that start with a capital or are not in Latin letters.
fn looks_like_person(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let word = |w: &str| w.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_ascii());
    let other = |c: char| c.is_ascii_digit() || matches!(c, ':' | '/' | '=' | '_' | '{' | '[' | '(' | '"');
    // As forms have it, too: `Ada+Lovelace`.
    let words = || text.split([' ', '+']);
    text.len() <= 80 && (2..=5).contains(&words().count()) && words().all(word) && !text.contains(other)
}

/// Whether a value is no text: bytes that are not UTF-8 (as they are, mapped by a host, or replaced by U+FFFD), or
/// control bytes.
pub(super) fn is_binary(value: &[u8]) -> bool {
    // Without branches, so that it takes many bytes at a time.
    if value.iter().fold(0, |odd, b| odd | u8::from(!(0x20..0x7F).contains(b))) == 0 {
        return false;
    }
    std::str::from_utf8(value).map_or(true, |text| text.chars().any(is_binary_char))
}

/// Whether a character stands for a byte that is no text.
pub(super) fn is_binary_char(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{E}'..='\u{1A}' | '\u{FFFD}' | '\u{E080}'..='\u{E0FF}')
}
