//! Requests in every format that the proxy-wasm shell reads, with coturn lines in them, and
//! what the filter must make of them: the same as in this process.

use anyhow::Context;
use serde_json::json;
use tamis::host::{Action, Batch, Encoding, Host, HostOptions, Outcome, native};
use tamis_sdk::{
    Meta,
    payload::{Choice, Format, Sieve, Sifter, choose, media_kind, path_of},
};

/// A request as a shipper sends it.
#[derive(Debug, Clone)]
pub struct Payload {
    /// What it is, for messages.
    pub name: &'static str,
    /// Request target.
    pub path: &'static str,
    /// Content type; empty for none.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Payload {
    fn new(
        name: &'static str,
        path: &'static str,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self { name, path, content_type, body: body.into() }
    }
}

/// Lines that hold addresses, names and credentials in coturn's ways, and some that hold none.
pub const LINES: [&str; 7] = [
    "2026-11-21T00:26:41.863+0000 INFO session 001000000000000001: realm <example.org> user <alice>: incoming packet message processed, error 401: Unauthorized",
    "18: (23): INFO: session 000000000000000018: new, realm=<example.org>, username=<bob>, lifetime=600",
    "18: : session 000000000000000018: peer 198.51.100.77 lifetime updated: 300",
    "0: : IPv6. UDP listener opened on: 2001:db8:77::9:3478",
    "handle_udp_packet: New UDP endpoint: local addr 192.0.2.10:3478, remote addr 203.0.113.200:51234",
    "nothing to see \"here\" \\ \u{e9}\u{1F600} \t end",
    "Coturn Version Coturn-4.17.1 'Gorst'",
];

/// Lines with payloads in them, and some without.
pub const ASYNQ_LINES: [&str; 6] = [
    "2026/11/21 00:15:48 enqueued task: id=94afbc3f-9ffc-48ea-a403-0516878ba1c0 queue=low payload={\"user_id\":42,\"email\":\"zoe@example.org\"}",
    "asynq: pid=1 2026/11/21 00:18:38.002190 DEBUG: scheduler enqueued a task: &{ID:order-7 Queue:default Type:email:welcome Payload:[123 34 101 34 58 34 122 111 101 64 101 120 97 109 112 108 101 46 111 114 103 34 125] Headers:map[] State:pending}",
    "{\"level\":\"info\",\"payload\":\"{\\\"email\\\":\\\"zoe@example.org\\\"}\"}",
    "mail to zoe@example.org failed with password=hunter2hunter2",
    "nothing to see \"here\" \\ \u{e9}\u{1F600} \t end",
    "asynq: pid=1 2026/11/21 00:18:02.736755 INFO: Scheduler starting",
];

/// One request in each format, with coturn's lines.
pub fn all() -> Vec<Payload> {
    of(&LINES)
}

/// One request in each format, and in some of their spellings.
pub fn of(lines: &[&str]) -> Vec<Payload> {
    let ndjson = "application/x-ndjson";
    let json_type = "application/json";
    let objects: Vec<String> =
        lines.iter().enumerate().map(|(i, l)| json!({"log": l, "n": i, "x": 1.50}).to_string()).collect();
    let bulk: String =
        objects.iter().map(|o| format!("{{ \"create\" : {{\"_index\":\"turn\"}} }}\n{o}\n")).collect();
    let values: Vec<_> = lines.iter().map(|l| json!(["1700000000000000000", l])).collect();
    let loki = json!({"streams": [{"stream": {"job": "coturn", "peer": "203.0.113.200"}, "values": values},
        {"stream": {}, "values": [["1", "remote addr 203.0.113.201:5", {"client": "203.0.113.202"}]]}]});
    let records: Vec<_> = lines
        .iter()
        .map(|l| {
            json!({"timeUnixNano": "1700000000000000000", "severityText": "INFO", "body": {"stringValue": l},
            "attributes": [{"key": "net.peer.ip", "value": {"stringValue": "203.0.113.200"}}]})
        })
        .collect();
    let otlp = json!({"resourceLogs": [{"resource": {"attributes": []}, "scopeLogs": [{"scope": {}, "logRecords": records}]}]});
    let hec: String = lines
        .iter()
        .map(|l| json!({"time": 1_700_000_000.25, "sourcetype": "coturn", "event": l}).to_string())
        .chain([json!({"event": {"msg": lines[4]}, "fields": {"ip": "203.0.113.200"}}).to_string()])
        .collect();
    let escaped = objects.join("\n").replace('<', "\\u003c").replace('/', "\\/");
    vec![
        Payload::new("text", "/", "text/plain", lines.join("\n")),
        Payload::new("text, CR LF", "/", "text/plain; charset=utf-8", format!("{}\r\n", lines.join("\r\n"))),
        Payload::new("no content type", "/", "", lines.join("\n")),
        Payload::new("ndjson", "/", ndjson, format!("{}\n", objects.join("\n"))),
        Payload::new("ndjson, escapes", "/", ndjson, escaped),
        Payload::new("array", "/", json_type, format!("[ {} ]\n", objects.join(" ,\n"))),
        Payload::new("object", "/logs", json_type, objects[4].clone()),
        Payload::new("concatenated", "/logs", json_type, objects.concat()),
        Payload::new("bulk", "/_bulk?refresh=false", ndjson, bulk.clone()),
        Payload::new("bulk as JSON", "/turn/_bulk", json_type, bulk),
        Payload::new("loki", "/loki/api/v1/push", json_type, loki.to_string()),
        Payload::new("loki, pretty", "/loki/api/v1/push", json_type, format!("{loki:#}")),
        Payload::new("otlp", "/v1/logs", json_type, otlp.to_string()),
        Payload::new("otlp, pretty", "/v1/logs", json_type, format!("{otlp:#}")),
        Payload::new("splunk", "/services/collector/event", "", hec),
        Payload::new("splunk raw", "/services/collector/raw?channel=1", "text/plain", lines.join("\n")),
        Payload::new("broken JSON", "/", json_type, format!("{{\"log\":\"{}", lines[4])),
        Payload::new(
            "bytes that are not UTF-8",
            "/",
            "text/plain",
            b"\xFF\xFE\x00 203.0.113.200:1 \xC3\n".to_vec(),
        ),
    ]
}

/// A native filter as a sieve.
struct Native(Box<dyn Host>, Outcome);

impl Sieve for Native {
    fn sieve(&mut self, meta: Meta<'_>, encoding: Encoding, body: &[u8], out: &mut Vec<u8>) -> Action {
        let mut batch = Batch::new(String::from_utf8_lossy(meta.tag), encoding);
        batch.push(meta.timestamp_ns, body);
        self.0.process(&batch, &mut self.1).expect("native filters do not fail");
        let action = self.1.actions[0];
        if matches!(action, Action::Replace | Action::ReplaceJson) {
            out.extend_from_slice(self.1.body(0));
        }
        action
    }
}

/// What the filter makes of a payload in this process.
///
/// # Errors
/// When the filter does not start, or the payload is one that is refused.
pub fn expected(filter: &str, config: &str, payload: &Payload) -> anyhow::Result<Vec<u8>> {
    let mut native = Native(native::open(filter, config, &HostOptions::default())?, Outcome::default());
    let kind = media_kind(payload.content_type.as_bytes());
    let Choice::Format(format) = choose(kind, payload.path.as_bytes(), &payload.body) else {
        anyhow::bail!("{} cannot be filtered", payload.name);
    };
    let path = path_of(payload.path.as_bytes());
    let tag = path.strip_prefix(b"/").unwrap_or(path);
    let mut sifter = Sifter::default();
    let mut out = Vec::new();
    let report = sifter
        .run(format, &payload.body, tag, &mut native, &mut out)
        .or_else(|_| sifter.run(Format::Lines, &payload.body, tag, &mut native, &mut out));
    let report = report.context("lines are never malformed")?;
    Ok(if report.rewritten { out } else { payload.body.clone() })
}
