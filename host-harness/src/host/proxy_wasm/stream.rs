//! What a proxy keeps for one request and its response.

/// Statuses of proxy-wasm 0.2.1.
pub(super) mod status {
    pub const OK: u32 = 0;
    pub const NOT_FOUND: u32 = 1;
    pub const BAD_ARGUMENT: u32 = 2;
    pub const INVALID_MEMORY_ACCESS: u32 = 6;
    pub const EMPTY: u32 = 7;
    pub const INTERNAL_FAILURE: u32 = 10;
    pub const UNIMPLEMENTED: u32 = 12;
}

/// Header names and values in their order; a name may be there more than once.
pub type Headers = Vec<(String, Vec<u8>)>;

/// One request, or one response.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Headers, pseudo headers such as `:path` included, names in lower case.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
    /// Trailers; if there are any, it is they that end the message.
    pub trailers: Headers,
}

impl Message {
    /// A message with these headers and this body.
    pub fn new(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        Self { headers: headers.collect(), body: body.into(), trailers: Vec::new() }
    }

    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }
}

/// An answer that the filter gave in place of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAnswer {
    /// HTTP status.
    pub status: u32,
    /// Body.
    pub body: Vec<u8>,
}

/// What the filter can reach while it works on a stream.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub request: Message,
    pub response: Message,
    pub answer: Option<LocalAnswer>,
    /// Properties that the guest has set.
    pub properties: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Stream {
    pub fn map(&mut self, kind: u32) -> Option<&mut Headers> {
        match kind {
            0 => Some(&mut self.request.headers),
            1 => Some(&mut self.request.trailers),
            2 => Some(&mut self.response.headers),
            3 => Some(&mut self.response.trailers),
            _ => None,
        }
    }

    pub fn body(&mut self, kind: u32) -> Option<&mut Vec<u8>> {
        match kind {
            0 => Some(&mut self.request.body),
            1 => Some(&mut self.response.body),
            _ => None,
        }
    }
}

/// Headers as they cross the ABI: the count, then the sizes, then names and values, each
/// followed by a NUL.
pub(super) fn serialise(headers: &Headers) -> Vec<u8> {
    let mut bytes = size(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend_from_slice(&size(name.len()));
        bytes.extend_from_slice(&size(value.len()));
    }
    for (name, value) in headers {
        for text in [name.as_bytes(), value] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    bytes
}

fn size(of: usize) -> [u8; 4] {
    u32::try_from(of).unwrap_or(u32::MAX).to_le_bytes()
}

/// Read headers that a guest has serialised; nothing if they are not what they should be.
pub(super) fn parse(bytes: &[u8]) -> Option<Headers> {
    let word = |index: usize| -> Option<usize> {
        let start = index.checked_mul(4)?;
        let four = bytes.get(start..start.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
    };
    if bytes.is_empty() {
        return Some(Headers::new());
    }
    let count = word(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |length: usize| -> Option<&[u8]> {
        let end = at.checked_add(length)?;
        let text = bytes.get(at..end)?;
        (bytes.get(end) == Some(&0)).then_some(())?;
        at = end + 1;
        Some(text)
    };
    let mut headers = Headers::new();
    for i in 0..count {
        let name = String::from_utf8(text(word(1 + 2 * i)?)?.to_vec()).ok()?;
        headers.push((name.to_ascii_lowercase(), text(word(2 + 2 * i)?)?.to_vec()));
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_cross_and_come_back() {
        let headers = Message::new(&[("a", "1"), ("b", ""), ("a", "2")], "").headers;
        let bytes = serialise(&headers);
        assert_eq!(parse(&bytes).unwrap(), headers);
        for cut in 1..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(parse(&u32::MAX.to_le_bytes()), None);
        assert_eq!(parse(&[]), Some(Headers::new()));
    }
}
