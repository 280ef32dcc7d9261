//! All checks: what each is about, for which hosts, why it matters, and what cures it.

use serde::Serialize;

use crate::host::HostKind;

/// A check.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    /// What `--only` and `--skip` call it.
    pub name: &'static str,
    /// The hosts whose artifacts it is for.
    #[serde(serialize_with = "names")]
    pub hosts: &'static [HostKind],
    /// It runs only if these did not fail.
    pub needs: &'static [&'static str],
    /// What is checked.
    pub about: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do if it fails.
    pub cure: &'static str,
}

fn names<S: serde::Serializer>(hosts: &&'static [HostKind], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hosts.iter().map(|h| h.name()))
}

const ALL: &[HostKind] = &[HostKind::Component, HostKind::FluentBit, HostKind::ProxyWasm];
const COMPONENT: &[HostKind] = &[HostKind::Component];
const FLUENT_BIT: &[HostKind] = &[HostKind::FluentBit];
const PROXY_WASM: &[HostKind] = &[HostKind::ProxyWasm];
const BATCHES: &[HostKind] = &[HostKind::Component, HostKind::ProxyWasm];

/// All of them, in the order in which they run.
pub const CHECKS: &[Check] = &[
    Check {
        name: "exports",
        hosts: ALL,
        needs: &[],
        about: "everything the host calls is exported, with the right type",
        why: "the host finds what it calls by name and type; Fluent Bit loses every record if it does not",
        cure: "export the named items with these types; in Rust: #[no_mangle] extern \"C\", or wit-bindgen for \
               components, or the proxy-wasm crate",
    },
    Check {
        name: "imports",
        hosts: ALL,
        needs: &[],
        about: "it imports nothing that the host does not give",
        why: "a missing import stops the host at its start, or traps at the first call",
        cure: "build without what asks for it: files, clocks, randomness, threads, sockets; for a component \
               pack it so that WASI is answered inside",
    },
    Check {
        name: "features",
        hosts: FLUENT_BIT,
        needs: &[],
        about: "the runtimes of which Fluent Bit versions load its WebAssembly features",
        why: "WAMR, as Fluent Bit builds it, has no SIMD, tail calls, threads, exceptions or garbage \
              collection, and no reference types before 4.0.3: it refuses the module",
        cure: "compile without the named features; overlong table indices that pass for reference types go \
               away with -C link-arg=--compress-relocations",
    },
    Check {
        name: "describe",
        hosts: COMPONENT,
        needs: &["exports", "imports"],
        about: "filter.describe gives a name and a version, before initialize",
        why: "hosts and tools find a filter's config and metrics by its name",
        cure: "give a name of lower-case letters, digits and hyphens, and a version as in semver",
    },
    Check {
        name: "schema",
        hosts: COMPONENT,
        needs: &["describe"],
        about: "the config schema is a JSON Schema of an object",
        why: "editors and `tamis filters --schema` check configs with it before they reach a host",
        cure: "give a JSON document, draft 2020-12, whose root has \"type\": \"object\" or refers to one",
    },
    Check {
        name: "start",
        hosts: ALL,
        needs: &["exports", "imports"],
        about: "it starts with the config",
        why: "a filter that does not start stops its host, or lets records pass as they are",
        cure: "read the message; give a config with --config if it needs one",
    },
    Check {
        name: "refusal",
        hosts: ALL,
        needs: &["start"],
        about: "it refuses a config that is not JSON, in words",
        why: "a filter that starts with defaults in place of a broken config lets pass what it was told to hide",
        cure: "component: return init-error; proxy-wasm: log at critical and return false from \
               proxy_on_configure; Fluent Bit: a message on stderr and exit(1) in _initialize",
    },
    Check {
        name: "allocator",
        hosts: FLUENT_BIT,
        needs: &["start"],
        about: "malloc and free are exported as a pair, and give memory of their own",
        why: "without the pair Fluent Bit copies records into a heap of 8 KiB: larger ones arrive as \
              pointer 0 and are lost",
        cure: "export malloc: (i32) -> (i32) and free: (i32) -> () both",
    },
    Check {
        name: "result",
        hosts: ALL,
        needs: &["start", "allocator"],
        about: "plain records come back in the form the host reads",
        why: "Fluent Bit loses a record without a word if the result is null, not NUL-terminated or no \
              JSON object; other hosts use nothing of an outcome that breaks the contract",
        cure: "Fluent Bit: return the record's own pointer if nothing changed, else a NUL-terminated JSON \
               object in a buffer that lives on; component: a verdict per record, an end per body",
    },
    Check {
        name: "null-record",
        hosts: FLUENT_BIT,
        needs: &["result"],
        about: "a record that arrives as pointer 0 does no harm",
        why: "that is what Fluent Bit passes, with the length, if it gets no memory for a copy",
        cure: "look at the pointer before using it, and return a JSON object that says what happened",
    },
    Check {
        name: "stack",
        hosts: FLUENT_BIT,
        needs: &["result"],
        about: "its calls fit into wasm_stack_size, 8 KiB by default",
        why: "Fluent Bit's interpreter traps when they do not, and the record is lost",
        cure: "no recursion on what is nested, no regex or serde_json::Value, big functions kept out of deep \
               chains of calls; or set wasm_stack_size to what is needed",
    },
    Check {
        name: "chunks",
        hosts: PROXY_WASM,
        needs: &["result"],
        about: "a body that comes in pieces, cut at any byte, is filtered like the whole",
        why: "where a body is cut is up to the network: a secret across a cut would pass",
        cure: "return Pause from the body callback until end_of_stream, then read and set all of it",
    },
    Check {
        name: "batches",
        hosts: BATCHES,
        needs: &["result"],
        about: "records filtered together come out as one by one",
        why: "how records are batched is up to the host and changes from run to run",
        cure: "carry what must be remembered from record to record, and nothing from batch to batch",
    },
    Check {
        name: "hostile",
        hosts: ALL,
        needs: &["result"],
        about: "odd but valid records: 1 MB, duplicate keys, big numbers, controls, deep nesting",
        why: "whoever writes to a log chooses such records; a trap loses them, and in a proxy all that follow",
        cure: "no panic on any input: no unwrap, no fixed buffers, no recursion on depth",
    },
    Check {
        name: "malformed",
        hosts: ALL,
        needs: &["result"],
        about: "what is no JSON object: text, arrays, nothing, NUL, invalid UTF-8, 100,000 levels",
        why: "files and networks hold such bytes; a filter must answer something and go on",
        cure: "on bytes that are not JSON give them back, drop them, or handle them as text; never trap",
    },
    Check {
        name: "poison",
        hosts: ALL,
        needs: &["result"],
        about: "after 5,000 hostile records good ones come out as before them",
        why: "an instance lives for days; Fluent Bit goes on with it even after a trap, which leaves its stack \
              pointer where it was: after some thousand traps every record is lost",
        cure: "do not trap; or reset the stack pointer at the start of each call",
    },
    Check {
        name: "determinism",
        hosts: ALL,
        needs: &["result"],
        about: "two instances make the same of the same records",
        why: "workers and restarts must agree, or records can be neither compared nor deduplicated",
        cure: "no clock, no randomness, no order of a hash map in the output; time comes from the record",
    },
    Check {
        name: "untouched",
        hosts: ALL,
        needs: &["result"],
        about: "what it does not change keeps its value, and its spelling",
        why: "2^53+1 read as a float becomes another number: ids and amounts change in silence",
        cure: "edit the text of the record, or use exact numbers (serde_json: arbitrary_precision and \
               preserve_order)",
    },
    Check {
        name: "idempotence",
        hosts: ALL,
        needs: &["result"],
        about: "filtering twice is the same as once (asked for with --idempotent)",
        why: "records meet redactors more than once, on an agent and again on an aggregator",
        cure: "recognise your own replacements and leave them alone",
    },
    Check {
        name: "memory",
        hosts: ALL,
        needs: &["result"],
        about: "memory does not grow with the number of records",
        why: "an instance lives as long as its host; linear memory never shrinks",
        cure: "hand out one buffer again and again; the host never frees what it gets",
    },
    Check {
        name: "leaking-host",
        hosts: FLUENT_BIT,
        needs: &["memory"],
        about: "it also lives in 4.1.0, 4.1.1 and before 4.0.14, which do not free tag and record",
        why: "these versions leak both copies in the module's memory with every record",
        cure: "export a malloc that hands out the same arena for every record, and a free that does nothing",
    },
];

/// What a check needs on a host.
pub(super) fn needs(check: &Check, host: HostKind) -> impl Iterator<Item = &'static str> {
    // Where an instance ends with a trap, poison would only say again what these have said.
    let ends: &[&str] = match (check.name, host) {
        ("poison", HostKind::Component | HostKind::ProxyWasm) => &["hostile", "malformed"],
        _ => &[],
    };
    check.needs.iter().chain(ends).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_come_first() {
        for (at, check) in CHECKS.iter().enumerate() {
            for host in check.hosts {
                for needed in needs(check, *host) {
                    let found = CHECKS.iter().position(|c| c.name == needed);
                    assert!(found.is_some_and(|found| found < at), "{} needs {needed}", check.name);
                }
            }
        }
    }
}
