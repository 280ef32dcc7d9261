//! International bank account numbers.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, LOWER, UPPER, is},
    valid::mod97::mod97,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "iban",
    title: "IBAN",
    what: "An international bank account number, compact or in groups of four, in upper or lower case.",
    why: "Names an account and, in most countries, its bank and owner; enough for direct debits.",
    severity: Severity::High,
    pattern: r"\b[A-Za-z]{2}[0-9]{2}(?:[A-Za-z0-9]{11,30}|(?: [A-Za-z0-9]{4}){2,7}(?: [A-Za-z0-9]{1,3})?)\b",
    validator: "Length of the country (ISO 13616 registry) and ISO 7064 mod 97-10.",
    on_by_default: true,
    matches: &[
        Example { text: "iban DE89370400440532013000.", found: &["DE89370400440532013000"] },
        Example { text: "IBAN: DE89 3704 0044 0532 0130 00 (main)", found: &["DE89 3704 0044 0532 0130 00"] },
        Example { text: "{iban:FR1420041010050500013M02606}", found: &["FR1420041010050500013M02606"] },
        Example { text: "gb82west12345698765432", found: &["gb82west12345698765432"] },
        Example { text: "GB82 WEST 1234 5698 7654 32", found: &["GB82 WEST 1234 5698 7654 32"] },
        Example {
            text: "to NL91ABNA0417164300, CH9300762011623852957",
            found: &["NL91ABNA0417164300", "CH9300762011623852957"],
        },
    ],
    no_matches: &[
        "DE89370400440532013001",
        "XX89370400440532013000",
        "DE8937040044053201300",
        "de89370400440532013000ab",
        "ab12cd34ef56ab12cd34",
        "DE89 3704 0044 0532 0130 01",
        "fc7232374def3e8ff97252397e4b26cf",
    ],
};

/// Country and length, from the ISO 13616 registry.
static LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The token `start..end`, whole or as the first of groups of four.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let &[a, b, c, d, ..] = &text[start..end] else { return None };
    if !is(a, UPPER | LOWER) || !is(b, UPPER | LOWER) || !is(c, DIGIT) || !is(d, DIGIT) || !scan.on(Id::Iban)
    {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let length = LENGTHS.iter().find(|(c, _)| **c == country)?.1;
    let last = if end - start == 4 { grouped_end(scan, start, length)? } else { end };
    if end - start != 4 && end - start != length {
        return None;
    }
    if is(scan.before(start), ALNUM | JOINER) || is(scan.at(last), ALNUM | JOINER) {
        return None;
    }
    let order = text[start + 4..last].iter().chain(&text[start..start + 4]);
    (mod97(order.copied()) == 1).then(|| found(scan, Id::Iban, start, last)).flatten()
}

fn grouped_end(scan: &Scan<'_, '_>, start: usize, length: usize) -> Option<usize> {
    let end = start + length + (length - 1) / 4;
    let groups = scan.text.get(start..end)?;
    groups.iter().enumerate().all(|(i, &b)| if i % 5 == 4 { b == b' ' } else { is(b, ALNUM) }).then_some(end)
}
