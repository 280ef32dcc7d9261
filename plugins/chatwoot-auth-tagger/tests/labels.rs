//! The recorded logs against their labels: what is found, missed, false, and which attacks raise which alerts.
//! `cargo test --release -p chatwoot-auth-tagger --test labels -- --nocapture` prints the tables;
//! `MISSES=40` prints so many misses and false events, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use chatwoot_auth_tagger::ChatwootAuthTagger;
use serde_json::Value;
use tamis_sdk::{Action, Encoding, Meta, Session};

const FILES: &[&str] = &[
    "rails-default.log",
    "rails-lograge.log",
    "rails-lograge-redis-down.log",
    "rails-legacy-ruby33.log",
    "rails-debug.log",
    "nginx-access.log",
    "nginx-access-json.log",
    "postgres.log",
    "sidekiq.log",
    "rails-file-untagged.log",
];

fn corpus(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/chatwoot").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn objects(name: &str) -> Vec<Value> {
    String::from_utf8(corpus(name)).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// The events of a file by line, and all that came out.
struct Tagged {
    events: BTreeMap<usize, Value>,
    out: Vec<String>,
}

fn run(lines: &[&[u8]], encoding: Encoding, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Tagged {
    let mut session = Session::<ChatwootAuthTagger>::new("", |k| k.resolve_from_process()).unwrap();
    let mut tagged = Tagged { events: BTreeMap::new(), out: Vec::new() };
    for (i, line) in lines.iter().enumerate() {
        let mut out = Vec::new();
        let body = wrap(line);
        let action = session.process(Meta { tag: b"t", timestamp_ns: 0 }, encoding, &body, &mut out);
        if encoding == Encoding::Text {
            assert_eq!(action, Action::ReplaceJson, "line {}", i + 1);
        } else if action == Action::Keep {
            out = body;
        }
        let text = String::from_utf8(out).unwrap();
        let json: Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("line {}: {e}: {text}", i + 1));
        if json["event"]["action"].is_string() {
            tagged.events.insert(i + 1, json);
        }
        tagged.out.push(text);
    }
    tagged
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[derive(Default)]
struct Score {
    expected: usize,
    found: usize,
    missed: usize,
    fals: usize,
    forged: usize,
    events: usize,
}

fn score(file: &str, lines: &[&[u8]], tagged: &Tagged, labels: &[Value], show: &mut usize) -> Score {
    let mut score = Score { events: tagged.events.len(), ..Score::default() };
    let mut labelled = HashSet::new();
    for label in labels.iter().filter(|l| text(&l["file"]) == file) {
        let line = label["line"].as_u64().unwrap() as usize;
        if label["expect"] == "none" {
            score.forged += usize::from(tagged.events.contains_key(&line));
            continue;
        }
        let all: Vec<usize> = match label["lines"].as_array() {
            Some(all) => all.iter().map(|n| n.as_u64().unwrap() as usize).collect(),
            None => vec![line],
        };
        labelled.extend(all.iter().copied().chain([line]));
        let right = |event: &Value| {
            let action = &event["event"]["action"];
            let alt = label["alt"].as_array().is_some_and(|alt| alt.contains(action));
            let outcome = event["event"]["outcome"] == label["outcome"]
                // A web server cannot see how a single sign-on has ended.
                || (event["event"]["outcome"] == "unknown" && file.starts_with("nginx"))
                || alt;
            // Not the label's: that is the client's, also where the log was made to tell another.
            let ip = event["source"]["ip"].as_str().is_none_or(|ip| {
                all.iter().any(|n| memchr::memmem::find(lines[n - 1], ip.as_bytes()).is_some())
                    || file == "postgres.log"
            });
            let signs_in =
                matches!(text(action), "user-login" | "admin-login" | "mfa-verify" | "mfa-challenge");
            let user = !signs_in
                || event["user"]["name"].is_null()
                || label["user"].is_null()
                || text(&event["user"]["name"]).eq_ignore_ascii_case(text(&label["user"]));
            user && (*action == label["action"] || alt) && outcome && ip
        };
        let found = all.iter().filter_map(|n| tagged.events.get(n)).any(right);
        if label["optional"] == true && !found {
            continue;
        }
        score.expected += 1;
        score.found += usize::from(found);
        if !found {
            score.missed += 1;
            if *show > 0 {
                *show -= 1;
                let got: Vec<_> =
                    all.iter().filter_map(|n| tagged.events.get(n)).map(|e| e["event"].to_string()).collect();
                println!(
                    "MISSED {file}:{line} {} {} {} {} got {got:?}",
                    label["action"], label["outcome"], label["status"], label["path"]
                );
            }
        }
    }
    for (line, event) in &tagged.events {
        if !labelled.contains(line) {
            score.fals += 1;
            if *show > 0 && !matches!(file, "rails-file-untagged.log") {
                *show -= 1;
                let raw = String::from_utf8_lossy(lines[line - 1]);
                println!(
                    "FALSE {file}:{line} {} {} {} {:.150}",
                    event["event"]["action"], event["event"]["outcome"], event["url"], raw
                );
            }
        }
    }
    score
}

#[test]
fn recorded_logs_match_their_labels() {
    let labels = objects("labels.jsonl");
    let attacks = objects("attacks.jsonl");
    let mut show = std::env::var("MISSES").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    println!("| file | expected | found | missed | false | forged believed | events | alerts |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut strangers = Vec::new();
    let mut per_attack = BTreeMap::<(String, String), Vec<String>>::new();
    for file in FILES {
        let bytes = corpus(file);
        let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
        let lines = &lines[..lines.len() - 1];
        let encoding = if file.ends_with("-json.log") { Encoding::Json } else { Encoding::Text };
        let tagged = run(lines, encoding, <[u8]>::to_vec);
        let s = score(file, lines, &tagged, &labels, &mut show);
        let mut alerts = HashMap::<&str, usize>::new();
        for event in tagged.events.values() {
            for alert in event["alerts"].as_array().into_iter().flatten() {
                *alerts.entry(text(&alert["rule"]["id"])).or_default() += 1;
            }
        }
        let mut alerts: Vec<_> = alerts.into_iter().collect();
        alerts.sort_unstable();
        println!(
            "| {file} | {} | {} | {} | {} | {} | {} | {alerts:?} |",
            s.expected, s.found, s.missed, s.fals, s.forged, s.events
        );
        for (line, event) in &tagged.events {
            for alert in event["alerts"].as_array().into_iter().flatten() {
                let by = [text(&alert["source"]["address"]), text(&alert["user"]["name"])];
                let of = |a: &Value| {
                    let within = |key: &str| {
                        a[key].as_array().is_some_and(|l| l.iter().any(|v| by.contains(&text(v))))
                    };
                    within("source_ips") || within("users")
                };
                if by != ["", ""] && !attacks.iter().any(of) {
                    strangers.push(format!("{file}:{line} {} {by:?}", alert["rule"]["id"]));
                }
            }
        }
        for attack in attacks.iter().filter(|a| text(&a["file"]) == *file) {
            let (first, last) = (
                attack["first_line"].as_u64().unwrap() as usize,
                attack["last_line"].as_u64().unwrap() as usize,
            );
            let ips: HashSet<&str> = attack["source_ips"].as_array().unwrap().iter().map(text).collect();
            let users: HashSet<&str> = attack["users"].as_array().unwrap().iter().map(text).collect();
            let mut rules: Vec<String> = Vec::new();
            for (_, event) in tagged.events.range(first..=last) {
                for alert in event["alerts"].as_array().into_iter().flatten() {
                    let by = [text(&alert["source"]["address"]), text(&alert["user"]["name"])];
                    let of = by.iter().any(|b| ips.contains(b) || users.contains(b))
                        || by == ["", ""]
                        || ips.contains(text(&event["source"]["ip"]));
                    let rule = text(&alert["rule"]["id"]).to_owned();
                    if of && !rules.contains(&rule) {
                        rules.push(rule);
                    }
                }
            }
            let statuses = attack["statuses"].to_string();
            let key = (text(&attack["attack"]).to_owned(), format!("{file}:{first} {statuses}"));
            per_attack.insert(key, rules);
        }
        assert_eq!(s.forged, 0, "{file}: forged lines believed");
        if *file != "rails-file-untagged.log" {
            assert!(s.found * 100 >= s.expected * 99, "{file}: {} of {} found", s.found, s.expected);
            assert!(s.fals * 200 <= s.events.max(200), "{file}: {} false of {}", s.fals, s.events);
        }
    }
    for ((attack, place), rules) in &per_attack {
        let expected = match attack.as_str() {
            "brute_force" | "super_admin_brute_force" => "brute-force-detected",
            "distributed_brute_force" => "distributed-brute-force-detected",
            "credential_stuffing" => "credential-stuffing-detected",
            "password_spraying" => "password-spraying-detected",
            "mfa_brute_force" => "mfa-brute-force-detected",
            "api_token_guessing" => "api-token-abuse-detected",
            "idor_enumeration" => "enumeration-detected",
            // lograge has neither address nor query of what is not routed.
            "web_probing" if !place.contains("lograge") => "web-scan-detected",
            _ => continue,
        };
        // Without Redis, sign-ins are answered with 500, which says nothing of the password.
        if place.starts_with("rails-lograge-redis-down") {
            continue;
        }
        // Too few refusals with a user before the throttle takes over.
        let short = attack == "distributed_brute_force" && place.contains("\"401\":5,");
        assert!(short || rules.iter().any(|r| r == expected), "{attack} {place}: {rules:?}");
    }
    println!("\nalerts of nobody who attacks: {strangers:#?}");
    println!("\n| attack | where | alerts |\n| --- | --- | --- |");
    for ((attack, place), rules) in &per_attack {
        println!("| {attack} | {place} | {} |", rules.join(", "));
    }
}
