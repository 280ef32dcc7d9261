//! Credentials: passwords, keys and their kin, in whatever line they stand.

use super::pass::{Pass, REACH, Which};
use crate::{
    bytes::{find, rfind},
    counts::Kind,
};

/// Keys of connection strings (libpq, hiredis, MySQL), at which an unquoted value with spaces in it
/// ends.
const CONNECTION_KEYS: &[&[u8]] = &[
    b"host",
    b"hostaddr",
    b"ip",
    b"addr",
    b"port",
    b"dbname",
    b"db",
    b"database",
    b"user",
    b"username",
    b"connect_timeout",
    b"timeout",
    b"sslmode",
    b"ca",
    b"cert",
    b"key",
    b"cipher",
    b"capath",
    b"read_timeout",
    b"options",
    b"application_name",
    b"password",
    b"pwd",
];

impl Pass<'_> {
    /// `password=...` and all that is like it.
    pub(super) fn key_value(&mut self, equals: usize) -> Option<usize> {
        let before = self.line[self.floor..equals].trim_ascii_end();
        let key = trailing_key(before);
        if key.is_empty() {
            return None;
        }
        let start = (equals + 1..self.line.len()).find(|i| self.line[*i] != b' ').unwrap_or(self.line.len());
        // `key = <...` and the fields of session lines are not for here.
        if self.line.get(start) == Some(&b'<') {
            return None;
        }
        if is_secret_key(key) {
            let end = self.value_end(start);
            self.redact(Kind::Secret, secret_kind(key), start, end);
            return Some(end);
        }
        if key.eq_ignore_ascii_case(b"uname") {
            let end = start + token_len(&self.line[start..]);
            return Some(self.name(Which::User, start, end));
        }
        if matches!(key, b"CN" | b"emailAddress") {
            let len = self.line[start..].iter().take_while(|b| !matches!(b, b',' | b'/' | b'+')).count();
            self.redact(Kind::User, "subject", start, start + len);
            return Some(start + len);
        }
        if matches!(key, b"user" | b"username") {
            // An option line with an account in it: `user=name:password`.
            if self.quoted_option(equals, key.len()) {
                let end = self.value_end(start);
                self.redact(Kind::Secret, "credentials", start, end);
                return Some(end);
            }
            if self.is_database_line() {
                let end = start + token_len(&self.line[start..]);
                return Some(self.name(Which::DatabaseUser, start, end));
            }
        }
        None
    }

    /// `scheme://user:password@host`.
    pub(super) fn userinfo(&mut self, colon: usize) -> Option<usize> {
        if !self.line[colon..].starts_with(b"://")
            || !self.line[..colon].last().is_some_and(u8::is_ascii_alphabetic)
        {
            return None;
        }
        let start = colon + 3;
        let database = self.is_database_line();
        let rest = &self.line[start..];
        let rest = &rest[..rest.len().min(2 * REACH)];
        let end = if database { self.connection_end(start) - start } else { token_len(rest) };
        let rest = &rest[..end.min(rest.len())];
        // A password may hold any sign, `@` and `/` too, so the last `@` of a connection string
        // counts; elsewhere one behind the host belongs to the path.
        let authority = if database {
            rest.len()
        } else {
            rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len())
        };
        let at = memchr::memrchr(b'@', &rest[..authority])?;
        self.redact(Kind::Secret, "credentials", start, start + at);
        Some(start + at)
    }

    /// Labels with a colon whose text is a credential, and headers of HTTP requests.
    pub(super) fn secret_label(&mut self, last: u8, colon: usize, start: usize) -> Option<usize> {
        let before = &self.line[self.floor..colon];
        let end = self.line.len();
        if last == b'"' {
            // `"password": "..."`
            let key = trailing_key(&before[..before.len() - 1]);
            if !is_secret_key(key) || self.line.get(start) != Some(&b'"') {
                return None;
            }
            let close = closing_quote(&self.line[start + 1..], b'"').map_or(end, |i| start + 1 + i);
            self.redact(Kind::Secret, secret_kind(key), start + 1, close);
            return Some(close);
        }
        let is = |label: &[u8]| before.ends_with(label);
        if is(b"Wrong key format") {
            return self.wrong_key_format(start);
        }
        if is(b"Wrong user account") || find(self.before(colon, 64), b"Wrong user name").is_some() {
            self.redact(Kind::Secret, "credentials", start, end);
            return Some(end);
        }
        if is(b"connection string format error") {
            // The token at fault: a misspelled key is good to know, a piece of a password is not.
            let token = &self.line[start..end];
            let is_key = [b' ', b'<']
                .iter()
                .any(|b| find(&self.line[..colon], &[&[*b], token, b"="].concat()).is_some());
            if !token.is_empty() && !is_key {
                self.redact(Kind::Secret, "connection", start, end);
            }
            return Some(end);
        }
        let key = trailing_key(before);
        // A header begins its line, or at least looks like one: `Cookie: `, and not `magic cookie: `.
        let first = before.len() == key.len() && self.floor == 0;
        let begins = first || key.first().is_some_and(u8::is_ascii_uppercase);
        if let Some(header) = HEADERS.iter().find(|h| begins && h.eq_ignore_ascii_case(key)) {
            self.redact(Kind::Http, header_kind(header), start, end);
            return Some(end);
        }
        // An option (`cli-password: x`), not a sentence (`total token: 5`).
        let is_option = first || is(b"Wrong password") || key.iter().any(|b| matches!(b, b'-' | b'_'));
        if is_option && is_secret_key(key) && colon + 1 < start {
            self.redact(Kind::Secret, secret_kind(key), start, end);
            return Some(end);
        }
        None
    }

    fn wrong_key_format(&mut self, start: usize) -> Option<usize> {
        let end = self.line.len();
        let rest = &self.line[start..];
        let user = rfind(rest, b", user ")
            .map(|i| (i, i + 7))
            .or_else(|| rfind(rest, b": user ").map(|i| (i, i + 7)));
        let (key_end, user_start) = user.map_or((end, end), |(a, b)| (start + a, start + b));
        if !rest.starts_with(b"string length=") {
            self.redact(Kind::Secret, "key", start, key_end);
        }
        Some(self.name(Which::User, user_start, end))
    }

    /// A connection string that is neither `key=value` nor a URI: no one can say what in it is the password.
    pub(super) fn connection_string(&mut self, start: usize) -> Option<usize> {
        let end = self.connection_end(start);
        let text = &self.line[start..end];
        // SQLite's is a path.
        if text.starts_with(b"/")
            || !self.is_database_line()
            || memchr::memchr(b'=', text).is_some()
            || find(text, b"://").is_some()
        {
            return None;
        }
        self.redact(Kind::Secret, "connection", start, end);
        Some(end)
    }

    /// Whether the line speaks of a database connection.
    fn is_database_line(&mut self) -> bool {
        let line = self.line;
        let has = |needle: &[u8]| find(line, needle).is_some();
        *self.database.get_or_insert_with(|| {
            has(b" DB ")
                || has(b"MongoDB")
                || has(b"Redis")
                || has(b"PostgreSQL")
                || has(b"MySQL")
                || has(b"userdb=")
                || has(b"statsdb=")
        })
    }

    /// Where the connection string that goes on at `start` ends: `<...>, what happened`, or the line.
    fn connection_end(&mut self, start: usize) -> usize {
        let line = self.line;
        let end = *self.connection.get_or_insert_with(|| {
            rfind(line, b">, ").or_else(|| line.ends_with(b">").then(|| line.len() - 1)).unwrap_or(line.len())
        });
        if end < start { line.len() } else { end }
    }

    /// `Check config! The following line ends with semicolon: "static-auth-secret=...;" `: an option line, quoted.
    /// Whatever stands between the option and its value, the value goes if the option takes a secret.
    pub(super) fn option_line(&mut self, start: usize) -> Option<usize> {
        let line = self.line;
        let text = line.get(start..)?.strip_prefix(b"\"")?.trim_ascii_start();
        let key_len =
            text.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let (key, rest) = text.split_at(key_len);
        let account = matches!(key, b"user" | b"u");
        if !account && !is_secret_key(key) && !key.ends_with(b"-key") {
            return None;
        }
        let value = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'='))?;
        let from = line.len() - rest.len() + value;
        let len = rfind(&line[from..], b";\"").or_else(|| memchr::memrchr(b'"', &line[from..]));
        let end = len.map_or(line.len(), |i| from + i);
        self.redact(Kind::Secret, if account { "credentials" } else { secret_kind(key) }, from, end);
        Some(end)
    }

    /// Where an unescaped value ends. Quoted, at the closing quote; in a connection string
    /// before the next known key; in an option line at its closing quote; else at the next delimiter.
    fn value_end(&mut self, start: usize) -> usize {
        let line = self.line;
        let rest = &line[start..];
        // What stands for a value that another run has taken away ends where it ends.
        if rest.starts_with(b"[REDACTED:")
            && let Some(len) = memchr::memchr(b']', rest).map(|i| i + 1)
            && rest[10..len - 1].iter().all(|b| b.is_ascii_lowercase() || *b == b'-')
            && rest.get(len).is_none_or(|b| !b.is_ascii_alphanumeric())
        {
            return start + len;
        }
        if let Some(&quote @ (b'\'' | b'"')) = rest.first() {
            if let Some(i) = closing_quote(&rest[1..], quote) {
                return start + i + 2;
            }
            return self.connection_end(start);
        }
        if find(self.before(start, 128), b"ends with semicolon").is_some() {
            let quote = rfind(rest, b";\"").or_else(|| memchr::memrchr(b'"', rest));
            return quote.map_or(self.line.len(), |i| start + i);
        }
        if self.is_database_line() {
            let end = self.connection_end(start);
            let value = &line[start..end];
            let mut at = 0;
            while let Some(space) = memchr::memchr(b' ', &value[at..]) {
                let word = &value[at + space + 1..];
                let key = word.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
                let is_key = word.get(key) == Some(&b'=')
                    && (CONNECTION_KEYS.contains(&&word[..key])
                        || key >= 2 && word[..key].iter().all(u8::is_ascii_lowercase));
                if is_key {
                    return start + at + space;
                }
                at += space + 1;
            }
            return end;
        }
        start + token_len(rest)
    }

    /// Whether the `key=` before `equals` stands where an option line begins.
    fn quoted_option(&self, equals: usize, key_len: usize) -> bool {
        let start = equals - key_len.min(equals);
        self.line[..start].ends_with(b"semicolon: \"")
            || self.line[..start].ends_with(b"configuration format: ")
    }
}

const HEADERS: &[&[u8]] = &[
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"set-cookie",
    b"x-forwarded-for",
    b"forwarded",
    b"x-real-ip",
    b"x-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"x-api-key",
    b"x-auth-token",
    b"x-csrf-token",
];

fn header_kind(header: &[u8]) -> &'static str {
    match header {
        b"cookie" | b"set-cookie" => "cookie",
        b"authorization" | b"proxy-authorization" => "authorization",
        b"x-api-key" | b"x-auth-token" | b"x-csrf-token" => "token",
        _ => "client",
    }
}

/// The word of letters, digits, `_` and `-` that ends `text`.
fn trailing_key(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .rposition(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
        .map_or(0, |i| i + 1);
    &text[start..]
}

/// Whether a value under this key is a credential.
fn is_secret_key(key: &[u8]) -> bool {
    let mut lower = [0u8; 40];
    let Some(lower) = lower.get_mut(..key.len()) else { return false };
    lower.copy_from_slice(key);
    lower.make_ascii_lowercase();
    let ends = |word: &[u8]| lower.ends_with(word);
    ends(b"password")
        || ends(b"passwd")
        || ends(b"pwd")
        || ends(b"passphrase")
        || lower == b"pass"
        || ends(b"_pass")
        || ends(b"-pass")
        || find(lower, b"passw").is_some()
        || find(lower, b"pasw").is_some()
        || find(lower, b"secret").is_some()
        || ends(b"ikm_key")
        || ends(b"api_key")
        || ends(b"apikey")
        || ends(b"api-key")
        || ends(b"auth_key")
        || ends(b"_token")
        || lower == b"token"
        || lower == b"sid"
}

fn secret_kind(key: &[u8]) -> &'static str {
    let has = |word: &[u8]| key.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    if has(b"secret") {
        "secret"
    } else if has(b"key") {
        "key"
    } else if has(b"token") || has(b"sid") {
        "token"
    } else {
        "password"
    }
}

/// How long the value is that starts `text`, up to white space or a delimiter of forms and markup.
fn token_len(text: &[u8]) -> usize {
    text.iter()
        .position(|b| matches!(b, b' ' | b'\t' | b'\r' | b'&' | b'"' | b'\'' | b'<' | b'>'))
        .unwrap_or(text.len())
}

/// Where the quote stands that closes what starts `text`, a backslash escaping.
fn closing_quote(text: &[u8], quote: u8) -> Option<usize> {
    let mut pos = 0;
    loop {
        pos += memchr::memchr2(quote, b'\\', text.get(pos..)?)?;
        if text[pos] == quote {
            return Some(pos);
        }
        pos += 2;
    }
}
