//! Payloads that are spread over records: JSON or a dump that a program prints over several lines, and lines that a
//! container runtime cut into pieces. What is kept is bounded: the open containers of so many streams.

use super::{
    Out, Role, Segment, Sieve,
    dump::{self, Level, skip_blank},
};
use crate::policy::{Context, PAYLOAD_PEN};

/// Containers that are remembered from one record to the next. What is nested deeper is forgotten, innermost first
/// kept.
const MAX_LEVELS: usize = 64;
/// Lines of other origin that may come between two lines of one structure.
const MAX_BETWEEN: u16 = 256;
/// Lines of one structure.
const MAX_LINES: u16 = 10_000;
/// Docker cuts lines at 16 KiB and says so only by the missing line feed.
pub(super) const DOCKER_PIECE: usize = 16 * 1024;

/// What container runtimes (CRI) call the streams of a program.
const CRI_STREAMS: [&[u8]; 2] = [b"stdout", b"stderr"];

/// What is open in a stream after a record.
#[derive(Debug, Default)]
struct Open {
    stream: u64,
    /// Use, for eviction.
    used: u64,
    levels: Vec<Level>,
    tail: Tail,
    between: u16,
    lines: u16,
}

/// Where a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Tail {
    /// At the end of a line, within a structure.
    #[default]
    Line,
    /// At the end of a line, within bytes that are no text.
    Binary,
    /// Anywhere in a line that was cut.
    Piece,
    /// As `Piece`, within quotes; `escape`: after a backslash.
    PieceString { escape: bool },
    /// As `Piece`, within a payload without quotes.
    PieceBare,
}

/// The open structures of all streams.
#[derive(Debug)]
pub(super) struct Streams {
    open: Vec<Open>,
    capacity: usize,
    clock: u64,
}

impl Streams {
    pub(super) fn new(capacity: usize) -> Self {
        Self { open: Vec::new(), capacity: capacity.max(1), clock: 0 }
    }

    fn find(&mut self, stream: u64) -> Option<&mut Open> {
        self.open.iter_mut().find(|o| o.stream == stream)
    }

    /// Whether anything is open in a stream that records with this hash of their tag may be of.
    pub(super) fn awaits(&self, tag: u64) -> bool {
        let of_tag = |stream: u64| {
            stream == tag || CRI_STREAMS.iter().any(|n| stream == tag ^ tamis_sdk::lru::hash(n))
        };
        !self.open.is_empty() && self.open.iter().any(|open| of_tag(open.stream))
    }

    fn slot(&mut self, stream: u64) -> Option<&mut Open> {
        self.clock += 1;
        let clock = self.clock;
        let index = match self.open.iter().position(|o| o.stream == stream) {
            Some(index) => index,
            None if self.open.len() < self.capacity => {
                self.open.push(Open::default());
                self.open.len() - 1
            }
            None => self.open.iter().enumerate().min_by_key(|(_, o)| o.used)?.0,
        };
        let slot = self.open.get_mut(index)?;
        slot.stream = stream;
        slot.used = clock;
        slot.between = 0;
        Some(slot)
    }

    fn close(&mut self, stream: u64) {
        self.open.retain(|o| o.stream != stream);
    }
}

/// The prefix of a line in the format of container runtimes (CRI): where the text starts, which stream, whether it is
/// a piece.
fn cri(text: &[u8]) -> Option<(usize, &[u8], bool)> {
    let blank = text.iter().take(40).position(|b| *b == b' ')?;
    let time = &text[..blank];
    if time.len() < 20 || time[4] != b'-' || !time.contains(&b'T') {
        return None;
    }
    let rest = &text[blank + 1..];
    let name = CRI_STREAMS.into_iter().find(|n| rest.starts_with(n))?;
    let tag = rest.get(7..9)?;
    let piece = match tag {
        b"P " => true,
        b"F " => false,
        _ => return None,
    };
    Some((blank + 10, name, piece))
}

/// How the text of a line ended, as far as looking at it showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending {
    /// Containers that are still open.
    pub levels: Vec<Level>,
    /// Within quotes.
    pub string: bool,
    /// Within a payload that has no quotes.
    pub bare: bool,
    /// Within bytes that are no text.
    pub binary: bool,
}

impl Ending {
    fn clear(&mut self) {
        self.levels.clear();
        self.string = false;
        self.bare = false;
        self.binary = false;
    }
}

impl Sieve {
    /// Look at a log line, which may go on with what the one before left open.
    #[inline(never)]
    pub(super) fn scan_line(&mut self, text: &[u8], segment: Segment, out: &mut Out) {
        let Segment { mut start, end, context, .. } = segment;
        let mut stream = self.stream;
        let mut piece = self.piece;
        if let Some((at, name, cut)) = text.get(start..end).and_then(cri) {
            start += at;
            stream ^= tamis_sdk::lru::hash(name);
            piece |= cut;
        }
        self.ending.clear();
        let resumed = self.resume(text, start, end, stream, out);
        let from = resumed.unwrap_or(start);
        if from < end || resumed.is_none() {
            self.ending.clear();
            self.scan_text(text, Segment { start: from, end, context, role: Role::Line }, out);
        }
        let Ending { string, bare, binary, .. } = self.ending;
        let tail = match (piece, string, bare) {
            (true, true, _) => {
                let slashes = text[start..end].iter().rev().take_while(|b| **b == b'\\').count();
                Some(Tail::PieceString { escape: slashes % 2 == 1 })
            }
            (true, _, true) => Some(Tail::PieceBare),
            (true, ..) => Some(Tail::Piece),
            _ if !self.ending.levels.is_empty() => Some(Tail::Line),
            _ if binary => Some(Tail::Binary),
            _ => None,
        };
        if let Some(tail) = tail {
            if piece {
                self.mask_seam(text, from, end, tail, out);
            }
            self.keep(stream, tail, resumed.is_some());
        } else if resumed.is_some() || self.streams.find(stream).is_some_and(Open::passed_by) {
            self.streams.close(stream);
        }
    }

    /// Remember the containers that are open at the end of a line.
    pub(super) fn hold(&mut self) {
        self.ending.levels.clear();
        let skip = self.levels.len().saturating_sub(MAX_LEVELS);
        self.ending.levels.extend_from_slice(self.levels.get(skip..).unwrap_or_default());
    }

    #[inline(never)]
    fn keep(&mut self, stream: u64, tail: Tail, resumed: bool) {
        let Self { streams, ending, .. } = self;
        if let Some(slot) = streams.slot(stream) {
            slot.levels.clear();
            slot.levels.extend_from_slice(&ending.levels);
            slot.tail = tail;
            slot.lines = if resumed { slot.lines + 1 } else { 0 };
            if slot.lines >= MAX_LINES {
                streams.close(stream);
            }
        }
    }

    /// Go on with what is open in `stream`. Says where the rest of the line starts, if the line goes on with it.
    #[inline(never)]
    fn resume(&mut self, text: &[u8], start: usize, end: usize, stream: u64, out: &mut Out) -> Option<usize> {
        let open = self.streams.find(stream)?;
        let line = text.get(start..end)?;
        if !open.continues(line) {
            return None;
        }
        let tail = open.tail;
        self.levels.clear();
        self.levels.extend_from_slice(&open.levels);
        // Of what stays before this record there is nothing in it.
        for level in &mut self.levels {
            level.move_to(start);
        }
        if let [level] = self.levels.as_mut_slice()
            && tail == Tail::Line
        {
            level.decide(line);
        }
        let mut pos = start;
        match tail {
            Tail::Line => {}
            Tail::Binary => {
                let stop = super::pair::bare_end(text, start, end);
                self.replace_whole(text, start, stop, PAYLOAD_PEN, out);
                self.ending.binary = stop == end;
                return Some(stop);
            }
            Tail::PieceString { escape } => pos = self.rest_of_string(text, start, end, escape, out),
            Tail::PieceBare => {
                pos = super::pair::bare_end(text, start, end);
                self.replace_whole(text, start, pos, PAYLOAD_PEN, out);
                self.ending.bare = pos >= end;
            }
            Tail::Piece => {
                let word = line.iter().take_while(|b| !is_break(**b)).count();
                self.replace_whole(text, start, start + word, PAYLOAD_PEN, out);
                pos += word;
            }
        }
        if self.levels.is_empty() || pos >= end {
            self.hold();
            return Some(pos);
        }
        if matches!(tail, Tail::PieceString { .. }) && text.get(skip_blank(text, pos, end)) == Some(&b':') {
            // The cut went through a name: what is under it is not known.
            pos = self.walk_unknown(text, skip_blank(text, pos, end) + 1, end, out);
        }
        let walked = self.walk_on(text, pos, end, out);
        self.hold();
        Some(walked.end)
    }

    /// The line is a piece: its last word may be half of something.
    #[inline(never)]
    fn mask_seam(&mut self, text: &[u8], from: usize, end: usize, tail: Tail, out: &mut Out) {
        let line = text.get(from..end).unwrap_or_default();
        let word = line.iter().rev().take(4096).take_while(|b| !is_break(**b)).count();
        // What is a payload anyway needs no mask.
        let hidden = |s: &Segment| s.end >= end && matches!(s.context, Context::Payload(_));
        let hidden = out.segments.iter().any(hidden) || out.children.iter().any(|c| hidden(&c.segment));
        if tail != Tail::PieceBare && word > 0 && !hidden {
            self.replace_whole(text, end - word, end, PAYLOAD_PEN, out);
        }
    }

    /// The rest of a string that began in the piece before: it goes whatever it is. Says where it ends, after its quote.
    #[inline(never)]
    fn rest_of_string(
        &mut self,
        text: &[u8],
        start: usize,
        end: usize,
        escape: bool,
        out: &mut Out,
    ) -> usize {
        let close = dump::close_quote(text, (start + usize::from(escape)).min(end), end, b'"');
        self.replace_whole(text, start, close.unwrap_or(end), PAYLOAD_PEN, out);
        self.ending.string = close.is_none();
        close.map_or(end, |c| c + 1)
    }
}

/// Whether a word cannot go on over this byte.
fn is_break(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b',' | b'{' | b'}' | b'[' | b']' | b'\\')
}

impl Open {
    /// A line of other origin came. Whether that was one too many.
    fn passed_by(&mut self) -> bool {
        self.between += 1;
        self.between > MAX_BETWEEN
    }

    /// Whether `line` looks like more of what is open.
    fn continues(&self, line: &[u8]) -> bool {
        if !matches!(self.tail, Tail::Line | Tail::Binary) {
            return true;
        }
        if is_fresh(line) {
            return false;
        }
        if self.tail == Tail::Binary {
            return self.between == 0;
        }
        let Some(level) = self.levels.last() else { return false };
        if !level.is_json() {
            return self.between == 0;
        }
        let at = skip_blank(line, 0, line.len());
        let rest = &line[at..];
        match rest.first() {
            None => true,
            Some(b'}' | b']') => true,
            Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9') => at > 0,
            _ => at > 0 && [&b"true"[..], b"false", b"null"].iter().any(|l| rest.starts_with(l)),
        }
    }
}

/// Whether a line starts as log lines do.
fn is_fresh(line: &[u8]) -> bool {
    let digits =
        |range: std::ops::Range<usize>| line.get(range).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    (digits(0..4) && digits(5..7) && matches!(line[4], b'-' | b'/'))
        || [
            &b"asynq: "[..],
            b"redis: ",
            b"{\"",
            b"time=",
            b"ts=",
            b"level=",
            b"\x1b[",
            b"panic: ",
            b"goroutine ",
            b"[signal ",
        ]
        .iter()
        .any(|p| line.starts_with(p))
        || is_row(line)
}

/// Whether a line is a row of a table: a word, and at least two blanks before the next.
fn is_row(line: &[u8]) -> bool {
    let word = line.iter().take_while(|b| b.is_ascii_graphic()).count();
    word > 0 && word <= 128 && line.get(word..word + 2) == Some(b"  ")
}
