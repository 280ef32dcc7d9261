//! Phone numbers: international ones, and those of North America in their usual grouping.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups},
    },
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "phone",
    title: "Phone number",
    what: "International numbers with `+`, with or without blanks, dashes, dots and parentheses; North American ones as `(674) 555-0191` and `674-555-0191`. Others are found by their field name only.",
    why: "Reaches a person directly, and receives one-time codes.",
    severity: Severity::Medium,
    pattern: r"\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}\b|\(?\b[2-9][0-9]{2}(?:\) ?|-)[2-9][0-9]{2}-[0-9]{4}\b",
    validator: "8 to 15 digits, 11 for +1; not attached to a letter, digit or further dash; not an offset (`+0000`, `+0x405`) or a monotonic time (`m=+35.26`).",
    on_by_default: true,
    matches: &[
        Example { text: "phone:+49-30-9072093 lang:de", found: &["+49-30-9072093"] },
        Example { text: "to=\"+44 20 7946 0634\"", found: &["+44 20 7946 0634"] },
        Example { text: "{7 +18267201724 x}", found: &["+18267201724"] },
        Example { text: "+1 (415) 555-0132 called", found: &["+1 (415) 555-0132"] },
        Example { text: "+1-800-555-0199", found: &["+1-800-555-0199"] },
        Example { text: "+1.415.555.0132", found: &["+1.415.555.0132"] },
        Example { text: "call (674) 555-0191.", found: &["(674) 555-0191"] },
        Example { text: "674-555-0191", found: &["674-555-0191"] },
        Example { text: "1-800-555-0199,", found: &["1-800-555-0199"] },
        Example { text: "+44 20 7946 0634 2026-11-21", found: &["+44 20 7946 0634"] },
        Example { text: "+49-30-9072093 2026/11/21 00:15:48", found: &["+49-30-9072093"] },
        Example { text: "tel:+49(0)30 901820", found: &["+49(0)30 901820"] },
    ],
    no_matches: &[
        "2026-11-21T00:17:19+0000",
        "2026-11-21T00:17:19+01:00",
        "m=+35.266786070",
        "main.go:42 +0x405",
        "+0000",
        "1795221788+1795221799",
        "123-456-7890",
        "555-0191",
        "374-555-01911",
        "2026-11-21 00:15:48",
        "91536d3f-9ebe-45ef-926d-a7dbb65bd091",
        "order 224-555-0163-7",
        "v+1.2.3",
        "+12345",
        "+1 23",
        "a+4930123456",
        "10.0.0.1",
        "1 2 3 4 5 6 7 8 9 10",
        "+1795221788.1611478",
    ],
};

/// A number with the `+` at `at`.
pub(crate) fn international(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let text = scan.text;
    let first = scan.at(at + 1);
    if !matches!(first, b'1'..=b'9') || is(scan.before(at), ALNUM) || !scan.on(Id::Phone) {
        return at + 1;
    }
    let (mut i, mut end, mut digits, mut dots, mut open) = (at + 1, at + 1, 0, 0, false);
    loop {
        let run = scan.skip(i, DIGIT);
        if digits + (run - i) > 15 || (run == i && text.get(i).is_none()) {
            break;
        }
        // A date, time or address that follows after a blank.
        let other = i > end
            && text[i - 1] == b' '
            && digits >= 8
            && matches!(scan.at(run), b'-' | b'/' | b':' | b'.')
            && is(scan.at(run + 1), DIGIT);
        if other {
            break;
        }
        if run > i {
            digits += run - i;
            end = run;
        }
        i = match scan.at(end) {
            _ if run == i => break,
            b')' if open => {
                open = false;
                end + 1 + usize::from(matches!(scan.at(end + 1), b' ' | b'-'))
            }
            b' ' if scan.at(end + 1) == b'(' => {
                open = true;
                end + 2
            }
            b'(' => {
                open = true;
                end + 1
            }
            b' ' | b'-' if !open => end + 1,
            b'.' if is(scan.at(end + 1), DIGIT) => {
                dots += 1;
                end + 1
            }
            _ => break,
        };
    }
    let expected = if first == b'1' { digits == 11 } else { (8..=15).contains(&digits) };
    let attached = is(scan.at(end), ALNUM)
        || (scan.at(end) == b'-' && is(scan.at(end + 1), ALNUM))
        || scan.at(end) == b'_';
    // One dot is a decimal point.
    if !expected || attached || dots == 1 {
        return scan.skip(at + 1, DIGIT);
    }
    found(scan, Id::Phone, at, end).unwrap_or(end)
}

/// A North American number whose first digit is at `start`.
pub(crate) fn national(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.on(Id::Phone) {
        return None;
    }
    let (from, area, end) = if scan.before(start) == b'(' {
        let area_end = groups(scan, start, b')', &[3])?;
        let rest = area_end + 1 + usize::from(scan.at(area_end + 1) == b' ');
        (start - 1, start, groups(scan, rest, b'-', &[3, 4])?)
    } else if scan.at(start + 1) == b'-' {
        (
            start,
            start + 2,
            (scan.at(start) == b'1').then(|| groups(scan, start, b'-', &[1, 3, 3, 4])).flatten()?,
        )
    } else {
        let separator = scan.at(start + 3);
        (start, start, groups(scan, start, separator, &[3, 3, 4])?)
    };
    let text = scan.text;
    let exchange = end - 8;
    let before = scan.before(from);
    let attached =
        is(before, ALNUM | JOINER) || matches!(before, b'.' | b'+') || is(scan.at(end), ALNUM | JOINER);
    let goes_on = matches!(scan.at(end), b'.' | b':') && is(scan.at(end + 1), DIGIT);
    let numbered = (b'2'..=b'9').contains(&text[area]) && (b'2'..=b'9').contains(&text[exchange]);
    (!attached && !goes_on && numbered).then(|| found(scan, Id::Phone, from, end)).flatten()
}
