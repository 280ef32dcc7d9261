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

#[cfg(test)]
mod tests {
    use super::{
        bound::{Bound, bound},
        frame::Calls,
        measure,
    };

    const CHAIN: &str = r#"(module
        (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 7)))
        (func $middle (param i32 i64) (result i32) (local i32 i32 i64)
          (local.set 2 (call $leaf (i32.mul (local.get 0) (i32.const 123456))))
          (i32.add (i32.add (local.get 2) (i32.const 99))
                   (call $leaf (i32.wrap_i64 (i64.mul (local.get 1) (i64.const 555555555555))))))
        (func (export "f") (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
            (else (i32.add (call $middle (local.get 0) (i64.const 3))
                           (call $middle (i32.const 4) (i64.const 5)))))))"#;

    fn calls(text: &str) -> Calls {
        Calls::read(&wat::parse_str(text).unwrap()).unwrap()
    }

    fn of(text: &str, through_table: bool) -> Bound {
        let calls = calls(text);
        bound(&calls, &[calls.exports["f"]], through_table)
    }

    /// WAMR 2.4.1 says that its frames are of these sizes, runs `f` with a stack of 348 bytes,
    /// and overflows one of 344.
    #[test]
    fn frames_and_chains_are_those_of_the_runtime() {
        let frames: Vec<u32> = calls(CHAIN).functions.iter().map(|f| f.frame_bytes).collect();
        assert_eq!(frames, [56, 104, 84]);
        let bound = of(CHAIN, true);
        assert_eq!((bound.bytes, bound.chain), (348, vec![2, 1, 0]));
        assert!(bound.circle.is_empty());
    }

    #[test]
    fn a_run_takes_what_its_calls_take() {
        let wasm = wat::parse_str(CHAIN).unwrap();
        let counting = measure::instrument(&wasm, &calls(CHAIN)).unwrap();
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, counting).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        let most = instance.get_global(&mut store, measure::MOST).unwrap();
        let mut taken = |argument| {
            f.call(&mut store, argument).unwrap();
            most.get(&mut store).i32()
        };
        assert_eq!(taken(0), Some(48 + 2 * 84));
        assert_eq!(taken(1), Some(348));
        assert_eq!(taken(0), Some(348));
    }

    #[test]
    fn what_never_returns_is_no_part_of_a_chain() {
        let text = |end: &str| {
            format!(
                r#"(module
                    (func $big (local i64 i64 i64 i64 i64 i64 i64 i64) {end})
                    (func $panic (call $big) (unreachable))
                    (func (export "f") (param i32) (if (local.get 0) (then (call $panic)))))"#
            )
        };
        // `f` alone, twice: 40 bytes, a cell for its parameter, one where the block saves it, one more.
        assert_eq!(of(&text("(unreachable)"), false).bytes, 48 + 2 * 52);
        assert_eq!(of(&text(""), false).chain, [2]);
    }

    #[test]
    fn circles_are_found_with_and_without_the_table() {
        let direct = r#"(module (func $a (call $b)) (func $b (param) (if (i32.const 1) (then (call $a))))
                                (func (export "f") (call $a)))"#;
        assert_eq!(of(direct, false).circle, [0, 1]);
        let by_pointer = r#"(module (type $t (func)) (table funcref (elem $g)) (func $g (call $h))
                              (func $h (if (i32.const 0) (then (call_indirect (type $t) (i32.const 0)))))
                              (func (export "f") (call $g)))"#;
        assert!(of(by_pointer, false).circle.is_empty());
        assert_eq!(of(by_pointer, true).circle, [0, 1]);
    }
}
