//! Counters in the host: those of a shell, and those of the filter in it.

use std::cell::RefCell;

use super::{plugin::Core, sys};
use crate::Filter;

/// Counters by the ids that the host has given them. A host without metrics is a host all the same: then there are
/// none, and counting does nothing. A metric that cannot be counted is no reason to hold up a request.
pub(super) struct Metrics {
    shell: Vec<u32>,
    filter: Vec<u32>,
}

/// The name of a counter in the host.
pub(super) fn name<F: Filter>(of: &str) -> String {
    format!("tamis.{}.{of}", F::NAME)
}

impl Metrics {
    /// Make the counters of the shell and of the filter known to the host.
    pub fn define<F: Filter>(shell: &[&str]) -> Self {
        let define = |names: &[&str]| {
            let ids = names.iter().map(|of| sys::define_counter(&name::<F>(of)));
            ids.collect::<Result<Vec<u32>, _>>().unwrap_or_default()
        };
        Self { shell: define(shell), filter: define(F::COUNTERS) }
    }

    /// Add to the counters of the shell, in their order.
    pub fn add(&self, counts: &[u64]) {
        for (&id, &count) in self.shell.iter().zip(counts) {
            if count > 0 {
                let _ = sys::increment(id, count);
            }
        }
    }

    /// Bring the filter's counters up to date.
    pub fn tell<F: Filter>(&self, core: &RefCell<Core<F>>) {
        let mut news = Vec::new();
        if let Ok(mut core) = core.try_borrow_mut() {
            let Core { session, told, .. } = &mut *core;
            for (((_, now), told), &id) in session.counters().zip(told.iter_mut()).zip(&self.filter) {
                if now > *told {
                    news.push((id, now - *told));
                    *told = now;
                }
            }
        }
        for (id, count) in news {
            let _ = sys::increment(id, count);
        }
    }
}
