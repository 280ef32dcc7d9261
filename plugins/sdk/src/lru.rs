//! A bounded cache from short byte strings to short byte strings, for pseudonyms: keyed
//! hashing costs 6 to 20 µs in an interpreter and ipcrypt-pfx 600 µs.
//!
//! Four-way set-associative with least-recently-used eviction within a set. All memory is
//! allocated at the start; looking up and storing never allocate. Keys or values that do
//! not fit a slot are not cached, which costs time and never correctness.

/// Longest key that is cached, in bytes.
pub const MAX_KEY: usize = 62;
/// Longest value that is cached, in bytes.
pub const MAX_VALUE: usize = 60;
const WAYS: usize = 4;

#[derive(Clone)]
struct Slot {
    /// 0 = empty; otherwise the tick of its last use.
    used: u32,
    key_len: u8,
    value_len: u8,
    key: [u8; MAX_KEY],
    value: [u8; MAX_VALUE],
}

/// The cache.
pub struct Lru {
    slots: Vec<Slot>,
    set_mask: usize,
    tick: u32,
}

impl std::fmt::Debug for Lru {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lru({} slots)", self.slots.len())
    }
}

impl Lru {
    /// A cache of at least `capacity` entries (128 bytes each), rounded up to a power of two.
    pub fn new(capacity: usize) -> Self {
        let sets = capacity.div_ceil(WAYS).next_power_of_two();
        let empty = Slot { used: 0, key_len: 0, value_len: 0, key: [0; MAX_KEY], value: [0; MAX_VALUE] };
        Self { slots: vec![empty; sets * WAYS], set_mask: sets - 1, tick: 0 }
    }

    /// The value stored under `key`, or what `make` appends, which is stored.
    /// Either is appended to `out`.
    pub fn get_or(&mut self, key: &[u8], out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) {
        if key.len() > MAX_KEY {
            return make(out);
        }
        let first = (hash(key) as usize & self.set_mask) * WAYS;
        self.tick = self.tick.checked_add(1).unwrap_or_else(|| {
            // Once in four billion uses the order of use is forgotten.
            self.slots.iter_mut().for_each(|s| s.used = s.used.min(1));
            2
        });
        let tick = self.tick;
        let Some(set) = self.slots.get_mut(first..first + WAYS) else { return make(out) };
        let mut oldest = 0;
        for i in 0..WAYS {
            let slot = &mut set[i];
            if slot.used != 0 && &slot.key[..usize::from(slot.key_len)] == key {
                slot.used = tick;
                out.extend_from_slice(&slot.value[..usize::from(slot.value_len)]);
                return;
            }
            if set[i].used < set[oldest].used {
                oldest = i;
            }
        }
        let start = out.len();
        make(out);
        let value = &out[start..];
        if value.len() <= MAX_VALUE {
            let slot = &mut set[oldest];
            slot.used = tick;
            slot.key_len = key.len() as u8;
            slot.value_len = value.len() as u8;
            slot.key[..key.len()].copy_from_slice(key);
            slot.value[..value.len()].copy_from_slice(value);
        }
    }
}

/// A fast hash for placing entries; who floods one set only makes its own entries slow.
pub fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut h = (bytes.len() as u64).wrapping_mul(K);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        h = (h ^ u64::from_le_bytes(*word)).wrapping_mul(K);
        h ^= h >> 29;
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    h = (h ^ u64::from_le_bytes(last)).wrapping_mul(K);
    h ^ (h >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(lru: &mut Lru, key: &str, made: &mut usize) -> String {
        let mut out = Vec::new();
        lru.get_or(key.as_bytes(), &mut out, |out| {
            *made += 1;
            out.extend_from_slice(key.to_uppercase().as_bytes());
        });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_made_once_while_they_fit() {
        let (mut lru, mut made) = (Lru::new(64), 0);
        for _ in 0..3 {
            for key in ["a", "b", ""] {
                assert_eq!(get(&mut lru, key, &mut made), key.to_uppercase());
            }
        }
        assert_eq!(made, 3);
        let long = "x".repeat(MAX_KEY + 1);
        get(&mut lru, &long, &mut made);
        assert_eq!(get(&mut lru, &long, &mut made), long.to_uppercase());
        assert_eq!(made, 5);
    }

    #[test]
    fn memory_is_bounded_and_answers_stay_right() {
        let (mut lru, mut made) = (Lru::new(16), 0);
        for i in 0..10_000 {
            let key = format!("key-{}", i % 100);
            assert_eq!(get(&mut lru, &key, &mut made), key.to_uppercase());
        }
        assert_eq!(lru.slots.len(), 16);
        lru.tick = u32::MAX;
        assert_eq!(get(&mut lru, "key-1", &mut made), "KEY-1");
    }
}
