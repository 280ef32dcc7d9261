//! ISO 7064 mod 11,10: German tax ids.

/// Whether the last of `digits` (ASCII digits only) is the check digit of the others.
pub(crate) fn mod11_10(digits: &[u8]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, b| {
        let sum = (u32::from(b - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(check - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert!(mod11_10(b"86095742719"));
        assert!(mod11_10(b"47036892816"));
        assert!(!mod11_10(b"86095742718"));
        assert!(!mod11_10(b""));
    }
}
