//! The deepest chain of calls that a module allows, from its call graph.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    ENTRY_BYTES,
    frame::{Calls, Flow},
};

/// What the call graph says about the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::conformance) struct Bound {
    /// What the interpreter wants to have free for the deepest chain of calls.
    pub bytes: u32,
    /// Indices of the functions of that chain, the outermost first.
    pub chain: Vec<u32>,
    /// Functions that call each other in a circle, if there is one. Each is counted once then,
    /// and `bytes` bounds nothing.
    pub circle: Vec<u32>,
}

/// The deepest chain of calls from these functions, with or without calls through the table.
/// Those are matched by type alone: many a chain and circle through it cannot happen.
pub(in crate::conformance) fn bound(calls: &Calls, entries: &[u32], through_table: bool) -> Bound {
    let edges = edges(calls, &returning(calls), through_table);
    let (order, circle) = order(&edges, entries);
    // From the leaves up: what a call of each takes, and through whom. What is not known yet
    // has called us.
    let mut needs: BTreeMap<u32, (u32, Option<u32>)> = BTreeMap::new();
    for index in order {
        let Some(function) = calls.defined(index) else { continue };
        // The interpreter asks for twice the frame that it takes.
        let alone = function.frame_bytes.saturating_add(function.frame_bytes.max(2 * function.native_bytes));
        let callees = edges.get(&index).into_iter().flatten();
        let (below, next) = callees
            .filter_map(|callee| Some((needs.get(callee)?.0, Some(*callee))))
            .max()
            .unwrap_or((0, None));
        let chained = function.frame_bytes.saturating_add(below);
        needs.insert(index, if chained > alone { (chained, next) } else { (alone, None) });
    }
    let deepest = entries.iter().filter_map(|entry| Some((needs.get(entry)?.0, *entry))).max();
    let Some((bytes, mut at)) = deepest else {
        return Bound { bytes: 0, chain: Vec::new(), circle };
    };
    let mut chain = vec![at];
    while let Some((_, Some(next))) = needs.get(&at) {
        at = *next;
        chain.push(at);
    }
    Bound { bytes: bytes.saturating_add(ENTRY_BYTES), chain, circle }
}

/// Per function that the module defines: whether it can return at all. What cannot, such as a
/// panic, ends in a trap, and the record is lost with or without room on the stack.
fn returning(calls: &Calls) -> Vec<bool> {
    let mut returns = vec![false; calls.functions.len()];
    loop {
        let mut changed = false;
        for (at, function) in calls.functions.iter().enumerate() {
            if !returns[at] && walk(calls, &function.flow, &returns, |_| {}) {
                returns[at] = true;
                changed = true;
            }
        }
        if !changed {
            return returns;
        }
    }
}

fn returns_at(calls: &Calls, returns: &[bool], index: u32) -> bool {
    match index.checked_sub(calls.imported) {
        None => !calls.exits.contains(&index),
        Some(defined) => returns.get(defined as usize).copied().unwrap_or(true),
    }
}

/// Whom each function calls, on a way that can come back.
fn edges(calls: &Calls, returns: &[bool], through_table: bool) -> BTreeMap<u32, Vec<u32>> {
    let mut edges = BTreeMap::new();
    for (at, function) in (calls.imported..).zip(&calls.functions) {
        let mut callees = Vec::new();
        walk(calls, &function.flow, returns, |step| match step {
            Flow::Call(callee) => callees.push(*callee),
            Flow::CallIndirect(ty) if through_table => {
                callees.extend(calls.in_tables.get(ty).into_iter().flatten());
            }
            _ => {}
        });
        callees.retain(|callee| calls.defined(*callee).is_some() && returns_at(calls, returns, *callee));
        callees.sort_unstable();
        callees.dedup();
        edges.insert(at, callees);
    }
    edges
}

/// An open block.
struct Open {
    is_loop: bool,
    /// An `if` without `else` so far: it can be passed by.
    passes: bool,
    entered: bool,
    left: bool,
}

/// Follow the control flow of a function, visit the calls that can be reached, and tell
/// whether its end can.
fn walk(calls: &Calls, flow: &[Flow], returns: &[bool], mut visit: impl FnMut(&Flow)) -> bool {
    let mut open = vec![Open { is_loop: false, passes: false, entered: true, left: false }];
    let mut live = true;
    for step in flow {
        match step {
            Flow::Block | Flow::Loop | Flow::If => open.push(Open {
                is_loop: matches!(step, Flow::Loop),
                passes: matches!(step, Flow::If),
                entered: live,
                left: false,
            }),
            Flow::Else => {
                if let Some(block) = open.last_mut() {
                    block.left |= live;
                    block.passes = false;
                    live = block.entered;
                }
            }
            Flow::End => {
                if let Some(block) = open.pop() {
                    live |= block.left || (block.passes && block.entered);
                }
            }
            Flow::Branch(depth) | Flow::BranchIf(depth) => {
                leave(&mut open, *depth, live);
                live &= matches!(step, Flow::BranchIf(_));
            }
            Flow::BranchTable(depths) => {
                depths.iter().for_each(|depth| leave(&mut open, *depth, live));
                live = false;
            }
            Flow::Return => {
                if let Some(function) = open.first_mut() {
                    function.left |= live;
                }
                live = false;
            }
            Flow::Unreachable => live = false,
            Flow::Call(callee) if live => {
                visit(step);
                live = returns_at(calls, returns, *callee);
            }
            Flow::CallIndirect(_) if live => visit(step),
            Flow::Call(_) | Flow::CallIndirect(_) => {}
        }
    }
    live
}

fn leave(open: &mut [Open], depth: u32, live: bool) {
    let at = open.len().checked_sub(1 + depth as usize);
    if let Some(block) = at.and_then(|at| open.get_mut(at))
        && !block.is_loop
    {
        block.left |= live;
    }
}

/// What can be reached from `entries`, callees before callers as far as that goes, and the
/// first circle.
fn order(edges: &BTreeMap<u32, Vec<u32>>, entries: &[u32]) -> (Vec<u32>, Vec<u32>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Open,
        Done,
    }
    let mut marks: BTreeMap<u32, Mark> = BTreeMap::new();
    let (mut order, mut circle) = (Vec::new(), Vec::new());
    for &entry in entries {
        let mut path: Vec<(u32, usize)> = Vec::new();
        if let Entry::Vacant(mark) = marks.entry(entry) {
            mark.insert(Mark::Open);
            path.push((entry, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let callee = edges.get(at).and_then(|callees| callees.get(*next)).copied();
            *next += 1;
            let Some(callee) = callee else {
                marks.insert(*at, Mark::Done);
                order.push(*at);
                path.pop();
                continue;
            };
            match marks.get(&callee) {
                None => {
                    marks.insert(callee, Mark::Open);
                    path.push((callee, 0));
                }
                Some(Mark::Open) if circle.is_empty() => {
                    circle = path.iter().map(|(at, _)| *at).skip_while(|at| *at != callee).collect();
                }
                Some(_) => {}
            }
        }
    }
    (order, circle)
}
