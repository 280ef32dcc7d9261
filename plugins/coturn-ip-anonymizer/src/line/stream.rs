//! What must be remembered from line to line: up to coturn 4.16 a client can put line
//! breaks into its user name, realm or origin, so that the rest of the name comes as lines
//! of its own. A line that follows such a name and does not start like a log line is the
//! rest of it.

use tamis_sdk::lru::hash;

/// What the rest would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Of a user name.
    User,
    /// Of a realm.
    Realm,
    /// Of an origin in angle brackets.
    Origin,
    /// Of text that a client chose, refused by coturn.
    Hostile,
}

const SHAPE_BYTES: usize = 64;
/// A name has at most 512 bytes; what comes so many lines later is not the rest of it. Lines and not bytes, so
/// that what was filtered counts as what was not.
const REST_LINES: u16 = 12;

/// The memory of one stream.
#[derive(Debug, Clone, Copy)]
struct Stream {
    id: u64,
    rest: Option<Rest>,
    left: u16,
    shape: [u8; SHAPE_BYTES],
    shape_len: u8,
}

/// The memory of the streams that were seen last.
#[derive(Debug)]
pub struct Streams {
    slots: [Stream; 16],
    next: usize,
    current: usize,
    /// How many slots wait for the rest of a name.
    waiting: usize,
}

impl Default for Streams {
    fn default() -> Self {
        let empty = Stream { id: 0, rest: None, left: 0, shape: [0; SHAPE_BYTES], shape_len: 0 };
        Self { slots: [empty; 16], next: 0, current: 0, waiting: 0 }
    }
}

impl Streams {
    /// Whether any stream waits for the rest of a name. If not, there is nothing to look up.
    pub fn idle(&self) -> bool {
        self.waiting == 0
    }

    /// Go on with the stream of this tag and field.
    pub fn select(&mut self, tag: &[u8], field: &[u8]) {
        let id = hash(tag) ^ hash(field).rotate_left(17);
        if let Some(at) = self.slots.iter().position(|s| s.id == id) {
            self.current = at;
            return;
        }
        self.current = self.next;
        self.next = (self.next + 1) % self.slots.len();
        self.end_rest();
        self.slots[self.current] = Stream { id, rest: None, left: 0, shape: [0; SHAPE_BYTES], shape_len: 0 };
    }

    /// The line that starts with `head`, up to coturn's message, ends within a name.
    pub fn expect(&mut self, rest: Rest, head: &[u8]) {
        self.end_rest();
        let mut shape = [0; SHAPE_BYTES];
        let len = Shape::of(head).fold(0, |len, (class, _)| {
            if let Some(slot) = shape.get_mut(len) {
                *slot = class;
            }
            len + 1
        });
        // Without a prefix a log line has no look by which to know the next one.
        if len == 0 {
            return;
        }
        self.waiting += 1;
        let stream = &mut self.slots[self.current];
        *stream = Stream {
            rest: Some(rest),
            left: REST_LINES,
            shape,
            shape_len: len.min(SHAPE_BYTES) as u8,
            ..*stream
        };
    }

    /// If `line` is the rest of a name: of what, and where in the line it starts (behind
    /// the prefix of a container runtime or syslog).
    pub fn rest_of(&mut self, line: &[u8]) -> Option<(Rest, usize)> {
        let stream = &mut self.slots[self.current];
        let rest = stream.rest?;
        let shape = &stream.shape[..usize::from(stream.shape_len)];
        let mut same = 0;
        let mut start = 0;
        for (class, end) in Shape::of(line) {
            if shape.get(same) != Some(&class) {
                break;
            }
            same += 1;
            if class == b' ' {
                start = end;
            }
        }
        let is_log_line = same == shape.len() || begins_a_record(&line[start..]);
        if stream.left == 0 || is_log_line && rest != Rest::Hostile {
            self.end_rest();
            return None;
        }
        // Within text that coturn refused, what looks like a log line can be forged: it is read as one,
        // and the text may go on behind it.
        stream.left -= 1;
        (!is_log_line).then_some((rest, start))
    }

    /// The name has ended.
    pub fn end_rest(&mut self) {
        if self.slots[self.current].rest.take().is_some() {
            self.waiting -= 1;
        }
    }
}

/// Whether a line begins as records of coturn and syslog do, whatever the format of the line before: `12: `,
/// `2026-11-21`, `Nov 21 `.
fn begins_a_record(line: &[u8]) -> bool {
    let mut shape = [0; 6];
    for (slot, (class, _)) in shape.iter_mut().zip(Shape::of(line)) {
        *slot = class;
    }
    matches!(
        shape,
        [b'0', b':', b' ', b':' | b'(', ..]
            | [b'0', b'-', b'0', b'-', b'0', _]
            | [b'a', b' ', b'0', b' ', b'0', b':']
    ) || line.get(3) == Some(&b' ') && shape[..5] == *b"a  0 "
}

/// The look of a prefix: runs of digits are `0`, runs of letters `a`, all else itself.
struct Shape<'a> {
    text: &'a [u8],
    pos: usize,
}

impl<'a> Shape<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, pos: 0 }
    }
}

impl Iterator for Shape<'_> {
    /// The class and where its run ends.
    type Item = (u8, usize);

    fn next(&mut self) -> Option<(u8, usize)> {
        let first = *self.text.get(self.pos)?;
        self.pos += 1;
        let run = |is: fn(&u8) -> bool, text: &[u8]| text.iter().take_while(|b| is(b)).count();
        let class = if first.is_ascii_digit() {
            self.pos += run(u8::is_ascii_digit, &self.text[self.pos..]);
            b'0'
        } else if first.is_ascii_alphabetic() {
            self.pos += run(u8::is_ascii_alphabetic, &self.text[self.pos..]);
            b'a'
        } else {
            first
        };
        Some((class, self.pos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_looks_like_a_log_line_is_one() {
        let mut streams = Streams::default();
        streams.select(b"t", b"log");
        assert_eq!(streams.rest_of(b"line"), None);
        streams.expect(Rest::User, b"5: : ");
        assert!(!streams.idle());
        assert_eq!(streams.rest_of(b"line"), Some((Rest::User, 0)));
        assert_eq!(streams.rest_of(b"5 line"), Some((Rest::User, 0)));
        assert_eq!(streams.rest_of(b"12: : session"), None);
        assert_eq!(streams.rest_of(b"line"), None);
    }

    #[test]
    fn the_runtime_prefix_is_not_part_of_the_name() {
        let mut streams = Streams::default();
        streams.select(b"t", b"");
        streams.expect(Rest::Hostile, b"2026-11-21T00:00:00.1Z stdout F 5: : ");
        let line = b"2026-11-21T00:00:01.2Z stdout F line";
        let at = line.len() - 4;
        assert_eq!(streams.rest_of(line), Some((Rest::Hostile, at)));
        streams.select(b"other", b"");
        assert_eq!(streams.rest_of(line), None);
        streams.select(b"t", b"");
        assert_eq!(streams.rest_of(line), Some((Rest::Hostile, at)));
    }

    #[test]
    fn a_name_does_not_go_on_for_ever() {
        let mut streams = Streams::default();
        streams.expect(Rest::Hostile, b"5: : ");
        let eaten =
            (0..100).take_while(|_| streams.rest_of(b"socket: Protocol not supported").is_some()).count();
        assert_eq!(eaten, usize::from(REST_LINES));
    }
}
