//! The regular review: what happened in the logs, who was behind it, what was removed from them and what is still
//! there, without a name or an address that the reader has not asked for.
//!
//! | module | what it knows |
//! |---|---|
//! | `stream` | one input, line by line: what each line is, and which filter reads it |
//! | `object` | fields of a JSON record, nested or dotted |
//! | `event` | the events and alerts of chatwoot-auth-tagger in its schemas |
//! | `session` | the summaries of coturn-ip-anonymizer |
//! | `redaction` | what filters say that they have removed |
//! | `names` | pseudonyms of sources and users |
//! | `top`, `hours`, `sums` | what is added up; it is bounded, whatever is in the logs |
//! | `review`, `hints` | what is reported, and what to look at first |
//! | `text`, `html` | how it is written; JSON is the review itself |
//!
//! Files are found, read and scanned for what should not be in them by [`crate::audit`], in one pass.

mod event;
mod hints;
mod hours;
mod html;
mod names;
mod object;
mod redaction;
pub mod review;
mod session;
mod stream;
mod sums;
mod text;
mod top;

use tamis_sdk::{ConfigError, Key};

pub use self::{
    html::html,
    names::{Addresses, Users},
    review::Review,
    text::text,
};
use self::{names::Names, stream::Streams};
use crate::audit::{
    self,
    pool::{self, Step},
    walk::Walked,
};

/// What to report, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// How files are scanned for what should not be in them.
    pub audit: audit::Options,
    /// Whether they are.
    pub scan: bool,
    /// The `prefix` in the config of chatwoot-auth-tagger.
    pub prefix: String,
    /// The `counts_field` in the configs of the filters.
    pub counts_field: String,
    /// How addresses are shown.
    pub addresses: Addresses,
    /// How users are shown.
    pub users: Users,
    /// The key of tokens; without it they have one that nobody knows, and differ from report to report.
    pub key: Option<Key>,
    /// Rows of the tables of sources and users.
    pub top: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            audit: audit::Options { samples: 0, ..audit::Options::default() },
            scan: true,
            prefix: String::new(),
            counts_field: "redactions".to_owned(),
            addresses: Addresses::default(),
            users: Users::default(),
            key: None,
            top: 20,
        }
    }
}

/// Read what was found by [`walk`](audit::walk::walk); `progress` is told how many bytes were read.
///
/// # Errors
/// When a config is refused, or the system gives no random numbers for a key.
pub fn review(walked: Walked, options: &Options, progress: &pool::Progress) -> Result<Review, ConfigError> {
    let names = Names::new(options)?;
    let mut streams = Streams::new(options, names)?;
    let scanned = if options.scan {
        let mut tap = |input: usize, chunk: &audit::chunks::Chunk| streams.chunk(input, chunk);
        pool::run(&walked.inputs, &options.audit, progress, Some(&mut tap))?
    } else {
        let mut scanned = Vec::new();
        pool::read(&walked.inputs, options.audit.mode, progress, &mut |step| {
            match step {
                Step::Chunk(input, chunk) => streams.chunk(input, &chunk),
                Step::End(end) => scanned.push(*end),
            }
            true
        });
        scanned
    };
    let names: Vec<String> = walked.inputs.iter().map(|input| input.name.clone()).collect();
    let found = audit::Report::new(walked, scanned, &options.audit)?;
    Ok(Review::new(found, streams.finish(), options, &names))
}
