//! Times as they stand in a recording: RFC 3339, in UTC, to the nanosecond.

use std::time::{SystemTime, UNIX_EPOCH};

use tamis_sdk::timestamp;

use crate::calendar;

const NS: u64 = 1_000_000_000;

/// 2500-12-31: later times are none that a log has, and are not read back.
const LAST_NS: u64 = 16_756_675_200 * NS;

/// Nanoseconds since 1970; `None` if it is no time, or one beyond the year 2500.
pub(super) fn parse(text: &str) -> Option<u64> {
    timestamp::rfc3339(text.as_bytes())
}

/// A time as [`parse`] reads it; `None` if it would not.
pub(super) fn format(time_ns: u64) -> Option<String> {
    if time_ns >= LAST_NS {
        return None;
    }
    let (seconds, ns) = (time_ns / NS, time_ns % NS);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = calendar::date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ns:09}Z"))
}

/// Now, by the clock of the machine.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(format(0).unwrap(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format(951_782_400 * NS + 1).unwrap(), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(format(1_735_689_599 * NS).unwrap(), "2024-12-31T23:59:59.000000000Z");
        assert_eq!(format(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn there_and_back(time_ns in 0..LAST_NS) {
            prop_assert_eq!(parse(&format(time_ns).unwrap()), Some(time_ns));
        }
    }
}
