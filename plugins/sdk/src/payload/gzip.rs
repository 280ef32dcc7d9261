//! gzip bodies, with a limit on what they unfold to.

use std::{fmt, io::Read};

use flate2::bufread::MultiGzDecoder;

/// Why a gzip body was not unfolded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GunzipError {
    /// It holds more bytes than the limit.
    TooLarge,
    /// It is not gzip, cut off, or damaged.
    Damaged,
}

impl fmt::Display for GunzipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the gzip body unfolds to more than the limit",
            Self::Damaged => "the gzip body is damaged or not gzip",
        })
    }
}

impl std::error::Error for GunzipError {}

/// Append what `body` unfolds to, all its members, to `out`: at most `max_bytes`.
///
/// # Errors
/// When it is not gzip to its last byte, or holds more than `max_bytes`. Memory stays
/// within the limit in any case.
pub fn gunzip(body: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> Result<(), GunzipError> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(body).take(limit).read_to_end(out) {
        Ok(length) if length > max_bytes => Err(GunzipError::TooLarge),
        Ok(_) => Ok(()),
        Err(_) => Err(GunzipError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_unfold_within_the_limit() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        let unfold = |body: &[u8], max| {
            let mut out = Vec::new();
            gunzip(body, max, &mut out).map(|()| out)
        };
        assert_eq!(unfold(&two, 7).unwrap(), b"one two");
        assert_eq!(unfold(&two, 6), Err(GunzipError::TooLarge));
        assert_eq!(unfold(&two[..two.len() - 1], 99), Err(GunzipError::Damaged));
        assert_eq!(unfold(b"plain", 99), Err(GunzipError::Damaged));
        assert_eq!(unfold(&gzip(&vec![0; 1 << 20]), 1000), Err(GunzipError::TooLarge));
    }
}
