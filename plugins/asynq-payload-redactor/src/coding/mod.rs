//! The codings in which Go programs print the bytes of a payload: how to know them, undo them and write them.

pub mod base64;
pub mod bytes;
pub mod hex;
pub mod message;

use tamis_sdk::record::escape;

/// How a piece of text stands for other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Backslash escapes of JSON and of Go's `%q`, between quotes.
    Escaped,
    /// A list of byte numbers, as `%v` prints a `[]byte`.
    Bytes(bytes::Style),
    /// Base64.
    Base64(base64::Style),
    /// Pairs of hex digits.
    Hex(hex::Style),
}

impl Coding {
    /// Append the bytes that `text` stands for to `out`. What is not in the coding, as after a cut, is left out.
    pub fn decode(self, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Escaped => escape::decode(text, out),
            Self::Bytes(_) => bytes::decode(text, out),
            Self::Base64(_) => base64::decode(text, out),
            Self::Hex(_) => hex::decode(text, out),
        }
    }

    /// Append the text that stands for `content` to `out`.
    pub fn encode(self, content: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Escaped => escape::encode(content, out),
            Self::Bytes(style) => bytes::encode(style, content, out),
            Self::Base64(style) => base64::encode(style, content, out),
            Self::Hex(style) => hex::encode(style, content, out),
        }
    }
}
