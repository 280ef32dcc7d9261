//! The events and alerts that chatwoot-auth-tagger adds to records, in each of its schemas.
//!
//! What is read is held against the filter's own tables: a word that it does not write is none of its events.

use std::net::IpAddr;

use chatwoot_auth_tagger::{alert::RULES, event::Action};
use memchr::memmem;
use tamis_detectors::Severity;
use tamis_sdk::timestamp;

use super::object::Object;

const DATASET: &[u8] = b"chatwoot.auth";
/// Holds the fields whose names a record has already.
const BESIDE: &str = "chatwoot_auth";

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It worked.
    Success,
    /// It did not.
    Failure,
    /// The log does not tell.
    Unknown,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// Milliseconds since 1970.
    pub time_ms: Option<u64>,
    /// The address it came from, if known.
    pub source: Vec<u8>,
    /// The user it was about, if known.
    pub user: Vec<u8>,
}

/// An alert.
#[derive(Debug, PartialEq, Eq)]
pub struct Alert {
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Milliseconds since 1970 of the first and last event.
    pub first_ms: Option<u64>,
    /// See `first_ms`.
    pub last_ms: Option<u64>,
    /// The address that raised it; empty if it was a user.
    pub source: Vec<u8>,
    /// The user that raised it; empty if it was an address.
    pub user: Vec<u8>,
    /// Events.
    pub count: u64,
}

#[derive(Debug, Clone, Copy)]
enum Schema {
    Ecs,
    Ocsf,
    Flat,
}

/// A record with the fields of an event.
#[derive(Debug, Clone, Copy)]
pub struct Tagged<'a> {
    top: Object<'a>,
    beside: Option<Object<'a>>,
    prefix: &'a str,
    schema: Schema,
}

/// Whether a record can hold an event; few that hold none pass.
pub fn may_hold(record: &[u8]) -> bool {
    memmem::find(record, DATASET).is_some() || memmem::find(record, b"retention").is_some()
}

impl<'a> Tagged<'a> {
    /// The event in a record, if there is one.
    pub fn read(top: Object<'a>, prefix: &'a str) -> Option<Self> {
        let beside = top.object(prefix, BESIDE);
        let tagged = |schema| Self { top, beside, prefix, schema };
        let has = |path: &str, value: &[u8]| tagged(Schema::Ecs).text(path).as_deref() == Some(value);
        if has("event.dataset", DATASET) {
            return Some(tagged(Schema::Ecs));
        }
        if has("metadata.log_name", DATASET) {
            return Some(tagged(Schema::Ocsf));
        }
        let flat = tagged(Schema::Flat);
        let is = ["outcome", "retention", "confidence", "severity"];
        is.iter().all(|name| flat.text(name).is_some() || flat.number(name).is_some()).then_some(flat)
    }

    fn text(&self, path: &str) -> Option<Vec<u8>> {
        let beside = self.beside.and_then(|object| object.text("", path));
        beside.or_else(|| self.top.text(self.prefix, path))
    }

    fn number(&self, path: &str) -> Option<u64> {
        let beside = self.beside.and_then(|object| object.number("", path));
        beside.or_else(|| self.top.number(self.prefix, path))
    }

    fn first(&self, paths: &[&str]) -> Vec<u8> {
        paths.iter().find_map(|path| self.text(path)).unwrap_or_default()
    }

    /// The event; `None` if it is not one of the filter's.
    pub fn event(&self) -> Option<Event> {
        let (action, outcome) = match self.schema {
            Schema::Ecs => ("event.action", "event.outcome"),
            Schema::Ocsf => ("metadata.event_code", "unmapped.outcome"),
            Schema::Flat => ("action", "outcome"),
        };
        let name = self.text(action)?;
        let action = Action::ALL.iter().map(|a| a.spec().name).find(|a| a.as_bytes() == name)?;
        let outcome = match self.text(outcome)?.as_slice() {
            b"success" => Outcome::Success,
            b"failure" => Outcome::Failure,
            b"unknown" => Outcome::Unknown,
            _ => return None,
        };
        let (time_ms, source, user): (_, &[&str], &[&str]) = match self.schema {
            Schema::Ecs => (
                self.text("event.end").and_then(|t| millis(&t)),
                &["source.ip", "source.address"],
                &["user.target.email", "user.name", "user.email"],
            ),
            Schema::Ocsf => (
                self.number("time"),
                &["src_endpoint.ip", "unmapped.source_ip"],
                &["unmapped.target", "user.name", "actor.user.name"],
            ),
            Schema::Flat => (self.text("event_time").and_then(|t| millis(&t)), &["ip"], &["target", "user"]),
        };
        let mut user = self.first(user);
        if matches!(self.schema, Schema::Ocsf) && user == b"unknown" {
            // It wants a user where the log tells none.
            user.clear();
        }
        Some(Event { action, outcome, time_ms, source: self.first(source), user })
    }

    /// The alerts that the event raised.
    pub fn alerts(&self) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let beside = self.beside.into_iter().flat_map(|object| object.objects("", "alerts"));
        for object in beside.chain(self.top.objects(self.prefix, "alerts")) {
            alerts.extend(alert(object, self.schema));
        }
        alerts
    }
}

fn alert(object: Object<'_>, schema: Schema) -> Option<Alert> {
    let text = |path: &str| object.text("", path);
    let number = |path: &str| object.number("", path);
    let id = match schema {
        Schema::Ecs => text("rule.id"),
        Schema::Ocsf => text("metadata.event_code"),
        Schema::Flat => text("rule"),
    }?;
    let rule = RULES.iter().find(|rule| rule.as_bytes() == id)?;
    let level = match schema {
        Schema::Ecs => number("event.severity"),
        // The ids of OCSF are 1 to 5.
        Schema::Ocsf => number("severity_id").map(|id| id.saturating_mul(2).saturating_sub(1)),
        Schema::Flat => number("severity"),
    };
    let severity = match level.unwrap_or(0) {
        0..=3 => Severity::Low,
        4..=5 => Severity::Medium,
        6..=7 => Severity::High,
        _ => Severity::Critical,
    };
    let time = |path: &str| text(path).and_then(|t| millis(&t));
    let (first_ms, last_ms) = match schema {
        Schema::Ecs => (time("event.start"), time("event.end")),
        Schema::Ocsf => (number("start_time"), number("end_time")),
        Schema::Flat => (time("first"), time("last")),
    };
    let (source, user) = match schema {
        Schema::Ecs => (text("source.ip").or_else(|| text("source.address")), text("user.name")),
        Schema::Ocsf => match text("unmapped.by") {
            Some(by) if !is_address(&by) => (None, Some(by)),
            by => (text("unmapped.source_ip").or(by), None),
        },
        Schema::Flat => (text("ip"), text("user")),
    };
    let count = number(if matches!(schema, Schema::Ecs) { "chatwoot.count" } else { "count" });
    Some(Alert {
        rule,
        severity,
        first_ms,
        last_ms,
        source: source.unwrap_or_default(),
        user: user.unwrap_or_default(),
        count: count.unwrap_or(0),
    })
}

/// Whether a text is an address or a network.
fn is_address(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

fn millis(text: &[u8]) -> Option<u64> {
    timestamp::rfc3339(text).map(|ns| ns / 1_000_000)
}
