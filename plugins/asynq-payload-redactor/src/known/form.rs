//! The form of a record: its bytes without what differs from one record to the next like it.

use super::value::{UUID_BYTES, hash_in_hex, time, uuid};
use crate::sieve::NUMBER_BYTES;

/// Of a shorter string, nothing is left out.
const SHORTEST: usize = 19;

/// What is left out of a form.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Part {
    /// A uuid.
    Id,
    /// A hash in hex, by the number of its digits.
    Hash32,
    Hash40,
    Hash64,
    /// A time.
    Time,
    /// A time as container runtimes write it: a line that starts with it may be a piece of one.
    RuntimeTime,
    /// A number of JSON.
    Number,
    /// A uuid in a text that starts with a small letter, as values of several words do not.
    SmallId,
}

/// The parts from here on are numbers in text, which rules for codes, pins and secrets judge by their length: `0`, then
/// those with one or two digits, three, four or five, six, seven or eight; then those with a point that have three bytes
/// with their unit, less than a secret has, or more.
const ZERO: u8 = 16;
const INTEGERS: [u8; 9] = [ZERO, 17, 17, 18, 19, 19, 20, 21, 21];
const DECIMAL: u8 = 22;

/// The part that a number in text is with `digits` digits; `None` if there is more to such a number than its length.
fn integer(first: u8, digits: usize) -> Option<u8> {
    if first == b'0' && digits == 1 { Some(ZERO) } else { INTEGERS.get(digits).copied() }
}

/// The part that a number with a point is, of so many bytes with its unit.
fn decimal(length: usize) -> u8 {
    DECIMAL + u8::from(length > 3) + u8::from(length >= 12)
}

/// Most bytes of [`Form::parts`].
const MAX_PARTS: usize = 240;

/// The bytes of a record but for some, then what is left out and where, then whether it is JSON and how many bytes say
/// what is left out: none of it can be taken for another.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    parts: Vec<u8>,
    /// How many numbers are left out.
    numbers: u32,
    /// A bit for each of them that is `0`, from the lowest on.
    pub(super) zeros: u64,
}

impl Form {
    /// Make it of a record; `false` if it has none.
    pub(super) fn set(&mut self, json: bool, body: &[u8]) -> bool {
        self.bytes.clear();
        self.parts.clear();
        (self.numbers, self.zeros) = (0, 0);
        let made = if json { self.json(body) } else { self.text(body) };
        if made.is_none() || self.parts.len() > MAX_PARTS {
            return false;
        }
        self.bytes.extend_from_slice(&self.parts);
        self.bytes.extend_from_slice(&[u8::from(json), self.parts.len() as u8]);
        true
    }

    /// `before` stays, and then a part is left out.
    fn leave_out(&mut self, before: &[u8], part: u8) {
        self.bytes.extend_from_slice(before);
        let [low, high, ..] = self.bytes.len().to_le_bytes();
        self.parts.extend_from_slice(&[low, high, part]);
    }

    /// A record that is JSON.
    fn json(&mut self, body: &[u8]) -> Option<()> {
        let mut marks = Marks::new(body);
        let (mut done, mut pos) = (0, 0);
        while let Some(open) = marks.next(pos) {
            let close = marks.next(open + 1)?;
            if body[open] == b'\\' {
                return None;
            }
            if body[close] == b'\\' {
                (pos, done) = self.escaped(body, &mut marks, open + 1, close, done)?;
            } else {
                (pos, done) = self.quoted(body, (open + 1, close), close + 1, false, done);
            }
        }
        self.bytes.extend_from_slice(&body[done..]);
        Some(())
    }

    /// A string with escapes, of which the first is at `at`: a line that a logger wrote becomes such a string of a record.
    /// Says where it ends.
    fn escaped(
        &mut self,
        body: &[u8],
        marks: &mut Marks<'_>,
        start: usize,
        at: usize,
        mut done: usize,
    ) -> Option<(usize, usize)> {
        let (mut from, mut mark, mut first) = (start, at, true);
        loop {
            let escape = if body[mark] == b'\\' { *body.get(mark + 1)? } else { 0 };
            // Others may stand for anything, and are no end of a word.
            let closed = matches!(escape, 0 | b'"' | b'n' | b't');
            if mark - from.min(mark) >= if first { SHORTEST } else { 1 } {
                done = self.parts_of_text(body, (from, mark), first, closed, done);
            }
            first = false;
            match escape {
                0 => return Some((mark + 1, done)),
                b'"' => {
                    let close = marks.next(mark + 2)?;
                    if body[close] == b'\\' && body.get(close + 1) == Some(&b'"') {
                        (from, done) = self.quoted(body, (mark + 2, close), close + 2, true, done);
                        mark = marks.next(from)?;
                    } else {
                        (from, mark) = (mark + 2, close);
                    }
                }
                _ => {
                    from = mark + 2;
                    mark = marks.next(from)?;
                }
            }
        }
    }

    /// What is between two quotes, and, if it is a name, the number that it names. `behind` is where the quote ends,
    /// `inner` says that the quotes are in a text.
    #[inline(always)]
    fn quoted(
        &mut self,
        body: &[u8],
        content: (usize, usize),
        behind: usize,
        inner: bool,
        done: usize,
    ) -> (usize, usize) {
        let done = match body.get(behind) {
            Some(b':') => self.number(body, behind + 1, inner, done),
            _ if content.1 - content.0 >= SHORTEST => self.string(body, content, inner, done),
            _ => done,
        };
        (behind.max(done), done)
    }

    /// A string that is a value.
    fn string(&mut self, body: &[u8], (start, end): (usize, usize), inner: bool, done: usize) -> usize {
        let text = &body[start..end];
        let part = match text.len() {
            UUID_BYTES if uuid(text) => Some(Part::Id),
            32 if hash_in_hex(text) => Some(Part::Hash32),
            40 if hash_in_hex(text) => Some(Part::Hash40),
            64 if hash_in_hex(text) => Some(Part::Hash64),
            _ => None,
        };
        // In a text the word before it may matter, as it does without quotes.
        if let Some(part) = part.filter(|_| !inner || mixed(text)) {
            self.leave_out(&body[done..start], part as u8);
            return end;
        }
        self.parts_of_text(body, (start, end), true, true, done)
    }

    /// A value behind its colon. In a text, rules for codes go by how many digits there are.
    fn number(&mut self, body: &[u8], at: usize, inner: bool, done: usize) -> usize {
        let length = length_of_number(&body[at..]);
        if length == 0 {
            return done;
        }
        let zero = body[at] == b'0' && length == 1;
        let part = if inner {
            let part = match body[at] {
                b'-' => None,
                _ if body[at..at + length].contains(&b'.') => Some(decimal(length)),
                first => integer(first, length),
            };
            let Some(part) = part else { return done };
            part
        } else if self.numbers == u64::BITS {
            return done;
        } else {
            self.zeros |= u64::from(zero) << self.numbers;
            self.numbers += 1;
            Part::Number as u8
        };
        self.leave_out(&body[done..at], part);
        at + length
    }

    /// A line.
    fn text(&mut self, body: &[u8]) -> Option<()> {
        let done = self.parts_of_text(body, (0, body.len()), true, true, 0);
        self.bytes.extend_from_slice(&body[done..]);
        Some(())
    }

    /// What is before the last part of a text that can be left out, from `done` on: the time it begins with if `first`,
    /// ids and numbers behind `=` or a blank. Says where that part ends. `closed`: what is behind the text ends a word.
    fn parts_of_text(
        &mut self,
        body: &[u8],
        (start, end): (usize, usize),
        first: bool,
        closed: bool,
        mut done: usize,
    ) -> usize {
        let text = &body[start..end];
        let mut pos = 0;
        if first {
            let (from, to) = time(text);
            if from < to && (closed || to < text.len()) {
                let runtime = to - from >= 20 && text[from + 4] == b'-' && text[from + 10] == b'T';
                let part = if runtime { Part::RuntimeTime } else { Part::Time };
                self.leave_out(&body[done..start + from], part as u8);
                done = start + to;
                pos = to;
            }
        }
        while let Some(at) = memchr::memchr2(b' ', b'=', &text[pos..]).map(|i| pos + i) {
            pos = at + 1;
            let Some(&byte) = text.get(pos) else { break };
            let (length, part) = match byte {
                b'0'..=b'9' => match id_behind(text, at, closed) {
                    0 => number_behind(text, at, closed),
                    length => (length, Part::Id as u8),
                },
                b'a'..=b'f' => (id_behind(text, at, closed), Part::SmallId as u8),
                b'A'..=b'F' => (id_behind(text, at, closed), Part::Id as u8),
                _ => continue,
            };
            // What was left out of this text already is before it.
            if length > 0 && start + pos >= done {
                self.leave_out(&body[done..start + pos], part);
                pos += length;
                done = start + pos;
            }
        }
        done
    }
}

/// How long the uuid is that stands behind the `=` or the blank at `at`; 0 if there is none.
///
/// Beside some words, such as `session`, rules ask whether a value is made of digits and letters by turns, as secrets
/// are. Only uuids that are can be taken for one another.
fn id_behind(text: &[u8], at: usize, closed: bool) -> usize {
    let start = at + 1;
    let good = text.get(start + 8) == Some(&b'-')
        && text.get(start..start + UUID_BYTES).is_some_and(|id| uuid(id) && mixed(id))
        && ends_word(text, start + UUID_BYTES, closed);
    if good { UUID_BYTES } else { 0 }
}

/// Whether a uuid or a hash changes at least three times from digits to letters or back. Nearly all do.
fn mixed(id: &[u8]) -> bool {
    let Some((first, rest)) = id.split_first_chunk::<8>() else { return false };
    let Some(last) = rest.last_chunk::<8>() else { return false };
    let changes = |group: &[u8; 8]| {
        // This bit tells a letter from a digit.
        let letters = u64::from_le_bytes(*group) & 0x4040_4040_4040_4040;
        ((letters ^ (letters >> 8)) & 0x0040_4040_4040_4040).count_ones()
    };
    changes(first) + changes(last) >= 3
}

/// Most bytes of a number in text before its point, or without one. No detector knows a shorter number, and the rules
/// for codes and pins go by how many digits there are.
const TEXT_DIGITS: usize = 6;

/// Units of numbers.
const UNITS: [&[u8]; 6] = [b"ms", b"s", "µs".as_bytes(), b"ns", b"m", b"h"];

/// How long the number is that stands behind the `=` or the blank at `at`, and which part it is; 0 if there is none.
///
/// It is a word of its own but for its unit, and not next to other numbers: groups of digits may be one number, or
/// bytes in hex or decimal.
fn number_behind(text: &[u8], at: usize, closed: bool) -> (usize, u8) {
    const NONE: (usize, u8) = (0, 0);
    let before = &text[..at];
    let word = text[at] == b'='
        || matches!(before.last(), Some(b':' | b'='))
        || before.last_chunk::<3>().is_some_and(|word| word.iter().all(u8::is_ascii_alphabetic));
    if !word {
        return NONE;
    }
    let number = &text[at + 1..];
    let digits = |from: usize| number[from..].iter().take(10).take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(0);
    if whole > TEXT_DIGITS || number[0] == b'0' && whole > 1 {
        return NONE;
    }
    let fraction = if number.get(whole) == Some(&b'.') { digits(whole + 1) } else { 0 };
    let length = if fraction > 0 { whole + 1 + fraction } else { whole };
    let rest = &number[length..];
    let unit = UNITS
        .iter()
        .find(|unit| rest.starts_with(unit) && !rest.get(unit.len()).is_some_and(u8::is_ascii_alphanumeric));
    let unit = unit.map_or(0, |unit| unit.len());
    let part = match fraction {
        // With a unit, few digits: there are ids that are made of digits and a letter.
        0 if unit > 0 && whole > 4 => None,
        0 => integer(number[0], whole),
        1..10 => Some(decimal(length + unit)),
        _ => None,
    };
    let behind = at + 1 + length + unit;
    let Some(part) = part.filter(|_| ends_word(text, behind, closed)) else { return NONE };
    let next = text[behind..].iter().find(|b| !matches!(b, b' ' | b','));
    // Perhaps the first pair of many.
    let pair = length == 2
        && text.get(behind + 1..behind + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if next.is_some_and(u8::is_ascii_digit) || pair { NONE } else { (length, part) }
}

/// Whether a word ends before `at`.
fn ends_word(text: &[u8], at: usize, closed: bool) -> bool {
    match text.get(at) {
        None => closed,
        Some(b' ') => true,
        Some(b',') => text.get(at + 1) == Some(&b' '),
        Some(_) => false,
    }
}

/// Where in a text `"` and `\` stand. Eight bytes at a time.
struct Marks<'a> {
    words: &'a [[u8; 8]],
    tail: [u8; 8],
    has_tail: bool,
    /// Where the word at hand ends.
    end: usize,
    /// The high bits of the marks in it that are still to come.
    found: u64,
}

impl<'a> Marks<'a> {
    fn new(text: &'a [u8]) -> Self {
        let (words, rest) = text.as_chunks::<8>();
        let mut tail = [0; 8];
        tail[..rest.len()].copy_from_slice(rest);
        Self { words, tail, has_tail: true, end: 0, found: 0 }
    }

    /// The next one that is not before `from`.
    #[inline(always)]
    fn next(&mut self, from: usize) -> Option<usize> {
        loop {
            while self.found != 0 {
                let at = self.end - 8 + self.found.trailing_zeros() as usize / 8;
                self.found &= self.found - 1;
                if at >= from {
                    return Some(at);
                }
            }
            let word = match self.words.split_first() {
                Some((word, rest)) => {
                    self.words = rest;
                    *word
                }
                None if std::mem::take(&mut self.has_tail) => self.tail,
                None => return None,
            };
            self.end += 8;
            self.found = marks(u64::from_le_bytes(word));
        }
    }
}

/// The high bits of those bytes of a word that are `"` or `\`.
#[inline(always)]
fn marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOWS: u64 = 0x7F * ONES;
    // The high bit of each byte that is not 0, without a carry from one to the next.
    let other = |word: u64| ((word & LOWS) + LOWS) | word;
    !(other(word ^ (ONES * 0x22)) & other(word ^ (ONES * 0x5C))) & !LOWS
}

/// How long the JSON number is that `text` starts with, if it is short or has a point; else 0.
fn length_of_number(text: &[u8]) -> usize {
    let sign = usize::from(text.first() == Some(&b'-'));
    let mut length = sign;
    let mut point = None;
    while let Some(byte) = text.get(length) {
        match byte {
            b'0'..=b'9' => {}
            b'.' if point.is_none() => point = Some(length),
            _ => break,
        }
        length += 1;
    }
    let good = match &text[sign..point.unwrap_or(length)] {
        // A zero with a sign is no `0` to the rules.
        [b'0'] => sign == 0 || point.is_some(),
        [b'0', ..] | [] => false,
        _ => true,
    };
    let ended = matches!(text.get(length), Some(b',' | b'}')) && point.is_none_or(|p| p + 1 < length);
    // Those with a point are of no card.
    if good && ended && (length < NUMBER_BYTES || point.is_some()) { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of a record, with what is left out told in angle brackets.
    fn form(body: &str) -> Option<String> {
        let mut form = Form::default();
        form.set(body.starts_with('{'), body.as_bytes()).then(|| {
            let end = form.bytes.len() - 2 - form.parts.len();
            let mut text = String::from_utf8(form.bytes[..end].to_vec()).unwrap();
            for part in form.parts.chunks(3).rev() {
                let names = ["<id>", "<32>", "<40>", "<64>", "<time>", "<TIME>", "<number>", "<small id>"];
                let name = names.get(usize::from(part[2])).map_or_else(
                    || match part[2] {
                        ZERO => "<0>".to_owned(),
                        decimal @ DECIMAL.. => format!("<.{}>", decimal - DECIMAL),
                        integer => format!("<{}>", integer - ZERO),
                    },
                    |name| (*name).to_owned(),
                );
                text.insert_str(usize::from(u16::from_le_bytes([part[0], part[1]])), &name);
            }
            text
        })
    }

    #[test]
    fn marks_are_found_wherever_they_stand() {
        let all: Vec<u8> = (0..=255).chain(*b"\"\\#]\"\"!\\x").collect();
        for start in 0..all.len() {
            let text = &all[start..];
            let (mut marks, mut found, mut from) = (Marks::new(text), Vec::new(), 0);
            while let Some(at) = marks.next(from) {
                found.push(at);
                from = at + 1;
            }
            let expected: Vec<usize> = (0..text.len()).filter(|i| matches!(text[*i], b'"' | b'\\')).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn times_ids_and_numbers_are_left_out() {
        for (body, expected) in [
            (
                r#"{"time":"2026-11-21T00:15:48.123456789Z","n":12,"id":"1fae43d8-f4b9-49fe-9a37-1a55628641e7"}"#,
                "{\"time\":\"<TIME>\",\"n\":<number>,\"id\":\"<id>\"}",
            ),
            (
                r#"{"a":{"b":-1.5,"c":0,"d":[12,3]},"e":0.0}"#,
                "{\"a\":{\"b\":<number>,\"c\":<number>,\"d\":[12,3]},\"e\":<number>}",
            ),
            (
                r#"{"n":007,"m":1e3,"o":1.,"p":-,"q":123456789012,"r": 5}"#,
                r#"{"n":007,"m":1e3,"o":1.,"p":-,"q":123456789012,"r": 5}"#,
            ),
            (
                r#"{"log":"2026/11/21 00:15:48 done: id=1fae43d8-f4b9-49fe-9a37-1a55628641e7 queue=low"}"#,
                "{\"log\":\"<time> done: id=<id> queue=low\"}",
            ),
            (
                "asynq: pid=6737 2026/11/21 00:15:48.744851 INFO: Starting processing",
                "asynq: pid=6737 <time> INFO: Starting processing",
            ),
            ("time=2026-11-21T00:15:48.744Z level=INFO n=5", "time=<TIME> level=INFO n=<1>"),
            (r#"{"ts":1795220181.0340245,"n":1795220181034}"#, r#"{"ts":<number>,"n":1795220181034}"#),
            ("id=1fae43d8-f4b9-49fe-9a37-1a55628641e7", "id=<id>"),
            ("id=1fae43d8-f4b9-49fe-9a37-1a55628641e7,", "id=1fae43d8-f4b9-49fe-9a37-1a55628641e7,"),
            (
                r#"{"trace_id":"fc7232374def3e8ff97252397e4b26cf","b":"7b226e616d65223a22416461227d7d7d"}"#,
                r#"{"trace_id":"<32>","b":"7b226e616d65223a22416461227d7d7d"}"#,
            ),
            (
                r#"{"trace_id":"fc7232374def3e8ff97252397e4b26cg","b":"fc7232374def3e8f"}"#,
                r#"{"trace_id":"fc7232374def3e8ff97252397e4b26cg","b":"fc7232374def3e8f"}"#,
            ),
            ("", ""),
        ] {
            assert_eq!(form(body).as_deref(), Some(expected));
        }
        let (id, time) = ("1fae43d8-f4b9-49fe-9a37-1a55628641e7", "2026-11-21T00:15:48Z");
        let line = format!(
            r#"{{"log":"{{\"time\":\"{time}\",\"n\":5,\"m\":\"done id={id}\",\"id\":\"{id}\"}}\n","s":"x"}}"#
        );
        let expected =
            r#"{"log":"{\"time\":\"<TIME>\",\"n\":<1>,\"m\":\"done id=<id>\",\"id\":\"<id>\"}\n","s":"x"}"#;
        assert_eq!(form(&line).as_deref(), Some(expected));
        for body in [r#"{"a":"b}"#, r#"{"a":"b\"#, r#"{"a":"b\""#, r#"{"a":"b\\\""#, r#"{"a\"#] {
            assert_eq!(form(body), None, "{body}");
        }
    }

    #[test]
    fn escapes_stay_and_what_is_between_them_is_text() {
        let (id, time) = ("1fae43d8-f4b9-49fe-9a37-1a55628641e7", "2026-11-21T00:15:48Z");
        for (text, expected) in [
            (format!(r#"{time} start \"mail\" id={id}\n"#), r#"<TIME> start \"mail\" id=<id>\n"#),
            (format!(r#"{time}\n"#), r#"<TIME>\n"#),
            (format!(r#"{time}\u0041"#), r#"2026-11-21T00:15:48Z\u0041"#),
            (format!(r#"retry of id={id}\" x"#), r#"retry of id=<id>\" x"#),
            (
                format!(r#"retry of id={id}\u0041 x"#),
                r#"retry of id=1fae43d8-f4b9-49fe-9a37-1a55628641e7\u0041 x"#,
            ),
            (
                format!(r#"{time} stderr F {{\"time\":\"{time}\",\"n\":5}}"#),
                r#"<TIME> stderr F {\"time\":\"<TIME>\",\"n\":<1>}"#,
            ),
            (
                r#"main.go:259 +0x203b\n\tgoroutine 537 [running]"#.to_owned(),
                r#"main.go:259 +0x203b\n\tgoroutine <2> [running]"#,
            ),
            (r#"a\"b"#.to_owned(), r#"a\"b"#),
            (r#"b\\"#.to_owned(), r#"b\\"#),
            (r#"\"b\nc\""#.to_owned(), r#"\"b\nc\""#),
            (r#"x\"took 5 s\" and 5\""#.to_owned(), r#"x\"took 5 s\" and <1>\""#),
        ] {
            assert_eq!(
                form(&format!(r#"{{"log":"{text}","s":"x"}}"#)),
                Some(format!(r#"{{"log":"{expected}","s":"x"}}"#))
            );
        }
    }

    #[test]
    fn ids_and_numbers_of_a_text_are_words_of_their_own() {
        let id = "1fae43d8-f4b9-49fe-9a37-1a55628641e7";
        for (text, expected) in [
            ("TASK: x, ID: {id}, RETRY: 0/1", "TASK: x, ID: <id>, RETRY: 0/1"),
            ("task {id} done", "task <id> done"),
            ("task {id}. done {id}", "task {id}. done <id>"),
            ("x 11111111-1111-1111-1111-111111111111 y", "x 11111111-1111-1111-1111-111111111111 y"),
            ("x=11111111-1111-1111-1111-111111111111 y", "x=11111111-1111-1111-1111-111111111111 y"),
            ("Elapsed Time = 4.274089ms", "Elapsed Time = <.1>ms"),
            ("elapsed=17.722602ms n=0 m=12, k=1234567 f=0.5", "elapsed=<.1>ms n=<0> m=<1>, k=1234567 f=<.0>"),
            ("took 5ms or 250 µs or 9h", "took <1>ms or 250 µs or 9h"),
            ("goroutine 537", "goroutine <2>"),
            ("call 555 1234 or 5 6 7", "call 555 1234 or 5 6 7"),
            (
                "n=007 n=-5 n=1e3 n=5x n=1.2.3 n=1. n=5/6 n=5.",
                "n=007 n=-5 n=1e3 n=5x n=1.2.3 n=1. n=5/6 n=5.",
            ),
            ("data 22 c3 a9", "data 22 c3 a9"),
            ("data=[12 34 56]", "data=[12 34 56]"),
            ("7b 22 61", "7b 22 61"),
            ("dni=12345s dni=1234s", "dni=12345s dni=<3>s"),
            ("call (030) 1234 or +49 171 5555", "call (030) 1234 or +49 171 5555"),
        ] {
            let text = text.replace("{id}", id);
            assert_eq!(form(&text), Some(expected.replace("{id}", id)));
        }
    }
}
