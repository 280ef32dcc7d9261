//! What Rails and its gems write: the logger's prefix, the request's tag, and the messages.

use super::{Message, prefix::ansi, stamp};
use crate::bytes::{Set, cut, find, leading_number, quoted, take_set, take_while, word_and};

/// Ruby's `Logger::Formatter`: `I, [time #pid]  INFO -- program: `.
#[derive(Debug, Clone, Copy)]
pub struct Logger<'a> {
    /// In the time zone of the process.
    pub time_ms: Option<i64>,
    /// Process id.
    pub pid: u64,
    /// Severity FATAL.
    pub fatal: bool,
    /// Name of the program, usually empty.
    pub program: &'a [u8],
    /// The message.
    pub rest: &'a [u8],
}

/// Read the prefix.
pub fn logger(text: &[u8]) -> Option<Logger<'_>> {
    let rest = text.get(1..)?.strip_prefix(b", [")?;
    if !b"DIWEFAU".contains(text.first()?) {
        return None;
    }
    // The time is mostly one, and then says where it ends.
    let time = stamp::iso(rest).map(|(ms, end)| (Some(ms), &rest[end..]));
    let (time_ms, pid) = time.filter(|(_, pid)| pid.starts_with(b" #")).or_else(|| {
        let at = find(rest, b" #").filter(|at| !rest[..*at].contains(&b']'))?;
        Some((stamp::iso(&rest[..at]).map(|(ms, _)| ms), &rest[at..]))
    })?;
    let (pid, rest) = leading_number(&pid[2..])?;
    let rest = rest.strip_prefix(b"]")?.trim_ascii_start();
    let (severity, rest) = take_while(rest, |b| b.is_ascii_uppercase());
    let rest = rest.strip_prefix(b" -- ")?;
    let (program, rest) = rest.strip_prefix(b": ").map(|r| (&b""[..], r)).or_else(|| cut(rest, b": "))?;
    Some(Logger { time_ms, pid, fatal: severity == b"FATAL", program, rest })
}

/// Longest id that Rails takes over from a client.
const LONGEST_ID: usize = 255;

/// Bytes of a request id.
const ID: Set = word_and(b"_-@");
/// Bytes of a Ruby class.
const CLASS: Set = word_and(b":_");
/// Bytes of a Ruby method.
const METHOD: Set = word_and(b":_?!");

/// The request id in front of a message, `[id] `. ActiveJob tags its lines in the same way.
pub fn tag(text: &[u8]) -> (&[u8], &[u8]) {
    let none = (&b""[..], text);
    let Some(inner) = text.strip_prefix(b"[") else { return none };
    // A uuid's end is where it mostly is.
    let is_id = |id: &[u8]| id.iter().all(|&b| ID[usize::from(b)]);
    let uuid = inner.get(36) == Some(&b']') && is_id(inner.get(..36).unwrap_or_default());
    let end = if uuid { 36 } else { memchr::memchr(b']', inner).unwrap_or(inner.len()) };
    let (id, rest) = inner.split_at(end);
    if id.is_empty() || id.len() > LONGEST_ID || !(uuid || is_id(id)) {
        return none;
    }
    // Without the space that ends a line whose message is empty.
    let Some(rest) = rest.strip_prefix(b"]") else { return none };
    let Some(rest) = rest.strip_prefix(b" ").or_else(|| rest.is_empty().then_some(rest)) else { return none };
    // A client may send even this as its id.
    if id == b"ActiveJob" && matches!(message(rest, false), Message::Other | Message::Untrusted) {
        return none;
    }
    (id, rest)
}

/// Messages that hold what a client sent, line feeds included.
const UNTRUSTED: [&[u8]; 8] = [
    b"Article: not found for slug",
    b"Category: not found for slug",
    b"[Agent#bulk_create] ignoring email",
    b"Authentication failure!",
    b"Instagram",
    b"Whatsapp",
    b"WhatsApp",
    b"Webhook",
];

/// Messages that say nothing of interest and hold nothing of a client's.
const QUIET: [&[u8]; 8] = [
    b"Rendered ",
    b"Rendering ",
    b"Session activity update failed",
    b"Sent ",
    b"RoomChannel",
    b"Successfully upgraded to WebSocket",
    b"Finished \"",
    b"Filter chain halted",
];

/// Read a message.
pub fn message(text: &[u8], fatal: bool) -> Message<'_> {
    let found = match text.first() {
        Some(b'S') => started(text),
        Some(b'P') => processing(text),
        Some(b' ') => text
            .trim_ascii_start()
            .strip_prefix(b"Parameters: ")
            .filter(|t| t.starts_with(b"{"))
            .map(Message::Parameters),
        Some(b'C') => completed(text),
        Some(b'F') => filter(text),
        Some(b'R') => text.strip_prefix(b"Redirected to ").map(Message::Redirected),
        Some(b'H') => text.strip_prefix(b"Handled error: #<").map(|rest| Message::Handled(class_of(rest))),
        Some(b'I') => (text == b"Invalid Password").then_some(Message::AdminRejected),
        Some(b'[') => blocked(text).or_else(|| text.strip_prefix(b"[ActiveJob] ").map(job)),
        Some(b'{') => text.ends_with(b"}").then_some(Message::Object(text)),
        Some(b'E') => text.starts_with(b"Enqueued ").then(|| job(text)),
        _ => None,
    };
    if let Some(found) = found {
        return found;
    }
    if text.trim_ascii().is_empty() {
        return if fatal { Message::Fatal } else { Message::Quiet };
    }
    if text.starts_with(b"Couldn't find SuperAdmin") {
        return Message::AdminRejected;
    }
    if text.starts_with(b"Can't verify CSRF token") {
        return Message::Csrf;
    }
    if UNTRUSTED.iter().any(|u| text.starts_with(u)) {
        return Message::Untrusted;
    }
    if QUIET.iter().any(|q| text.starts_with(q)) || sql(text) {
        return Message::Quiet;
    }
    match exception(text) {
        found @ Message::Exception { .. } if fatal || !text.starts_with(b" ") => found,
        _ => Message::Other,
    }
}

/// Statements at LOG_LEVEL=debug: values are printed by `inspect`.
fn sql(text: &[u8]) -> bool {
    text.starts_with(b"  \x1b[") && ansi(text.trim_ascii_start()).len() < text.len()
}

/// What omniauth's own logger writes.
pub fn omniauth(text: &[u8]) -> Message<'_> {
    match find(text, b"failure!") {
        Some(_) => Message::Untrusted,
        None => Message::Quiet,
    }
}

/// The class before `: message`, or before what ends the object.
fn class_of(text: &[u8]) -> &[u8] {
    let class = take_set(text, &CLASS).0;
    class.strip_suffix(b":").unwrap_or(class)
}

fn started(text: &[u8]) -> Option<Message<'_>> {
    let rest = text.strip_prefix(b"Started ")?;
    let (method, rest) = take_while(rest, |b| b.is_ascii_uppercase());
    let rest = rest.strip_prefix(b" \"")?;
    // The last quote: a path may hold one.
    let (path, rest) = crate::bytes::cut_last(rest, b"\" for ")
        .or_else(|| crate::bytes::cut_last(rest, b"\" [WebSocket] for "))?;
    let (ip, _) = cut(rest, b" at ")?;
    (!method.is_empty()).then_some(Message::Started { method, path, ip })
}

/// The time in a `Started` line, in UTC, and its offset.
pub fn started_at(text: &[u8]) -> Option<(i64, i64)> {
    let (_, time) = crate::bytes::cut_last(text, b" at ")?;
    let (ms, end) = stamp::iso(time)?;
    let (offset_s, _) = stamp::offset(time.get(end..)?.trim_ascii_start())?;
    Some((ms - offset_s * 1000, offset_s))
}

fn processing(text: &[u8]) -> Option<Message<'_>> {
    let rest = text.strip_prefix(b"Processing by ")?;
    let (controller, rest) = take_set(rest, &CLASS);
    let (action, rest) = take_set(rest.strip_prefix(b"#")?, &METHOD);
    let whole = !controller.is_empty() && !action.is_empty() && rest.starts_with(b" as ");
    whole.then_some(Message::Processing { controller, action })
}

fn completed(text: &[u8]) -> Option<Message<'_>> {
    let rest = text.strip_prefix(b"Completed ")?;
    let (status, rest) = leading_number(rest)?;
    let status = u16::try_from(status).ok().filter(|s| (100..1000).contains(s))?;
    (rest.starts_with(b" ") && find(rest, b" in ").is_some()).then_some(Message::Completed(status))
}

fn filter(text: &[u8]) -> Option<Message<'_>> {
    let rest = text.strip_prefix(b"Filter chain halted as :")?;
    let (name, _) = take_set(rest, &METHOD);
    Some(Message::Halted(name))
}

fn blocked(text: &[u8]) -> Option<Message<'_>> {
    let rest = text.strip_prefix(b"[Rack::Attack][Blocked]")?;
    Some(Message::Blocked(rest))
}

/// Value of a field of a Rack::Attack line. `user_identifier` and `user_agent` hold what a client sent, with quotes
/// unescaped, so a field counts only before these, or as the last.
pub fn blocked_field<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (before, behind) = match find(text, b"user_identifier: \"") {
        Some(at) => text.split_at(at),
        None => (text, &b""[..]),
    };
    let key = |part: &'a [u8]| {
        let (_, rest) =
            part.strip_prefix(name).filter(|r| r.starts_with(b": \"")).map(|r| (part, r)).or_else(|| {
                let at = crate::bytes::find_iter(part, name).find(|&at| {
                    at > 0 && part[at - 1] == b' ' && part[at + name.len()..].starts_with(b": \"")
                })?;
                Some((part, part.get(at + name.len()..)?))
            })?;
        rest.strip_prefix(b": \"")
    };
    match name {
        b"remote_ip" | b"path" => Some(quoted(key(before.trim_ascii_start())?)?.0),
        b"method" => {
            // The last one: what a client wrote into its uid stands before it.
            let (_, rest) = crate::bytes::cut_last(behind, b", method: \"")?;
            Some(take_while(rest, |b| b.is_ascii_uppercase()).0)
        }
        b"user_agent" => {
            let rest = cut(behind, b", user_agent: \"")?.1;
            rest.strip_suffix(b"\"")
        }
        _ => None,
    }
}

fn job(text: &[u8]) -> Message<'_> {
    let Some(at) = find(text, b"_instructions\"") else { return Message::Quiet };
    let start = text[..at].iter().rposition(|&b| b == b'"').map_or(0, |q| q + 1);
    Message::Mail(&text[start..at + b"_instructions".len()])
}

/// `Class::Name (message):`, the first line of an exception.
pub fn exception(text: &[u8]) -> Message<'_> {
    let (class, rest) = take_set(text, &CLASS);
    let Some(rest) = rest.strip_prefix(b" (") else { return Message::Other };
    if !class.first().is_some_and(u8::is_ascii_uppercase) {
        return Message::Other;
    }
    let message = rest.strip_suffix(b"):").unwrap_or(rest);
    Message::Exception { class, message }
}

/// Puma on a request that ActionDispatch refused: `time Rack app ("GET /x" - (ip, ip)): #<...IpSpoofAttackError`.
pub fn spoof(text: &[u8]) -> Option<Message<'_>> {
    let (_, rest) = cut(text, b"Rack app (\"")?;
    let (request, rest) = cut(rest, b"\" - (")?;
    let (addresses, rest) = cut(rest, b")): #<")?;
    if !rest.starts_with(b"ActionDispatch::RemoteIp::IpSpoofAttackError") {
        return None;
    }
    let (method, path) = cut(request, b" ")?;
    let ip = addresses.rsplit(|&b| b == b',').next()?.trim_ascii();
    Some(Message::Spoof { method, path, ip })
}
