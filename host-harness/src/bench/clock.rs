//! What is read off the machine: CPU time, memory, and the middle of many readings.

use std::{fs, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread: what other programs do meanwhile does not count.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The value in the middle; of an even number, the lower of the two.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Resident memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Now, in bytes.
    pub now_bytes: u64,
    /// The most there ever was, in bytes.
    pub peak_bytes: u64,
}

/// Resident memory of this process; `None` where there is no `/proc`.
#[must_use]
pub fn resident() -> Option<Resident> {
    parse(&fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<Resident> {
    let bytes = |name: &str| {
        let field = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = field.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    };
    Some(Resident { now_bytes: bytes("VmRSS:")?, peak_bytes: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0]) - 1.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2176 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse(status), Some(Resident { now_bytes: 1024, peak_bytes: 2176 * 1024 }));
        assert_eq!(parse("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn work_takes_cpu_time() {
        let start = thread_cpu_time();
        let mut sum = 0u64;
        while thread_cpu_time() == start {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(thread_cpu_time() > start);
    }
}
