//! Telegram bot tokens.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "telegram-token",
    title: "Telegram bot token",
    what: "The id of a bot, a colon and 35 characters that start with `A`; also after `/bot` in a URL.",
    why: "Reads and sends what the bot does.",
    severity: Severity::Critical,
    pattern: r"(?:\b|\bbot)\d{8,10}:A[A-Za-z0-9_-]{34}\b",
    validator: "Exactly 35 characters.",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!("bot 123456789:A", "AHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX up"),
            found: &[concat!("123456789:A", "AHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX")],
        },
        Example {
            text: concat!(
                "https://api.telegram.org/bot123456789:A",
                "AHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX/getMe"
            ),
            found: &[concat!("123456789:A", "AHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX")],
        },
    ],
    no_matches: &["12345678:ABC", "at 12345678:A", "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX9"],
};

/// The colon at `at`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    if scan.at(at + 1) != b'A' || !is(scan.before(at), DIGIT) {
        return None;
    }
    let start = scan.skip_back(at, DIGIT);
    let end = scan.skip(at + 1, ALNUM | JOINER);
    let attached = is(scan.before(start), ALNUM) && !scan.ends_in_any_case(start, b"bot");
    ((8..=10).contains(&(at - start)) && end - at == 36 && !attached)
        .then(|| found(scan, Id::TelegramToken, start, end))
        .flatten()
}
