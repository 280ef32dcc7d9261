//! Hashes of passwords.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "password-hash",
    title: "Password hash",
    what: "bcrypt (`$2a$`, `$2b$`, `$2y$`), argon2, scrypt, PBKDF2 and crypt's `$1$`, `$5$`, `$6$`, `$y$`.",
    why: "Weak passwords are found from their hash by trying.",
    severity: Severity::High,
    pattern: r"\$(?:2[abxy]|argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha\d+)?|[156y])\$[A-Za-z0-9./+,=$-]{20,}",
    validator: "",
    on_by_default: true,
    matches: &[
        Example {
            text: "compare $2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy: no",
            found: &["$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"],
        },
        Example {
            text: "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaKNnKZpYyn8qgeSc",
            found: &[
                "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaKNnKZpYyn8qgeSc",
            ],
        },
        Example {
            text: "'$6$rounds=5000$saltsalt$1F2e3D4c5B6a7980'",
            found: &["$6$rounds=5000$saltsalt$1F2e3D4c5B6a7980"],
        },
        Example {
            text: "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A",
            found: &["$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A"],
        },
    ],
    no_matches: &["WHERE id = $1 AND x = $2", "$2a$10", "cost $5$ each", "$1$2$3$4$5", "${HOME}"],
};

/// What may follow the dollar that starts a hash.
const KINDS: [&[u8]; 14] = [
    b"2a$",
    b"2b$",
    b"2x$",
    b"2y$",
    b"argon2id$",
    b"argon2i$",
    b"argon2d$",
    b"scrypt$",
    b"pbkdf2",
    b"1$",
    b"5$",
    b"6$",
    b"y$",
    b"7$",
];

/// The dollar at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    let kind = KINDS.iter().find(|k| scan.has(at + 1, k))?;
    let from = at + 1 + kind.len();
    let mut end = from;
    while is(scan.at(end), ALNUM) || matches!(scan.at(end), b'.' | b'/' | b'+' | b',' | b'=' | b'$' | b'-') {
        end += 1;
    }
    while end > from && matches!(scan.at(end - 1), b'.' | b',' | b'-') && scan.at(end) != b'$' {
        end -= 1;
    }
    let min = if scan.is_cut(end) { 8 } else { 20 };
    (end - from >= min && !is(scan.before(at), ALNUM))
        .then(|| found(scan, Id::PasswordHash, at, end))
        .flatten()
}
