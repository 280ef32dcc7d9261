//! How fast a recording is replayed: which moment of the replay a record belongs to.

use std::{
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// The speed of a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As fast as it goes.
    Max,
    /// So many times as fast as it was.
    Times(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = match text {
            "max" => return Ok(Self::Max),
            "real" => Some(1.0),
            _ => text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok()),
        };
        let factor = factor.filter(|f| (0.001..=1e6).contains(f));
        factor
            .map(Self::Times)
            .ok_or_else(|| format!("'{text}' is no rate: real, max, or 0.001x to 1000000x"))
    }
}

/// A clock that can be waited on.
pub trait Clock {
    /// Time since some moment.
    fn now(&self) -> Duration;
    /// Wait until then.
    fn sleep_until(&mut self, moment: Duration);
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&mut self, moment: Duration) {
        thread::sleep(moment.saturating_sub(self.now()));
    }
}

/// Says when records are due.
#[derive(Debug)]
pub struct Pacer {
    rate: Rate,
    /// The moment of the first record, and its time in the recording.
    start: Option<(Duration, u64)>,
}

impl Pacer {
    /// A replay that has not begun.
    pub fn new(rate: Rate) -> Self {
        Self { rate, start: None }
    }

    /// When a record of this time is due, by a clock that shows `now`. What is older than the
    /// first record, or comes late for other reasons, is due at once.
    pub fn due(&mut self, time_ns: u64, now: Duration) -> Duration {
        let Rate::Times(factor) = self.rate else { return now };
        let (moment, first_ns) = *self.start.get_or_insert((now, time_ns));
        let after = Duration::from_nanos(time_ns.saturating_sub(first_ns)).as_secs_f64() / factor;
        let after = Duration::try_from_secs_f64(after).unwrap_or(Duration::MAX);
        moment.saturating_add(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("real".parse(), Ok(Rate::Times(1.0)));
        assert_eq!("10x".parse(), Ok(Rate::Times(10.0)));
        assert_eq!("0.5x".parse(), Ok(Rate::Times(0.5)));
        for wrong in ["", "x", "0x", "-1x", "10", "nanx", "infx", "1e9x", "fast"] {
            assert!(wrong.parse::<Rate>().unwrap_err().contains("is no rate"), "{wrong}");
        }
    }

    #[test]
    fn records_are_due_by_their_times() {
        let second = 1_000_000_000;
        let ms = Duration::from_millis;
        let mut pacer = Pacer::new(Rate::Times(10.0));
        let start = ms(500);
        assert_eq!(pacer.due(100 * second, start), start);
        assert_eq!(pacer.due(101 * second, start), start + ms(100));
        assert_eq!(pacer.due(99 * second, ms(700)), start, "what is older is due at once");
        assert_eq!(pacer.due(160 * second, ms(700)), start + ms(6000));
        assert_eq!(Pacer::new(Rate::Max).due(160 * second, ms(7)), ms(7));
        let mut slow = Pacer::new(Rate::Times(0.001));
        slow.due(0, start);
        assert!(slow.due(u64::MAX, start) > start);
    }
}
