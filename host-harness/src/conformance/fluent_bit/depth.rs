//! How deep the calls of a module go: what a run took from the operand stack, and what the call
//! graph allows.

use std::collections::BTreeMap;

use super::{Guest, Suite};
use crate::{
    conformance::{
        corpus,
        driver::{Driver as _, brief},
        module::function_names,
        report::Verdict,
        stack::{
            DEFAULT_BYTES,
            bound::{self, Bound},
            frame::Calls,
            measure,
        },
    },
    host::proxy_wasm::compile_any as compile,
};

/// What is known about the stack of a module.
struct Depth {
    calls: Calls,
    names: BTreeMap<u32, String>,
    /// The most that a run took.
    taken: u32,
    /// What direct calls allow, and what all calls do.
    direct: Bound,
    all: Bound,
}

pub(super) fn check(suite: &Suite<'_>) -> Verdict {
    let depth = match depth(suite) {
        Ok(depth) => depth,
        Err(error) => return Verdict::skip(format!("cannot be worked out: {}", brief(&error))),
    };
    let Depth { taken, direct, all, .. } = &depth;
    let over = |bytes: u32| bytes > DEFAULT_BYTES;
    let seen = format!("these records took {taken} of {DEFAULT_BYTES} bytes");
    let circle = if direct.circle.is_empty() { &all.circle } else { &direct.circle };
    if over(*taken) {
        return Verdict::fail(match circle.as_slice() {
            [] => seen,
            circle => format!("{seen}; recursion of {}", depth.list(circle)),
        });
    }
    let deepest = format!("direct calls could take {} ({})", direct.bytes, depth.largest(&direct.chain));
    if over(direct.bytes) {
        return Verdict::warn(format!("{seen}, but {deepest}"));
    }
    let rest = match (direct.circle.as_slice(), all.circle.as_slice()) {
        ([], []) if over(all.bytes) => {
            format!("calls by pointer, matched by type, could take {}", all.bytes)
        }
        ([], []) => return Verdict::pass(format!("{seen}; no calls can take more than {}", all.bytes)),
        ([], _) => "recursion through calls by pointer is not ruled out".to_owned(),
        (circle, _) => format!("recursion of {} is counted once", depth.list(circle)),
    };
    Verdict::pass(format!("{seen}; {deepest}; {rest}"))
}

fn depth(suite: &Suite<'_>) -> anyhow::Result<Depth> {
    let wasm = &suite.context.artifact.wasm;
    let calls = Calls::read(wasm)?;
    let counting = compile(suite.context.engines, &measure::instrument(wasm, &calls)?)?;
    let mut guest = Guest::start(&suite.plan(&counting, true))?;
    let hostile = corpus::hostile();
    let samples = suite.samples.iter().chain(hostile.iter().map(|named| &named.sample));
    for sample in samples.filter(|sample| suite.fits(sample)) {
        // Faults are for other checks to find.
        if guest.give(sample).is_err_and(|fault| fault.hung) {
            break;
        }
    }
    // What starts it runs once, with the same input: the run has seen it.
    let entries: Vec<u32> = [suite.function, "malloc", "free"]
        .iter()
        .filter_map(|name| calls.exports.get(*name).copied())
        .collect();
    Ok(Depth {
        taken: guest.stack_bytes().unwrap_or(0),
        direct: bound::bound(&calls, &entries, false),
        all: bound::bound(&calls, &entries, true),
        names: function_names(wasm),
        calls,
    })
}

impl Depth {
    fn name(&self, index: u32) -> String {
        self.names.get(&index).cloned().unwrap_or_else(|| format!("function {index}"))
    }

    fn list(&self, functions: &[u32]) -> String {
        const MOST: usize = 4;
        let mut list: Vec<String> = functions.iter().take(MOST).map(|index| self.name(*index)).collect();
        if functions.len() > MOST {
            list.push("...".to_owned());
        }
        list.join(" > ")
    }

    /// How long a chain is, and its largest frames: they are what is worth a look.
    fn largest(&self, chain: &[u32]) -> String {
        const MOST: usize = 3;
        let frame = |index: &u32| Some((self.calls.defined(*index)?.frame_bytes, *index));
        let mut frames: Vec<(u32, u32)> = chain.iter().filter_map(frame).collect();
        frames.sort_unstable_by(|a, b| b.cmp(a));
        let list: Vec<String> =
            frames.iter().take(MOST).map(|(bytes, index)| format!("{} {bytes}", self.name(*index))).collect();
        format!("{} deep, the largest: {}", chain.len(), list.join(", "))
    }
}
