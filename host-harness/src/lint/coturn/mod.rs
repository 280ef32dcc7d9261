//! `turnserver.conf`: what coturn will log, and how to make it log less.

mod check;
mod database;
mod fix;
mod options;
mod parse;
mod rules;

use std::collections::BTreeSet;

use self::{check::Check, fix::Patch, parse::Config};
pub use self::{options::NEWEST, rules::RULES};
use super::{Report, Version};

/// What is known beside the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The version of coturn; without it only what holds for all of them is said.
    pub version: Option<Version>,
}

/// Look at a file; `name` is what the report calls it. Gives the patched file: `report` marks what that fixes if
/// `fix` is set. Rules in `allowed` are neither cured nor, in the end, reported.
pub fn check(
    name: &str,
    bytes: &[u8],
    options: Options,
    fix: bool,
    allowed: &BTreeSet<&str>,
    report: &mut Report,
) -> Vec<u8> {
    let config = Config::parse(bytes);
    let mut check = Check::new(name, &config, options.version, Patch::new(allowed));
    check.run();
    let (findings, patch) = check.finish(fix);
    report.summary.files += 1;
    report.findings.extend(findings);
    patch.apply(&config)
}
