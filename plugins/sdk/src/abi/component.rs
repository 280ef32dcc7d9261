//! The shell for the WIT contract (`wit/log-filter.wit`), run by the harness on Wasmtime.

use std::cell::RefCell;

use crate::{
    Action, Encoding, Filter, Meta, Session,
    config::SET_ALREADY,
    key::{Key, KeyConfig, KeyError},
};

#[allow(missing_docs, unsafe_code, clippy::all, clippy::undocumented_unsafe_blocks)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "log-filter",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "tamis_sdk::abi::component",
    });
}

pub use bindings::*;
use bindings::{
    exports::tamis::log_filter::{
        filter::{Batch, Counter, Description, Outcome},
        lifecycle::InitError,
    },
    tamis::log_filter::types,
};

/// The verdict that a record ends here.
const DROP: u8 = 3;

/// State of one instance. A component instance is used by one thread.
pub struct Instance<F: Filter>(RefCell<Option<Session<F>>>);

impl<F: Filter> Default for Instance<F> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

fn resolve_key(section: &KeyConfig) -> Result<Key, KeyError> {
    let unavailable = |_: &str| {
        Err("a component has no files and no environment: its host must put the key into key.value"
            .to_owned())
    };
    section.resolve(unavailable, unavailable)
}

impl<F: Filter> Instance<F> {
    /// `lifecycle.initialize`. An instance of a snapshot is started already and keeps its config.
    ///
    /// # Errors
    /// When the config is refused.
    pub fn initialize(&self, config: &str) -> Result<(), InitError> {
        if self.0.borrow().is_some() {
            return match config.trim_ascii() {
                "" => Ok(()),
                _ => Err(InitError { path: "$".to_owned(), message: SET_ALREADY.to_owned() }),
            };
        }
        let session =
            Session::new(config, resolve_key).map_err(|e| InitError { path: e.path, message: e.message })?;
        *self.0.borrow_mut() = Some(session);
        Ok(())
    }

    /// `filter.describe`.
    pub fn describe() -> Description {
        Description {
            name: F::NAME.to_owned(),
            version: F::VERSION.to_owned(),
            config_schema: F::CONFIG_SCHEMA.to_owned(),
        }
    }

    /// `filter.process`. Before `initialize`, all records are dropped: never unfiltered.
    pub fn process(&self, batch: &Batch) -> Outcome {
        let encoding = match batch.encoding {
            types::Encoding::Json => Encoding::Json,
            types::Encoding::Text => Encoding::Text,
        };
        let records = batch.timestamps.len();
        let mut outcome = Outcome {
            verdicts: Vec::with_capacity(records),
            bodies: Vec::with_capacity(batch.bodies.len() + batch.bodies.len() / 8),
            ends: Vec::with_capacity(records),
        };
        let Outcome { verdicts, bodies, ends } = &mut outcome;
        if let Some(session) = self.0.borrow_mut().as_mut() {
            let tag = batch.tag.as_bytes();
            let mut start = 0;
            let columns = batch.timestamps.iter().zip(&batch.ends);
            // As one extension of the list: its room is asked for once, not for every record.
            verdicts.extend(columns.map(|(&timestamp_ns, &end)| {
                let body = batch.bodies.get(start..end as usize).unwrap_or_default();
                start = end as usize;
                let action = session.process(Meta { tag, timestamp_ns }, encoding, body, bodies);
                if matches!(action, Action::Replace | Action::ReplaceJson) {
                    ends.push(u32::try_from(bodies.len()).unwrap_or(u32::MAX));
                }
                match action {
                    Action::Keep => 0,
                    Action::Replace => 1,
                    Action::ReplaceJson => 2,
                    Action::Drop => DROP,
                }
            }));
        }
        // Of records without an end, and of all if there is no filter.
        verdicts.resize(records, DROP);
        outcome
    }

    /// `filter.flush`.
    pub fn flush(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        if let Some(session) = self.0.borrow_mut().as_mut() {
            session.flush(&mut |record| records.push(record.to_vec()));
        }
        records
    }

    /// `filter.counters`.
    pub fn counters(&self) -> Vec<Counter> {
        let session = self.0.borrow();
        let counters = session.iter().flat_map(|s| s.counters());
        counters.map(|(name, count)| Counter { name: name.to_owned(), count }).collect()
    }
}

/// Emit the component's exports for one filter type.
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        type TamisExportedFilter = $filter;

        #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
        mod tamis_component {
            use $crate::abi::component::{self, exports::tamis::log_filter};

            std::thread_local! {
                static INSTANCE: component::Instance<super::TamisExportedFilter> = component::Instance::default();
            }

            struct Exports;

            impl log_filter::lifecycle::Guest for Exports {
                fn initialize(config: String) -> Result<(), log_filter::lifecycle::InitError> {
                    INSTANCE.with(|i| i.initialize(&config))
                }
            }

            impl log_filter::filter::Guest for Exports {
                fn describe() -> log_filter::filter::Description {
                    component::Instance::<super::TamisExportedFilter>::describe()
                }
                fn process(batch: log_filter::filter::Batch) -> log_filter::filter::Outcome {
                    INSTANCE.with(|i| i.process(&batch))
                }
                fn flush() -> Vec<Vec<u8>> {
                    INSTANCE.with(|i| i.flush())
                }
                fn counters() -> Vec<log_filter::filter::Counter> {
                    INSTANCE.with(|i| i.counters())
                }
            }

            component::export_component!(Exports with_types_in component);
        }
    };
}
