//! Payment cards: 13 to 19 digits of a known issuer with a right check digit.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
    text::{ALNUM, DIGIT, is},
    valid::luhn::luhn,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "payment-card",
    title: "Payment card number",
    what: "The number of a credit or debit card: 13 to 19 digits, compact or in the groups that are printed on cards.",
    why: "PCI DSS 3.5 wants it unreadable wherever it is stored, and logs are storage. With name and date it is enough to pay.",
    severity: Severity::Critical,
    pattern: r"\b(?:[2-68][0-9]{12,18}|[2-68][0-9]{3}(?:(?: [0-9]{4}){3}(?: [0-9]{3})?|(?:-[0-9]{4}){3}(?:-[0-9]{3})?)|3[47][0-9]{2}(?: [0-9]{6} [0-9]{5}|-[0-9]{6}-[0-9]{5})|3[0689][0-9]{2}(?: [0-9]{6} [0-9]{4}|-[0-9]{6}-[0-9]{4}))\b",
    validator: "Issuer range and length (Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro, Mir, RuPay) and Luhn check digit; not part of a longer number, uuid or decimal.",
    on_by_default: true,
    matches: &[
        Example { text: "charge 4111111111111111 failed", found: &["4111111111111111"] },
        Example { text: "card=5555 5555 5555 4444;", found: &["5555 5555 5555 4444"] },
        Example { text: "{\"number\":\"3530-1113-3330-0000\"}", found: &["3530-1113-3330-0000"] },
        Example {
            text: "amex 3782 822463 10005, 378282246310005",
            found: &["3782 822463 10005", "378282246310005"],
        },
        Example { text: "diners 30569309025904 declined", found: &["30569309025904"] },
        Example { text: "/cards/2223003122003222/charge", found: &["2223003122003222"] },
        Example { text: "card_4000056655665556", found: &["4000056655665556"] },
        Example { text: "6200000000000005.", found: &["6200000000000005"] },
        Example {
            text: "\\x0f378282246310005\\x1a \\u00134111 1111 1111 1111",
            found: &["378282246310005", "4111 1111 1111 1111"],
        },
        Example { text: "\\ufffd6200 0000 0000 0005\\ufffd", found: &["6200 0000 0000 0005"] },
        Example { text: "\x1b[36mpan=\x1b[0m4111111111111111\x1b[0m", found: &["4111111111111111"] },
        Example { text: "卡号4242424242424242。", found: &["4242424242424242"] },
        Example {
            text: "for card 3530-1113-3330-0000 (cvc 054) customer",
            found: &["3530-1113-3330-0000", "054"],
        },
    ],
    no_matches: &[
        "4111111111111112",
        "timestamp 1795221788161147",
        "1795221788161",
        "start_ns=1795221788161147800",
        "x4111111111111111",
        "4111111111111111.5",
        "0.4111111111111111",
        "4111111111111111000000",
        "id 41111111-1111-4111-8111-411111111111",
        "trace 00000000000000004111111111111111ab",
        "[52 49 49 49 49 49 49 49 49 49 49 49 49 49 49 49]",
        "1234 5678 9012 3456",
        "0000000000000000",
        "4111 1111-1111 1111",
    ],
};

/// A run of digits on its own.
pub(crate) fn compact(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let decimal = matches!(scan.at(end), b'.' | b',') && is(scan.at(end + 1), DIGIT) && scan.at(end) == b'.';
    let in_name = is(scan.before(start), ALNUM) || scan.at(end) == b'_';
    let dashed = scan.at(end) == b'-' && is(scan.at(end + 1), ALNUM) && scan.before(start) == b'-';
    if decimal || in_name || dashed || !scan.on(Id::PaymentCard) || !is_card(&scan.text[start..end]) {
        return None;
    }
    found(scan, Id::PaymentCard, start, end)
}

/// Groups as printed on cards; the first has four digits.
pub(crate) fn grouped(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let separator = scan.at(start + 4);
    let end = [&[4, 4, 4, 4, 3][..], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]]
        .iter()
        .find_map(|lengths| groups(scan, start, separator, lengths))?;
    // More groups of the same kind: a longer list of numbers.
    let more = scan.at(end) == separator && is(scan.at(end + 1), DIGIT) && separator == b'-';
    if more || !stands_alone(scan, start, end) {
        return None;
    }
    let mut digits = [0; 19];
    let mut n = 0;
    for &b in scan.text[start..end].iter().filter(|b| is(**b, DIGIT)) {
        digits[n] = b;
        n += 1;
    }
    is_card(&digits[..n]).then(|| found(scan, Id::PaymentCard, start, end)).flatten()
}

/// Whether `digits`, only digits, are the number of a card.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len())
        && digits.iter().all(|&b| is(b, DIGIT))
        && issuer(digits)
        && luhn(digits)
}

/// Whether an issuer gives out numbers that start like this, with this length.
fn issuer(digits: &[u8]) -> bool {
    let prefix = digits[..6].iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
    match (digits.len(), prefix) {
        (13 | 16 | 19, 400_000..=499_999) => true,
        (16, 510_000..=559_999 | 222_100..=272_099 | 220_000..=220_499) => true,
        (15, 340_000..=349_999 | 370_000..=379_999) => true,
        (14..=19, 300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999) => {
            digits.len() == 14 || digits.len() == 16
        }
        (
            16..=19,
            601_100..=601_199 | 622_126..=622_925 | 644_000..=659_999 | 352_800..=358_999 | 620_000..=629_999,
        ) => true,
        (16, 600_000..=619_999 | 810_000..=829_999) => true,
        (13..=19, 500_000..=509_999 | 560_000..=589_999 | 630_000..=639_999 | 670_000..=679_999) => {
            matches!(digits.len(), 13 | 15 | 16 | 18 | 19)
        }
        _ => false,
    }
}
