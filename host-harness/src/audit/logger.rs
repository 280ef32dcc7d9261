//! Which program or library wrote a line, told from its shape.

use std::borrow::Cow;

use memchr::memmem;
use tamis_sdk::record::{
    escape,
    scan::{self, Kind, Node},
};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $($(#[$each:meta])* $variant:ident = $label:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// All of them; a variant's place is its value.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that reports have for it.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }
    };
}

named! {
    /// What wrote a line.
    Logger:
    /// zap, production config.
    ZapJson = "zap JSON",
    /// zap, development config.
    ZapConsole = "zap console",
    /// zerolog.
    ZerologJson = "zerolog JSON",
    /// zerolog's `ConsoleWriter`.
    ZerologConsole = "zerolog console",
    /// log/slog, `JSONHandler`.
    SlogJson = "slog JSON",
    /// log/slog, `TextHandler`.
    SlogText = "slog text",
    /// logrus, `JSONFormatter`.
    LogrusJson = "logrus JSON",
    /// logrus, `TextFormatter`.
    LogrusText = "logrus text",
    /// asynq's own logger.
    Asynq = "asynq default logger",
    /// The log package of Go.
    GoLog = "Go log",
    /// The Go runtime: panics and stack traces.
    GoTrace = "Go panic or stack trace",
    /// `redis-cli MONITOR`.
    RedisMonitor = "redis MONITOR",
    /// The `asynq` command.
    AsynqCli = "asynq CLI",
    /// Answers of asynqmon.
    Asynqmon = "asynqmon",
    /// JSON of none of these.
    OtherJson = "other JSON",
    /// A line that goes on with the one before.
    Continuation = "continuation",
    /// None of these.
    Unknown = "unknown",
}

named! {
    /// What wrapped a line on its way.
    Wrapper:
    /// A container runtime (CRI).
    Cri = "CRI",
    /// Docker's json-file driver.
    Docker = "docker json-file",
    /// Fluent Bit.
    FluentBit = "Fluent Bit",
    /// systemd's journal.
    Journald = "journald",
}

/// Tells lines apart; some only make sense after those before them.
#[derive(Debug, Default)]
pub struct Loggers {
    tape: Vec<Node>,
    text: Vec<u8>,
    /// Within the output of the `asynq` command.
    cli: bool,
    /// Within a record that goes on over lines.
    open: bool,
}

impl Loggers {
    /// What wrote `line`, and what wrapped it. `tape`: its values if it is JSON.
    pub fn tell(&mut self, line: &[u8], tape: Option<&[Node]>) -> (Logger, Option<Wrapper>) {
        let Some(tape) = tape else {
            if let Some(at) = cri(line) {
                return (self.inner(&line[at..]), Some(Wrapper::Cri));
            }
            return (self.text(line), None);
        };
        let wrapped = [
            (&b"log"[..], &b"stream"[..], Wrapper::Docker),
            (b"log", b"date", Wrapper::FluentBit),
            (b"MESSAGE", b"__REALTIME_TIMESTAMP", Wrapper::Journald),
        ];
        for (message, mark, wrapper) in wrapped {
            if let (Some(node), Some(_)) = (field(line, tape, message), field(line, tape, mark)) {
                let raw = line.get(node.start as usize..node.end as usize).unwrap_or_default();
                let mut text = std::mem::take(&mut self.text);
                let inner = unwrap(raw, node, &mut text);
                let logger = self.inner(inner.strip_suffix(b"\n").unwrap_or(&inner));
                drop(inner);
                self.text = text;
                return (logger, Some(wrapper));
            }
        }
        self.cli = false;
        self.open = false;
        (json(line, tape), None)
    }

    fn inner(&mut self, line: &[u8]) -> Logger {
        if line.first() == Some(&b'{') {
            let mut tape = std::mem::take(&mut self.tape);
            let logger = scan::scan(line, &mut tape).is_ok().then(|| json(line, &tape));
            self.tape = tape;
            // A piece of a record that the runtime cut is told by how it starts.
            return logger.unwrap_or_else(|| json_start(line));
        }
        self.text(line)
    }

    fn text(&mut self, line: &[u8]) -> Logger {
        let logger = fresh(line);
        match logger {
            Some(logger) => {
                self.cli = logger == Logger::AsynqCli;
                self.open = true;
                logger
            }
            None if self.cli => Logger::AsynqCli,
            None if self.open && (super::place::continues(line) || line.trim_ascii().is_empty()) => {
                Logger::Continuation
            }
            None if line.first() == Some(&b'{') => {
                self.open = true;
                match json_start(line) {
                    Logger::OtherJson => Logger::Unknown,
                    logger => logger,
                }
            }
            None => Logger::Unknown,
        }
    }
}

/// The text of a wrapped line.
fn unwrap<'a>(raw: &'a [u8], node: &Node, text: &'a mut Vec<u8>) -> Cow<'a, [u8]> {
    match node.kind {
        Kind::String if node.escaped => {
            text.clear();
            escape::decode(raw, text);
            Cow::Borrowed(text)
        }
        Kind::String => Cow::Borrowed(raw),
        // The journal gives bytes that are not UTF-8 as a list of numbers.
        Kind::Array => {
            text.clear();
            asynq_payload_redactor::coding::bytes::decode(raw.get(1..).unwrap_or_default(), text);
            Cow::Borrowed(text)
        }
        _ => Cow::Borrowed(b""),
    }
}

/// Where the JSON object starts that is the record of a line of text: after the prefix of a container runtime, or
/// after the message of zap.
pub fn object_in_text(line: &[u8], (logger, wrapper): (Logger, Option<Wrapper>)) -> Option<usize> {
    if wrapper == Some(Wrapper::Cri) {
        return cri(line).filter(|at| line.get(*at) == Some(&b'{'));
    }
    let tail = || memmem::find(line, b"\t{\"").map(|at| at + 1);
    (logger == Logger::ZapConsole && wrapper.is_none()).then(tail).flatten()
}

/// Where the text of a line in the format of container runtimes starts.
fn cri(line: &[u8]) -> Option<usize> {
    let blank = line.iter().take(40).position(|b| *b == b' ')?;
    let rest = &line[blank + 1..];
    let stamp = blank >= 20 && line[4] == b'-' && line[10] == b'T';
    let stream = rest.starts_with(b"stdout ") || rest.starts_with(b"stderr ");
    let tag = matches!(rest.get(7..9), Some(b"F " | b"P "));
    (stamp && stream && tag).then_some(blank + 10)
}

fn field<'n>(line: &[u8], tape: &'n [Node], key: &[u8]) -> Option<&'n Node> {
    tape.iter().find(|n| n.parent == 0 && line.get(n.key_start as usize..n.key_end as usize) == Some(key))
}

fn json(line: &[u8], tape: &[Node]) -> Logger {
    let get = |key: &[u8]| field(line, tape, key);
    let raw = |node: &Node| line.get(node.start as usize..node.end as usize).unwrap_or_default();
    let has = |key: &[u8]| get(key).is_some();
    let level = get(b"level").map(raw);
    let lower = level.is_some_and(|l| l.first().is_some_and(u8::is_ascii_lowercase));
    if has(b"msg") && has(b"ts") && level.is_some() {
        return Logger::ZapJson;
    }
    if has(b"msg") && has(b"time") {
        return if lower { Logger::LogrusJson } else { Logger::SlogJson };
    }
    if has(b"message") && (lower || has(b"time")) && !has(b"@timestamp") {
        return Logger::ZerologJson;
    }
    if lower && has(b"time") {
        return Logger::ZerologJson;
    }
    let asynqmon = [
        (&b"queues"[..], None),
        (b"stats", None),
        (b"current", Some(&b"history"[..])),
        (b"tasks", Some(b"stats")),
        (b"servers", None),
        (b"entries", None),
        (b"memory_usage_bytes", None),
        (b"next_process_at", Some(b"error_message")),
        (b"address", Some(b"info")),
    ];
    if asynqmon.iter().any(|(a, b)| has(a) && b.is_none_or(has)) {
        return Logger::Asynqmon;
    }
    Logger::OtherJson
}

/// As [`json`], for a line that is JSON only at its start.
fn json_start(line: &[u8]) -> Logger {
    let start = &line[..line.len().min(400)];
    let has = |part: &[u8]| memmem::find(start, part).is_some();
    if start.starts_with(b"{\"time\":\"") && has(b"\"level\":\"") && has(b"\"msg\":\"") {
        Logger::SlogJson
    } else if has(b"\"ts\":") && has(b"\"msg\":\"") {
        Logger::ZapJson
    } else if start.starts_with(b"{\"level\":\"") {
        Logger::ZerologJson
    } else {
        Logger::OtherJson
    }
}

/// What a line of text says about itself.
fn fresh(line: &[u8]) -> Option<Logger> {
    let digits =
        |from: usize, to: usize| line.get(from..to).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    if line.starts_with(b"asynq: ") {
        return Some(Logger::Asynq);
    }
    if line.starts_with(b"$ asynq") {
        return Some(Logger::AsynqCli);
    }
    if digits(0, 4)
        && line.get(4) == Some(&b'/')
        && digits(5, 7)
        && line.get(7) == Some(&b'/')
        && digits(11, 13)
    {
        return Some(Logger::GoLog);
    }
    if line.starts_with(b"time=") || line.starts_with(b"level=") {
        let start = &line[..line.len().min(120)];
        let at = memmem::find(start, b"level=")? + 6;
        let lower = line.get(at).is_some_and(u8::is_ascii_lowercase);
        return Some(if lower { Logger::LogrusText } else { Logger::SlogText });
    }
    if zap_console(line) {
        return Some(Logger::ZapConsole);
    }
    if zerolog_console(line) {
        return Some(Logger::ZerologConsole);
    }
    if digits(0, 10) && line.get(10) == Some(&b'.') {
        let start = &line[..line.len().min(64)];
        if memmem::find(start, b" [").is_some() && memmem::find(start, b"] \"").is_some() {
            return Some(Logger::RedisMonitor);
        }
    }
    let trace =
        [&b"panic: "[..], b"goroutine ", b"fatal error: ", b"[signal ", b"created by ", b"runtime error: "];
    if trace.iter().any(|t| line.starts_with(t)) || is_frame(line) {
        return Some(Logger::GoTrace);
    }
    None
}

/// `<time>\t<LEVEL>\t`.
fn zap_console(line: &[u8]) -> bool {
    let mut columns = line.splitn(3, |b| *b == b'\t');
    let (Some(time), Some(level)) = (columns.next(), columns.next()) else { return false };
    let level = level.iter().filter(|b| b.is_ascii_alphabetic());
    (10..40).contains(&time.len())
        && time.first().is_some_and(u8::is_ascii_digit)
        && columns.next().is_some()
        && (4..=9).contains(&level.count())
}

/// `12:17AM INF `, also with colours or another time.
fn zerolog_console(line: &[u8]) -> bool {
    const LEVELS: [&[u8]; 8] = [b"TRC", b"DBG", b"INF", b"WRN", b"ERR", b"FTL", b"PNC", b"???"];
    let start = &line[..line.len().min(48)];
    let blank = memchr::memchr(b' ', start);
    let Some(at) = blank.filter(|at| *at >= 3) else { return false };
    let mut rest = &start[at + 1..];
    while rest.first() == Some(&0x1b) {
        let Some(end) = rest.iter().position(|b| *b == b'm') else { return false };
        rest = &rest[end + 1..];
    }
    LEVELS.iter().any(|l| rest.starts_with(l)) && !rest.get(3).is_some_and(u8::is_ascii_alphanumeric)
}

/// A line of a stack trace: a call, or the file it is in.
fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let file = (line.first() == Some(&b'\t') || line.first() == Some(&b' '))
        && memmem::find(text, b".go:").is_some();
    let call = line.first().is_some_and(u8::is_ascii_alphabetic)
        && line.last() == Some(&b')')
        && memchr::memchr(b' ', &line[..memchr::memchr(b'(', line).unwrap_or(0)]).is_none()
        && memchr::memchr(b'.', line).is_some();
    file || call
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first lines of recorded logs: see `tests/corpus/asynq/README.md`.
    const RECORDED: &[(&str, Logger, Option<Wrapper>)] = &[
        (
            r#"{"level":"info","ts":1795220179.2095504,"caller":"log/log.go:162","msg":"Starting processing"}"#,
            Logger::ZapJson,
            None,
        ),
        ("2026-11-21T00:16:29.583Z\tINFO\tlog/log.go:162\tStarting processing", Logger::ZapConsole, None),
        (
            r#"{"level":"info","task_id":"b355","type":"image:resize","elapsed":11.29,"time":"2026-11-21T00:16:59Z","message":"task done"}"#,
            Logger::ZerologJson,
            None,
        ),
        (
            "\u{1b}[90m12:17AM\u{1b}[0m \u{1b}[32mINF\u{1b}[0m \u{1b}[1mStarting processing\u{1b}[0m",
            Logger::ZerologConsole,
            None,
        ),
        (
            r#"{"time":"2026-11-21T00:16:49.158Z","level":"DEBUG","msg":"Start processing","task_id":"order-9"}"#,
            Logger::SlogJson,
            None,
        ),
        (
            "time=2026-11-21T00:16:39.216Z level=INFO msg=\"Starting processing\" component=asynq",
            Logger::SlogText,
            None,
        ),
        (
            r#"{"elapsed":8186039,"level":"info","msg":"task done","time":"2026-11-21T00:16:10Z","type":"email:welcome"}"#,
            Logger::LogrusJson,
            None,
        ),
        ("time=\"2026-11-21T00:15:59Z\" level=info msg=\"Starting processing\"", Logger::LogrusText, None),
        ("2026/11/21 00:15:48 enqueued task: id=1fae43d8 queue=low", Logger::GoLog, None),
        ("asynq: pid=6737 2026/11/21 00:15:48.744851 INFO: Starting processing", Logger::Asynq, None),
        ("1795220426.426621 [0 127.0.0.1:42952] \"hello\" \"3\"", Logger::RedisMonitor, None),
        ("$ asynq stats", Logger::AsynqCli, None),
        (r#"{"queues":[{"queue":"default","memory_usage_bytes":157980,"size":68}]}"#, Logger::Asynqmon, None),
        ("panic: (main.PaymentCapturePayload) 0x1013dbd8000", Logger::GoTrace, None),
        ("goroutine 19 [running]:", Logger::GoTrace, None),
        ("main.crash.func1()", Logger::GoTrace, None),
        ("\texample.com/shopworker/main.go:398 +0x19c", Logger::GoTrace, None),
        (
            r#"2026-11-21T00:23:23.956672206+00:00 stderr F {"time":"2026-11-21T00:23:23.95Z","level":"INFO","msg":"Starting"}"#,
            Logger::SlogJson,
            Some(Wrapper::Cri),
        ),
        (
            r#"2026-11-21T00:23:23.956672206+00:00 stderr P {"time":"2026-11-21T00:23:23.95Z","level":"INFO","msg":"Sta"#,
            Logger::SlogJson,
            Some(Wrapper::Cri),
        ),
        (
            r#"{"date":1795220631.723355,"log":"2026/11/21 00:20:26 Finished processing \"audit:record\""}"#,
            Logger::GoLog,
            Some(Wrapper::FluentBit),
        ),
        (
            r#"{"date":1795220632.7,"log":"{\"level\":\"info\",\"time\":\"2026-11-21T00:16:59Z\",\"message\":\"task done\"}"}"#,
            Logger::ZerologJson,
            Some(Wrapper::FluentBit),
        ),
        (
            r#"{"log":"2026/11/21 00:15:48 x\n","stream":"stdout","time":"2026-11-21T00:00:00Z"}"#,
            Logger::GoLog,
            Some(Wrapper::Docker),
        ),
        (
            r#"{"__REALTIME_TIMESTAMP":"1795220426250893","_PID":"4242","MESSAGE":"asynq: pid=4242 2026/11/21 00:20:26.25 INFO: x"}"#,
            Logger::Asynq,
            Some(Wrapper::Journald),
        ),
        (
            r#"{"__REALTIME_TIMESTAMP":"1","MESSAGE":[50,48,50,54,47,49,49,47,50,49,32,48,48,58,50,48,58,50,54,32,255]}"#,
            Logger::GoLog,
            Some(Wrapper::Journald),
        ),
        (r#"{"a":1}"#, Logger::OtherJson, None),
        ("what is this", Logger::Unknown, None),
        ("", Logger::Unknown, None),
    ];

    fn tell(loggers: &mut Loggers, line: &str) -> (Logger, Option<Wrapper>) {
        let mut tape = Vec::new();
        let json = scan::scan(line.as_bytes(), &mut tape).is_ok();
        loggers.tell(line.as_bytes(), json.then_some(&tape))
    }

    #[test]
    fn recorded_lines_are_told_apart() {
        for (line, logger, wrapper) in RECORDED {
            assert_eq!(tell(&mut Loggers::default(), line), (*logger, *wrapper), "{line}");
        }
    }

    #[test]
    fn lines_go_on() {
        let mut loggers = Loggers::default();
        for (line, logger) in [
            ("2026/11/21 00:15:48 payload={", Logger::GoLog),
            ("  \"user_id\": 7,", Logger::Continuation),
            ("}", Logger::Continuation),
            ("$ asynq queue ls", Logger::AsynqCli),
            ("default", Logger::AsynqCli),
            ("", Logger::AsynqCli),
            ("2026/11/21 00:15:48 x", Logger::GoLog),
            ("default", Logger::Unknown),
        ] {
            assert_eq!(tell(&mut loggers, line).0, logger, "{line}");
        }
    }
}
