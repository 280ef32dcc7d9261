//! One text of a coturn log: split into lines, and every identifier in each given its edit.
//!
//! [`exact`] recognises the common lines whole and is only there to be fast; [`pass`]
//! reads any line and is what decides. A property test holds the two to the same edits.

pub mod exact;
mod field;
mod http;
mod pass;
mod secret;
pub mod stream;

use tamis_sdk::{ConfigError, Edits, Key, Splice, record::escape};

use crate::{
    address::policy::Policies,
    bytes::find,
    config::{Config, FieldMode, IpConfig, IpMode},
    counts::Counts,
    names::Names,
};

/// Everything that is known about what to do with identifiers.
#[derive(Debug)]
pub struct Scrubber {
    policies: Policies,
    users: Names,
    /// For names that coturn refused, which are gone even when user names stay.
    refused: Names,
    rest_separator: Vec<u8>,
    /// Whether that is a colon, as it nearly always is.
    rest_colon: bool,
    sessions: Names,
    realms: Names,
    origins: Names,
    database_users: Names,
    host_names: bool,
    /// Whether [`exact`] may be used: it knows nothing of policies for what is normally kept.
    exact: bool,
    /// The last realm that [`exact`] found to hold nothing.
    last_realm: Vec<u8>,
    /// The same of origins.
    last_origin: Vec<u8>,
    /// The same of host names in prefixes.
    last_host: Vec<u8>,
    streams: stream::Streams,
    counts: Counts,
}

impl Scrubber {
    /// Resolve the policies of a config.
    ///
    /// # Errors
    /// When values do not fit together, or a key is missing.
    pub fn new(config: &Config, key: Option<&Key>) -> Result<Self, ConfigError> {
        let cache = config.cache_entries.clamp(16, 1 << 20) as usize;
        let default_users = if key.is_some() { FieldMode::Token } else { FieldMode::Replace };
        let user_mode = config.users.mode.unwrap_or(default_users);
        let refused_mode = if user_mode == FieldMode::Keep { FieldMode::Replace } else { user_mode };
        let names = |mode, kind, path| Names::new(mode, kind, path, key, cache);
        let kept =
            [&config.sessions, &config.realms, &config.origins].iter().all(|f| f.mode == FieldMode::Keep);
        Ok(Self {
            exact: kept && user_mode != FieldMode::Keep && has_exact_addresses(&config.ip),
            last_realm: Vec::new(),
            last_origin: Vec::new(),
            last_host: Vec::new(),
            policies: Policies::new(&config.ip, key, cache)?,
            users: names(user_mode, "user", "$.users.mode")?,
            refused: names(refused_mode, "user", "$.users.mode")?,
            rest_separator: config.users.rest_separator.as_bytes().to_vec(),
            rest_colon: config.users.rest_separator == ":",
            sessions: names(config.sessions.mode, "session", "$.sessions.mode")?,
            realms: names(config.realms.mode, "realm", "$.realms.mode")?,
            origins: names(config.origins.mode, "origin", "$.origins.mode")?,
            database_users: names(config.database_users.mode, "database-user", "$.database_users.mode")?,
            host_names: config.ip.host_names,
            streams: stream::Streams::default(),
            counts: Counts::default(),
        })
    }

    /// What was done so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was done so far, to add to.
    pub fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// Note the edits of a text, the value of `field` (empty for a bare line) in a record
    /// with this tag.
    pub fn scrub(&mut self, tag: &[u8], field: &[u8], text: &[u8], edits: &mut Edits) {
        if self.exact && self.streams.idle() {
            let mark = edits.mark();
            if exact::scrub(self, text, edits) {
                return;
            }
            edits.rollback(mark);
        }
        self.streams.select(tag, field);
        // JSON within a text, as escaped by encoders that keep markup safe: `user \u003calice\u003e`.
        if find(text, br"\u003c").is_some() {
            return self.scrub_escaped(text, edits);
        }
        self.scrub_lines(text, edits);
    }

    /// As [`scrub`](Self::scrub), for a text that is recognised whole. `false`: it is not, and what was
    /// done to `splice` means nothing. `true`: no byte of it is `"` or `\`.
    #[inline(always)]
    pub fn scrub_exact(&mut self, text: &[u8], splice: &mut Splice<'_>) -> bool {
        self.exact && self.streams.idle() && exact::scrub(self, text, splice)
    }

    /// As [`scrub_lines`](Self::scrub_lines), for a text in which JSON escapes stand for signs of the log.
    fn scrub_escaped(&mut self, text: &[u8], edits: &mut Edits) {
        let (mut content, mut inner) = (Vec::with_capacity(text.len()), Edits::default());
        escape::decode(text, &mut content);
        self.scrub_lines(&content, &mut inner);
        let mut sorted: Vec<_> = inner.iter().collect();
        sorted.sort_by_key(|(edit, _)| edit.start);
        let mut map = escape::OffsetMap::new(text);
        for (edit, new) in sorted {
            edits.replace(map.start(edit.start), map.end(edit.end), new);
        }
    }

    fn scrub_lines(&mut self, text: &[u8], edits: &mut Edits) {
        let mut start = 0;
        loop {
            let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |i| start + i);
            // A carriage return before the line feed is part of the terminator.
            let content = text[start..end].strip_suffix(b"\r").unwrap_or(&text[start..end]);
            pass::Pass::new(self, content, start, edits).run();
            if end == text.len() {
                return;
            }
            start = end + 1;
        }
    }
}

/// Whether [`exact`] may write the addresses: where a replacement changes brackets, it may not.
fn has_exact_addresses(ip: &IpConfig) -> bool {
    let own = ip.own.as_ref().and_then(|p| p.mode);
    let modes =
        [Some(ip.mode), own, ip.peer.as_ref().and_then(|p| p.mode), ip.private.as_ref().and_then(|p| p.mode)];
    modes.into_iter().flatten().all(|m| !matches!(m, IpMode::Replace | IpMode::Deterministic))
}

/// coturn cuts records at 1,024 bytes; what ends later than this may have been cut.
const CUT_BYTES: usize = 1000;

#[cfg(test)]
mod tests;
