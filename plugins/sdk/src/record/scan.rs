//! The scanner: JSON text to a tape of values, without recursion and without a DOM.
//!
//! A node is 32 bytes and says where a value stands in the text; nothing is copied or
//! decoded. Nesting costs a parent index per container, not stack, so 100,000 levels are
//! as good as one. The scanner checks structure (brackets, quotes, commas, colons,
//! literals) and leaves the insides of strings and the spelling of numbers alone: what it
//! does not understand it never changes either.

/// "None" for [`Node::parent`].
pub const NO_NODE: u32 = u32::MAX;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string; the range is what stands between the quotes.
    String,
    /// A number as it is spelled.
    Number,
    /// `true`, `false` or `null`.
    Literal,
    /// An object, braces included.
    Object,
    /// An array, brackets included.
    Array,
}

/// One value of the text. All positions are byte offsets into it.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// A string that holds a backslash, so its content differs from its text.
    pub escaped: bool,
    /// Where it starts.
    pub start: u32,
    /// Where it ends (exclusive).
    pub end: u32,
    /// Its key in the enclosing object, without quotes and undecoded; empty if none.
    pub key_start: u32,
    /// End of the key.
    pub key_end: u32,
    /// Tape index of the enclosing container, [`NO_NODE`] for the root.
    pub parent: u32,
    /// Tape index after this value and all that is in it.
    pub next: u32,
}

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanError {
    /// Byte offset where it stopped making sense.
    pub offset: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    /// After `[`: a value or `]`.
    ValueOrEnd,
    /// After `{`: a key or `}`.
    KeyOrEnd,
    Key,
    /// After a value in a container: `,` or the end.
    CommaOrEnd,
    /// After the root: nothing but white space.
    Nothing,
}

/// Fill `tape` (cleared first) with the values of `text`, in the order of their starts.
///
/// # Errors
/// When `text` is not one JSON value, or is 4 GiB or longer.
pub fn scan(text: &[u8], tape: &mut Vec<Node>) -> Result<(), ScanError> {
    tape.clear();
    if u32::try_from(text.len()).is_err() {
        return Err(ScanError { offset: 0 });
    }
    if scan_flat(text, tape).is_some() {
        return Ok(());
    }
    tape.clear();
    let mut pos = 0;
    let mut parent = NO_NODE;
    let mut expect = Expect::Value;
    let mut key = (0u32, 0u32);
    loop {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = text.get(pos) {
            pos += 1;
        }
        let Some(&byte) = text.get(pos) else {
            return if expect == Expect::Nothing { Ok(()) } else { Err(ScanError { offset: pos }) };
        };
        let fail = Err(ScanError { offset: pos });
        match (expect, byte) {
            (Expect::Value | Expect::ValueOrEnd, b'"') => {
                let (end, escaped) = string_end(text, pos + 1).ok_or(ScanError { offset: pos })?;
                push(tape, Kind::String, escaped, pos + 1, end, key, parent);
                pos = end + 1;
                expect = after_value(parent);
            }
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => {
                let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
                let index = tape.len() as u32;
                push(tape, kind, false, pos, pos, key, parent);
                parent = index;
                pos += 1;
                expect = if byte == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                key = (0, 0);
            }
            (Expect::Value | Expect::ValueOrEnd, b'-' | b'0'..=b'9') => {
                let start = pos;
                while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = text.get(pos) {
                    pos += 1;
                }
                push(tape, Kind::Number, false, start, pos, key, parent);
                expect = after_value(parent);
            }
            (Expect::Value | Expect::ValueOrEnd, b't' | b'f' | b'n') => {
                let word: &[u8] = match byte {
                    b't' => b"true",
                    b'f' => b"false",
                    _ => b"null",
                };
                if !text[pos..].starts_with(word) {
                    return fail;
                }
                push(tape, Kind::Literal, false, pos, pos + word.len(), key, parent);
                pos += word.len();
                expect = after_value(parent);
            }
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                let (end, _) = string_end(text, pos + 1).ok_or(ScanError { offset: pos })?;
                key = ((pos + 1) as u32, end as u32);
                pos = end + 1;
                while let Some(b' ' | b'\n' | b'\t' | b'\r') = text.get(pos) {
                    pos += 1;
                }
                if text.get(pos) != Some(&b':') {
                    return Err(ScanError { offset: pos });
                }
                pos += 1;
                expect = Expect::Value;
            }
            (Expect::CommaOrEnd, b',') => {
                pos += 1;
                expect = match tape.get(parent as usize) {
                    Some(node) if node.kind == Kind::Object => Expect::Key,
                    _ => Expect::Value,
                };
                key = (0, 0);
            }
            (Expect::CommaOrEnd | Expect::ValueOrEnd | Expect::KeyOrEnd, b'}' | b']') => {
                let next = tape.len() as u32;
                let Some(node) = tape.get_mut(parent as usize) else { return fail };
                let closes = if byte == b'}' { Kind::Object } else { Kind::Array };
                if node.kind != closes {
                    return fail;
                }
                pos += 1;
                node.end = pos as u32;
                node.next = next;
                parent = node.parent;
                expect = after_value(parent);
            }
            _ => return fail,
        }
    }
}

/// The records of a log pipeline are mostly this: one object of strings, without white space. Fills
/// the tape as [`scan`] would, in fewer steps; `None`, with the tape half filled, for anything else.
fn scan_flat(text: &[u8], tape: &mut Vec<Node>) -> Option<()> {
    if *text.first()? != b'{' {
        return None;
    }
    push(tape, Kind::Object, false, 0, text.len(), (0, 0), NO_NODE);
    let mut pos = 1;
    loop {
        if *text.get(pos)? != b'"' {
            return None;
        }
        let (key_end, _) = string_end(text, pos + 1)?;
        let key = ((pos + 1) as u32, key_end as u32);
        if *text.get(key_end + 1..)?.first_chunk::<2>()? != *b":\"" {
            return None;
        }
        let start = key_end + 3;
        let (end, escaped) = string_end(text, start)?;
        push(tape, Kind::String, escaped, start, end, key, 0);
        pos = end + 2;
        match text.get(end + 1)? {
            b',' => {}
            b'}' if pos == text.len() => {
                tape.first_mut()?.next = tape.len() as u32;
                return Some(());
            }
            _ => return None,
        }
    }
}

/// Key and text of `{"key":"text"}`, and where the text starts. Whether a quote or backslash stands
/// within the text, so that it is not what it looks like, is left to find out.
#[inline(always)]
pub fn lone_string(json: &[u8]) -> Option<(&[u8], &[u8], usize)> {
    let inner = json.strip_prefix(b"{\"")?.strip_suffix(b"\"}")?;
    let key_end = word_find(inner, 0)?;
    let (colon, text) = inner.get(key_end..)?.split_first_chunk::<3>()?;
    (colon == b"\":\"").then_some((inner.get(..key_end)?, text, key_end + 5))
}

fn after_value(parent: u32) -> Expect {
    if parent == NO_NODE { Expect::Nothing } else { Expect::CommaOrEnd }
}

fn push(
    tape: &mut Vec<Node>,
    kind: Kind,
    escaped: bool,
    start: usize,
    end: usize,
    key: (u32, u32),
    parent: u32,
) {
    // Offsets fit: `scan` has refused texts of 4 GiB and more.
    tape.push(Node {
        kind,
        escaped,
        start: start as u32,
        end: end as u32,
        key_start: key.0,
        key_end: key.1,
        parent,
        next: tape.len() as u32 + 1,
    });
}

/// Where the string that starts at `pos` (after its quote) has its closing quote, and
/// whether a backslash stands before it.
fn string_end(text: &[u8], mut pos: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        pos = find_quote_or_backslash(text, pos)?;
        if text[pos] == b'"' {
            return Some((pos, escaped));
        }
        escaped = true;
        pos += 2;
    }
}

fn find_quote_or_backslash(text: &[u8], from: usize) -> Option<usize> {
    // In an interpreter the count of instructions is what matters, and memchr without SIMD works
    // on the four bytes of a wasm32 `usize`.
    if cfg!(all(target_family = "wasm", not(target_feature = "simd128"))) {
        return block_find(text, from);
    }
    memchr::memchr2(b'"', b'\\', text.get(from..)?).map(|i| from + i)
}

/// As [`word_find`], four words at a time up to where there may be one.
#[inline(always)]
fn block_find(text: &[u8], from: usize) -> Option<usize> {
    let mut rest = text.get(from..)?;
    while let Some((block, behind)) = rest.split_first_chunk::<32>() {
        let (words, _) = block.as_chunks::<8>();
        if words.iter().fold(0, |all, word| all | maybe_quotes(u64::from_le_bytes(*word))) & HIGHS != 0 {
            break;
        }
        rest = behind;
    }
    word_find(text, text.len() - rest.len())
}

/// The first `"` or `\` of `text[from..]`, by words of eight bytes.
#[inline(always)]
fn word_find(text: &[u8], from: usize) -> Option<usize> {
    let mut rest = text.get(from..)?;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let hits = quotes_and_backslashes(u64::from_le_bytes(*word));
        if hits != 0 {
            return Some(text.len() - rest.len() + (hits.trailing_zeros() / 8) as usize);
        }
        rest = behind;
    }
    let at = rest.iter().position(|&b| b == b'"' || b == b'\\')?;
    Some(text.len() - rest.len() + at)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// In the high bits: whether there may be `"` or `\` in a word. There may not be if none is set; other
/// bytes beyond ASCII set them, too.
#[inline(always)]
fn maybe_quotes(word: u64) -> u64 {
    (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES) | (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES)
}

/// The high bits of bytes that are `"` or `\`; the lowest that is set is right.
#[inline(always)]
fn quotes_and_backslashes(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<(Kind, &str)>, usize> {
        let mut tape = Vec::new();
        scan(text.as_bytes(), &mut tape).map_err(|e| e.offset)?;
        Ok(tape.iter().map(|n| (n.kind, &text[n.start as usize..n.end as usize])).collect())
    }

    #[test]
    fn a_record_becomes_a_tape() {
        use Kind::{Array, Literal, Number, Object, String};
        let text = r#" {"log":"a \"b\"", "n": -1.50e3, "a":[true,{}, []] } "#;
        assert_eq!(
            kinds(text).unwrap(),
            vec![
                (Object, text.trim()),
                (String, r#"a \"b\""#),
                (Number, "-1.50e3"),
                (Array, "[true,{}, []]"),
                (Literal, "true"),
                (Object, "{}"),
                (Array, "[]"),
            ]
        );
    }

    #[test]
    fn what_is_not_json_is_refused_where_it_breaks() {
        for (text, offset) in [
            ("", 0),
            ("{", 1),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("[1,]", 3),
            ("{\"a\":1]", 6),
            ("tru", 0),
            ("{\"a\":1} x", 8),
            ("\"abc", 0),
            ("{'a':1}", 1),
            ("[1 2]", 3),
            ("]", 0),
            ("\"\\", 0),
            ("{\"a\":1,}", 7),
        ] {
            assert_eq!(kinds(text), Err(offset), "{text}");
        }
    }

    #[test]
    fn the_short_way_fills_the_same_tape() {
        for text in [
            r#"{"log":"a","b":"c\"d"}"#,
            r#"{"a":""}"#,
            r#"{"a":"b","c":1}"#,
            r#"{"a":"b"} "#,
            "{}",
            r#"{"a":"b",}"#,
        ] {
            let (mut short, mut long) = (Vec::new(), Vec::new());
            let padded = format!(" {text}");
            let (a, b) = (scan(text.as_bytes(), &mut short), scan(padded.as_bytes(), &mut long));
            assert_eq!(a.is_ok(), b.is_ok(), "{text}");
            let shifted = |nodes: &[Node], by: u32| -> Vec<_> {
                nodes
                    .iter()
                    .map(|n| {
                        (
                            n.kind,
                            n.escaped,
                            n.start - by,
                            n.end - by,
                            n.key_end.saturating_sub(n.key_start),
                            n.parent,
                            n.next,
                        )
                    })
                    .collect()
            };
            if a.is_ok() {
                assert_eq!(shifted(&short, 0), shifted(&long, 1), "{text}");
            }
        }
    }

    #[test]
    fn quotes_are_found_by_words_as_by_bytes() {
        for fill in [b'a', b'!', b'#', b'[', 0xA2, 0xDC, 0xFF, 0] {
            for at in 0..80 {
                let mut text = vec![fill; 80];
                text[at] = if at % 2 == 0 { b'"' } else { b'\\' };
                for from in [0, 1, at.saturating_sub(3)] {
                    let expected = text[from..].iter().position(|b| b"\"\\".contains(b)).map(|i| from + i);
                    assert_eq!(block_find(&text, from), expected);
                    assert_eq!(word_find(&text, from), expected);
                }
            }
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let text = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        let mut tape = Vec::new();
        scan(text.as_bytes(), &mut tape).unwrap();
        assert_eq!(tape.len(), 1_000_000);
        assert_eq!(tape[0].next as usize, tape.len());
    }
}
