//! What a filter costs: the measurements behind `bench-table` and the criterion benches.
//!
//! All of them run on one recorded log, repeated to the size that is wanted:
//!
//! - [`throughput`]: hosts in this process, on one thread, on batches that are ready;
//! - [`process`]: whole programs on the same bytes, the peers among them;
//! - [`fuel`]: executed WebAssembly instructions per record in the ABI of Fluent Bit, a
//!   figure that does not change from run to run.
//!
//! Not in here: the real Fluent Bit, which is measured in `benches/fluent-bit`.

pub mod corpus;
pub mod fuel;
pub mod process;
pub mod table;
pub mod throughput;
