//! Which format a body has, by content type, path and first bytes.

use super::Format;

/// What a content type says about a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// JSON, but which?
    Json,
    /// One JSON document per line.
    Ndjson,
    /// Text.
    Text,
    /// Nothing: no content type, or one that clients send when they do not know.
    Unknown,
    /// Something that is not read here: protobuf, images, archives.
    Other,
}

/// What to do with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Filter it as this.
    Format(Format),
    /// It is nothing that can be filtered here.
    Unsupported,
}

/// The media type of a `content-type` header, lower case and without its parameters.
pub fn media_type(content_type: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    content_type[..end].trim_ascii().to_ascii_lowercase()
}

/// What a `content-type` header says.
pub fn media_kind(content_type: &[u8]) -> MediaKind {
    let media = media_type(content_type);
    match media.as_slice() {
        b"" | b"application/octet-stream" | b"binary/octet-stream" | b"application/x-www-form-urlencoded" => {
            MediaKind::Unknown
        }
        b"application/json" | b"text/json" | b"application/csp-report" => MediaKind::Json,
        b"application/x-ndjson"
        | b"application/ndjson"
        | b"application/jsonl"
        | b"application/x-jsonl"
        | b"application/jsonlines"
        | b"application/x-jsonlines"
        | b"application/x-json-stream"
        | b"application/json-lines" => MediaKind::Ndjson,
        _ if media.ends_with(b"+json") => MediaKind::Json,
        _ if media.starts_with(b"application/vnd.elasticsearch+x-ndjson") => MediaKind::Ndjson,
        _ if media.ends_with(b"+x-ndjson") || media.ends_with(b"+ndjson") => MediaKind::Ndjson,
        _ if media.starts_with(b"text/") => MediaKind::Text,
        _ => MediaKind::Other,
    }
}

/// The path of a request target, without its query and its trailing slashes.
pub fn path_of(target: &[u8]) -> &[u8] {
    let end = memchr::memchr3(b'?', b'#', b';', target).unwrap_or(target.len());
    let mut path = &target[..end];
    while let Some(shorter) = path.strip_suffix(b"/") {
        path = shorter;
    }
    path
}

/// The format of a body: what its path is known for, if the content type allows that, else
/// what the content type says, else what the body looks like.
pub fn choose(kind: MediaKind, target: &[u8], body: &[u8]) -> Choice {
    use MediaKind::{Json, Ndjson, Other, Text, Unknown};
    let path = path_of(target);
    let has = |part: &[u8]| memchr::memmem::find(path, part).is_some();
    let format = match kind {
        Other => return Choice::Unsupported,
        Unknown if is_binary(body) => return Choice::Unsupported,
        _ if has(b"/services/collector/raw") => Format::Lines,
        Json | Text | Unknown if has(b"/services/collector") => Format::SplunkHec,
        Json | Ndjson | Unknown if path.ends_with(b"/_bulk") => Format::Bulk,
        Json | Unknown if path.ends_with(b"/loki/api/v1/push") || path.ends_with(b"/api/prom/push") => {
            Format::Loki
        }
        Json | Unknown if path.ends_with(b"/v1/logs") => Format::Otlp,
        Json => Format::Json,
        Ndjson => Format::Ndjson,
        Text => Format::Text,
        Unknown => match body.trim_ascii_start().first() {
            Some(b'{' | b'[') => Format::Json,
            _ => Format::Lines,
        },
    };
    Choice::Format(format)
}

/// Whether the first bytes are none that a log line has.
fn is_binary(body: &[u8]) -> bool {
    let head = &body[..body.len().min(1024)];
    head.iter().any(|&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1B | 0x0C | 0x08))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_path_and_first_bytes_choose() {
        let format = |ty: &str, path: &str, body: &str| match choose(
            media_kind(ty.as_bytes()),
            path.as_bytes(),
            body.as_bytes(),
        ) {
            Choice::Format(f) => f.name(),
            Choice::Unsupported => "unsupported",
        };
        for (ty, path, body, expected) in [
            ("application/json", "/", "{}", "json"),
            ("Application/JSON; charset=utf-8", "/logs", "[]", "json"),
            ("application/x-ndjson", "/logs", "", "ndjson"),
            ("application/x-ndjson", "/_bulk", "", "bulk"),
            ("application/vnd.elasticsearch+x-ndjson; compatible-with=8", "/i/_bulk?refresh", "", "bulk"),
            ("application/json", "/my-index/_bulk/", "", "bulk"),
            ("application/json", "/loki/api/v1/push", "", "loki"),
            ("application/x-protobuf", "/loki/api/v1/push", "", "unsupported"),
            ("application/json", "/v1/logs", "", "otlp"),
            ("application/json", "/v1/traces", "", "json"),
            ("application/x-protobuf", "/v1/logs", "", "unsupported"),
            ("application/grpc", "/x", "", "unsupported"),
            ("", "/services/collector/event", "{}", "splunk-hec"),
            ("application/x-www-form-urlencoded", "/services/collector", "{}", "splunk-hec"),
            ("text/plain", "/services/collector/raw", "x", "lines"),
            ("text/plain", "/v1/logs", "x", "text"),
            ("", "/", " {}", "json"),
            ("", "/", "hello", "lines"),
            ("", "/", "\u{0}\u{1}", "unsupported"),
            ("image/png", "/", "", "unsupported"),
        ] {
            assert_eq!(format(ty, path, body), expected, "{ty} {path}");
        }
    }
}
