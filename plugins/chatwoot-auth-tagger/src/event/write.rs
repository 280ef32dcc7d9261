//! Events and alerts as fields of ECS, OCSF or a flat schema. What goes out has been scrubbed.

use super::{
    Action, Event, Facts, Outcome,
    decide::Confidence,
    fields::{Fields, string},
};
use crate::{
    alert::Alert,
    config::{Config, Schema},
    line::stamp,
    scrub,
};

/// `event.dataset`.
const DATASET: &[u8] = b"chatwoot.auth";
/// Version of OCSF.
const OCSF: &[u8] = b"1.4.0";
/// Its profile that has `attacks`, `disposition_id` and `is_alert`.
const PROFILE: &[u8] = b"security_control";

/// Writes events down.
#[derive(Debug)]
pub struct Writer {
    schema: Schema,
    dotted: bool,
    crowdsec: bool,
    path: Vec<u8>,
    query: Vec<u8>,
    agent: Vec<u8>,
    time: Vec<u8>,
    one: Fields,
}

fn technique(event: &Event) -> &'static str {
    let spec = event.action.spec();
    if event.outcome == Outcome::Failure { spec.failed_technique } else { spec.technique }
}

/// OCSF `severity_id`.
fn severity_id(severity: u8) -> u64 {
    match severity {
        0 | 1 => 1,
        2 | 3 => 2,
        4 | 5 => 3,
        6 | 7 => 4,
        _ => 5,
    }
}

/// Whether it is an address, and not a pseudonym, a name or a network.
fn is_ip(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// OCSF `activity_name`: what the schema calls an activity. 99 is what it has no name for.
fn activity_name(class: u32, activity: u32) -> Option<&'static str> {
    Some(match (class, activity) {
        (3001 | 6003, 1) => "Create",
        (3001, 2) => "Enable",
        (3001, 3) => "Password Change",
        (3001, 4) => "Password Reset",
        (3001, 6) => "Delete",
        (3001, 10) => "MFA Factor Enable",
        (3001, 11) => "MFA Factor Disable",
        (3002, 1) => "Logon",
        (3002, 2) => "Logoff",
        (3005, 1) => "Assign Privileges",
        (3005, 2) => "Revoke Privileges",
        (4002, 1) => "Connect",
        (4002, 2) => "Delete",
        (4002, 3) => "Get",
        (4002, 4) => "Head",
        (4002, 5) => "Options",
        (4002, 6) => "Post",
        (4002, 7) => "Put",
        (4002, 8) => "Trace",
        (6003, 2) => "Read",
        (6003, 3) => "Update",
        (6003, 4) => "Delete",
        (6008, 1) => "General Error",
        _ => return None,
    })
}

/// OCSF activity of HTTP: the verb.
fn http_activity(method: &[u8]) -> u32 {
    let verbs: [&[u8]; 8] = [b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT", b"TRACE"];
    match verbs.iter().position(|v| *v == method) {
        Some(at) => at as u32 + 1,
        None if method.is_empty() => 0,
        None => 99,
    }
}

/// What OCSF wants where something is not known that it requires.
const UNKNOWN: &[u8] = b"unknown";

fn or_unknown(text: &[u8]) -> &[u8] {
    if text.is_empty() { UNKNOWN } else { text }
}

impl Writer {
    /// As the config says.
    pub fn new(config: &Config) -> Self {
        Self {
            schema: config.schema,
            dotted: config.dotted,
            crowdsec: config.crowdsec,
            path: Vec::new(),
            query: Vec::new(),
            agent: Vec::new(),
            time: Vec::new(),
            one: Fields::default(),
        }
    }

    /// The fields of an event and of the alerts it raised.
    pub fn write(&mut self, event: &Event, facts: &Facts, alerts: &[Alert], fields: &mut Fields) {
        fields.clear();
        self.path.clear();
        self.query.clear();
        self.agent.clear();
        self.time.clear();
        scrub::clean(facts.bare_path(), &mut self.path);
        // The query of a suspicious request is what makes it one.
        if event.action == Action::Suspicious {
            let query = facts.path.get(facts.bare_path().len() + 1..).unwrap_or_default();
            scrub::clean(query, &mut self.query);
        }
        scrub::clean(&facts.user_agent, &mut self.agent);
        if facts.time_ms > 0 {
            stamp::write(facts.time_ms, &mut self.time);
        }
        match self.schema {
            Schema::Ecs => self.ecs(event, facts, fields),
            Schema::Ocsf => self.ocsf(event, facts, fields),
            Schema::Flat => self.flat(event, facts, fields),
        }
        if self.crowdsec {
            self.crowdsec(event, facts, fields);
        }
        if !alerts.is_empty() {
            let (dotted, schema, one) = (self.dotted, self.schema, &mut self.one);
            fields.raw("alerts", |out| {
                for (i, alert) in alerts.iter().enumerate() {
                    out.push(if i == 0 { b'[' } else { b',' });
                    one.clear();
                    match schema {
                        Schema::Ecs => ecs_alert(alert, one),
                        Schema::Ocsf => ocsf_alert(alert, one),
                        Schema::Flat => flat_alert(alert, one),
                    }
                    one.object(dotted, out);
                }
                out.push(b']');
            });
            let worst = alerts.iter().max_by_key(|a| a.rule.severity);
            fields.text("alert", worst.map_or(b"", |a| a.rule.id.as_bytes()));
        }
    }

    fn ecs(&self, event: &Event, facts: &Facts, fields: &mut Fields) {
        let spec = event.action.spec();
        fields.text("event.kind", b"event");
        fields.list("event.category", spec.category.iter().map(|c| c.as_bytes()));
        fields.list("event.type", spec.kind.iter().map(|c| c.as_bytes()));
        fields.text("event.action", spec.name.as_bytes());
        fields.text("event.outcome", event.outcome.name().as_bytes());
        fields.number("event.severity", u64::from(event.severity));
        fields.text("event.reason", event.reason.as_bytes());
        fields.text("event.dataset", DATASET);
        fields.text("event.end", &self.time);
        // Pseudonyms are no addresses, and an index of addresses takes nothing else.
        fields.text(if is_ip(&facts.ip) { "source.ip" } else { "source.address" }, &facts.ip);
        fields.text("user.email", if facts.user.contains(&b'@') { &facts.user } else { b"" });
        fields.text("user.name", &facts.user);
        fields.text("user.id", &facts.user_id);
        fields.text("user.target.email", &facts.target);
        fields.text("http.request.id", &facts.id);
        fields.text("http.request.method", &facts.method);
        if facts.status >= 100 && facts.source != super::Source::Database {
            fields.number("http.response.status_code", u64::from(facts.status));
        }
        fields.text("url.path", &self.path);
        fields.text("url.query", &self.query);
        fields.text("user_agent.original", &self.agent);
        fields.list("threat.technique.id", [technique(event).as_bytes()]);
        chatwoot(event, facts, fields);
        fields.list("related.ip", [facts.ip.as_slice()].into_iter().filter(|ip| is_ip(ip)));
        fields.list("related.user", [facts.user.as_slice(), &facts.target]);
    }

    fn ocsf(&self, event: &Event, facts: &Facts, fields: &mut Fields) {
        let spec = event.action.spec();
        let activity = if spec.class == 4002 { http_activity(&facts.method) } else { spec.activity };
        fields.number("class_uid", u64::from(spec.class));
        fields.number("category_uid", u64::from(spec.class / 1000));
        fields.number("activity_id", u64::from(activity));
        fields.number("type_uid", u64::from(spec.class * 100 + activity));
        let activity_name = activity_name(spec.class, activity).unwrap_or(spec.name);
        fields.text("activity_name", activity_name.as_bytes());
        fields.number("severity_id", severity_id(event.severity));
        let status_id = match event.outcome {
            Outcome::Unknown => 0,
            Outcome::Success => 1,
            Outcome::Failure => 2,
        };
        fields.number("status_id", status_id);
        fields.text("status_detail", event.reason.as_bytes());
        fields.number("time", facts.time_ms.unsigned_abs());
        fields.text("metadata.version", OCSF);
        fields.list("metadata.profiles", [PROFILE]);
        fields.text("metadata.product.name", b"Chatwoot");
        fields.text("metadata.event_code", spec.name.as_bytes());
        fields.text("metadata.log_name", DATASET);
        fields.text("metadata.correlation_uid", &facts.id);
        let http = facts.status >= 100 && facts.source != super::Source::Database;
        if http {
            fields.raw("status_code", |out| {
                out.push(b'"');
                crate::bytes::write_number(u64::from(facts.status), out);
                out.push(b'"');
            });
        }
        Self::ocsf_people(event, facts, fields);
        match spec.class {
            3005 => {
                let privilege: &[u8] = if facts.administrator { b"administrator" } else { UNKNOWN };
                fields.list("privileges", [privilege]);
            }
            6003 => fields.text("api.operation", spec.name.as_bytes()),
            6005 => {
                fields.text("database.name", UNKNOWN);
                // Relational.
                fields.number("database.type_id", 1);
            }
            _ => {}
        }
        if spec.class != 6008 {
            let required = matches!(spec.class, 6003 | 6005);
            let ip = if required { or_unknown(&facts.ip) } else { &facts.ip };
            fields.text(if is_ip(ip) { "src_endpoint.ip" } else { "src_endpoint.name" }, ip);
            fields.text("http_request.uid", &facts.id);
            fields.text("http_request.http_method", &facts.method);
            fields.text("http_request.url.path", &self.path);
            fields.text("http_request.url.query_string", &self.query);
            fields.text("http_request.user_agent", &self.agent);
        }
        if spec.class == 4002 && http {
            fields.number("http_response.code", u64::from(facts.status));
        }
        if spec.class == 3002 && event.action == Action::MfaVerify {
            fields.flag("is_mfa", true);
        }
        if event.action == Action::RateLimited {
            fields.number("disposition_id", 2);
        }
        if !technique(event).is_empty() {
            fields.raw("attacks", |out| attacks(technique(event), out));
        }
        // What the class has no attribute for.
        if spec.class == 6008 {
            fields.text("unmapped.source_ip", &facts.ip);
            fields.text("unmapped.http_method", &facts.method);
            fields.text("unmapped.url_path", &self.path);
        }
        if !matches!(spec.class, 3001 | 3002 | 3005) {
            fields.text("unmapped.target", &facts.target);
        }
        fields.text("unmapped.outcome", event.outcome.name().as_bytes());
        fields.text("unmapped.retention", spec.retention.name().as_bytes());
        fields.text("unmapped.confidence", event.confidence.name().as_bytes());
        fields.text("unmapped.account_id", &facts.account_id);
        fields.text("unmapped.controller", &facts.controller);
        fields.text("unmapped.filter", &facts.filter);
        fields.text("unmapped.error", &facts.error);
    }

    /// Who did it, and to whom. The classes of accounts and privileges are about whom it was done to.
    fn ocsf_people(event: &Event, facts: &Facts, fields: &mut Fields) {
        let class = event.action.spec().class;
        match class {
            3001 | 3002 | 3005 => {
                if facts.target.is_empty() {
                    let known = !facts.user.is_empty() || !facts.user_id.is_empty();
                    fields.text("user.name", if known { &facts.user } else { UNKNOWN });
                    fields.text("user.uid", &facts.user_id);
                } else {
                    fields.text("user.name", &facts.target);
                    fields.text("actor.user.name", &facts.user);
                    fields.text("actor.user.uid", &facts.user_id);
                }
                if class == 3002 {
                    let database = facts.source == super::Source::Database;
                    fields.text("service.name", if database { b"PostgreSQL" } else { b"Chatwoot" });
                }
            }
            6003 | 6005 => {
                let known = !facts.user.is_empty() || !facts.user_id.is_empty();
                fields.text("actor.user.name", if known { &facts.user } else { UNKNOWN });
                fields.text("actor.user.uid", &facts.user_id);
            }
            _ => {}
        }
    }

    fn flat(&self, event: &Event, facts: &Facts, fields: &mut Fields) {
        let spec = event.action.spec();
        fields.text("action", spec.name.as_bytes());
        fields.text("outcome", event.outcome.name().as_bytes());
        fields.text("category", spec.category.first().copied().unwrap_or_default().as_bytes());
        fields.number("severity", u64::from(event.severity));
        fields.text("reason", event.reason.as_bytes());
        fields.text("event_time", &self.time);
        fields.text("ip", &facts.ip);
        fields.text("user", &facts.user);
        fields.text("user_id", &facts.user_id);
        fields.text("target", &facts.target);
        fields.text("request_id", &facts.id);
        fields.text("http_method", &facts.method);
        if facts.status >= 100 {
            fields.number("http_status", u64::from(facts.status));
        }
        fields.text("url_path", &self.path);
        fields.text("url_query", &self.query);
        fields.text("http_agent", &self.agent);
        fields.text("technique", technique(event).as_bytes());
        fields.text("account_id", &facts.account_id);
        fields.text("retention", spec.retention.name().as_bytes());
        fields.text("confidence", event.confidence.name().as_bytes());
    }

    /// What CrowdSec's parsers leave for its scenarios.
    fn crowdsec(&self, event: &Event, facts: &Facts, fields: &mut Fields) {
        let failed = event.outcome == Outcome::Failure;
        let kind: &[u8] = match event.action {
            Action::UserLogin | Action::AdminLogin | Action::MfaVerify | Action::SsoLogin if failed => {
                b"chatwoot_failed_auth"
            }
            Action::ApiAuth => b"chatwoot_failed_api_auth",
            Action::RateLimited => b"chatwoot_rate_limited",
            Action::Suspicious => b"chatwoot_suspicious_request",
            _ => b"chatwoot_event",
        };
        fields.text("log_type", kind);
        fields.text("service", b"chatwoot");
        fields.text("source_ip", &facts.ip);
        fields.text("target_user", &facts.user);
        fields.text("http_path", &self.path);
        fields.text("http_verb", &facts.method);
    }
}

fn chatwoot(event: &Event, facts: &Facts, fields: &mut Fields) {
    fields.text("chatwoot.account_id", &facts.account_id);
    fields.text("chatwoot.controller", &facts.controller);
    fields.text("chatwoot.action", &facts.action);
    fields.text("chatwoot.filter", &facts.filter);
    fields.text("chatwoot.error", &facts.error);
    fields.text("chatwoot.mail", &facts.mail);
    fields.flag("chatwoot.request_complete", facts.started && !facts.ambiguous);
    fields.text("chatwoot.confidence", event.confidence.name().as_bytes());
    fields.text("chatwoot.retention", event.action.spec().retention.name().as_bytes());
}

fn time(ms: i64) -> Vec<u8> {
    let mut out = Vec::new();
    stamp::write(ms, &mut out);
    out
}

/// Whether the second list of an alert is of paths.
fn of_paths(alert: &Alert) -> bool {
    alert.rule.id == "web-scan-detected"
}

fn confidence(alert: &Alert) -> &'static [u8] {
    let confidence = if alert.low_confidence { Confidence::Low } else { Confidence::High };
    confidence.name().as_bytes()
}

fn ecs_alert(alert: &Alert, fields: &mut Fields) {
    let users = if of_paths(alert) { &[][..] } else { &alert.users[..] };
    fields.text("event.kind", b"alert");
    fields.list("event.category", [&b"intrusion_detection"[..]]);
    fields.list("event.type", [&b"info"[..]]);
    fields.text("event.action", alert.rule.id.as_bytes());
    fields.number("event.severity", u64::from(alert.rule.severity));
    fields.text("event.dataset", DATASET);
    fields.text("event.start", &time(alert.first_ms));
    fields.text("event.end", &time(alert.last_ms));
    fields.text("rule.id", alert.rule.id.as_bytes());
    fields.text("rule.name", alert.rule.name.as_bytes());
    fields.list("threat.technique.id", [alert.rule.technique.as_bytes()]);
    if alert.by_user {
        fields.text("user.name", &alert.by);
    } else {
        fields.text("source.address", &alert.by);
        fields.text("source.ip", if is_ip(&alert.ip) { &alert.ip } else { b"" });
    }
    fields.list("related.ip", alert.ips.iter().map(Vec::as_slice).filter(|ip| is_ip(ip)));
    fields.list("related.user", users.iter().map(Vec::as_slice));
    numbers(alert, fields);
}

/// What no schema has a name for.
fn numbers(alert: &Alert, fields: &mut Fields) {
    fields.number("chatwoot.count", alert.count as u64);
    fields.number("chatwoot.threshold", u64::from(alert.threshold));
    fields.number("chatwoot.window_seconds", u64::from(alert.window_seconds));
    if of_paths(alert) {
        fields.number("chatwoot.paths", alert.user_count as u64);
        fields.list("chatwoot.path_list", alert.users.iter().map(Vec::as_slice));
    } else {
        fields.number("chatwoot.users", alert.user_count as u64);
    }
    fields.number("chatwoot.sources", alert.ip_count as u64);
    fields.list("chatwoot.source_list", alert.ips.iter().map(Vec::as_slice));
    fields.text("chatwoot.confidence", confidence(alert));
    fields.text("chatwoot.retention", b"security");
}

/// OCSF `attacks` with one technique.
fn attacks(technique: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"[{\"technique\":{\"uid\":");
    string(technique.as_bytes(), out);
    out.extend_from_slice(b"}}]");
}

fn ocsf_alert(alert: &Alert, fields: &mut Fields) {
    fields.number("class_uid", 2004);
    fields.number("category_uid", 2);
    fields.number("activity_id", 1);
    fields.number("type_uid", 200_401);
    fields.number("severity_id", severity_id(alert.rule.severity));
    fields.number("time", alert.last_ms.unsigned_abs());
    fields.number("start_time", alert.first_ms.unsigned_abs());
    fields.number("end_time", alert.last_ms.unsigned_abs());
    fields.number("count", alert.count as u64);
    fields.number("confidence_id", if alert.low_confidence { 1 } else { 3 });
    fields.flag("is_alert", true);
    fields.text("metadata.version", OCSF);
    fields.list("metadata.profiles", [PROFILE]);
    fields.text("metadata.product.name", b"Chatwoot");
    fields.text("metadata.event_code", alert.rule.id.as_bytes());
    // A rule raises one alert per window and key.
    fields.raw("finding_info.uid", |out| {
        out.push(b'"');
        out.extend_from_slice(alert.rule.id.as_bytes());
        out.push(b'-');
        crate::bytes::write_number(alert.first_ms.unsigned_abs(), out);
        out.push(b'"');
    });
    fields.text("finding_info.title", alert.rule.name.as_bytes());
    fields.raw("finding_info.attacks", |out| attacks(alert.rule.technique, out));
    fields.text("finding_info.analytic.uid", alert.rule.id.as_bytes());
    fields.text("finding_info.analytic.name", alert.rule.name.as_bytes());
    // A rule.
    fields.number("finding_info.analytic.type_id", 1);
    if !alert.by.is_empty() {
        fields.raw("evidences", |out| {
            let name: &[u8] = match (alert.by_user, is_ip(&alert.ip)) {
                (true, _) => b"[{\"user\":{\"name\":",
                (false, true) => b"[{\"src_endpoint\":{\"ip\":",
                (false, false) => b"[{\"src_endpoint\":{\"name\":",
            };
            out.extend_from_slice(name);
            string(if alert.by_user { &alert.by } else { &alert.ip }, out);
            out.extend_from_slice(b"}}]");
        });
    }
    fields.number("unmapped.threshold", u64::from(alert.threshold));
    fields.number("unmapped.window_seconds", u64::from(alert.window_seconds));
    fields.text("unmapped.by", &alert.by);
    fields.text("unmapped.source_ip", &alert.ip);
    fields.list(
        if of_paths(alert) { "unmapped.paths" } else { "unmapped.users" },
        alert.users.iter().map(Vec::as_slice),
    );
    fields.list("unmapped.sources", alert.ips.iter().map(Vec::as_slice));
}

fn flat_alert(alert: &Alert, fields: &mut Fields) {
    fields.text("rule", alert.rule.id.as_bytes());
    fields.number("severity", u64::from(alert.rule.severity));
    fields.text("technique", alert.rule.technique.as_bytes());
    fields.text(if alert.by_user { "user" } else { "ip" }, &alert.by);
    fields.number("count", alert.count as u64);
    fields.number("threshold", u64::from(alert.threshold));
    fields.number("window_seconds", u64::from(alert.window_seconds));
    fields.text("first", &time(alert.first_ms));
    fields.text("last", &time(alert.last_ms));
    fields.list(if of_paths(alert) { "paths" } else { "users" }, alert.users.iter().map(Vec::as_slice));
    fields.list("ips", alert.ips.iter().map(Vec::as_slice));
    fields.text("confidence", confidence(alert));
}
