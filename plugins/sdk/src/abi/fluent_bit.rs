//! The shell for Fluent Bit's `filter_wasm` in its JSON mode.
//!
//! For every record the host copies tag and record into memory that it gets from the
//! guest's exported `malloc`, calls `filter`, copies the NUL-terminated JSON object that
//! comes back, and, depending on its version, frees the two copies or forgets to. So:
//!
//! - the exported `malloc` is an arena that begins anew with every record, and `free` does
//!   nothing: right for hosts that free and for those that leak, and flat in memory. The
//!   linker keeps the name `malloc` for the guest's libc, so the exports are called
//!   `tamis_malloc` and `tamis_free` here and get their names when the module is packed;
//! - a record that is not changed goes back as the very pointer that came;
//! - a changed one goes back in one buffer that is used again and again, because the host
//!   never frees what it gets;
//! - a dropped one is the empty string, which the host skips without a word in its log.
//!
//! Config: the host passes none, so it is the file `<filter>.json` in any directory of
//! `accessible_paths`. It is read while the host starts; what is wrong with it is said on
//! stderr, and the host then refuses to start.
//!
//! Or it is baked in: `tamis_bake` starts the filter, `tamis bake` makes a module of the
//! instance as it is then. In that module `_initialize` is `tamis_resume`, and neither the
//! constructors nor the start of the filter run again.

use std::{
    alloc::{Layout, alloc, dealloc},
    cell::UnsafeCell,
    fmt::Write as _,
    ptr, slice,
};

use crate::{
    Action, Encoding, Filter, Meta, Session,
    config::{ConfigError, SET_ALREADY},
    key::{Key, KeyConfig, KeyError},
};

/// A value that only the one thread of an instance touches.
struct Alone<T>(UnsafeCell<T>);

// SAFETY: `filter_wasm` has no threads, and none of the functions that look inside calls
// another of them while it does.
#[allow(unsafe_code)]
unsafe impl<T> Sync for Alone<T> {}

// ------------------------------------------------------------------------------- memory

/// Alignment of what `malloc` gives, in bytes; more than text needs.
const ALIGN: usize = 8;

/// The size of the first block, in bytes: most tags and records together fit.
const FIRST_BLOCK: usize = 16 << 10;

/// Memory for one tag and one record at a time.
///
/// Requests are carved from one block. What does not fit gets a block of its own, because
/// the tag is already in place then and must not move; with the next record the block
/// grows to what was needed in all.
struct Arena {
    block: *mut u8,
    capacity: usize,
    /// The free part of the block, as addresses.
    top: usize,
    end: usize,
    /// Blocks beside the main one, for the record at hand.
    extra: Vec<(*mut u8, usize)>,
    /// The record at hand has been filtered: with the next request all memory is free.
    stale: bool,
}

static ARENA: Alone<Arena> = Alone(UnsafeCell::new(Arena {
    block: ptr::null_mut(),
    capacity: 0,
    top: 0,
    end: 0,
    extra: Vec::new(),
    stale: false,
}));

impl Arena {
    #[inline(always)]
    fn malloc(&mut self, size: u32) -> *mut u8 {
        let start = self.top;
        let room = self.end - start;
        let size = size as usize;
        if size <= room {
            // Rounding up cannot pass the end: both it and `start` are multiples of ALIGN.
            self.top = start + ((size + (ALIGN - 1)) & !(ALIGN - 1));
            return start as *mut u8;
        }
        self.malloc_slow(size)
    }

    #[cold]
    #[inline(never)]
    fn malloc_slow(&mut self, size: usize) -> *mut u8 {
        let Some(size) = size.checked_next_multiple_of(ALIGN) else { return ptr::null_mut() };
        if self.stale {
            self.stale = false;
            let needed = self.extra.iter().map(|(_, size)| size).sum::<usize>() + self.capacity;
            for (block, size) in self.extra.drain(..) {
                release(block, size);
            }
            self.top = self.block as usize;
            if needed > self.capacity {
                self.replace_block(needed);
            }
        }
        if self.top == self.block as usize && self.extra.is_empty() && size > self.capacity {
            // Nothing of this record is in the block yet.
            self.replace_block(size);
        }
        if size <= self.end - self.top {
            let start = self.top;
            self.top += size;
            return start as *mut u8;
        }
        let block = request(size);
        if !block.is_null() {
            self.extra.push((block, size));
        }
        block
    }

    /// Make the block larger; what is in it is lost. Without memory it ends up empty.
    fn replace_block(&mut self, needed: usize) {
        release(self.block, self.capacity);
        // A power of two, so that records of all sizes cost few blocks in all.
        let rounded = needed.max(FIRST_BLOCK).checked_next_power_of_two().unwrap_or(needed);
        (self.block, self.capacity) = (request(rounded), rounded);
        if self.block.is_null() && rounded > needed {
            (self.block, self.capacity) = (request(needed), needed);
        }
        if self.block.is_null() {
            self.capacity = 0;
        }
        self.top = self.block as usize;
        self.end = self.top + self.capacity;
    }

    /// Give all memory back.
    fn empty(&mut self) {
        for (block, size) in self.extra.drain(..) {
            release(block, size);
        }
        release(self.block, self.capacity);
        (self.block, self.capacity) = (ptr::null_mut(), 0);
        (self.top, self.end, self.stale) = (0, 0, false);
    }

    /// A record has arrived: what is requested from now on belongs to the next one.
    #[inline(always)]
    fn turn(&mut self) {
        if self.extra.is_empty() {
            self.top = self.block as usize;
        } else {
            self.stale = true;
            // The next request has to look at `stale`.
            self.top = self.end;
        }
    }
}

/// Ask the guest's allocator for `size` bytes, a multiple of [`ALIGN`]; null if it has none.
#[allow(unsafe_code)]
fn request(size: usize) -> *mut u8 {
    match Layout::from_size_align(size, ALIGN) {
        // SAFETY: the size is not 0.
        Ok(layout) if size > 0 => unsafe { alloc(layout) },
        _ => ptr::null_mut(),
    }
}

#[allow(unsafe_code)]
fn release(block: *mut u8, size: usize) {
    if let (false, Ok(layout)) = (block.is_null(), Layout::from_size_align(size, ALIGN)) {
        // SAFETY: the block came from `request` with this size, and the caller forgets it.
        unsafe { dealloc(block, layout) }
    }
}

/// The exported `malloc`: memory for the host to put a tag or a record into. It is valid
/// until the first call after the next `filter`. Null when there is none left.
#[inline(always)]
#[allow(unsafe_code)]
pub fn malloc(size: u32) -> *mut u8 {
    // SAFETY: see `Alone`.
    unsafe { &mut *ARENA.0.get() }.malloc(size)
}

/// How many bytes of linear memory there are.
#[cfg(target_arch = "wasm32")]
#[inline(always)]
fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0).saturating_mul(64 << 10)
}

/// Outside a guest, for tests, any address may be memory.
#[cfg(not(target_arch = "wasm32"))]
fn memory_bytes() -> usize {
    usize::MAX
}

/// Bytes that the host has put at `start`; `None` if that is nowhere. A host that got no
/// memory for a record passes address 0 all the same, with the record's length.
#[inline(always)]
#[allow(unsafe_code)]
fn from_host<'a>(start: *const u8, len: usize) -> Option<&'a [u8]> {
    if start.is_null() || len > memory_bytes().checked_sub(start as usize)? {
        return None;
    }
    // SAFETY: not null and inside of linear memory, where all bytes are initialised. It is
    // the arena, or a heap of the host, neither of which the guest writes to.
    Some(unsafe { slice::from_raw_parts(start, len) })
}

// -------------------------------------------------------------------------------- shell

/// What the host gets for a dropped record.
static EMPTY: [u8; 1] = [0];

/// The state of an instance.
pub struct Shell<F: Filter>(Alone<State<F>>);

struct State<F: Filter> {
    session: Option<Session<F>>,
    /// The last changed record, NUL-terminated. The host has read it before it calls again.
    out: Vec<u8>,
}

impl<F: Filter> Shell<F> {
    /// Not yet started.
    #[must_use]
    pub const fn new() -> Self {
        Self(Alone(UnsafeCell::new(State { session: None, out: Vec::new() })))
    }

    #[inline(always)]
    #[allow(unsafe_code, clippy::mut_from_ref)]
    fn state(&self) -> &mut State<F> {
        // SAFETY: see `Alone`.
        unsafe { &mut *self.0.0.get() }
    }

    /// Read the config and start the filter; runs in `_initialize`. Without a filter the
    /// host must not start, so this does not return then.
    pub fn initialize(&self) {
        match start::<F>() {
            Ok(session) => self.state().session = Some(session),
            Err(message) => give_up::<F>(&message),
        }
    }

    /// Start the filter with the config at `config`, memory from [`malloc`], for a snapshot.
    /// The answer is null, or what is wrong with the config, NUL-terminated.
    pub fn bake(&self, config: *const u8, config_len: usize) -> *const u8 {
        let text = from_host(config, config_len).unwrap_or_default();
        let started = std::str::from_utf8(text)
            .map_err(|_| ConfigError::new("$", "not UTF-8: save it as UTF-8"))
            .and_then(|text| Session::new(text, resolve_key));
        // SAFETY: see `Alone`. Nothing looks at the text any more.
        #[allow(unsafe_code)]
        unsafe { &mut *ARENA.0.get() }.empty();
        let State { session, out } = self.state();
        match started {
            Ok(started) => {
                *session = Some(started);
                ptr::null()
            }
            Err(error) => {
                *out = format!("{error}\0").into_bytes();
                out.as_ptr()
            }
        }
    }

    /// The start of a snapshot, whose filter runs already. A config file is no config of this
    /// module; its author must not be left to think so.
    pub fn resume(&self) {
        match find_config(F::NAME) {
            Ok(None) => {}
            Ok(Some((file, _))) => give_up::<F>(&format!("{file}: $: {SET_ALREADY}")),
            Err(message) => give_up::<F>(&message),
        }
    }

    /// The exported `filter`. `tag` and `record` are pointers from [`malloc`], the lengths
    /// are without the NUL that follows them. The answer is never null: it is the record
    /// as it came, or changed, or empty if it was dropped, NUL-terminated.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub fn filter(
        &self,
        tag: *const u8,
        tag_len: usize,
        sec: u32,
        nsec: u32,
        record: *const u8,
        record_len: usize,
    ) -> *const u8 {
        // SAFETY: see `Alone`.
        unsafe { &mut *ARENA.0.get() }.turn();
        let State { session, out } = self.state();
        out.clear();
        // With the NUL: it is what makes the record a result.
        let body = record_len.checked_add(1).and_then(|len| from_host(record, len));
        let (Some(session), Some([body @ .., last])) = (session.as_mut(), body) else {
            return replacement::<F>(out, record_len);
        };
        let meta = Meta {
            tag: from_host(tag, tag_len).unwrap_or_default(),
            timestamp_ns: u64::from(sec) * 1_000_000_000 + u64::from(nsec),
        };
        match session.process(meta, Encoding::Json, body, out) {
            Action::Keep if *last == 0 => return record,
            Action::Keep => out.extend_from_slice(body),
            Action::Replace | Action::ReplaceJson => {}
            Action::Drop => return EMPTY.as_ptr(),
        }
        out.push(0);
        out.as_ptr()
    }
}

impl<F: Filter> Default for Shell<F> {
    fn default() -> Self {
        Self::new()
    }
}

/// A record that says that one could not be handled: it did not arrive, so there is
/// nothing to pass, and a record must not get lost unseen.
#[cold]
#[inline(never)]
fn replacement<F: Filter>(out: &mut Vec<u8>, record_bytes: usize) -> *const u8 {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{{\"tamis_error\":\"{}: the host could not hand over this record of {record_bytes} bytes\"}}\0",
        F::NAME
    );
    out.extend_from_slice(text.as_bytes());
    out.as_ptr()
}

// ------------------------------------------------------------------------------- config

/// Without a filter the host must not start.
fn give_up<F: Filter>(message: &str) -> ! {
    eprintln!("{}: {message}", F::NAME);
    std::process::exit(1);
}

fn start<F: Filter>() -> Result<Session<F>, String> {
    let (file, text) = match find_config(F::NAME)? {
        Some((file, text)) => (file, text),
        None => (String::from("defaults"), String::new()),
    };
    Session::new(&text, resolve_key).map_err(|e| refused(&file, &e))
}

#[inline(never)]
fn refused(file: &str, error: &ConfigError) -> String {
    format!("{file}: {}: {}", error.path, error.message)
}

fn resolve_key(section: &KeyConfig) -> Result<Key, KeyError> {
    section.resolve(
        |file| {
            std::fs::read_to_string(file)
                .map_err(|e| format!("cannot read '{file}' ({e}): it must be below accessible_paths"))
        },
        |_| {
            Err("fluent bit gives its filters no environment: use key.file, below accessible_paths"
                .to_owned())
        },
    )
}

/// The config file and its text, from the first directory that has one.
fn find_config(filter: &str) -> Result<Option<(String, String)>, String> {
    for dir in (FIRST_PREOPEN..).map_while(preopened_dir) {
        let path = format!("{}/{filter}.json", dir.trim_end_matches('/'));
        match std::fs::read(&path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Ok(Some((path, text))),
                Err(_) => return Err(format!("{path}: $: not UTF-8: save it as UTF-8")),
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            // It is there and meant to be used: going on without it would pass records
            // that it says to redact.
            Err(e) => return Err(format!("{path}: $: cannot be read: {e}")),
        }
    }
    Ok(None)
}

/// File descriptors below are the standard streams.
const FIRST_PREOPEN: u32 = 3;

/// The name of a directory that the host has opened for the guest; `None` past the last.
#[cfg(target_os = "wasi")]
#[allow(unsafe_code)]
fn preopened_dir(fd: u32) -> Option<String> {
    #[repr(C)]
    struct Prestat {
        tag: u8,
        name_len: usize,
    }
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        fn fd_prestat_get(fd: u32, out: *mut Prestat) -> i32;
        fn fd_prestat_dir_name(fd: u32, name: *mut u8, len: usize) -> i32;
    }
    const DIRECTORY: u8 = 0;
    let mut stat = Prestat { tag: DIRECTORY, name_len: 0 };
    // SAFETY: `Prestat` has the layout of WASI's `prestat`.
    if unsafe { fd_prestat_get(fd, &raw mut stat) } != 0 || stat.tag != DIRECTORY {
        return None;
    }
    let mut name = vec![0; stat.name_len];
    // SAFETY: the buffer has the length that is passed.
    if unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) } != 0 {
        return None;
    }
    // Some hosts count a terminating NUL.
    let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    name.truncate(len);
    String::from_utf8(name).ok()
}

/// Only WASI opens directories for a guest.
#[cfg(not(target_os = "wasi"))]
fn preopened_dir(_fd: u32) -> Option<String> {
    None
}

/// Emit the exports for one filter type.
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        #[allow(unsafe_code)]
        mod tamis_fluent_bit {
            use $crate::abi::fluent_bit::{self, Shell};

            static SHELL: Shell<super::TamisExportedFilter> = Shell::new();

            // What the host calls first. Rust makes none for a `cdylib`; because it calls
            // the constructors, the linker leaves that out of all other exports.
            // SAFETY: no other symbol has this name.
            #[cfg(target_family = "wasm")]
            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: made by the linker; the host calls this function once.
                unsafe { __wasm_call_ctors() };
                SHELL.initialize();
            }

            #[cfg(target_family = "wasm")]
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            // Called in place of `_initialize`, once, by `tamis bake`.
            // SAFETY: no other symbol has this name.
            #[cfg(target_family = "wasm")]
            #[unsafe(no_mangle)]
            extern "C" fn tamis_bake(config: *const u8, config_len: usize) -> *const u8 {
                // SAFETY: as in `_initialize`.
                unsafe { __wasm_call_ctors() };
                SHELL.bake(config, config_len)
            }

            // The `_initialize` of what was baked.
            // SAFETY: no other symbol has this name.
            #[unsafe(no_mangle)]
            extern "C" fn tamis_resume() {
                SHELL.resume();
            }

            // SAFETY: no other symbol has this name.
            #[unsafe(no_mangle)]
            extern "C" fn tamis_malloc(size: u32) -> *mut u8 {
                fluent_bit::malloc(size)
            }

            // SAFETY: no other symbol has this name.
            #[unsafe(no_mangle)]
            extern "C" fn tamis_free(_block: *mut u8) {}

            // For the harness, which makes records of lines of text and lines of text of records; Fluent Bit
            // never calls it.
            // SAFETY: no other symbol has this name.
            #[unsafe(no_mangle)]
            extern "C" fn tamis_lifts() -> u32 {
                u32::from(<super::TamisExportedFilter as $crate::Filter>::LIFTS)
            }

            // SAFETY: no other symbol has this name.
            #[unsafe(no_mangle)]
            extern "C" fn filter(
                tag: *const u8,
                tag_len: usize,
                sec: u32,
                nsec: u32,
                record: *const u8,
                record_len: usize,
            ) -> *const u8 {
                SHELL.filter(tag, tag_len, sec, nsec, record, record_len)
            }
        }

        type TamisExportedFilter = $filter;
    };
}
