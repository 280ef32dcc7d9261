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
        fields.text("event.created", &self.time);
        fields.text("source.ip", &facts.ip);
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
        fields.list("related.ip", [facts.ip.as_slice()]);
        fields.list("related.user", [facts.user.as_slice(), &facts.target]);
    }

    fn ocsf(&self, event: &Event, facts: &Facts, fields: &mut Fields) {
        let spec = event.action.spec();
        fields.number("class_uid", u64::from(spec.class));
        fields.number("category_uid", u64::from(spec.class / 1000));
        fields.number("activity_id", u64::from(spec.activity));
        fields.number("type_uid", u64::from(spec.class * 100 + spec.activity));
        fields.text("activity_name", spec.name.as_bytes());
        fields.number("severity_id", severity_id(event.severity));
        let status_id = match event.outcome {
            Outcome::Unknown => 0,
            Outcome::Success => 1,
            Outcome::Failure => 2,
        };
        fields.number("status_id", status_id);
        fields.text("status_detail", event.reason.as_bytes());
        if facts.time_ms > 0 {
            fields.number("time", facts.time_ms.unsigned_abs());
        }
        fields.text("metadata.version", OCSF);
        fields.text("metadata.product.name", b"Chatwoot");
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
        match spec.class {
            3001 | 3002 | 3005 => {
                fields.text("user.name", &facts.user);
                fields.text("user.uid", &facts.user_id);
            }
            6003 | 6005 => {
                fields.text("actor.user.name", &facts.user);
                fields.text("actor.user.uid", &facts.user_id);
            }
            _ => {}
        }
        if spec.class == 6003 {
            fields.text("api.operation", spec.name.as_bytes());
        }
        if spec.class != 6008 {
            fields.text("src_endpoint.ip", &facts.ip);
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
        // What the class has no attribute for.
        if spec.class == 6008 {
            fields.text("unmapped.source_ip", &facts.ip);
            fields.text("unmapped.http_method", &facts.method);
            fields.text("unmapped.url_path", &self.path);
        }
        fields.list("unmapped.techniques", [technique(event).as_bytes()]);
        fields.text("unmapped.outcome", event.outcome.name().as_bytes());
        fields.text("unmapped.retention", spec.retention.name().as_bytes());
        fields.text("unmapped.confidence", event.confidence.name().as_bytes());
        fields.text("unmapped.account_id", &facts.account_id);
        fields.text("unmapped.target", &facts.target);
        fields.text("unmapped.controller", &facts.controller);
        fields.text("unmapped.filter", &facts.filter);
        fields.text("unmapped.error", &facts.error);
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
        fields.text("source.ip", &alert.ip);
    }
    fields.list("related.ip", alert.ips.iter().filter(|ip| !ip.contains(&b'/')).map(Vec::as_slice));
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
    fields.text("metadata.version", OCSF);
    fields.text("metadata.product.name", b"Chatwoot");
    fields.text("finding_info.uid", alert.rule.id.as_bytes());
    fields.text("finding_info.title", alert.rule.name.as_bytes());
    fields.raw("finding_info.attacks", |out| {
        out.extend_from_slice(b"[{\"technique\":{\"uid\":");
        string(alert.rule.technique.as_bytes(), out);
        out.extend_from_slice(b"}}]");
    });
    fields.text("finding_info.analytic.name", alert.rule.id.as_bytes());
    fields.number("finding_info.analytic.type_id", 1);
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
