//! What it is that stands in a text: the record of a logger, the dump of a task, bytes, a pointer. Guesses from looks;
//! where they would be wrong, a payload is hidden rather than shown.

use super::{
    dump::{close_quote, go_key, skip_blank},
    leaf::{is_binary, is_binary_char},
};
use crate::coding::bytes;

/// The part of a text that is bytes and no text: from the word of the first such byte to the word of the last, if
/// there are at least three.
#[inline(never)]
pub(super) fn binary_run(text: &[u8]) -> Option<(usize, usize)> {
    if !is_binary(text) {
        return None;
    }
    let (mut first, mut last, mut count) = (text.len(), 0, 0);
    let mut pos = 0;
    for chunk in text.utf8_chunks() {
        for (i, c) in chunk.valid().char_indices() {
            if is_binary_char(c) {
                count += 1;
                first = first.min(pos + i);
                last = pos + i + c.len_utf8();
            }
        }
        pos += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            count += chunk.invalid().len();
            first = first.min(pos);
            pos += chunk.invalid().len();
            last = pos;
        }
    }
    let word = |b: &u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'=');
    let start = first - text[..first].iter().rev().take_while(|b| word(b)).count();
    let tail = text[last..].iter().take_while(|b| word(b)).count();
    let end = last + tail - usize::from(tail > 0 && text[last + tail - 1] == b',');
    (count >= 3).then_some((start, end))
}

/// Whether there may be anything to take apart.
pub(super) fn holds_structure(content: &[u8]) -> bool {
    content.iter().any(|b| matches!(b, b'{' | b'[' | b'=' | b'\\' | b'`'))
}

/// How far behind a dump its end is looked for, in bytes.
const MAX_REST: usize = 64 * 1024;
/// Brackets that may be open at a time there.
const MAX_OPEN: usize = 64;

/// How much of what follows a dump without quotes still belongs to it: brackets in its values may have ended it too
/// early. That shows if what follows goes on with a name, or if its own brackets do not match; the last `within` of
/// them close what is around. Then all up to the last bracket belongs to it.
#[inline(never)]
pub(super) fn rest_of_dump(rest: &[u8], within: usize) -> usize {
    let rest = &rest[..rest.len().min(MAX_REST)];
    let (mut open, mut depth) = ([0u8; MAX_OPEN], 0);
    let (mut unmatched, mut crossed) = (0, false);
    // The last brackets that close, newest first: of more than one dump around it is enough to know one.
    let mut closes = [0usize; 2];
    for (i, b) in rest.iter().enumerate() {
        match b {
            b'{' | b'[' => {
                crossed |= depth == MAX_OPEN;
                if let Some(slot) = open.get_mut(depth) {
                    *slot = b + 2;
                    depth += 1;
                }
            }
            b'}' | b']' => {
                closes = [i + 1, closes[0]];
                match depth.checked_sub(1) {
                    None => unmatched += 1,
                    Some(below) => {
                        crossed |= open[below] != *b;
                        depth = below;
                    }
                }
            }
            _ => {}
        }
    }
    let goes_on = rest.first() == Some(&b' ') && go_key(rest, 1, rest.len()).is_some();
    let matched = !crossed && depth == 0 && unmatched <= within;
    if matched && !goes_on { 0 } else { closes[within.min(1)] }
}

/// `email:welcome [123 34 ...] map[] ...}`: what `%v` prints of an `asynq.Task`, or, with id and queue before the type,
/// of an `asynq.TaskInfo`. Says where the list of the payload's bytes starts, and what it is unless it is empty.
#[inline(never)]
pub(super) fn task_dump(text: &[u8], start: usize, end: usize) -> Option<(usize, Option<bytes::List>)> {
    let rest = text.get(start..end)?;
    let mut list = 0;
    let mut words = 0;
    while words < 3 {
        let word = rest.get(list..)?.iter().take(256).position(|b| *b == b' ')?;
        let good = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'{' | b'}' | b'[' | b']' | b'"');
        if word == 0 || !rest[list..list + word].iter().all(good) {
            return None;
        }
        list += word + 1;
        words += 1;
        if rest.get(list) == Some(&b'[') {
            break;
        }
    }
    if rest.get(list) != Some(&b'[') {
        return None;
    }
    list += 1;
    let start = start + list;
    let bytes = bytes::list(text, start);
    let tail = text.get(bytes.map_or(start, |bytes| bytes.end)..end)?.strip_prefix(b"]")?;
    let end = tail.iter().position(|b| *b == b'\n').unwrap_or(tail.len());
    let tail = &tail[..end];
    let known = match words {
        // Options, and the writer of results: nil or a pointer.
        1 => {
            memchr::memmem::find(tail, b" <nil>}").is_some() || memchr::memmem::find(tail, b"] 0x").is_some()
        }
        3 => STATES.iter().any(|s| memchr::memmem::find(tail, s).is_some()),
        _ => false,
    };
    known.then_some((start, bytes))
}

/// The states of a task, as they stand in a dump.
const STATES: [&[u8]; 7] =
    [b" pending ", b" active ", b" scheduled ", b" retry ", b" archived ", b" completed ", b" aggregating "];

/// A Go pointer or number in the arguments of a stack frame.
pub(super) fn is_pointer(atom: &[u8]) -> bool {
    let atom = atom.strip_suffix(b"?").unwrap_or(atom);
    atom == b"..."
        || atom == b"_"
        || atom.strip_prefix(b"0x").is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
        || matches!(atom, b"{..." | b"{...}" | b"{0x0")
}

/// What `%+v` prints of an `asynq.TaskInfo` or `asynq.Task` (before v0.24): its fields, not those of a payload.
#[inline(never)]
pub(super) fn is_task_info(rest: &[u8]) -> bool {
    let head = &rest[..rest.len().min(1024)];
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    head.starts_with(b"typename:")
        || (head.starts_with(b"ID:") && (has(b" Queue:") || has(b" PID:") || has(b" Spec:")))
        // `asynq.QueueInfo`, `asynq.Config`
        || (head.starts_with(b"Queue:") && has(b" MemoryUsage:"))
        || (head.starts_with(b"Concurrency:") || (has(b"Concurrency:") && has(b" Queues:map[")))
}

/// Whether all that a structure holds is small numbers under names, as in `map[critical:12 default:3]`: counts.
#[inline(never)]
pub(super) fn is_counts(rest: &[u8], mut is_telling: impl FnMut(&[u8]) -> bool) -> bool {
    let Some(close) = rest.iter().take(512).position(|b| matches!(b, b'}' | b']')) else { return false };
    let mut any = false;
    for entry in rest[..close].split(|b| matches!(b, b' ' | b',')).filter(|e| !e.is_empty()) {
        let Some(colon) = memchr::memrchr(b':', entry) else { return false };
        let (name, number) = (entry[..colon].trim_ascii(), &entry[colon + 1..]);
        let name = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(name);
        let good = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let small = !number.is_empty()
            && number.len() <= 10
            && number.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        // An id is no count.
        if name.is_empty()
            || !name.iter().all(good)
            || !small
            || is_telling(name)
            || name.to_ascii_lowercase().ends_with(b"id")
        {
            return false;
        }
        any = true;
    }
    any
}

/// `INSERT INTO`, `SELECT`, `UPDATE` or `DELETE FROM` in a text: where the first is.
#[inline(never)]
pub(super) fn sql(text: &[u8]) -> Option<usize> {
    const WORDS: [&[u8]; 8] = [
        b"INSERT INTO ",
        b"SELECT ",
        b"UPDATE ",
        b"DELETE FROM ",
        b"insert into ",
        b"select ",
        b"update ",
        b"delete from ",
    ];
    memchr::memchr(b'\'', text)?;
    let at = WORDS.iter().filter_map(|w| memchr::memmem::find(text, w)).min()?;
    const PARTS: [&[u8]; 6] = [b" VALUES", b" WHERE ", b" SET ", b" values", b" where ", b" set "];
    PARTS.iter().any(|w| memchr::memmem::find(&text[at..], w).is_some()).then_some(at)
}

/// What a JSON object in a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// What a logger wrote: near the start of the line, or the tail of a console line after a tab.
    Record,
    /// What describes a task: `asynq.TaskInfo`.
    TaskInfo,
    /// Anything else.
    Other,
}

/// What the JSON object at `start` is, by the names it has itself, not in what it holds.
#[inline(never)]
pub(super) fn object(text: &[u8], start: usize, line: Option<usize>) -> Object {
    const RECORD: [&[u8]; 26] = [
        b"level",
        b"msg",
        b"message",
        b"severity",
        b"lvl",
        b"logger",
        b"@timestamp",
        b"time",
        b"ts",
        b"caller",
        b"log",
        b"stream",
        b"timestamp",
        b"source",
        b"L",
        b"M",
        b"T",
        b"@level",
        b"@message",
        b"textPayload",
        b"jsonPayload",
        b"streams",
        b"resourceSpans",
        b"resourceLogs",
        b"resourceMetrics",
        b"MESSAGE",
    ];
    const TASK: [&[u8]; 20] = [
        b"ID",
        b"Queue",
        b"MaxRetry",
        b"IsOrphaned",
        b"NextProcessAt",
        b"LastFailedAt",
        b"CompletedAt",
        b"max_retry",
        b"next_process_at",
        b"last_failed_at",
        b"task_id",
        b"taskId",
        b"task_type",
        b"taskType",
        b"queue",
        b"retry_count",
        b"retryCount",
        b"maxRetry",
        b"retried",
        b"worker_id",
    ];
    let wanted = match line {
        Some(line_start) if start == line_start => 1,
        Some(line_start) if start - line_start.min(start) <= 256 => 2,
        _ => usize::MAX,
    };
    if line.is_some() && start > 0 && text[start - 1] == b'\t' {
        return Object::Record;
    }
    let (mut depth, mut pos) = (0usize, start);
    let (mut record, mut task) = (0, 0);
    while let Some(&byte) = text.get(pos) {
        pos += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => break,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let Some(close) = close_quote(text, pos, text.len(), b'"') else { break };
                let colon = skip_blank(text, close + 1, text.len());
                if depth == 1 && text.get(colon) == Some(&b':') {
                    let name = &text[pos..close];
                    record += usize::from(RECORD.contains(&name));
                    task += usize::from(TASK.contains(&name));
                    if record >= wanted {
                        return Object::Record;
                    }
                    if task >= 2 {
                        return Object::TaskInfo;
                    }
                }
                pos = close + 1;
            }
            _ => {}
        }
    }
    Object::Other
}

/// `asynq:{default}:active`, `asynq:servers:{vm:20342:...}`: the names asynq gives its keys in redis.
pub(super) fn is_redis_key(before: &[u8]) -> bool {
    let word = before
        .iter()
        .rev()
        .take(48)
        .take_while(|b| b.is_ascii_lowercase() || matches!(b, b':' | b'_'))
        .count();
    before[before.len() - word..].starts_with(b"asynq:")
}
