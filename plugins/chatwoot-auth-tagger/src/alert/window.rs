//! Sliding windows of event time by key, in bounded memory.

use std::fmt::Debug;

use tamis_sdk::lru::hash;

/// Something that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// When, in milliseconds since 1970.
    pub ms: i64,
    /// Hash of the user, or of the path for scans; 0 if not known.
    pub user: u32,
    /// Hash of the address; 0 if not known.
    pub ip: u32,
}

/// The hash under which a text counts.
pub fn short(text: &[u8]) -> u32 {
    if text.is_empty() { 0 } else { (hash(text) as u32).max(1) }
}

/// Lines may come this much later than they were written.
const LATE_MS: i64 = 30_000;
/// Texts that are remembered per key, for the lists of alerts.
const NAMES: usize = 32;
/// Longest such text.
const LONGEST: usize = 128;
/// Keys with equal low bits of their hash share so many places.
const WAYS: usize = 8;

/// What is remembered of a key.
#[derive(Debug, Default)]
pub struct Entry {
    /// 0: free.
    key: u64,
    last_ms: i64,
    /// No alert before this time.
    muted_ms: i64,
    /// By time.
    hits: Vec<Hit>,
    names: Vec<(u32, Vec<u8>)>,
    next_name: usize,
}

impl Entry {
    fn add(&mut self, hit: Hit, most: usize, window_ms: i64) -> usize {
        self.last_ms = self.last_ms.max(hit.ms);
        let oldest = self.last_ms - window_ms - LATE_MS;
        if self.hits.first().is_some_and(|h| h.ms <= oldest) {
            self.hits.retain(|h| h.ms > oldest);
        }
        if self.hits.len() >= most {
            self.hits.remove(0);
        }
        let at = self.hits.iter().rposition(|h| h.ms <= hit.ms).map_or(0, |i| i + 1);
        self.hits.insert(at, hit);
        at
    }

    fn remember(&mut self, text: &[u8]) {
        let hash = short(text);
        if hash == 0 || self.names.iter().any(|(h, _)| *h == hash) {
            return;
        }
        if self.names.len() < NAMES {
            self.names.push((hash, text.get(..text.len().min(LONGEST)).unwrap_or_default().to_vec()));
        } else if let Some((known, name)) = self.names.get_mut(self.next_name % NAMES) {
            *known = hash;
            crate::bytes::set(name, text, LONGEST);
            self.next_name += 1;
        }
    }

    /// The text of a hash, if it is remembered.
    pub fn name(&self, hash: u32) -> Option<&[u8]> {
        self.names.iter().find(|(h, _)| *h == hash).map(|(_, text)| text.as_slice())
    }

    /// Hits in the window that ends at `ms`.
    pub fn before(&self, ms: i64, window_ms: i64) -> &[Hit] {
        let start = self.hits.partition_point(|h| h.ms <= ms - window_ms);
        let end = self.hits.partition_point(|h| h.ms <= ms);
        self.hits.get(start..end).unwrap_or_default()
    }

    /// Whether there was an alert in whose window `ms` lies. After a jump back of the clock, an alert of the future
    /// says nothing.
    fn is_muted(&self, ms: i64, window_ms: i64) -> bool {
        ms < self.muted_ms && ms > self.muted_ms - 2 * window_ms
    }

    /// Whether an alert at `ms` is the first of its window; then others are not until it is over.
    pub fn unmuted(&mut self, ms: i64, window_ms: i64) -> bool {
        if self.is_muted(ms, window_ms) {
            return false;
        }
        self.muted_ms = ms + window_ms;
        true
    }
}

/// Windows by key. When a set of places is full, keys whose window is over make way first, then those with the
/// fewest hits: who floods it with new keys pushes out other single hits, not those who come again and again.
#[derive(Debug)]
pub struct Windows {
    entries: Vec<Entry>,
    /// How many sets there are, as a power of two.
    bits: u32,
    /// Length of the window in milliseconds.
    pub window_ms: i64,
    most: usize,
}

impl Windows {
    /// For at least `keys` keys, with at most `most` hits each.
    pub fn new(keys: usize, window_seconds: u32, most: usize) -> Self {
        let sets = keys.div_ceil(WAYS).next_power_of_two();
        let entries = std::iter::repeat_with(Entry::default).take(sets * WAYS).collect();
        Self { entries, bits: sets.trailing_zeros(), window_ms: i64::from(window_seconds) * 1000, most }
    }

    fn set(&mut self, key: u64) -> &mut [Entry] {
        let first = crate::bytes::place(key, self.bits) * WAYS;
        self.entries.get_mut(first..first + WAYS).unwrap_or_default()
    }

    /// What is known of a key.
    pub fn get(&mut self, name: &[u8]) -> Option<&mut Entry> {
        let key = hash(name).max(1);
        self.set(key).iter_mut().find(|e| e.key == key)
    }

    /// Add a hit; the entry, and the end of the first window with this hit for which `over` holds.
    pub fn hit(
        &mut self,
        name: &[u8],
        hit: Hit,
        texts: [&[u8]; 2],
        over: impl Fn(&[Hit]) -> bool,
    ) -> Option<(&mut Entry, i64)> {
        let (window_ms, most) = (self.window_ms, self.most);
        let key = hash(name).max(1);
        let set = self.set(key);
        let at = set.iter().position(|e| e.key == key).or_else(|| {
            (0..set.len()).min_by_key(|&i| {
                let entry = &set[i];
                let live = entry.key != 0 && entry.last_ms > hit.ms - window_ms - LATE_MS;
                (live, entry.hits.len().min(if live { usize::MAX } else { 0 }), entry.last_ms)
            })
        })?;
        let entry = set.get_mut(at)?;
        if entry.key != key {
            entry.key = key;
            entry.last_ms = hit.ms;
            entry.muted_ms = i64::MIN / 2;
            entry.hits.clear();
            entry.names.clear();
        }
        let from = entry.add(hit, most, window_ms);
        texts.into_iter().for_each(|text| entry.remember(text));
        // A hit that comes late is also in windows that ended after it.
        let ends = entry.hits.get(from..).unwrap_or_default().iter().map(|h| h.ms);
        let mut ends = ends.take_while(|ms| *ms < hit.ms + window_ms);
        // While an attack goes on, its alert has been raised: nothing is left to count.
        if ends.clone().all(|ms| entry.is_muted(ms, window_ms)) {
            return None;
        }
        let end = ends.find(|ms| over(entry.before(*ms, window_ms)))?;
        entry.unmuted(end, window_ms).then_some((entry, end))
    }
}

/// How many different values there are, 0 not counted.
pub fn distinct(hits: &[Hit], of: impl Fn(&Hit) -> u32) -> usize {
    let first = |i: usize, value: u32| !hits[..i].iter().any(|h| of(h) == value);
    hits.iter().enumerate().filter(|(i, h)| of(h) != 0 && first(*i, of(h))).count()
}

/// The users with at most `max` hits, as [`distinct`] counts.
pub fn distinct_users(hits: &[Hit], max: usize) -> usize {
    let tries = |user: u32| hits.iter().filter(|h| h.user == user).count();
    let first = |i: usize, user: u32| !hits[..i].iter().any(|h| h.user == user);
    hits.iter().enumerate().filter(|(i, h)| h.user != 0 && first(*i, h.user) && tries(h.user) <= max).count()
}

/// Users with at most `max_tries` hits, and addresses, without the addresses that try `busy` users or more.
pub fn spread(hits: &[Hit], max_tries: usize, busy: usize) -> (usize, usize) {
    let mut all: Vec<(u32, u32)> = hits.iter().map(|h| (h.ip, h.user)).collect();
    all.sort_unstable();
    let mut quiet: Vec<u32> = Vec::with_capacity(all.len());
    let mut addresses = 0;
    for of_one in all.chunk_by(|a, b| a.0 == b.0) {
        if of_one.chunk_by(|a, b| a.1 == b.1).count() < busy {
            addresses += 1;
            quiet.extend(of_one.iter().map(|(_, user)| user));
        }
    }
    quiet.sort_unstable();
    (quiet.chunk_by(|a, b| a == b).filter(|tries| tries.len() <= max_tries).count(), addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Hit {
        Hit { ms, user: 0, ip: 0 }
    }

    fn fires(windows: &mut Windows, ms: i64) -> bool {
        windows.hit(b"k", at(ms), [b"", b""], |hits| hits.len() >= 3).is_some()
    }

    #[test]
    fn windows_are_half_open() {
        let mut windows = Windows::new(8, 10, 64);
        assert!(!fires(&mut windows, 0));
        assert!(!fires(&mut windows, 5000));
        // (0, 10] holds two.
        assert!(!fires(&mut windows, 10_000));
        assert!(fires(&mut windows, 14_999));
        // One alert per window.
        assert!(!fires(&mut windows, 15_000));
        assert!(!fires(&mut windows, 24_998));
        assert!(fires(&mut windows, 24_999));
    }

    #[test]
    fn late_hits_count_where_they_belong() {
        let mut windows = Windows::new(8, 10, 64);
        assert!(!fires(&mut windows, 20_000));
        assert!(!fires(&mut windows, 4000));
        assert!(!fires(&mut windows, 3000));
        assert!(fires(&mut windows, 5000));
    }

    #[test]
    fn who_comes_often_is_not_pushed_out() {
        let mut windows = Windows::new(64, 300, 64);
        for i in 0..100_000i64 {
            let name = format!("one-hit-{i}");
            windows.hit(name.as_bytes(), at(i), [b"", b""], |_| false);
            if i % 1000 < 2 {
                windows.hit(b"often", at(i), [b"", b""], |_| false);
            }
        }
        assert_eq!(windows.entries.len(), 64);
        assert!(windows.get(b"often").is_some_and(|e| e.hits.len() == 64));
    }

    #[test]
    fn distinct_values_are_counted() {
        let hits: Vec<Hit> = [1, 2, 2, 2, 0, 3].iter().map(|&user| Hit { ms: 0, user, ip: 7 }).collect();
        assert_eq!((distinct(&hits, |h| h.user), distinct(&hits, |h| h.ip)), (3, 1));
        assert_eq!(distinct_users(&hits, 2), 2);
        let hit = |user, ip| Hit { ms: 0, user, ip };
        let hits = [
            hit(1, 1),
            hit(2, 1),
            hit(3, 1),
            hit(4, 2),
            hit(5, 2),
            hit(5, 3),
            hit(6, 3),
            hit(6, 3),
            hit(6, 4),
        ];
        assert_eq!(spread(&hits, 2, 3), (2, 3));
    }
}
