//! One pass over a core module: take out imports, choose exports, drop custom sections.
//!
//! All indices are written anew, so that the overlong ones a linker leaves for relocation
//! become short: hosts without reference types reject an overlong table index.

use wasm_encoder::{
    CodeSection, ExportSection, Function, FunctionSection, ImportSection, Instruction, Module,
    reencode::{self, Reencode, utils},
};
use wasmparser::{
    CodeSectionReader, CompositeInnerType, CustomSectionReader, Export, ExternalKind, FuncType, FunctionBody,
    FunctionSectionReader, ImportSectionReader, Operator, Parser, Payload, TypeRef,
};

use crate::Error;

/// A function of the module that takes the place of an import.
pub(crate) struct Stub {
    /// Index of its type.
    ty: u32,
    body: Function,
}

/// What to do with each part of the module.
pub(crate) trait Rules {
    /// The body that takes the place of an imported function; `None` keeps the import.
    fn stub(&self, module: &str, name: &str, ty: &FuncType) -> Result<Option<Function>, Error>;
    /// The name under which an export goes on; `None` drops it.
    fn export<'a>(&self, name: &'a str) -> Option<&'a str>;
    /// Whether a custom section stays.
    fn keep_custom(&self, name: &str) -> bool;
    /// The exported function that begins by taking the shadow stack back to its start.
    fn resets_stack(&self) -> Option<&str> {
        None
    }
}

/// Rewrite `wasm` by `rules`.
pub(crate) fn rewrite(wasm: &[u8], rules: &dyn Rules) -> Result<Vec<u8>, Error> {
    let mut pass = plan(wasm, rules)?;
    let mut module = Module::new();
    pass.parse_core_module(&mut module, Parser::new(0), wasm).map_err(|error| match error {
        reencode::Error::UserError(error) => error,
        reencode::Error::ParseError(error) => Error::NotAModule(error.to_string()),
        error => Error::NotAModule(error.to_string()),
    })?;
    if pass.stubs.is_empty() { Ok(module.finish()) } else { Err(no_code()) }
}

/// Decide on every imported function, and number all functions anew: imports that stay,
/// then the module's own, then the stubs.
fn plan<'a>(wasm: &[u8], rules: &'a dyn Rules) -> Result<Pass<'a>, Error> {
    let invalid = |e: wasmparser::Error| Error::NotAModule(e.to_string());
    let mut types: Vec<Option<FuncType>> = Vec::new();
    // Per imported function: `None` if it stays, else its stub.
    let mut imports: Vec<Option<Stub>> = Vec::new();
    let mut own = 0u32;
    let mut entry = None;
    let mut stack_pointers = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(invalid)? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group.map_err(invalid)?.into_types() {
                        types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(invalid)?;
                    let TypeRef::Func(index) = import.ty else { continue };
                    let ty = usize::try_from(index)
                        .ok()
                        .and_then(|i| types.get(i))
                        .and_then(Option::as_ref)
                        .ok_or_else(|| Error::NotAModule(format!("no function type {index}")))?;
                    imports.push(
                        rules.stub(import.module, import.name, ty)?.map(|body| Stub { ty: index, body }),
                    );
                }
            }
            Payload::FunctionSection(section) => own = section.count(),
            Payload::GlobalSection(section) => {
                for (index, global) in (0u32..).zip(section) {
                    let global = global.map_err(invalid)?;
                    let init = global.init_expr.get_operators_reader().read().map_err(invalid)?;
                    if let (true, Operator::I32Const { value }) = (global.ty.mutable, init) {
                        stack_pointers.push((index, value));
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    if Some(export.name) == rules.resets_stack() && export.kind == ExternalKind::Func {
                        entry = Some(export.index);
                    }
                }
            }
            _ => {}
        }
    }
    let reset = match (rules.resets_stack(), entry, stack_pointers.as_slice()) {
        (None, ..) => None,
        (Some(_), Some(entry), [(global, start)]) => {
            let body = entry.checked_sub(index(imports.len())?);
            body.map(|body| Reset { body, global: *global, start: *start })
        }
        _ => {
            return Err(Error::NotAModule(
                "its stack pointer is not its only mutable global, so it cannot be told".into(),
            ));
        }
    };
    let kept = index(imports.iter().filter(|stub| stub.is_none()).count())?;
    let (mut next_kept, mut next_stub) = (0, kept.checked_add(own).ok_or_else(too_many)?);
    let (mut import_map, mut stubs) = (Vec::with_capacity(imports.len()), Vec::new());
    for import in imports {
        let next = match import {
            None => &mut next_kept,
            Some(stub) => {
                stubs.push(stub);
                &mut next_stub
            }
        };
        import_map.push(*next);
        *next = next.checked_add(1).ok_or_else(too_many)?;
    }
    Ok(Pass { rules, import_map, kept, reset, bodies_seen: 0, stubs })
}

struct Pass<'a> {
    rules: &'a dyn Rules,
    /// New index of every imported function.
    import_map: Vec<u32>,
    /// How many imported functions stay.
    kept: u32,
    reset: Option<Reset>,
    bodies_seen: u32,
    stubs: Vec<Stub>,
}

/// Where and how the shadow stack is taken back.
struct Reset {
    /// Which of the module's own functions begins with it.
    body: u32,
    /// The stack pointer.
    global: u32,
    /// Where the stack starts.
    start: i32,
}

impl Reencode for Pass<'_> {
    type Error = Error;

    fn function_index(&mut self, old: u32) -> Result<u32, reencode::Error<Error>> {
        let imports = index(self.import_map.len()).map_err(reencode::Error::UserError)?;
        match old.checked_sub(imports) {
            Some(own) => self.kept.checked_add(own).ok_or_else(|| reencode::Error::UserError(too_many())),
            None => Ok(self.import_map[old as usize]),
        }
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        let mut functions = 0;
        for import in section.into_imports() {
            let import = import?;
            if matches!(import.ty, TypeRef::Func(_)) {
                let stays = self.import_map.get(functions).is_some_and(|new| *new < self.kept);
                functions += 1;
                if !stays {
                    continue;
                }
            }
            utils::parse_import(self, imports, import)?;
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        utils::parse_function_section(self, functions, section)?;
        for stub in &self.stubs {
            functions.function(stub.ty);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        utils::parse_code_section(self, code, section)?;
        for stub in self.stubs.drain(..) {
            code.function(&stub.body);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        if let Some(reset) = self.reset.as_ref().filter(|reset| reset.body == self.bodies_seen) {
            function.instruction(&Instruction::I32Const(reset.start));
            function.instruction(&Instruction::GlobalSet(reset.global));
        }
        self.bodies_seen += 1;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            function.instruction(&self.parse_instruction(&mut reader)?);
        }
        code.function(&function);
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        match self.rules.export(export.name) {
            Some(name) => utils::parse_export(self, exports, Export { name, ..export }),
            None => Ok(()),
        }
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error<Error>> {
        if self.rules.keep_custom(section.name()) {
            utils::parse_custom_section(self, module, section)
        } else {
            Ok(())
        }
    }
}

/// What a module exports and which functions it imports, for the checks of an ABI.
pub(crate) struct Surface {
    /// Names and kinds of the exports.
    pub(crate) exports: Vec<(String, ExternalKind)>,
    /// Imports of any kind, as (module, name).
    pub(crate) imports: Vec<(String, String)>,
}

impl Surface {
    pub(crate) fn read(wasm: &[u8]) -> Result<Self, Error> {
        let invalid = |e: wasmparser::Error| Error::NotAModule(e.to_string());
        let mut surface = Self { exports: Vec::new(), imports: Vec::new() };
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(invalid)? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(invalid)?;
                        surface.imports.push((import.module.to_owned(), import.name.to_owned()));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.map_err(invalid)?;
                        surface.exports.push((export.name.to_owned(), export.kind));
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    pub(crate) fn has(&self, name: &str, kind: ExternalKind) -> bool {
        self.exports.iter().any(|(n, k)| n == name && *k == kind)
    }
}

fn index(n: usize) -> Result<u32, Error> {
    u32::try_from(n).map_err(|_| too_many())
}

fn too_many() -> Error {
    Error::NotAModule("more functions than an index can name".into())
}

fn no_code() -> Error {
    Error::NotAModule("it imports functions but has none of its own".into())
}
