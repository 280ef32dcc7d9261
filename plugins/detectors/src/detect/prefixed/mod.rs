//! Credentials that start with a fixed prefix of their provider.

pub(crate) mod anthropic;
pub(crate) mod digitalocean;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod huggingface;
pub(crate) mod linear;
pub(crate) mod mailgun;
pub(crate) mod npm;
pub(crate) mod openai;
pub(crate) mod pypi;
pub(crate) mod resend;
pub(crate) mod sentry;
pub(crate) mod shopify;
pub(crate) mod slack;
pub(crate) mod stripe;

use crate::{
    detect::{Id, number::found},
    scan::Scan,
    text::{ALNUM, BASE64, DIGIT, HEX, JOINER, is},
};

/// What a provider's credentials look like.
pub(crate) struct Prefix {
    id: Id,
    text: &'static [u8],
    /// Classes of the bytes after it.
    classes: u8,
    /// How many there are at least.
    min: usize,
}

impl Prefix {
    const fn new(id: Id, text: &'static [u8], classes: u8, min: usize) -> Self {
        Self { id, text, classes, min }
    }

    /// The letters before the first `_` or `-`, at which the walk stops.
    pub(crate) fn stem(&self) -> &'static [u8] {
        let end = self.text.iter().position(|&b| is(b, JOINER)).unwrap_or(self.text.len());
        &self.text[..end]
    }
}

const URL64: u8 = ALNUM | JOINER;

/// Longer prefixes before the shorter ones they start with.
pub(crate) static PREFIXES: &[Prefix] = &[
    Prefix::new(Id::GithubToken, b"ghp_", ALNUM, 36),
    Prefix::new(Id::GithubToken, b"gho_", ALNUM, 36),
    Prefix::new(Id::GithubToken, b"ghu_", ALNUM, 36),
    Prefix::new(Id::GithubToken, b"ghs_", ALNUM, 36),
    Prefix::new(Id::GithubToken, b"ghr_", ALNUM, 36),
    Prefix::new(Id::GithubToken, b"github_pat_", URL64, 36),
    Prefix::new(Id::GitlabToken, b"glpat-", URL64, 20),
    Prefix::new(Id::GitlabToken, b"gldt-", URL64, 20),
    Prefix::new(Id::GitlabToken, b"glrt-", URL64, 20),
    Prefix::new(Id::GitlabToken, b"glptt-", URL64, 20),
    Prefix::new(Id::SlackToken, b"xoxa-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xoxb-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xoxe-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xoxp-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xoxr-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xoxs-", URL64, 10),
    Prefix::new(Id::SlackToken, b"xapp-", URL64, 20),
    Prefix::new(Id::StripeKey, b"sk_live_", ALNUM, 16),
    Prefix::new(Id::StripeKey, b"sk_test_", ALNUM, 16),
    Prefix::new(Id::StripeKey, b"rk_live_", ALNUM, 16),
    Prefix::new(Id::StripeKey, b"rk_test_", ALNUM, 16),
    Prefix::new(Id::StripeKey, b"whsec_", ALNUM | BASE64, 24),
    Prefix::new(Id::AnthropicKey, b"sk-ant-", URL64, 20),
    Prefix::new(Id::OpenaiKey, b"sk-proj-", URL64, 20),
    Prefix::new(Id::OpenaiKey, b"sk-svcacct-", URL64, 20),
    Prefix::new(Id::OpenaiKey, b"sk-admin-", URL64, 20),
    Prefix::new(Id::OpenaiKey, b"sk-", ALNUM, 32),
    Prefix::new(Id::NpmToken, b"npm_", ALNUM, 36),
    Prefix::new(Id::PypiToken, b"pypi-AgE", URL64, 40),
    Prefix::new(Id::DigitaloceanToken, b"dop_v1_", HEX, 64),
    Prefix::new(Id::DigitaloceanToken, b"doo_v1_", HEX, 64),
    Prefix::new(Id::DigitaloceanToken, b"dor_v1_", HEX, 64),
    Prefix::new(Id::ShopifyToken, b"shpat_", HEX, 32),
    Prefix::new(Id::ShopifyToken, b"shpca_", HEX, 32),
    Prefix::new(Id::ShopifyToken, b"shppa_", HEX, 32),
    Prefix::new(Id::ShopifyToken, b"shpss_", HEX, 32),
    Prefix::new(Id::HuggingfaceToken, b"hf_", ALNUM, 30),
    Prefix::new(Id::LinearKey, b"lin_api_", ALNUM, 40),
    Prefix::new(Id::SentryToken, b"sntrys_", URL64 | BASE64, 40),
    Prefix::new(Id::SentryToken, b"sntryu_", URL64 | BASE64, 40),
    Prefix::new(Id::ResendKey, b"re_", URL64, 33),
    Prefix::new(Id::MailgunKey, b"key-", HEX, 32),
];

/// The `_` or `-` at `at`, after letters that end like a stem.
pub(crate) fn at(scan: &mut Scan<'_, '_>, at: usize) -> Option<usize> {
    for prefix in PREFIXES {
        let Some(start) = at.checked_sub(prefix.stem().len()).filter(|s| *s >= scan.floor()) else {
            continue;
        };
        if scan.has(start, prefix.text)
            && scan.on(prefix.id)
            && (!is(scan.before(start), ALNUM) || after_escape(scan, start))
            && let Some(end) = end(scan, start + prefix.text.len(), prefix)
        {
            return found(scan, prefix.id, start, end);
        }
    }
    None
}

/// The credential `start..end` whose first `_` or `-` is at `at`, if it is exactly one of a provider.
pub(crate) fn end_at(scan: &mut Scan<'_, '_>, at: usize, start: usize, end_wanted: usize) -> Option<usize> {
    let prefix = PREFIXES.iter().find(|p| start + p.stem().len() == at && scan.has(start, p.text))?;
    let end = end(scan, start + prefix.text.len(), prefix)?;
    (end == end_wanted).then(|| found(scan, prefix.id, start, end)).flatten()
}

fn end(scan: &Scan<'_, '_>, from: usize, prefix: &Prefix) -> Option<usize> {
    let end = scan.skip(from, prefix.classes);
    let body = &scan.text[from..end];
    // The text's end may cut it.
    let min = if scan.is_cut(end) { prefix.min.min(8) } else { prefix.min };
    let shaped = match prefix.id {
        Id::ResendKey => body.get(8) == Some(&b'_') && body.len() <= 33 && !body[..8].contains(&b'_'),
        Id::MailgunKey => body.len() <= 32 && !is(scan.at(end), ALNUM),
        _ => true,
    };
    (shaped && body.len() >= min && body.iter().any(|&b| is(b, DIGIT))).then_some(end)
}

/// Whether the letter before `start` belongs to an escape such as `\n`.
fn after_escape(scan: &Scan<'_, '_>, start: usize) -> bool {
    start >= scan.floor() + 2
        && scan.text[start - 2] == b'\\'
        && matches!(scan.text[start - 1], b'n' | b'r' | b't')
}
