//! Hex: `7b22` (`%x`) and `7b 22` (`% x`).

/// Lower-case hex digits.
pub const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How the pairs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    blank: bool,
    upper: bool,
}

/// The end of the run of hex pairs that starts at `start`, and its style. A run is even, has one case of letters,
/// and is not part of a longer word.
pub fn run(text: &[u8], start: usize) -> Option<(usize, Style)> {
    let digit = |at: usize| text.get(at).filter(|b| b.is_ascii_hexdigit()).copied();
    let (mut upper, mut lower) = (false, false);
    let mut pos = start;
    digit(start)?;
    let blank =
        digit(start + 1).is_some() && text.get(start + 2) == Some(&b' ') && digit(start + 3).is_some();
    while let (Some(a), Some(b)) = (digit(pos), digit(pos + 1)) {
        for c in [a, b] {
            upper |= c.is_ascii_uppercase();
            lower |= c.is_ascii_lowercase();
        }
        pos += 2;
        if blank {
            if text.get(pos) == Some(&b' ')
                && digit(pos + 1).is_some()
                && digit(pos + 2).is_some()
                && digit(pos + 3).is_none()
            {
                pos += 1;
            } else {
                break;
            }
        }
    }
    let word = text
        .get(pos)
        .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'='));
    (pos > start && !word && !(upper && lower)).then_some((pos, Style { blank, upper }))
}

/// Append the bytes of the pairs.
pub fn decode(text: &[u8], out: &mut Vec<u8>) {
    let mut high = None;
    for nibble in text.iter().filter_map(|b| (*b as char).to_digit(16)) {
        match high.take() {
            None => high = Some(nibble),
            Some(high) => out.push((high << 4 | nibble) as u8),
        }
    }
}

/// Append the pairs of the bytes of `content`.
pub fn encode(style: Style, content: &[u8], out: &mut Vec<u8>) {
    for (i, byte) in content.iter().enumerate() {
        if style.blank && i > 0 {
            out.push(b' ');
        }
        for nibble in [byte >> 4, byte & 15] {
            let digit = DIGITS[usize::from(nibble)];
            out.push(if style.upper { digit.to_ascii_uppercase() } else { digit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_known_undone_and_written() {
        for (text, bytes) in [("7b22ff", &b"{\"\xff"[..]), ("7b 22 ff", b"{\"\xff"), ("7B22FF", b"{\"\xff")] {
            let (end, style) = run(format!("{text} x").as_bytes(), 0).unwrap();
            assert_eq!(end, text.len());
            let mut plain = Vec::new();
            decode(text.as_bytes(), &mut plain);
            assert_eq!(plain, bytes);
            let mut again = Vec::new();
            encode(style, bytes, &mut again);
            assert_eq!(again, text.as_bytes());
        }
        for text in ["7b2", "7bZZ", "7B2f", "", "7b22-"] {
            assert_eq!(run(text.as_bytes(), 0), None, "{text}");
        }
    }
}
