//! A module that counts what its calls take from the stack while it runs.
//!
//! Every function keeps its index and becomes a wrapper that adds its frame, calls the body,
//! which moves behind all others, and takes the frame off again. So all calls, tables and
//! exports stay as they are.

use anyhow::{Context, ensure};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Encode, Function as Body, GlobalType, Instruction as I, RawSection,
    ValType,
};
use wasmparser::{Parser, Payload, TypeRef};

use super::{
    ENTRY_BYTES,
    frame::{Calls, Function},
};

/// Exported: the bytes taken now. A trap leaves it where it was: set it to
/// [`TOP_AT_ENTRY`] before each call.
pub(in crate::conformance) const TOP: &str = "tamis stack top";

/// Exported: the most bytes that had to be free so far.
pub(in crate::conformance) const MOST: &str = "tamis stack most";

/// What [`TOP`] is when the host calls.
pub(in crate::conformance) const TOP_AT_ENTRY: i32 = ENTRY_BYTES.cast_signed();

const FUNCTION: u8 = 3;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// The order of sections in a module, by id.
const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/// # Errors
/// When the module cannot be read.
pub(in crate::conformance) fn instrument(wasm: &[u8], calls: &Calls) -> anyhow::Result<Vec<u8>> {
    let mut sections: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut bodies = Vec::new();
    let mut globals = 0u32;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    globals += u32::from(matches!(import?.ty, TypeRef::Global(_)));
                }
            }
            Payload::GlobalSection(section) => globals += section.count(),
            Payload::CodeSectionEntry(body) => bodies.push(wasm[body.range()].to_vec()),
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && id != 0
        {
            sections.push((id, wasm[range].to_vec()));
        }
    }
    ensure!(
        bodies.len() == calls.functions.len(),
        "the module has {} bodies for {} functions",
        bodies.len(),
        calls.functions.len()
    );
    let (top, most) = (globals, globals + 1);

    let functions = sections.iter_mut().find(|(id, _)| *id == FUNCTION).context("no function is defined")?;
    let (count, list) = vector(&functions.1)?;
    functions.1 = [leb(2 * count), list.to_vec(), list.to_vec()].concat();

    let mut code = CodeSection::new();
    let first_body = calls.imported + u32::try_from(bodies.len())?;
    for (at, function) in (first_body..).zip(&calls.functions) {
        code.function(&wrapper(at, function, top, most));
    }
    bodies.iter().for_each(|body| {
        code.raw(body);
    });
    let mut encoded = Vec::new();
    code.encode(&mut encoded);
    // As a section it starts with its size.
    let (_, encoded) = vector(&encoded)?;
    for (id, data) in &mut sections {
        if *id == CODE {
            *data = encoded.to_vec();
        }
    }

    let mut two_globals = Vec::new();
    for value in [TOP_AT_ENTRY, 0] {
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        ty.encode(&mut two_globals);
        ConstExpr::i32_const(value).encode(&mut two_globals);
    }
    append(&mut sections, GLOBAL, 2, &two_globals)?;
    let mut two_exports = Vec::new();
    for (name, index) in [(TOP, top), (MOST, most)] {
        name.encode(&mut two_exports);
        two_exports.push(3);
        index.encode(&mut two_exports);
    }
    append(&mut sections, EXPORT, 2, &two_exports)?;

    sections.sort_by_key(|(id, _)| ORDER.iter().position(|known| known == id));
    let mut module = wasm_encoder::Module::new();
    for (id, data) in &sections {
        module.section(&RawSection { id: *id, data });
    }
    Ok(module.finish())
}

/// A function that counts around a call of the body `inner`.
fn wrapper(inner: u32, function: &Function, top: u32, most: u32) -> Body {
    let mut body = Body::new([]);
    let frame = function.frame_bytes;
    let beyond = frame.max(2 * function.native_bytes);
    let grow = |by: u32| [I::GlobalGet(top), I::I32Const(by.cast_signed()), I::I32Add];
    let mut steps: Vec<I<'_>> = grow(frame).to_vec();
    steps.push(I::GlobalSet(top));
    steps.extend(grow(beyond));
    steps.extend([I::GlobalGet(most), I::I32GtU, I::If(BlockType::Empty)]);
    steps.extend(grow(beyond));
    steps.extend([I::GlobalSet(most), I::End]);
    steps.extend((0..function.params).map(I::LocalGet));
    steps.extend([
        I::Call(inner),
        I::GlobalGet(top),
        I::I32Const(frame.cast_signed()),
        I::I32Sub,
        I::GlobalSet(top),
        I::End,
    ]);
    steps.iter().for_each(|step| {
        body.instruction(step);
    });
    body
}

/// The count at the start of a vector, and what follows it.
fn vector(data: &[u8]) -> anyhow::Result<(u32, &[u8])> {
    let mut count = 0u32;
    for (at, byte) in data.iter().take(5).enumerate() {
        count |= u32::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((count, &data[at + 1..]));
        }
    }
    anyhow::bail!("a section does not start with a count")
}

fn leb(value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

/// Append entries to the vector of a section, which may not be there yet.
fn append(sections: &mut Vec<(u8, Vec<u8>)>, id: u8, more: u32, entries: &[u8]) -> anyhow::Result<()> {
    if let Some((_, data)) = sections.iter_mut().find(|(known, _)| *known == id) {
        let (count, list) = vector(data)?;
        *data = [leb(count + more), list.to_vec(), entries.to_vec()].concat();
    } else {
        sections.push((id, [leb(more), entries.to_vec()].concat()));
    }
    Ok(())
}
