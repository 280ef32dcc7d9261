//! Readable tokens: `user-k1-mfzxg4tbonqwg3dp`, that is a prefix, the id of the key, and 16
//! characters of lower-case base32 (RFC 4648). The first 12 characters are the leading 60
//! bits of HMAC-SHA256 over the value; the last 4 are 20 bits of a second HMAC over those
//! 12 characters, by which the filter knows its own tokens again and leaves them alone.
//! Who lacks the key cannot make a name that passes for a token.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    key::{Key, hmac},
    lru::Lru,
    record::escape,
};

const ID_CHARS: usize = 12;
const CHECK_CHARS: usize = 4;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Makes the tokens of one kind of value.
#[derive(Debug)]
pub struct Tokenizer {
    /// `user-k1-`
    head: Vec<u8>,
    mac: Hmac<Sha256>,
    cache: Lru,
    canonical: Vec<u8>,
}

impl Tokenizer {
    /// Tokens that start with `prefix`, under a key derived for `prefix`. `cache_entries`
    /// bounds the memory: 128 bytes each.
    pub fn new(key: &Key, prefix: &str, cache_entries: usize) -> Self {
        Self {
            head: format!("{prefix}-{}-", key.id()).into_bytes(),
            mac: hmac(&key.derive(&format!("token/{prefix}"))),
            cache: Lru::new(cache_entries),
            canonical: Vec::new(),
        }
    }

    /// Append the token of `value` to `out`; a token that this tokenizer made stays as it
    /// is. Bytes mapped by a host ([`escape::unmap`]) count as the bytes they stand for.
    pub fn write(&mut self, value: &[u8], out: &mut Vec<u8>) {
        let Self { head, mac, cache, canonical } = self;
        let value = if memchr::memchr(0xEE, value).is_some() {
            canonical.clear();
            escape::unmap(value, canonical);
            canonical.as_slice()
        } else {
            value
        };
        cache.get_or(value, out, |out| {
            if is_token(head, mac, value) {
                return out.extend_from_slice(value);
            }
            out.extend_from_slice(head);
            let id_start = out.len();
            base32(&digest(mac, 0, value), ID_CHARS, out);
            let check = digest(mac, 1, &out[id_start..]);
            base32(&check, CHECK_CHARS, out);
        });
    }

    /// Whether `value` is a token that this tokenizer made.
    pub fn is_token(&self, value: &[u8]) -> bool {
        is_token(&self.head, &self.mac, value)
    }
}

fn is_token(head: &[u8], mac: &Hmac<Sha256>, value: &[u8]) -> bool {
    let Some(tail) = value.strip_prefix(head) else { return false };
    if tail.len() != ID_CHARS + CHECK_CHARS {
        return false;
    }
    let (id, check) = tail.split_at(ID_CHARS);
    let mut expected = Vec::with_capacity(CHECK_CHARS);
    base32(&digest(mac, 1, id), CHECK_CHARS, &mut expected);
    check == expected
}

fn digest(mac: &Hmac<Sha256>, domain: u8, value: &[u8]) -> [u8; 32] {
    let mut mac = mac.clone();
    mac.update(&[domain]);
    mac.update(value);
    mac.finalize().into_bytes().into()
}

fn base32(digest: &[u8; 32], chars: usize, out: &mut Vec<u8>) {
    let mut bits = u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ]);
    for _ in 0..chars.min(12) {
        out.push(BASE32[(bits >> 59) as usize]);
        bits <<= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(tokenizer: &mut Tokenizer, value: &[u8]) -> String {
        let mut out = Vec::new();
        tokenizer.write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tokens_are_keyed_versioned_and_idempotent() {
        let key = Key::new("k1", *b"0123456789abcdef");
        let mut users = Tokenizer::new(&key, "user", 16);
        let alice = token(&mut users, b"alice");
        assert_eq!(alice.len(), "user-k1-".len() + 16);
        assert!(alice.starts_with("user-k1-"));
        assert_eq!(token(&mut users, b"alice"), alice);
        assert_ne!(token(&mut users, b"bob"), alice);
        assert_eq!(token(&mut users, alice.as_bytes()), alice);
        let mut other = Tokenizer::new(&Key::new("k1", *b"0123456789abcdeg"), "user", 16);
        assert_ne!(token(&mut other, b"alice"), alice);
        assert_ne!(token(&mut Tokenizer::new(&key, "realm", 16), b"alice")[6..], alice[5..]);
    }

    #[test]
    fn a_forged_token_is_a_name_like_any_other() {
        let mut users = Tokenizer::new(&Key::new("k1", *b"0123456789abcdef"), "user", 16);
        let forged = "user-k1-aaaaaaaaaaaaaaaa";
        assert_ne!(token(&mut users, forged.as_bytes()), forged);
    }

    #[test]
    fn a_mapped_byte_is_the_byte() {
        let mut users = Tokenizer::new(&Key::new("k1", *b"0123456789abcdef"), "user", 16);
        assert_eq!(token(&mut users, b"caf\xE9"), token(&mut users, "caf\u{E0E9}".as_bytes()));
    }
}
