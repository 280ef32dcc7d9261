//! From pseudonyms back to what they stand for, with the key: addresses are decrypted, and for tokens
//! candidates are tried.
//!
//! A token says under which key and of what kind of value it was made, and carries a check that
//! nobody without the key can make: so it is known whether it was made with this key. An address
//! carries no such thing; every address decrypts to some other.

pub mod audit_log;
pub mod candidates;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use memchr::memmem;
use tamis_sdk::{
    Key,
    pseudonym::{AddressCipher, Tokenizer},
};

pub use candidates::Candidate;

/// The kind of tokens that stand for addresses.
const IP_KIND: &str = "ip";

/// Characters of a token behind the id of its key.
const TAIL_CHARS: usize = 16;

/// A kind of value has a shorter name.
const MAX_KIND_BYTES: usize = 64;

/// Tokens that are looked for at a time.
const MAX_TOKENS: usize = 1 << 20;

/// Why a pseudonym is not revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// It was made under a key with this other id.
    OtherKey(String),
    /// It looks like a token of this key and is none.
    Forged,
    /// None of the candidates is it.
    NoCandidate,
    /// It is neither an address nor has it the form of a token.
    NoPseudonym,
}

/// What a pseudonym stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A token of this value.
    Value(String),
    /// An encrypted address; `certain` if a wrong key could not have given it.
    Address {
        /// The address.
        address: IpAddr,
        /// A key that is not the right one gives any of 2^128 addresses, and one of IPv4 as good as never.
        certain: bool,
    },
    /// Not known.
    Unknown(Unknown),
}

/// Reveals pseudonyms of one key.
pub struct Revealer {
    key: Key,
    cipher: Option<AddressCipher>,
    /// By kind.
    tokenizers: HashMap<String, Tokenizer>,
}

impl std::fmt::Debug for Revealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revealer").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Tokens whose values are wanted, by kind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tokens {
    by_kind: BTreeMap<String, BTreeSet<String>>,
    count: usize,
}

impl Tokens {
    fn add(&mut self, kind: &str, token: &str) {
        if self.count < MAX_TOKENS
            && self.by_kind.entry(kind.to_owned()).or_default().insert(token.to_owned())
        {
            self.count += 1;
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there are so many that more are not looked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count >= MAX_TOKENS
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_kind.values().flatten().map(String::as_str)
    }
}

impl Revealer {
    /// For this key, and for addresses that were encrypted with this cipher, if there is one.
    #[must_use]
    pub fn new(key: Key, cipher: Option<AddressCipher>) -> Self {
        Self { key, cipher, tokenizers: HashMap::new() }
    }

    /// The key's id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key.id()
    }

    /// What an encrypted address stands for; `None` without a cipher.
    #[must_use]
    pub fn decrypt(&self, pseudonym: IpAddr) -> Option<Meaning> {
        let address = self.cipher.as_ref()?.decrypt(pseudonym.to_canonical()).to_canonical();
        Some(Meaning::Address { certain: pseudonym.to_canonical().is_ipv6() && address.is_ipv4(), address })
    }

    /// Take a token up among those whose values are wanted.
    ///
    /// # Errors
    /// When it is none, or not one of this key.
    pub fn want(&mut self, text: &str, tokens: &mut Tokens) -> Result<(), Unknown> {
        let mut parts = text.rsplitn(3, '-');
        let (Some(tail), Some(id), Some(kind)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Unknown::NoPseudonym);
        };
        if !is_tail(tail.as_bytes()) || kind.is_empty() || kind.len() > MAX_KIND_BYTES {
            return Err(Unknown::NoPseudonym);
        }
        if id != self.key.id() {
            return Err(Unknown::OtherKey(id.to_owned()));
        }
        if !self.is_token(kind, text) {
            return Err(Unknown::Forged);
        }
        tokens.add(kind, text);
        Ok(())
    }

    /// Take up all tokens of this key that stand anywhere in a line.
    pub fn find(&mut self, line: &[u8], tokens: &mut Tokens) {
        let middle = format!("-{}-", self.key.id());
        let mut from = 0;
        while let Some(at) = memmem::find(&line[from..], middle.as_bytes()).map(|at| from + at) {
            from = at + 1;
            let start = at + middle.len();
            let Some(tail) = line.get(start..start + TAIL_CHARS).filter(|tail| is_tail(tail)) else {
                continue;
            };
            let before = &line[at.saturating_sub(MAX_KIND_BYTES)..at];
            let of_a_kind =
                |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
            let kind_len = before.iter().rev().take_while(|b| of_a_kind(b)).count();
            // What stands before the kind may look like a part of it; the check tells.
            for first in at - kind_len..at {
                let (Ok(kind), Ok(tail)) = (std::str::from_utf8(&line[first..at]), std::str::from_utf8(tail))
                else {
                    continue;
                };
                let token = format!("{kind}{middle}{tail}");
                if self.is_token(kind, &token) {
                    tokens.add(kind, &token);
                    break;
                }
            }
        }
    }

    fn is_token(&mut self, kind: &str, token: &str) -> bool {
        if let Some(tokenizer) = self.tokenizers.get(kind) {
            return tokenizer.is_token(token.as_bytes());
        }
        let tokenizer = Tokenizer::new(&self.key, kind, 0);
        let known = tokenizer.is_token(token.as_bytes());
        if known {
            self.tokenizers.insert(kind.to_owned(), tokenizer);
        }
        known
    }

    /// Try a candidate; what it is the value of goes from the tokens to the answers.
    pub fn try_candidate(
        &mut self,
        candidate: &Candidate<'_>,
        tokens: &mut Tokens,
        found: &mut BTreeMap<String, String>,
    ) {
        let mut token = Vec::with_capacity(TAIL_CHARS * 4);
        for (kind, wanted) in &mut tokens.by_kind {
            let Some(tokenizer) = self.tokenizers.get_mut(kind).filter(|_| !wanted.is_empty()) else {
                continue;
            };
            let octets =
                candidate.address.filter(|_| kind == IP_KIND).map(|address| match address.to_canonical() {
                    IpAddr::V4(a) => a.octets().to_vec(),
                    IpAddr::V6(a) => a.octets().to_vec(),
                });
            for value in octets.as_deref().into_iter().chain([candidate.text.as_bytes()]) {
                token.clear();
                tokenizer.write(value, &mut token);
                let Ok(text) = std::str::from_utf8(&token) else { continue };
                // A token among the candidates is its own token, and tells nothing.
                if text != candidate.text && wanted.remove(text) {
                    tokens.count -= 1;
                    found.insert(text.to_owned(), candidate.text.to_owned());
                }
            }
        }
    }
}

fn is_tail(text: &[u8]) -> bool {
    text.len() == TAIL_CHARS && text.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use tamis_sdk::pseudonym::{CipherKind, KeyUse};

    use super::*;

    fn key() -> Key {
        Key::new("k1", *b"0123456789abcdef")
    }

    fn token(kind: &str, value: &[u8]) -> String {
        let mut out = Vec::new();
        Tokenizer::new(&key(), kind, 0).write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        let (alice, card) = (token("user", b"alice"), token("customer-no", b"KD-1"));
        let mut revealer = Revealer::new(key(), None);
        let mut tokens = Tokens::default();
        let forged = "user-k1-aaaaaaaaaaaaaaaa";
        let line = format!("x-{alice}: x{card}y \"{forged}\" {} user-k1-", token("ip", &[198, 51, 100, 7]));
        revealer.find(line.as_bytes(), &mut tokens);
        revealer.find(&line.as_bytes()[..line.len() - 3], &mut tokens);
        revealer.find(b"-k1--k1-\xff-k1-aaaaaaaaaaaaaaaa", &mut tokens);
        let wanted: Vec<&str> = tokens.iter().collect();
        assert_eq!(wanted, [card.as_str(), &token("ip", &[198, 51, 100, 7]), &alice]);
        assert_eq!(revealer.want(&alice, &mut tokens), Ok(()));
        assert_eq!(tokens.len(), 3);
        assert_eq!(revealer.want(forged, &mut tokens), Err(Unknown::Forged));
        let other = forged.replace("k1", "k2");
        assert_eq!(revealer.want(&other, &mut tokens), Err(Unknown::OtherKey("k2".into())));
        for text in ["", "-", "a-b-c", "-k1-aaaaaaaaaaaaaaaa", "user-k1-AAAAAAAAAAAAAAAA", "alice"] {
            assert_eq!(revealer.want(text, &mut tokens), Err(Unknown::NoPseudonym), "{text}");
        }
    }

    #[test]
    fn candidates_are_tried_on_every_kind() {
        let mut revealer = Revealer::new(key(), None);
        let mut tokens = Tokens::default();
        let of = [
            token("user", b"alice"),
            token("ip", &[198, 51, 100, 7]),
            token("ip", b"2001:db8::7"),
            token("user", b"bob"),
        ];
        for token in &of {
            revealer.want(token, &mut tokens).unwrap();
        }
        let mut found = BTreeMap::new();
        for text in ["mallory", "alice", "::ffff:198.51.100.7", "2001:db8::7", &of[3]] {
            revealer.try_candidate(&Candidate::new(text), &mut tokens, &mut found);
        }
        assert_eq!(found.get(&of[0]).map(String::as_str), Some("alice"));
        assert_eq!(found.get(&of[1]).map(String::as_str), Some("::ffff:198.51.100.7"));
        assert_eq!(found.get(&of[2]).map(String::as_str), Some("2001:db8::7"));
        assert_eq!(tokens.iter().collect::<Vec<_>>(), [&of[3]]);
    }

    #[test]
    fn addresses_of_the_published_vectors_are_decrypted() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/ipcrypt.json")).unwrap();
        for (section, kind) in
            [("deterministic", CipherKind::Deterministic), ("pfx", CipherKind::PrefixPreserving)]
        {
            for vector in vectors[section].as_array().unwrap() {
                let [key, input, output] = ["key", "in", "out"].map(|k| vector[k].as_str().unwrap());
                let bytes: Vec<u8> = (0..key.len())
                    .step_by(2)
                    .map(|i| u8::from_str_radix(&key[i..i + 2], 16).unwrap())
                    .collect();
                let cipher = AddressCipher::new(kind, &Key::new("k", bytes), KeyUse::Raw).unwrap();
                let revealer = Revealer::new(Key::new("k", vec![0; 16]), Some(cipher));
                let address: IpAddr = input.parse().unwrap();
                let certain = kind == CipherKind::Deterministic && address.is_ipv4();
                let meaning = revealer.decrypt(output.parse().unwrap()).unwrap();
                assert_eq!(meaning, Meaning::Address { address, certain }, "{section} {output}");
            }
        }
        assert_eq!(Revealer::new(key(), None).decrypt("192.0.2.1".parse().unwrap()), None);
    }
}
