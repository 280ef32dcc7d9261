//! Values after a field name: `token=x`, `"password": "x"`, `map[apiKey:x]`, `Cookie: a=b`, `?token=x`.
//!
//! The rules for field names decide; this is where names are looked for in text that is no JSON, or JSON in a string.

use crate::{
    detect::{
        Id, aws::secret_access_key, azure::storage_key, cookie, generic_secret, jwt, number::found, prefixed,
        url,
    },
    gate::Gate,
    keys::{self, KeyClass},
    scan::Scan,
    text::{ALNUM, BLANK, DIGIT, JOINER, is, marker_end},
};

const LONGEST_NAME: usize = 64;

/// The colon or equals sign at `at`.
pub(crate) fn at(gate: &Gate, scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let text = scan.text;
    // `Foo::Bar` is one name.
    if text[at] == b':' && (scan.at(at + 1) == b':' || scan.before(at) == b':') {
        return None;
    }
    let name_end = before_quotes(scan, at);
    let letters = scan.skip_back(name_end, DIGIT);
    if letters < scan.floor() + 2 || !gate.ends_key(text[letters - 2], text[letters - 1]) {
        return None;
    }
    let start = name_start(scan, name_end);
    let name = &text[start..name_end];
    let value = Value::new(scan, at, name_end);
    if text[at] == b'=' && is_parameter(scan, start) {
        return url::parameter(scan, name, at + 1);
    }
    let class = keys::judge(name);
    if class == Some(KeyClass::Secret)
        && (name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie"))
    {
        let open = value.start + usize::from(scan.at(value.start) == b'[');
        let open = open + opening(scan, open);
        return if scan.on(Id::Cookie) { cookie::at(scan, open) } else { None };
    }
    if value.start >= text.len() || marker_end(text, value.start).is_some() {
        return None;
    }
    let end = match class {
        Some(KeyClass::Password) => generic_secret::password(scan, &value),
        Some(KeyClass::Secret) => generic_secret::secret(scan, name, &value),
        Some(KeyClass::Code) => generic_secret::code(scan, value.start, 3),
        _ if name.eq_ignore_ascii_case(b"session") => generic_secret::secret(scan, name, &value),
        _ if name.eq_ignore_ascii_case(b"code") => generic_secret::bare_code(scan, start, value.start),
        _ => None,
    }?;
    let start = value.start;
    if let Some(end) = specific(scan, name, start, end) {
        return Some(end);
    }
    found(scan, Id::GenericSecret, start, end)
}

/// A detector that knows better what `start..end`, the value of `name`, is.
pub(crate) fn specific(scan: &mut Scan<'_, '_>, name: &[u8], start: usize, end: usize) -> Option<usize> {
    let value = &scan.text[start..end];
    if secret_access_key::fits(value)
        && name.windows(3).any(|w| w.eq_ignore_ascii_case(b"aws") || w.eq_ignore_ascii_case(b"ess"))
    {
        return found(scan, Id::AwsSecretAccessKey, start, end);
    }
    if storage_key::fits(name, value) {
        return found(scan, Id::AzureStorageKey, start, end);
    }
    if value.len() >= 20 && matches!(&value[..4], b"AKIA" | b"ASIA") {
        return found(scan, Id::AwsAccessKeyId, start, end);
    }
    if value.starts_with(b"eyJ") && jwt::end(scan, start) == Some(end) {
        return found(scan, Id::Jwt, start, end);
    }
    // Only at the first dash: a provider's prefix is short.
    let joiner = start + value.iter().take(12).position(|&b| is(b, JOINER))?;
    prefixed::end_at(scan, joiner, start, end)
}

/// Where the name before the separator at `at` ends: before a blank, quotes, their backslashes, colour codes.
fn before_quotes(scan: &Scan<'_, '_>, at: usize) -> usize {
    let text = scan.text;
    let floor = scan.floor();
    let mut end = at;
    if end > floor && text[end - 1] == b' ' {
        end -= 1;
    }
    if end > floor && matches!(text[end - 1], b'"' | b'\'') {
        end -= 1;
        while end > floor && text[end - 1] == b'\\' {
            end -= 1;
        }
    }
    end
}

fn name_start(scan: &Scan<'_, '_>, end: usize) -> usize {
    let text = scan.text;
    let limit = end.saturating_sub(LONGEST_NAME).max(scan.floor());
    let mut start = end;
    while start > limit && (is(text[start - 1], ALNUM | JOINER) || text[start - 1] == b'.') {
        start -= 1;
    }
    // A colour code or an escape before the name: `\x1b[36mtoken`, `\ntoken`, `\u0026token`.
    let before = &text[scan.floor().min(start)..start];
    if before.ends_with(b"\x1b[") || before.ends_with(b"u001b[") || before.ends_with(b"x1b[") {
        let m = text[start..end].iter().position(|&b| b == b'm').map_or(0, |i| i + 1);
        return start + m;
    }
    if before.ends_with(b"\\") {
        match &text[start..end] {
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => return start + 5,
            [b'n' | b't' | b'r', ..] => return start + 1,
            _ => {}
        }
    }
    start
}

/// Whether the name at `start` is that of a query parameter.
fn is_parameter(scan: &Scan<'_, '_>, start: usize) -> bool {
    let before = &scan.text[..start];
    start > scan.floor()
        && (before.ends_with(b"?")
            || before.ends_with(b"&")
            || before.ends_with(b"u0026")
            || before.ends_with(b"&amp;"))
}

/// Length of the quote at `at`, with the backslashes before it.
fn opening(scan: &Scan<'_, '_>, at: usize) -> usize {
    let backslashes = (0..8).take_while(|i| scan.at(at + i) == b'\\').count();
    if matches!(scan.at(at + backslashes), b'"' | b'\'' | b'`') { backslashes + 1 } else { 0 }
}

/// Where a value starts, and how it is written.
pub(crate) struct Value {
    pub start: usize,
    /// Quote and the number of backslashes before it.
    pub quote: Option<(u8, usize)>,
    /// `=`, or `:` with the value right after it: a program wrote this, not a person.
    pub tight: bool,
    pub equals: bool,
}

impl Value {
    fn new(scan: &Scan<'_, '_>, separator: usize, name_end: usize) -> Self {
        let text = scan.text;
        let mut start = separator + 1;
        if scan.has(start, b"\x1b[") {
            start += text[start..].iter().take(8).position(|&b| b == b'm').map_or(0, |i| i + 1);
        }
        let tight = !is(scan.at(start), BLANK);
        start += (0..2).take_while(|i| matches!(scan.at(start + i), b' ' | b'\t')).count();
        let length = opening(scan, start);
        let quote = (length > 0).then(|| (text[start + length - 1], length - 1));
        Self {
            start: start + length,
            quote,
            tight: tight || name_end != separator,
            equals: text[separator] == b'=',
        }
    }

    /// The end of what is in the quotes; the text's end if they do not close.
    pub(crate) fn quoted_end(&self, scan: &Scan<'_, '_>) -> Option<usize> {
        let (quote, level) = self.quote?;
        let text = scan.text;
        let mut backslashes = 0;
        for (i, &b) in text[self.start..].iter().enumerate() {
            if b == b'\\' {
                backslashes += 1;
                continue;
            }
            // A quote at the same depth of escapes: more backslashes are part of the value.
            if b == quote && backslashes >= level && (backslashes - level) % (2 * (level + 1)) == 0 {
                return Some(self.start + i - level);
            }
            backslashes = 0;
        }
        Some(text.len())
    }
}
