//! What each line of a request adds to what is known of it.

use super::{params, table::Slot};
use crate::{
    bytes::cut,
    event::{
        Facts,
        route::{self, Area},
    },
    line::{Message, rails},
};

/// Rails logs the start of a WebSocket, but its end in another way.
pub fn websocket(path: &[u8]) -> bool {
    let path = path.split(|&b| b == b'?').next().unwrap_or_default();
    matches!(path, b"/cable" | b"/cable/")
}

pub fn start(facts: &mut Facts, method: &[u8], path: &[u8], ip: &[u8]) {
    let (id, time_ms) = (std::mem::take(&mut facts.id), facts.time_ms);
    facts.clear();
    facts.id = id;
    facts.time_ms = time_ms;
    facts.started = true;
    facts.method(method);
    facts.path(path);
    facts.ip(ip);
}

/// Another request begins with the id of one that is open: what they do not share cannot be told apart.
pub fn shared(slot: &mut Slot, method: &[u8], path: &[u8], ip: &[u8]) {
    slot.open += 1;
    let facts = &mut slot.facts;
    facts.ambiguous = true;
    if facts.ip != ip {
        facts.ip(b"");
        facts.user(b"");
    }
    if facts.path != path || facts.method != method {
        facts.path(b"");
        facts.method(b"");
        facts.target(b"");
        facts.account_id(b"");
    }
}

/// Take what a message says; whether it is the last of its request.
pub fn apply(facts: &mut Facts, message: &Message<'_>, value: &mut Vec<u8>) -> bool {
    match *message {
        Message::Processing { controller, action } => {
            facts.processed = true;
            facts.controller(controller);
            facts.action(action);
        }
        Message::Parameters(text) => {
            if facts.ambiguous {
                // Two requests share the id: a user stays only if both have the same.
                value.clear();
                value.extend_from_slice(&facts.user);
                let before = std::mem::take(value);
                params::from_ruby(text, facts, value);
                if !before.is_empty() && facts.user != before {
                    facts.user(b"");
                }
            } else {
                params::from_ruby(text, facts, value);
            }
        }
        Message::Halted(name) => facts.filter(name),
        Message::Redirected(url) => facts.location(url),
        Message::Handled(class) => facts.error(class),
        Message::Csrf => facts.csrf = true,
        Message::AdminRejected => facts.admin_rejected = true,
        Message::Mail(name) => facts.mail(name),
        Message::Completed(status) => {
            facts.status = status;
            return true;
        }
        Message::Exception { class, message } => {
            facts.error(class);
            if class == b"ActionDispatch::RemoteIp::IpSpoofAttackError" {
                (facts.spoofed, facts.status) = (true, 500);
                let forwarded =
                    cut(message, b"HTTP_X_FORWARDED_FOR=\"").and_then(|(_, rest)| cut(rest, b"\""));
                if let (true, Some((list, _))) = (facts.ip.is_empty(), forwarded) {
                    facts.ip(list.rsplit(|&b| b == b',').next().unwrap_or_default().trim_ascii());
                }
            }
            if class == b"ActionController::RoutingError" {
                facts.status = 404;
                if facts.path.is_empty()
                    && let Some((method, path)) = cut(message, b"[").and_then(|(_, m)| cut(m, b"] \""))
                {
                    facts.method(method);
                    facts.path(path.strip_suffix(b"\"").unwrap_or(path));
                }
            }
            return true;
        }
        Message::Blocked(fields) => {
            let field = |name: &[u8]| rails::blocked_field(fields, name);
            facts.blocked = true;
            facts.status = 429;
            if let Some(ip) = field(b"remote_ip") {
                facts.ip(ip);
            }
            if let (true, Some(path)) = (facts.path.is_empty(), field(b"path")) {
                facts.path(path);
            }
            if let (true, Some(method)) = (facts.method.is_empty(), field(b"method")) {
                facts.method(method);
            }
            if let Some(agent) = field(b"user_agent") {
                facts.user_agent(agent);
            }
            return true;
        }
        _ => {}
    }
    false
}

/// A controller's answer needs its `Processing` line; only the router's redirects have none.
pub fn believable(facts: &Facts) -> bool {
    facts.processed || facts.blocked || !facts.error.is_empty() || matches!(facts.status, 300..=399)
}

/// What is known only at the end: whose address the `email` parameter is, and the account in the path.
pub fn settle(facts: &mut Facts) {
    let route = route::of(facts);
    if matches!(route.area, Area::Api | Area::Platform | Area::SuperAdmin) && !facts.user.is_empty() {
        std::mem::swap(&mut facts.user, &mut facts.target);
        facts.user.clear();
    }
    if facts.account_id.is_empty() {
        let at = crate::bytes::find(&facts.path, b"/accounts/").map(|at| at + b"/accounts/".len());
        let Facts { path, account_id, .. } = facts;
        let rest = at.and_then(|at| path.get(at..)).unwrap_or_default();
        let (digits, _) = crate::bytes::take_while(rest, |b| b.is_ascii_digit());
        crate::bytes::set(account_id, digits, 20);
    }
}
