//! EAN-13: Swiss social insurance numbers.

/// Whether the check digit at the end of 13 `digits` (ASCII; other bytes are passed over) is right.
pub(crate) fn ean13(digits: &[u8]) -> bool {
    let (mut sum, mut count) = (0, 0);
    for b in digits.iter().rev().filter(|b| b.is_ascii_digit()) {
        sum += u32::from(b - b'0') * if count % 2 == 0 { 1 } else { 3 };
        count += 1;
    }
    count == 13 && sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert!(ean13(b"756.9217.0769.85"));
        assert!(ean13(b"7569217076985"));
        assert!(!ean13(b"756.9217.0769.84"));
        assert!(!ean13(b"85"));
    }
}
