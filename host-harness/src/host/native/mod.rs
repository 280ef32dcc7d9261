//! The filter as plain Rust in this process: the oracle that the guests are held against,
//! and the yardstick of what a sandbox costs.
//!
//! This is the one place that names the built-in filters.

use anyhow::bail;
use tamis_sdk::{Action, ConfigError, Filter, Key, KeyConfig, Meta, Session, key::KeyError};

use super::{Batch, Host, HostOptions, Outcome, Refused};
use crate::keys;

/// What the harness knows about a built-in filter without running it.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// The name users write.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// JSON Schema of its config.
    pub config_schema: &'static str,
    /// What it counts.
    pub counters: &'static [&'static str],
}

macro_rules! builtin_filters {
    ($($filter:ty),+ $(,)?) => {
        /// All filters that are linked into this binary.
        pub const BUILTINS: &[Builtin] = &[$(Builtin {
            name: <$filter as Filter>::NAME,
            version: <$filter as Filter>::VERSION,
            config_schema: <$filter as Filter>::CONFIG_SCHEMA,
            counters: <$filter as Filter>::COUNTERS,
        }),+];

        /// Start the built-in filter `name`.
        ///
        /// # Errors
        /// [`Refused`] when the filter does not accept its config; else when no filter
        /// has this name.
        pub fn open(
            name: &str,
            config: &str,
            options: &HostOptions,
        ) -> anyhow::Result<Box<dyn Host>> {
            match name {
                $(<$filter as Filter>::NAME => start::<$filter>(config, options),)+
                _ => bail!("no built-in filter is called '{name}': `tamis filters` lists them"),
            }
        }

        /// Whether the built-in filter `name` accepts a config; `resolve_key` gives it its key. Names that are not
        /// built in accept everything.
        ///
        /// # Errors
        /// When the filter refuses it.
        pub fn check(
            name: &str,
            config: &str,
            resolve_key: impl FnOnce(&KeyConfig) -> Result<Key, KeyError>,
        ) -> Result<(), ConfigError> {
            match name {
                $(<$filter as Filter>::NAME => Session::<$filter>::new(config, resolve_key).map(drop),)+
                _ => Ok(()),
            }
        }
    };
}

builtin_filters! {
    asynq_payload_redactor::AsynqPayloadRedactor,
    chatwoot_auth_tagger::ChatwootAuthTagger,
    coturn_ip_anonymizer::CoturnIpAnonymizer,
    identity::Identity,
}

/// The built-in filter with this name.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|b| b.name == name)
}

fn start<F: Filter>(config: &str, options: &HostOptions) -> anyhow::Result<Box<dyn Host>> {
    let base_dir = options.config_base_dir.as_deref();
    let session = Session::<F>::new(config, |section| keys::resolve(section, base_dir))
        .map_err(|e| Refused(e.to_string()))?;
    Ok(Box::new(Native { session }))
}

struct Native<F: Filter> {
    session: Session<F>,
}

impl<F: Filter> Host for Native<F> {
    fn process(&mut self, batch: &Batch, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.clear();
        outcome.actions.reserve(batch.len());
        let tag = batch.tag.as_bytes();
        let mut start = 0;
        for (&end, &timestamp_ns) in batch.ends.iter().zip(&batch.timestamps_ns) {
            let body = &batch.bodies[start..end as usize];
            start = end as usize;
            let meta = Meta { tag, timestamp_ns };
            let action = self.session.process(meta, batch.encoding, body, &mut outcome.bodies);
            if matches!(action, Action::Replace | Action::ReplaceJson) {
                outcome.ends.push(u32::try_from(outcome.bodies.len())?);
            }
            outcome.actions.push(action);
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut held = Vec::new();
        self.session.flush(&mut |record| held.push(record.to_vec()));
        Ok(held)
    }

    fn counters(&mut self) -> anyhow::Result<Vec<(String, u64)>> {
        Ok(self.session.counters().map(|(name, count)| (name.to_owned(), count)).collect())
    }
}
