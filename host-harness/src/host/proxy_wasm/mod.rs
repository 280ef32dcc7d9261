//! proxy-wasm 0.2.1 on Wasmtime: what Envoy does with a filter, without Envoy.
//!
//! A batch travels as the body of one request, a line per record, and comes back as the
//! body that the filter lets on. The ABI has no word for single records, so the answer has
//! to be taken apart again: between records stands a line of white space, which a filter
//! neither counts as a record nor touches. What stands before the first such line is what
//! became of the first record; nothing at all is a dropped one. So one pass is enough, and a
//! filter with a memory sees each record once.

mod calls;
mod guest;
mod stream;

use anyhow::{Context, bail, ensure};
use tamis_sdk::record::scan;

use super::{Action, Batch, Encoding, Engines, Host, HostOptions, Outcome, Refused};
use crate::keys;

pub(crate) use guest::compile as compile_any;
pub use guest::{Compiled, Delivery, Guest, Passed};
pub use stream::{Headers, LocalAnswer, Message};

/// Stands between two records. White space alone, and none that a filter would write.
const SEPARATOR: &[u8] = b" \t \t \n";

/// What bodies the harness lets through: as large as the ABI can have them.
const MAX_BODY_BYTES: u32 = 256 << 20;

/// Compile a module.
///
/// # Errors
/// When this is none, or not of this ABI.
pub fn compile(engines: &Engines, wasm: &[u8]) -> anyhow::Result<Compiled> {
    Compiled::new(engines, wasm)
}

/// Start a module. `config` is that of the filter, or of the plugin with the sections `filter`
/// and `body`.
///
/// # Errors
/// [`Refused`] when the filter does not accept its config; else when this is no module of
/// this ABI, or it fails.
pub fn start(
    engines: &Engines,
    compiled: &Compiled,
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Box<dyn Host>> {
    Ok(Box::new(ProxyWasm::start(engines, compiled, config, options, Delivery::Whole)?))
}

/// A filter in a proxy, seen as a filter of batches.
#[derive(Debug)]
pub struct ProxyWasm {
    guest: Guest,
    delivery: Delivery,
    body: Vec<u8>,
}

impl ProxyWasm {
    /// Compile and start a module, with a say in how bodies are delivered.
    ///
    /// # Errors
    /// As [`compile`] and [`start`].
    pub fn open(
        engines: &Engines,
        wasm: &[u8],
        config: &str,
        options: &HostOptions,
        delivery: Delivery,
    ) -> anyhow::Result<Self> {
        Self::start(engines, &compile(engines, wasm)?, config, options, delivery)
    }

    fn start(
        engines: &Engines,
        compiled: &Compiled,
        config: &str,
        options: &HostOptions,
        delivery: Delivery,
    ) -> anyhow::Result<Self> {
        // Keys are looked up on this side, so that one config does for all hosts.
        let config =
            keys::inline(config, options.config_base_dir.as_deref()).map_err(|e| Refused(e.to_string()))?;
        let wrapped = wrap(&config);
        let guest = Guest::start_compiled(engines, compiled, wrapped.as_deref().unwrap_or(&config), options);
        let guest = match guest {
            Err(error) if wrapped.is_some() => return Err(unwrap(error)),
            guest => guest?,
        };
        Ok(Self { guest, delivery, body: Vec::new() })
    }

    /// The running module, for requests of all kinds.
    pub fn guest(&mut self) -> &mut Guest {
        &mut self.guest
    }

    /// Send records `from..to` as one body and note what became of them.
    fn send(
        &mut self,
        batch: &Batch,
        records: &[usize],
        form: Form,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        self.body.clear();
        for &i in records {
            self.body.extend_from_slice(batch.body(i));
            if form != Form::Document {
                self.body.push(b'\n');
                self.body.extend_from_slice(SEPARATOR);
            }
        }
        let path = format!("/{}", batch.tag);
        let headers = [
            (":method", "POST"),
            (":path", path.as_str()),
            (":authority", "tamis"),
            ("content-type", form.content_type()),
        ];
        let request = Message::new(&headers, std::mem::take(&mut self.body));
        let body = match self.guest.request(request, self.delivery)? {
            Passed::On(message) => message.body,
            // Nothing is left to send on.
            Passed::Answered(answer) if (200..300).contains(&answer.status) => {
                outcome.actions.extend(records.iter().map(|_| Action::Drop));
                return Ok(());
            }
            Passed::Answered(answer) => bail!(
                "the filter refused the batch with status {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body).trim_end()
            ),
        };
        if form == Form::Document {
            for &i in records {
                note(batch.body(i), Some(&body), outcome);
            }
            self.body = body;
            return Ok(());
        }
        let mut rest = body.as_slice();
        for &i in records {
            let (record, after) = split(rest)?;
            note(batch.body(i), record, outcome);
            rest = after;
        }
        ensure!(rest.is_empty(), "the filter let {} bytes on that are no record", rest.len());
        self.body = body;
        Ok(())
    }
}

/// How records travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    TextLines,
    JsonLines,
    /// One JSON document of several lines, alone.
    Document,
}

impl Form {
    fn content_type(self) -> &'static str {
        match self {
            Self::TextLines => "text/plain",
            Self::JsonLines => "application/x-ndjson",
            Self::Document => "application/json",
        }
    }
}

impl Host for ProxyWasm {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.clear();
        let mut run = Vec::with_capacity(batch.len());
        let lines = match batch.encoding {
            Encoding::Text => Form::TextLines,
            Encoding::Json => Form::JsonLines,
        };
        for i in 0..batch.len() {
            let record = batch.body(i);
            let blank = record.trim_ascii().is_empty();
            let document = lines == Form::JsonLines && memchr::memchr(b'\n', record).is_some();
            if !blank && !document {
                run.push(i);
                continue;
            }
            if !run.is_empty() {
                self.send(batch, &run, lines, outcome)?;
                run.clear();
            }
            if blank {
                // To a proxy, a blank line is no record: it passes.
                outcome.actions.push(Action::Keep);
            } else {
                self.send(batch, &[i], Form::Document, outcome)?;
            }
        }
        if !run.is_empty() {
            self.send(batch, &run, lines, outcome)?;
        }
        outcome.check(batch.len())
    }

    fn memory_bytes(&self) -> Option<usize> {
        Some(self.guest.memory_bytes())
    }

    fn counters(&mut self) -> anyhow::Result<Vec<(String, u64)>> {
        // tamis.<filter>.<counter>; the shell's own four are not the filter's.
        const SHELL: [&str; 4] = ["records", "changed", "dropped", "rejected"];
        let counters = self.guest.metrics().iter().skip(SHELL.len()).filter_map(|(name, count)| {
            let (_, name) = name.strip_prefix("tamis.")?.split_once('.')?;
            Some((name.to_owned(), *count))
        });
        Ok(counters.collect())
    }
}

/// Take the first record off a body: its new text, or nothing if it was dropped.
fn split(body: &[u8]) -> anyhow::Result<(Option<&[u8]>, &[u8])> {
    if let Some(rest) = body.strip_prefix(SEPARATOR) {
        return Ok((None, rest));
    }
    let mut from = 0;
    loop {
        let rest = body.get(from..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).context("the filter let less on than the batch holds")?;
        let after = &rest[end + 1..];
        if let Some(next) = after.strip_prefix(SEPARATOR) {
            return Ok((Some(&body[..from + end]), next));
        }
        from += end + 1;
    }
}

fn note(old: &[u8], new: Option<&[u8]>, outcome: &mut Outcome) {
    outcome.actions.push(match new {
        None => Action::Drop,
        Some(new) if new == old => Action::Keep,
        Some(new) => {
            outcome.bodies.extend_from_slice(new);
            outcome.ends.push(u32::try_from(outcome.bodies.len()).unwrap_or(u32::MAX));
            Action::Replace
        }
    });
}

/// The config of a filter as that of a plugin that takes larger bodies; nothing if it is
/// that of a plugin already, or not JSON, which is for the filter to say.
fn wrap(config: &str) -> Option<String> {
    if config.trim_ascii().is_empty() {
        // Nor may a module with its config inside be given one.
        return Some(format!(r#"{{"body":{{"max_bytes":{MAX_BODY_BYTES}}}}}"#));
    }
    let mut tape = Vec::new();
    scan::scan(config.as_bytes(), &mut tape).ok()?;
    let plugin = tape.iter().any(|node| {
        let key = config.as_bytes().get(node.key_start as usize..node.key_end as usize);
        node.parent == 0 && matches!(key, Some(b"filter" | b"body"))
    });
    (!plugin).then(|| format!(r#"{{"filter":{config},"body":{{"max_bytes":{MAX_BODY_BYTES}}}}}"#))
}

/// A refusal with its path as it is in the filter's own config.
fn unwrap(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(Refused(message)) => {
            let bare = message.strip_prefix("config $.filter").map(|rest| format!("config ${rest}"));
            Refused(bare.unwrap_or(message)).into()
        }
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart() {
        let body =
            [b"a\r\n".as_slice(), SEPARATOR, SEPARATOR, b"\n", SEPARATOR, b"b\nc\n", SEPARATOR].concat();
        let mut rest = body.as_slice();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (record, after) = split(rest).unwrap();
            records.push(record);
            rest = after;
        }
        assert_eq!(records, [Some(b"a\r".as_slice()), None, Some(b""), Some(b"b\nc")]);
        assert!(split(b"a\n").is_err());
    }

    #[test]
    fn configs_of_filters_are_wrapped() {
        assert!(wrap("").unwrap().starts_with(r#"{"body":"#));
        assert!(wrap(r#"{"a":{"body":1}}"#).is_some());
        assert_eq!(wrap(r#"{"body":{}}"#), None);
        assert_eq!(wrap("{"), None);
        let error = unwrap(Refused("config $.filter.a: bad".into()).into());
        assert_eq!(error.to_string(), "config $.a: bad");
    }
}
