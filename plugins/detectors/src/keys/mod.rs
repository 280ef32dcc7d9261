//! Field names: which of them name something sensitive.
//!
//! The head of a name decides, its last word: `reset_token` is a token, `token_count` is a count.

// Lists of words, many to a line.
#[rustfmt::skip]
mod table;
mod words;

use crate::text::{ALNUM, is};
use words::Words;

/// What a field's value is, judged by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyClass {
    /// Passwords and passphrases.
    Password,
    /// Tokens, keys, credentials, signatures, cookies, session ids, links that log in.
    Secret,
    /// One-time codes, PINs, card verification codes.
    Code,
    /// Names, user names, date of birth, gender.
    Person,
    /// E-mail, phone, postal address.
    Contact,
    /// Social security, passport, tax and licence numbers.
    NationalId,
    /// Card, account and IBAN numbers.
    Financial,
    /// IP addresses of people.
    Network,
}

impl KeyClass {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::Secret,
        Self::Code,
        Self::Person,
        Self::Contact,
        Self::NationalId,
        Self::Financial,
        Self::Network,
    ];

    /// The name users write and read, such as `national-id`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Secret => "secret",
            Self::Code => "code",
            Self::Person => "person",
            Self::Contact => "contact",
            Self::NationalId => "national-id",
            Self::Financial => "financial",
            Self::Network => "network",
        }
    }
}

/// Judges field names: built-in knowledge, the user's names and exceptions.
#[derive(Debug, Clone, Default)]
pub struct KeyRules {
    extra: Vec<Name>,
    except: Vec<Name>,
}

impl KeyRules {
    /// Names in `extra` are always sensitive, names in `except` never, whatever their style: `Tax-File` is `taxFile`.
    /// A `*` at an end stands for anything.
    #[must_use]
    pub fn new(extra: &[String], except: &[String]) -> Self {
        let names = |list: &[String]| list.iter().filter_map(|n| Name::new(n)).collect();
        Self { extra: names(extra), except: names(except) }
    }

    /// What `key` names; `None` if nothing sensitive.
    #[must_use]
    pub fn judge(&self, key: &[u8]) -> Option<KeyClass> {
        self.judge_with(key, || None)
    }

    /// As [`judge`](Self::judge), for a field of an object that is itself the value of `parent`: `name` below `user`.
    #[must_use]
    pub fn judge_under(&self, key: &[u8], parent: &[u8]) -> Option<KeyClass> {
        self.judge_with(key, || {
            may_be_head(key).then(|| table::classify_under(&Words::new(key), &Words::new(parent))).flatten()
        })
    }

    #[inline]
    fn judge_with(&self, key: &[u8], fallback: impl FnOnce() -> Option<KeyClass>) -> Option<KeyClass> {
        if self.except.iter().any(|n| n.matches(key)) {
            return None;
        }
        judge(key)
            .or_else(fallback)
            .or_else(|| self.extra.iter().any(|n| n.matches(key)).then_some(KeyClass::Secret))
    }
}

/// What `key` names, by built-in knowledge alone.
#[inline]
pub(crate) fn judge(key: &[u8]) -> Option<KeyClass> {
    if may_be_head(key) { table::classify(&Words::new(key)) } else { None }
}

/// All words that can end a sensitive name.
pub(crate) fn heads() -> impl Iterator<Item = &'static str> {
    table::HEADS.iter().copied()
}

/// Last two letters of the heads: a bit for the second per first.
static ENDINGS: [u32; 26] = endings();

const fn endings() -> [u32; 26] {
    let mut table = [0; 26];
    let mut i = 0;
    while i < table::HEADS.len() {
        let head = table::HEADS[i].as_bytes();
        let (a, b) = (head[head.len() - 2] - b'a', head[head.len() - 1] - b'a');
        table[a as usize] |= 1 << b;
        i += 1;
    }
    // `birth_date`.
    table[(b't' - b'a') as usize] |= 1 << (b'e' - b'a');
    // Words below a telling parent: `first`, `login`, `data`, `2fa`.
    table[(b's' - b'a') as usize] |= 1 << (b't' - b'a');
    table[(b'l' - b'a') as usize] |= 1 << (b'e' - b'a');
    table[(b't' - b'a') as usize] |= 1;
    table
}

#[inline]
fn may_be_head(key: &[u8]) -> bool {
    let mut end = key.len();
    while end > 0 && !key[end - 1].is_ascii_alphabetic() {
        end -= 1;
    }
    let &[.., a, b] = &key[..end] else { return false };
    let (a, b) = ((a | 0x20).wrapping_sub(b'a'), (b | 0x20).wrapping_sub(b'a'));
    a < 26 && ENDINGS[usize::from(a)] >> b & 1 != 0
}

/// A user's name: letters and digits in lower case, and whether anything may come before or after.
#[derive(Debug, Clone)]
struct Name {
    bytes: Vec<u8>,
    open_start: bool,
    open_end: bool,
}

impl Name {
    fn new(name: &str) -> Option<Self> {
        let bytes: Vec<u8> = normal(name.as_bytes()).collect();
        let (open_start, open_end) = (name.starts_with('*'), name.ends_with('*'));
        (!bytes.is_empty()).then_some(Self { bytes, open_start, open_end })
    }

    fn matches(&self, key: &[u8]) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => normal(key).eq(self.bytes.iter().copied()),
            (false, true) => {
                let mut rest = normal(key);
                self.bytes.iter().all(|&b| rest.next() == Some(b))
            }
            (true, false) => {
                let mut rest = key.iter().rev().filter(|b| counts(**b)).map(u8::to_ascii_lowercase);
                self.bytes.iter().rev().all(|&b| rest.next() == Some(b))
            }
            (true, true) => (0..key.len()).any(|i| {
                let mut rest = normal(&key[i..]);
                self.bytes.iter().all(|&b| rest.next() == Some(b))
            }),
        }
    }
}

fn counts(byte: u8) -> bool {
    is(byte, ALNUM) || byte >= 0x80
}

fn normal(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().copied().filter(|&b| counts(b)).map(|b| b.to_ascii_lowercase())
}
