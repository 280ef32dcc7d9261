//! Recordings: logs kept with their tags and times, to be replayed or made a case of.
//!
//! [`format`] is the file, [`recorder`] writes one from batches of records, [`follow`] and
//! [`http`] are sources beside files and standard input, [`player`] gives the records out
//! again as they came in time, [`case`] makes a recorded case of them.

pub mod case;
pub mod follow;
pub mod format;
pub mod http;
pub mod player;
pub mod rate;
pub mod recorder;
mod time;
