//! asynq's own log lines as fields: level, pid, task id, queue, type and error of
//! `asynq: pid=14429 2026/11/21 00:18:21.183558 ERROR: Dequeue error: ...` (asynq's `internal/log`).
//!
//! It reads the text after it was redacted, so that no field says more than the text.

use tamis_sdk::record::escape;

/// The field that is added.
pub const FIELD: &str = "asynq";
/// What each of asynq's lines starts with.
pub const PREFIX: &[u8] = b"asynq: pid=";

/// Append the fields of `line` as a JSON object; `false` if it is no line of asynq.
pub fn lift(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(rest) = line.strip_prefix(PREFIX) else { return false };
    let mut parts = rest.splitn(4, |b| *b == b' ');
    let (Some(pid), Some(date), Some(time), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((level, message)) = split(rest, b": ") else { return false };
    if pid.is_empty() || !pid.iter().all(u8::is_ascii_digit) || !level.iter().all(u8::is_ascii_uppercase) {
        return false;
    }
    let mut object = Object { out, empty: true };
    object.text("level", &level.to_ascii_lowercase());
    object.raw("pid", pid);
    if date.len() == 10 && time.len() >= 8 {
        let mut stamp = date.to_vec();
        stamp.iter_mut().filter(|b| **b == b'/').for_each(|b| *b = b'-');
        stamp.push(b'T');
        stamp.extend_from_slice(time);
        stamp.push(b'Z');
        object.text("time", &stamp);
    }
    // What the message says of its task, before any error text.
    let (head, error) = error(level, message);
    let dump = field(head, b"&{ID:", b' ').is_some();
    if let Some(id) = field(head, b"task id=", b' ').or_else(|| field(head, b"&{ID:", b' ')) {
        let id = id.strip_suffix(b";").unwrap_or(id);
        object.text("task_id", id.strip_suffix(b":").unwrap_or(id));
    }
    let queue = field(head, b"queue=\"", b'"')
        .or_else(|| field(head, b"from queue \"", b'"'))
        .or_else(|| field(head, b"asynq:{", b'}'))
        .or_else(|| field(head, b" Queue:", b' ').filter(|_| dump));
    if let Some(queue) = queue {
        object.text("queue", queue);
    }
    let kind = field(head, b"type=\"", b'"')
        .or_else(|| field(head, b" task=\"", b'"'))
        .or_else(|| field(head, b" Type:", b' ').filter(|_| dump))
        .or_else(|| field(head, b"typename:", b' '));
    if let Some(kind) = kind {
        object.text("type", kind);
    }
    if let Some(error) = error.filter(|e| !e.is_empty()) {
        object.text("error", error);
    }
    object.out.push(b'}');
    true
}

/// Message and error text: what follows the first `: ` of a warning or an error. A dump of a task is no error text.
fn error<'a>(level: &[u8], message: &'a [u8]) -> (&'a [u8], Option<&'a [u8]>) {
    if !matches!(level, b"WARN" | b"ERROR" | b"FATAL") {
        return (message, None);
    }
    // The message of v0.17 to v0.23 has the task's dump before the error.
    let from = memchr::memmem::find(message, b"w:<nil>}").map_or(0, |at| at + 8);
    match memchr::memmem::find(&message[from..], b": ") {
        Some(at) => (&message[..from + at], message.get(from + at + 2..)),
        None => (message, None),
    }
}

fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(text, mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

/// What stands between `mark` and `end` (or the end of the text).
fn field<'a>(text: &'a [u8], mark: &[u8], end: u8) -> Option<&'a [u8]> {
    let (_, rest) = split(text, mark)?;
    let value = &rest[..memchr::memchr(end, rest).unwrap_or(rest.len())];
    (!value.is_empty()).then_some(value)
}

struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    fn raw(&mut self, name: &str, value: &[u8]) {
        self.out.push(if self.empty { b'{' } else { b',' });
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out.extend_from_slice(value);
    }

    fn text(&mut self, name: &str, value: &[u8]) {
        self.raw(name, b"\"");
        escape::encode(value, self.out);
        self.out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_asynq_become_fields() {
        for (line, fields) in [
            (
                "asynq: pid=14429 2026/11/21 00:18:21.183558 ERROR: Dequeue error: UNKNOWN: redis eval error: EOF",
                r#"{"level":"error","pid":14429,"time":"2026-11-21T00:18:21.183558Z","error":"UNKNOWN: redis eval error: EOF"}"#,
            ),
            (
                "asynq: pid=7 2026/11/21 00:18:21.183558 WARN: Retry exhausted for task id=order-7",
                r#"{"level":"warn","pid":7,"time":"2026-11-21T00:18:21.183558Z","task_id":"order-7"}"#,
            ),
            (
                r#"asynq: pid=7 2026/11/21 00:18:21.183558 WARN: Could not remove task id=a1 type="email:welcome" from "asynq:{low}:active" err: dial tcp"#,
                r#"{"level":"warn","pid":7,"time":"2026-11-21T00:18:21.183558Z","task_id":"a1","queue":"low","type":"email:welcome","error":"dial tcp"}"#,
            ),
            (
                "asynq: pid=7 2026/11/21 00:18:02.736755 DEBUG: scheduler enqueued a task: &{ID:44a Queue:default Type:audit:record Payload:[91 82] Headers:map[]}",
                r#"{"level":"debug","pid":7,"time":"2026-11-21T00:18:02.736755Z","task_id":"44a","queue":"default","type":"audit:record"}"#,
            ),
        ] {
            let mut out = Vec::new();
            assert!(lift(line.as_bytes(), &mut out), "{line}");
            assert_eq!(String::from_utf8(out).unwrap(), fields);
        }
        for line in ["asynq: could not parse", "2026/11/21 x", "asynq: pid=x 1 2 INFO: a", ""] {
            assert!(!lift(line.as_bytes(), &mut Vec::new()), "{line}");
        }
    }
}
