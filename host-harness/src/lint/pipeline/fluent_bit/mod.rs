//! Fluent Bit: both syntaxes of its configuration, and how records find their way by tags.

mod check;
mod flow;
mod model;
mod read;
mod tags;

pub(super) use self::{
    check::check,
    read::{Beside, Text},
};
use self::{
    model::Pipeline,
    read::{classic, yaml},
};
use super::node::Node;

pub(super) fn from_classic(text: Text<'_>) -> Pipeline {
    classic(text)
}

pub(super) fn from_yaml(document: &Node, text: Text<'_>) -> Pipeline {
    yaml(document, text)
}

/// Whether a file is in YAML, by its name, as Fluent Bit has it.
pub(super) fn is_yaml(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

/// Whether a file is in the classic syntax, by its name.
pub(super) fn is_classic(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("conf"))
}
