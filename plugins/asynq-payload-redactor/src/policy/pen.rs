//! What takes the place of a value.

use tamis_sdk::{Key, pseudonym::Tokenizer, record::escape};

use crate::config::Rule;

/// What every mask starts with.
pub const MARKER: &[u8] = b"[REDACTED";

/// Characters that may end a value in some dump: what holds one is masked whole.
const PARTS: [char; 8] = ['"', '\\', '{', '}', '[', ']', ' ', ','];

/// Writes replacements, for one kind of value.
#[derive(Debug)]
pub struct Pen {
    label: String,
    rule: Rule,
    tokenizer: Option<Tokenizer>,
}

impl Pen {
    /// `None` if the rule needs a key and there is none.
    pub fn new(label: &str, rule: Rule, key: Option<&Key>, cache_entries: usize) -> Option<Self> {
        let tokenizer = match (rule, key) {
            (Rule::Token, Some(key)) => Some(Tokenizer::new(key, label, cache_entries)),
            (Rule::Token, None) => return None,
            _ => None,
        };
        Some(Self { label: label.to_owned(), rule, tokenizer })
    }

    /// What happens to the values.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The kind of value.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Append what takes the place of `value`: printable ASCII without quotes and backslashes, but for
    /// characters of the value itself that [`Rule::Partial`] leaves.
    pub fn write(&mut self, value: &[u8], out: &mut Vec<u8>) {
        match self.rule {
            Rule::Off => out.extend_from_slice(value),
            Rule::Remove => {}
            Rule::Mask => self.mask(out),
            Rule::Token => match &mut self.tokenizer {
                Some(tokenizer) => tokenizer.write(value, out),
                None => self.mask(out),
            },
            Rule::Partial { first, last } => {
                let (first, last) = (usize::from(first), usize::from(last));
                let chars = std::str::from_utf8(value).ok().map(|t| (t, t.chars().count()));
                match chars {
                    Some((text, count)) if (first + last) * 2 < count && !text.contains(PARTS) => {
                        let head = text.char_indices().nth(first).map_or(0, |(i, _)| i);
                        let tail = text.char_indices().nth(count - last).map_or(text.len(), |(i, _)| i);
                        out.extend_from_slice(&value[..head]);
                        out.extend_from_slice(b"***");
                        out.extend_from_slice(&value[tail..]);
                    }
                    _ => self.mask(out),
                }
            }
        }
    }

    /// Whether `value` is what this pen writes.
    pub fn is_own(&self, value: &[u8]) -> bool {
        match self.rule {
            Rule::Token => self.tokenizer.as_ref().is_some_and(|t| t.is_token(value)),
            Rule::Partial { first, last } => {
                let stars = memchr::memmem::find(value, b"***");
                stars.is_some_and(|at| {
                    let chars =
                        |part: &[u8]| std::str::from_utf8(part).map_or(usize::MAX, |t| t.chars().count());
                    chars(&value[..at]) == usize::from(first) && chars(&value[at + 3..]) == usize::from(last)
                })
            }
            _ => false,
        }
    }

    /// Append the mask.
    pub fn mask(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MARKER);
        out.push(b':');
        out.extend_from_slice(self.label.as_bytes());
        out.push(b']');
    }

    /// Append the mask of something that has a size, and a token of it if there is one.
    pub fn mask_with_size(&self, value: &[u8], hash: Option<&mut Tokenizer>, out: &mut Vec<u8>) {
        out.extend_from_slice(MARKER);
        out.push(b':');
        out.extend_from_slice(self.label.as_bytes());
        out.extend_from_slice(format!(" {} bytes", content_len(value)).as_bytes());
        if let Some(tokenizer) = hash {
            out.push(b' ');
            tokenizer.write(value, out);
        }
        out.push(b']');
    }
}

/// How many bytes `value` was before a host mapped those that are not UTF-8 ([`escape::mapped_byte`]).
fn content_len(value: &[u8]) -> usize {
    if memchr::memchr(0xEE, value).is_none() {
        return value.len();
    }
    let mut plain = Vec::with_capacity(value.len());
    escape::unmap(value, &mut plain);
    plain.len()
}

/// Where the mask at the start of `text` ends, if there is one.
pub fn marker(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(MARKER)?;
    let inner =
        rest.iter().take(80).position(|b| !matches!(b, b':' | b' ' | b'-' | b'a'..=b'z' | b'0'..=b'9'))?;
    (rest[inner] == b']').then_some(MARKER.len() + inner + 1)
}

/// Whether `text` is one mask and nothing else.
pub fn is_marker(text: &[u8]) -> bool {
    marker(text) == Some(text.len())
}
