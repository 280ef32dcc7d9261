//! Versions of other programs, as users and packages write them.

use std::{fmt, str::FromStr};

/// Major, minor, patch; what follows (`-1`, `~rc1`) is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16, pub u16, pub u16);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("'{text}' is no version, such as 4.6.1");
        let digits = text.trim().trim_start_matches('v');
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let mut parts = digits[..end].split('.').map(str::parse::<u16>);
        let mut next = || parts.next().transpose().map_err(|_| error());
        let (major, minor, patch) = (next()?, next()?, next()?);
        // A fourth number is of a package or of coturn 4.5.0.8, where nothing hangs on it.
        match (major, minor) {
            (Some(major), Some(minor)) => Ok(Self(major, minor, patch.unwrap_or(0))),
            _ => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_written() {
        for (text, version) in [
            ("4.6.1", Version(4, 6, 1)),
            ("v5.1", Version(5, 1, 0)),
            ("4.6.1-1+b2", Version(4, 6, 1)),
            ("4.5.0.8", Version(4, 5, 0)),
        ] {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        for text in ["", "4", "four", "4.", "4.x", "-1.2", "99999.1"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert!(Version(4, 6, 10) > Version(4, 6, 9));
    }
}
