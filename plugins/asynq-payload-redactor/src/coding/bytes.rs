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
        let mut value = 0u32;
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
        let digits = pos;
        while let Some(digit) = text.get(pos).and_then(|b| (*b as char).to_digit(if hex { 16 } else { 10 })) {
            value = value * if hex { 16 } else { 10 } + digit;
            pos += 1;
            if value > 255 || pos - digits > 3 {
                return None;
            }
        }
        if pos == digits {
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
                    None => style = Some(this),
                    Some(style) if style == this => {}
                    Some(style) => return cut(text, pos).then_some(List { end, count, zero, style }),
                }
            }
            Some(_) if cut(text, pos) => return done(style),
            Some(_) => return None,
        }
    }
}

/// Whether the text was cut at `pos`: it ends there, or dots say so.
fn cut(text: &[u8], pos: usize) -> bool {
    let rest = text.get(pos..).unwrap_or_default();
    rest.is_empty() || rest.starts_with(b"...") || rest.starts_with("…".as_bytes())
}

/// Append the bytes of the list.
pub fn decode(text: &[u8], out: &mut Vec<u8>) {
    let hex = text.starts_with(b"0x");
    for number in text.split(|b| matches!(b, b' ' | b',')).filter(|n| !n.is_empty()) {
        let digits = number.strip_prefix(b"0x").unwrap_or(number);
        let value = digits.iter().try_fold(0u32, |v, b| {
            Some((v * if hex { 16 } else { 10 } + (*b as char).to_digit(16)?).min(999))
        });
        if let Some(byte) = value.and_then(|v| u8::try_from(v).ok()) {
            out.push(byte);
        }
    }
}

/// Append the list of the bytes of `content`.
pub fn encode(style: Style, content: &[u8], out: &mut Vec<u8>) {
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
            if *byte >= 100 {
                out.push(b'0' + byte / 100);
            }
            if *byte >= 10 {
                out.push(b'0' + byte / 10 % 10);
            }
            out.push(b'0' + byte % 10);
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
        for text in ["123 256]", "a]", "1 2 x]", "1000]", "1,2 3]", "-1]", "1.5 2]", "]"] {
            assert_eq!(list(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(list(b"12 34 ", 0).unwrap().end, 5);
    }
}
