//! How much of Fluent Bit's operand stack a module needs.
//!
//! Fluent Bit runs modules in the fast interpreter of WAMR, which takes a frame for every call
//! from one block of `wasm_stack_size` bytes, 8 KiB unless told otherwise. [`frame`] works out
//! how large the frame of each function is, [`bound`] the deepest chain of calls that the call
//! graph allows, and [`measure`] makes a module that keeps count while it runs. The first is an
//! upper bound where there is one; the second is what the records at hand took.
//!
//! All of it follows the loader and interpreter of WAMR 2.4.1 on 64-bit machines. What is left
//! out, such as the frames of the runtime's own calls back into the module, is small.

pub(super) mod bound;
pub(super) mod frame;
pub(super) mod measure;

/// What Fluent Bit gives a module unless `wasm_stack_size` says otherwise.
pub(super) const DEFAULT_BYTES: u32 = 8192;

/// A frame before its cells, on 64-bit machines.
const HEADER_BYTES: u32 = 40;

/// Bytes of a cell; an `i64` takes two.
const CELL_BYTES: u32 = 4;

/// The frame from which the host calls: room for the largest result.
const ENTRY_BYTES: u32 = HEADER_BYTES + 2 * CELL_BYTES;

/// The frame of a host function; it has room for two cells at least.
fn native_frame_bytes(param_cells: u32) -> u32 {
    HEADER_BYTES + CELL_BYTES * param_cells.max(2)
}
