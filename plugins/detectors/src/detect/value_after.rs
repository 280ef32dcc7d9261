//! Values that follow a telling word and a blank: `Bearer x`, `cvc 249`, `code is 624542`, `(token 6cee...)`.

use crate::{
    detect::{Id, basic_auth, bearer_auth, generic_secret, jwt, key_value::specific, number::found},
    keys::{self, KeyClass},
    scan::Scan,
    text::{ALNUM, BLANK, JOINER},
};

/// Ends of the words, for the walk.
pub(crate) static WORDS: &[&str] = &[
    "bearer",
    "basic",
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "otp",
    "cvc",
    "cvv",
    "pin",
    "code",
    "passcode",
    "pass",
];

/// The blank at `at`, after letters that end like a word.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let word = scan.skip_back(at, ALNUM | JOINER);
    // A longer name is judged by its end alone.
    let word = word.max(at.saturating_sub(40));
    if word == at {
        return at + 1;
    }
    let key = &scan.text[word..at];
    let mut value = at + 1;
    if key.eq_ignore_ascii_case(b"bearer") {
        value = scan.skip(value, BLANK);
        if let Some(end) = bearer_auth::end(scan, word, value) {
            let id = if jwt::end(scan, value) == Some(end) && scan.has(value, b"eyJ") && scan.on(Id::Jwt) {
                Id::Jwt
            } else {
                Id::BearerAuth
            };
            return found(scan, id, value, end).unwrap_or(value);
        }
        return at + 1;
    }
    if key.eq_ignore_ascii_case(b"basic") {
        return basic_auth::end(scan, word, value)
            .and_then(|end| found(scan, Id::BasicAuth, value, end))
            .unwrap_or(at + 1);
    }
    if !scan.on(Id::GenericSecret) {
        return at + 1;
    }
    let is_verb = scan.has(value, b"is ");
    if is_verb {
        value += 3;
    }
    value += usize::from(matches!(scan.at(value), b'"' | b'\'' | b'#' | b'('));
    let end = match keys::judge(key) {
        Some(KeyClass::Password) => generic_secret::password_word(scan, value),
        Some(KeyClass::Secret) => generic_secret::secret_word(scan, value),
        Some(KeyClass::Code) => generic_secret::code(scan, value, 3),
        _ if key.eq_ignore_ascii_case(b"code") => generic_secret::bare_code(scan, word, value),
        _ if key.eq_ignore_ascii_case(b"key") && scan.ends_in_any_case(word, b"api ") => {
            generic_secret::secret_word(scan, value)
        }
        _ => None,
    };
    let Some(end) = end else { return at + 1 };
    specific(scan, key, value, end).or_else(|| found(scan, Id::GenericSecret, value, end)).unwrap_or(at + 1)
}
