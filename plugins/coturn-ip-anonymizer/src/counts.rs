//! What was done, per kind. Counts only: never a value.

/// The kinds, in the order of [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IP addresses.
    Ip,
    /// Host names that spell an address.
    HostName,
    /// User names.
    User,
    /// Session ids.
    Session,
    /// Realms.
    Realm,
    /// Origins.
    Origin,
    /// Passwords, keys, cookies and other credentials.
    Secret,
    /// HTTP requests.
    Http,
    /// Session events that went into a summary.
    Aggregated,
}

/// Names of the kinds, as they appear in counters and counts fields.
pub const NAMES: &[&str] =
    &["ip", "host_name", "user", "session", "realm", "origin", "secret", "http", "aggregated"];

/// A count per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts([u64; NAMES.len()]);

impl Counts {
    /// One more of `kind`.
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// So many more of `kind`.
    pub fn add_many(&mut self, kind: Kind, count: u64) {
        self.0[kind as usize] += count;
    }

    /// All counts, in the order of [`NAMES`].
    pub fn all(&self) -> &[u64] {
        &self.0
    }

    /// Append what came since `before` as a JSON object of the kinds that occurred;
    /// `false` if there were none.
    pub fn write_since(&self, before: &Self, out: &mut Vec<u8>) -> bool {
        out.push(b'{');
        let mut any = false;
        for ((name, now), then) in NAMES.iter().zip(self.0).zip(before.0) {
            let count = now - then;
            if count > 0 {
                if any {
                    out.push(b',');
                }
                any = true;
                out.push(b'"');
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                write_number(count, out);
            }
        }
        out.push(b'}');
        any
    }
}

/// Append `number` in decimal digits.
pub fn write_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
