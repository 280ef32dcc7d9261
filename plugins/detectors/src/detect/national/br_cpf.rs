//! Brazilian taxpayer numbers (CPF).

use crate::{
    Definition, Example, Severity,
    detect::{
        Id,
        number::{found, groups, stands_alone},
    },
    scan::Scan,
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "br-cpf",
    title: "Brazilian CPF",
    what: "Eleven digits as 123.456.789-09.",
    why: "Stands for the person in nearly every contract in Brazil.",
    severity: Severity::High,
    pattern: r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b",
    validator: "Both check digits, not eleven times the same digit.",
    on_by_default: true,
    matches: &[Example { text: "cpf=529.982.247-25", found: &["529.982.247-25"] }],
    no_matches: &["529.982.247-26", "111.111.111-11", "529.982.247-255", "1.529.982.247-25"],
};

/// Groups from `start` on.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let body = groups(scan, start, b'.', &[3, 3, 3])?;
    let end = if scan.at(body) == b'-' { groups(scan, body + 1, b'-', &[2])? } else { return None };
    let mut digits = [0u32; 11];
    for (to, b) in digits.iter_mut().zip(scan.text[start..end].iter().filter(|b| b.is_ascii_digit())) {
        *to = u32::from(b - b'0');
    }
    let check = |n: usize| {
        let sum: u32 = digits[..n].iter().zip((2..=11).rev().skip(10 - n)).map(|(d, w)| d * w).sum();
        sum * 10 % 11 % 10 == digits[n]
    };
    let right = check(9) && check(10) && digits.iter().any(|d| *d != digits[0]);
    (right && stands_alone(scan, start, end)).then(|| found(scan, Id::BrCpf, start, end)).flatten()
}
