//! The host side of tamis: runs log filters in every host ABI and compares what comes out.
//!
//! The `tamis` command is a thin layer over this library. [`host`] has one folder per ABI
//! behind one trait; [`pipeline`] moves lines through them; [`replay`] holds hosts against
//! recorded cases; [`inspect`] looks into an artifact without trusting it.

pub mod artifacts;
pub mod audit;
pub mod cli;
pub mod conformance;
pub mod host;
pub mod input;
pub mod inspect;
pub mod keys;
pub mod output;
pub mod pipeline;
pub mod replay;
pub mod select;
pub mod text_wrap;
