//! Small helpers for taking byte strings apart.

/// The first place of `needle` in `text`.
pub fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}

/// Most texts in [`Needles`].
const NEEDLES: usize = 128;

/// Short texts that are looked for all at once, in one pass.
#[derive(Debug)]
pub struct Needles {
    all: &'static [&'static [u8]],
    /// By byte: one more than the index of a needle that starts with it, 0 if none does.
    first: [u8; 256],
    /// By needle: the next one that starts with the same byte, likewise.
    next: [u8; NEEDLES],
}

impl Needles {
    /// Look for these, none of which is empty; at most 128.
    pub const fn new(all: &'static [&'static [u8]]) -> Self {
        let (mut first, mut next) = ([0; 256], [0; NEEDLES]);
        let mut i = 0;
        while i < all.len() {
            let start = all[i][0] as usize;
            next[i] = first[start];
            first[start] = i as u8 + 1;
            i += 1;
        }
        Self { all, first, next }
    }

    /// Whether one of them is in `text`.
    pub fn within(&self, text: &[u8]) -> bool {
        text.iter().enumerate().any(|(at, &b)| {
            let mut needle = usize::from(self.first[usize::from(b)]);
            while needle > 0 {
                if text.get(at..).is_some_and(|rest| rest.starts_with(self.all[needle - 1])) {
                    return true;
                }
                needle = usize::from(self.next[needle - 1]);
            }
            false
        })
    }
}

/// What stands before and after the first `separator`.
pub fn cut<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(text, separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// As [`cut`], at the last one.
pub fn cut_last<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::rfind(text, separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// The leading bytes for which `test` holds, and the rest.
pub fn take_while(text: &[u8], test: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let len = text.iter().position(|&b| !test(b)).unwrap_or(text.len());
    text.split_at(len)
}

/// A decimal number that is all of `text`.
pub fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

/// The leading decimal number of `text`, and the rest.
pub fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = take_while(text, |b| b.is_ascii_digit());
    Some((number(digits)?, rest))
}

/// What stands up to the next quote, which is not escaped.
pub fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at += 2;
    }
}

/// Put `value` into `out`, at most `max` bytes of it, cut between characters.
pub fn set(out: &mut Vec<u8>, value: &[u8], max: usize) {
    out.clear();
    let mut end = value.len().min(max);
    while end > 0 && end < value.len() && value[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    out.extend_from_slice(&value[..end]);
}

/// Append `n` in decimal.
pub fn write_number(n: u64, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = n;
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out[start..].reverse();
}

/// Percent-decode `text` into `out`; `+` is a space if `form`. What is no escape stays.
pub fn percent_decode(text: &[u8], form: bool, out: &mut Vec<u8>) {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        out.extend_from_slice(text);
        return;
    }
    let hex = |b: Option<&u8>| b.and_then(|&b| (b as char).to_digit(16));
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            (b'+', ..) if form => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        assert_eq!(cut(b"a => b", b" => "), Some((&b"a"[..], &b"b"[..])));
        assert_eq!(quoted(br#"a\"b" c"#), Some((&br#"a\"b"#[..], &b" c"[..])));
        assert_eq!(quoted(br"a\"), None);
        assert_eq!(number(b"0412"), Some(412));
        assert_eq!(number(b"4x"), None);
        static NEEDLES: Needles = Needles::new(&[b"../", b"x"]);
        assert!(NEEDLES.within(b"a../b") && NEEDLES.within(b"abx") && !NEEDLES.within(b"a./..b"));
        let mut out = Vec::new();
        percent_decode(b"a%2Fb+c%zz%4", true, &mut out);
        assert_eq!(out, b"a/b c%zz%4");
        set(&mut out, "añb".as_bytes(), 2);
        assert_eq!(out, b"a");
        out.clear();
        write_number(9070, &mut out);
        assert_eq!(out, b"9070");
    }
}
