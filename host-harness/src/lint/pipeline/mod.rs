//! Pipelines of Fluent Bit, Envoy and Vector: whether records can get past the filters, and whether the filters run.
//!
//! | module | what it knows |
//! |---|---|
//! | `node`, `yaml`, `toml` | configurations as trees that know their lines |
//! | `fluent_bit`, `envoy`, `vector` | one host each |
//! | `artifact` | which filter a `.wasm` is |
//! | `filter_config` | the filters' own configs |
//! | `net` | which addresses are on this machine |

mod artifact;
mod envoy;
mod filter_config;
mod fluent_bit;
mod net;
mod node;
mod rules;
mod toml;
mod vector;
mod yaml;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use self::rules::RULES;
use self::{
    artifact::Site,
    fluent_bit::{Beside, Text},
    node::{Node, Value},
};
use super::{Place, Report, Version};

/// What a pipeline is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Fluent Bit, in either syntax.
    FluentBit,
    /// Envoy, in YAML or JSON.
    Envoy,
    /// Vector, in YAML, TOML or JSON.
    Vector,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::FluentBit => "Fluent Bit",
            Self::Envoy => "Envoy",
            Self::Vector => "Vector",
        }
    }
}

/// What is known beside the file.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it is written for; without it names and contents tell.
    pub kind: Option<Kind>,
    /// The version of Fluent Bit, if that is known.
    pub fluent_bit_version: Option<Version>,
    /// The directory that stands for `/`: where artifacts and configs with absolute paths are looked for.
    pub root: PathBuf,
    /// Variables of Fluent Bit's environment.
    pub environment: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { kind: None, fluent_bit_version: None, root: "/".into(), environment: BTreeMap::new() }
    }
}

/// Look at a file; `name` is what the report calls it, and where includes and relative paths start.
pub fn check(name: &str, bytes: &[u8], options: &Options, report: &mut Report) {
    report.summary.files += 1;
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let path = Path::new(name);
    let base = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let site = Site { root: options.root.clone(), base };
    let mut lint = Lint { options, site: &site, report, beside: &[] };
    let known = lint.text(name, path, text, 0);
    if !known {
        let words = "this is no pipeline of Fluent Bit, Envoy or Vector; say what it is with --type";
        report.problem(Place::file(name), words);
    }
}

struct Lint<'l> {
    options: &'l Options,
    site: &'l Site,
    report: &'l mut Report,
    /// The texts of the ConfigMap that this one is in.
    beside: &'l [Beside<'l>],
}

impl Lint<'_> {
    /// Gives whether it is a pipeline. `path` tells the syntax.
    fn text(&mut self, name: &str, path: &Path, text: &str, offset: u64) -> bool {
        let kind = self.options.kind;
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml")) {
            match toml::parse(text) {
                Ok(tree) => return self.tree(name, &tree, text, offset),
                Err((line, reason)) => self.report.problem(Place::line(name, line + offset), reason),
            }
            return true;
        }
        let may_be_classic = fluent_bit::is_classic(path) || path.extension().is_none() && is_sections(text);
        if may_be_classic && kind.is_none_or(|k| k == Kind::FluentBit) {
            if !is_sections(text) && !text.contains("@INCLUDE") {
                return false;
            }
            let text = Text { file: name, text, offset, base: &self.site.base, beside: self.beside };
            let pipeline = fluent_bit::from_classic(text);
            fluent_bit::check(&pipeline, self.options, self.site, self.report);
            return true;
        }
        match yaml::parse(text) {
            Ok(documents) => {
                let known: Vec<bool> = documents.iter().map(|d| self.tree(name, d, text, offset)).collect();
                known.contains(&true)
            }
            Err((line, reason)) => {
                self.report.problem(Place::line(name, line + offset), reason);
                true
            }
        }
    }

    fn tree(&mut self, name: &str, tree: &Node, text: &str, offset: u64) -> bool {
        if is_config_map(tree) {
            return self.config_map(name, tree, offset);
        }
        let found = if envoy::is_envoy(tree) {
            Some(Kind::Envoy)
        } else if tree.get("pipeline").is_some() || tree.get("includes").is_some() {
            Some(Kind::FluentBit)
        } else if vector::is_vector(tree) {
            Some(Kind::Vector)
        } else {
            None
        };
        let kind = match (self.options.kind, found) {
            (Some(asked), Some(found)) if asked != found => {
                let words = format!("this is a pipeline of {}, not of {}", found.label(), asked.label());
                self.report.problem(Place::file(name), words);
                return true;
            }
            // Whatever belongs to Envoy has one of its names.
            (Some(Kind::Envoy), None) => None,
            (asked, found) => asked.or(found),
        };
        match kind {
            Some(Kind::Envoy) => envoy::check(tree, name, offset, self.site, self.report),
            Some(Kind::Vector) => vector::check(tree, name, offset, self.report),
            Some(Kind::FluentBit) => {
                let text = Text { file: name, text, offset, base: &self.site.base, beside: self.beside };
                let pipeline = fluent_bit::from_yaml(tree, text);
                fluent_bit::check(&pipeline, self.options, self.site, self.report);
            }
            None => return false,
        }
        true
    }

    /// What Kubernetes mounts as files: each is looked at, with the others to include.
    fn config_map(&mut self, name: &str, tree: &Node, offset: u64) -> bool {
        let files = tree.get("data").map(Node::fields).unwrap_or_default();
        let beside: Vec<Beside<'_>> = files
            .iter()
            .filter_map(|f| {
                let block = matches!(f.value.value, Value::Block(_));
                let lines = if block { f.line } else { f.line.saturating_sub(1) };
                Some(Beside { name: &f.name, text: f.value.text()?, offset: offset + lines })
            })
            .collect();
        let mut lint =
            Lint { options: self.options, site: self.site, report: &mut *self.report, beside: &beside };
        let mut known = false;
        for file in &beside {
            let path = Path::new(file.name);
            let syntax = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            // A map within a map is none: this goes one level down.
            let is_map = || yaml::parse(file.text).is_ok_and(|d| d.iter().any(is_config_map));
            if ["yaml", "yml", "conf", "toml"].contains(&syntax) && !is_map() {
                known |= lint.text(name, path, file.text, file.offset);
            }
        }
        known
    }
}

fn is_config_map(tree: &Node) -> bool {
    tree.text_of("kind") == Some("ConfigMap")
}

/// Whether a text has sections, as the classic syntax has.
fn is_sections(text: &str) -> bool {
    text.lines().any(|line| {
        ["[INPUT]", "[FILTER]", "[OUTPUT]", "[SERVICE]"].iter().any(|s| line.trim().eq_ignore_ascii_case(s))
    })
}
