//! Small helpers for taking byte strings apart.

/// The first place of `needle`, which is short, in `text`. General searches prepare themselves for the needle, which
/// costs more than lines are long.
pub fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut at = 0;
    loop {
        at += memchr::memchr(first, text.get(at..)?)?;
        if text.get(at + 1..)?.starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
}

/// All places of `needle` in `text` that do not overlap.
pub fn find_iter<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + find(text.get(from..)?, needle)?;
        from = at + needle.len();
        Some(at)
    })
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
    /// By [`pair`]: whether a needle may start with these two bytes.
    pairs: [bool; PAIRS],
}

/// Places in the table of pairs.
const PAIRS: usize = 1 << 10;

const fn pair(first: u8, second: u8) -> usize {
    (first as usize ^ (second as usize) << 3) % PAIRS
}

impl Needles {
    /// Look for these, none of which is empty; at most 128.
    pub const fn new(all: &'static [&'static [u8]]) -> Self {
        let (mut first, mut next, mut pairs) = ([0; 256], [0; NEEDLES], [false; PAIRS]);
        let mut i = 0;
        while i < all.len() {
            let start = all[i][0] as usize;
            next[i] = first[start];
            first[start] = i as u8 + 1;
            let mut second = 0;
            while second < 256 {
                if all[i].len() == 1 || all[i][1] as usize == second {
                    pairs[pair(all[i][0], second as u8)] = true;
                }
                second += 1;
            }
            i += 1;
        }
        Self { all, first, next, pairs }
    }

    /// Whether one of them is in `text`.
    pub fn within(&self, text: &[u8]) -> bool {
        let seconds = text.iter().skip(1).chain(&[0]);
        text.iter().zip(seconds).enumerate().any(|(at, (&b, &second))| {
            if !self.pairs[pair(b, second)] {
                return false;
            }
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
    let (&last, start) = separator.split_last()?;
    let mut end = text.len();
    let at = loop {
        let at = memchr::memrchr(last, text.get(..end)?)?;
        match text.get(..at)?.strip_suffix(start) {
            Some(before) => break before.len(),
            None => end = at,
        }
    };
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// The leading bytes for which `test` holds, and the rest.
pub fn take_while(text: &[u8], test: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let len = text.iter().position(|&b| !test(b)).unwrap_or(text.len());
    text.split_at(len)
}

/// A set of ASCII bytes, to look bytes up in.
pub type Set = [bool; 256];

/// The letters, the digits and these.
pub const fn word_and(others: &[u8]) -> Set {
    let mut set = [false; 256];
    let mut b = 0;
    while b < 128 {
        set[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let mut i = 0;
    while i < others.len() {
        set[others[i] as usize] = true;
        i += 1;
    }
    set
}

/// The leading bytes that are in a set, and the rest.
pub fn take_set<'a>(text: &'a [u8], set: &Set) -> (&'a [u8], &'a [u8]) {
    let len = text.iter().position(|&b| !set[usize::from(b)]).unwrap_or(text.len());
    text.split_at(len)
}

/// Whether two texts are the same, eight bytes at a time: in an interpreter comparing byte by byte is dear.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let ((words_a, tail_a), (words_b, tail_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    a.len() == b.len()
        && words_a.iter().zip(words_b).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && tail_a.iter().zip(tail_b).all(|(a, b)| a == b)
}

/// An index below `1 << bits` from a hash, of which all bits count.
pub fn place(hash: u64, bits: u32) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & ((1 << bits) - 1)
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
        assert_eq!(cut(b"a => b", b""), None);
        assert!(same(b"", b"") && same(b"0123456789", b"0123456789") && same(b"01234567", b"01234567"));
        assert!(!same(b"0123456789", b"0123456780") && !same(b"0023456789", b"0123456789"));
        assert!(!same(b"01234567", b"012345678"));
        // Hashes that differ in any of their bits fall in different places, as a rule.
        let places: std::collections::BTreeSet<usize> = (0..64).map(|bit| place(1 << bit, 7)).collect();
        assert!(places.len() > 30, "{}", places.len());
        assert_eq!(cut_last(b"a for b fo for c", b" for "), Some((&b"a for b fo"[..], &b"c"[..])));
        assert_eq!(cut_last(b"for", b" for"), None);
        assert_eq!(find(b"aaab", b"aab"), Some(1));
        assert_eq!(find(b"aaa", b"aab"), None);
        assert_eq!(find_iter(b"ababab", b"ab").collect::<Vec<_>>(), [0, 2, 4]);
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
