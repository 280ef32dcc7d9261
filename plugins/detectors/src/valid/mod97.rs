//! ISO 7064 mod 97-10 over letters and digits: IBAN.

/// The remainder of `text` by 97, letters counting as 10 to 35 in either case; other bytes are passed over.
pub(crate) fn mod97(text: impl Iterator<Item = u8>) -> u32 {
    text.fold(0, |sum, b| match b {
        b'0'..=b'9' => (sum * 10 + u32::from(b - b'0')) % 97,
        b'A'..=b'Z' => (sum * 100 + u32::from(b - b'A') + 10) % 97,
        b'a'..=b'z' => (sum * 100 + u32::from(b - b'a') + 10) % 97,
        _ => sum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainder() {
        assert_eq!(mod97(b"370400440532013000DE89".iter().copied()), 1);
        assert_eq!(mod97(b"WEST12345698765432GB82".iter().copied()), 1);
        assert_eq!(mod97(b"97".iter().copied()), 0);
    }
}
