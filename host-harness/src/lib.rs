//! The host side of tamis: runs log filters in every host ABI and compares what comes out.
//!
//! The `tamis` command is a thin layer over this library. [`host`] has one folder per ABI
//! behind one trait; [`pipeline`] moves lines through them; [`replay`] holds hosts against
//! recorded cases; [`inspect`] looks into an artifact without trusting it; [`audit`] reads logs and
//! [`lint`] reads configs, and both say what is wrong.

pub mod artifacts;
pub mod audit;
pub mod bake;
pub mod bench;
pub mod calendar;
pub mod cli;
pub mod conformance;
pub mod host;
pub mod input;
pub mod inspect;
pub mod keys;
pub mod lint;
mod nearest;
pub mod output;
pub mod pipeline;
pub mod recording;
pub mod render;
pub mod replay;
pub mod report;
pub mod reveal;
pub mod sarif;
pub mod scaffold;
pub mod select;
pub mod settings;
pub mod text_wrap;
