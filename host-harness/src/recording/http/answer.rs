//! What the store that a shipper believes to talk to would answer.

use tamis_sdk::{
    payload::{Format, path_of},
    record::{
        Kind,
        scan::{self, Node},
    },
};

use super::message::Answer;

const JSON: &str = "application/json";

fn has(target: &str, part: &str) -> bool {
    String::from_utf8_lossy(path_of(target.as_bytes())).contains(part)
}

/// To a body whose records were all taken.
pub fn accepted(format: Format, target: &str, body: &[u8]) -> Answer {
    if format == Format::Bulk {
        return Answer { status: 200, content_type: JSON, body: bulk_items(body) };
    }
    // Its raw endpoint takes lines, and answers as for events.
    let format = if has(target, "/services/collector") { Format::SplunkHec } else { format };
    let (status, content_type, body) = format.accepted();
    Answer { status: u16::try_from(status).unwrap_or(200), content_type, body: body.as_bytes().to_vec() }
}

/// One item per action: clients count them.
fn bulk_items(body: &[u8]) -> Vec<u8> {
    let mut out = br#"{"took":0,"errors":false,"items":["#.to_vec();
    let mut tape: Vec<Node> = Vec::new();
    let mut lines = body.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty());
    let mut first = true;
    while let Some(line) = lines.next() {
        let verb = match (scan::scan(line.trim_ascii_end(), &mut tape), tape.get(1)) {
            (Ok(()), Some(node)) if node.kind == Kind::Object => {
                line.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
            }
            _ => break,
        };
        let (verb, status) = match verb {
            b"index" => ("index", 201),
            b"create" => ("create", 201),
            b"update" => ("update", 200),
            b"delete" => ("delete", 200),
            _ => break,
        };
        if verb != "delete" && lines.next().is_none() {
            break;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(format!("{{\"{verb}\":{{\"status\":{status}}}}}").as_bytes());
    }
    out.extend_from_slice(b"]}");
    out
}

/// To a `GET` or `HEAD`: what shippers ask before they send.
pub fn asked(target: &str) -> Answer {
    let json = |text: &str| Answer { status: 200, content_type: JSON, body: text.as_bytes().to_vec() };
    if path_of(target.as_bytes()).is_empty() {
        return json(
            r#"{"name":"tamis-record","cluster_name":"tamis-record","version":{"number":"8.0.0","build_flavor":"default"},"tagline":"You Know, for Search"}"#,
        );
    }
    if has(target, "/services/collector/health") {
        return json(r#"{"text":"HEC is healthy","code":17}"#);
    }
    if has(target, "/_cluster/health") {
        return json(r#"{"status":"green"}"#);
    }
    if has(target, "/ready") {
        return Answer::text(200, "ready");
    }
    Answer::text(404, "nothing here: send logs by POST")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_stores_answer() {
        let text = |answer: Answer| (answer.status, String::from_utf8(answer.body).unwrap());
        let body =
            b"{\"index\":{}}\n{\"a\":1}\r\n\n{\"delete\":{\"_id\":\"1\"}}\r\n{\"update\":{}}\n{\"doc\":{}}\n";
        assert_eq!(
            text(accepted(Format::Bulk, "/_bulk", body)),
            (200, r#"{"took":0,"errors":false,"items":[{"index":{"status":201}},{"delete":{"status":200}},{"update":{"status":200}}]}"#.into())
        );
        assert_eq!(text(accepted(Format::Loki, "/loki/api/v1/push", b"")), (204, String::new()));
        assert_eq!(text(accepted(Format::Otlp, "/v1/logs", b"")), (200, "{}".into()));
        assert!(text(accepted(Format::Lines, "/services/collector/raw?x", b"")).1.contains("Success"));
        assert_eq!(asked("/ready").status, 200);
        assert!(text(asked("/")).1.contains("8.0.0"));
        assert_eq!(asked("/other").status, 404);
    }
}
