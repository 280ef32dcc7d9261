//! Compressed input, told by its first bytes.

use std::io::{self, Cursor, Read};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Compressed in a way that is not read here. Its bytes would pass with all that is in them.
const REFUSED: [(&[u8], &str); 2] = [(&[0xfd, 0x37, 0x7a, 0x58], "xz"), (b"BZh", "bzip2")];

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
    if let Some((_, name)) = REFUSED.iter().find(|(magic, _)| first[..len].starts_with(magic)) {
        let message =
            format!("is compressed with {name}, which is not read here: unpack it first ({name} -dc)");
        return Err(io::Error::new(io::ErrorKind::Unsupported, message));
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
    let magics = [GZIP, ZSTD].into_iter().chain(REFUSED.map(|(magic, _)| magic));
    magics.into_iter().any(|magic| first.len() < magic.len() && magic.starts_with(first))
}
