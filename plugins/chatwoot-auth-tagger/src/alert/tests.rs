//! Every rule at its threshold and just below, and what it does with time.

use super::*;
use crate::event::{Confidence, Source as From};

/// One event: second, action, outcome, user, address.
type Seen = (i64, Action, Outcome, &'static str, String);

fn ids(config: &AlertsConfig, seen: &[Seen]) -> Vec<&'static str> {
    let mut alerts = Alerts::new(config);
    let mut ids = Vec::new();
    for (second, action, outcome, user, ip) in seen {
        let mut facts =
            Facts { source: From::Rails, time_ms: 1_700_000_000_000 + second * 1000, ..Facts::default() };
        facts.user(user.as_bytes());
        facts.ip(ip.as_bytes());
        facts.path(format!("/p{second}").as_bytes());
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
