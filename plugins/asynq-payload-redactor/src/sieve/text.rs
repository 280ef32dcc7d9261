//! Free text: pairs, dumps, lists of bytes and encoded runs in it are taken out; the detectors see the rest.

use tamis_sdk::record::{Node, scan};

use super::{
    Out, Role, Segment, Sieve,
    dump::{self, Opener, close_quote, skip_blank},
    fields::is_time,
    leaf::is_binary,
    look,
    pair::Pair,
    shape::{
        Object, binary_run, holds_structure, is_counts, is_pointer, is_redis_key, is_task_info, object,
        rest_of_dump, sql, task_dump,
    },
    value::starts_json,
};
use crate::{
    coding::{Coding, base64, bytes, hex, message},
    policy::{Context, PAYLOAD_PEN, allow},
};

/// Bytes at which something may start that is no plain text.
static STARTS: [bool; 256] = {
    let mut table = [false; 256];
    let starts = b"{[=:\"`\\";
    let mut i = 0;
    while i < starts.len() {
        table[starts[i] as usize] = true;
        i += 1;
    }
    table
};

/// The first bytes of JSON in base64: `{"`, `{\n`, `[{`, `["`, `{ `.
pub(super) const BASE64_STARTS: [&[u8]; 5] = [b"eyJ", b"ewo", b"W3s", b"WyJ", b"eyA"];

/// The first bytes of JSON in hex.
const HEX_STARTS: [&[u8]; 7] = [b"7b22", b"7b0a", b"7b0d", b"7b20", b"5b7b", b"5b22", b"5b0a"];

/// Whether a text may hold hex with blanks between the pairs: it has as many blanks as that.
fn hex_pairs(text: &[u8]) -> bool {
    text.len() >= MIN_SPACED && memchr::memchr_iter(b' ', text).count() >= MIN_SPACED / 3
}

/// Shorter runs are words.
const MIN_RUN: usize = 16;

/// Hex digits of the longest hash in use.
const MAX_HASH: usize = 128;

/// 16 pairs of hex digits with blanks between.
const MIN_SPACED: usize = 16 * 3 - 1;

/// A scan of one segment.
pub(super) struct Scan<'a> {
    pub text: &'a [u8],
    pub end: usize,
    pub context: Context,
    pub line: bool,
    /// There may be JSON in base64 or hex.
    pub coded: bool,
    /// There are bytes that are no printable ASCII.
    pub odd: bool,
    /// Where a structure would be the whole value of a field.
    pub field: Option<usize>,
    /// Dumps of tasks that are open around what is looked at.
    pub within: usize,
    /// What is before it was looked at.
    pub gap: usize,
}

/// The values of the JSON object `text[start..end]`; whether it is one.
#[inline(never)]
fn text_tape(text: &[u8], start: usize, end: usize, tape: &mut Vec<Node>) -> bool {
    let (Some(object), Ok(base)) = (text.get(start..end), u32::try_from(start)) else { return false };
    if object.first() != Some(&b'{') || object.last() != Some(&b'}') || scan::scan(object, tape).is_err() {
        return false;
    }
    for node in tape.iter_mut().filter(|_| base > 0) {
        node.start += base;
        node.end += base;
        node.key_start += base;
        node.key_end += base;
    }
    true
}

/// A number between quotes in SQL that is no phone number: those have blanks, or start with `0` or `+`.
fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    digits.len() <= 19
        && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        && !(digits.len() > 6 && digits.first() == Some(&b'0') && digits.get(1) != Some(&b'.'))
}

impl Sieve {
    /// Look at a segment of free text.
    #[inline(never)]
    pub(super) fn scan_text(&mut self, text: &[u8], segment: Segment, out: &mut Out) {
        let Segment { start, end, context, role } = segment;
        match context {
            Context::Payload(_) if role != Role::Value => {
                return self.scan_value(text, Segment { role: Role::Value, ..segment }, out);
            }
            Context::Secret(class) => {
                return self.replace_whole(text, start, end, crate::policy::PenId::class(class), out);
            }
            _ => {}
        }
        // Nothing after its end says anything about a text.
        let text = text.get(..end).unwrap_or(text);
        let end = text.len();
        // A task as redis has it.
        let mut from = start;
        if context == Context::Fields
            && let Some((_, payload)) = text.get(start..end).and_then(message::fields)
        {
            let (a, b) = (start + payload.start, start + payload.end);
            out.segment(a, b, self.payload_context(), Role::Value);
            from = b;
        }
        let message = from != start;
        if !message {
            from = self.behind_time(text, start, end);
        }
        let marks = self.look.at(&text[from..]);
        if marks & look::ODD != 0
            && !message
            && let Some((a, b)) = binary_run(&text[start..end])
            // Behind a name or within quotes it is that value's matter.
            && !text[start..start + a].iter().any(|b| matches!(b, b'"' | b'=' | b'`'))
        {
            // No message holds such bytes; a payload that was printed into one does.
            self.replace_whole(text, start + a, start + b, PAYLOAD_PEN, out);
            self.ending.binary = role == Role::Line && start + b == end;
            out.segment(start, start + a, context, Role::Text);
            return out.segment(start + b, end, context, Role::Text);
        }
        if let Some(at) = sql(&text[from..]).filter(|_| context == Context::Fields && self.policy.in_text) {
            self.sql_values(text, from + at, end, out);
        }
        let coded = marks & look::CODED != 0 || hex_pairs(&text[from..]);
        if marks & look::START == 0 && !coded {
            return self.detect(text, from, end, out);
        }
        let field = (role == Role::Field).then(|| skip_blank(text, from, end));
        let mut scan = Scan {
            text,
            end,
            context,
            line: role == Role::Line,
            coded,
            // A message of redis is bytes and text by turns.
            odd: marks & look::ODD != 0 && !message,
            field,
            within: 0,
            gap: from,
        };
        let mut pos = from;
        while let Some(at) =
            text[pos.min(end)..end].iter().position(|b| STARTS[usize::from(*b)]).map(|i| pos + i)
        {
            let next = match text[at] {
                b'{' | b'[' => self.structure(&mut scan, at, out),
                b'=' => self.assignment(&mut scan, at, out),
                b':' => self.colon(&mut scan, at, out),
                b'\\' => self.backslash(&mut scan, at, out),
                quote => self.quoted(&mut scan, at, quote, out),
            };
            pos = next.max(at + 1);
            if pos >= end {
                break;
            }
        }
        self.gap(&mut scan, end, end, out);
    }

    /// The values in a statement of SQL: `'Ada Lovelace'`. They are data of the application, as payloads are.
    #[inline(never)]
    fn sql_values(&mut self, text: &[u8], from: usize, end: usize, out: &mut Out) {
        let mut pos = from;
        while let Some(open) = memchr::memchr(b'\'', &text[pos..end]).map(|i| pos + i + 1) {
            let mut close = open;
            loop {
                let Some(i) = memchr::memchr(b'\'', &text[close..end]) else { break close = end };
                close += i;
                if text[..end].get(close + 1) != Some(&b'\'') {
                    break;
                }
                close += 2;
            }
            let value = &text[open..close];
            let plain = is_number(value) || is_time(value);
            if !plain {
                self.replace_whole(text, open, close, PAYLOAD_PEN, out);
            }
            pos = (close + 1).min(end);
        }
    }

    /// What stands before `upto` is plain text; go on at `next`.
    #[inline(never)]
    pub(super) fn gap(&mut self, scan: &mut Scan<'_>, upto: usize, next: usize, out: &mut Out) {
        let (from, upto) = (scan.gap, upto.min(scan.end));
        scan.gap = next;
        let Some(slice) = scan.text.get(from..upto).filter(|s| s.len() >= 3) else { return };
        if scan.coded {
            self.encoded_runs(scan, from, slice, out);
        }
        if scan.odd
            && let Some((a, b)) = binary_run(slice)
        {
            self.replace_whole(scan.text, from + a, from + b, PAYLOAD_PEN, out);
        }
        self.detect(scan.text, from, upto, out);
    }

    /// Base64 and hex of JSON in plain text.
    #[inline(never)]
    fn encoded_runs(&mut self, scan: &Scan<'_>, from: usize, slice: &[u8], out: &mut Out) {
        if slice.len() < MIN_RUN {
            return;
        }
        let context = if scan.context == Context::Fields { self.payload_context() } else { scan.context };
        let mut pos = 0;
        while let Some(at) =
            slice[pos..].iter().position(|b| b.is_ascii_hexdigit() || *b == b'W').map(|i| pos + i)
        {
            pos = at + 1;
            let word_start = at == 0
                || !(slice[at - 1].is_ascii_alphanumeric()
                    || matches!(slice[at - 1], b'+' | b'/' | b'_' | b'-'));
            if !word_start {
                continue;
            }
            let rest = &slice[at..];
            if rest.get(2) == Some(&b' ')
                && let Some((stop, style)) =
                    hex::run(scan.text, from + at).filter(|(stop, _)| *stop <= from + slice.len())
                && stop - from - at >= MIN_SPACED
            {
                out.child(from + at, stop, Coding::Hex(style), context, Role::Value);
                pos = stop - from;
                continue;
            }
            // Not the start of a word: on to the next.
            pos = at + rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len()).max(1);
            if BASE64_STARTS.iter().any(|s| rest.starts_with(s)) {
                if let Some((stop, style)) = base64::run(scan.text, from + at)
                    && stop - from - at >= MIN_RUN
                    && scan.text.get(stop) != Some(&b'.')
                {
                    out.child(from + at, stop, Coding::Base64(style), context, Role::Value);
                    pos = (stop - from).min(slice.len());
                }
            } else if HEX_STARTS.iter().any(|h| rest.get(..4).is_some_and(|r| r.eq_ignore_ascii_case(h)))
                && let Some((stop, style)) = hex::run(scan.text, from + at)
            {
                self.scratch.clear();
                hex::decode(&scan.text[from + at..stop], &mut self.scratch);
                if stop - from - at >= MIN_RUN
                    && starts_json(&self.scratch)
                    && (!is_binary(&self.scratch) || stop - from - at > MAX_HASH)
                {
                    out.child(from + at, stop, Coding::Hex(style), context, Role::Value);
                    pos = (stop - from).min(slice.len());
                }
            }
        }
    }

    /// A bracket: a structure, a list of bytes, or neither.
    #[inline(never)]
    fn structure(&mut self, scan: &mut Scan<'_>, at: usize, out: &mut Out) -> usize {
        let text = scan.text;
        if crate::policy::pen::marker(&text[at..scan.end]).is_some() {
            return at + 1;
        }
        let before = text.get(scan.gap..at).unwrap_or_default();
        if is_redis_key(before) {
            return at + 1;
        }
        let mut start = at;
        if text[at] == b'[' {
            if before.ends_with(b"map") {
                start = at - 3;
            } else if let Some(list) = bytes::list(text, at + 1).filter(|l| l.end <= scan.end)
                && let Some(context) = self.bytes_context(text, at + 1, list, scan.context, false)
            {
                self.gap(scan, at + 1, list.end, out);
                out.child(at + 1, list.end, Coding::Bytes(list.style), context, Role::Value);
                return list.end;
            }
        } else {
            // A type name belongs to the dump.
            let name = before
                .iter()
                .rev()
                .take(80)
                .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'*' | b']' | b'['))
                .count();
            if dump::opener(text, at - name, scan.end).is_some_and(|o| o.inside == at + 1) {
                start = at - name;
            }
        }
        let Some(opener) = dump::opener(text, start, scan.end) else { return at + 1 };
        self.structure_at(scan, start, opener, None, out)
    }

    /// The structure that starts at `start`, under the field `key` if there is one.
    #[inline(never)]
    pub(super) fn structure_at(
        &mut self,
        scan: &mut Scan<'_>,
        start: usize,
        opener: Opener,
        key: Option<&[u8]>,
        out: &mut Out,
    ) -> usize {
        let text = scan.text;
        let inside = opener.inside;
        if let Some((start, list)) = task_dump(text, inside, scan.end) {
            return self.task(scan, start, list, out);
        }
        let field =
            key.is_some() || scan.field.is_some_and(|f| f == start || f + 1 == start && text[f] == b'&');
        let Some(context) = self.structure_context(scan, start, opener, field) else { return inside };
        if context == Context::Fields
            && scan.context == Context::Fields
            && opener.is_json()
            && let Some(end) = self.record(scan, start, out)
        {
            return end;
        }
        self.dump_at(scan, start, opener, context, key.unwrap_or_default(), out)
    }

    /// The JSON object from `start` to the end of the text, which a logger wrote: its values are fields, as in a record
    /// that is JSON. Says where it ends.
    #[inline(never)]
    fn record(&mut self, scan: &mut Scan<'_>, start: usize, out: &mut Out) -> Option<usize> {
        let end = start + scan.text.get(start..scan.end)?.trim_ascii_end().len();
        let mut tape = std::mem::take(&mut self.tape);
        let scanned = text_tape(scan.text, start, end, &mut tape);
        if scanned {
            self.gap(scan, start, end, out);
            self.fields(scan.text, &tape, false, out);
        }
        self.tape = tape;
        scanned.then_some(end)
    }

    /// The structure at `start`, whose values have context `context`. Says where it ends.
    #[inline(never)]
    pub(super) fn dump_at(
        &mut self,
        scan: &mut Scan<'_>,
        start: usize,
        opener: Opener,
        context: Context,
        name: &[u8],
        out: &mut Out,
    ) -> usize {
        let (text, end) = (scan.text, scan.end);
        self.gap(scan, start, start, out);
        let whole = self.whole_payloads() && matches!(context, Context::Payload(_));
        let walked = if whole {
            let mut nothing = Out::default();
            self.walk(text, opener, end, Context::Payload(allow::DEAD), b"", &mut nothing)
        } else {
            self.walk(text, opener, end, context, name, out)
        };
        if walked.open && scan.line {
            self.hold();
        }
        let hidden = matches!(context, Context::Payload(_) | Context::Secret(_));
        let rest = if walked.open || opener.is_json() || !hidden {
            0
        } else {
            rest_of_dump(&text[walked.end..end], scan.within)
        };
        let stop = walked.end + rest;
        // A brace at the end of a line may be that of anything: what is in it will show.
        let undecided = text[opener.inside.min(end)..end].trim_ascii().is_empty();
        if whole && !undecided {
            self.whole_payload(text, start, stop, false, out);
        } else if rest > 0 {
            self.replace_whole(text, walked.end, stop, PAYLOAD_PEN, out);
        }
        scan.gap = stop;
        stop
    }

    /// What `%v` prints of an `asynq.Task`, from the list of its payload's bytes on: the type before it stays, so do
    /// the options after it.
    #[inline(never)]
    fn task(&mut self, scan: &mut Scan<'_>, start: usize, list: Option<bytes::List>, out: &mut Out) -> usize {
        let (text, end) = (scan.text, scan.end);
        let mut pos = start;
        scan.within += 1;
        if let Some(bytes) = list {
            self.gap(scan, start, start, out);
            let context = if scan.context == Context::Fields { self.payload_context() } else { scan.context };
            if self.whole_payloads() && matches!(context, Context::Payload(_)) {
                self.whole_payload(text, start, bytes.end, false, out);
            } else {
                out.child(start, bytes.end, Coding::Bytes(bytes.style), context, Role::Value);
            }
            pos = bytes.end;
            scan.gap = pos;
        }
        if text.get(pos) != Some(&b']') || pos >= end {
            scan.gap = pos;
            return pos;
        }
        self.gap(scan, pos, pos, out);
        pos += 1;
        if text[pos..end].starts_with(b" map[")
            && let Some(opener) = dump::opener(text, pos + 1, end)
        {
            pos = self.walk(text, opener, end, scan.context, b"headers", out).end;
        }
        scan.gap = pos;
        pos
    }

    /// The context of the values of a structure in text; `None` if it is to be left alone.
    #[inline(never)]
    fn structure_context(
        &mut self,
        scan: &Scan<'_>,
        start: usize,
        opener: Opener,
        field: bool,
    ) -> Option<Context> {
        let text = &scan.text[..scan.end];
        let rest = text.get(opener.inside..)?;
        if opener.is_list() {
            // Only lists of structures: `[*]`, `[ASYNQ]`, `[critical low]` are text.
            let at = skip_blank(text, opener.inside, text.len());
            let list = text.get(at..)?;
            let structures = (list.starts_with(b"{") && list.len() > 1)
                || list.starts_with(b"map[")
                || list.starts_with(b"&{");
            let strings = list.starts_with(b"\"") && memchr::memchr(b']', list).is_some() && !field;
            return (structures || strings).then(|| self.dump_context(scan, field));
        }
        if opener.is_positional() {
            let reference = text.get(start) == Some(&b'&') || start > 0 && text.get(start - 1) == Some(&b'&');
            let close = rest.iter().position(|b| *b == b'}').unwrap_or(rest.len());
            let content = &rest[..close];
            let atoms = content.split(|b| matches!(b, b' ' | b',')).filter(|a| !a.is_empty());
            let (mut count, mut pointers) = (0, 0);
            for atom in atoms.take(64) {
                count += 1;
                pointers += usize::from(is_pointer(atom));
            }
            let values = count > 1 || (reference && count > 0);
            return (values && pointers < count).then(|| match scan.context {
                Context::Fields if self.policy.in_text || field => self.payload_context(),
                context => context,
            });
        }
        if rest.trim_ascii().is_empty() && !scan.line {
            return None;
        }
        if !field && opener.is_keyed() && scan.context == Context::Fields {
            let policy = &mut self.policy;
            if is_counts(rest, |name| {
                let told = policy.judge(name, b"");
                told.payload || told.class.is_some()
            }) {
                return Some(Context::Fields);
            }
        }
        let described = match (scan.context, opener.is_json()) {
            (Context::Fields, true) => object(text, start, scan.line.then_some(scan.gap)) != Object::Other,
            (Context::Fields, false) => is_task_info(rest),
            _ => false,
        };
        Some(if described { Context::Fields } else { self.dump_context(scan, field) })
    }

    fn dump_context(&self, scan: &Scan<'_>, field: bool) -> Context {
        match scan.context {
            Context::Fields if self.policy.in_text && !field => self.payload_context(),
            context => context,
        }
    }

    /// A quote in text.
    #[inline(never)]
    pub(super) fn quoted(&mut self, scan: &mut Scan<'_>, at: usize, quote: u8, out: &mut Out) -> usize {
        let (text, end) = (scan.text, scan.end);
        let Some(close) = close_quote(text, at + 1, end, quote) else {
            if quote == b'"' && memchr::memchr(b'\\', &text[at + 1..end]).is_some() {
                self.gap(scan, at + 1, end, out);
                out.child(at + 1, end, Coding::Escaped, scan.context, Role::Text);
                return end;
            }
            return at + 1;
        };
        let content = &text[at + 1..close];
        if quote == b'"' {
            let colon = skip_blank(text, close + 1, end);
            if text.get(colon) == Some(&b':')
                && text.get(colon + 1).is_none_or(|b| *b != b':')
                && colon < end
                && content.len() <= 64
            {
                let value = skip_blank(text, colon + 1, end);
                return self.pair(scan, (at + 1, close), value, Pair::Fragment, out);
            }
        }
        if quote == b'"' && memchr::memchr(b'\\', content).is_some() {
            self.gap(scan, at + 1, close, out);
            out.child(at + 1, close, Coding::Escaped, scan.context, Role::Text);
            return close + 1;
        }
        if holds_structure(content) {
            self.gap(scan, at + 1, close, out);
            out.segment(at + 1, close, scan.context, Role::Text);
        }
        close + 1
    }

    /// `\"` outside quotes: the text was cut in front, one level of escapes deep.
    #[inline(never)]
    fn backslash(&mut self, scan: &mut Scan<'_>, at: usize, out: &mut Out) -> usize {
        if scan.text.get(at + 1) != Some(&b'"') || at + 1 >= scan.end {
            return at + 1;
        }
        self.gap(scan, at, scan.end, out);
        out.child(at, scan.end, Coding::Escaped, scan.context, Role::Text);
        scan.end
    }
}
