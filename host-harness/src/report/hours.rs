//! Counts per hour, and how they come into a chart.

use std::collections::BTreeMap;

/// Hours that are told apart.
const MAX_HOURS: usize = 20_000;
/// Hours that a column may span.
const STEPS: [u64; 9] = [1, 3, 6, 12, 24, 24 * 7, 24 * 30, 24 * 365, 24 * 3650];
/// Columns without anything, one after the other; a longer time is one gap.
const MAX_EMPTY: u64 = 8;

/// Several counts per hour since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours<const N: usize> {
    /// Hours with something in them.
    pub hours: BTreeMap<u64, [u64; N]>,
    /// What has no time, or came when there was no more room.
    pub untimed: [u64; N],
}

impl<const N: usize> Default for Hours<N> {
    fn default() -> Self {
        Self { hours: BTreeMap::new(), untimed: [0; N] }
    }
}

/// Counts in equal steps of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps<const N: usize> {
    /// Hours in each.
    pub hours: u64,
    /// The steps, in order.
    pub list: Vec<Step<N>>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<const N: usize> {
    /// The hour in which it starts.
    pub hour: u64,
    /// The counts.
    pub counts: [u64; N],
    /// It stands for a longer time in which nothing was counted.
    pub gap: bool,
}

impl<const N: usize> Hours<N> {
    /// The counts of an hour.
    pub fn at(&mut self, hour: Option<u64>) -> &mut [u64; N] {
        match hour {
            Some(hour) if self.hours.len() < MAX_HOURS || self.hours.contains_key(&hour) => {
                self.hours.entry(hour).or_insert([0; N])
            }
            _ => &mut self.untimed,
        }
    }

    /// At most `most` steps, the shortest that will do. A long time without anything is one step, so that a time far
    /// away from all others, forged or not, leaves the others their room.
    pub fn steps(&self, most: usize) -> Option<Steps<N>> {
        if self.hours.is_empty() {
            return None;
        }
        STEPS.into_iter().find_map(|hours| {
            let mut list: Vec<Step<N>> = Vec::new();
            for (hour, counts) in &self.hours {
                let start = hour / hours * hours;
                let last = list.last().map_or(start, |step| step.hour);
                if start > last {
                    let empty = (start - last) / hours - 1;
                    let shown = if empty > MAX_EMPTY { 1 } else { empty };
                    list.extend((1..=shown).map(|i| Step {
                        hour: last + i * hours,
                        counts: [0; N],
                        gap: empty > MAX_EMPTY,
                    }));
                }
                match list.last_mut().filter(|step| step.hour == start) {
                    Some(step) => step.counts.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
                    None => list.push(Step { hour: start, counts: *counts, gap: false }),
                }
                if list.len() > most {
                    return None;
                }
            }
            Some(Steps { hours, list })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_room_for_what_happened() {
        let mut hours = Hours::<2>::default();
        assert_eq!(hours.steps(96), None);
        for hour in [1000, 1001, 1005, 1050, 1051] {
            hours.at(Some(hour))[0] += 10;
        }
        hours.at(None)[1] += 3;
        let steps = hours.steps(96).unwrap();
        assert_eq!((steps.hours, steps.list.len()), (1, 9));
        assert_eq!(steps.list.iter().filter(|s| s.gap).count(), 1);
        hours.at(Some(4_000_000))[1] += 1;
        hours.at(Some(1))[1] += 1;
        let steps = hours.steps(96).unwrap();
        assert_eq!((steps.hours, steps.list.len()), (1, 13));
        assert_eq!(steps.list.iter().flat_map(|s| s.counts).sum::<u64>(), 52);
        assert!(steps.list.windows(2).all(|pair| pair[0].hour < pair[1].hour));
        // A year of hours.
        let mut hours = Hours::<1>::default();
        (0..24 * 365).for_each(|h| hours.at(Some(h))[0] += 1);
        let steps = hours.steps(96).unwrap();
        assert_eq!((steps.hours, steps.list.len()), (24 * 7, 53));
        // More than there is room for.
        (0..100_000).for_each(|h| hours.at(Some(h * 3))[0] += 1);
        assert!(hours.hours.len() <= MAX_HOURS && hours.untimed[0] > 0);
        assert!(hours.steps(96).is_some());
    }
}
