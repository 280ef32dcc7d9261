//! Which hosts `--host` takes: help, errors and completions list those, and no others.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::host::HostKind;

/// Any host.
pub(super) fn any() -> impl TypedValueParser<Value = HostKind> {
    of(HostKind::ALL.iter())
}

/// A host that loads an artifact, which the native one does not.
pub(super) fn of_artifacts() -> impl TypedValueParser<Value = HostKind> {
    of(HostKind::ALL.iter().filter(|host| **host != HostKind::Native))
}

fn of<'a>(hosts: impl Iterator<Item = &'a HostKind>) -> impl TypedValueParser<Value = HostKind> {
    PossibleValuesParser::new(hosts.map(|host| host.name())).try_map(|name| name.parse::<HostKind>())
}
