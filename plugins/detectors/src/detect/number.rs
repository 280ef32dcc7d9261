//! Tokens with digits: the walk stops at a token's first digit, and here is decided which detectors look at it.

use crate::{
    detect::{
        Id,
        aws::secret_access_key,
        iban, ip_address,
        national::{
            br_cpf, ca_sin, ch_ahv, de_steuer_id, es_dni, fr_nir, in_aadhaar, it_codice_fiscale, uk_nino,
            us_ssn,
        },
        passport, payment_card, phone, url,
    },
    scan::Scan,
    text::{ALNUM, DIGIT, HEX, JOINER, LOWER, UPPER, class, escape_length, is},
};

/// The token around `at`, its first digit; where the walk goes on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    if let Some(end) = secret_access_key::expected(scan, at) {
        return end;
    }
    let text = scan.text;
    if let Some(end) =
        time(text, at).filter(|_| !is(scan.before(at), ALNUM | JOINER) && scan.before(at) != b'.')
    {
        return end;
    }
    let mut start = scan.skip_back(at, UPPER | LOWER);
    if scan.before(start) == b'\\' {
        let escape = escape_length(&text[start..]);
        if start + escape > at {
            return scan.open(start + escape);
        }
        if escape > 0 {
            start = scan.open(start + escape);
        }
    }
    let mut end = at;
    let mut classes = if start == at { 0 } else { LOWER };
    while end < text.len() && is(text[end], ALNUM) {
        classes |= class(text[end]);
        end += 1;
    }
    if let Some(end) = uuid(scan, start, end) {
        return end;
    }
    if classes & (UPPER | LOWER) == 0 { digits(scan, start, end) } else { mixed(scan, start, end) }
}

/// The end of the date, time, or both that start at `at`: `2026-11-21T00:17:19.378Z`, `2026/11/21 00:17:19`, `00:17:19`.
/// Every line of a log has one, and nothing a detector knows looks like it.
fn time(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let date = match rest.first_chunk::<10>() {
        Some([a, b, c, d, s, e, f, t, g, h]) if matches!(s, b'-' | b'/') && s == t => {
            [a, b, c, d, e, f, g, h].iter().all(|b| b.is_ascii_digit()).then_some(10)
        }
        _ => None,
    };
    let from = match date {
        Some(end) if matches!(rest.get(end), Some(b' ' | b'T')) => end + 1,
        Some(end) => return (!rest.get(end).is_some_and(|b| is(*b, ALNUM | JOINER))).then_some(at + end),
        None => 0,
    };
    let clock = rest.get(from..)?.first_chunk::<8>().is_some_and(|[a, b, x, c, d, y, e, f]| {
        (*x, *y) == (b':', b':') && [a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit())
    });
    if !clock {
        return date.map(|end| at + end);
    }
    let mut end = from + 8;
    if matches!(rest.get(end), Some(b'.' | b',')) {
        let digits = rest[end + 1..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        end += if digits > 0 { digits + 1 } else { 0 };
    }
    // A longer number, or an address of IPv6.
    (!rest.get(end).is_some_and(|b| b.is_ascii_digit() || *b == b':')).then_some(at + end)
}

/// The end of the uuid whose first group is `start..end`.
fn uuid(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let uuid = text.get(start..start + 36)?;
    let dashes =
        end - start == 8 && uuid[8] == b'-' && uuid[13] == b'-' && uuid[18] == b'-' && uuid[23] == b'-';
    let alone = || !is(scan.before(start), ALNUM | JOINER) && !is(scan.at(start + 36), ALNUM | JOINER);
    // In the path of a link that logs in it is a token.
    (dashes && uuid.iter().all(|&b| b == b'-' || is(b, HEX)) && alone() && scan.before(start) != b'/')
        .then_some(start + 36)
}

fn digits(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let before = scan.before(start);
    let (next, after) = (scan.at(end), scan.at(end + 1));
    if next == b'.' && is(after, DIGIT) {
        return dotted(scan, start, end, before);
    }
    // A piece of a longer number, a version, a decimal, or a name with digits.
    if before == b'.' || before == b'+' {
        return end;
    }
    let first = if before == b'-' || before == b'_' {
        // Only what needs a check digit and has many may follow a dash: `order-4111111111111111`.
        payment_card::compact(scan, start, end)
    } else {
        match end - start {
            13..=19 => payment_card::compact(scan, start, end).or_else(|| fr_nir::compact(scan, start, end)),
            11 => de_steuer_id::at(scan, start, end),
            9 => passport::at(scan, start, end),
            8 => es_dni::dashed(scan, start, end),
            4 if next == b' ' || next == b'-' => payment_card::grouped(scan, start)
                .or_else(|| in_aadhaar::at(scan, start))
                .or_else(|| row_of_fours(scan, start, next)),
            3 => match next {
                b'-' => us_ssn::at(scan, start)
                    .or_else(|| phone::national(scan, start))
                    .or_else(|| ca_sin::at(scan, start)),
                b' ' => ca_sin::at(scan, start),
                b')' if before == b'(' => phone::national(scan, start),
                _ => None,
            },
            2 if next == b' ' => de_steuer_id::at(scan, start, end).or_else(|| uk_nino::grouped(scan, start)),
            1 if next == b'-' => phone::national(scan, start),
            1 if next == b' ' => fr_nir::grouped(scan, start),
            _ => None,
        }
    };
    first.or_else(|| url::path_token(scan, start, end)).unwrap_or(end)
}

/// The end of four or more groups of four digits, which are no number of any kind here.
fn row_of_fours(scan: &Scan<'_, '_>, start: usize, separator: u8) -> Option<usize> {
    let mut end = groups(scan, start, separator, &[4, 4, 4, 4])?;
    while scan.at(end) == separator
        && let Some(next) = groups(scan, end + 1, separator, &[4])
    {
        end = next;
    }
    Some(end)
}

fn dotted(scan: &mut Scan<'_, '_>, start: usize, end: usize, before: u8) -> usize {
    if end - start <= 3
        && !matches!(before, b'.' | b'+')
        && let Some(next) = ip_address::v4(scan, start)
            .or_else(|| ch_ahv::at(scan, start))
            .or_else(|| br_cpf::at(scan, start))
            .or_else(|| phone::national(scan, start))
    {
        return next;
    }
    // Versions, decimals, object identifiers: all of it is one thing.
    let mut at = end;
    while scan.at(at) == b'.' && is(scan.at(at + 1), DIGIT) {
        at = scan.skip(at + 1, DIGIT);
    }
    at
}

fn mixed(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let before = scan.before(start);
    let found = if is(before, JOINER) || before == b'.' {
        None
    } else {
        match end - start {
            4 if scan.at(end) == b' ' => iban::at(scan, start, end),
            7..=8 => passport::at(scan, start, end).or_else(|| es_dni::dashed(scan, start, end)),
            9 => es_dni::compact(scan, start, end)
                .or_else(|| uk_nino::compact(scan, start, end))
                .or_else(|| passport::at(scan, start, end)),
            16 => it_codice_fiscale::at(scan, start, end).or_else(|| iban::at(scan, start, end)),
            15..=34 => iban::at(scan, start, end),
            _ => None,
        }
    };
    found.or_else(|| url::path_token(scan, start, end)).unwrap_or(end)
}

/// Whether a number that starts at `start` and ends at `end` stands alone: no letter, digit, dash or decimal point is
/// attached to it.
pub(crate) fn stands_alone(scan: &Scan<'_, '_>, start: usize, end: usize) -> bool {
    let before = scan.before(start);
    let (next, after) = (scan.at(end), scan.at(end + 1));
    let attached = is(before, ALNUM | JOINER) || matches!(before, b'.' | b'+') || is(next, ALNUM | JOINER);
    let goes_on = matches!(next, b'.' | b',' | b':' | b'/') && is(after, DIGIT);
    !attached && !goes_on
}

/// The end of groups of digits with these lengths, each after `separator`, from `start` on.
pub(crate) fn groups(scan: &Scan<'_, '_>, start: usize, separator: u8, lengths: &[usize]) -> Option<usize> {
    let mut at = start;
    for (i, length) in lengths.iter().enumerate() {
        if i > 0 {
            if scan.at(at) != separator {
                return None;
            }
            at += 1;
        }
        let end = at + length;
        if !scan.text.get(at..end)?.iter().all(|&b| is(b, DIGIT)) || is(scan.at(end), DIGIT) {
            return None;
        }
        at = end;
    }
    Some(at)
}

/// Note a finding that has been checked, if its detector runs.
pub(crate) fn found(scan: &mut Scan<'_, '_>, id: Id, start: usize, end: usize) -> Option<usize> {
    scan.on(id).then(|| scan.push(id, start, end))
}
