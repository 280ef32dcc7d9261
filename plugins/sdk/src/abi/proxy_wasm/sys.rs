//! The calls into the host, with every status handed back as a value.
//!
//! The `hostcalls` of the proxy-wasm crate panic on statuses that they do not expect, and
//! a panic kills the VM of an Envoy worker for good. So the crate is used for its exports
//! and its dispatcher, and the few calls that the shell makes are made here.

#![allow(unsafe_code)]

pub(super) use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType};

/// What the host answered instead of "ok".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostStatus(pub u32);

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const EMPTY: u32 = 7;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, message_size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *const u8,
        data_size: usize,
    ) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        value: *mut *mut u8,
        value_size: *mut usize,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_register_shared_queue(name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_resolve_shared_queue(
        vm_id: *const u8,
        vm_id_size: usize,
        name: *const u8,
        name_size: usize,
        id: *mut u32,
    ) -> u32;
    fn proxy_enqueue_shared_queue(id: u32, value: *const u8, value_size: usize) -> u32;
    fn proxy_dequeue_shared_queue(id: u32, value: *mut *mut u8, value_size: *mut usize) -> u32;
}

fn check(status: u32) -> Result<(), HostStatus> {
    if status == OK { Ok(()) } else { Err(HostStatus(status)) }
}

/// Take over a buffer that the host has filled. It got it from `proxy_on_memory_allocate`,
/// which the proxy-wasm crate exports and which gives out boxed slices of exactly that size.
pub(super) fn take(data: *mut u8, size: usize) -> Vec<u8> {
    let in_memory = (data as usize).checked_add(size).is_some_and(|end| end <= memory_bytes());
    if data.is_null() || size == 0 || !in_memory {
        return Vec::new();
    }
    // SAFETY: the ABI gives the guest the ownership of what the host allocated in it through
    // `proxy_on_memory_allocate(size)`: a boxed slice of `size` bytes, all initialised by
    // the host, and handed over once. Its end was checked to lie in linear memory.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

#[cfg(target_family = "wasm")]
fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0).saturating_mul(65_536)
}

#[cfg(not(target_family = "wasm"))]
fn memory_bytes() -> usize {
    usize::MAX
}

/// Say something to the operator. A host that does not listen is no error.
pub(super) fn log(level: LogLevel, message: &str) {
    // SAFETY: pointer and length are those of `message`, which outlives the call.
    let _ = unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// At most `max_size` bytes of a buffer, from its start; empty if it has none.
pub(super) fn buffer(buffer: BufferType, max_size: usize) -> Result<Vec<u8>, HostStatus> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host writes a pointer and a size into the two places given.
    let status = unsafe { proxy_get_buffer_bytes(buffer as u32, 0, max_size, &mut data, &mut size) };
    if status == NOT_FOUND {
        return Ok(Vec::new());
    }
    check(status).map(|()| take(data, size))
}

/// Let `new` stand in place of the first `size` bytes of a buffer.
pub(super) fn set_buffer(buffer: BufferType, size: usize, new: &[u8]) -> Result<(), HostStatus> {
    // SAFETY: pointer and length are those of `new`, which outlives the call.
    check(unsafe { proxy_set_buffer_bytes(buffer as u32, 0, size, new.as_ptr(), new.len()) })
}

/// The value of a header; `None` if there is none.
pub(super) fn header(map: MapType, name: &str) -> Result<Option<Vec<u8>>, HostStatus> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: pointer and length are those of `name`; the host writes a pointer and a size
    // into the two places given.
    let status =
        unsafe { proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), &mut data, &mut size) };
    if status == NOT_FOUND {
        return Ok(None);
    }
    check(status).map(|()| Some(take(data, size)))
}

/// Remove all values of a header, if there are any.
pub(super) fn remove_header(map: MapType, name: &str) -> Result<(), HostStatus> {
    // SAFETY: pointer and length are those of `name`, which outlives the call.
    let status = unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
    if status == NOT_FOUND { Ok(()) } else { check(status) }
}

/// Answer in place of the upstream.
pub(super) fn respond(status: u32, details: &str, content_type: &str, body: &str) -> Result<(), HostStatus> {
    let headers = header_map(content_type);
    // SAFETY: pointers and lengths are those of slices that outlive the call.
    check(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    })
}

/// A header map as it crosses the ABI: count, then sizes, then names and values, each
/// followed by a NUL. Holds at most the one header.
fn header_map(content_type: &str) -> Vec<u8> {
    const NAME: &str = "content-type";
    if content_type.is_empty() {
        return vec![0; 4];
    }
    let mut map = Vec::with_capacity(64);
    map.extend_from_slice(&1u32.to_le_bytes());
    for text in [NAME, content_type] {
        map.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
    }
    for text in [NAME, content_type] {
        map.extend_from_slice(text.as_bytes());
        map.push(0);
    }
    map
}

/// Make a counter known to the host.
pub(super) fn define_counter(name: &str) -> Result<u32, HostStatus> {
    let mut id = 0;
    // SAFETY: pointer and length are those of `name`; the host writes the id where it is told.
    let status =
        unsafe { proxy_define_metric(MetricType::Counter as u32, name.as_ptr(), name.len(), &mut id) };
    check(status).map(|()| id)
}

/// Count.
pub(super) fn increment(id: u32, by: u64) -> Result<(), HostStatus> {
    // SAFETY: no memory is passed.
    check(unsafe { proxy_increment_metric(id, i64::try_from(by).unwrap_or(i64::MAX)) })
}

/// Nanoseconds since 1970-01-01T00:00:00Z; 0 if the host does not tell.
pub(super) fn now_ns() -> u64 {
    let mut now = 0;
    // SAFETY: the host writes the time where it is told.
    let status = unsafe { proxy_get_current_time_nanoseconds(&mut now) };
    if status == OK { now } else { 0 }
}

/// A property of the stream, its path's parts separated by NUL; empty if there is none.
pub(super) fn property(path: &str) -> Vec<u8> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: pointer and length are those of `path`; the host writes a pointer and a size into the two places given.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) };
    if status == OK { take(data, size) } else { Vec::new() }
}

/// Set a property of the stream.
pub(super) fn set_property(path: &str, value: &[u8]) -> Result<(), HostStatus> {
    // SAFETY: pointers and lengths are those of slices that outlive the call.
    check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Let a header have this one value.
pub(super) fn set_header(map: MapType, name: &str, value: &str) -> Result<(), HostStatus> {
    // SAFETY: pointers and lengths are those of slices that outlive the call.
    check(unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Make a queue of this VM known to all.
pub(super) fn register_queue(name: &str) -> Result<u32, HostStatus> {
    let mut id = 0;
    // SAFETY: pointer and length are those of `name`; the host writes the id where it is told.
    check(unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &mut id) }).map(|()| id)
}

/// Find the queue of another VM.
pub(super) fn resolve_queue(vm_id: &str, name: &str) -> Result<u32, HostStatus> {
    let mut id = 0;
    // SAFETY: pointers and lengths are those of strings that outlive the call; the host writes the id where it is told.
    let status = unsafe {
        proxy_resolve_shared_queue(vm_id.as_ptr(), vm_id.len(), name.as_ptr(), name.len(), &mut id)
    };
    check(status).map(|()| id)
}

/// Put something at the end of a queue.
pub(super) fn enqueue(id: u32, value: &[u8]) -> Result<(), HostStatus> {
    // SAFETY: pointer and length are those of `value`, which outlives the call.
    check(unsafe { proxy_enqueue_shared_queue(id, value.as_ptr(), value.len()) })
}

/// Take what is first in a queue; nothing if it is empty.
pub(super) fn dequeue(id: u32) -> Result<Option<Vec<u8>>, HostStatus> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the host writes a pointer and a size into the two places given.
    let status = unsafe { proxy_dequeue_shared_queue(id, &mut data, &mut size) };
    if status == EMPTY {
        return Ok(None);
    }
    check(status).map(|()| Some(take(data, size)))
}
