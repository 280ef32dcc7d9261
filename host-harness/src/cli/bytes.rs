//! Numbers of bytes on the command line.

use std::str::FromStr;

/// A number of bytes, as in `500M`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes(pub(super) u64);

impl Bytes {
    /// As the size of something in memory.
    pub(super) fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            unit => return Err(format!("'{unit}' is no unit: k, M or G")),
        };
        let number: u64 =
            digits.parse().map_err(|_| format!("'{text}' is no number of bytes, such as 500M"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("'{text}' is too much"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("500M", 500 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse::<Bytes>().unwrap().0, bytes);
        }
        for text in ["", "M", "1x", "-1", "99999999999999999G"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
