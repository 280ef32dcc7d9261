//! What a guest may call: the host functions of proxy-wasm 0.2.1 that a filter of bodies
//! needs. All others answer "unimplemented". No address or length of a guest is trusted.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use wasmtime::{Caller, ExternType, Linker, Module, Val};

use super::{
    guest::State,
    stream::{LocalAnswer, parse, serialise, status},
};

/// Either a value, or the status that says why there is none.
type Answer<T> = Result<T, u32>;

/// Most metrics that a guest may define.
const MAX_METRICS: usize = 10_000;

/// Most properties that a guest may set on a stream.
const MAX_PROPERTIES: usize = 1000;

/// Most queues, and most entries of one.
const MAX_QUEUES: usize = 100;
const MAX_QUEUED: usize = 100_000;

/// Levels of `proxy_log`, by number.
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];

/// Most messages that one instance may write.
const MAX_MESSAGES: u32 = 1000;

struct Call<'a, 'b>(&'a mut Caller<'b, State>);

impl Call<'_, '_> {
    fn state(&mut self) -> &mut State {
        self.0.data_mut()
    }

    fn memory(&mut self) -> Answer<wasmtime::Memory> {
        let export = self.0.get_export("memory").and_then(|e| e.into_memory());
        export.ok_or(status::INVALID_MEMORY_ACCESS)
    }

    fn read(&mut self, at: u32, length: u32) -> Answer<Vec<u8>> {
        let memory = self.memory()?;
        let start = at as usize;
        let end = start.checked_add(length as usize).ok_or(status::INVALID_MEMORY_ACCESS)?;
        let bytes = memory.data(&*self.0).get(start..end).ok_or(status::INVALID_MEMORY_ACCESS)?;
        Ok(bytes.to_vec())
    }

    fn name(&mut self, at: u32, length: u32) -> Answer<String> {
        let bytes = self.read(at, length)?;
        Ok(String::from_utf8(bytes).map_err(|_| status::BAD_ARGUMENT)?.to_ascii_lowercase())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Answer<()> {
        let memory = self.memory()?;
        memory.write(&mut *self.0, at as usize, bytes).map_err(|_| status::INVALID_MEMORY_ACCESS)
    }

    fn write_u32(&mut self, at: u32, value: u32) -> Answer<()> {
        self.write(at, &value.to_le_bytes())
    }

    /// Hand bytes over in memory that the guest allocates.
    fn give(&mut self, bytes: &[u8], data_at: u32, size_at: u32) -> Answer<()> {
        let size = u32::try_from(bytes.len()).map_err(|_| status::INTERNAL_FAILURE)?;
        let mut data = 0;
        if size > 0 {
            let allocate = ["proxy_on_memory_allocate", "malloc"]
                .iter()
                .find_map(|name| self.0.get_export(name).and_then(|e| e.into_func()))
                .ok_or(status::INTERNAL_FAILURE)?;
            let allocate = allocate.typed::<u32, u32>(&*self.0).map_err(|_| status::INTERNAL_FAILURE)?;
            data = allocate.call(&mut *self.0, size).map_err(|_| status::INTERNAL_FAILURE)?;
            if data == 0 {
                return Err(status::INTERNAL_FAILURE);
            }
            self.write(data, bytes)?;
        }
        self.write_u32(data_at, data)?;
        self.write_u32(size_at, size)
    }

    fn log(&mut self, level: u32, at: u32, length: u32) -> Answer<()> {
        let text = self.read(at, length)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let level = LEVELS.get(level as usize).copied().ok_or(status::BAD_ARGUMENT)?;
        let state = self.state();
        // Ours say it at critical, others as they like.
        let grave = matches!(level, "warn" | "error") && state.refusal.is_empty();
        if level == "critical" || (grave && !state.speaking) {
            state.refusal.clone_from(&text);
        }
        if state.speaking && state.messages < MAX_MESSAGES {
            state.messages += 1;
            (state.diagnostics)(level, "proxy-wasm", &text);
        }
        Ok(())
    }

    fn get_buffer(&mut self, kind: u32, start: u32, max: u32, data_at: u32, size_at: u32) -> Answer<()> {
        let state = self.state();
        let buffer: &[u8] = match kind {
            // vm configuration: there is none
            6 => &[],
            7 => &state.config,
            _ => state.stream.body(kind).ok_or(status::NOT_FOUND)?,
        };
        let rest = buffer.get(start as usize..).ok_or(status::BAD_ARGUMENT)?;
        let bytes = rest[..rest.len().min(max as usize)].to_vec();
        self.give(&bytes, data_at, size_at)
    }

    fn set_buffer(&mut self, kind: u32, start: u32, size: u32, at: u32, length: u32) -> Answer<()> {
        let new = self.read(at, length)?;
        let buffer = self.state().stream.body(kind).ok_or(status::BAD_ARGUMENT)?;
        let start = (start as usize).min(buffer.len());
        let end = start.saturating_add(size as usize).min(buffer.len());
        buffer.splice(start..end, new);
        Ok(())
    }

    fn get_pairs(&mut self, kind: u32, data_at: u32, size_at: u32) -> Answer<()> {
        let bytes = serialise(self.state().stream.map(kind).ok_or(status::BAD_ARGUMENT)?);
        self.give(&bytes, data_at, size_at)
    }

    fn set_pairs(&mut self, kind: u32, at: u32, length: u32) -> Answer<()> {
        let headers = parse(&self.read(at, length)?).ok_or(status::BAD_ARGUMENT)?;
        *self.state().stream.map(kind).ok_or(status::BAD_ARGUMENT)? = headers;
        Ok(())
    }

    fn get_value(&mut self, kind: u32, key: (u32, u32), data_at: u32, size_at: u32) -> Answer<()> {
        let key = self.name(key.0, key.1)?;
        let map = self.state().stream.map(kind).ok_or(status::BAD_ARGUMENT)?;
        let values: Vec<&[u8]> = map.iter().filter(|(n, _)| *n == key).map(|(_, v)| v.as_slice()).collect();
        if values.is_empty() {
            return Err(status::NOT_FOUND);
        }
        let value = values.join(&b","[..]);
        self.give(&value, data_at, size_at)
    }

    fn change_value(
        &mut self,
        kind: u32,
        key: (u32, u32),
        value: Option<(u32, u32)>,
        keep: bool,
    ) -> Answer<()> {
        let key = self.name(key.0, key.1)?;
        let value = value.map(|(at, length)| self.read(at, length)).transpose()?;
        let map = self.state().stream.map(kind).ok_or(status::BAD_ARGUMENT)?;
        if !keep {
            map.retain(|(name, _)| *name != key);
        }
        map.extend(value.map(|value| (key, value)));
        Ok(())
    }

    fn send_local_response(&mut self, status: u32, body: (u32, u32), headers: (u32, u32)) -> Answer<()> {
        let body = self.read(body.0, body.1)?;
        parse(&self.read(headers.0, headers.1)?).ok_or(status::BAD_ARGUMENT)?;
        let answer = &mut self.state().stream.answer;
        if answer.is_none() {
            *answer = Some(LocalAnswer { status, body });
        }
        Ok(())
    }

    fn define_metric(&mut self, name: (u32, u32), id_at: u32) -> Answer<()> {
        let name = self.read(name.0, name.1)?;
        let name = String::from_utf8(name).map_err(|_| status::BAD_ARGUMENT)?;
        let metrics = &mut self.state().metrics;
        if metrics.len() >= MAX_METRICS {
            return Err(status::INTERNAL_FAILURE);
        }
        let known = metrics.iter().position(|(n, _)| *n == name);
        let id = known.unwrap_or_else(|| {
            metrics.push((name, 0));
            metrics.len() - 1
        });
        self.write_u32(id_at, u32::try_from(id).map_err(|_| status::INTERNAL_FAILURE)?)
    }

    fn metric(&mut self, id: u32) -> Answer<&mut u64> {
        self.state().metrics.get_mut(id as usize).map(|(_, v)| v).ok_or(status::NOT_FOUND)
    }

    fn get_property(&mut self, path: (u32, u32), data_at: u32, size_at: u32) -> Answer<()> {
        let path = self.read(path.0, path.1)?;
        let state = self.state();
        let all = state.stream.properties.iter().rev().chain(&state.properties);
        let value =
            all.filter(|(p, _)| *p == path).map(|(_, v)| v.clone()).next().ok_or(status::NOT_FOUND)?;
        self.give(&value, data_at, size_at)
    }

    fn set_property(&mut self, path: (u32, u32), value: (u32, u32)) -> Answer<()> {
        let (path, value) = (self.read(path.0, path.1)?, self.read(value.0, value.1)?);
        let set = &mut self.state().stream.properties;
        if set.len() >= MAX_PROPERTIES {
            return Err(status::INTERNAL_FAILURE);
        }
        set.push((path, value));
        Ok(())
    }

    /// The id of a queue, which `make` lets come into being.
    fn queue(&mut self, name: (u32, u32), make: bool, id_at: u32) -> Answer<()> {
        let name = self.read(name.0, name.1)?;
        let name = String::from_utf8(name).map_err(|_| status::BAD_ARGUMENT)?;
        let queues = Arc::clone(&self.state().queues);
        let mut queues = queues.lock().map_err(|_| status::INTERNAL_FAILURE)?;
        let known = queues.iter().position(|(n, _)| *n == name);
        let place = match known {
            Some(place) => place,
            None if make && queues.len() < MAX_QUEUES => {
                queues.push((name, VecDeque::new()));
                queues.len() - 1
            }
            None => return Err(status::NOT_FOUND),
        };
        self.write_u32(id_at, u32::try_from(place + 1).map_err(|_| status::INTERNAL_FAILURE)?)
    }

    fn enqueue(&mut self, id: u32, value: (u32, u32)) -> Answer<()> {
        let value = self.read(value.0, value.1)?;
        let queues = Arc::clone(&self.state().queues);
        let mut queues = queues.lock().map_err(|_| status::INTERNAL_FAILURE)?;
        let place = (id as usize).checked_sub(1).ok_or(status::NOT_FOUND)?;
        let (_, queue) = queues.get_mut(place).ok_or(status::NOT_FOUND)?;
        if queue.len() >= MAX_QUEUED {
            return Err(status::INTERNAL_FAILURE);
        }
        queue.push_back(value);
        Ok(())
    }

    fn dequeue(&mut self, id: u32, data_at: u32, size_at: u32) -> Answer<()> {
        let queues = Arc::clone(&self.state().queues);
        let value = {
            let mut queues = queues.lock().map_err(|_| status::INTERNAL_FAILURE)?;
            let place = (id as usize).checked_sub(1).ok_or(status::NOT_FOUND)?;
            let (_, queue) = queues.get_mut(place).ok_or(status::NOT_FOUND)?;
            queue.pop_front().ok_or(status::EMPTY)?
        };
        self.give(&value, data_at, size_at)
    }

    fn time(&mut self, at: u32) -> Answer<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.write(at, &u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).to_le_bytes())
    }
}

fn code(answer: Answer<()>) -> u32 {
    answer.err().unwrap_or(status::OK)
}

/// Give the guest its host functions.
pub(super) fn add_to_linker(linker: &mut Linker<State>, module: &Module) -> wasmtime::Result<()> {
    type C<'a> = Caller<'a, State>;
    const ENV: &str = "env";
    linker.func_wrap(ENV, "proxy_log", |mut c: C<'_>, level: u32, at: u32, length: u32| {
        code(Call(&mut c).log(level, at, length))
    })?;
    linker
        .func_wrap(ENV, "proxy_get_log_level", |mut c: C<'_>, at: u32| code(Call(&mut c).write_u32(at, 2)))?;
    linker.func_wrap(ENV, "proxy_get_current_time_nanoseconds", |mut c: C<'_>, at: u32| {
        code(Call(&mut c).time(at))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_get_buffer_bytes",
        |mut c: C<'_>, kind: u32, start: u32, max: u32, data_at: u32, size_at: u32| {
            code(Call(&mut c).get_buffer(kind, start, max, data_at, size_at))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_set_buffer_bytes",
        |mut c: C<'_>, kind: u32, start: u32, size: u32, at: u32, length: u32| {
            code(Call(&mut c).set_buffer(kind, start, size, at, length))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_get_header_map_pairs",
        |mut c: C<'_>, kind: u32, data_at: u32, size_at: u32| {
            code(Call(&mut c).get_pairs(kind, data_at, size_at))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_set_header_map_pairs",
        |mut c: C<'_>, kind: u32, at: u32, length: u32| code(Call(&mut c).set_pairs(kind, at, length)),
    )?;
    linker.func_wrap(
        ENV,
        "proxy_get_header_map_value",
        |mut c: C<'_>, kind: u32, key: u32, key_size: u32, data_at: u32, size_at: u32| {
            code(Call(&mut c).get_value(kind, (key, key_size), data_at, size_at))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_remove_header_map_value",
        |mut c: C<'_>, kind: u32, key: u32, key_size: u32| {
            code(Call(&mut c).change_value(kind, (key, key_size), None, false))
        },
    )?;
    for (name, keep) in [("proxy_replace_header_map_value", false), ("proxy_add_header_map_value", true)] {
        linker.func_wrap(
            ENV,
            name,
            move |mut c: C<'_>, kind: u32, key: u32, key_size: u32, at: u32, length: u32| {
                code(Call(&mut c).change_value(kind, (key, key_size), Some((at, length)), keep))
            },
        )?;
    }
    linker.func_wrap(
        ENV,
        "proxy_send_local_response",
        |mut c: C<'_>,
         status: u32,
         _details: u32,
         _details_size: u32,
         body: u32,
         body_size: u32,
         headers: u32,
         headers_size: u32,
         _grpc_status: i32| {
            code(Call(&mut c).send_local_response(status, (body, body_size), (headers, headers_size)))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_define_metric",
        |mut c: C<'_>, _kind: u32, name: u32, name_size: u32, id_at: u32| {
            code(Call(&mut c).define_metric((name, name_size), id_at))
        },
    )?;
    linker.func_wrap(ENV, "proxy_increment_metric", |mut c: C<'_>, id: u32, by: i64| {
        code(Call(&mut c).metric(id).map(|value| *value = value.saturating_add_signed(by)))
    })?;
    linker.func_wrap(ENV, "proxy_record_metric", |mut c: C<'_>, id: u32, to: u64| {
        code(Call(&mut c).metric(id).map(|value| *value = to))
    })?;
    linker.func_wrap(ENV, "proxy_get_metric", |mut c: C<'_>, id: u32, at: u32| {
        let value = Call(&mut c).metric(id).map(|value| *value);
        code(value.and_then(|value| Call(&mut c).write(at, &value.to_le_bytes())))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_get_property",
        |mut c: C<'_>, path: u32, size: u32, data_at: u32, size_at: u32| {
            code(Call(&mut c).get_property((path, size), data_at, size_at))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_set_property",
        |mut c: C<'_>, path: u32, path_size: u32, value: u32, value_size: u32| {
            code(Call(&mut c).set_property((path, path_size), (value, value_size)))
        },
    )?;
    linker.func_wrap(
        ENV,
        "proxy_register_shared_queue",
        |mut c: C<'_>, name: u32, size: u32, id_at: u32| code(Call(&mut c).queue((name, size), true, id_at)),
    )?;
    linker.func_wrap(
        ENV,
        "proxy_resolve_shared_queue",
        |mut c: C<'_>, _vm: u32, _vm_size: u32, name: u32, size: u32, id_at: u32| {
            code(Call(&mut c).queue((name, size), false, id_at))
        },
    )?;
    linker.func_wrap(ENV, "proxy_enqueue_shared_queue", |mut c: C<'_>, id: u32, value: u32, size: u32| {
        code(Call(&mut c).enqueue(id, (value, size)))
    })?;
    linker.func_wrap(
        ENV,
        "proxy_dequeue_shared_queue",
        |mut c: C<'_>, id: u32, data_at: u32, size_at: u32| code(Call(&mut c).dequeue(id, data_at, size_at)),
    )?;
    // There is nothing to be found here: no data shared between VMs.
    constant(linker, module, "proxy_get_shared_data", status::NOT_FOUND)?;
    for name in ["proxy_set_effective_context", "proxy_done", "proxy_continue_stream"] {
        constant(linker, module, name, status::OK)?;
    }
    let others: Vec<String> =
        module.imports().filter(|i| i.module() == ENV).map(|i| i.name().to_owned()).collect();
    for name in others {
        constant(linker, module, &name, status::UNIMPLEMENTED)?;
    }
    Ok(())
}

/// Let an import of the module that nothing is defined for answer with this status.
fn constant(linker: &mut Linker<State>, module: &Module, name: &str, answer: u32) -> wasmtime::Result<()> {
    let Some(ty) =
        module.imports().filter(|i| i.module() == "env" && i.name() == name).find_map(|i| match i.ty() {
            ExternType::Func(ty) => Some(ty),
            _ => None,
        })
    else {
        return Ok(());
    };
    let missing = {
        let mut results = ty.results();
        matches!((results.next(), results.next()), (Some(wasmtime::ValType::I32), None))
    };
    if missing {
        let define = linker.func_new("env", name, ty, move |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer.cast_signed());
            }
            Ok(())
        });
        // Defined already: then it has an implementation of its own.
        drop(define);
    }
    Ok(())
}
