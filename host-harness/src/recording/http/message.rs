//! HTTP/1.1 messages, as much of it as log shippers speak.

use std::io::{self, BufRead, Read, Write};

/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How many headers one may have.
const MAX_HEADERS: usize = 100;

/// The longest body, before and after unfolding gzip.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// A request with its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `content-type`; empty if there is none.
    pub content_type: Vec<u8>,
    /// `content-encoding` in lower case; empty if there is none.
    pub content_encoding: Vec<u8>,
    /// The body, as it was sent.
    pub body: Vec<u8>,
    /// Whether another request may follow.
    pub keep_alive: bool,
}

/// Why there is no request.
#[derive(Debug)]
pub enum Trouble {
    /// The client has gone, or has nothing more to say.
    Closed,
    /// To be answered with this status and these words; the connection ends.
    Refused(u16, &'static str),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// Where a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
}

/// Read one request. `go_on` is asked to write what a client waits for before it sends a
/// body.
///
/// # Errors
/// See [`Trouble`].
pub fn read(input: &mut impl BufRead, go_on: impl FnOnce() -> io::Result<()>) -> Result<Request, Trouble> {
    let head = read_head(input)?;
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(&head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => {
            return Err(Trouble::Refused(400, "not an HTTP/1.1 request"));
        }
    }
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        keep_alive: parsed.version == Some(1),
        ..Request::default()
    };
    let (mut length, mut expects) = (None, false);
    for header in parsed.headers.iter() {
        let value = header.value.trim_ascii();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-type") {
            request.content_type = value.to_vec();
        } else if is("content-encoding") {
            request.content_encoding = value.to_ascii_lowercase();
        } else if is("connection") {
            let says =
                |word: &[u8]| value.split(|b| *b == b',').any(|w| w.trim_ascii().eq_ignore_ascii_case(word));
            request.keep_alive = (request.keep_alive || says(b"keep-alive")) && !says(b"close");
        } else if is("origin") {
            // A page in a browser of this machine is no log shipper.
            return Err(Trouble::Refused(403, "not for web pages"));
        } else if is("expect") {
            expects = value.eq_ignore_ascii_case(b"100-continue");
        } else if is("content-length") {
            let bytes = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
            let bytes =
                bytes.and_then(|v| v.parse().ok()).ok_or(Trouble::Refused(400, "bad content-length"))?;
            set(&mut length, Length::Bytes(bytes))?;
        } else if is("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Trouble::Refused(501, "transfer-encoding is not chunked"));
            }
            set(&mut length, Length::Chunked)?;
        }
    }
    if length.is_some_and(|l| matches!(l, Length::Bytes(bytes) if bytes > MAX_BODY_BYTES)) {
        return Err(Trouble::Refused(413, "the body is too large"));
    }
    if expects {
        go_on()?;
    }
    match length {
        None => {}
        Some(Length::Bytes(bytes)) => {
            input.by_ref().take(bytes as u64).read_to_end(&mut request.body)?;
            if request.body.len() < bytes {
                return Err(Trouble::Closed);
            }
        }
        Some(Length::Chunked) => read_chunks(input, &mut request.body)?,
    }
    Ok(request)
}

/// Two lengths that differ are how one request is smuggled into another.
fn set(length: &mut Option<Length>, new: Length) -> Result<(), Trouble> {
    match length.replace(new) {
        Some(old) if old != new => Err(Trouble::Refused(400, "two lengths for one body")),
        _ => Ok(()),
    }
}

fn read_head(input: &mut impl BufRead) -> Result<Vec<u8>, Trouble> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let room = (MAX_HEAD_BYTES - before) as u64;
        input.by_ref().take(room).read_until(b'\n', &mut head)?;
        let line = head.get(before..).unwrap_or_default();
        if line.last() != Some(&b'\n') {
            let full = head.len() >= MAX_HEAD_BYTES;
            return Err(if full {
                Trouble::Refused(431, "the headers are too large")
            } else {
                Trouble::Closed
            });
        }
        if line.trim_ascii().is_empty() {
            // Some clients send an empty line after a body.
            if before == 0 {
                head.clear();
                continue;
            }
            return Ok(head);
        }
    }
}

fn read_chunks(input: &mut impl BufRead, body: &mut Vec<u8>) -> Result<(), Trouble> {
    const BAD: Trouble = Trouble::Refused(400, "bad chunks");
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(1024).read_until(b'\n', &mut line)?;
        let size = match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => usize::try_from(size).map_err(|_| BAD)?,
            _ if line.is_empty() => return Err(Trouble::Closed),
            _ => return Err(BAD),
        };
        if size == 0 {
            break;
        }
        if size > MAX_BODY_BYTES - body.len() {
            return Err(Trouble::Refused(413, "the body is too large"));
        }
        let whole = body.len() + size;
        input.by_ref().take(size as u64).read_to_end(body)?;
        let mut end = [0; 2];
        input.read_exact(&mut end)?;
        if body.len() != whole || end != *b"\r\n" {
            return Err(BAD);
        }
    }
    // Trailers, up to the empty line.
    for _ in 0..MAX_HEADERS {
        line.clear();
        input.by_ref().take(MAX_HEAD_BYTES as u64).read_until(b'\n', &mut line)?;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
    }
    Err(BAD)
}

/// What goes back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `content-type`; empty if there is no body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer for people.
    pub fn text(status: u16, text: &str) -> Self {
        Self { status, content_type: "text/plain", body: format!("{text}\n").into_bytes() }
    }
}

/// Write an answer.
///
/// # Errors
/// When writing fails.
pub fn write(output: &mut impl Write, answer: &Answer, keep_alive: bool, head_only: bool) -> io::Result<()> {
    let reason = match answer.status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "",
    };
    let mut head = format!("HTTP/1.1 {} {reason}\r\nserver: tamis-record\r\n", answer.status);
    if answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    if !answer.content_type.is_empty() {
        head.push_str(&format!("content-type: {}\r\n", answer.content_type));
    }
    // Elasticsearch clients talk to nothing else.
    head.push_str("x-elastic-product: Elasticsearch\r\n");
    head.push_str(if keep_alive { "\r\n" } else { "connection: close\r\n\r\n" });
    let mut bytes = head.into_bytes();
    if !head_only && answer.status != 204 {
        bytes.extend_from_slice(&answer.body);
    }
    output.write_all(&bytes)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(text: &str) -> Result<Request, Trouble> {
        read(&mut text.as_bytes(), || Ok(()))
    }

    #[test]
    fn requests_are_read_one_after_the_other() {
        let text = "POST /a?b HTTP/1.1\r\nContent-Type: text/plain\r\ncontent-length: 3\r\n\r\nabc\
                    \r\nPOST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Encoding: GZip\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\nT: v\r\n\r\n\
                    GET / HTTP/1.1\r\nConnection: Close\r\n\r\n";
        let mut input = text.as_bytes();
        let mut next = || read(&mut input, || Ok(()));
        let first = next().unwrap();
        assert_eq!(
            (first.method.as_str(), first.target.as_str(), &first.body[..]),
            ("POST", "/a?b", &b"abc"[..])
        );
        assert_eq!((first.content_type.as_slice(), first.keep_alive), (&b"text/plain"[..], true));
        let second = next().unwrap();
        assert_eq!((&second.body[..], &second.content_encoding[..]), (&b"def"[..], &b"gzip"[..]));
        assert!(!next().unwrap().keep_alive);
        assert!(matches!(next(), Err(Trouble::Closed)));
    }

    #[test]
    fn bad_requests_are_refused() {
        for (text, status) in [
            ("nonsense\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\nOrigin: https://example.com\r\ncontent-length: 1\r\n\r\na", 403),
            ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffff\r\n", 413),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", 400),
        ] {
            assert!(matches!(request(text), Err(Trouble::Refused(s, _)) if s == status), "{text}");
        }
        let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(MAX_HEAD_BYTES));
        assert!(matches!(request(&long), Err(Trouble::Refused(431, _))));
        assert!(matches!(request("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab"), Err(Trouble::Closed)));
    }

    proptest! {
        #[test]
        fn no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&mut bytes.as_slice(), || Ok(()));
            let chunked = [b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".as_slice(), &bytes].concat();
            let _ = read(&mut chunked.as_slice(), || Ok(()));
        }
    }
}
