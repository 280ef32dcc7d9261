//! The hour of a record, from the time that it carries itself.

use memchr::memmem;
use tamis_sdk::timestamp;

use crate::calendar;

const NS_PER_HOUR: u64 = 3_600_000_000_000;
/// Times stand at the start of a line; a date later on is about something else.
const REACH: usize = 96;

/// Hours since 1970; `None` if the record has no time.
pub fn of(record: &[u8], json: bool) -> Option<u64> {
    if json {
        let ns = timestamp::of_json(record);
        if ns > 0 {
            return Some(ns / NS_PER_HOUR);
        }
        // zap writes `ts`; the journal microseconds in a string.
        return after(record, b"\"ts\":").or_else(|| after(record, b"\"__REALTIME_TIMESTAMP\":"));
    }
    let start = &record[..record.len().min(REACH)];
    (0..start.len()).find_map(|at| date(start, at)).or_else(|| epoch(start))
}

fn after(record: &[u8], key: &[u8]) -> Option<u64> {
    let rest = &record[memmem::find(record, key)? + key.len()..];
    let rest = rest.trim_ascii_start();
    let text = rest.strip_prefix(b"\"").unwrap_or(rest);
    date(text, 0).or_else(|| epoch(text))
}

/// `2026-11-21T00:15:48.5+01:00`, `2026/11/21 00:15:48`: the zone is UTC if it is not given.
fn date(text: &[u8], at: usize) -> Option<u64> {
    let text = &text[at..];
    let clear = |i: usize, set: &[u8]| text.get(i).is_some_and(|b| set.contains(b));
    if !text.first()?.is_ascii_digit() || !clear(4, b"-/") || !clear(7, b"-/") || !clear(10, b"T ") {
        return None;
    }
    let mut plain = [0; 40];
    let seconds = text.get(..19)?;
    plain[..19].copy_from_slice(seconds);
    plain[4] = b'-';
    plain[7] = b'-';
    let mut len = 19;
    // A fraction, then a zone: both may be missing.
    let fraction = text[19..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let zone = &text[19 + fraction..];
    let zone_len = match zone.first() {
        Some(b'+' | b'-') => 6,
        _ => 0,
    };
    match zone.get(..zone_len).filter(|z| !z.is_empty()) {
        Some(zone) => {
            plain[len..len + zone_len].copy_from_slice(zone);
            len += zone_len;
        }
        None => {
            plain[len] = b'Z';
            len += 1;
        }
    }
    timestamp::rfc3339(&plain[..len]).map(|ns| ns / NS_PER_HOUR)
}

/// Seconds or microseconds since 1970 at the start of a text.
fn epoch(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number: u64 = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    match digits {
        10 if text.get(10) == Some(&b'.') => Some(number / 3600),
        10 if !text.get(10).is_some_and(u8::is_ascii_alphanumeric) => Some(number / 3600),
        16 => Some(number / 3_600_000_000),
        _ => None,
    }
}

/// An hour as `2026-11-21T00Z`.
pub fn label(hour: u64) -> String {
    format!("{}T{:02}Z", day_label(hour / 24), hour % 24)
}

/// Seconds since 1970 as `2026-11-21T00:15:48Z`.
pub fn second(seconds: u64) -> String {
    let (day, second) = (day_label(seconds / 86_400), seconds % 86_400);
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// A day since 1970 as `2026-11-21`.
pub(crate) fn day_label(days: u64) -> String {
    let (year, month, day) = calendar::date(days);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_all_loggers() {
        let hour = 1_795_219_200 / 3600;
        for (record, json) in [
            ("2026/11/21 00:15:48 enqueued", false),
            ("asynq: pid=6737 2026/11/21 00:15:48.744851 INFO: Starting", false),
            ("time=2026-11-21T00:16:39.216Z level=INFO", false),
            ("time=\"2026-11-21T01:15:59+01:00\" level=info", false),
            ("2026-11-21T00:16:29.583Z\tINFO\tx", false),
            ("1795220426.426621 [0 127.0.0.1:42952] \"hello\"", false),
            (r#"{"time":"2026-11-21T00:23:23.95Z"}"#, true),
            (r#"{"level":"info","ts":1795220426.5}"#, true),
            (r#"{"level":"info","ts":"2026-11-21T00:16:29Z"}"#, true),
            (r#"{"__REALTIME_TIMESTAMP":"1795220426426621"}"#, true),
        ] {
            assert_eq!(of(record.as_bytes(), json), Some(hour), "{record}");
        }
        for (record, json) in [("", false), ("panic: x", false), ("{}", true), ("4111111111111111", false)] {
            let found = of(record.as_bytes(), json);
            assert!(found.is_none() || found != Some(hour), "{record}");
        }
        assert_eq!(label(hour), "2026-11-21T00Z");
        assert_eq!(label(0), "1970-01-01T00Z");
        assert_eq!(second(1_795_220_148), "2026-11-21T00:15:48Z");
        assert_eq!(label((951_782_400 + 86_399) / 3600), "2000-02-29T23Z");
    }
}
