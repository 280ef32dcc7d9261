//! The artifacts of the built-in filters, as the build script has packed them.

use crate::host::HostKind;

/// A filter, packed for one host ABI.
#[derive(Debug, Clone, Copy)]
pub struct Artifact {
    /// The filter's name.
    pub filter: &'static str,
    /// The host it is for. Never [`HostKind::Native`], which needs none.
    pub kind: HostKind,
    /// The component or core module.
    pub wasm: &'static [u8],
}

/// All of them.
pub const ALL: &[Artifact] = include!(concat!(env!("OUT_DIR"), "/artifacts.rs"));

/// The artifact of a filter for a host; `None` for an unknown filter and for
/// [`HostKind::Native`].
#[must_use]
pub fn find(filter: &str, kind: HostKind) -> Option<&'static Artifact> {
    ALL.iter().find(|a| a.kind == kind && a.filter == filter)
}

/// The names of the built-in filters.
pub fn filters() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter(|a| a.kind == HostKind::Component).map(|a| a.filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_has_an_artifact_for_every_host_with_an_abi() {
        assert!(filters().any(|f| f == "identity"));
        for filter in filters() {
            for kind in HostKind::ALL {
                let found = find(filter, kind);
                assert_eq!(found.is_some(), kind != HostKind::Native, "{filter} {kind}");
                assert!(found.is_none_or(|a| a.wasm.starts_with(b"\0asm")));
            }
        }
        assert!(find("no-such-filter", HostKind::Component).is_none());
    }
}
