//! The time of a JSON record, from the field in which log shippers put it.

use memchr::{memchr, memchr2};

/// Keys that may hold the time; the first of them in the record that can be read counts.
const KEYS: [&[u8]; 4] = [b"date", b"@timestamp", b"timestamp", b"time"];

const NS: u64 = 1_000_000_000;

/// Nanoseconds since 1970 from the top level of a JSON object; 0 if there is no time.
///
/// Numbers are seconds (with a fraction), or milli-, micro- or nanoseconds if they would
/// be beyond the year 5000 otherwise. Strings are RFC 3339.
pub fn of_json(record: &[u8]) -> u64 {
    let mut depth = 0usize;
    let mut at = 0;
    // Only a string after `{` or `,` is a key; values are looked at where their key is.
    let mut key_next = false;
    while let Some(&byte) = record.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                key_next = depth == 1 && byte == b'{';
                if depth == 1 && byte == b'[' {
                    return 0;
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return 0;
                }
            }
            b',' => key_next = depth == 1,
            b'"' => {
                let Some(end) = string_end(record, at) else { return 0 };
                let key = &record[at..end];
                at = end + 1;
                if key_next && depth == 1 && KEYS.contains(&key) {
                    let value = after_colon(&record[at..]);
                    if let Some(time) = value.and_then(time_of_value) {
                        return time;
                    }
                }
                key_next = false;
            }
            _ => {}
        }
    }
    0
}

/// Position of the quote that closes the string whose content starts at `from`.
fn string_end(record: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr2(b'"', b'\\', record.get(at..)?)?;
        if record[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn after_colon(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    Some(rest.trim_ascii_start())
}

fn time_of_value(value: &[u8]) -> Option<u64> {
    if let Some(text) = value.strip_prefix(b"\"") {
        return rfc3339(&text[..memchr(b'"', text)?]);
    }
    let len = value.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'.')).count();
    // An exponent or a sign is no time that a shipper writes.
    if matches!(value.get(len), Some(b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    let text = std::str::from_utf8(&value[..len]).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = whole.parse().ok()?;
    match whole {
        0..100_000_000_000 => whole.checked_mul(NS)?.checked_add(fraction_ns(fraction.as_bytes())?),
        100_000_000_000..100_000_000_000_000 => whole.checked_mul(1_000_000),
        100_000_000_000_000..100_000_000_000_000_000 => whole.checked_mul(1_000),
        _ => Some(whole),
    }
}

/// Up to nine digits after the point, as nanoseconds; what is finer is cut off.
fn fraction_ns(digits: &[u8]) -> Option<u64> {
    let mut ns = 0;
    for i in 0..9 {
        let digit = digits.get(i).copied().unwrap_or(b'0');
        ns = ns * 10 + u64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(ns)
}

/// Nanoseconds since 1970 of an RFC 3339 time; also with a space for the `T`.
pub fn rfc3339(text: &[u8]) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u64> {
        text.get(from..to)?
            .iter()
            .try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
    };
    let is = |at: usize, set: &[u8]| text.get(at).is_some_and(|b| set.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..=2500).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let mut at = 19;
    let mut ns = 0;
    if is(at, b".") {
        let digits = text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        ns = fraction_ns(&text[at + 1..at + 1 + digits])?;
        at += 1 + digits;
    }
    let local = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = match text.get(at)? {
        b'Z' | b'z' if text.len() == at + 1 => local,
        sign @ (b'+' | b'-') if text.len() == at + 6 && is(at + 3, b":") => {
            let offset = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            if *sign == b'+' { local.checked_sub(offset)? } else { local + offset }
        }
        _ => return None,
    };
    seconds.checked_mul(NS)?.checked_add(ns)
}

fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years start in March, so that the leap day is the last; 719468 days lie between
    // 0000-03-01 and 1970-01-01.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_log_shippers() {
        let second = 1_700_000_000 * NS;
        for (record, ns) in [
            (r#"{"date":1700000000.5,"log":"x"}"#, second + 500_000_000),
            (r#"{"log":"\"date\":1","@timestamp":"2023-11-14T22:13:20Z"}"#, second),
            (r#"{"message":"a","timestamp":"2023-11-14T23:13:20.25+01:00"}"#, second + NS / 4),
            (r#"{ "time" : 1700000000123 }"#, second + 123_000_000),
            (r#"{"time":1700000000123456}"#, second + 123_456_000),
            (r#"{"time":1700000000123456789}"#, second + 123_456_789),
            (r#"{"a":{"time":1},"b":["time",{"date":2}],"c":"date","date":3}"#, 3 * NS),
            (r#"{"time":"yesterday","date":4}"#, 4 * NS),
            (r#"{"time":-1}"#, 0),
            (r#"{"time":1e9}"#, 0),
            (r#"{"log":"no time"}"#, 0),
            (r#"{"date":"#, 0),
            (r#"{"date"#, 0),
            (r#"{"date\"#, 0),
            (r#"["date",1]"#, 0),
            ("", 0),
        ] {
            assert_eq!(of_json(record.as_bytes()), ns, "{record}");
        }
    }

    #[test]
    fn calendar() {
        assert_eq!(rfc3339(b"1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(rfc3339(b"2000-02-29T00:00:00Z"), Some(951_782_400 * NS));
        assert_eq!(rfc3339(b"2024-12-31 23:59:59Z"), Some(1_735_689_599 * NS));
        assert_eq!(rfc3339(b"2024-13-01T00:00:00Z"), None);
        assert_eq!(rfc3339(b"1970-01-01T00:00:00+01:00"), None);
        assert_eq!(rfc3339(b"2024-01-01T00:00:00"), None);
        assert_eq!(rfc3339(b"2024-01-01T00:00:00.Zzz"), None);
    }
}
