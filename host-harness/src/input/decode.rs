//! Compressed input, told by its first bytes.

use std::io::{self, Cursor, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// A reader of plain bytes.
pub struct Decoded {
    /// The bytes, decompressed.
    pub reader: Box<dyn Read + Send>,
    /// Whether there was something to decompress.
    pub compressed: bool,
}

/// Decompress `reader` if it starts with the magic bytes of gzip (all members) or of zstd
/// (all frames); else give its bytes as they are.
///
/// # Errors
/// When the first read fails, or the decompressor cannot be set up.
pub fn decode(mut reader: impl Read + Send + 'static) -> io::Result<Decoded> {
    let mut first = [0; 4];
    let mut len = 0;
    // Ask for more only while a magic number is still possible: a live pipe may hold a
    // short line for a long time.
    while len < first.len() && could_be_magic(&first[..len]) {
        match reader.read(&mut first[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let start = Cursor::new(first[..len].to_vec());
    let whole = start.chain(reader);
    Ok(if first[..len].starts_with(GZIP) {
        Decoded { reader: Box::new(flate2::read::MultiGzDecoder::new(whole)), compressed: true }
    } else if first[..len].starts_with(ZSTD) {
        Decoded { reader: Box::new(zstd::stream::read::Decoder::new(whole)?), compressed: true }
    } else {
        Decoded { reader: Box::new(whole), compressed: false }
    })
}

fn could_be_magic(first: &[u8]) -> bool {
    (first.len() < GZIP.len() && GZIP.starts_with(first))
        || (first.len() < ZSTD.len() && ZSTD.starts_with(first))
}
