//! Live mode: requests as a proxy in front of Chatwoot sees them, without Chatwoot logging anything.
//!
//! A proxy knows what an access log knows, and more: where an answer redirects to, whom a sign-in was for (the start of
//! the body, if the config lets it be read, and the `uid` that Chatwoot answers with), and whether credentials were sent
//! at all. It does not know which filter or policy of Chatwoot refused a request.

use tamis_sdk::{
    live::{self, Exchange, Headers},
    record::{Node, scan},
};

use crate::{
    ChatwootAuthTagger,
    bytes::find,
    config::Schema,
    event::{
        self, Facts, SignedIn, Source,
        fields::string,
        route::{self, Area},
        table::Action,
    },
    line::{object::Object, stamp},
    request::{params, settle},
};

/// The headers that are needed, by the places below.
pub const HEADERS: Headers = Headers {
    request: &[
        "user-agent",
        "x-request-id",
        "content-type",
        "api_access_token",
        "access-token",
        "authorization",
        "cookie",
    ],
    response: &["location", "uid"],
};
const USER_AGENT: usize = 0;
const REQUEST_ID: usize = 1;
const CONTENT_TYPE: usize = 2;
/// Those with credentials, and all after.
const CREDENTIALS: usize = 3;
const LOCATION: usize = 0;
const UID: usize = 1;

/// First bytes of what is sent to the instance that collects; another layout gets another.
const RELAY: &[u8] = b"tamis.chatwoot.1\n";

/// Whether the body says whom a request is for.
pub fn wants_body(exchange: &Exchange) -> bool {
    let path = exchange.target.split(|&b| b == b'?').next().unwrap_or_default();
    let route = route::by_path(&exchange.method, path);
    matches!(route.area, Area::SignIn | Area::AdminSignIn)
        || matches!(route.action, Some(Action::PasswordResetRequest | Action::ConfirmationResend))
}

impl ChatwootAuthTagger {
    /// A request was answered; whether it was an event.
    pub(crate) fn answered(&mut self, exchange: &Exchange, out: &mut live::Event) -> bool {
        let mut facts = std::mem::take(&mut self.live);
        self.facts_of(exchange, &mut facts);
        let happened = self.relate(&facts, exchange.collected, false, out);
        self.live = facts;
        happened
    }

    /// Another instance has seen an event; whether it raised alerts.
    pub(crate) fn relayed(&mut self, relay: &[u8], out: &mut live::Event) -> bool {
        let mut facts = std::mem::take(&mut self.live);
        let raised = unpack(relay, &mut facts).is_some() && self.relate(&facts, false, true, out);
        self.live = facts;
        raised
    }

    /// Write down the event that the facts are, with its alerts unless others raise them. `only_alerts`: the event itself
    /// has been written down before.
    fn relate(&mut self, facts: &Facts, collected: bool, only_alerts: bool, out: &mut live::Event) -> bool {
        let Some(event) = event::decide(facts, &mut self.prober) else { return false };
        let alerts = if collected { &[] } else { self.alerts.observe(&event, facts, facts.time_ms) };
        if only_alerts && alerts.is_empty() {
            return false;
        }
        self.counts.event(alerts.len());
        out.action = event.action.spec().name;
        out.outcome = event.outcome.name();
        out.alerts.extend(alerts.iter().map(|a| a.rule.id));
        self.writer.write(&event, facts, alerts, &mut self.fields);
        let Self { fields, value, prefix, dotted, schema, .. } = self;
        let json = &mut out.json;
        json.push(b'{');
        let mut member = |name: &str, text: &[u8]| {
            if json.len() > 1 {
                json.push(b',');
            }
            string(name.as_bytes(), json);
            json.push(b':');
            json.extend_from_slice(text);
        };
        if *schema == Schema::Ecs && facts.time_ms > 0 {
            // It is a line of its own, not one of Chatwoot's that has a time already.
            let mut time = b"\"".to_vec();
            stamp::write(facts.time_ms, &mut time);
            time.push(b'"');
            member("@timestamp", &time);
        }
        fields.top(*dotted, value, |name, text| member(&format!("{prefix}{name}"), text));
        json.push(b'}');
        if collected {
            pack(facts, &mut out.relay);
        }
        true
    }

    fn facts_of(&mut self, exchange: &Exchange, facts: &mut Facts) {
        facts.clear();
        facts.source = Source::Live;
        facts.time_ms = i64::try_from(exchange.time_ns / 1_000_000).unwrap_or(0);
        facts.status = exchange.status;
        (facts.processed, facts.started) = (true, true);
        facts.method(&exchange.method);
        facts.path(&exchange.target);
        facts.ip(&exchange.client_ip);
        facts.id(exchange.request_header(REQUEST_ID));
        facts.user_agent(exchange.request_header(USER_AGENT));
        facts.location(exchange.response_header(LOCATION));
        let sent = exchange.request.iter().skip(CREDENTIALS).any(|value| !value.is_empty());
        if !sent && find(&exchange.target, b"token=").is_none() {
            facts.signed_in = SignedIn::No;
        }
        facts.blind = true;
        if let Some(body) = exchange.body.as_deref().filter(|body| !body.is_empty()) {
            self.parameters(exchange.request_header(CONTENT_TYPE), body, facts);
        }
        settle(facts);
        // Who Chatwoot says it was goes before who the client said it was.
        let uid = exchange.response_header(UID);
        if !uid.is_empty() {
            facts.user(uid);
        }
    }

    fn parameters(&mut self, content_type: &[u8], body: &[u8], facts: &mut Facts) {
        let media = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        if media.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            params::from_form(body, facts, &mut self.value);
            facts.blind = false;
        } else if media.is_empty() || media.to_ascii_lowercase().ends_with(b"json") {
            let mut nodes: Vec<Node> = std::mem::take(&mut self.nodes);
            if scan::scan(body, &mut nodes).is_ok() {
                let object = Object { body, nodes: &nodes };
                params::from_json(&object, 0, facts, &mut self.prober, &mut self.value);
                facts.blind = false;
            }
            self.nodes = nodes;
        }
    }
}

/// The flags that matter, in the order in which they are sent.
fn flags(facts: &Facts) -> [bool; 5] {
    let Facts { mfa, password, administrator, attack, blind, .. } = *facts;
    [mfa, password, administrator, attack, blind]
}

/// Numbers are little-endian; texts have their length in two bytes before them.
fn pack(facts: &Facts, out: &mut Vec<u8>) {
    out.extend_from_slice(RELAY);
    out.extend_from_slice(&facts.time_ms.to_le_bytes());
    out.extend_from_slice(&facts.status.to_le_bytes());
    out.push(u8::from(facts.signed_in == SignedIn::No));
    out.extend(flags(facts).map(u8::from));
    for text in facts.texts() {
        // No text of the facts is longer.
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(text.get(..usize::from(len)).unwrap_or_default());
    }
}

fn unpack(relay: &[u8], facts: &mut Facts) -> Option<()> {
    facts.clear();
    let rest = relay.strip_prefix(RELAY)?;
    let (time, rest) = rest.split_first_chunk()?;
    let (status, rest) = rest.split_first_chunk()?;
    let ([signed_out, mfa, password, administrator, attack, blind], mut rest) = rest.split_first_chunk()?;
    facts.source = Source::Live;
    facts.time_ms = i64::from_le_bytes(*time);
    facts.status = u16::from_le_bytes(*status);
    facts.signed_in = if *signed_out != 0 { SignedIn::No } else { SignedIn::Untold };
    (facts.processed, facts.started) = (true, true);
    (facts.mfa, facts.password, facts.administrator) = (*mfa != 0, *password != 0, *administrator != 0);
    (facts.attack, facts.blind) = (*attack != 0, *blind != 0);
    facts.set_texts(std::iter::from_fn(|| {
        let (len, after) = rest.split_first_chunk()?;
        let (text, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        rest = after;
        Some(text)
    }));
    Some(())
}

#[cfg(test)]
mod tests;
