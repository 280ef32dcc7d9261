//! What must survive in a log: ids, types, queues, counts, times, levels, callers, stack frames, redis keys.
//!
//! Found by labels: a short text before the value, and the shape that the value has. That keeps out what has the
//! same shape in a payload.

use std::collections::BTreeMap;

use super::views::unescape;

/// Kind and text, and how often it stands in a line, or in the line that stands in it as a string.
pub type Metadata = BTreeMap<(&'static str, String), usize>;

#[derive(Clone, Copy)]
enum Shape {
    /// A uuid, or an id that an application chose, such as `order-7`.
    Id,
    /// `email:welcome`.
    Type,
    /// One of the queues.
    Queue,
    /// Digits, with signs of a fraction, a ratio or a unit.
    Number,
    /// One lower-case or upper-case word.
    Word,
    /// `asynq:{default}:t:<id>`.
    Key,
    /// 40 hex digits.
    Sha1,
    /// A time in any of its spellings.
    Time,
    /// `worker/handler.go:88`.
    Caller,
}

const LABELS: &[(&str, &str, Shape)] = &[
    ("task id", "task id=", Shape::Id),
    ("task id", "task_id=", Shape::Id),
    ("task id", "task.id=", Shape::Id),
    ("task id", "task: id=", Shape::Id),
    ("task id", "\"task_id\":\"", Shape::Id),
    ("task id", "\"task_id\": \"", Shape::Id),
    ("task id", "{ID:", Shape::Id),
    ("task id", "\"ID\":\"", Shape::Id),
    ("task id", " ID: ", Shape::Id),
    ("task id", "\"id\":\"", Shape::Id),
    ("entry id", "entryID=", Shape::Id),
    ("type", " type=", Shape::Type),
    ("type", " type=\"", Shape::Type),
    ("type", "task_type=", Shape::Type),
    ("type", "task.type=", Shape::Type),
    ("type", "task=\"", Shape::Type),
    ("type", " Type:", Shape::Type),
    ("type", "TASK: ", Shape::Type),
    ("type", "&{", Shape::Type),
    ("type", "&{typename:", Shape::Type),
    ("type", "Processing task:  ", Shape::Type),
    ("type", "Finished processing ", Shape::Type),
    ("type", "\"type\":\"", Shape::Type),
    ("type", "\"type\": \"", Shape::Type),
    ("type", "\"task_type\":\"", Shape::Type),
    ("type", "\"Type\":\"", Shape::Type),
    ("queue", " queue=", Shape::Queue),
    ("queue", "task.queue=", Shape::Queue),
    ("queue", " Queue:", Shape::Queue),
    ("queue", "\"queue\":\"", Shape::Queue),
    ("queue", "\"queue\": \"", Shape::Queue),
    ("queue", "\"Queue\":\"", Shape::Queue),
    ("state", " State:", Shape::Word),
    ("count", " MaxRetry:", Shape::Number),
    ("count", " Retried:", Shape::Number),
    ("count", " Timeout:", Shape::Number),
    ("count", "RETRY: ", Shape::Number),
    ("count", " retry=", Shape::Number),
    ("count", "retry_count=", Shape::Number),
    ("count", "max_retry=", Shape::Number),
    ("count", "elapsed=", Shape::Number),
    ("count", "elapsed_ms=", Shape::Number),
    ("count", "task.size=", Shape::Number),
    ("count", "pid=", Shape::Number),
    ("count", "\"retry\":", Shape::Number),
    ("count", "\"retried\":", Shape::Number),
    ("count", "\"retry_count\":", Shape::Number),
    ("count", "\"max_retry\":", Shape::Number),
    ("count", "\"MaxRetry\":", Shape::Number),
    ("count", "\"Retried\":", Shape::Number),
    ("count", "\"duration\":", Shape::Number),
    ("count", "\"payload_size\":", Shape::Number),
    ("count", "\"payload_bytes\":", Shape::Number),
    ("count", "\"elapsed\":", Shape::Number),
    ("time", "time=", Shape::Time),
    ("time", "time=\"", Shape::Time),
    ("time", "\"time\":\"", Shape::Time),
    ("time", "\"ts\":", Shape::Number),
    ("time", "LastFailedAt:", Shape::Time),
    ("time", "NextProcessAt:", Shape::Time),
    ("level", "level=", Shape::Word),
    ("level", "\"level\":\"", Shape::Word),
    ("caller", "\"caller\":\"", Shape::Caller),
    ("redis key", "\"asynq:", Shape::Key),
    ("lua", "\"evalsha\" \"", Shape::Sha1),
    ("lua", "f_", Shape::Sha1),
];

const LEVELS: &[&str] = &["DEBUG: ", "INFO: ", "WARN: ", "ERROR: ", "FATAL: "];

const QUEUES: &[&str] = &["critical", "default", "low", "reports", "cron", "tenants"];

/// The types of the recorded tasks.
pub const TYPES: &[&str] = &[
    "payment:capture",
    "email:welcome",
    "webhook:deliver",
    "email:password_reset",
    "image:resize",
    "integration:sync",
    "metrics:rollup",
    "sms:send",
    "kyc:verify",
    "user:profile_update",
    "audit:record",
    "orphan:noop",
    "newsletter:unsubscribe",
    "cron:cleanup",
    "report:export",
    "email:digest",
    "tenant:sync",
    "tenant:report",
];

/// The metadata of a line, and of the lines that stand in it as JSON strings.
pub fn of(line: &[u8]) -> Metadata {
    let mut found = Metadata::new();
    let mut view = without_colours(line);
    for level in 0..3 {
        let mut seen = Metadata::new();
        labelled(&view, &mut seen);
        if level == 0 {
            starts(&view, &mut seen);
        }
        for (item, n) in seen {
            let most = found.entry(item).or_default();
            *most = n.max(*most);
        }
        if !view.contains(&b'\\') {
            break;
        }
        view = unescape(&view);
    }
    found
}

/// What of the metadata of a line is not in another.
pub fn lost(before: &Metadata, after: &Metadata) -> Vec<(&'static str, String)> {
    let missing = |(key, n): &(&(&'static str, String), &usize)| after.get(*key).is_none_or(|m| m < n);
    before.iter().filter(missing).map(|(key, _)| key.clone()).collect()
}

fn labelled(text: &[u8], found: &mut Metadata) {
    for (kind, label, shape) in LABELS {
        let label = label.as_bytes();
        let mut from = 0;
        while let Some(at) = text[from..].windows(label.len()).position(|w| w == label).map(|i| from + i) {
            from = at + label.len();
            let glued = label[0].is_ascii_alphanumeric()
                && at > 0
                && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
            if let Some(value) = shape.at(text, from).filter(|_| !glued) {
                *found.entry((kind, value)).or_default() += 1;
            }
        }
    }
}

/// What has its place at the start of a line: dates, asynq's own prefix, stack frames.
fn starts(text: &[u8], found: &mut Metadata) {
    let line = String::from_utf8_lossy(text);
    let mut add = |kind, value: &str| *found.entry((kind, value.to_owned())).or_default() += 1;
    let mut rest = &*line;
    if let Some(own) = rest.strip_prefix("asynq: pid=") {
        rest = own.split_once(' ').map_or("", |(_, rest)| rest);
        if let Some(level) = rest.get(27..).and_then(|r| LEVELS.iter().find(|l| r.starts_with(**l))) {
            add("level", level);
        }
    }
    let date =
        rest.find(|c: char| !(c.is_ascii_digit() || "/:. -TZ+".contains(c))).map_or(rest, |end| &rest[..end]);
    if date.len() >= 19 && date.bytes().filter(u8::is_ascii_digit).count() >= 14 {
        add("time", date.trim_end());
    }
    let frame = rest.trim_start();
    let file =
        frame.split_once(".go:").filter(|(path, _)| !path.contains([' ', '"', '{']) && path.contains('/'));
    let in_file = frame.len() < rest.len() && file.is_some() || frame.starts_with("goroutine ");
    let call = rest.starts_with("github.com/") && rest.ends_with(')') || rest.starts_with("created by ");
    if in_file || call {
        add("stack frame", rest);
    }
    // A row of a table of the `asynq` command.
    let mut columns = rest.split("  ").map(str::trim).filter(|c| !c.is_empty());
    if let Some(id) = columns.next().filter(|c| is_id(c)) {
        add("task id", id);
        if let Some(task) = columns.next().filter(|c| TYPES.contains(c)) {
            add("type", task);
        }
    }
}

impl Shape {
    fn at(self, text: &[u8], at: usize) -> Option<String> {
        let rest = &text[at..];
        let run = |fits: &dyn Fn(u8) -> bool| {
            let len = rest.iter().take(128).take_while(|b| fits(**b)).count();
            std::str::from_utf8(&rest[..len]).ok().map(str::to_owned)
        };
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':');
        match self {
            Self::Id => run(&name).filter(|id| is_id(id)),
            Self::Type => run(&name).filter(|t| TYPES.contains(&t.as_str())),
            Self::Queue => run(&name).filter(|q| QUEUES.contains(&q.as_str())),
            Self::Number => run(&|b| b.is_ascii_digit() || matches!(b, b'.' | b'/' | b'-'))
                .filter(|n| n.starts_with(|c: char| c.is_ascii_digit())),
            Self::Word => run(&|b| b.is_ascii_alphabetic()).filter(|w| !w.is_empty()),
            Self::Key => run(&|b| name(b) || matches!(b, b'{' | b'}')).filter(|k| k.starts_with('{')),
            Self::Sha1 => run(&|b| b.is_ascii_hexdigit()).filter(|h| h.len() == 40),
            Self::Time => run(&|b| b.is_ascii_digit() || b"TZ:.+-".contains(&b)).filter(|t| t.len() >= 10),
            Self::Caller => run(&|b| name(b) || matches!(b, b'/' | b'.')).filter(|c| c.contains(".go:")),
        }
    }
}

/// Whether this is how a task id looks.
pub fn is_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let hex = |p: &&str| p.bytes().all(|b| b.is_ascii_hexdigit());
    let uuid = parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(hex);
    uuid || id.strip_prefix("order-").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A line without the colours of a terminal.
fn without_colours(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        if line[at..].starts_with(b"\x1b[") {
            at += 2 + line[at + 2..].iter().take_while(|b| !b.is_ascii_alphabetic()).count() + 1;
        } else {
            out.push(line[at]);
            at += 1;
        }
    }
    out
}
