//! One filter with its working memory: the path that every shell and the native host take.

use crate::{
    config::{self, ConfigError, OnError},
    filter::{Filter, Verdict},
    key::{KeyConfig, KeyError},
    live,
    record::{Record, Splice, Workspace, scan},
};

/// What the bytes of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A JSON document, normally an object. If it is not JSON, [`OnError`] decides.
    Json,
    /// One line of text without its terminator, any bytes.
    Text,
}

/// What is known about a record beside its body.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// Tag, stream or route. Opaque to most filters.
    pub tag: &'a [u8],
    /// Nanoseconds since 1970-01-01T00:00:00Z, 0 if not known.
    pub timestamp_ns: u64,
}

/// What a host does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Pass it on as it came. Nothing was written to the output buffer.
    Keep,
    /// Its new body was appended to the output buffer, in the encoding it came in.
    Replace,
    /// Its new body was appended to the output buffer and is a JSON object, though it
    /// came as text.
    ReplaceJson,
    /// Remove it. Nothing was written to the output buffer.
    Drop,
}

/// A filter, its policy and its reusable buffers.
pub struct Session<F: Filter> {
    filter: F,
    on_error: OnError,
    workspace: Workspace,
}

impl<F: Filter> Session<F> {
    /// Start a filter from the text of its config; an empty text means all defaults.
    ///
    /// `resolve_key` turns the `key` section into a key where files or the environment
    /// are needed: what can be read differs from host to host.
    ///
    /// # Errors
    /// When the config is not JSON, does not fit the filter, or names a key that cannot
    /// be had. The filter must not run then: records would pass unfiltered.
    pub fn new(
        config_json: &str,
        resolve_key: impl FnOnce(&KeyConfig) -> Result<crate::Key, KeyError>,
    ) -> Result<Self, ConfigError> {
        let config: F::Config = config::parse(config_json)?;
        let on_error = F::on_error(&config);
        let key = match F::key_config(&config) {
            Some(section) => Some(
                resolve_key(section).map_err(|e| ConfigError::new(format!("$.key{}", e.path), e.message))?,
            ),
            None => None,
        };
        Ok(Self { filter: F::new(config, key)?, on_error, workspace: Workspace::default() })
    }

    /// Filter one record; a changed body is appended to `out`.
    pub fn process(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Action {
        if self.filter.is_known(meta, encoding, body) {
            return Action::Keep;
        }
        if let Some(action) = self.try_text(encoding, body, out) {
            return action;
        }
        let mut record = match encoding {
            Encoding::Text => {
                let mut record = Record::text(meta, body, &mut self.workspace);
                if F::LIFTS {
                    record.lift();
                }
                record
            }
            Encoding::Json => match Record::json(meta, body, &mut self.workspace) {
                Ok(record) => record,
                Err(_) => match self.on_error {
                    OnError::Pass => return Action::Keep,
                    OnError::Drop => return Action::Drop,
                    OnError::Redact => Record::broken(meta, body, &mut self.workspace),
                },
            },
        };
        match self.filter.process(&mut record) {
            Verdict::Drop => Action::Drop,
            Verdict::Keep => record.finish(out),
        }
    }

    /// The filter's short cut, if this record can take it.
    #[inline(always)]
    fn try_text(&mut self, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Option<Action> {
        let (key, text, base) = match encoding {
            Encoding::Text => (None, body, 0),
            Encoding::Json => {
                let (key, text, base) = scan::lone_string(body)?;
                (Some(key), text, base)
            }
        };
        let mark = out.len();
        let mut splice = Splice::new(body, base, out);
        if self.filter.try_text(key, text, &mut splice) {
            return Some(if splice.finish() { Action::Replace } else { Action::Keep });
        }
        out.truncate(mark);
        None
    }

    /// Live mode: whether the filter wants the body of a request.
    pub fn wants_body(&self, exchange: &live::Exchange) -> bool {
        self.filter.wants_body(exchange)
    }

    /// Live mode: a request was answered; whether it was an event, which `event` then holds.
    pub fn watch(&mut self, exchange: &live::Exchange, event: &mut live::Event) -> bool {
        event.clear();
        self.filter.watch(exchange, event)
    }

    /// Live mode: an event of another instance; whether it raised alerts, which `event` then holds.
    pub fn collect(&mut self, relay: &[u8], event: &mut live::Event) -> bool {
        event.clear();
        self.filter.collect(relay, event)
    }

    /// The stream has ended: what the filter still holds back, each one JSON object.
    pub fn flush(&mut self, emit: &mut dyn FnMut(&[u8])) {
        self.filter.flush(emit);
    }

    /// Names and counts of what was done so far.
    pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        F::COUNTERS.iter().copied().zip(self.filter.counts().iter().copied())
    }
}
