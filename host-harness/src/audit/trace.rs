//! Where a record says it comes from: the type of its task, and the line of the program.

use memchr::memmem;

/// What stands before the type of a task.
const TYPE_MARKS: [&[u8]; 9] = [
    b"task_type",
    b"taskType",
    b"task.type",
    b"typename:",
    b"Type:",
    b"\"Type",
    b"\"type",
    b"type=",
    b"type ",
];

/// The type of the task that a record is about, as in `email:welcome`.
pub fn task_type(record: &[u8]) -> Option<&str> {
    TYPE_MARKS.iter().find_map(|mark| {
        memmem::find_iter(record, mark).take(4).find_map(|at| {
            let mut rest = record.get(at + mark.len()..)?;
            while let Some((b'"' | b'\\' | b':' | b'=' | b' ', tail)) = rest.split_first() {
                rest = tail;
            }
            let rest = rest.strip_prefix(b"\x1b[0m").unwrap_or(rest);
            let len = rest.iter().take(65).take_while(|b| is_type_byte(**b)).count();
            let name = std::str::from_utf8(&rest[..len]).ok()?;
            let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
            let parts = name.trim_end_matches([':', '.']);
            (letter && len <= 64 && parts.contains(':') && !parts.contains("::")).then_some(parts)
        })
    })
}

fn is_type_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.')
}

/// The line of the program that logged the record: `worker/log.go:37`.
pub fn caller(record: &[u8]) -> Option<String> {
    let at = memmem::find(record, b".go")?;
    let start = record[..at].iter().rposition(|b| !is_path_byte(*b)).map_or(0, |i| i + 1);
    let path = std::str::from_utf8(&record[start..at]).ok()?;
    let rest = &record[at + 3..];
    // slog puts file and line into two fields.
    let rest = rest.strip_prefix(b"\",\"line").map(|r| r.strip_prefix(b"\"").unwrap_or(r)).unwrap_or(rest);
    let digits = rest.strip_prefix(b":")?;
    let len = digits.iter().take(7).take_while(|b| b.is_ascii_digit()).count();
    let line = std::str::from_utf8(&digits[..len]).ok()?;
    (len > 0 && !path.is_empty() && path.len() <= 120).then(|| format!("{path}.go:{line}"))
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_in_all_prints() {
        for (record, expected) in [
            (r#"{"task_type":"email:welcome"}"#, Some("email:welcome")),
            (r#"{"log":"{\"type\":\"sms:send\"}"}"#, Some("sms:send")),
            ("&{ID:x Queue:low Type:image:resize Payload:[1 2]}", Some("image:resize")),
            ("\x1b[36mtype=\x1b[0maudit:record", Some("audit:record")),
            (r#"type="webhook:deliver""#, Some("webhook:deliver")),
            (r#"{"type":"visa"}"#, None),
            ("type=", None),
            ("nothing", None),
        ] {
            assert_eq!(task_type(record.as_bytes()), expected, "{record}");
        }
    }

    #[test]
    fn call_sites() {
        for (record, expected) in [
            (r#"{"caller":"shopworker/log_zap.go:37","msg":""}"#, Some("shopworker/log_zap.go:37")),
            ("2026-11-21T00:16:29.5Z\tINFO\tlog/log.go:162\tx", Some("log/log.go:162")),
            (r#"{"source":{"function":"main.f","file":"/src/main.go","line":12}}"#, Some("/src/main.go:12")),
            ("see main.go for it", None),
            (".go:1", None),
            ("", None),
        ] {
            assert_eq!(caller(record.as_bytes()).as_deref(), expected, "{record}");
        }
    }
}
