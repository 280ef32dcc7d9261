//! Times as the programs print them, as milliseconds since 1970.

use crate::bytes::number;

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468
}

fn joined(year: u64, month: u64, day: u64, clock: &[u8]) -> Option<i64> {
    let field = |from: usize| two(clock, from);
    let (hour, minute, second) = (field(0)?, field(3)?, field(6)?);
    let fits = (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let seconds = hour * 3600 + minute * 60 + second;
    fits.then(|| (days(year as i64, month as i64, day as i64) * 86_400 + seconds as i64) * 1000)
}

/// The two digits at `at`.
fn two(text: &[u8], at: usize) -> Option<u64> {
    let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u64::from(tens) * 10 + u64::from(ones))
}

/// `2026-03-02T08:01:40.750` or with a space, and how long it is up to the end of the fraction.
pub fn iso(text: &[u8]) -> Option<(i64, usize)> {
    let clock = text.get(11..19)?;
    let separated = matches!(text.get(10), Some(b'T' | b't' | b' '))
        && text.get(4) == Some(&b'-')
        && text.get(7) == Some(&b'-')
        && clock.get(2) == Some(&b':')
        && clock.get(5) == Some(&b':');
    if !separated {
        return None;
    }
    let ms = joined(two(text, 0)? * 100 + two(text, 2)?, two(text, 5)?, two(text, 8)?, clock)?;
    let (mut end, mut fraction) = (19, 0);
    if matches!(text.get(19), Some(b'.' | b',')) {
        let digits = text[20..].iter().take_while(|b| b.is_ascii_digit()).count();
        for i in 0..3 {
            let digit = if i < digits { text[20 + i] - b'0' } else { 0 };
            fraction = fraction * 10 + i64::from(digit);
        }
        end = 20 + digits;
    }
    Some((ms + fraction, end))
}

/// `Z`, `+0100` or `+01:00` at the start, in seconds, and how long it is.
pub fn offset(text: &[u8]) -> Option<(i64, usize)> {
    if matches!(text.first(), Some(b'Z' | b'z')) {
        return Some((0, 1));
    }
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let colon = usize::from(text.get(3) == Some(&b':'));
    let (hours, minutes) = (number(text.get(1..3)?)?, number(text.get(3 + colon..5 + colon)?)?);
    Some((sign * (hours * 3600 + minutes * 60) as i64, 5 + colon))
}

/// A whole time with an optional zone, UTC otherwise.
pub fn zoned(text: &[u8]) -> Option<i64> {
    let (ms, end) = iso(text)?;
    let zone = text.get(end..)?.trim_ascii_start();
    Some(ms - offset(zone).map_or(0, |(seconds, _)| seconds * 1000))
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The number of an English month, from 1.
pub fn month(name: &[u8]) -> Option<u64> {
    MONTHS.iter().position(|m| name == *m).map(|i| i as u64 + 1)
}

/// `02/Mar/2026:08:00:15 +0000`, as access logs have it.
pub fn access(text: &[u8]) -> Option<i64> {
    let ms = joined(
        number(text.get(7..11)?)?,
        month(text.get(3..6)?)?,
        number(text.get(..2)?)?,
        text.get(12..20)?,
    )?;
    Some(ms - offset(text.get(21..)?)?.0 * 1000)
}

/// Append milliseconds since 1970 as `2026-03-02T08:01:40.750Z`.
pub fn write(ms: i64, out: &mut Vec<u8>) {
    let (day, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let mut padded = |n: i64, width: u32| {
        for place in (0..width).rev() {
            out.push(b'0' + (n / 10i64.pow(place) % 10) as u8);
        }
    };
    padded(year, 4);
    for (mark, n) in [
        (b'-', month),
        (b'-', of_year - (153 * shifted + 2) / 5 + 1),
        (b'T', rest / 3_600_000),
        (b':', rest / 60_000 % 60),
        (b':', rest / 1000 % 60),
    ] {
        out.push(mark);
        out.push(b'0' + (n / 10 % 10) as u8);
        out.push(b'0' + (n % 10) as u8);
    }
    out.push(b'.');
    for place in [100, 10, 1] {
        out.push(b'0' + (rest % 1000 / place % 10) as u8);
    }
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_in_and_out() {
        for text in ["2026-03-02T08:01:40.750Z", "2000-02-29T23:59:59.000Z", "1999-12-31T00:00:00.001Z"] {
            let mut out = Vec::new();
            write(zoned(text.as_bytes()).unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        assert_eq!(zoned(b"2026-03-02 09:01:40 +0100"), zoned(b"2026-03-02T08:01:40Z"));
        assert_eq!(access(b"02/Mar/2026:09:01:40 +0100"), zoned(b"2026-03-02T08:01:40Z"));
        assert_eq!(zoned(b"2026-13-02T08:01:40Z"), None);
        assert_eq!(iso(b"2026-03-02"), None);
    }
}
