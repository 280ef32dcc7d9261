//! Passwords, secrets and codes that only the word beside them gives away.

use crate::{
    Definition, Example, Severity,
    detect::key_value::Value,
    scan::Scan,
    text::{ALNUM, BLANK, DIGIT, JOINER, LOWER, UPPER, WIDE, class, contains_word, is, marker_end},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "generic-secret",
    title: "Secret beside a telling word",
    what: "A value after a field name or word for passwords, tokens, keys, credentials or codes: `password=x`, `\"apiKey\": \"x\"`, `(token x)`, `cvc 249`, `code is 624542`.",
    why: "Most leaked credentials have no form of their own.",
    severity: Severity::High,
    pattern: r#"(?i)(?:password|passwd|pwd|secret|token|api[_-]?key|credential|otp|cvc|cvv|pin|session|sid)["'\\ ]{0,4}(?:[:=]| is | )["'\\ ]{0,4}([^\s"',;]{3,})"#,
    validator: "Passwords: any value after `=` or `:` that is no placeholder and no sentence. Secrets: 12 characters with digits and letters mixed, or mixed case. Codes: 3 to 8 digits; after the bare word code 6 digits, or 4 to 8 after `code is` or a word such as verification.",
    on_by_default: true,
    matches: &[
        Example { text: "password=hunter2 next", found: &["hunter2"] },
        Example { text: "{\"password\":\"p@ss\\\"word17\",\"a\":1}", found: &["p@ss\\\"word17"] },
        Example { text: "{\\\"newPassword\\\":\\\"Tr0ub4dor&3tTT6\\\"}", found: &["Tr0ub4dor&3tTT6"] },
        Example {
            text: "{ResetToken:1a5bf9492ed75881d98ee35b NewPassword:{braces}0gew ResetURL:x}",
            found: &["1a5bf9492ed75881d98ee35b", "{braces}0gew"],
        },
        Example {
            text: "map[password:correct horse battery stapleFa5a user:ada]",
            found: &["correct horse battery stapleFa5a"],
        },
        Example { text: "map[password:p@ss\"word\\17Y7L user:ada]", found: &["p@ss\"word\\17Y7L"] },
        Example { text: "map[password:s3cr3t;DROPg2r5]", found: &["s3cr3t;DROPg2r5"] },
        Example { text: "password: 日本語パスJdNI,", found: &["日本語パスJdNI"] },
        Example {
            text: "reset failed (token 6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8)",
            found: &["6cee55f92a29f57a57718f5cf7f6e5f3425e0bd8"],
        },
        Example { text: "card declined (cvc 249)", found: &["249"] },
        Example { text: "Your ShopWorker code is 624542. Don't share it", found: &["624542"] },
        Example { text: "verification code: 4711", found: &["4711"] },
        Example { text: "otp=151819", found: &["151819"] },
        Example { text: "\"pin\":1234}", found: &["1234"] },
        Example { text: "api_key: globex-live-key-0001", found: &["globex-live-key-0001"] },
        Example {
            text: "apiKey:85d1a5b0ddefdbde339e29468b39d81a]",
            found: &["85d1a5b0ddefdbde339e29468b39d81a"],
        },
        Example { text: "\x1b[36mtoken=\x1b[0mPFyFzwWUnPr0gAfj\x1b[0m", found: &["PFyFzwWUnPr0gAfj"] },
        Example { text: "client_secret=a1B2c3D4e5F6&user=x", found: &["a1B2c3D4e5F6"] },
        Example { text: "PGPASSWORD=abcd psql", found: &["abcd"] },
        Example { text: "password hunter2gtFO rejected", found: &["hunter2gtFO"] },
        Example { text: "session: 91536d3f9ebe45ef926d", found: &["91536d3f9ebe45ef926d"] },
    ],
    no_matches: &[
        "token_count=12",
        "tokens: 300",
        "max_tokens=4096 prompt_tokens=1234567890123",
        "password reset for",
        "email:password_reset",
        "type=email:password_reset queue=low",
        "token expired",
        "token is invalid",
        "secret=[REDACTED]",
        "password=***",
        "password: must be at least 8 characters",
        "invalid password: record not found",
        "password_reset_enabled=true",
        "password:",
        "password=",
        "\"password\":null,",
        "\"password\":\"\"",
        "has_password=true",
        "error code 1062",
        "exit code 137",
        "status code: 404",
        "code=Unavailable",
        "rpc error: code = 14 desc = x",
        "SQLSTATE code 23505",
        "pin 13 high",
        "key: asynq:{default}:t:91536d3f-9ebe-45ef-926d-a7dbb65bd091",
        "task id=91536d3f-9ebe-45ef-926d-a7dbb65bd091",
        "error decoding token: invalid character 'x' after top-level value",
        "unexpected token: invalid_character",
        "auth: failed",
        "token 12",
        "author=ada1234567890",
        "public_key=a1B2c3D4e5F6g7H8",
        "token:<nil>",
        "token: 0xc000123456",
        "page_token=PxRfdrRh3yNP",
        "secret projects/shop/secrets/db1/versions/22",
        "ping: 12345",
        "ActionController::InvalidAuthenticityToken: ActionController::InvalidAuthenticityToken",
        "controller:Auth::ResendConfirmationsController",
        "\"password\":\"[FILTERED]\"",
        "password:{old:",
    ],
};

/// What stands for no value.
static NOTHING: &[&[u8]] = &[
    b"true",
    b"false",
    b"null",
    b"nil",
    b"<nil>",
    b"none",
    b"undefined",
    b"empty",
    b"required",
    b"invalid",
    b"missing",
    b"incorrect",
    b"xxxxx",
    b"redacted",
    b"string",
    b"yes",
    b"no",
];

fn is_nothing(value: &[u8]) -> bool {
    NOTHING.iter().any(|n| value.eq_ignore_ascii_case(n))
        || value.iter().all(|b| matches!(b, b'*' | b'.' | b'-' | b'_' | b'x'))
}

/// The end of a password that is the value of a field.
pub(crate) fn password(scan: &mut Scan<'_, '_>, value: &Value) -> Option<usize> {
    let text = scan.text;
    if let Some(end) = value.quoted_end(scan) {
        return (!is_nothing(&text[value.start..end])).then_some(end);
    }
    let start = value.start;
    if starts_structure(scan, start) || scan.is_dull(start) {
        return None;
    }
    let mut end = unquoted_end(scan, start);
    if value.tight && !value.equals && in_dump(scan, start) {
        end = dumped_end(scan, end);
    }
    let found = &text[start..end];
    // `password: must be`: a sentence, not a value.
    let sentence = !value.tight
        && found.iter().all(|&b| is(b, LOWER) || b == b':')
        && is(scan.at(end), BLANK)
        && (is(scan.at(end + 1), LOWER) || marker_end(text, end + 1).is_some());
    if found.len() >= 4 && !is_nothing(found) && !sentence && !found.ends_with(b":") {
        return Some(end);
    }
    scan.refuse(start, end);
    None
}

/// The end of a token, key or the like that is the value of the field `name`.
pub(crate) fn secret(scan: &mut Scan<'_, '_>, name: &[u8], value: &Value) -> Option<usize> {
    let text = scan.text;
    let mut start = value.start;
    let end = match value.quoted_end(scan) {
        Some(end) => end,
        None if starts_structure(scan, start) || scan.is_dull(start) => return None,
        None => unquoted_end(scan, start),
    };
    // `Authorization: Bearer x`: what follows the scheme has its own detectors, or is found with all its parts.
    if name.len() >= 4 && contains_word(name, b"auth") {
        let scheme = scan.skip(start, UPPER | LOWER | JOINER);
        if scan.at(scheme) == b' ' && scheme > start {
            if [&b"bearer"[..], b"basic"].iter().any(|s| text[start..scheme].eq_ignore_ascii_case(s)) {
                return None;
            }
            start = scheme + 1;
        }
    }
    let found = text.get(start..end)?;
    let one = !found.iter().any(|&b| is(b, BLANK));
    // After a colon and a blank comes prose more often than not: `Token: ActionController::Invalid`.
    let machine = value.tight || value.quote.is_some() || found.iter().any(|&b| is(b, DIGIT));
    if one && machine && start == value.start && is_secret(found) && !is_nothing(found) {
        return Some(end);
    }
    if value.quote.is_none() {
        scan.refuse(start, end);
    }
    None
}

/// Whether a value after a telling name is more than a word.
fn is_secret(value: &[u8]) -> bool {
    if value.len() < 12
        || value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.starts_with(b"0x")
        || value.starts_with(b"<")
    {
        return false;
    }
    if value.windows(3).any(|w| w == b"://") || is_time(value) {
        return false;
    }
    let (mut digits, mut changes, mut letters) = (0, 0, 0);
    let mut last = 0;
    for &b in value {
        let kind = class(b) & (DIGIT | UPPER | LOWER);
        digits += usize::from(kind == DIGIT);
        letters += usize::from(kind & (UPPER | LOWER) != 0);
        changes += usize::from(kind != last && kind != 0 && last != 0);
        last = kind;
    }
    digits == value.len() || (digits > 0 && letters > 0) || changes >= 4
}

/// `2026-11-21T00:17:19Z`.
fn is_time(value: &[u8]) -> bool {
    matches!(value, [a, b, c, d, b'-', _, _, b'-', ..] if [a, b, c, d].iter().all(|x| is(**x, DIGIT)))
}

/// Whether an object, list, map or other structure starts at `start`.
fn starts_structure(scan: &Scan<'_, '_>, start: usize) -> bool {
    match scan.at(start) {
        b'{' | b'[' => {
            let next = scan.at(start + 1);
            let name = scan.skip(start + 1, ALNUM | JOINER);
            matches!(next, b'"' | b'\'' | b'\\' | b'{' | b'[' | b'}' | b']' | b' ' | b'\n')
                || scan.at(name) == b':'
                || scan.at(start) == b'['
        }
        b'&' => scan.at(start + 1) == b'{',
        b'm' => scan.has(start, b"map["),
        b'<' => scan.has(start, b"<nil>"),
        _ => false,
    }
}

/// The end of a value without quotes: a blank, a quote that ends something, a separator before the next name, or
/// brackets that close what was opened before.
fn unquoted_end(scan: &Scan<'_, '_>, start: usize) -> usize {
    let text = scan.text;
    let mut at = start;
    while at < text.len() {
        let stop = match text[at] {
            b' ' | b'\t' | b'\n' | b'\r' | 0..=8 | 0x0b | 0x0c | 0x0e..=31 => true,
            b'"' | b'\'' | b'`' => !is(scan.at(at + 1), ALNUM | WIDE),
            b'\\' => matches!(scan.at(at + 1), b'n' | b't' | b'r' | b'"' | b'u') && !is_inside(scan, at),
            b',' | b';' | b'&' | b'|' => next_name(scan, at + 1),
            b'<' | b'>' => true,
            b')' | b']' | b'}' => matches!(
                scan.at(at + 1),
                0 | b' '
                    | b')'
                    | b']'
                    | b'}'
                    | b','
                    | b';'
                    | b'"'
                    | b'\\'
                    | b'\n'
                    | b'\t'
                    | b'\r'
                    | b'.'
                    | b':'
                    | b'\''
            ),
            b'[' => marker_end(text, at).is_some(),
            _ => false,
        };
        if stop {
            break;
        }
        at += 1;
    }
    while at > start && matches!(text[at - 1], b',' | b';' | b'.' | b':' | b'\\') {
        at -= 1;
    }
    at
}

/// `\"` within a value: an escaped quote with a letter after it.
fn is_inside(scan: &Scan<'_, '_>, at: usize) -> bool {
    scan.at(at + 1) == b'"' && is(scan.at(at + 2), ALNUM | WIDE)
}

/// Whether a separator is followed by the next field, or by nothing.
fn next_name(scan: &Scan<'_, '_>, from: usize) -> bool {
    let mut at =
        from + (0..4).take_while(|i| matches!(scan.at(from + i), b' ' | b'"' | b'\'' | b'\\')).count();
    if at > from || at >= scan.text.len() {
        return true;
    }
    let start = at;
    while at < start + 40 && (is(scan.at(at), ALNUM | JOINER) || scan.at(at) == b'.') {
        at += 1;
    }
    at > start && matches!(scan.at(at), b'=' | b':' | b'"' | b'\\')
}

/// Whether the value at `start` is in a dump of a Go struct or map.
fn in_dump(scan: &Scan<'_, '_>, start: usize) -> bool {
    scan.context(start, 512).iter().any(|&b| b == b'{' || b == b'[')
}

/// Dumps do not quote: a value with blanks goes on to the next `Name:` or closing bracket.
fn dumped_end(scan: &Scan<'_, '_>, end: usize) -> usize {
    let text = scan.text;
    let mut at = end;
    let mut last = end;
    while at < text.len() && at < end + 80 && text[at] == b' ' {
        let word = at + 1;
        let name = scan.skip(word, ALNUM | JOINER);
        if name > word && scan.at(name) == b':' {
            return last;
        }
        let stop = unquoted_end(scan, word);
        if stop == word || text[word] == b'"' || text[word] == b'[' {
            return end;
        }
        last = stop;
        if matches!(scan.at(stop), b']' | b'}') {
            return stop;
        }
        at = stop;
    }
    end
}

/// The end of a password after the word itself: it has to look like one.
pub(crate) fn password_word(scan: &Scan<'_, '_>, start: usize) -> Option<usize> {
    let mut end = start;
    while is(scan.at(end), ALNUM | WIDE)
        || matches!(scan.at(end), b'!' | b'@' | b'#' | b'$' | b'&' | b'+' | b'?' | b'-' | b'_')
    {
        end += 1;
    }
    let value = &scan.text[start..end];
    let mixed = value.iter().any(|&b| is(b, DIGIT)) && value.iter().any(|&b| is(b, LOWER | UPPER));
    let goes_on = matches!(scan.at(end), b'=' | b':' | b'/' | b'(')
        || (scan.at(end) == b'.' && is(scan.at(end + 1), ALNUM));
    (value.len() >= 6 && mixed && !goes_on && !is_time(value)).then_some(end)
}

/// The end of a token after the word itself.
pub(crate) fn secret_word(scan: &Scan<'_, '_>, start: usize) -> Option<usize> {
    let mut end = scan.skip(start, ALNUM | JOINER);
    let value = &scan.text[start..end];
    let digits = value.iter().filter(|b| is(**b, DIGIT)).count();
    let runs = value.windows(2).filter(|w| (class(w[0]) & DIGIT) != (class(w[1]) & DIGIT)).count();
    let goes_on = matches!(scan.at(end), b':' | b'/' | b'(' | b'@')
        || (matches!(scan.at(end), b'.' | b'=') && is(scan.at(end + 1), ALNUM));
    while scan.at(end) == b'=' {
        end += 1;
    }
    (value.len() >= 12 && digits >= 2 && digits < value.len() && runs >= 3 && !goes_on && !is_time(value))
        .then_some(end)
}

/// The end of a code of `min` to 8 digits.
pub(crate) fn code(scan: &Scan<'_, '_>, start: usize, min: usize) -> Option<usize> {
    let end = scan.skip(start, DIGIT);
    let (next, after) = (scan.at(end), scan.at(end + 1));
    let ended = !is(next, ALNUM | JOINER | WIDE)
        && next != b'%'
        && !(matches!(next, b'.' | b':' | b'/' | b',') && is(after, DIGIT));
    ((min..=8).contains(&(end - start)) && ended).then_some(end)
}

/// The end of a code after the bare word, which starts at `word`: most codes are of errors.
pub(crate) fn bare_code(scan: &Scan<'_, '_>, word: usize, start: usize) -> Option<usize> {
    let context = scan.context(word, 24);
    let telling = [
        &b"verification"[..],
        b"security",
        b"confirmation",
        b"login",
        b"access",
        b"sms",
        b"one-time",
        b"auth",
        b"your",
    ]
    .iter()
    .any(|w| contains_word(context, w));
    let error = [
        &b"error"[..],
        b"exit",
        b"status",
        b"state",
        b"return",
        b"result",
        b"response",
        b"reason",
        b"http",
        b"err",
    ]
    .iter()
    .any(|w| contains_word(context, w));
    let end = code(scan, start, 4)?;
    (telling || (!error && end - start == 6)).then_some(end)
}
