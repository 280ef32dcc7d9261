//! IP addresses in text: finding them, and writing what takes their place.

pub mod host_name;
pub mod policy;
pub mod v4;
pub mod v6;

/// How many of the digits at `start` belong to an escape before them: rsyslog writes a control byte as `#012`,
/// a URL as `%0a`, and digits may follow.
fn escape_len(text: &[u8], start: usize, floor: usize) -> usize {
    if start <= floor {
        return 0;
    }
    let digits = match text[start - 1] {
        b'#' => 3,
        b'%' => 2,
        _ => return 0,
    };
    let escape = text.get(start..start + digits);
    if escape.is_some_and(|e| e.iter().all(u8::is_ascii_hexdigit)) { digits } else { 0 }
}
