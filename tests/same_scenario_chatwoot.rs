//! The same traffic as Rails' default log, as lograge's and as nginx's: the same actions, outcomes and alerts, but for
//! what a source cannot know. The tables of `docs/chatwoot-auth-tagger.md` say what that is, and this test holds them
//! to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chatwoot_auth_tagger::alert::RULES;
use serde_json::Value;
use tamis::{
    host::{Encoding, HostKind},
    select::Opener,
};
use tamis_tests::{
    chatwoot::{self, FILTER, lograge},
    records,
};

/// What the filter says of one request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    what: String,
    user: String,
    ip: String,
    path: String,
}

/// The events of a log by request id, and its alerts by rule.
#[derive(Debug, Default)]
struct Told {
    events: BTreeMap<String, Vec<Event>>,
    alerts: BTreeMap<String, BTreeSet<String>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn told(encoding: Encoding, lines: &[Vec<u8>], id: impl Fn(&Value) -> String) -> Told {
    let mut host = records::open(&Opener::default(), FILTER, HostKind::Native, "");
    let mut told = Told::default();
    for record in records::run(&mut *host, encoding, lines, 1000) {
        let json: Value = serde_json::from_slice(&record.unwrap()).unwrap();
        let event = &json["event"];
        if event["kind"] != "event" {
            continue;
        }
        let one = Event {
            what: format!("{} {}", text(&event["action"]), text(&event["outcome"])),
            user: text(&json["user"]["name"]),
            ip: text(&json["source"]["ip"]),
            path: text(&json["url"]["path"]),
        };
        told.events.entry(id(&json)).or_default().push(one);
        for alert in json["alerts"].as_array().into_iter().flatten() {
            let by = [&alert["source"]["address"], &alert["user"]["name"]].map(text).concat();
            told.alerts.entry(text(&alert["rule"]["id"])).or_default().insert(by);
        }
    }
    told
}

/// How two sources differ.
#[derive(Debug, Default)]
struct Differences {
    /// What Rails' default log says and what the other does, `-` for nothing, with an example.
    events: BTreeMap<(String, String), String>,
    /// Fields that the other has not where Rails' default log has them, by action.
    fields: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Differences {
    fn add(&mut self, default: &str, other: &str, example: &str) {
        self.events.entry((default.to_owned(), other.to_owned())).or_insert_with(|| example.to_owned());
    }

    fn compare(&mut self, default: &Event, other: &Event) {
        for (field, here, there) in
            [("user", &default.user, &other.user), ("address", &default.ip, &other.ip)]
        {
            if !here.is_empty() && there.is_empty() {
                let action = default.what.split(' ').next().unwrap().to_owned();
                self.fields.entry(field).or_default().insert(action);
            } else if !there.is_empty() && !here.is_empty() {
                assert_eq!(here, there, "{default:?} {other:?}");
            }
        }
    }
}

fn differences(default: &Told, other: &Told, logged: impl Fn(&str) -> bool) -> Differences {
    let none = Vec::new();
    let mut found = Differences::default();
    let (mut alone, mut others) = (Vec::new(), Vec::new());
    let ids: BTreeSet<&String> = default.events.keys().chain(other.events.keys()).collect();
    for id in ids.into_iter().filter(|id| logged(id)) {
        let mut there: Vec<&Event> = other.events.get(id).unwrap_or(&none).iter().collect();
        let mut here: Vec<&Event> = Vec::new();
        for event in default.events.get(id).unwrap_or(&none) {
            match there.iter().position(|e| e.what == event.what) {
                Some(at) => found.compare(event, there.remove(at)),
                None => here.push(event),
            }
        }
        // What is left of the same request was read in another way.
        while !id.is_empty() && !here.is_empty() && !there.is_empty() {
            let (a, b) = (here.remove(0), there.remove(0));
            found.add(&a.what, &b.what, &a.path);
        }
        alone.extend(here);
        others.extend(there);
    }
    // Without an id, the path and the address tell.
    for event in alone {
        let same = others.iter().position(|e| e.path == event.path && e.ip == event.ip);
        let other = same.map_or("-".to_owned(), |at| others.remove(at).what.clone());
        found.add(&event.what, &other, &event.path);
    }
    others.iter().for_each(|e| found.add("-", &e.what, &e.path));
    found
}

fn log(name: &str) -> Vec<Vec<u8>> {
    chatwoot::lines(&chatwoot::corpus().into_iter().filter(|l| l.name == name).collect::<Vec<_>>())
}

/// The cells of the rows of the documentation's tables that begin with one of these words.
fn documented(first: &[&str]) -> BTreeSet<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/chatwoot-auth-tagger.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, text) = text.split_once("\n## What a source cannot know\n").unwrap();
    let text = text.split("\n## ").next().unwrap();
    let cells = |row: &str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|c| c.trim().replace('`', "")).collect()
    };
    text.lines()
        .filter(|l| l.starts_with('|'))
        .map(cells)
        .filter(|c| first.contains(&c[0].as_str()))
        .collect()
}

#[test]
fn sources_agree_but_for_what_they_cannot_know() {
    let rails = log("rails-default.log");
    let nginx_log = log("nginx-access-json.log");
    // Some requests went past nginx.
    let passed: BTreeSet<String> =
        nginx_log.iter().map(|l| text(&serde_json::from_slice::<Value>(l).unwrap()["request_id"])).collect();
    let by_id = |json: &Value| text(&json["http"]["request"]["id"]);
    let default = told(Encoding::Text, &rails, by_id);
    let lograge = told(Encoding::Text, &lograge(&rails), by_id);
    let nginx = told(Encoding::Json, &nginx_log, |json| text(&json["request_id"]));
    let count = |told: &Told| told.events.values().map(Vec::len).sum::<usize>();
    println!("events: {} {} {}", count(&default), count(&lograge), count(&nginx));
    assert!(count(&default) > 1000 && count(&lograge) > 1000 && count(&nginx) > 1000);

    let mut rows = BTreeSet::new();
    for (name, other, found) in [
        ("lograge", &lograge, differences(&default, &lograge, |_| true)),
        ("nginx", &nginx, differences(&default, &nginx, |id| passed.contains(id))),
    ] {
        assert!(count(other) > 0);
        for ((here, there), example) in &found.events {
            println!("| {name} | `{here}` | `{there}` | {example} |");
            rows.insert(vec![name.to_owned(), here.clone(), there.clone()]);
        }
        for (field, actions) in &found.fields {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            println!("| {name} | no {field} | {} |", actions.join(", "));
            rows.insert(vec![name.to_owned(), format!("no {field}"), actions.join(", ")]);
        }
    }
    let known: BTreeSet<Vec<String>> =
        documented(&["lograge", "nginx"]).into_iter().map(|row| row[..3].to_vec()).collect();
    assert_eq!(rows, known, "not as in the documentation");

    let mut rows = BTreeSet::new();
    println!("alerts");
    for rule in RULES {
        let keys = |told: &Told| told.alerts.get(*rule).map_or(0, BTreeSet::len).to_string();
        let row = vec![(*rule).to_owned(), keys(&default), keys(&lograge), keys(&nginx)];
        println!("| `{rule}` | {} |", row[1..].join(" | "));
        rows.insert(row);
        // lograge accuses nobody else.
        let who = |told: &Told| told.alerts.get(*rule).cloned().unwrap_or_default();
        assert!(who(&lograge).is_subset(&who(&default)), "{rule}");
    }
    assert_eq!(rows, documented(RULES), "not as in the documentation");
}
