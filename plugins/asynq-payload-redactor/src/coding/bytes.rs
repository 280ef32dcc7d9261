//! Lists of byte numbers: `[123 34 117]` (`%v` of a `[]byte`), `[123,34,117]` (JSON), `{0x7b, 0x22}` (`%#v`).

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    comma: bool,
    blank: bool,
    hex: bool,
}

/// A list that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// Where its last number ends.
    pub end: usize,
    /// How many numbers.
    pub count: usize,
    /// How they are written.
    pub style: Style,
    /// All of them are 0.
    pub zero: bool,
}

/// The list of numbers below 256 that starts at `start`, after its bracket. It ends at `]`, `}`, or where the
/// text is cut (its end, or `...`).
pub fn list(text: &[u8], start: usize) -> Option<List> {
    let mut pos = start;
    let mut count = 0;
    let mut style: Option<Style> = None;
    let mut zero = true;
    let hex = text.get(start..start + 2) == Some(b"0x");
    loop {
        let number_start = pos;
        if hex {
            if text.get(pos..pos + 2) != Some(b"0x") {
                return (count > 1 && cut(text, pos)).then_some(()).map(|()| List {
                    end: pos,
                    count,
                    zero,
                    style: style.unwrap_or(Style { comma: true, blank: true, hex }),
                });
            }
            pos += 2;
        }
        let (value, digits) = if hex { hexadecimal(text, pos)? } else { decimal(text, pos)? };
        pos += digits;
        if digits == 0 {
            // `[1 2 ` cut before a number.
            let end = number_start - usize::from(number_start > start);
            return (count > 1 && cut(text, pos)).then(|| List {
                end,
                count,
                zero,
                style: style.unwrap_or(Style { comma: false, blank: true, hex }),
            });
        }
        count += 1;
        zero &= value == 0;
        let end = pos;
        let done = |style: Option<Style>| {
            Some(List { end, count, zero, style: style.unwrap_or(Style { comma: hex, blank: true, hex }) })
        };
        match text.get(pos) {
            None | Some(b']' | b'}') => return done(style),
            Some(b',' | b' ') => {
                let comma = text[pos] == b',';
                let blank = text.get(pos + usize::from(comma)) == Some(&b' ');
                pos += usize::from(comma) + usize::from(blank);
                let this = Style { comma, blank, hex };
                match style {
                    None => {
                        style = Some(this);
                        if !hex {
                            let (numbers, end) = run(text, pos, this, &mut zero);
                            count += numbers;
                            pos = end;
                        }
                    }
                    Some(style) if style == this => {}
                    Some(style) => return cut(text, pos).then_some(List { end, count, zero, style }),
                }
            }
            Some(_) if cut(text, pos) => return done(style),
            Some(_) => return None,
        }
    }
}

/// The decimal numbers from `pos` on that are followed by what separates them in this style, but for the last of
/// them: how many there are and where the next one starts.
fn run(text: &[u8], mut pos: usize, style: Style, zero: &mut bool) -> (usize, usize) {
    let separator = if style.comma { b',' } else { b' ' };
    let both = style.comma && style.blank;
    let (mut count, mut ones) = (0, 0);
    while let Some((value, digits @ 1..)) = decimal(text, pos)
        && text.get(pos + digits) == Some(&separator)
        && (text.get(pos + digits + 1) == Some(&b' ')) == both
    {
        ones |= value;
        count += 1;
        pos += digits + 1 + usize::from(both);
    }
    *zero &= ones == 0;
    (count, pos)
}

/// The number at `pos`, below 256 and of at most three digits: its value and how many digits it has, none if there
/// is no number. `None` if it is larger or longer.
///
/// Numbers of two and of three digits alternate without a pattern, so that a branch on it would be taken wrong half
/// of the time: all four bytes that matter are looked at in one word.
#[inline(always)]
fn decimal(text: &[u8], pos: usize) -> Option<(u32, usize)> {
    let window = match text.get(pos..pos + 4) {
        Some(&[a, b, c, d]) => [a, b, c, d],
        _ => std::array::from_fn(|i| text.get(pos + i).copied().unwrap_or(b' ')),
    };
    let values = u32::from_le_bytes(window) ^ 0x3030_3030;
    let others = (((values & 0x7F7F_7F7F) + 0x7676_7676) | values) & 0x8080_8080;
    let digits = others.trailing_zeros() / 8;
    if digits == 0 {
        return Some((0, 0));
    }
    // The last digit in the highest byte, nothing below the first one.
    let [_, hundreds, tens, ones] = (values << (32 - 8 * digits)).to_le_bytes().map(u32::from);
    let value = hundreds * 100 + tens * 10 + ones;
    (value < 256 && digits < 4).then_some((value, digits as usize))
}

/// As [`decimal`], for what follows `0x`.
fn hexadecimal(text: &[u8], pos: usize) -> Option<(u32, usize)> {
    let (mut value, mut digits) = (0, 0);
    while let Some(digit) = text.get(pos + digits).and_then(|b| char::from(*b).to_digit(16)) {
        value = value * 16 + digit;
        digits += 1;
        if value > 255 || digits > 3 {
            return None;
        }
    }
    Some((value, digits))
}

/// Whether the text was cut at `pos`: it ends there, or dots say so.
fn cut(text: &[u8], pos: usize) -> bool {
    let rest = text.get(pos..).unwrap_or_default();
    rest.is_empty() || rest.starts_with(b"...") || rest.starts_with("…".as_bytes())
}

/// Append the bytes of the list.
pub fn decode(text: &[u8], out: &mut Vec<u8>) {
    let hex = text.starts_with(b"0x");
    out.reserve(text.len() / 2 + 1);
    let mut pos = 0;
    while pos < text.len() {
        let number = if hex { None } else { decimal(text, pos).filter(|(_, digits)| *digits > 0) };
        if let Some((value, digits)) = number
            && let None | Some(b' ' | b',') = text.get(pos + digits)
        {
            out.push(value as u8);
            pos += digits + 1;
        } else if matches!(text[pos], b' ' | b',') {
            pos += 1;
        } else {
            let end =
                text[pos..].iter().position(|b| matches!(b, b' ' | b',')).map_or(text.len(), |i| pos + i);
            out.extend(odd_number(&text[pos..end], hex));
            pos = end + 1;
        }
    }
}

/// The byte that a number stands for that is not a plain decimal one, if it does.
fn odd_number(number: &[u8], hex: bool) -> Option<u8> {
    let digits = number.strip_prefix(b"0x").unwrap_or(number);
    let (value, length) = if hex { hexadecimal(digits, 0)? } else { decimal(digits, 0)? };
    u8::try_from(value).ok().filter(|_| length > 0 && length == digits.len())
}

/// The decimal numbers below 256: their digits, filled up with blanks, and how many they have.
const DECIMALS: [([u8; 4], u8); 256] = {
    let mut all = [([b' '; 4], 0); 256];
    let mut byte = 0;
    while byte < all.len() {
        let digits = [b'0' + (byte / 100) as u8, b'0' + (byte / 10 % 10) as u8, b'0' + (byte % 10) as u8];
        let leading = if byte >= 100 {
            0
        } else if byte >= 10 {
            1
        } else {
            2
        };
        let mut i = leading;
        while i < digits.len() {
            all[byte].0[i - leading] = digits[i];
            i += 1;
        }
        all[byte].1 = (digits.len() - leading) as u8;
        byte += 1;
    }
    all
};

/// Append the list of the bytes of `content`.
pub fn encode(style: Style, content: &[u8], out: &mut Vec<u8>) {
    out.reserve(content.len() * 5);
    for (i, byte) in content.iter().enumerate() {
        if i > 0 {
            if style.comma {
                out.push(b',');
            }
            if style.blank {
                out.push(b' ');
            }
        }
        if style.hex {
            out.extend_from_slice(b"0x");
            if *byte >= 16 {
                out.push(super::hex::DIGITS[usize::from(byte >> 4)]);
            }
            out.push(super::hex::DIGITS[usize::from(byte & 15)]);
        } else {
            // Four bytes at once and back: a copy of so many as there are would be a call.
            let (digits, count) = &DECIMALS[usize::from(*byte)];
            let end = out.len() + usize::from(*count);
            out.extend_from_slice(digits);
            out.truncate(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_undone_and_written() {
        for (text, bytes) in [
            ("123 34 125", &b"{\"}"[..]),
            ("123,34,125", b"{\"}"),
            ("123, 34, 125", b"{\"}"),
            ("0x7b, 0x22, 0x5", b"{\"\x05"),
            ("7", b"\x07"),
        ] {
            for tail in ["]", "} x", "", "...", "…"] {
                let list = list(format!("[{text}{tail}").as_bytes(), 1).unwrap();
                assert_eq!(list.end, 1 + text.len(), "{text}{tail}");
                let mut plain = Vec::new();
                decode(text.as_bytes(), &mut plain);
                assert_eq!(plain, bytes);
                if list.count > 1 {
                    let mut again = Vec::new();
                    encode(list.style, &plain, &mut again);
                    assert_eq!(again, text.as_bytes());
                }
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        for (style, text) in [
            (
                Style { comma: true, blank: false, hex: false },
                all.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
            ),
            (
                Style { comma: true, blank: true, hex: true },
                all.iter().map(|b| format!("{b:#x}")).collect::<Vec<_>>().join(", "),
            ),
        ] {
            let mut again = Vec::new();
            encode(style, &all, &mut again);
            assert_eq!(again, text.as_bytes());
            let list = list(&again, 0).unwrap();
            assert_eq!((list.count, list.style, list.end), (256, style, again.len()));
            let mut plain = Vec::new();
            decode(&again, &mut plain);
            assert_eq!(plain, all);
        }
        let mut plain = Vec::new();
        decode(b"1 x2 300 2x 0x7 3", &mut plain);
        assert_eq!(plain, [1, 7, 3]);
        for text in ["123 256]", "a]", "1 2 x]", "1000]", "1,2 3]", "-1]", "1.5 2]", "]"] {
            assert_eq!(list(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(list(b"12 34 ", 0).unwrap().end, 5);
    }
}
