//! asynq-payload-redactor: task payloads of hibiken/asynq applications, in every form Go loggers print them, are
//! redacted by allow-list, key and content.
//!
//! | module | what it knows |
//! |---|---|
//! | `config` | what users write |
//! | `policy` | what may be seen, and what takes the place of the rest |
//! | `coding` | how programs print bytes, and how to undo it |
//! | `sieve` | where in a record payloads and sensitive values stand |
//! | `known` | records like others that stayed as they were |
//! | `inspect` | the same for auditors, who change nothing |
//!
//! Not in here: how a record comes and goes (that is the SDK), and what sensitive values look like (that is
//! `tamis-detectors`).

#![cfg_attr(target_family = "wasm", allow(unsafe_code))]

pub mod coding;
pub mod config;
pub mod counts;
pub mod inspect;
pub mod known;
pub mod lift;
pub mod policy;
pub mod sieve;

use tamis_sdk::{
    ConfigError, Edits, Encoding, Filter, Key, KeyConfig, Meta, OnError, Record, Verdict,
    record::{Kind, Node, escape, scan},
};

use crate::{config::Config, known::Known, policy::Policy, sieve::Sieve};

/// The filter.
#[derive(Debug)]
pub struct AsynqPayloadRedactor {
    sieve: Sieve,
    known: Known,
    counts_field: Option<String>,
    counts_json: Vec<u8>,
    lift: Option<Lift>,
}

/// Working memory of [`lift`].
#[derive(Debug, Default)]
struct Lift {
    body: Vec<u8>,
    tape: Vec<Node>,
    text: Vec<u8>,
    fields: Vec<u8>,
}

impl Lift {
    /// The fields of asynq's line in a record that was redacted by `edits`; empty if it holds none.
    fn fields(&mut self, body: &[u8], is_text: bool, edits: &mut Edits) -> &[u8] {
        self.fields.clear();
        if memchr::memmem::find(body, lift::PREFIX).is_none() {
            return &self.fields;
        }
        self.body.clear();
        edits.normalise(0);
        edits.apply_plain(body, &mut self.body);
        if is_text {
            lift::lift(&self.body, &mut self.fields);
        } else if scan::scan(&self.body, &mut self.tape).is_ok() {
            for node in self.tape.iter().filter(|n| n.kind == Kind::String) {
                self.text.clear();
                escape::decode(&self.body[node.start as usize..node.end as usize], &mut self.text);
                if lift::lift(self.text.trim_ascii_end(), &mut self.fields) {
                    break;
                }
            }
        }
        &self.fields
    }
}

impl Filter for AsynqPayloadRedactor {
    const NAME: &'static str = "asynq-payload-redactor";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const CONFIG_SCHEMA: &'static str = include_str!("../config.schema.json");
    const COUNTERS: &'static [&'static str] = counts::NAMES;

    type Config = Config;

    fn key_config(config: &Config) -> Option<&KeyConfig> {
        config.key.as_ref()
    }

    fn on_error(config: &Config) -> OnError {
        config.on_error
    }

    fn new(config: Config, key: Option<Key>) -> Result<Self, ConfigError> {
        if config.counts_field.as_deref() == Some("") {
            return Err(ConfigError::new("$.counts_field", "is empty: name a field, or leave it out"));
        }
        if !(1..=4096).contains(&config.streams) {
            return Err(ConfigError::new("$.streams", format!("must be 1 to 4096, is {}", config.streams)));
        }
        let policy = Policy::new(&config, key.as_ref())?;
        Ok(Self {
            sieve: Sieve::new(policy, usize::from(config.streams)),
            known: Known::new(),
            counts_field: config.counts_field,
            counts_json: Vec::new(),
            lift: config.lift.then(Lift::default),
        })
    }

    fn is_known(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8]) -> bool {
        // What a line of a stream means may depend on those before it.
        self.sieve.passes_over()
            && self.known.knows(encoding == Encoding::Json, body)
            && !self.sieve.awaits(meta.tag)
    }

    fn process(&mut self, record: &mut Record<'_>) -> Verdict {
        let before = self.counts_field.is_some().then_some(self.sieve.counts);
        let (tag, text) = (record.tag(), record.is_text());
        let Self { sieve, known, lift, .. } = self;
        let learns = known.asks() && !sieve.awaits(tag);
        let mut stays = false;
        let mut fields: &[u8] = &[];
        record.edit_raw(|body, nodes, edits| {
            if text {
                sieve.text(tag, body, edits)
            } else {
                sieve.json(tag, body, nodes, edits)
            }
            if let Some(lift) = lift {
                fields = lift.fields(body, text, edits);
            }
            stays = edits.is_empty() && fields.is_empty();
        });
        if learns && stays && !self.sieve.awaits(tag) {
            self.known.learn();
        }
        if !fields.is_empty() {
            record.append(lift::FIELD, fields);
        }
        if let (Some(field), Some(before)) = (&self.counts_field, before) {
            self.counts_json.clear();
            if self.sieve.counts.write_since(&before, &mut self.counts_json) {
                record.append(field, &self.counts_json);
            }
        }
        Verdict::Keep
    }

    fn counts(&self) -> &[u64] {
        self.sieve.counts.all()
    }
}

tamis_sdk::export_filter!(AsynqPayloadRedactor);
