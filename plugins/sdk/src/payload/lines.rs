//! Formats in which a line is a record, or half of one.

use super::{Format, Report, sift::Work};
use crate::{
    Action, Encoding,
    record::{
        Kind, Node,
        scan::{self, ScanError},
    },
};

/// A line: its content is `start..end`, the next one starts at `next`. The terminator
/// between them is LF, CR LF, or nothing at the end of the body.
#[derive(Debug, Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

/// The first line at or after `from` that is not blank.
fn next_line(body: &[u8], mut from: usize) -> Option<Line> {
    loop {
        let rest = body.get(from..).filter(|r| !r.is_empty())?;
        let (length, terminator) = memchr::memchr(b'\n', rest).map_or((rest.len(), 0), |i| (i, 1));
        let content = &rest[..length];
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let next = from + length + terminator;
        if !content.trim_ascii().is_empty() {
            return Some(Line { start: from, end: from + content.len(), next });
        }
        from = next;
    }
}

/// Filter text or NDJSON. Cannot fail: any bytes are lines.
///
/// Writes straight to `out` instead of noting spans: in a text body every line may change.
pub(super) fn run(format: Format, work: &mut Work<'_>, tape: &mut Vec<Node>, out: &mut Vec<u8>) -> Report {
    let body = work.body;
    let (mut done, mut pos) = (0, 0);
    while let Some(line) = next_line(body, pos) {
        pos = line.next;
        let content = &body[line.start..line.end];
        let encoding = match format {
            Format::Ndjson => Encoding::Json,
            Format::Lines if is_document(content, tape) => Encoding::Json,
            _ => Encoding::Text,
        };
        let action = work.sift(encoding, line.start, line.end, 0);
        work.report.note(action);
        if action == Action::Keep {
            continue;
        }
        if !work.report.rewritten {
            work.report.rewritten = true;
            out.reserve(body.len());
        }
        out.extend_from_slice(&body[done..line.start]);
        if action == Action::Drop {
            done = line.next;
        } else {
            put_line(work.replacement(), encoding, out);
            done = line.end;
        }
    }
    if work.report.rewritten {
        out.extend_from_slice(&body[done..]);
    }
    work.report
}

/// Put down a record that must stay on its line: a line feed that a filter wrote into JSON
/// is white space, and a blank is as good.
fn put_line(new: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    let from = out.len();
    out.extend_from_slice(new);
    if encoding == Encoding::Json {
        out[from..].iter_mut().filter(|b| matches!(b, b'\n' | b'\r')).for_each(|b| *b = b' ');
    }
}

fn is_document(content: &[u8], tape: &mut Vec<Node>) -> bool {
    matches!(content.trim_ascii_start().first(), Some(b'{' | b'[')) && scan::scan(content, tape).is_ok()
}

/// Filter Elasticsearch `_bulk`. Action lines stay as they are.
pub(super) fn bulk(work: &mut Work<'_>, tape: &mut Vec<Node>) -> Result<(), ScanError> {
    let body = work.body;
    let mut pos = 0;
    while let Some(action_line) = next_line(body, pos) {
        let at = |offset: usize| ScanError { offset: action_line.start + offset };
        let text = &body[action_line.start..action_line.end];
        scan::scan(text, tape).map_err(|e| at(e.offset))?;
        let verb = match (tape.first(), tape.get(1)) {
            (Some(root), Some(first)) if root.kind == Kind::Object => {
                text.get(first.key_start as usize..first.key_end as usize).unwrap_or_default()
            }
            _ => return Err(at(0)),
        };
        pos = action_line.next;
        let update = match verb {
            b"delete" => {
                // It has no source, but it is there: not all has been dropped.
                work.report.note(Action::Keep);
                continue;
            }
            b"index" | b"create" => false,
            b"update" => true,
            _ => return Err(at(0)),
        };
        let Some(source) = next_line(body, pos) else {
            return Err(ScanError { offset: body.len() });
        };
        pos = source.next;
        let mark = work.patch().mark();
        let text = &body[source.start..source.end];
        let action = if update && scan::scan(text, tape).is_ok() {
            self::update(work, tape, source.start)
        } else {
            line_document(work, source)
        };
        work.report.note(action);
        if action == Action::Drop {
            work.patch().undo(mark);
            work.patch().delete(action_line.start, source.next);
        }
    }
    Ok(())
}

fn line_document(work: &mut Work<'_>, line: Line) -> Action {
    let action = work.sift(Encoding::Json, line.start, line.end, 0);
    if matches!(action, Action::Replace | Action::ReplaceJson) {
        let mut new = Vec::with_capacity(work.replacement().len());
        put_line(work.replacement(), Encoding::Json, &mut new);
        work.patch().replace(line.start, line.end, |arena| arena.extend_from_slice(&new));
    }
    action
}

/// The source line of an update: its `doc` and `upsert` are records, other strings, such as
/// the parameters of a script, are filtered as text. One record, whatever it holds.
fn update(work: &mut Work<'_>, tape: &[Node], base: usize) -> Action {
    let mut verdict = Action::Keep;
    let mut at = 1;
    while let Some(node) = tape.get(at) {
        let top_level = node.parent == 0;
        let node = super::json::shifted(node, base);
        at += 1;
        let action = match node.kind {
            Kind::Object if top_level && matches!(key(work.body, &node), b"doc" | b"upsert") => {
                at = (node.next as usize).max(at);
                work.document(node.start as usize, node.end as usize, 0)
            }
            Kind::String => {
                let before = work.patch().mark();
                work.attribute(&node, 0);
                if work.patch().mark() == before { Action::Keep } else { Action::Replace }
            }
            _ => continue,
        };
        match action {
            Action::Keep => {}
            Action::Drop => return Action::Drop,
            changed => verdict = changed,
        }
    }
    verdict
}

fn key<'a>(body: &'a [u8], node: &Node) -> &'a [u8] {
    body.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
}
