//! E-mail addresses.

use crate::{
    Definition, Example, Severity,
    detect::Id,
    scan::Scan,
    text::{ALNUM, DIGIT, HEX, LOWER, UPPER, WIDE, escape_length, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "email",
    title: "E-mail address",
    what: "An address with a domain of at least two labels, also percent-encoded (`%40`) and with an internationalised domain; and the name before it in `Ada Lovelace <ada@example.org>`.",
    why: "Names a person, is a login nearly everywhere, and joins records across systems.",
    severity: Severity::Medium,
    pattern: r"[A-Za-z0-9._%+'&-]+(?:@|%40)(?:[A-Za-z0-9-]+\.)+[A-Za-z]+",
    validator: "Not a module version (`uuid@v1.3.0`), a systemd unit, an image name (`icon@2x.png`) or `git@host:`; not the user of a URL.",
    on_by_default: true,
    matches: &[
        Example { text: "sending welcome email to ada@example.org (user 7)", found: &["ada@example.org"] },
        Example { text: "sren+asynq0@example.org", found: &["sren+asynq0@example.org"] },
        Example { text: "smtp: <a@b.c>: rejected", found: &["a@b.c"] },
        Example { text: "{42 user.mai52@mail.example.net Zoë}", found: &["user.mai52@mail.example.net"] },
        Example { text: "mail ng.alzahra23@bücher.example.", found: &["ng.alzahra23@bücher.example"] },
        Example { text: "?user=ada%2Btag%40example.com&x=1", found: &["ada%2Btag%40example.com"] },
        Example {
            text: "mailto:o'brien@students.uni.example.edu,",
            found: &["o'brien@students.uni.example.edu"],
        },
        Example { text: "'quoted@example.com'", found: &["quoted@example.com"] },
        Example { text: "\\nfoo@example.com", found: &["foo@example.com"] },
        Example {
            text: "\\x1aada@example.com \\u0013bob@example.com",
            found: &["ada@example.com", "bob@example.com"],
        },
        Example { text: "\x1b[36mto=\x1b[0mada@example.com", found: &["ada@example.com"] },
        Example { text: "ada@b\\u00fccher.example\\u003e", found: &["ada@b\\u00fccher.example"] },
        Example { text: "\\ufffdada@example.com\\ufffdcard", found: &["ada@example.com"] },
        Example { text: "zoë@example.com", found: &["zoë@example.com"] },
        Example { text: "邮箱user@example.com。谢谢", found: &["user@example.com"] },
        Example { text: "a@example.com,b@example.com", found: &["a@example.com", "b@example.com"] },
        Example { text: "4111111111111111@example.com", found: &["4111111111111111@example.com"] },
        Example { text: "cust:u.an-1981@example.org]", found: &["u.an-1981@example.org"] },
        Example { text: "to=Ada Lovelace <ada@example.org>", found: &["Ada Lovelace", "ada@example.org"] },
        Example { text: "mail for Zoë <zoe@example.org> sent", found: &["Zoë", "zoe@example.org"] },
        Example { text: "From: \"O'Brien, Jo\" <jo@example.org>", found: &["O'Brien, Jo", "jo@example.org"] },
    ],
    no_matches: &[
        "github.com/google/uuid@v1.3.0/version4.go:42",
        "golang.org/toolchain@v0.0.1-go1.27.linux-amd64",
        "git@github.com:acme/app.git",
        "root@localhost",
        "user@host",
        "user@1000.service",
        "icon@2x.png",
        "@example.com",
        "a@",
        "@",
        "x@.com",
        "x@y.",
        "npm i left-pad@1.3.0",
        "ssh://git@github.com/acme/app",
        "postgres@10.0.0.7",
        "[REDACTED:email]@example.com",
        "***@example.com",
        "100%40off",
        "actions/checkout@v4.1.x",
    ],
};

/// Detectors whose finding can turn out to be the start of an address.
const NUMBERS: u64 = Id::PaymentCard.bit()
    | Id::Phone.bit()
    | Id::UsSsn.bit()
    | Id::Iban.bit()
    | Id::FrNir.bit()
    | Id::IpAddress.bit();

/// The sign at `at`, after which the domain starts at `domain`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize, domain: usize) -> usize {
    if !scan.on(Id::Email) {
        return at + 1;
    }
    let Some(end) = domain_end(scan, domain) else { return at + 1 };
    if at == scan.floor()
        && at > 0
        && let Some(start) = scan.reopen(at, NUMBERS)
    {
        let start = local_start(scan, start).unwrap_or(start);
        return scan.push(Id::Email, start, end);
    }
    match local_start(scan, at) {
        Some(start) if !is_other(scan, start, at, domain, end) => {
            if let Some((from, to)) = display_name(scan, start, end) {
                scan.push(Id::Email, from, to);
            }
            scan.push(Id::Email, start, end)
        }
        _ => at + 1,
    }
}

/// Most words of a name.
const MAX_NAMES: usize = 4;

/// The name of whose address `<start..end>` is, as RFC 5322 writes it: `Ada Lovelace <ada@example.org>`, or in quotes.
fn display_name(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<(usize, usize)> {
    let text = scan.text;
    let limit = scan.limit(start);
    if scan.at(end) != b'>' || start < limit + 4 || text[start - 1] != b'<' {
        return None;
    }
    let to = start - 1 - usize::from(text[start - 2] == b' ');
    if text[to - 1] == b'"' {
        let to = to - 1;
        let from = limit + text[limit..to].iter().rposition(|&b| b == b'"')? + 1;
        return (from < to && to - from <= 64).then_some((from, to));
    }
    let (mut from, mut words) = (to, 0);
    while words < MAX_NAMES {
        let mut word = from;
        while word > limit
            && (is(text[word - 1], UPPER | LOWER | WIDE) || matches!(text[word - 1], b'.' | b'\'' | b'-'))
        {
            word -= 1;
        }
        // A small letter starts no name, and a word right behind a sign may be cut.
        if word == from || !is(text[word], UPPER | WIDE) {
            break;
        }
        (from, words) = (word, words + 1);
        if word <= limit || text[word - 1] != b' ' {
            break;
        }
        from = word - 1;
    }
    from += usize::from(text[from] == b' ');
    (words > 0 && from < to).then_some((from, to))
}

/// Where the local part that ends at `at` starts.
fn local_start(scan: &Scan<'_, '_>, at: usize) -> Option<usize> {
    let text = scan.text;
    let limit = scan.limit(at);
    let mut start = at;
    while start > limit {
        let b = text[start - 1];
        let fits = is(b, ALNUM) || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&');
        // Accents of Latin, Greek and Cyrillic letters are part of a name; other scripts are so only when nothing
        // else is, because they are written up against it.
        if !fits && (!is(b, WIDE) || (start < at && !is_narrow(text, start))) {
            break;
        }
        start -= 1;
    }
    // What an escape leaves: `\n`, `%3D`, `&amp;` and the like are not part of the name.
    if start > limit && text[start - 1] == b'\\' {
        start += escape_length(&text[start..]);
    }
    let local = text.get(start..at)?;
    let encoded = local.windows(3).rposition(|w| {
        matches!(w, b"%3D" | b"%3d" | b"%26" | b"%3A" | b"%3a" | b"%22" | b"%20" | b"%2C" | b"%2c")
    });
    start += encoded.map_or(0, |i| i + 3);
    start += text[start..at].iter().rposition(|&b| b == b'&').map_or(0, |i| i + 1);
    start += text[start..at].iter().take_while(|b| matches!(b, b'.' | b'\'' | b'-' | b'%')).count();
    (start < at && text[at - 1] != b'.').then_some(start)
}

/// Whether the byte before `end` is of a character of two bytes: Latin, Greek, Cyrillic and others up to U+07FF.
fn is_narrow(text: &[u8], end: usize) -> bool {
    let lead = |b: u8| (0xc3..=0xdf).contains(&b);
    lead(text[end - 1]) || (end >= 2 && lead(text[end - 2]))
}

/// The end of the domain that starts at `start`.
fn domain_end(scan: &Scan<'_, '_>, start: usize) -> Option<usize> {
    let text = scan.text;
    let (mut at, mut label, mut labels) = (start, start, 0);
    loop {
        match scan.at(at) {
            b if is(b, ALNUM) || b == b'-' => at += 1,
            b if is(b, WIDE) && !is_punctuation(&text[at..]) => at += 1,
            b'\\' if at > start && escaped_letter(scan, at) > 0 => at += escaped_letter(scan, at),
            b'.' if at > label && (is(scan.at(at + 1), ALNUM) || is_letter(text, at + 1)) => {
                labels += 1;
                at += 1;
                label = at;
            }
            _ => break,
        }
    }
    // An ASCII top-level domain ends where other letters follow it.
    if is(scan.at(label), LOWER | UPPER) {
        let ascii = scan.skip(label, ALNUM);
        if ascii < at && is(text[ascii], WIDE) {
            at = ascii;
        }
    }
    while at > label && text[at - 1] == b'-' {
        at -= 1;
    }
    let top = &text[label..at];
    let letters = top.iter().all(|&b| is(b, UPPER | LOWER | WIDE)) || top.starts_with(b"xn--");
    (labels > 0 && !top.is_empty() && letters && text[start] != b'-').then_some(at)
}

/// Length of a letter beyond ASCII in JSON's escape, `\u00fc`, however deep the JSON is in other JSON; 0 if there is none.
fn escaped_letter(scan: &Scan<'_, '_>, at: usize) -> usize {
    let backslashes = (0..8).take_while(|i| scan.at(at + i) == b'\\').count();
    let rest = &scan.text[at + backslashes..];
    // Latin, Greek, Cyrillic and the like; `\ufffd` and punctuation end a domain.
    let narrow = matches!(rest, [_, b'0', b'1'..=b'7', ..] | [_, b'0', b'0', b'c'..=b'f' | b'C'..=b'F', ..]);
    let letter = escape_length(rest) == 5 && narrow;
    if letter { backslashes + 5 } else { 0 }
}

fn is_letter(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|&b| is(b, WIDE)) && !is_punctuation(&text[at..])
}

/// Punctuation beyond ASCII: Latin-1 signs, general, CJK and full-width punctuation.
fn is_punctuation(rest: &[u8]) -> bool {
    match rest {
        [0xc2, ..] | [0xe2, 0x80..=0x8b, ..] | [0xe3, 0x80, ..] | [0xef, 0xbc | 0xbf, ..] => true,
        // Not the start of a character that belongs to text.
        [0xf0..=0xff, ..] => true,
        _ => false,
    }
}

/// Whether it is one of the other things that are written with the sign.
fn is_other(scan: &Scan<'_, '_>, start: usize, at: usize, domain: usize, end: usize) -> bool {
    let (local, host) = (&scan.text[start..at], &scan.text[domain..end]);
    let version = matches!(host, [b'v', d, ..] if is(*d, DIGIT));
    let scaled = matches!(host, [d, b'x', b'.', ..] if is(*d, DIGIT));
    let unit = [&b".service"[..], b".socket", b".slice", b".timer", b".mount", b".target"]
        .iter()
        .any(|u| host.ends_with(u));
    let url_user = scan.before(start) == b'/' && start >= 2 && scan.text[start - 2] == b'/';
    let git = local == b"git" && scan.at(end) == b':';
    let cut_code = local.iter().all(|&b| is(b, DIGIT)) && host.len() < 4 && local.len() < 2;
    // `100%40off`: a percentage, not an encoded sign.
    let percentage = domain == at + 3 && host.iter().all(|&b| is(b, HEX)) && host.len() < 4;
    version || scaled || unit || url_user || git || cut_code || percentage
}
