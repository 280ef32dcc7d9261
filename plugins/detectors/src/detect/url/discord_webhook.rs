//! Discord's webhooks: the URL is the credential.

use crate::{
    Definition, Example, Severity,
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, DIGIT, JOINER},
};

pub(crate) static DEFINITION: Definition = Definition {
    id: "discord-webhook",
    title: "Discord webhook",
    what: "The token of a webhook, after `discord.com/api/webhooks/` and the id.",
    why: "Posts into a channel as a trusted application.",
    severity: Severity::High,
    pattern: r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/([A-Za-z0-9_-]{40,})",
    validator: "",
    on_by_default: true,
    matches: &[
        Example {
            text: concat!(
                "post https://discord.com/api/web",
                "hooks/123456789012345678/a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6 ok"
            ),
            found: &["a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2g3H4i5J6"],
        },
        Example {
            text: "https://discordapp.com/api/v10/webhooks/1/a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0",
            found: &["a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"],
        },
    ],
    no_matches: &["https://discord.com/api/webhooks/123456789012345678", "https://discord.com/channels/1/2"],
};

/// The authority that starts at `start`.
pub(crate) fn at(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let api = [&b"discord.com/api/"[..], b"discordapp.com/api/"].iter().find(|h| scan.has(start, h))?.len();
    let mut at = start + api;
    if scan.at(at) == b'v' {
        let digits = scan.skip(at + 1, DIGIT);
        at = digits + usize::from(scan.at(digits) == b'/');
    }
    if !scan.has(at, b"webhooks/") {
        return None;
    }
    let id = scan.skip(at + 9, DIGIT);
    if id == at + 9 || scan.at(id) != b'/' {
        return None;
    }
    let end = scan.skip(id + 1, ALNUM | JOINER);
    let token = end - id - 1;
    (token >= 40 || (token >= 8 && scan.is_cut(end)))
        .then(|| found(scan, Id::DiscordWebhook, id + 1, end))
        .flatten()
}
