//! German tax ids (Steuer-Identifikationsnummer).

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        national::told_by,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
    valid::iso7064::mod11_10,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "de-steuer-id",
    title: "German tax id",
    what: "Eleven digits, compact or as 2-3-3-3 with blanks, after a word that names them.",
    why: "Given for life; the law allows its use for tax matters only.",
    severity: Severity::High,
    pattern: r"(?i:steuer|tax|idnr|identifikationsnummer|tin\b)[^0-9]{0,30}([1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3})\b",
    validator: "ISO 7064 mod 11,10 check digit, one digit of the first ten twice or three times, and a telling word within 40 bytes before it.",
    on_by_default: true,
    matches: &[
        Example { text: "Steuer-ID 86095742719", found: &["86095742719"] },
        Example { text: "tax_id=47036892816 ok", found: &["47036892816"] },
        Example { text: "IdNr. 86 095 742 719", found: &["86 095 742 719"] },
    ],
    no_matches: &["86095742719", "tax 86095742718", "taken 47036892816 ns", "tax 11111111111"],
};

/// The digits `start..end`, or groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    if !scan.on(Id::DeSteuerId) {
        return None;
    }
    let end = if end - start == 11 { end } else { groups(scan, start, b' ', &[2, 3, 3, 3])? };
    let mut digits = [0; 11];
    for (to, b) in digits.iter_mut().zip(scan.text[start..end].iter().filter(|b| b.is_ascii_digit())) {
        *to = *b;
    }
    if digits[0] == b'0' || !mod11_10(&digits) || !repeats(&digits) || !stands_alone(scan, start, end) {
        return None;
    }
    let told = told_by(scan, start, &[b"steuer", b"tax", b"idnr", b"identifikationsnummer", b"tin "]);
    told.then(|| found(scan, Id::DeSteuerId, start, end)).flatten()
}

/// Of the first ten digits one is there two or three times.
fn repeats(digits: &[u8; 11]) -> bool {
    let most = (b'0'..=b'9').map(|d| digits[..10].iter().filter(|b| **b == d).count()).max();
    matches!(most, Some(2 | 3))
}
