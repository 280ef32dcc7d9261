//! The recorded Chatwoot logs of `corpus/chatwoot`.

use std::collections::HashMap;

use serde_json::{Value, json};
use tamis::host::Encoding;

use crate::{
    differential,
    logs::{self, Log},
};

/// The filter that is made for them.
pub const FILTER: &str = "chatwoot-auth-tagger";

/// All logs.
///
/// # Panics
/// When there are too few.
#[must_use]
pub fn corpus() -> Vec<Log> {
    logs::corpus("chatwoot", &["log"], 10)
}

/// What the lines of a log are.
#[must_use]
pub fn encoding(log: &Log) -> Encoding {
    if log.name.ends_with("-json.log") { Encoding::Json } else { Encoding::Text }
}

/// The lines of logs, as all hosts can hold them: NUL ends a record in one of the ABIs, a carriage return is part of the
/// line end of a body, and between the records of a body blank lines are no records.
#[must_use]
pub fn lines(logs: &[Log]) -> Vec<Vec<u8>> {
    differential::lines(logs)
        .into_iter()
        .map(|l| String::from_utf8_lossy(&l).replace(['\r', '\0'], "").into_bytes())
        .filter(|l| !l.trim_ascii().is_empty())
        .collect()
}

/// A log of Rails as lograge would have written it: one object for each request where its `Completed` line stands, and
/// what lograge leaves alone.
#[must_use]
pub fn lograge(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut requests = HashMap::<String, Request>::new();
    let mut out = Vec::new();
    for line in lines {
        let text = String::from_utf8_lossy(line);
        let parts = text.split_once("]  INFO -- : [").and_then(|(stamp, rest)| {
            let (id, message) = rest.split_once("] ")?;
            Some((stamp, id, message))
        });
        let Some((stamp, id, message)) = parts else {
            out.push(line.clone());
            continue;
        };
        let request = requests.entry(id.to_owned()).or_default();
        if request.take(message) {
            // A redirect of the router's has no controller, and stays as it was.
            if request.controller.is_empty()
                && (message.starts_with("Redirected") || request.status.is_some())
            {
                out.push(line.clone());
            } else if let Some(object) = request.object() {
                out.push(format!("{stamp}]  INFO -- : [{id}] {object}").into_bytes());
            }
            if request.status.is_some() {
                requests.remove(id);
            }
        } else {
            out.push(line.clone());
        }
    }
    out
}

/// What the lines of a request have said so far.
#[derive(Debug, Default)]
struct Request {
    method: String,
    path: String,
    ip: String,
    controller: String,
    action: String,
    params: Value,
    location: Option<String>,
    filter: String,
    status: Option<u16>,
}

impl Request {
    /// Whether lograge leaves this line out.
    fn take(&mut self, message: &str) -> bool {
        if let Some(rest) = message.strip_prefix("Started ") {
            let (method, rest) = rest.split_once(" \"").unwrap_or_default();
            let (path, rest) = rest.rsplit_once("\" for ").unwrap_or_default();
            self.method = method.to_owned();
            self.path = path.split('?').next().unwrap_or_default().to_owned();
            self.ip = rest.split_once(" at ").unwrap_or_default().0.to_owned();
        } else if let Some(rest) = message.strip_prefix("Processing by ") {
            let (controller, rest) = rest.split_once('#').unwrap_or_default();
            self.controller = controller.to_owned();
            self.action = rest.split_once(" as ").unwrap_or_default().0.to_owned();
        } else if let Some(rest) = message.strip_prefix("  Parameters: ") {
            self.params = serde_json::from_str(&json_of_ruby(rest)).unwrap_or(Value::Null);
        } else if let Some(rest) = message.strip_prefix("Filter chain halted as :") {
            self.filter = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some(rest) = message.strip_prefix("Redirected to ") {
            self.location = Some(rest.split('?').next().unwrap_or_default().to_owned());
        } else if let Some(rest) = message.strip_prefix("Completed ") {
            self.status = rest.get(..3).and_then(|s| s.parse().ok());
        } else {
            return false;
        }
        true
    }

    fn object(&self) -> Option<String> {
        let mut params = self.params.clone();
        if let Some(fields) = params.as_object_mut() {
            fields.retain(|name, _| !matches!(name.as_str(), "controller" | "action" | "format" | "id"));
        } else {
            params = json!({});
        }
        // Who calls an API stands there if somebody does; Rails' default log does not say who.
        let anonymous = matches!(
            self.filter.as_str(),
            "authenticate_user!" | "authenticate_access_token!" | "set_platform_app"
        );
        let mut fields = vec![
            ("method", json!(self.method)),
            ("path", json!(self.path)),
            ("format", json!("html")),
            ("controller", json!(self.controller)),
            ("action", json!(self.action)),
            ("status", json!(self.status?)),
            ("allocations", json!(987)),
            ("duration", json!(16.38)),
        ];
        fields.extend(self.location.as_ref().map(|l| ("location", json!(l))));
        fields.push(("params", params));
        fields.push(("host", json!("chat.example.com")));
        fields.push(("remote_ip", json!(self.ip)));
        if self.controller.starts_with("Api::") || self.controller.starts_with("DeviseOverrides::") {
            let signed_in = self.controller.starts_with("Api::") && !anonymous;
            fields.push(("user_id", if signed_in { json!(7) } else { Value::Null }));
        }
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        Some(format!("{{{}}}", fields.join(",")))
    }
}

/// A hash as Ruby prints it, as JSON: `=>` becomes `:`, and `nil` becomes `null`.
fn json_of_ruby(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        out += &rest[..quote].replace("=>", ":").replace("nil", "null");
        let mut end = quote + 1;
        while rest.as_bytes().get(end).is_some_and(|b| *b != b'"') {
            end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
        }
        let end = (end + 1).min(rest.len());
        out += &rest[quote..end];
        rest = &rest[end..];
    }
    out + &rest.replace("=>", ":").replace("nil", "null")
}
