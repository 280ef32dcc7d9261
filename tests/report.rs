//! `tamis report` on recorded logs: nothing planted is shown, filtered logs say what raw ones do, hostile ones do no
//! harm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path, sync::Arc};

use serde_json::Value;
use tamis::{
    audit::walk,
    host::{Action, Batch, Encoding, HostKind, Outcome},
    render::Style,
    report::{self, Options, Review},
    select::Opener,
};
use tamis_tests::{
    asynq::{self, Finder},
    coturn,
    logs::{self, Log, contains},
    poison, records,
};

fn review(paths: &[&Path], options: &Options) -> Review {
    let operands: Vec<String> = paths.iter().map(|p| p.to_str().unwrap().to_owned()).collect();
    let walked = walk::walk(&operands, &walk::Limits::default());
    report::review(walked, options, &(Arc::new(|_| ()) as tamis::audit::pool::Progress)).unwrap()
}

fn formats(review: &Review) -> [(&'static str, String); 3] {
    [
        ("text", report::text(review, Style::default())),
        ("json", review.json().unwrap()),
        ("html", report::html(review)),
    ]
}

fn in_dir(log: &Log, dir: &Path) -> std::path::PathBuf {
    let path = dir.join(&log.name);
    fs::write(&path, &log.bytes).unwrap();
    path
}

/// The lines of all reports of a log, under names of files that hold nothing.
fn lines_of(log: &Log) -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let neutral = Log { name: "a.log".to_owned(), bytes: log.bytes.clone() };
    let path = in_dir(&neutral, dir.path());
    let review = review(&[&path], &Options::default());
    assert!(review.errors.is_empty() && review.skipped.is_empty(), "{}", log.name);
    formats(&review)
        .iter()
        .flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn no_planted_value_of_asynq_logs_is_shown() {
    for log in asynq::corpus() {
        let planted = asynq::planted(&log);
        let finder = Finder::new(&planted);
        for line in lines_of(&log) {
            let shown: Vec<_> =
                finder.find(line.as_bytes()).into_iter().filter(|h| !h.chance).map(|h| h.around).collect();
            assert!(shown.is_empty(), "{}: {shown:?}", log.name);
        }
    }
}

#[test]
fn no_name_address_or_credential_of_coturn_logs_is_shown() {
    for log in coturn::corpus() {
        for line in lines_of(&log) {
            let bytes = line.as_bytes();
            let addresses = coturn::addresses(bytes);
            assert!(!addresses.iter().any(|(_, a)| coturn::is_planned(*a)), "{}: {line}", log.name);
            let names = coturn::USERS.iter().filter(|u| !coturn::WORDS.contains(u));
            for value in names.chain(coturn::SECRETS) {
                assert_eq!(coturn::count_words(bytes, value), 0, "{}: {line}", log.name);
            }
        }
    }
}

/// The addresses, users, request ids and paths with parameters that the labels of the recorded logs tell.
fn planted_in_chatwoot() -> BTreeSet<String> {
    let labels = logs::corpus("chatwoot", &["jsonl"], 2);
    let mut values = BTreeSet::new();
    for label in labels.iter().flat_map(Log::lines) {
        let label: Value = serde_json::from_slice(label).unwrap();
        let lists = ["users", "source_ips"].iter().filter_map(|list| label[list].as_array()).flatten();
        let single = ["source_ip", "user", "request_id"].iter().map(|name| &label[name]);
        values.extend(lists.chain(single).filter_map(Value::as_str).map(str::to_owned));
    }
    // Others are words of the report, too: `admin`.
    values.retain(|v| v.contains(['@', ':']) || v.parse::<IpAddr>().is_ok() || v.len() == 36);
    assert!(values.len() > 1000, "{}", values.len());
    values
}

#[test]
fn no_user_or_address_of_chatwoot_logs_is_shown() {
    let planted = planted_in_chatwoot();
    let mut events = 0;
    for log in logs::corpus("chatwoot", &["log"], 10) {
        let lines = lines_of(&log).into_iter().collect::<Vec<_>>().join("\n");
        events += lines.matches("<th scope=\"row\" role=\"rowheader\">user-login</th>").count();
        for value in &planted {
            // A network is what is shown of an address.
            let shown = lines.match_indices(value.as_str()).any(|(at, _)| {
                let around = lines.as_bytes();
                let clear =
                    |b: Option<&u8>| !b.is_some_and(|b| b.is_ascii_alphanumeric() || b".:/".contains(b));
                clear(at.checked_sub(1).and_then(|i| around.get(i))) && clear(around.get(at + value.len()))
            });
            assert!(!shown, "{}: {value}", log.name);
        }
        for word in ["@acme", "@globex", "@initech", ".example", "password="] {
            assert!(!lines.contains(word), "{}: {word}", log.name);
        }
    }
    assert!(events >= 5, "{events}");
}

/// What a filter makes of the lines of a log that have no time beside their own.
fn filtered(opener: &Opener, filter: &str, config: &str, log: &Log) -> Log {
    let mut host = records::open(opener, filter, HostKind::Native, config);
    let encoding = if log.bytes.starts_with(b"{") { Encoding::Json } else { Encoding::Text };
    let mut batch = Batch::new("", encoding);
    log.lines().into_iter().for_each(|line| batch.push(0, line));
    let mut outcome = Outcome::default();
    host.process(&batch, &mut outcome).unwrap();
    let (mut lines, mut changed) = (Vec::new(), 0);
    for (action, line) in outcome.actions.iter().zip(log.lines()) {
        match action {
            Action::Keep => lines.push(line.to_vec()),
            Action::Drop => {}
            Action::Replace | Action::ReplaceJson => {
                lines.push(outcome.body(changed).to_vec());
                changed += 1;
            }
        }
    }
    lines.extend(host.flush().unwrap());
    Log { name: "filtered.log".to_owned(), bytes: lines.join(&b'\n') }
}

#[test]
fn tagged_logs_say_what_raw_logs_say() {
    let opener = Opener::default();
    let dir = tempfile::tempdir().unwrap();
    for log in logs::corpus("chatwoot", &["log"], 10) {
        let raw = review(&[&in_dir(&log, dir.path())], &Options { scan: false, ..Options::default() });
        for config in [r#"{"schema":"ecs"}"#, r#"{"schema":"ocsf","dotted":true}"#, r#"{"schema":"flat"}"#] {
            let path = in_dir(&filtered(&opener, "chatwoot-auth-tagger", config, &log), dir.path());
            let tagged = review(&[&path], &Options { scan: false, ..Options::default() });
            let (a, b) = (&tagged.summary, &raw.summary);
            assert_eq!(
                (a.events, a.failures, a.alerts, a.sources),
                (b.events, b.failures, b.alerts, b.sources),
                "{} {config}",
                log.name
            );
            // Not every class of OCSF has a place for the user.
            assert!(a.users == b.users || config.contains("ocsf") && a.users < b.users, "{}", log.name);
            let rules = |r: &Review| r.alerts.rules.iter().map(|r| (r.rule, r.count)).collect::<Vec<_>>();
            assert_eq!(rules(&tagged), rules(&raw), "{} {config}", log.name);
        }
    }
}

#[test]
fn filtered_coturn_logs_have_nothing_to_remove_and_the_same_sessions() {
    let opener = Opener::default();
    let dir = tempfile::tempdir().unwrap();
    for log in coturn::corpus() {
        let options = Options { scan: false, ..Options::default() };
        let raw = review(&[&in_dir(&log, dir.path())], &options);
        let filtered = filtered(&opener, "coturn-ip-anonymizer", "{}", &log);
        let path = in_dir(&filtered, dir.path());
        let clean = review(&[&path], &options);
        let sessions = |r: &Review| r.coturn.as_ref().map(|c| (c.new, c.refreshed, c.closed, c.bytes_sent));
        assert_eq!(sessions(&clean), sessions(&raw), "{}", log.name);
        let marks = contains(&filtered.bytes, b"[REDACTED:user]");
        assert_eq!(clean.removed.iter().any(|k| k.kind == "user"), marks, "{}", log.name);
        let left: Vec<_> = clean.left.coturn.iter().map(|k| (k.kind, k.count)).collect();
        assert!(left.is_empty(), "{}: {left:?}", log.name);
    }
}

#[test]
fn aggregated_logs_say_what_raw_logs_say() {
    let opener = Opener::default();
    let dir = tempfile::tempdir().unwrap();
    for log in coturn::corpus() {
        let options = Options { scan: false, ..Options::default() };
        let raw = review(&[&in_dir(&log, dir.path())], &options);
        let mut summaries = filtered(&opener, "coturn-ip-anonymizer", r#"{"aggregate":{}}"#, &log);
        let lines: Vec<&[u8]> = summaries.lines().into_iter().filter(|l| l.starts_with(b"{")).collect();
        summaries.bytes = lines.join(&b'\n');
        let path = in_dir(&summaries, dir.path());
        let summed = review(&[&path], &options);
        let sessions = |r: &Review| {
            let c = r.coturn.as_ref()?;
            Some((c.windows, c.events, c.new, c.closed, c.bytes_sent, c.errors.clone(), c.most_users))
        };
        assert_eq!(sessions(&summed), sessions(&raw), "{}", log.name);
    }
}

#[test]
fn a_page_needs_nothing_and_believes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let name = "<img src=x onerror=alert(1)>&\u{202e}.log";
    let event = serde_json::json!({
        "event": { "dataset": "chatwoot.auth", "action": "user-login", "outcome": "failure", "end": "2026-03-02T10:00:00Z" },
        "source": { "ip": "<script>alert(1)</script>" },
        "user": { "name": "\"'><i>\u{1b}]0;x\u{7}\u{202e}" },
        "alerts": [{ "rule": { "id": "brute-force-detected" }, "event": { "severity": 99 },
            "source": { "ip": "<b>" }, "chatwoot": { "count": u64::MAX } }],
        "redactions": { "ip": u64::MAX },
    });
    fs::write(dir.path().join(name), format!("{event}\n{event}\n")).unwrap();
    for options in [
        Options::default(),
        Options { addresses: report::Addresses::Keep, users: report::Users::Keep, ..Options::default() },
    ] {
        let review = review(&[dir.path()], &options);
        assert_eq!((review.summary.events, review.summary.alerts), (2, 2));
        let page = report::html(&review);
        let markup = &page[..page.rfind("<script>").unwrap()];
        for bad in ["<script", "<img", "<i>", "<b>\"", "\u{1b}", "\u{202e}", "unsafe-inline"] {
            assert!(!markup.contains(bad), "{bad}");
        }
        for reference in
            ["http://", "https://", " src=\"", "href=", "@import", "url(", "<link", "<iframe", "style=\""]
        {
            assert!(!page.contains(reference), "{reference}");
        }
        for needed in
            ["default-src 'none'", "name=\"viewport\"", "lang=\"en\"", "<svg", "role=\"img\"", "<caption>"]
        {
            assert!(page.contains(needed), "{needed}");
        }
        for (format, text) in formats(&review) {
            assert_eq!(text.matches('\u{1b}').count(), 0, "{format}");
        }
    }
}

#[test]
fn hostile_records_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<Vec<u8>> = (0..500)
        .flat_map(|i| [poison::hostile_record(poison::COTURN, i), poison::hostile_line(poison::ASYNQ, i)])
        .collect();
    let deep = format!("{{\"event\":{}\"chatwoot.auth\"{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let long =
        format!("{{\"event.dataset\":\"chatwoot.auth\",\"event.action\":\"{}\"}}", "x".repeat(1 << 20));
    lines.extend([deep.into_bytes(), long.into_bytes()]);
    for year in 1970..2500 {
        lines.push(
            format!(
                r#"{{"event":{{"dataset":"chatwoot.auth","action":"user-login","outcome":"success","end":"{year}-01-01T00:00:00Z"}},"user":{{"name":"u{year}"}}}}"#
            )
            .into_bytes(),
        );
    }
    for order in 0..2 {
        let path = in_dir(&Log { name: format!("{order}.jsonl"), bytes: lines.join(&b'\n') }, dir.path());
        let review = review(&[&path], &Options::default());
        assert!(review.errors.is_empty(), "{:?}", review.errors);
        for (_, text) in formats(&review) {
            assert!(text.len() < 4 << 20);
        }
        // The second time the first line is JSON.
        lines.reverse();
        assert!(order == 0 || review.summary.events == 530, "{}", review.summary.events);
    }
}
