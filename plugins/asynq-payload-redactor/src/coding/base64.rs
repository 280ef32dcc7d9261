//! Base64 (RFC 4648), both alphabets, with and without padding.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    url: bool,
    padded: bool,
}

/// The end of the run of base64 characters that starts at `start`, and its style. `None` for a mixture of the alphabets
/// or a length that no base64 has. A run that ends with the text may be cut.
pub fn run(text: &[u8], start: usize) -> Option<(usize, Style)> {
    let (mut url, mut standard) = (false, false);
    let mut pos = start;
    while let Some(b) = text.get(pos) {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => {}
            b'+' | b'/' => standard = true,
            b'-' | b'_' => url = true,
            _ => break,
        }
        pos += 1;
    }
    let chars = pos - start;
    let mut padding = 0;
    while padding < 2 && text.get(pos) == Some(&b'=') {
        pos += 1;
        padding += 1;
    }
    let cut = pos == text.len() && padding == 0;
    let fits = chars % 4 != 1 && (padding == 0 || (chars + padding).is_multiple_of(4));
    let padded = padding > 0 || (chars.is_multiple_of(4) && !url);
    (chars > 0 && !(url && standard) && (fits || cut)).then_some((pos, Style { url, padded }))
}

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Append the bytes that `text` stands for.
pub fn decode(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.iter().filter_map(|b| value(*b)) {
        bits = bits << 6 | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
}

/// Append `content` in base64.
pub fn encode(style: Style, content: &[u8], out: &mut Vec<u8>) {
    let alphabet = if style.url { URL } else { STANDARD };
    for chunk in content.chunks(3) {
        let bits = chunk.iter().fold(0u32, |b, c| b << 8 | u32::from(*c)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(alphabet[(bits >> (18 - 6 * i) & 63) as usize]);
        }
        if style.padded {
            out.extend((chunk.len()..3).map(|_| b'='));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_undone_and_written() {
        for (text, bytes) in [
            ("Zg==", &b"f"[..]),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg", b"foob"),
            ("-_-_", b"\xfb\xff\xbf"),
            ("+/+/", b"\xfb\xff\xbf"),
        ] {
            let (end, style) = run(format!("{text}\" x").as_bytes(), 0).unwrap();
            assert_eq!(end, text.len(), "{text}");
            let mut plain = Vec::new();
            decode(text.as_bytes(), &mut plain);
            assert_eq!(plain, bytes, "{text}");
            let mut again = Vec::new();
            encode(style, bytes, &mut again);
            assert_eq!(again, text.as_bytes());
        }
        assert_eq!(run(b"ab+_ ", 0), None);
        assert_eq!(run(b"abcde ", 0), None);
        assert!(run(b"abcde", 0).is_some());
    }
}
