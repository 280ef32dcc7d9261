//! User names, session ids, realms and origins: what takes their place.

use tamis_sdk::{ConfigError, Key, pseudonym::Tokenizer, record::push_short};

use crate::config::FieldMode;

/// The policy for one kind of name.
#[derive(Debug)]
pub enum Names {
    /// It stays.
    Keep,
    /// The first bytes of this text, so many, stand for every value.
    Replace([u8; 32], usize),
    /// A token; the second is what mode `replace` would have left.
    Token(Box<Tokenizer>, Vec<u8>),
}

impl Names {
    /// The policy `mode` for names of this `kind` (`user`, `realm`, ...), configured at `path`.
    ///
    /// # Errors
    /// When the mode needs a key that is not there.
    pub fn new(
        mode: FieldMode,
        kind: &str,
        path: &str,
        key: Option<&Key>,
        cache_entries: usize,
    ) -> Result<Self, ConfigError> {
        Ok(match (mode, key) {
            (FieldMode::Keep, _) => Self::Keep,
            (FieldMode::Replace, _) => {
                let (mut padded, text) = ([0; 32], placeholder(kind));
                let len = text.len().min(padded.len());
                padded[..len].copy_from_slice(&text[..len]);
                Self::Replace(padded, len)
            }
            (FieldMode::Token, Some(key)) => {
                Self::Token(Box::new(Tokenizer::new(key, kind, cache_entries)), placeholder(kind))
            }
            (FieldMode::Token, None) => {
                return Err(ConfigError::new(
                    path,
                    "mode token needs a key: add \"key\": {\"id\": \"k1\", \"file\": \"...\"}",
                ));
            }
        })
    }

    /// Whether values stay.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Append what takes the place of `value`; nothing in mode keep.
    #[inline(always)]
    pub fn write(&mut self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Replace(text, len) => push_short(out, text, 0, *len),
            _ => self.write_token(value, out),
        }
    }

    #[inline(never)]
    fn write_token(&mut self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Keep | Self::Replace(..) => {}
            // What another run has already taken away has no identity left to keep.
            Self::Token(_, placeholder) if value == placeholder => out.extend_from_slice(value),
            Self::Token(tokenizer, _) => tokenizer.write(value, out),
        }
    }
}

fn placeholder(kind: &str) -> Vec<u8> {
    format!("[REDACTED:{kind}]").into_bytes()
}

/// The part of a user name that names a person: of the TURN REST API's
/// `timestamp:user` and `user:timestamp` the user, which may be empty.
pub fn user_part(name: &[u8], separator: &[u8]) -> std::ops::Range<usize> {
    // The common case, without a search.
    if let (&[separator], Some((head, tail))) = (separator, name.split_first_chunk::<10>())
        && tail.first() == Some(&separator)
        && is_timestamp(head)
    {
        return 11..name.len();
    }
    if is_timestamp(name) {
        return name.len()..name.len();
    }
    if separator.is_empty() {
        return 0..name.len();
    }
    let found = match separator {
        [byte] => memchr::memchr(*byte, name),
        _ => crate::bytes::find(name, separator),
    };
    match found {
        Some(at) if is_timestamp(&name[..at]) => at + separator.len()..name.len(),
        Some(at) if is_timestamp(&name[at + separator.len()..]) => 0..at,
        _ => 0..name.len(),
    }
}

/// Seconds since 1970 in this century, perhaps with a fraction. Ten digits and a leading 1
/// (2001 to 2033) cannot be a telephone number of the North American plan; later
/// times are only taken for the "never" of some back ends.
fn is_timestamp(text: &[u8]) -> bool {
    let Some((seconds, fraction)) = text.split_at_checked(10) else { return false };
    let fraction = match fraction {
        [] => None,
        [b'.', digits @ ..] => Some(digits),
        _ => return false,
    };
    // A digit that is no separator stands first, so the rest is looked at only for numbers.
    (text[0].is_ascii_digit())
        && (seconds[0] == b'1' || seconds == b"2147483647" || seconds == b"4294967295")
        && seconds.iter().all(u8::is_ascii_digit)
        && fraction.is_none_or(|f| (1..=9).contains(&f.len()) && f.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> &str {
        &name[user_part(name.as_bytes(), b":")]
    }

    #[test]
    fn rest_names_keep_their_timestamp() {
        for (name, part) in [
            ("alice", "alice"),
            ("1795306080:alice@example.org", "alice@example.org"),
            ("1795306080", ""),
            ("1795306080:", ""),
            (":1795223280", ""),
            ("bob:1795223280", "bob"),
            ("1795306080:@n:server", "@n:server"),
            ("1620811200.173", ""),
            ("1620811200.173:x", "x"),
            ("2125551234", "2125551234"),
            ("2125551234:x", "2125551234:x"),
            ("1795306080.:x", "1795306080.:x"),
            ("", ""),
            ("@n:server", "@n:server"),
            ("179530608", "179530608"),
        ] {
            assert_eq!(user(name), part, "{name}");
        }
    }
}
