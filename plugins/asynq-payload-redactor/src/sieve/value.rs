//! Whole payloads: what one is written in, and what is left of it.

use super::{
    Out, Role, Segment, Sieve,
    dump::{self, close_quote, skip_blank},
    leaf::is_binary,
};
use crate::{
    coding::{Coding, base64, bytes, hex},
    policy::{Context, PAYLOAD_PEN},
};

/// Shorter lists may be any numbers.
pub(super) const MIN_BYTES: usize = 4;

/// Shorter texts are words, not base64.
const MIN_BASE64: usize = 12;

impl Sieve {
    /// Look at a segment that is a payload, or a value of one that may hold more.
    #[inline(never)]
    pub(super) fn scan_value(&mut self, text: &[u8], segment: Segment, out: &mut Out) {
        let Segment { start, end, context, .. } = segment;
        if !matches!(context, Context::Payload(_)) {
            return self.scan_text(text, segment, out);
        }
        let text = text.get(..end).unwrap_or(text);
        let end = text.len();
        if is_binary(&text[start..end])
            && !starts_json(&text[start..end])
            && text.get(start) != Some(&b'"')
            && dump::opener(text, start, end).is_none()
        {
            return self.replace_whole(text, start, end, PAYLOAD_PEN, out);
        }
        let start = skip_blank(text, start, end);
        let end = end - text[start..end].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        if start >= end || is_outcome(&text[start..end]) || self.policy.is_replacement(&text[start..end]) {
            return;
        }
        if let Some(coded) = self.coded(text, start, end) {
            let (from, to, coding) = coded;
            return out.child(from, to, coding, context, Role::Value);
        }
        let mut pos = start;
        // One structure, or several one after the other.
        while let Some(opener) = dump::opener(text, pos, end).filter(|_| pos < end) {
            if opener.is_list() && !starts_list(text, opener.inside, end) {
                break;
            }
            let before = (out.edits.mark(), out.children.len(), out.segments.len(), out.notes.len());
            let walked = self.walk(text, opener, end, context, b"", out);
            if walked.open && !opener.is_json() && !opener.is_list() {
                // No dump, or one that is cut: what looks like names in it may be values.
                out.edits.rollback(before.0);
                out.children.truncate(before.1);
                out.segments.truncate(before.2);
                out.notes.truncate(before.3);
                break;
            }
            pos = skip_blank(text, walked.end, end);
        }
        if pos < end {
            self.replace_whole(text, pos, end, PAYLOAD_PEN, out);
        }
    }

    /// The coding that all of `start..end` is in, and the range of its text.
    #[inline(never)]
    pub(super) fn coded(&mut self, text: &[u8], start: usize, end: usize) -> Option<(usize, usize, Coding)> {
        let value = text.get(start..end)?;
        match value.first()? {
            b'"' => {
                let close = close_quote(text, start + 1, end, b'"');
                return close
                    .is_none_or(|c| c + 1 == end)
                    .then(|| (start + 1, close.unwrap_or(end), Coding::Escaped));
            }
            b'[' => {
                let inside =
                    [&b"[]byte{"[..], b"[]uint8{", b"["].into_iter().find(|p| value.starts_with(p))?.len();
                let inside = start + inside;
                let list = bytes::list(text, inside).filter(|l| l.end <= end && !l.zero)?;
                self.scratch.clear();
                bytes::decode(text.get(inside..list.end)?, &mut self.scratch);
                if list.count < MIN_BYTES && !(list.count > 1 && starts_json(&self.scratch)) {
                    return None;
                }
                let rest = text.get(list.end..end)?;
                let closed = rest == b"]"
                    || rest == b"}"
                    || rest.iter().all(|b| matches!(b, b',' | b' '))
                    || rest.starts_with(b"...")
                    || rest.starts_with("…".as_bytes());
                return closed.then_some((inside, list.end, Coding::Bytes(list.style)));
            }
            _ => {}
        }
        if let Some((stop, style)) = hex::run(text, start).filter(|(stop, _)| cut_or_end(text, *stop, end)) {
            self.scratch.clear();
            hex::decode(text.get(start..stop)?, &mut self.scratch);
            if starts_json(&self.scratch) {
                return Some((start, stop, Coding::Hex(style)));
            }
        }
        let (stop, style) = base64::run(text, start).filter(|(stop, _)| cut_or_end(text, *stop, end))?;
        self.scratch.clear();
        base64::decode(text.get(start..stop)?, &mut self.scratch);
        let mixed = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
        let len = stop - start;
        let known = starts_json(&self.scratch) || (len >= MIN_BASE64 && !is_binary(&self.scratch));
        (known || (mixed && len >= 16)).then_some((start, stop, Coding::Base64(style)))
    }
}

/// Whether a text is a word for how something ended, as in `result=ok`: that says nothing of anyone.
pub(super) fn is_outcome(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 18] = [
        b"ok",
        b"success",
        b"succeeded",
        b"failed",
        b"failure",
        b"error",
        b"done",
        b"skipped",
        b"completed",
        b"cancelled",
        b"canceled",
        b"timeout",
        b"retry",
        b"pending",
        b"none",
        b"empty",
        b"accepted",
        b"rejected",
    ];
    value.len() <= 9 && WORDS.iter().any(|w| value.eq_ignore_ascii_case(w))
}

/// Whether a list that starts at `pos` is one of a payload, and not a word in brackets.
fn starts_list(text: &[u8], pos: usize, end: usize) -> bool {
    let at = skip_blank(text, pos, end);
    text.get(at).is_some_and(|b| {
        matches!(b, b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9' | b'm' | b't' | b'f' | b'n' | b'&')
    })
}

/// Whether the text at `stop` is the end, or dots that say it was cut there.
fn cut_or_end(text: &[u8], stop: usize, end: usize) -> bool {
    let rest = text.get(stop..end).unwrap_or_default();
    rest.is_empty() || rest == b"..." || rest == "…".as_bytes()
}

/// Whether bytes look like the start of a JSON object or list.
pub(super) fn starts_json(bytes: &[u8]) -> bool {
    let at = skip_blank(bytes, 0, bytes.len());
    let next = || bytes.get(skip_blank(bytes, at + 1, bytes.len()));
    match bytes.get(at) {
        Some(b'"') => {
            matches!(bytes.get(at + 1), Some(b'{' | b'[')) || (bytes.len() > at + 1 && bytes.ends_with(b"\""))
        }
        Some(b'{') => matches!(next(), None | Some(b'"' | b'}')),
        Some(b'[') => matches!(next(), Some(b'{' | b'"' | b'[' | b'0'..=b'9' | b']')),
        _ => false,
    }
}
