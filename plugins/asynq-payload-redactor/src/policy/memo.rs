//! What was made of names before: programs use the same few hundred names over and over.

use tamis_detectors::keys::KeyClass;

/// Longest name that is remembered, in bytes.
const MAX_KEY: usize = 24;
const SLOTS: usize = 512;

/// What a name means outside of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// It names a payload.
    pub payload: bool,
    /// It names something sensitive.
    pub class: Option<KeyClass>,
    /// What else it is: the sum of [`LINE`], [`LEVEL`], [`TIME`], [`NAME`], [`ODD`] and [`PIECE`].
    pub kind: u8,
}

/// Shippers hand over a line as it was printed under it.
pub const LINE: u8 = 1;
/// Loggers give the level under it.
pub const LEVEL: u8 = 2;
/// Loggers give the time under it.
pub const TIME: u8 = 4;
/// It is `name`, which may be anything's.
pub const NAME: u8 = 8;
/// It holds bytes that detectors look for: it may be data itself.
pub const ODD: u8 = 16;
/// Container runtimes say under it that a line is a piece, or what stream it is of.
pub const PIECE: u8 = 32;

#[derive(Debug, Clone, Copy)]
struct Slot {
    words: [u64; 3],
    parent: u64,
    /// Length of the name; of none if it is too long for one.
    len: u32,
    judgement: Judgement,
}

/// A two-way cache from a name and that of the object around it to what it means.
#[derive(Debug)]
pub struct Memo(Vec<Slot>);

impl Default for Memo {
    fn default() -> Self {
        let empty = Slot { words: [0; 3], parent: 0, len: u32::MAX, judgement: Judgement::default() };
        Self(vec![empty; SLOTS])
    }
}

impl Memo {
    /// What `judge` says of `key` under the name whose [`mix`] is `parent`, or said before.
    #[inline]
    pub fn get_or(&mut self, key: &[u8], parent: u64, judge: impl FnOnce() -> Judgement) -> Judgement {
        if key.len() > MAX_KEY {
            return judge();
        }
        let words = words(key);
        let len = key.len() as u32;
        let hash = (mix_words(words, key.len()) ^ parent).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let index = (hash >> 40) as usize & (SLOTS - 2);
        let Some([first, second]) = self.0.get_mut(index..).and_then(|s| s.first_chunk_mut::<2>()) else {
            return judge();
        };
        let is = |slot: &Slot| slot.len == len && slot.words == words && slot.parent == parent;
        if is(first) {
            return first.judgement;
        }
        if !is(second) {
            *second = Slot { words, parent, len, judgement: judge() };
        }
        // Used last, found first.
        std::mem::swap(first, second);
        first.judgement
    }
}

/// 64 bits that stand for a name.
#[inline]
pub fn mix(name: &[u8]) -> u64 {
    if name.len() > MAX_KEY { tamis_sdk::lru::hash(name) } else { mix_words(words(name), name.len()) }
}

#[inline]
fn mix_words([a, b, c]: [u64; 3], len: usize) -> u64 {
    let x = (a ^ len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ b;
    x.wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(31) ^ c
}

/// Up to 24 bytes as three words. The last word may overlap the one before it; together with the length they are the
/// name.
#[inline]
fn words(name: &[u8]) -> [u64; 3] {
    let word =
        |at: usize| name.get(at..).and_then(|n| n.first_chunk::<8>()).map_or(0, |c| u64::from_le_bytes(*c));
    let half = |at: usize| {
        name.get(at..).and_then(|n| n.first_chunk::<4>()).map_or(0, |c| u64::from(u32::from_le_bytes(*c)))
    };
    match name.len() {
        0 => [0; 3],
        len @ 1..=3 => {
            let byte = |at: usize| name.get(at).map_or(0, |b| u64::from(*b));
            [byte(0) | byte(len / 2) << 8 | byte(len - 1) << 16, 0, 0]
        }
        len @ 4..=8 => [half(0) | half(len - 4) << 32, 0, 0],
        len @ 9..=16 => [word(0), word(len - 8), 0],
        len => [word(0), word(8), word(len - 8)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_once() {
        let mut memo = Memo::default();
        let payload = Judgement { payload: true, ..Judgement::default() };
        assert_eq!(memo.get_or(b"payload", 0, || payload), payload);
        assert_eq!(memo.get_or(b"payload", 0, || unreachable!()), payload);
        assert_eq!(memo.get_or(b"payload", mix(b"x"), Judgement::default), Judgement::default());
        assert_eq!(memo.get_or(b"", 0, || payload), payload);
        let long = [b'a'; 25];
        assert_eq!(memo.get_or(&long, 0, || payload), payload);
        assert_eq!(memo.get_or(&long, 0, Judgement::default), Judgement::default());
    }

    #[test]
    fn names_mix_differently() {
        let names: [&[u8]; 7] = [b"", b"a", b"a\0", b"abcdefgh", b"abcdefghi", b"user_id", b"name"];
        for (i, a) in names.iter().enumerate() {
            for b in &names[i + 1..] {
                assert_ne!(mix(a), mix(b));
            }
        }
    }
}
