//! The frame of every function, as WAMR's loader would lay it out, and whom it calls.
//!
//! A frame holds the constants of the function, its parameters and locals, and the slots of
//! its operands. A local or a constant on the operand stack takes no slot: it is read where it
//! is. Only results do, and locals that are overwritten, or cross into a block, while their old
//! value is still on the stack.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use wasmparser::{
    ExternalKind, FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, Parser,
    Payload, TypeRef, ValType, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

use super::{CELL_BYTES, HEADER_BYTES, native_frame_bytes};
use crate::conformance::module::{Signature, signature_of};

/// A function that the module defines.
#[derive(Debug, Clone)]
pub(in crate::conformance) struct Function {
    /// How many parameters it has.
    pub params: u32,
    /// What a call of it takes from the stack.
    pub frame_bytes: u32,
    /// The largest frame of a host function that it calls.
    pub native_bytes: u32,
    /// Its control flow, as far as it matters to who calls whom.
    pub flow: Vec<Flow>,
}

/// A step of control flow.
#[derive(Debug, Clone)]
pub(in crate::conformance) enum Flow {
    Block,
    Loop,
    If,
    Else,
    End,
    Branch(u32),
    BranchIf(u32),
    BranchTable(Vec<u32>),
    Return,
    Unreachable,
    Call(u32),
    /// Through the table, by the number of the type in [`Calls::signatures`].
    CallIndirect(usize),
}

/// All functions of a module, and who may be called through its table.
#[derive(Debug)]
pub(in crate::conformance) struct Calls {
    /// How many functions are imported; they come first in the index space.
    pub imported: u32,
    /// Imports that never return.
    pub exits: BTreeSet<u32>,
    pub functions: Vec<Function>,
    pub signatures: Vec<Signature>,
    /// By type: the functions whose address is taken.
    pub in_tables: BTreeMap<usize, Vec<u32>>,
    /// By name: exported functions.
    pub exports: BTreeMap<String, u32>,
}

impl Calls {
    /// # Errors
    /// When the module is not valid.
    pub fn read(wasm: &[u8]) -> anyhow::Result<Self> {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut allocations = FuncValidatorAllocations::default();
        let mut signatures = Signatures::default();
        let mut calls = Self {
            imported: 0,
            exits: BTreeSet::new(),
            functions: Vec::new(),
            signatures: Vec::new(),
            in_tables: BTreeMap::new(),
            exports: BTreeMap::new(),
        };
        let mut addresses = BTreeSet::new();
        let mut bodies = Vec::new();
        let mut types = None;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                            if matches!(import.name, "proc_exit" | "exit" | "abort") {
                                calls.exits.insert(calls.imported);
                            }
                            calls.imported += 1;
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            calls.exports.insert(export.name.to_owned(), export.index);
                        }
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section.clone() {
                        addressed(element?, &mut addresses)?;
                    }
                }
                _ => {}
            }
            match validator.payload(&payload)? {
                ValidPayload::Func(function, body) => bodies.push((function, body)),
                ValidPayload::End(end) => types = Some(end),
                _ => {}
            }
        }
        let types = types.context("this module has no end")?;
        let all: Vec<Option<Signature>> = (0..types.as_ref().function_count())
            .map(|i| signature_of(&types, types.as_ref().core_function_at(i)))
            .collect();
        for (function, body) in bodies {
            let (read, back) = Reader::read(function, &body, allocations, &all, &mut signatures, &calls)?;
            allocations = back;
            calls.functions.push(read);
        }
        for index in addresses {
            if let Some(Some(signature)) = all.get(index as usize) {
                calls.in_tables.entry(signatures.number(signature)).or_default().push(index);
            }
        }
        calls.signatures = signatures.0;
        Ok(calls)
    }

    /// A function that the module defines itself; none for imports.
    pub fn defined(&self, index: u32) -> Option<&Function> {
        self.functions.get(index.checked_sub(self.imported)? as usize)
    }
}

/// Types by number. There are few of them.
#[derive(Debug, Default)]
struct Signatures(Vec<Signature>);

impl Signatures {
    fn number(&mut self, signature: &Signature) -> usize {
        self.0.iter().position(|known| known == signature).unwrap_or_else(|| {
            self.0.push(signature.clone());
            self.0.len() - 1
        })
    }
}

fn addressed(element: wasmparser::Element<'_>, into: &mut BTreeSet<u32>) -> anyhow::Result<()> {
    match element.items {
        wasmparser::ElementItems::Functions(functions) => {
            for index in functions {
                into.insert(index?);
            }
        }
        wasmparser::ElementItems::Expressions(_, expressions) => {
            for expression in expressions {
                for operator in expression?.get_operators_reader() {
                    if let Operator::RefFunc { function_index } = operator? {
                        into.insert(function_index);
                    }
                }
            }
        }
    }
    Ok(())
}

fn cells(ty: Option<ValType>) -> u32 {
    match ty {
        Some(ValType::I64 | ValType::F64) => 2,
        Some(ValType::V128) => 4,
        _ => 1,
    }
}

/// Where the interpreter finds an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Constant,
    Local(u32),
    /// An old value of a local that had to be saved.
    Saved,
    /// A slot, counted in cells.
    Slot(u32),
}

/// Follows one function as the loader does.
struct Reader<'a> {
    validator: FuncValidator<ValidatorResources>,
    /// Beside the validator's operand stack, from its bottom: place and cells.
    operands: Vec<(Place, u32)>,
    /// First free slot, per open block.
    blocks: Vec<u32>,
    slot: u32,
    max_slot: u32,
    saved_cells: u32,
    words: BTreeSet<u32>,
    double_words: BTreeSet<u64>,
    flow: Vec<Flow>,
    native_bytes: u32,
    all: &'a [Option<Signature>],
}

impl<'a> Reader<'a> {
    fn read(
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        allocations: FuncValidatorAllocations,
        all: &'a [Option<Signature>],
        signatures: &mut Signatures,
        calls: &Calls,
    ) -> anyhow::Result<(Function, FuncValidatorAllocations)> {
        let params =
            all.get(function.index as usize).and_then(Option::as_ref).map_or(0, |ty| ty.params.len());
        let mut validator = function.into_validator(allocations);
        let mut binary = body.get_binary_reader();
        validator.read_locals(&mut binary)?;
        let mut reader = Self {
            validator,
            operands: Vec::new(),
            blocks: vec![0],
            slot: 0,
            max_slot: 0,
            saved_cells: 0,
            words: BTreeSet::new(),
            double_words: BTreeSet::new(),
            flow: Vec::new(),
            native_bytes: 0,
            all,
        };
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            reader.operator(&operator, offset, signatures, calls)?;
        }
        let local_cells: u32 =
            (0..reader.validator.len_locals()).map(|i| cells(reader.validator.get_local_type(i))).sum();
        let constant_cells = reader.words.len() + 2 * reader.double_words.len();
        let cells = local_cells
            .saturating_add(u32::try_from(constant_cells).unwrap_or(u32::MAX))
            .saturating_add(reader.max_slot)
            .saturating_add(reader.saved_cells)
            .saturating_add(1);
        let read = Function {
            params: u32::try_from(params)?,
            frame_bytes: HEADER_BYTES.saturating_add(cells.saturating_mul(CELL_BYTES)),
            native_bytes: reader.native_bytes,
            flow: reader.flow,
        };
        Ok((read, reader.validator.into_allocations()))
    }

    fn operator(
        &mut self,
        operator: &Operator<'_>,
        offset: usize,
        signatures: &mut Signatures,
        calls: &Calls,
    ) -> anyhow::Result<()> {
        let (pops, pushes) = operator.operator_arity(&self.validator).unwrap_or((0, 0));
        match operator {
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                self.save(Some(*local_index), 1);
            }
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.save(None, 0),
            _ => {}
        }
        let tee = matches!(operator, Operator::LocalTee { .. });
        let kept = tee.then(|| self.operands.last().copied()).flatten();
        self.validator.op(offset, operator)?;
        self.note_flow(operator, signatures, calls);
        if !tee {
            self.pop(pops);
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.blocks.push(self.slot);
            }
            Operator::Else => self.slot = self.blocks.last().copied().unwrap_or(0),
            Operator::End => self.slot = self.blocks.pop().unwrap_or(0),
            _ => {}
        }
        // Code behind a branch has whatever operands it likes: begin again from what is known.
        let height = self.validator.operand_stack_height();
        let below = height.saturating_sub(pushes) as usize;
        if tee {
            self.operands.resize(height as usize, (Place::Constant, 1));
            if let (Some(kept), Some(last)) = (kept, self.operands.last_mut()) {
                *last = kept;
            }
            return Ok(());
        }
        self.operands.resize(below, (Place::Constant, 1));
        for at in (0..pushes as usize).rev() {
            let cells = cells(self.validator.get_operand_type(at).flatten());
            let place = match operator {
                Operator::LocalGet { local_index } => Place::Local(*local_index),
                Operator::I32Const { value } => self.word(value.cast_unsigned()),
                Operator::F32Const { value } => self.word(value.bits()),
                Operator::I64Const { value } => self.double_word(value.cast_unsigned()),
                Operator::F64Const { value } => self.double_word(value.bits()),
                _ => {
                    let slot = self.slot;
                    self.slot += cells;
                    self.max_slot = self.max_slot.max(self.slot);
                    Place::Slot(slot)
                }
            };
            self.operands.push((place, cells));
        }
        Ok(())
    }

    fn word(&mut self, value: u32) -> Place {
        self.words.insert(value);
        Place::Constant
    }

    fn double_word(&mut self, value: u64) -> Place {
        self.double_words.insert(value);
        Place::Constant
    }

    fn pop(&mut self, count: u32) {
        for _ in 0..count {
            // As in the loader, the very first slot is never given back by an operator.
            if let Some((Place::Slot(at), cells)) = self.operands.pop()
                && at > 0
            {
                self.slot = self.slot.saturating_sub(cells);
            }
        }
    }

    /// Save the old values of one local, or of all, that are on the stack below `above`.
    fn save(&mut self, local: Option<u32>, above: usize) {
        let end = self.operands.len().saturating_sub(above);
        let mut seen = BTreeSet::new();
        for (place, cells) in &mut self.operands[..end] {
            if let Place::Local(index) = *place
                && local.is_none_or(|local| local == index)
            {
                if seen.insert(index) {
                    self.saved_cells = self.saved_cells.saturating_add(*cells);
                }
                *place = Place::Saved;
            }
        }
    }

    fn note_flow(&mut self, operator: &Operator<'_>, signatures: &mut Signatures, calls: &Calls) {
        let step = match operator {
            Operator::Block { .. } => Flow::Block,
            Operator::Loop { .. } => Flow::Loop,
            Operator::If { .. } => Flow::If,
            Operator::Else => Flow::Else,
            Operator::End => Flow::End,
            Operator::Br { relative_depth } => Flow::Branch(*relative_depth),
            Operator::BrIf { relative_depth } => Flow::BranchIf(*relative_depth),
            Operator::BrTable { targets } => {
                Flow::BranchTable(targets.targets().flatten().chain([targets.default()]).collect())
            }
            Operator::Return => Flow::Return,
            Operator::Unreachable => Flow::Unreachable,
            Operator::Call { function_index } => {
                if *function_index < calls.imported
                    && let Some(Some(ty)) = self.all.get(*function_index as usize)
                {
                    let param_cells = ty.params.iter().map(|ty| cells(Some(*ty))).sum();
                    self.native_bytes = self.native_bytes.max(native_frame_bytes(param_cells));
                }
                Flow::Call(*function_index)
            }
            Operator::CallIndirect { type_index, .. } => {
                use wasmparser::WasmModuleResources as _;
                let Some(ty) = self.validator.resources().sub_type_at(*type_index) else { return };
                let wasmparser::CompositeInnerType::Func(ty) = &ty.composite_type.inner else { return };
                Flow::CallIndirect(signatures.number(&ty.into()))
            }
            _ => return,
        };
        self.flow.push(step);
    }
}
