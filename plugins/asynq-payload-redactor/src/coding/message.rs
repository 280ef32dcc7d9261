//! asynq's own encoding of a task in redis: the protobuf message `TaskMessage` of its `internal/proto`, in which field
//! 1 is the type and field 2 the payload.

use std::ops::Range;

/// Where type and payload of the message at the start of `text` stand. The payload may be cut.
pub fn fields(text: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let (&tag, rest) = text.split_first()?;
    if tag != 0x0A {
        return None;
    }
    let (len, used) = varint(rest)?;
    let task = 1 + used..1 + used + len;
    let name = text.get(task.clone())?;
    if name.is_empty() || !name.iter().all(|b| b.is_ascii_graphic()) || *text.get(task.end)? != 0x12 {
        return None;
    }
    let (len, used) = varint(text.get(task.end + 1..)?)?;
    let start = task.end + 1 + used;
    let end = start.saturating_add(len).min(text.len());
    // Of a payload that was redacted the length is no longer right; it ends before the next field, the id.
    let redacted =
        text.get(end).is_some_and(|tag| *tag != ID_TAG) || (end == text.len() && start + len > end);
    let end = redacted.then(|| own_end(text, start)).flatten().unwrap_or(end);
    // Never within a character: a host may have mapped the payload's bytes to longer ones.
    let end = end + text[end..].iter().take(3).take_while(|b| matches!(b, 0x80..=0xBF)).count();
    Some((task, start..end))
}

/// The tag of field 3, the id of the task.
const ID_TAG: u8 = 0x1A;

/// Where a payload that is JSON or a marker ends, if the next field follows.
fn own_end(text: &[u8], start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    for (i, b) in rest.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && !quoted {
            return (rest.get(i + 1) == Some(&ID_TAG)).then_some(start + i + 1);
        }
    }
    None
}

fn varint(text: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (i, b) in text.iter().take(4).enumerate() {
        value |= usize::from(b & 0x7F) << (7 * i);
        if b & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_payload_are_found() {
        let text = b"\n\remail:welcome\x12\x0e{\"user_id\":42}\x1a$id";
        let (task, payload) = fields(text).unwrap();
        assert_eq!(&text[task], b"email:welcome");
        assert_eq!(&text[payload], b"{\"user_id\":42}");
        assert_eq!(fields(b"\n\x02vm\x10\xf6"), None);
        assert_eq!(fields(b"\nhello"), None);
        assert_eq!(fields(b""), None);
        // Redacted: the length is that of what was there.
        let text = b"\n\x01a\x12\x7f{\"a\":\"]\"}\x1a$id and more";
        assert_eq!(fields(text).unwrap().1, 5..14);
        // cut
        assert_eq!(fields(b"\n\x01a\x12\x7fxyz").unwrap().1, 5..8);
    }
}
