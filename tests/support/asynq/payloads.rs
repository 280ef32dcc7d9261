//! Made-up payloads, all the forms in which Go programs print them, and the lines of loggers around them.

use std::fmt::Write as _;

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

/// The task id in all lines.
pub const TASK_ID: &str = "94afbc3f-9ffc-48ea-a403-0516878ba1c0";

/// A payload, and what in it must not be seen.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The payload.
    pub json: Value,
    /// What may not survive in any form.
    pub secrets: Vec<String>,
}

/// JSON of any shape. Every string and number in it holds something that occurs nowhere else.
pub fn payload() -> impl Strategy<Value = Payload> {
    let around = select(vec![
        "",
        " ",
        "é",
        "日本",
        "\"",
        "\\",
        "}",
        "]",
        "{",
        "[",
        "=",
        ":",
        ", ",
        "\n",
        "\t",
        "<&>",
        "'",
        "`",
        "%",
        "a b ",
        "\u{1F600}",
    ]);
    let string =
        (around.clone(), "Q[a-z0-9]{11}X", around).prop_map(|(a, core, b)| json!(format!("{a}{core}{b}")));
    let leaf = prop_oneof![
        6 => string,
        2 => (700_000_000_000u64..800_000_000_000).prop_map(|n| json!(n)),
        1 => select(vec![json!(null), json!(true), json!(""), json!({}), json!([])]),
    ];
    let tree = leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array), object(inner),]
    });
    object(tree).prop_map(|json| {
        let mut secrets = Vec::new();
        collect(&json, &mut secrets);
        Payload { json, secrets }
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = select(vec!["note", "name2", "Items", "meta", "x1", "deep_value", "firstThing", "kind"]);
    prop::collection::vec((key, value), 1..5).prop_map(|fields| {
        Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
    })
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(s) => {
            if let Some(at) = s.find('Q').filter(|at| s.len() >= at + 13) {
                secrets.push(s[at..at + 13].to_owned());
            }
        }
        Value::Number(n) => secrets.push(n.to_string()),
        Value::Array(list) => list.iter().for_each(|v| collect(v, secrets)),
        Value::Object(map) => map.values().for_each(|v| collect(v, secrets)),
        _ => {}
    }
}

/// How a payload is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The JSON text.
    Json,
    /// `%v` of its bytes.
    Decimal,
    /// The same with commas, as JSON has it.
    Commas,
    /// `%x`.
    Hex,
    /// `% x`.
    SpacedHex,
    /// `%#v` of its bytes.
    GoBytes,
    /// Standard base64.
    Base64,
    /// The alphabet of URLs, without padding.
    Base64Url,
    /// `%q`.
    Quoted,
    /// Indented over lines.
    Pretty,
    /// Percent-encoded.
    Url,
    /// `%+v` of a struct.
    Struct,
    /// `%v` of a struct.
    Positional,
    /// `%v` of a map.
    GoMap,
    /// `%#v` of a struct.
    GoStruct,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 15] = [
        Self::Json,
        Self::Decimal,
        Self::Commas,
        Self::Hex,
        Self::SpacedHex,
        Self::GoBytes,
        Self::Base64,
        Self::Base64Url,
        Self::Quoted,
        Self::Pretty,
        Self::Url,
        Self::Struct,
        Self::Positional,
        Self::GoMap,
        Self::GoStruct,
    ];

    /// Whether it can be told where the payload ends, whatever is in it.
    pub fn has_end(self) -> bool {
        !matches!(self, Self::Struct | Self::Positional | Self::GoMap)
    }

    /// The text. `nested` times it is a JSON string before that.
    pub fn print(self, payload: &Value, nested: usize) -> String {
        match self {
            Self::Struct => return dump(payload, "{", ":", "}", false),
            Self::Positional => return dump(payload, "{", "", "}", false),
            Self::GoMap => return dump(payload, "map[", ":", "]", false),
            Self::GoStruct => return format!("&main.Task{}", dump(payload, "{", ":", "}", true)),
            _ => {}
        }
        let mut text = payload.to_string();
        if self == Self::Pretty {
            text = serde_json::to_string_pretty(payload).unwrap();
        }
        for _ in 0..nested {
            text = serde_json::to_string(&text).unwrap();
        }
        let bytes = text.as_bytes();
        let list = |sep: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(sep);
        let pairs = |sep: &str, before: &str| {
            bytes.iter().map(|b| format!("{before}{b:02x}")).collect::<Vec<_>>().join(sep)
        };
        match self {
            Self::Decimal => format!("[{}]", list(" ")),
            Self::Commas => format!("[{}]", list(",")),
            Self::Hex => pairs("", ""),
            Self::SpacedHex => pairs(" ", ""),
            Self::GoBytes => format!("[]byte{{{}}}", pairs(", ", "0x")),
            Self::Base64 => base64(bytes, b"+/", true),
            Self::Base64Url => base64(bytes, b"-_", false),
            Self::Quoted => quoted(&text),
            Self::Url => bytes.iter().fold(String::new(), |mut out, b| {
                if b.is_ascii_alphanumeric() {
                    out.push(char::from(*b));
                } else {
                    write!(out, "%{b:02X}").unwrap();
                }
                out
            }),
            _ => text,
        }
    }
}

/// What Go prints of a struct or a map.
fn dump(value: &Value, open: &str, colon: &str, close: &str, sharp: bool) -> String {
    match value {
        Value::Object(map) => {
            let field = |(key, value): (&String, &Value)| {
                let value = dump(value, open, colon, close, sharp);
                let mut name = key.clone();
                name[..1].make_ascii_uppercase();
                if colon.is_empty() { value } else { format!("{name}{colon}{value}") }
            };
            let fields: Vec<String> = map.iter().map(field).collect();
            format!("{open}{}{close}", fields.join(if sharp { ", " } else { " " }))
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|v| dump(v, open, colon, close, sharp)).collect();
            if sharp {
                format!("[]interface {{}}{{{}}}", items.join(", "))
            } else {
                format!("[{}]", items.join(" "))
            }
        }
        Value::String(s) if sharp => quoted(s),
        // A word with a colon is a name: of `{Note: Name:}` no one can tell what is a value.
        Value::String(s) => s.replace(':', ";"),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// As Go's `strconv.Quote`.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0'..' ' | '\x7f' => write!(out, "\\x{:02x}", u32::from(c)).unwrap(),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A payload of about this many bytes, most of them in lists of rows, as reports have them.
pub fn big(len: usize) -> Value {
    let row = |i: usize| json!({"id": i, "email": format!("user{i}@example.org"), "name": "Zo\u{eb} Q. Example", "total": 12.5});
    let row_len = row(100).to_string().len() + 1;
    json!({"report_id": "rep_1", "rows": (0..len.div_ceil(row_len)).map(row).collect::<Vec<_>>()})
}

/// Base64 with these signs for 62 and 63.
pub fn base64(bytes: &[u8], signs: &[u8; 2], padded: bool) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let sextet = (bits >> (18 - 6 * i) & 63) as usize;
            if i <= group.len() {
                out.push(char::from(*LETTERS.get(sextet).unwrap_or_else(|| &signs[sextet - 62])));
            } else if padded {
                out.push('=');
            }
        }
    }
    out
}

/// A line of a logger: what stands before and after the payload, and how the text of the payload is put between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logger {
    /// Go's `log`, `payload=`.
    Std,
    /// Go's `log`, `PAYLOAD: `, last.
    StdProse,
    /// logrus and slog text.
    LogrusText,
    /// `time=.. level=.. payload=".."`.
    SlogText,
    /// zap's console, the fields as JSON at the end.
    ZapConsole,
    /// zerolog's console with colours.
    ZerologConsole,
    /// JSON, the payload as a string.
    JsonString,
    /// JSON, the payload within a group, as a string under another name.
    JsonGroup,
    /// A line of Go's `log` in the field `log`.
    FluentBit,
    /// A line of Go's `log` in the bytes of the field `MESSAGE`.
    Journald,
    /// JSON with the prefix of a container runtime.
    Cri,
    /// JSON with the prefix of a container runtime, cut into pieces: several lines.
    CriPieces,
}

impl Logger {
    /// All loggers.
    pub const ALL: [Self; 12] = [
        Self::Std,
        Self::StdProse,
        Self::LogrusText,
        Self::SlogText,
        Self::ZapConsole,
        Self::ZerologConsole,
        Self::JsonString,
        Self::JsonGroup,
        Self::FluentBit,
        Self::Journald,
        Self::Cri,
        Self::CriPieces,
    ];

    /// Whether its records are JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::JsonString | Self::JsonGroup | Self::FluentBit | Self::Journald)
    }

    /// Its lines.
    pub fn print(self, text: &str) -> Vec<String> {
        let (before, after) = self.around();
        // A payload may be printed over lines, a record may not.
        let text = if self.quotes() { text.to_owned() } else { text.replace('\n', " ") };
        let string = serde_json::to_string(&text).unwrap();
        let line = match self {
            Self::Std | Self::StdProse => format!("{before}{text}{after}"),
            Self::LogrusText | Self::SlogText | Self::ZerologConsole => {
                format!("{before}{}{after}", quoted(&text))
            }
            Self::ZapConsole | Self::JsonString | Self::JsonGroup | Self::Cri | Self::CriPieces => {
                format!("{before}{string}{after}")
            }
            Self::FluentBit => {
                let [before, text, after] = [before, &text, after].map(|t| serde_json::to_string(t).unwrap());
                let inside = |s: &str| s[1..s.len() - 1].to_owned();
                format!("{{\"log\":\"{}{}{}\",\"n\":1}}", inside(&before), inside(&text), inside(&after))
            }
            Self::Journald => {
                let line = format!("{before}{text}{after}");
                let bytes = line.bytes().map(|b| b.to_string()).collect::<Vec<_>>().join(",");
                format!("{{\"MESSAGE\":[{bytes}],\"_PID\":\"14429\"}}")
            }
        };
        if self != Self::CriPieces {
            return vec![line];
        }
        let characters: Vec<char> = line.chars().collect();
        let pieces: Vec<&[char]> = characters.chunks(97).collect();
        let piece = |(i, piece): (usize, &&[char])| {
            let tag = if i + 1 < pieces.len() { "P" } else { "F" };
            format!("2026-11-21T00:23:23.958335703+00:00 stderr {tag} {}", piece.iter().collect::<String>())
        };
        pieces.iter().enumerate().map(piece).collect()
    }

    fn quotes(self) -> bool {
        !matches!(self, Self::Std | Self::StdProse)
    }

    /// What stands around the payload in its line, for those whose lines have it as it is.
    pub fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Std | Self::FluentBit | Self::Journald => (
                "2026/11/21 00:15:48 received task type=email:welcome queue=critical payload=",
                " max_retry=3",
            ),
            Self::StdProse => (
                "2026/11/21 00:18:11 [ASYNQ] TASK: email:welcome, ID: 94afbc3f-9ffc-48ea-a403-0516878ba1c0, RETRY: 0/25, PAYLOAD: ",
                "",
            ),
            Self::LogrusText => (
                "time=\"2026-11-21T00:15:59Z\" level=info msg=\"task enqueued\" payload=",
                " queue=default task_id=94afbc3f-9ffc-48ea-a403-0516878ba1c0",
            ),
            Self::SlogText => (
                "time=2026-11-21T00:16:39.244Z level=INFO msg=\"enqueued task\" task.type=email:welcome task.payload=",
                " task.queue=low",
            ),
            Self::ZapConsole => (
                "2026-11-21T00:16:29.613Z\tINFO\tshopworker/log_zap.go:43\tenqueued task\t{\"task_id\": \"order-7\", \"payload\": ",
                ", \"retry\": 2}",
            ),
            Self::ZerologConsole => (
                "\x1b[90m12:17AM\x1b[0m \x1b[32mINF\x1b[0m \x1b[1mtask\x1b[0m \x1b[36mpayload=\x1b[0m",
                " \x1b[36mqueue=\x1b[0mlow",
            ),
            Self::JsonString => (
                "{\"level\":\"info\",\"type\":\"email:welcome\",\"payload\":",
                ",\"queue\":\"default\",\"max_retry\":3,\"time\":\"2026-11-21T00:16:59Z\",\"message\":\"enqueued task\"}",
            ),
            Self::JsonGroup => (
                "{\"time\":\"2026-11-21T00:16:59Z\",\"level\":\"INFO\",\"msg\":\"x\",\"task\":{\"id\":\"order-7\",\"taskPayload\":",
                ",\"retry_count\":2}}",
            ),
            Self::Cri => (
                "2026-11-21T00:23:23.958335703+00:00 stderr F {\"time\":\"2026-11-21T00:23:23.958299504Z\",\"level\":\"INFO\",\"payload\":",
                ",\"queue\":\"default\"}",
            ),
            Self::CriPieces => (
                "{\"time\":\"2026-11-21T00:23:23.958299504Z\",\"level\":\"INFO\",\"payload\":",
                ",\"queue\":\"default\"}",
            ),
        }
    }
}

/// asynq's own lines about a task with this payload: the scheduler's, and what redis' MONITOR shows.
pub fn own_lines(payload: &Value) -> [String; 3] {
    let text = payload.to_string();
    let decimal = Form::Decimal.print(payload, 0);
    let mut message = vec![b'\n', 13];
    message.extend_from_slice(b"email:welcome\x12");
    let mut len = text.len();
    while len >= 128 {
        message.push(len as u8 | 128);
        len >>= 7;
    }
    message.push(len as u8);
    message.extend_from_slice(text.as_bytes());
    message.extend_from_slice(b"\x1a$");
    message.extend_from_slice(TASK_ID.as_bytes());
    let monitor = message.iter().fold(String::new(), |mut out, b| {
        match b {
            b'"' | b'\\' => out.extend(['\\', char::from(*b)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(*b)),
            _ => write!(out, "\\x{b:02x}").unwrap(),
        }
        out
    });
    [
        format!(
            "asynq: pid=14429 2026/11/21 00:18:38.002190 DEBUG: scheduler enqueued a task: &{{ID:{TASK_ID} Queue:default Type:email:welcome Payload:{decimal} Headers:map[] State:pending MaxRetry:25 Retried:0 LastErr: LastFailedAt:0001-01-01 00:00:00 +0000 UTC Timeout:30m0s}}"
        ),
        format!(
            "asynq: pid=14429 2026/11/21 00:18:38.002190 ERROR: scheduler could not enqueue a task &{{typename:email:welcome payload:{decimal} opts:[] w:<nil>}}: task ID conflicts with another task"
        ),
        format!(
            "1795220426.488301 [0 lua] \"HSET\" \"asynq:{{default}}:t:{TASK_ID}\" \"msg\" \"{monitor}\" \"state\" \"pending\""
        ),
    ]
}
