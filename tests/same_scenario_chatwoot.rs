//! The same traffic as Rails' default log, as lograge's and as nginx's: the same actions, outcomes and alerts, but for
//! what a source cannot know. The tables of `docs/chatwoot-auth-tagger.md` say what that is, and this test holds them
//! to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

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
        if event["kind"] != "event" || json["log"].as_str().is_some_and(|l| l.contains("omniauth")) {
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

/// `default` and `other` differ in these: what the one says and what the other, `-` for nothing; how often, and once as
/// an example.
fn differences(default: &Told, other: &Told) -> BTreeMap<(String, String), (usize, String)> {
    let none = Vec::new();
    let mut found = BTreeMap::<(String, String), (usize, String)>::new();
    let (mut alone, mut others) = (Vec::new(), Vec::new());
    let ids: BTreeSet<&String> = default.events.keys().chain(other.events.keys()).collect();
    for id in ids {
        let mut there: Vec<&Event> = other.events.get(id).unwrap_or(&none).iter().collect();
        let mut here: Vec<&Event> = Vec::new();
        for event in default.events.get(id).unwrap_or(&none) {
            match there.iter().position(|e| e.what == event.what) {
                Some(at) => drop(there.remove(at)),
                None => here.push(event),
            }
        }
        // What is left of the same request was read in another way; what has no id is told by its path.
        while let (Some(_), Some(_)) = (here.first(), there.first()) {
            let (a, b) = (here.remove(0), there.remove(0));
            let entry = found.entry((a.what.clone(), b.what.clone())).or_insert((0, format!("{id} {}", a.path)));
            entry.0 += 1;
        }
        alone.extend(here.into_iter().map(|e| (id, e)));
        others.extend(there.into_iter().map(|e| (id, e)));
    }
    for (id, event) in alone {
        let b = match others.iter().position(|(_, e)| e.path == event.path && e.ip == event.ip) {
            Some(at) => others.remove(at).1.what.clone(),
            None => "-".to_owned(),
        };
        found.entry((event.what.clone(), b)).or_insert((0, format!("{id} {}", event.path))).0 += 1;
    }
    for (id, event) in others {
        found.entry(("-".to_owned(), event.what.clone())).or_insert((0, format!("{id} {}", event.path))).0 += 1;
    }
    found
}

fn log(name: &str) -> Vec<Vec<u8>> {
    chatwoot::lines(&chatwoot::corpus().into_iter().filter(|l| l.name == name).collect::<Vec<_>>())
}

#[test]
fn sources_agree_but_for_what_they_cannot_know() {
    let rails = log("rails-default.log");
    let by_id = |json: &Value| text(&json["http"]["request"]["id"]);
    let default = told(Encoding::Text, &rails, by_id);
    let lograge = told(Encoding::Text, &lograge(&rails), by_id);
    let nginx = told(Encoding::Json, &log("nginx-access-json.log"), |json| text(&json["request_id"]));
    for (name, other) in [("lograge", &lograge), ("nginx", &nginx)] {
        println!("{name}");
        for ((a, b), (count, example)) in differences(&default, other) {
            println!("  {a} -> {b}: {count} ({example})");
        }
    }
    for (name, told) in [("default", &default), ("lograge", &lograge), ("nginx", &nginx)] {
        println!("{name} {} {:?}", told.events.values().map(Vec::len).sum::<usize>(),
            told.alerts.iter().map(|(k, v)| (k, v.len(), v)).collect::<Vec<_>>());
    }
}
