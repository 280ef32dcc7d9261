//! Stand-ins for the WASI functions that the standard library drags into every guest.
//!
//! A component of a filter has no files, no environment and no clock, and asks for none:
//! what is left of WASI in it is the way a panic message would take. Each function answers
//! as WASI does for a process that was given nothing.

use wasm_encoder::{BlockType, Function, Instruction, MemArg, ValType};
use wasmparser::FuncType;

use crate::{Abi, Error};

/// The module name of WASI preview 1.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const NOSYS: i32 = 52;

/// The body that stands in for a WASI function.
///
/// # Errors
/// [`Error::ForeignImport`] for `random_get`: a filter whose hash maps are seeded at
/// random, or that makes up keys, does not give the same output twice.
pub(crate) fn stub(name: &str, ty: &FuncType) -> Result<Function, Error> {
    let word = wasmparser::ValType::I32;
    let all_words = |n: usize| ty.params().len() == n && ty.params().iter().all(|p| *p == word);
    let answers_errno = ty.results() == [word];
    Ok(match name {
        "random_get" => {
            return Err(Error::ForeignImport { abi: Abi::Component, import: format!("{MODULE}::{name}") });
        }
        "fd_write" if all_words(4) && answers_errno => pretend_written(),
        "args_sizes_get" | "environ_sizes_get" if all_words(2) && answers_errno => empty_list(),
        "args_get" | "environ_get" | "sched_yield" if answers_errno => errno(SUCCESS),
        // Also how the search for preopened directories learns that there are none.
        _ if name.starts_with("fd_") && answers_errno => errno(BADF),
        _ if answers_errno => errno(NOSYS),
        // `proc_exit` does not return; there is no process to end but the instance.
        _ => function([], [Instruction::Unreachable]),
    })
}

fn function<const L: usize, const I: usize>(locals: [ValType; L], body: [Instruction<'_>; I]) -> Function {
    let mut function = Function::new_with_locals_types(locals);
    for instruction in &body {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    function
}

fn errno(errno: i32) -> Function {
    function([], [Instruction::I32Const(errno)])
}

/// `(count_out, bytes_out) -> errno`: none, and none.
fn empty_list() -> Function {
    function(
        [],
        [
            Instruction::LocalGet(0),
            Instruction::I32Const(0),
            Instruction::I32Store(word_at(0)),
            Instruction::LocalGet(1),
            Instruction::I32Const(0),
            Instruction::I32Store(word_at(0)),
            Instruction::I32Const(SUCCESS),
        ],
    )
}

/// `(fd, iovs, iovs_len, written_out) -> errno`: all bytes of all vectors were written.
/// Answering 0 bytes instead would make the caller try again for ever.
fn pretend_written() -> Function {
    const IOVS: u32 = 1;
    const IOVS_LEN: u32 = 2;
    const WRITTEN_OUT: u32 = 3;
    const SUM: u32 = 4;
    function(
        [ValType::I32],
        [
            Instruction::Block(BlockType::Empty),
            Instruction::Loop(BlockType::Empty),
            Instruction::LocalGet(IOVS_LEN),
            Instruction::I32Eqz,
            Instruction::BrIf(1),
            // An iovec is a pointer and a length.
            Instruction::LocalGet(IOVS),
            Instruction::I32Load(word_at(4)),
            Instruction::LocalGet(SUM),
            Instruction::I32Add,
            Instruction::LocalSet(SUM),
            Instruction::LocalGet(IOVS),
            Instruction::I32Const(8),
            Instruction::I32Add,
            Instruction::LocalSet(IOVS),
            Instruction::LocalGet(IOVS_LEN),
            Instruction::I32Const(1),
            Instruction::I32Sub,
            Instruction::LocalSet(IOVS_LEN),
            Instruction::Br(0),
            Instruction::End,
            Instruction::End,
            Instruction::LocalGet(WRITTEN_OUT),
            Instruction::LocalGet(SUM),
            Instruction::I32Store(word_at(0)),
            Instruction::I32Const(SUCCESS),
        ],
    )
}

fn word_at(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}
