//! One pass over a text, from one byte worth a look to the next.
//!
//! Each kind of value has a byte it cannot be without, an anchor: `@` of an e-mail address, the digits of a number,
//! the colon of `password: x`. The walk stops at anchors only and asks the detectors that go with them. A detector
//! answers where the walk goes on; it never goes back, and what a detector reads around its anchor is bounded by
//! what was read before, so that the work is linear in the text.

use crate::{
    detect::{
        aws, azure, basic_auth, email, jwt, key_value, number, password_hash, pem, phone, prefixed, sendgrid,
        telegram, twilio, url, value_after,
    },
    gate::Gate,
    scan::Scan,
    text::marker_end,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Anchor {
    None,
    Digit,
    Blank,
    Separator,
    Joiner,
    At,
    Percent,
    Plus,
    Marker,
    A,
    S,
    J,
    Tilde,
    Dollar,
}

static ANCHORS: [Anchor; 256] = anchors();

const fn anchors() -> [Anchor; 256] {
    let mut table = [Anchor::None; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = Anchor::Digit;
        digit += 1;
    }
    table[b' ' as usize] = Anchor::Blank;
    table[b':' as usize] = Anchor::Separator;
    table[b'=' as usize] = Anchor::Separator;
    table[b'_' as usize] = Anchor::Joiner;
    table[b'-' as usize] = Anchor::Joiner;
    table[b'@' as usize] = Anchor::At;
    table[b'%' as usize] = Anchor::Percent;
    table[b'+' as usize] = Anchor::Plus;
    table[b'[' as usize] = Anchor::Marker;
    table[b'*' as usize] = Anchor::Marker;
    table[b'A' as usize] = Anchor::A;
    table[b'S' as usize] = Anchor::S;
    table[b'J' as usize] = Anchor::J;
    table[b'~' as usize] = Anchor::Tilde;
    table[b'$' as usize] = Anchor::Dollar;
    table
}

/// Find what there is in the text of `scan`.
pub(crate) fn walk(gate: &Gate, scan: &mut Scan<'_, '_>) {
    let text = scan.text;
    let mut at = 0;
    loop {
        while at < text.len() && ANCHORS[usize::from(text[at])] == Anchor::None {
            at += 1;
        }
        if at >= text.len() {
            return;
        }
        let next = match ANCHORS[usize::from(text[at])] {
            Anchor::None => at,
            Anchor::Digit => number::at(scan, at),
            Anchor::Blank => {
                if at >= 3 && gate.ends_word(text[at - 2], text[at - 1]) {
                    value_after::at(scan, at)
                } else {
                    at + 1
                }
            }
            Anchor::Separator => separator(gate, scan, at),
            Anchor::Joiner => joiner(gate, scan, at),
            Anchor::At => match url::credentials::mysql(scan, at) {
                Some(next) => next,
                None => email::at(scan, at, at + 1),
            },
            Anchor::Percent => percent(scan, at),
            Anchor::Plus => phone::international(scan, at),
            Anchor::Marker => bracket(scan, at),
            Anchor::A => aws::at(scan, at),
            Anchor::S => sendgrid::at(scan, at).or_else(|| twilio::at(scan, at)).unwrap_or(at + 1),
            Anchor::J => jwt::at(scan, at).unwrap_or(at + 1),
            Anchor::Dollar => password_hash::at(scan, at).unwrap_or(at + 1),
            Anchor::Tilde => azure::client_secret(scan, at).unwrap_or(at + 1),
        };
        at = next.max(at + 1);
    }
}

fn separator(gate: &Gate, scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let text = scan.text;
    if text[at] == b':' {
        if matches!(scan.at(at + 1), b'/' | b'\\')
            && let Some(next) = url::at(scan, at)
        {
            return next;
        }
        if scan.at(at + 1) == b'A'
            && let Some(next) = telegram::at(scan, at)
        {
            return next;
        }
        if let Some(next) = crate::detect::ip_address::v6(scan, at) {
            return next;
        }
    }
    key_value::at(gate, scan, at).unwrap_or(at + 1)
}

fn joiner(gate: &Gate, scan: &mut Scan<'_, '_>, at: usize) -> usize {
    let text = scan.text;
    if at >= 2
        && gate.ends_prefix(text[at - 2], text[at - 1])
        && let Some(next) = prefixed::at(scan, at)
    {
        return next;
    }
    if text[at] != b'-' {
        return at + 1;
    }
    match scan.at(at + 1) {
        b'u' | b'-'
            if scan.before(at) == b' '
                && let Some(next) = basic_auth::option(scan, at) =>
        {
            next
        }
        b'-' => pem::at(scan, at),
        _ => at + 1,
    }
}

fn bracket(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    if let Some(end) = marker_end(scan.text, at) {
        return scan.settle(end);
    }
    // A colour code is attached to nothing: `\x1b[0m4111...`.
    let before = scan.context(at, 5);
    if before.ends_with(b"\x1b") || before.ends_with(b"u001b") || before.ends_with(b"x1b") {
        let end = at
            + 1
            + scan.text[at + 1..].iter().take(8).take_while(|b| matches!(b, b'0'..=b'9' | b';')).count();
        if scan.at(end) == b'm' {
            return scan.open(end + 1);
        }
    }
    at + 1
}

fn percent(scan: &mut Scan<'_, '_>, at: usize) -> usize {
    if scan.has(at, b"%40") {
        return email::at(scan, at, at + 3);
    }
    url::encoded(scan, at).unwrap_or(at + 1)
}
