//! What a tamis filter is written with.
//!
//! A filter implements [`Filter`] and names itself to [`export_filter!`]. It sees
//! [`Record`]s and answers with edits and a [`Verdict`]; it never sees an ABI, a pointer,
//! a clock or a file. The shells in [`abi`] turn the bytes of a host into records and
//! back; [`Session`] is the one path that all of them, and the native host, go through.
//!
//! Not in here: anything that knows a mitigation (that is the filter's crate) and anything
//! that runs a guest (that is the harness).

pub mod abi;
pub mod config;
pub mod filter;
pub mod key;
pub mod live;
pub mod lru;
pub mod payload;
pub mod pseudonym;
pub mod record;
pub mod session;
pub mod timestamp;

pub use config::{ConfigError, OnError};
pub use filter::{Filter, Verdict};
pub use key::{Key, KeyConfig};
pub use record::{Edits, Record, Splice};
pub use session::{Action, Encoding, Meta, Session};
