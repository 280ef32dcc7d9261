//! The functions of C that WAMR gives under `env`: modules that were linked without a libc use
//! them, as Fluent Bit's own sample in C does.

use wasmtime::{Caller, Extern, Linker};

use super::{format::format, guest::State};

/// All of their names, as in WAMR 2.4.1. Those that are not made here trap when called.
pub(super) const NAMES: [&str; 51] = [
    "printf",
    "sprintf",
    "snprintf",
    "vprintf",
    "vsprintf",
    "vsnprintf",
    "puts",
    "putchar",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "strchr",
    "strcmp",
    "strcpy",
    "strlen",
    "strncmp",
    "strncpy",
    "malloc",
    "realloc",
    "calloc",
    "strdup",
    "_strdup",
    "free",
    "atoi",
    "exit",
    "strtol",
    "strtoul",
    "memchr",
    "strncasecmp",
    "strspn",
    "strcspn",
    "strstr",
    "isupper",
    "isalpha",
    "isspace",
    "isgraph",
    "isprint",
    "isdigit",
    "isxdigit",
    "tolower",
    "toupper",
    "isalnum",
    "emscripten_memcpy_big",
    "abort",
    "abortStackOverflow",
    "nullFunc_X",
    "__cxa_allocate_exception",
    "__cxa_begin_catch",
    "__cxa_throw",
    "clock_gettime",
];

/// Of these, what traps here: whoever calls them is not run.
pub(super) const NOT_MADE: [&str; 15] = [
    "vprintf",
    "vsprintf",
    "vsnprintf",
    "strtol",
    "strtoul",
    "strncasecmp",
    "strspn",
    "strcspn",
    "abortStackOverflow",
    "nullFunc_X",
    "__cxa_allocate_exception",
    "__cxa_begin_catch",
    "__cxa_throw",
    "clock_gettime",
    "emscripten_memcpy_big",
];

type C<'a> = Caller<'a, State>;

/// Whether a byte is of a class of characters.
type IsOfClass = fn(u8) -> bool;

/// The memory of the module; an empty one if it has none.
fn memory<'a>(caller: &'a mut C<'_>) -> &'a mut [u8] {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => memory.data_mut(caller),
        _ => &mut [],
    }
}

fn out_of_bounds() -> wasmtime::Error {
    wasmtime::Error::msg("out of bounds memory access")
}

/// Bytes from `at`.
fn bytes<'a>(caller: &'a mut C<'_>, at: u32, size: u32) -> wasmtime::Result<&'a mut [u8]> {
    let start = at as usize;
    let end = start.checked_add(size as usize).ok_or_else(out_of_bounds)?;
    memory(caller).get_mut(start..end).ok_or_else(out_of_bounds)
}

/// The C string at `at`, without its NUL.
fn string(caller: &mut C<'_>, at: u32) -> wasmtime::Result<Vec<u8>> {
    let rest = memory(caller).get(at as usize..).ok_or_else(out_of_bounds)?;
    let end = memchr::memchr(0, rest).ok_or_else(out_of_bounds)?;
    Ok(rest[..end].to_vec())
}

fn put(caller: &mut C<'_>, at: u32, text: &[u8]) -> wasmtime::Result<()> {
    bytes(caller, at, u32::try_from(text.len())?)?.copy_from_slice(text);
    Ok(())
}

fn put_string(caller: &mut C<'_>, at: u32, text: &[u8]) -> wasmtime::Result<()> {
    put(caller, at, &[text, b"\0"].concat())
}

/// Memory as Fluent Bit would get it: from the module's own pair if there is one.
fn malloc(caller: &mut C<'_>, size: u32) -> wasmtime::Result<u32> {
    if caller.data().own_pair {
        let Some(Extern::Func(function)) = caller.get_export("malloc") else { return Ok(0) };
        return function.typed::<u32, u32>(&*caller)?.call(&mut *caller, size);
    }
    Ok(caller.data_mut().heap.malloc(size))
}

fn free(caller: &mut C<'_>, at: u32) -> wasmtime::Result<()> {
    if caller.data().own_pair {
        let Some(Extern::Func(function)) = caller.get_export("free") else { return Ok(()) };
        return function.typed::<u32, ()>(&*caller)?.call(&mut *caller, at);
    }
    caller.data_mut().heap.free(at);
    Ok(())
}

fn find(caller: &mut C<'_>, at: u32, wanted: &[u8]) -> wasmtime::Result<u32> {
    let text = string(caller, at)?;
    let found = memchr::memmem::find(&text, wanted);
    Ok(found.and_then(|i| at.checked_add(u32::try_from(i).ok()?)).unwrap_or(0))
}

fn order(a: &[u8], b: &[u8]) -> i32 {
    match a.cmp(b) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}

fn cut(text: &[u8], size: u32) -> &[u8] {
    &text[..text.len().min(size as usize)]
}

/// The text that `printf` and its like would make.
fn formatted(caller: &mut C<'_>, form: u32, arguments: u32) -> wasmtime::Result<Vec<u8>> {
    let form = string(caller, form)?;
    let memory = memory(caller);
    format(&form, memory, arguments).ok_or_else(out_of_bounds)
}

fn length(text: &[u8]) -> i32 {
    i32::try_from(text.len()).unwrap_or(i32::MAX)
}

/// Give a module those that it imports.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const ENV: &str = "env";
    linker.func_wrap(ENV, "malloc", |mut c: C<'_>, size: u32| malloc(&mut c, size))?;
    linker.func_wrap(ENV, "calloc", |mut c: C<'_>, count: u32, size: u32| -> wasmtime::Result<u32> {
        let Some(size) = count.checked_mul(size) else { return Ok(0) };
        let at = malloc(&mut c, size)?;
        if at != 0 {
            bytes(&mut c, at, size)?.fill(0);
        }
        Ok(at)
    })?;
    linker.func_wrap(ENV, "realloc", |mut c: C<'_>, old: u32, size: u32| -> wasmtime::Result<u32> {
        let kept = c.data().heap.size(old).unwrap_or(size).min(size);
        let new = malloc(&mut c, size)?;
        if new != 0 && old != 0 {
            let content = bytes(&mut c, old, kept)?.to_vec();
            put(&mut c, new, &content)?;
            free(&mut c, old)?;
        }
        Ok(new)
    })?;
    linker.func_wrap(ENV, "free", |mut c: C<'_>, at: u32| free(&mut c, at))?;
    for name in ["strdup", "_strdup"] {
        linker.func_wrap(ENV, name, |mut c: C<'_>, at: u32| -> wasmtime::Result<u32> {
            let text = string(&mut c, at)?;
            let new = malloc(&mut c, u32::try_from(text.len())?.saturating_add(1))?;
            if new != 0 {
                put_string(&mut c, new, &text)?;
            }
            Ok(new)
        })?;
    }
    for name in ["memcpy", "memmove"] {
        linker.func_wrap(
            ENV,
            name,
            |mut c: C<'_>, to: u32, from: u32, size: u32| -> wasmtime::Result<u32> {
                let content = bytes(&mut c, from, size)?.to_vec();
                put(&mut c, to, &content)?;
                Ok(to)
            },
        )?;
    }
    linker.func_wrap(
        ENV,
        "memset",
        |mut c: C<'_>, to: u32, byte: u32, size: u32| -> wasmtime::Result<u32> {
            bytes(&mut c, to, size)?.fill((byte & 0xFF) as u8);
            Ok(to)
        },
    )?;
    linker.func_wrap(ENV, "memcmp", |mut c: C<'_>, a: u32, b: u32, size: u32| -> wasmtime::Result<i32> {
        let a = bytes(&mut c, a, size)?.to_vec();
        Ok(order(&a, bytes(&mut c, b, size)?))
    })?;
    linker.func_wrap(
        ENV,
        "memchr",
        |mut c: C<'_>, at: u32, byte: u32, size: u32| -> wasmtime::Result<u32> {
            let found = memchr::memchr((byte & 0xFF) as u8, bytes(&mut c, at, size)?);
            Ok(found.and_then(|i| at.checked_add(u32::try_from(i).ok()?)).unwrap_or(0))
        },
    )?;
    strings(linker)?;
    linker.func_wrap(ENV, "puts", |_: C<'_>, _: u32| 0i32)?;
    linker.func_wrap(ENV, "putchar", |_: C<'_>, character: i32| character)?;
    linker.func_wrap(ENV, "printf", |mut c: C<'_>, form: u32, arguments: u32| -> wasmtime::Result<i32> {
        Ok(length(&formatted(&mut c, form, arguments)?))
    })?;
    linker.func_wrap(
        ENV,
        "sprintf",
        |mut c: C<'_>, to: u32, form: u32, arguments: u32| -> wasmtime::Result<i32> {
            let text = formatted(&mut c, form, arguments)?;
            put_string(&mut c, to, &text)?;
            Ok(length(&text))
        },
    )?;
    linker.func_wrap(
        ENV,
        "snprintf",
        |mut c: C<'_>, to: u32, size: u32, form: u32, arguments: u32| -> wasmtime::Result<i32> {
            let text = formatted(&mut c, form, arguments)?;
            if let Some(room) = size.checked_sub(1) {
                put_string(&mut c, to, cut(&text, room))?;
            }
            Ok(length(&text))
        },
    )?;
    for name in ["exit", "abort"] {
        linker.func_wrap(ENV, name, |_: C<'_>, _: i32| -> wasmtime::Result<()> {
            Err(wasmtime::Error::msg("the guest called exit or abort"))
        })?;
    }
    Ok(())
}

fn strings(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const ENV: &str = "env";
    linker.func_wrap(ENV, "strlen", |mut c: C<'_>, at: u32| -> wasmtime::Result<u32> {
        Ok(u32::try_from(string(&mut c, at)?.len())?)
    })?;
    linker.func_wrap(ENV, "strcmp", |mut c: C<'_>, a: u32, b: u32| -> wasmtime::Result<i32> {
        Ok(order(&string(&mut c, a)?, &string(&mut c, b)?))
    })?;
    linker.func_wrap(ENV, "strncmp", |mut c: C<'_>, a: u32, b: u32, size: u32| -> wasmtime::Result<i32> {
        Ok(order(cut(&string(&mut c, a)?, size), cut(&string(&mut c, b)?, size)))
    })?;
    linker.func_wrap(ENV, "strcpy", |mut c: C<'_>, to: u32, from: u32| -> wasmtime::Result<u32> {
        let text = string(&mut c, from)?;
        put_string(&mut c, to, &text)?;
        Ok(to)
    })?;
    linker.func_wrap(
        ENV,
        "strncpy",
        |mut c: C<'_>, to: u32, from: u32, size: u32| -> wasmtime::Result<u32> {
            let text = string(&mut c, from)?;
            let place = bytes(&mut c, to, size)?;
            place.fill(0);
            let text = cut(&text, size);
            place[..text.len()].copy_from_slice(text);
            Ok(to)
        },
    )?;
    linker.func_wrap(ENV, "strchr", |mut c: C<'_>, at: u32, byte: u32| -> wasmtime::Result<u32> {
        if byte & 0xFF == 0 {
            let text = string(&mut c, at)?;
            return Ok(at.saturating_add(u32::try_from(text.len())?));
        }
        find(&mut c, at, &[(byte & 0xFF) as u8])
    })?;
    linker.func_wrap(ENV, "strstr", |mut c: C<'_>, at: u32, wanted: u32| -> wasmtime::Result<u32> {
        let wanted = string(&mut c, wanted)?;
        find(&mut c, at, &wanted)
    })?;
    linker.func_wrap(ENV, "atoi", |mut c: C<'_>, at: u32| -> wasmtime::Result<i32> {
        let text = String::from_utf8_lossy(&string(&mut c, at)?).into_owned();
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(text.len());
        Ok(text[..end].parse().unwrap_or(0))
    })?;
    let class: [(&str, IsOfClass); 8] = [
        ("isupper", |b| b.is_ascii_uppercase()),
        ("isalpha", |b| b.is_ascii_alphabetic()),
        ("isspace", |b| b.is_ascii_whitespace() || b == 0x0b),
        ("isgraph", |b| b.is_ascii_graphic()),
        ("isprint", |b| b.is_ascii_graphic() || b == b' '),
        ("isdigit", |b| b.is_ascii_digit()),
        ("isxdigit", |b| b.is_ascii_hexdigit()),
        ("isalnum", |b| b.is_ascii_alphanumeric()),
    ];
    for (name, is) in class {
        linker.func_wrap(ENV, name, move |_: C<'_>, c: i32| u32::from(u8::try_from(c).is_ok_and(is)))?;
    }
    linker.func_wrap(ENV, "tolower", |_: C<'_>, c: i32| if (65..=90).contains(&c) { c + 32 } else { c })?;
    linker.func_wrap(ENV, "toupper", |_: C<'_>, c: i32| if (97..=122).contains(&c) { c - 32 } else { c })?;
    Ok(())
}
