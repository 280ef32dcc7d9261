//! Slack's incoming webhooks: the URL is the credential.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, is},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "slack-webhook",
    title: "Slack webhook",
    what: "The path of an incoming webhook after `hooks.slack.com/services/`, or `workflows/` or `triggers/`.",
    why: "Posts into a channel as a trusted application.",
    severity: Severity::High,
    pattern: r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/]{16,})",
    validator: "",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "post https://hooks.slack.com/ser",
            "vices/T00000000/B11111111/a1B2c3D4e5F6g7H8i9J0k1L2 failed"
        ),
        found: &[concat!("T00000000/B11111111", "/a1B2c3D4e5F6g7H8i9J0k1L2")],
    }],
    no_matches: &[
        "https://hooks.slack.com/services/",
        "https://slack.com/services/T000000001111111122222222",
    ],
};

/// The authority that starts at `start`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    if !scan.has(start, b"hooks.slack.com/") {
        return None;
    }
    let kind = start + 16;
    let from =
        kind + [&b"services/"[..], b"workflows/", b"triggers/"].iter().find(|k| scan.has(kind, k))?.len();
    let mut end = from;
    while is(scan.at(end), ALNUM) || scan.at(end) == b'/' {
        end += 1;
    }
    (end - from >= 16 || (end > from && scan.is_cut(end)))
        .then(|| found(scan, Id::SlackWebhook, from, end))
        .flatten()
}
