//! Canadian social insurance numbers.

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        national::told_by,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
    valid::luhn::luhn,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "ca-sin",
    title: "Canadian social insurance number",
    what: "Nine digits in groups of three, after a word that names them.",
    why: "The key to credit and identity in Canada.",
    severity: Severity::Critical,
    pattern: r"(?i:\b(?:sin|social insurance|assurance sociale|nas)\b)[^0-9]{0,30}([0-9]{3}(?: [0-9]{3} [0-9]{3}|-[0-9]{3}-[0-9]{3}))\b",
    validator: "Luhn check digit, and SIN, NAS or social insurance within 40 bytes before it.",
    on_by_default: true,
    matches: &[
        Example { text: "SIN 046 454 286", found: &["046 454 286"] },
        Example { text: "social insurance number: 130-692-544.", found: &["130-692-544"] },
    ],
    no_matches: &["046 454 286", "SIN 046 454 287", "sin 046 454 2861", "using 046 454 286"],
};

/// Groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.on(Id::CaSin) {
        return None;
    }
    let end = groups(scan, start, scan.at(start + 3), &[3, 3, 3])?;
    let told = || {
        told_by(scan, start, &[b"social insurance", b"assurance sociale"])
            || scan
                .context(start, 8)
                .split(|b| !b.is_ascii_alphanumeric())
                .any(|w| w.eq_ignore_ascii_case(b"sin") || w.eq_ignore_ascii_case(b"nas"))
    };
    (luhn(&scan.text[start..end]) && stands_alone(scan, start, end) && told())
        .then(|| found(scan, Id::CaSin, start, end))
        .flatten()
}
