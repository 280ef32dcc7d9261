//! Values that no rule tells apart: uuids, hashes in hex, the time that a line begins with.

/// How long a uuid is.
pub(super) const UUID_BYTES: usize = 36;

/// Of each byte its value as a hex digit; `NO_DIGIT` if it is none.
const HEX: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        table[digit as usize] = value;
        table[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    table
};
const NO_DIGIT: u8 = 0x80;

/// Whether a text is a uuid, such as `1fae43d8-f4b9-49fe-9a37-1a55628641e7`.
pub fn uuid(text: &[u8]) -> bool {
    let Ok(text) = <&[u8; UUID_BYTES]>::try_from(text) else { return false };
    let dashes = [8, 13, 18, 23];
    dashes.iter().all(|i| text[*i] == b'-')
        && [0..8, 9..13, 14..18, 19..23, 24..36]
            .into_iter()
            .all(|group| text[group].iter().fold(0, |all, b| all | HEX[usize::from(*b)]) & NO_DIGIT == 0)
}

/// Whether a text is a hash in hex, or a trace id: as long as such are, and bytes that no text holds in any encoding
/// of Unicode that is made of bytes, so that it is no text in hex either.
pub fn hash_in_hex(text: &[u8]) -> bool {
    if !matches!(text.len(), 32 | 40 | 64) {
        return false;
    }
    let (mut digits, mut odd) = (0, false);
    let (pairs, _) = text.as_chunks::<2>();
    for pair in pairs {
        let [high, low] = pair.map(|b| HEX[usize::from(b)]);
        digits |= high | low;
        odd |= NEVER_TEXT[usize::from((high << 4) | (low & 15))];
    }
    odd && digits & NO_DIGIT == 0
}

/// Control bytes that do not shape a text, and bytes that UTF-8 does not have.
const NEVER_TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(byte, 0..=8 | 0x0E..=0x1A | 0xC0 | 0xC1 | 0xF5..=0xFF);
        byte += 1;
    }
    table
};

/// Where in a text the time is that it starts with, behind `asynq: pid=6737 `, `time=` or nothing. Empty if there is none.
///
/// `2026-11-21T00:15:48.744851Z`, `2026/11/21 00:15:48` and what is between: date and time of day to the second, then
/// a fraction of up to nine digits and a zone, if wanted.
pub fn time(text: &[u8]) -> (usize, usize) {
    const PREFIX: &[u8] = b"asynq: pid=";
    const NAME: &[u8] = b"time=";
    let start = if text.first() == Some(&b'a') && text.starts_with(PREFIX) {
        let digits = text[PREFIX.len()..].iter().take(11).take_while(|b| b.is_ascii_digit()).count();
        match text.get(PREFIX.len() + digits) {
            Some(b' ') if digits > 0 => PREFIX.len() + digits + 1,
            _ => return (0, 0),
        }
    } else if text.starts_with(NAME) {
        NAME.len()
    } else {
        0
    };
    match length_of_time(&text[start..]) {
        0 => (0, 0),
        length => (start, start + length),
    }
}

fn length_of_time(text: &[u8]) -> usize {
    let word =
        |at: usize| text.get(at..).and_then(|rest| rest.first_chunk::<8>()).map(|w| u64::from_le_bytes(*w));
    let (Some(date), Some(day), Some(clock)) = (word(0), word(8), word(11)) else { return 0 };
    let separator = text[10];
    let dashes = text[4] == text[7] && matches!(text[4], b'-' | b'/') && matches!(separator, b'T' | b' ');
    if !dashes
        || !digits(date, 0x00FF_FF00_FFFF_FFFF)
        || !digits(day, 0x0000_0000_0000_FFFF)
        || !digits(clock, 0xFFFF_00FF_FF00_FFFF)
        || text[13] != b':'
        || text[16] != b':'
    {
        return 0;
    }
    let mut length = 19;
    let count =
        |from: usize, most: usize| text[from..].iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    if matches!(text.get(length), Some(b'.' | b',')) {
        let fraction = count(length + 1, 10);
        if !(1..=9).contains(&fraction) {
            return 0;
        }
        length += 1 + fraction;
    }
    match text.get(length) {
        Some(b'Z') => length += 1,
        Some(b'+' | b'-') if count(length + 1, 2) == 2 => {
            let colon = usize::from(text.get(length + 3) == Some(&b':'));
            if count(length + 3 + colon, 2) == 2 {
                length += 5 + colon;
            }
        }
        _ => {}
    }
    // What goes on is something else.
    match text.get(length) {
        None | Some(b' ') => length,
        Some(_) => 0,
    }
}

/// Whether the bytes of `word` that `mask` selects are digits.
fn digits(word: u64, mask: u64) -> bool {
    let values = (word ^ 0x3030_3030_3030_3030) & mask;
    (values | ((values & 0x7F7F_7F7F_7F7F_7F7F) + 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 & mask == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_one() {
        for text in [
            "2026-11-21T00:15:48Z",
            "2026-11-21 00:15:48",
            "2026/11/21 00:15:48.744851",
            "2026-11-21T00:15:48.378735899+01:00",
            "2026-11-21T00:15:48,123-0500",
        ] {
            assert_eq!(time(text.as_bytes()), (0, text.len()), "{text}");
            let line = format!("{text} INFO");
            assert_eq!(time(line.as_bytes()), (0, text.len()), "{line}");
        }
        for text in [
            "",
            "2026",
            "2026-11-21",
            "2026-11-21T00:15:4",
            "2026-11-21T00:15:48x",
            "2026-11-21T00:15:48.1234567890",
            "2026-11-21T00:15:48+49 30 1234567",
            "2026-11/21T00:15:48Z",
            "2o26-11-21T00:15:48Z",
            "2026-11-21_00:15:48Z",
            "2026-11-21T0a:15:48Z",
            "2026-11-21T00:15:48.Z",
            "asynq: pid= 2026/11/21 00:15:48",
        ] {
            let (from, to) = time(text.as_bytes());
            assert!(from == to || text.as_bytes().get(to) == Some(&b' '), "{text}");
        }
        assert_eq!(time(b"2026-11-21T00:15:48+49 30 1234567"), (0, 0));
    }
}
