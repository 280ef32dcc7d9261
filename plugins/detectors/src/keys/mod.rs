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

/// Last letters of the heads: by the last two, a bit for the one before them. Most names of a log end otherwise.
static ENDINGS: [u32; 26 * 26] = endings();

/// The bit of "no letter".
const OTHER: usize = 26;

const fn endings() -> [u32; 26 * 26] {
    let mut table = [0; 26 * 26];
    let mut i = 0;
    while i < table::HEADS.len() + BELOW.len() {
        let head = if i < table::HEADS.len() { table::HEADS[i] } else { BELOW[i - table::HEADS.len()] };
        let head = head.as_bytes();
        let n = head.len();
        let last = (head[n - 2] - b'a') as usize * 26 + (head[n - 1] - b'a') as usize;
        // What is before a head of two letters can be anything.
        table[last] |= if n == 2 { u32::MAX } else { 1 << (head[n - 3] - b'a') };
        i += 1;
    }
    table
}

/// Heads below a telling name only, or after a telling word only.
const BELOW: &[&str] = &["date", "first", "last", "middle", "login", "data", "fullname"];

#[inline]
fn may_be_head(key: &[u8]) -> bool {
    let mut end = key.len();
    while end > 0 && !key[end - 1].is_ascii_alphabetic() {
        end -= 1;
    }
    let letter = |back: usize| match end.checked_sub(back).map(|i| (key[i] | 0x20).wrapping_sub(b'a')) {
        Some(l @ 0..26) => usize::from(l),
        _ => OTHER,
    };
    let (third, second, last) = (letter(3), letter(2), letter(1));
    second < OTHER && last < OTHER && ENDINGS[second * 26 + last] >> third & 1 != 0
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
