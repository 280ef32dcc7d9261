//! Open requests by id: bounded in count and bytes, and by event time.

use tamis_sdk::lru::hash;

use crate::{
    bytes::{place, same},
    event::Facts,
};

/// A request whose lines are still coming.
#[derive(Debug, Default)]
pub struct Slot {
    /// 0: free.
    key: u64,
    /// When it was last looked at, in looks: clocks may jump, and lines may have equal times.
    used: u64,
    /// How many requests share the id just now. 0: it is finished, but its exception may follow.
    pub open: u32,
    /// What is known.
    pub facts: Facts,
}

/// Requests with equal low bits of the key's hash share so many places.
const WAYS: usize = 8;

/// The table. Slots keep their memory, so in steady state nothing is allocated.
#[derive(Debug)]
pub struct Table {
    slots: Vec<Slot>,
    /// How many sets there are, as a power of two.
    bits: u32,
    max_age_ms: i64,
    looks: u64,
}

/// The key of an id in a stream.
pub fn key(stream: u64, id: &[u8]) -> u64 {
    (hash(id) ^ stream.rotate_left(17)).max(1)
}

impl Table {
    /// A table for at least `open` requests, which are given up after `max_age_ms`.
    pub fn new(open: usize, max_age_ms: i64) -> Self {
        let sets = open.div_ceil(WAYS).next_power_of_two();
        let slots = std::iter::repeat_with(Slot::default).take(sets * WAYS).collect();
        Self { slots, bits: sets.trailing_zeros(), max_age_ms, looks: 0 }
    }

    /// Where the places that a request with this key may have begin.
    fn first(&self, key: u64) -> usize {
        place(key, self.bits) * WAYS
    }

    fn set(&mut self, key: u64) -> &mut [Slot] {
        let first = self.first(key);
        self.slots.get_mut(first..first + WAYS).unwrap_or_default()
    }

    /// The request with this id, if its lines are not too long ago.
    pub fn get(&mut self, key: u64, id: &[u8], now_ms: i64) -> Option<&mut Slot> {
        let place = self.find(key, id, now_ms)?;
        self.at(place)
    }

    /// Where the request with this id is, for [`at`](Self::at), if its lines are not too long ago.
    pub fn find(&mut self, key: u64, id: &[u8], now_ms: i64) -> Option<usize> {
        let max_age_ms = self.max_age_ms.unsigned_abs();
        self.looks += 1;
        let looks = self.looks;
        let way = self.set(key).iter().position(|s| s.key == key && same(&s.facts.id, id))?;
        let place = self.first(key) + way;
        let slot = self.at(place)?;
        slot.used = looks;
        (now_ms.abs_diff(slot.facts.time_ms) <= max_age_ms).then_some(place)
    }

    /// The request that was found there.
    pub fn at(&mut self, place: usize) -> Option<&mut Slot> {
        self.slots.get_mut(place)
    }

    /// A fresh place for this id, instead of the request of the same id, or a free, finished or the oldest one.
    pub fn insert(&mut self, key: u64, id: &[u8], now_ms: i64) -> Option<&mut Slot> {
        self.looks += 1;
        let looks = self.looks;
        let set = self.set(key);
        let victim = set
            .iter()
            .position(|s| s.key == key && same(&s.facts.id, id))
            .or_else(|| (0..set.len()).min_by_key(|&i| (set[i].key != 0, set[i].open > 0, set[i].used)))?;
        let slot = set.get_mut(victim)?;
        slot.key = key;
        slot.used = looks;
        slot.open = 1;
        slot.facts.clear();
        slot.facts.id(id);
        slot.facts.time_ms = now_ms;
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_in_their_end_do_not_crowd_each_other_out() {
        let mut table = Table::new(1024, 1000);
        let ids: Vec<String> = (0..200).map(|i| format!("94afbc3f-9ffc-48ea-a403-{i:012x}")).collect();
        for id in &ids {
            table.insert(key(1, id.as_bytes()), id.as_bytes(), 0).unwrap();
        }
        let found = ids.iter().filter(|id| table.get(key(1, id.as_bytes()), id.as_bytes(), 0).is_some());
        assert_eq!(found.count(), 200);
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_makes_way() {
        let mut table = Table::new(8, 1000);
        for i in 0..10_000i64 {
            let id = format!("id-{i}");
            table.insert(key(1, id.as_bytes()), id.as_bytes(), i).unwrap();
        }
        // Also where clocks stand still or go back.
        for i in 0..20i64 {
            let id = format!("back-{i}");
            table.insert(key(1, id.as_bytes()), id.as_bytes(), 9000 - i / 8).unwrap();
        }
        assert!(table.get(key(1, b"back-12"), b"back-12", 9000).is_some());
        assert!(table.get(key(1, b"id-9999"), b"id-9999", 9999).is_none());
        table.insert(key(1, b"id-9999"), b"id-9999", 9999).unwrap();
        assert_eq!(table.slots.len(), 8);
        assert!(table.get(key(1, b"id-9999"), b"id-9999", 10_000).is_some());
        assert!(table.get(key(1, b"id-9999"), b"id-9999", 20_000).is_none());
        assert!(table.get(key(1, b"id-1"), b"id-1", 10_000).is_none());
        assert!(table.get(key(2, b"id-9999"), b"id-9999", 10_000).is_none());
    }
}
