//! Secrets that Chatwoot's logs hold: where in a text they stand. What Rails has filtered itself stays as it is.

use crate::bytes::{find, find_iter, take_while};

/// What takes their place, as Rails writes it.
pub const FILTERED: &[u8] = b"[FILTERED]";

/// `token` in any name.
const TOKEN: u8 = 1;
/// `password` in any name.
const PASSWORD: u8 = 2;
/// `secret` in any name.
const SECRET: u8 = 4;
/// OAuth's code.
const CODE: u8 = 8;
/// What Action Cable streams from.
const STREAM: u8 = 16;
/// Names and paths that are rare.
const RARE: u8 = 32;
/// An escape of JSON that may stand for a letter.
pub const ESCAPE: u8 = 64;
/// Every kind of secret.
pub const ALL: u8 = !0;

/// A word that a secret stands beside, and two pairs of its bytes: one of them stands at an even place wherever the word
/// does. They are rare ones in Chatwoot's logs.
struct Word {
    kind: u8,
    word: &'static [u8],
    /// Where in the word the pairs are, one byte apart.
    pair: usize,
}

const fn word(kind: u8, word: &'static [u8], pair: usize) -> Word {
    Word { kind, word, pair }
}

const WORDS: [Word; 10] = [
    word(TOKEN, b"oken", 0),
    word(PASSWORD, b"sword", 0),
    word(SECRET, b"ecret", 1),
    word(CODE, b"code", 1),
    word(STREAM, b"streaming", 4),
    word(RARE, b"SAML", 0),
    word(RARE, b"instruc", 4),
    word(RARE, b"telegram", 3),
    word(RARE, b"cw_", 0),
    word(RARE, b"identifier", 5),
];

/// Pairs of an escape: of `\u0074`, and of what only Go writes, `\x74` and `\U00000074`.
const ESCAPES: [&[u8; 2]; 9] = [b"\\u", b"u0", b"\\U", b"U0", b"\\x", b"x4", b"x5", b"x6", b"x7"];

/// What a pair in the table is of: that of a word is `2 * index + 1` or one more.
const OF_ESCAPE: u8 = 2 * WORDS.len() as u8 + 1;

/// Which kinds of secrets a text may hold, told in one pass over pairs of bytes: most lines hold none, and where every
/// instruction is interpreted, one look-up per two bytes is what a look may cost.
pub struct Gate {
    pairs: Box<[u8]>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Default for Gate {
    fn default() -> Self {
        // On the heap: it is no guest for a stack.
        let mut pairs = vec![0; 1 << 16].into_boxed_slice();
        let mut set = |pair: [u8; 2], to: u8| {
            if let Some(mark) = pairs.get_mut(usize::from(u16::from_le_bytes(pair))) {
                *mark = to;
            }
        };
        for (index, word) in (0u8..).zip(&WORDS) {
            for (of, pair) in (2 * index + 1..).zip(word.word[word.pair..word.pair + 3].windows(2)) {
                set([pair[0], pair[1]], of);
            }
        }
        ESCAPES.iter().for_each(|pair| set(**pair, OF_ESCAPE));
        Self { pairs }
    }
}

impl Gate {
    /// The kinds of which `text` may hold some; 0 if it holds none for sure.
    #[inline]
    pub fn kinds(&self, text: &[u8]) -> u8 {
        let Ok(pairs) = <&[u8; 1 << 16]>::try_from(&*self.pairs) else { return ALL };
        let at = |pair: [u8; 2]| pairs[usize::from(u16::from_le_bytes(pair))];
        let mut kinds = 0;
        let (words, tail) = text.as_chunks::<8>();
        for (i, &[a, b, c, d, e, f, g, h]) in words.iter().enumerate() {
            let [ab, cd, ef, gh] = [at([a, b]), at([c, d]), at([e, f]), at([g, h])];
            if ab | cd | ef | gh != 0 {
                for (j, of) in [ab, cd, ef, gh].into_iter().enumerate() {
                    kinds |= kind(text, 8 * i + 2 * j, of);
                }
            }
        }
        for (j, &pair) in tail.as_chunks::<2>().0.iter().enumerate() {
            kinds |= kind(text, 8 * words.len() + 2 * j, at(pair));
        }
        kinds
    }
}

/// The kind of secret that the pair at `at` speaks of: its word has to be there as well.
#[inline(never)]
fn kind(text: &[u8], at: usize, of: u8) -> u8 {
    let Some(index) = of.checked_sub(1) else { return 0 };
    let Some(word) = WORDS.get(usize::from(index / 2)) else { return ESCAPE };
    let start = at.checked_sub(word.pair + usize::from(index % 2));
    let here = start.and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with(word.word));
    if here { word.kind } else { 0 }
}

/// Whether a value under this name is a secret.
pub fn secret_name(name: &[u8]) -> bool {
    if name.len() < 5 {
        return false;
    }
    let holds = |part: &[u8]| find(name, part).is_some();
    matches!(name, b"SAMLResponse" | b"cw_conversation" | b"identifier_hash")
        || (holds(b"token") && name != b"website_token")
        || holds(b"password")
        || holds(b"secret")
}

/// Call `found` with the place of every secret of these kinds, in no order; places may overlap.
#[inline(never)]
pub fn secrets(text: &[u8], kinds: u8, mut found: impl FnMut(usize, usize)) {
    let mut mark = |start: usize, end: usize| {
        let value = &text[start..end];
        let filtered = value.is_empty() || value == FILTERED || value.starts_with(FILTERED);
        if !filtered && value != b"nil" && value != b"null" {
            found(start, end);
        }
    };
    for (kind, name, from) in [
        // By a letter that is rarer than their first one.
        (TOKEN, &b"ken"[..], 1),
        (PASSWORD, b"word", 3),
        (SECRET, b"ecret", 0),
        (RARE, b"SAMLResponse", 0),
        (RARE, b"cw_conversation", 0),
        (RARE, b"identifier_hash", 0),
    ] {
        if kinds & kind == 0 {
            continue;
        }
        for at in find_iter(text, name) {
            let at = at.saturating_sub(from);
            let start = text[..at].iter().rposition(|&b| !name_byte(b)).map_or(0, |i| i + 1);
            let end = at + take_while(&text[at..], name_byte).0.len();
            if secret_name(&text[start..end])
                && let Some((start, end)) = value(text, start, end)
            {
                mark(start, end);
            }
        }
    }
    if kinds & CODE != 0 && find(text, b"/callback").is_some() {
        for at in find_iter(text, b"code=") {
            if at > 0 && matches!(text[at - 1], b'?' | b'&') {
                mark(at + 5, at + 5 + take_while(&text[at + 5..], url_byte).0.len());
            }
        }
    }
    // The same as a parameter, which many others are called, too.
    if kinds & CODE != 0 && find(text, b"provider").is_some() {
        for at in find_iter(text, b"\"code") {
            if let Some((start, end)) = value(text, at + 1, at + 5) {
                mark(start, end);
            }
        }
    }
    let rare = if kinds & RARE == 0 { &b""[..] } else { text };
    for at in find_iter(rare, b"/webhooks/telegram/") {
        let start = at + b"/webhooks/telegram/".len();
        mark(start, start + take_while(&text[start..], |b| url_byte(b) && !matches!(b, b'/' | b'?')).0.len());
    }
    let streams = if kinds & STREAM == 0 { &b""[..] } else { text };
    for at in find_iter(streams, b"streaming from ") {
        let start = at + b"streaming from ".len();
        let len = take_while(&text[start..], |b| !b.is_ascii_whitespace() && b != b'"').0.len();
        if !text[start..].starts_with(b"account_") {
            mark(start, start + len);
        }
    }
    if let Some(mail) = find(rare, b"_instructions") {
        // `args: [#<GlobalID ... @uri=#<... gid://chatwoot/User/19>>, "the token", ...`
        for at in find_iter(&text[mail..], b">>, ") {
            let start = mail + at + 4;
            let quote = take_while(&text[start..], |b| b == b'\\').0.len();
            if text.get(start + quote) == Some(&b'"') {
                let start = start + quote + 1;
                mark(start, start + take_while(&text[start..], |b| !matches!(b, b'"' | b'\\')).0.len());
            }
        }
    }
}

fn name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

fn url_byte(b: u8) -> bool {
    b.is_ascii_graphic()
        && !matches!(b, b'&' | b'"' | b'\'' | b'<' | b'>' | b'#' | b';' | b'\\' | b',' | b')' | b'}')
}

/// The value behind the name at `start..end`: in a query, in a hash of Ruby's, in JSON, or as the second of a pair.
fn value(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let before = start.checked_sub(1).and_then(|i| text.get(i)).copied();
    let mut at = end;
    let slashes = take_while(text.get(at..)?, |b| b == b'\\').0.len();
    let quoted_name = before == Some(b'"') && text.get(at + slashes) == Some(&b'"');
    if quoted_name {
        at += slashes + 1;
    }
    let spaces = |at: usize| at + take_while(text.get(at..).unwrap_or_default(), |b| b == b' ').0.len();
    let rest = text.get(at..)?;
    if !quoted_name {
        for equals in [&b"="[..], b"]=", b"%3D", b"%3d", b"%253D", b"%5D="] {
            if rest.starts_with(equals) && !rest.starts_with(b"=>") {
                let start = at + equals.len();
                return Some((start, start + take_while(&text[start..], url_byte).0.len()));
            }
        }
    }
    let separated = spaces(at);
    let rest = text.get(separated..)?;
    let behind = if rest.starts_with(b"=>") {
        separated + 2
    } else if rest.starts_with(b":") && !rest.starts_with(b"::") {
        separated + 1
    } else if quoted_name && rest.starts_with(b", ") && start >= 2 && text[start - 2] == b'[' {
        separated + 2
    } else {
        return None;
    };
    let behind = spaces(behind);
    let slashes = take_while(text.get(behind..)?, |b| b == b'\\').0.len();
    if text.get(behind + slashes) != Some(&b'"') {
        return None;
    }
    let start = behind + slashes + 1;
    let len = if slashes > 0 {
        take_while(&text[start..], |b| !matches!(b, b'"' | b'\\')).0.len()
    } else {
        // Cut off: all that is left.
        crate::bytes::quoted(&text[start..]).map_or(text.len() - start, |(value, _)| value.len())
    };
    Some((start, start + len))
}

/// Append `text` without its secrets.
pub fn clean(text: &[u8], out: &mut Vec<u8>) {
    let mut edits = tamis_sdk::Edits::default();
    secrets(text, ALL, |start, end| edits.replace(start, end, FILTERED));
    if edits.is_empty() {
        out.extend_from_slice(text);
    } else {
        edits.normalise(0);
        edits.apply_plain(text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_lets_every_secret_through() {
        let gate = Gate::default();
        for (text, kind) in [
            ("token", TOKEN),
            ("Token", TOKEN),
            ("password", PASSWORD),
            ("secret", SECRET),
            ("code=", CODE),
            ("\"code", CODE),
            ("streaming from ", STREAM),
            ("SAMLResponse", RARE),
            ("_instructions", RARE),
            ("/webhooks/telegram/", RARE),
            (r"\/webhooks\/telegram\/", RARE),
            ("cw_conversation", RARE),
            ("identifier_hash", RARE),
            (r"\u0074oken", ESCAPE),
            (r"\u0073ecret", ESCAPE),
            (r"\x73ecret", ESCAPE),
            (r"\x4Fauth", ESCAPE),
            (r"\U00000073ecret", ESCAPE),
        ] {
            for before in 0..10 {
                for after in 0..10 {
                    let text = format!("{}{text}{}", "x".repeat(before), "x".repeat(after));
                    assert_ne!(gate.kinds(text.as_bytes()) & kind, 0, "{text}");
                }
            }
        }
        for text in ["", "t", "I, [2026-03-02T08:01:40.750781 #6031]  INFO -- : [] Started GET \"/api/v1/x\""]
        {
            assert_eq!(gate.kinds(text.as_bytes()), 0, "{text}");
        }
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (text, secret) in [
            (
                r#"arguments: "Devise::Mailer", "reset_password_instructions", "deliver_now", {params: {account: nil}, args: [#<GlobalID:0x7 @uri=#<URI::GID gid://chatwoot/User/19>>, "AkM1ZNs_i_", {client_config: "default"}]}"#,
                "AkM1ZNs_i_",
            ),
            (
                r#"{:args=>[#<GlobalID:0x7 @uri=#<URI::GID gid://c/U/1>>, "AkM1", {}]} "confirmation_instructions", [#<G @u=#<U x>>, "AkM1"]"#,
                "AkM1\", {}]} \"c",
            ),
            ("Redirected to https://x/app/login?email=a%40b&sso_auth_token=95b634&x=1", "95b634"),
            (
                "Redirected to https://x/app/auth/password/edit?config=default&reset_password_token=XqsbL6-H",
                "XqsbL6-H",
            ),
            (r#"  Parameters: {"SAMLResponse" => "PHNhbWw=", "RelayState"=>"web"}"#, "PHNhbWw="),
            (r#"  Parameters: {"SAMLResponse"=>"PHNhbWw="}"#, "PHNhbWw="),
            (r#"{"params":{"SAMLResponse":"PHNhbWw=","RelayState":"web"}}"#, "PHNhbWw="),
            (r#"{\"bot_token\":\"1:AAE\",\"x\":1}"#, "1:AAE"),
            ("{bot_token: \"1:AAE\", x: 1}", "1:AAE"),
            ("Started POST \"/webhooks/telegram/1:AAE\" for 192.0.2.1", "1:AAE"),
            ("RoomChannel is streaming from pt7", "pt7"),
            ("GET /auth/google_oauth2/callback?code=4/0Ab&scope=x", "4/0Ab"),
            (r#"  Parameters: {"code" => "4/0Ab", "provider" => "google_oauth2"}"#, "4/0Ab"),
            ("GET /a?user[password]=hunter2&b=1", "hunter2"),
        ] {
            let mut out = Vec::new();
            clean(text.as_bytes(), &mut out);
            let out = String::from_utf8(out).unwrap();
            if secret.contains('{') {
                continue;
            }
            assert_eq!(out, text.replace(secret, "[FILTERED]"), "{text}");
            let mut again = Vec::new();
            clean(out.as_bytes(), &mut again);
            assert_eq!(again, out.as_bytes());
        }
        for text in [
            "GET /widget?website_token=yZ7USza",
            "Can't verify CSRF token authenticity.",
            "RoomChannel is streaming from account_1",
            r#"SELECT "access_tokens".* WHERE "access_tokens"."token" = $1 [["token", "[FILTERED]"]]"#,
            r#"  Parameters: {"email" => "a@b", "password" => {"email" => "a@b"}, "mfa_token" => "[FILTERED]"}"#,
            "password authentication failed for user \"postgres\"",
            "ActionController::InvalidAuthenticityToken (Can't verify CSRF token authenticity.):",
        ] {
            let mut out = Vec::new();
            clean(text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
