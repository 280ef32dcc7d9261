//! What the suites share: recorded logs, hostile records, and the real Fluent Bit, Envoy and browser as child
//! processes.
//!
//! Not a test itself, and not for anything outside of this crate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod asynq;
pub mod browser;
pub mod chatwoot;
pub mod coturn;
pub mod differential;
pub mod envoy;
pub mod fluent_bit;
pub mod logs;
pub mod payloads;
pub mod poison;
pub mod records;
