//! Luhn: payment cards, Canadian social insurance numbers.

/// Whether the check digit at the end of `digits` (ASCII; other bytes are passed over) is right.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    let mut double = false;
    for &b in digits.iter().rev().filter(|b| b.is_ascii_digit()) {
        let d = u32::from(b - b'0');
        sum += match (double, d) {
            (false, _) => d,
            (true, 0..=4) => 2 * d,
            (true, _) => 2 * d - 9,
        };
        double = !double;
    }
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        for good in ["4111111111111111", "5555 5555 5555 4444", "378282246310005", "046-454-286"] {
            assert!(luhn(good.as_bytes()), "{good}");
        }
        for bad in ["4111111111111112", "1411111111111111", "046454287"] {
            assert!(!luhn(bad.as_bytes()), "{bad}");
        }
    }
}
