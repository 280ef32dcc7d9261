//! Every rule at its threshold and just below, and what it does with time.

use super::*;
use crate::event::{Confidence, Source as From};

/// One event: second, action, outcome, user, address.
type Seen = (i64, Action, Outcome, &'static str, String);

fn ids(config: &AlertsConfig, seen: &[Seen]) -> Vec<&'static str> {
    let in_ms: Vec<Seen> = seen.iter().map(|(s, a, o, u, i)| (s * 1000, *a, *o, *u, i.clone())).collect();
    ids_ms(config, &in_ms)
}

/// As [`ids`], with times in milliseconds.
fn ids_ms(config: &AlertsConfig, seen: &[Seen]) -> Vec<&'static str> {
    let mut alerts = Alerts::new(config);
    let mut ids = Vec::new();
    for (ms, action, outcome, user, ip) in seen {
        let mut facts = Facts { source: From::Rails, time_ms: 1_700_000_000_000 + ms, ..Facts::default() };
        facts.user(user.as_bytes());
        facts.ip(ip.as_bytes());
        facts.path(format!("/p{ms}").as_bytes());
        let event = Event {
            action: *action,
            outcome: *outcome,
            reason: "",
            severity: 3,
            confidence: Confidence::High,
            sign_in: true,
            second_factor: false,
        };
        ids.extend(alerts.observe(&event, &facts, 0).iter().map(|a| a.rule.id));
    }
    ids
}

fn refused(n: i64, step: i64, user: impl Fn(i64) -> &'static str, ip: impl Fn(i64) -> String) -> Vec<Seen> {
    (0..n).map(|i| (i * step, Action::UserLogin, Outcome::Failure, user(i), ip(i))).collect()
}

const USERS: [&str; 12] =
    ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x", "g@x", "h@x", "i@x", "j@x", "k@x", "l@x"];

fn one_ip(_: i64) -> String {
    "192.0.2.1".to_owned()
}

#[test]
fn rules_fire_at_their_thresholds() {
    let config = AlertsConfig::default();
    let run = |seen: Vec<Seen>| ids(&config, &seen);
    let none: Vec<&str> = Vec::new();
    assert_eq!(run(refused(5, 74, |_| "a@x", one_ip)), ["brute-force-detected"]);
    assert_eq!(run(refused(5, 75, |_| "a@x", one_ip)), none, "the window is half open");
    assert_eq!(run(refused(4, 1, |_| "a@x", one_ip)), none);
    let spread = |i: i64| format!("192.0.2.{}", i % 5);
    assert_eq!(run(refused(10, 199, |_| "a@x", spread)), ["distributed-brute-force-detected"]);
    assert_eq!(run(refused(9, 199, |_| "a@x", spread)), none);
    let each = |i: i64| USERS[i as usize % 12];
    assert_eq!(run(refused(5, 70, each, one_ip)), ["credential-stuffing-detected"]);
    assert_eq!(run(refused(4, 70, each, one_ip)), none);
    assert_eq!(run(refused(8, 100, each, spread)), ["password-spraying-detected"]);
    assert_eq!(run(refused(7, 100, each, spread)), none);
    let of = |n: i64, action: Action| -> Vec<Seen> {
        (0..n).map(|i| (i, action, Outcome::Failure, "", one_ip(i))).collect()
    };
    assert_eq!(run(of(5, Action::MfaVerify)), ["mfa-brute-force-detected"]);
    assert_eq!(run(of(20, Action::ApiAuth)), ["api-token-abuse-detected"]);
    assert_eq!(run(of(19, Action::ApiAuth)), none);
    assert_eq!(run(of(15, Action::NotFound)), ["enumeration-detected"]);
    assert_eq!(run(of(10, Action::Suspicious)), ["web-scan-detected"]);
    assert_eq!(run(of(30, Action::AppError)), none);
    let mut taken = refused(5, 600, |_| "a@x", |i| format!("198.51.100.{i}"));
    taken.push((3500, Action::UserLogin, Outcome::Success, "A@x", "192.0.2.9".to_owned()));
    assert_eq!(run(taken.clone()), ["account-compromise-suspected"]);
    taken[5].0 = 3601;
    assert_eq!(run(taken), none);
}

/// Every rule: as many hits as it asks for, one less, and the last one just before, at and just after the end of the window.
#[test]
fn windows_and_thresholds_of_every_rule_are_sharp() {
    use Action::{AccessDenied, ApiAuth, MfaVerify, NotFound, Suspicious, UserLogin};
    let user = |i: i64| USERS[i as usize % 12];
    let one = |_: i64| "a@x";
    let five = |i: i64| format!("192.0.2.{}", i % 5);
    let alone = |i: i64| format!("198.51.100.{i}");
    type Rule = (&'static str, i64, i64, Action, fn(i64) -> &'static str, fn(i64) -> String);
    let rules: [Rule; 9] = [
        ("brute-force-detected", 5, 300, UserLogin, one, one_ip),
        ("distributed-brute-force-detected", 10, 1800, UserLogin, one, five),
        ("credential-stuffing-detected", 5, 300, UserLogin, user, one_ip),
        ("password-spraying-detected", 8, 900, UserLogin, user, alone),
        ("mfa-brute-force-detected", 5, 300, MfaVerify, one, one_ip),
        ("api-token-abuse-detected", 20, 60, ApiAuth, one, one_ip),
        ("enumeration-detected", 15, 60, NotFound, one, one_ip),
        ("enumeration-detected", 15, 60, AccessDenied, one, one_ip),
        ("web-scan-detected", 10, 60, Suspicious, one, one_ip),
    ];
    let config = AlertsConfig::default();
    for (rule, hits, window_s, action, user, ip) in rules {
        // All at once but the last one.
        let run = |hits: i64, last_ms: i64| {
            let seen: Vec<Seen> = (0..hits)
                .map(|i| {
                    let ms = if i + 1 == hits { last_ms } else { i };
                    (ms, action, Outcome::Failure, user(i), ip(i))
                })
                .collect();
            ids_ms(&config, &seen).contains(&rule)
        };
        let window_ms = window_s * 1000;
        assert!(run(hits, hits), "{rule}: enough");
        assert!(!run(hits - 1, hits), "{rule}: one less");
        assert!(run(hits, window_ms - 1), "{rule}: just within the window");
        assert!(!run(hits, window_ms), "{rule}: when the first one is over");
        assert!(!run(hits, window_ms + 1), "{rule}: after that");
    }
    // The ninth: a success after failures. The first of them is over after an hour.
    let run = |failures: i64, success_ms: i64| {
        let mut seen: Vec<Seen> =
            (0..failures).map(|i| (i, UserLogin, Outcome::Failure, "a@x", alone(i))).collect();
        seen.push((success_ms, UserLogin, Outcome::Success, "a@x", "192.0.2.9".to_owned()));
        ids_ms(&config, &seen) == ["account-compromise-suspected"]
    };
    assert!(run(5, 3_599_999) && !run(5, 3_600_000) && !run(5, 3_600_001) && !run(4, 10));
}

/// The limits of rules that have more than one.
#[test]
fn other_limits_of_rules_are_sharp() {
    let config = AlertsConfig::default();
    let has = |seen: Vec<Seen>, rule| ids(&config, &seen).contains(&rule);
    let user = |n: i64| move |i: i64| USERS[(i % n) as usize];
    let from = |n: i64| move |i: i64| format!("192.0.2.{}", i % n);
    // Two users are few, three are not.
    assert!(has(refused(6, 1, user(2), one_ip), "brute-force-detected"));
    assert!(!has(refused(6, 1, user(3), one_ip)[..5].to_vec(), "brute-force-detected"));
    // Five addresses are many, four are not.
    assert!(has(refused(12, 1, |_| "a@x", from(5)), "distributed-brute-force-detected"));
    assert!(!has(refused(12, 1, |_| "a@x", from(4)), "distributed-brute-force-detected"));
    assert!(has(refused(8, 1, user(8), from(5)), "password-spraying-detected"));
    assert!(!has(refused(8, 1, user(8), from(4)), "password-spraying-detected"));
    // Two tries each are few, three are not.
    assert!(has(refused(10, 1, user(5), one_ip), "credential-stuffing-detected"));
    let thrice: Vec<Seen> = refused(15, 1, |i| USERS[(i / 3) as usize], one_ip);
    assert!(!has(thrice[..14].to_vec(), "credential-stuffing-detected"));
    // Thirty seconds late is in time.
    let mut late = refused(4, 1, |_| "a@x", one_ip);
    late.push((330, Action::UserLogin, Outcome::Failure, "b@x", "192.0.2.77".to_owned()));
    late.push((4, Action::UserLogin, Outcome::Failure, "a@x", one_ip(0)));
    assert!(has(late, "brute-force-detected"));
}

#[test]
fn rules_can_be_off_and_have_other_thresholds() {
    let seen = refused(5, 1, |_| "a@x", one_ip);
    let mut config = AlertsConfig::default();
    config.brute_force.enabled = false;
    assert!(ids(&config, &seen).is_empty());
    config.brute_force = crate::config::BruteForce { failures: 3, ..Default::default() };
    assert_eq!(ids(&config, &seen[..3]), ["brute-force-detected"]);
    config.enabled = false;
    assert!(ids(&config, &seen).is_empty());
}

#[test]
fn one_alert_per_window_whatever_the_order() {
    let config = AlertsConfig::default();
    let seen = refused(40, 7, |_| "a@x", one_ip);
    assert_eq!(ids(&config, &seen), ["brute-force-detected"]);
    let mut late = seen[..5].to_vec();
    late.swap(0, 4);
    late.swap(1, 3);
    assert_eq!(ids(&config, &late), ["brute-force-detected"]);
}

#[test]
fn a_line_of_the_future_does_not_stop_the_clock() {
    let config = AlertsConfig::default();
    let mut seen = refused(5, 1, |_| "a@x", one_ip);
    seen.insert(2, (1_000_000, Action::UserLogin, Outcome::Failure, "a@x", one_ip(0)));
    assert_eq!(ids(&config, &seen), ["brute-force-detected"]);
}

#[test]
fn addresses_of_one_network_count_together() {
    let config = AlertsConfig::default();
    assert_eq!(
        ids(&config, &refused(5, 1, |_| "a@x", |i| format!("2001:db8:1:2::{i}"))),
        ["brute-force-detected"]
    );
    assert!(ids(&config, &refused(5, 1, |_| "a@x", |i| format!("2001:db8:1:{i}::1"))).is_empty());
    // Pseudonyms of whatever form.
    assert_eq!(
        ids(&config, &refused(5, 1, |_| "a@x", |_| "ip-k1-abcd".to_owned())),
        ["brute-force-detected"]
    );
}

#[test]
fn what_a_client_may_have_written_accuses_nobody() {
    let mut alerts = Alerts::new(&AlertsConfig::default());
    let event = Event {
        action: Action::UserLogin,
        outcome: Outcome::Failure,
        reason: "",
        severity: 3,
        confidence: Confidence::Low,
        sign_in: true,
        second_factor: false,
    };
    for _ in 0..50 {
        let mut facts = Facts { time_ms: 1_700_000_000_000, suspect: true, ..Facts::default() };
        facts.ip(b"192.0.2.1");
        assert!(alerts.observe(&event, &facts, 0).is_empty());
    }
}
