//! Records that are known to stay as they are.
//!
//! Programs write the same few lines over and over, but for times, ids and small numbers. The form of a record is
//! its bytes without those; a record that stayed as it was lets all of its form pass. What is left out of a form
//! must be what no rule tells apart. `sieve` passes over the same times, ids and hashes in fields ([`time`], [`uuid`],
//! [`hash_in_hex`]); numbers of fewer than [`NUMBER_BYTES`](crate::sieve::NUMBER_BYTES) bytes, and those with a point,
//! matter to none but their name, and whether they are 0. In text it is the word beside a value that may make it a
//! secret or a code, and how the value is made: of digits and letters by turns, of so many digits. So ids that are not
//! made like most stay in the form, and so does the length of a number.

mod form;
mod value;

use tamis_sdk::lru::hash;

use self::form::Form;
pub use self::value::{hash_in_hex, time, uuid};

/// Longer records are seldom alike; stack traces of Go have up to this.
const MAX_BYTES: usize = 2 << 10;
/// Forms with equal low bits of their hash share so many places.
const WAYS: usize = 4;
/// How many such sets there are. All forms together take 4 MiB at most, and a tenth of that in practice.
const SETS: usize = 512;

/// A form.
#[derive(Debug, Default)]
struct Slot {
    hash: u64,
    form: Vec<u8>,
    /// The numbers that were `0` in all records that stayed as they were. That is hidden nowhere, so that it says
    /// nothing about other numbers.
    zeros: u64,
    /// It let a record pass since another one wanted its place.
    used: bool,
}

/// The forms of records that stay as they are.
#[derive(Debug)]
pub struct Known {
    slots: Vec<Slot>,
    /// Of the record at hand.
    form: Form,
    /// That of the form, if there is one.
    hash: Option<u64>,
    /// Who has to go next.
    turn: usize,
}

impl Known {
    /// None are known.
    pub fn new() -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(SETS * WAYS).collect();
        Self { slots, form: Form::default(), hash: None, turn: 0 }
    }

    /// Whether a record is of a form that stays as it is. `json`: it is meant to be JSON, else it is text.
    pub fn knows(&mut self, json: bool, body: &[u8]) -> bool {
        self.hash = None;
        if body.len() > MAX_BYTES || !self.form.set(json, body) {
            return false;
        }
        let hash = hash(&self.form.bytes);
        self.hash = Some(hash);
        let Some(slot) = set(&mut self.slots, hash).iter_mut().find(|s| s.hash == hash) else { return false };
        let known = slot.zeros & !self.form.zeros == 0 && equal(&slot.form, &self.form.bytes);
        slot.used |= known;
        known
    }

    /// Whether there is anything to [`learn`](Self::learn).
    pub fn asks(&self) -> bool {
        self.hash.is_some()
    }

    /// The record that was asked for last stays as it is.
    pub fn learn(&mut self) {
        let Some(hash) = self.hash.take() else { return };
        let set = set(&mut self.slots, hash);
        if let Some(slot) = set.iter_mut().find(|s| s.hash == hash && s.form == self.form.bytes) {
            slot.zeros &= self.form.zeros;
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        let turn = self.turn;
        match (0..WAYS).map(|i| (turn + i) % WAYS).find(|i| set.get(*i).is_some_and(|s| !s.used)) {
            Some(free) => {
                let slot = &mut set[free];
                slot.hash = hash;
                slot.form.clone_from(&self.form.bytes);
                slot.zeros = self.form.zeros;
            }
            None => set.iter_mut().for_each(|slot| slot.used = false),
        }
    }
}

/// The places that a form with this hash may have.
fn set(slots: &mut [Slot], hash: u64) -> &mut [Slot] {
    let first = hash as usize % SETS * WAYS;
    slots.get_mut(first..first + WAYS).unwrap_or_default()
}

impl Default for Known {
    fn default() -> Self {
        Self::new()
    }
}

/// As `==`, which looks at one byte after the other in an interpreter.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let ((words, tail), (others, rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    words.len() == others.len() && tail == rest && words.iter().zip(others).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_from_the_second_time_on() {
        let mut known = Known::new();
        for n in 1..=3 {
            let body = format!("{{\"msg\":\"done\",\"n\":{n}}}");
            assert_eq!(known.knows(true, body.as_bytes()), n > 1);
            known.learn();
        }
        assert!(known.knows(true, br#"{"msg":"done","n":0}"#));
        assert!(!known.knows(true, br#"{"msg":"done","n":"1"}"#));
        assert!(!known.knows(false, br#"{"msg":"done","n":0}"#));
        assert!(!known.knows(true, &[b' '; MAX_BYTES + 1]));
        assert!(!known.asks());
        known.learn();
    }

    #[test]
    fn a_line_of_a_container_runtime_is_of_its_own_form() {
        let mut known = Known::new();
        for time in ["2026-11-21 00:15:48", "2026/11/21 00:15:48.123", "2026-11-21T00:15:48"] {
            known.knows(false, format!("{time} stderr P x").as_bytes());
            known.learn();
        }
        assert!(known.knows(false, b"2026/11/21 00:15:49 stderr P x"));
        assert!(!known.knows(false, b"2026-11-21T00:15:49.123456789Z stderr P x"));
    }

    #[test]
    fn what_a_zero_says_is_said_of_zeros() {
        let mut known = Known::new();
        let record = |pin: u32, code: u32| format!("{{\"pin\":{pin},\"code\":{code}}}");
        let mut knows = |pin, code| {
            let known_before = known.knows(true, record(pin, code).as_bytes());
            known.learn();
            known_before
        };
        assert!(!knows(0, 0));
        assert!(knows(0, 0));
        assert!(!knows(0, 5));
        assert!(knows(0, 7));
        assert!(!knows(3, 0));
        assert!(knows(3, 7));
    }
}
