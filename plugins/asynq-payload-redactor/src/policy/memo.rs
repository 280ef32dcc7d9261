//! What was made of names before: programs use the same few hundred names over and over.

use tamis_detectors::keys::KeyClass;
use tamis_sdk::lru::hash;

/// Longest name that is remembered, in bytes.
const MAX_KEY: usize = 24;
/// Longest name of the object around it.
const MAX_PARENT: usize = 16;
const SLOTS: usize = 512;

/// What a name means outside of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// It names a payload.
    pub payload: bool,
    /// It names something sensitive.
    pub class: Option<KeyClass>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key_len: u8,
    parent_len: u8,
    key: [u8; MAX_KEY],
    parent: [u8; MAX_PARENT],
    judgement: Judgement,
}

/// A direct-mapped cache from a name and that of the object around it to what it means.
#[derive(Debug)]
pub struct Memo(Vec<Slot>);

impl Default for Memo {
    fn default() -> Self {
        let empty = Slot {
            // No name is that long.
            key_len: u8::MAX,
            parent_len: 0,
            key: [0; MAX_KEY],
            parent: [0; MAX_PARENT],
            judgement: Judgement::default(),
        };
        Self(vec![empty; SLOTS])
    }
}

impl Memo {
    /// What `judge` says of `key` under `parent`, or said before.
    pub fn get_or(&mut self, key: &[u8], parent: &[u8], judge: impl FnOnce() -> Judgement) -> Judgement {
        if key.len() > MAX_KEY || parent.len() > MAX_PARENT {
            return judge();
        }
        let index = (hash(key) ^ hash(parent).rotate_left(7)) as usize & (SLOTS - 1);
        let Some(slot) = self.0.get_mut(index) else { return judge() };
        if usize::from(slot.key_len) == key.len()
            && usize::from(slot.parent_len) == parent.len()
            && slot.key.starts_with(key)
            && slot.parent.starts_with(parent)
        {
            return slot.judgement;
        }
        let judgement = judge();
        slot.key_len = key.len() as u8;
        slot.parent_len = parent.len() as u8;
        slot.key[..key.len()].copy_from_slice(key);
        slot.parent[..parent.len()].copy_from_slice(parent);
        slot.judgement = judgement;
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_once() {
        let mut memo = Memo::default();
        let payload = Judgement { payload: true, class: None };
        assert_eq!(memo.get_or(b"payload", b"", || payload), payload);
        assert_eq!(memo.get_or(b"payload", b"", || unreachable!()), payload);
        assert_eq!(memo.get_or(b"payload", b"x", Judgement::default), Judgement::default());
        assert_eq!(memo.get_or(b"", b"", || payload), payload);
        let long = [b'a'; 25];
        assert_eq!(memo.get_or(&long, b"", || payload), payload);
        assert_eq!(memo.get_or(&long, b"", Judgement::default), Judgement::default());
    }
}
