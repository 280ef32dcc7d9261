//! The review for people at a terminal, at most [`WIDTH`] columns wide.

use std::fmt::Write;

use super::{
    Review,
    hints::hints,
    review::{KindCount, Ranking},
    sums::ALERTS,
};
use crate::{
    audit::hour,
    render::columns::{Style, WIDTH, cut, cut_start, more, not_read, plural, size, wrap},
};

/// Rows of a table.
const MAX_ROWS: usize = 20;
/// Steps of time.
const MAX_STEPS: usize = 24;
/// Columns of the bars over time.
const BAR: u64 = 50;

/// Write the review.
pub fn text(review: &Review, style: Style) -> String {
    let mut out = String::new();
    head(review, style, &mut out);
    alerts(review, style, &mut out);
    over_time(review, style, &mut out);
    actions(review, style, &mut out);
    ranking("Sources", &review.sources, style, &mut out);
    ranking("Users", &review.users, style, &mut out);
    coturn(review, style, &mut out);
    kinds("Removed by filters", &review.removed, style, &mut out);
    left(review, style, &mut out);
    files(review, style, &mut out);
    not_read("Left out", &review.skipped, MAX_ROWS, style, &mut out);
    not_read("Could not be read", &review.errors, MAX_ROWS, style, &mut out);
    out
}

fn head(review: &Review, style: Style, out: &mut String) {
    let s = &review.summary;
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{} read, {}, {}: {}, {}",
        plural(s.files, "file"),
        size(s.bytes),
        plural(s.lines, "line"),
        style.paint("1", &plural(s.events, "event")),
        style.paint("1", &plural(s.alerts, "alert"))
    );
    if let Some(period) = &review.period {
        let _ = writeln!(out, "{} to {}", period.first, period.last);
    }
    for hint in hints(review) {
        for (i, line) in wrap(&hint, WIDTH - 2).iter().enumerate() {
            let mark = if i == 0 { "!" } else { " " };
            let _ = writeln!(out, "{}", style.paint("33", &format!("{mark} {line}")));
        }
    }
}

fn alerts(review: &Review, style: Style, out: &mut String) {
    if review.alerts.rules.is_empty() {
        return;
    }
    style.title(out, "Alerts");
    let _ = writeln!(out, "{:8}  {:34} {:>7}", "SEVERITY", "RULE", "COUNT");
    for rule in &review.alerts.rules {
        let severity = style.severity(rule.severity, &format!("{:8}", rule.severity.label()));
        let _ = writeln!(out, "{severity}  {:34} {:>7}", rule.rule, rule.count);
    }
    let _ = writeln!(out, "\n{:20}  {:34} {:>6}  BY", "TIME", "RULE", "EVENTS");
    for alert in review.alerts.list.iter().take(MAX_ROWS) {
        let by = cut(&alert.by, WIDTH - 66);
        let _ = writeln!(out, "{:20}  {:34} {:>6}  {by}", alert.time, alert.rule, alert.count);
    }
    let all = review.alerts.list.len() as u64 + review.alerts.left_out;
    more(usize::try_from(all).unwrap_or(usize::MAX), MAX_ROWS, out);
}

fn over_time(review: &Review, style: Style, out: &mut String) {
    let Some(steps) = review.event_hours.steps(MAX_STEPS) else { return };
    style.title(out, "Events over time");
    let events = |counts: &[u64; 4]| counts[..ALERTS].iter().sum::<u64>();
    let max = steps.list.iter().map(|s| events(&s.counts)).max().unwrap_or(0).max(1);
    let _ = writeln!(out, "{:14} {:>7} {:>8} {:>6}", "FROM", "EVENTS", "FAILURES", "ALERTS");
    for step in &steps.list {
        if step.gap {
            out.push_str("...\n");
            continue;
        }
        let [_, failures, _, alerts] = step.counts;
        let events = events(&step.counts);
        let bar = "#".repeat(usize::try_from((events * BAR).div_ceil(max)).unwrap_or(0));
        let line = format!("{:14} {events:>7} {failures:>8} {alerts:>6}  {bar}", hour::label(step.hour));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if review.events.untimed > 0 {
        let _ = writeln!(out, "{} without a time", plural(review.events.untimed, "event"));
    }
}

fn actions(review: &Review, style: Style, out: &mut String) {
    if review.events.actions.is_empty() {
        return;
    }
    style.title(out, "Events by action");
    let _ = writeln!(out, "{:30} {:>8} {:>8} {:>8}", "ACTION", "SUCCESS", "FAILURE", "UNKNOWN");
    for a in &review.events.actions {
        let _ = writeln!(out, "{:30} {:>8} {:>8} {:>8}", a.action, a.success, a.failure, a.unknown);
    }
}

fn ranking(title: &str, ranking: &Ranking, style: Style, out: &mut String) {
    if ranking.top.is_empty() {
        return;
    }
    style.title(out, title);
    let _ = writeln!(out, "{:44} {:>8} {:>8} {:>7}  LAST", "NAME", "EVENTS", "FAILURES", "ALERTS");
    for row in &ranking.top {
        let name = cut(&row.name, 44);
        let (events, failures, alerts) = (row.events, row.failures, row.alerts);
        let _ = writeln!(out, "{name:44} {events:>8} {failures:>8} {alerts:>7}  {}", row.last);
    }
    let left_out = ranking.distinct.saturating_sub(ranking.top.len() as u64);
    if left_out > 0 {
        let _ = writeln!(out, "... and {}{left_out} more", if ranking.exact { "" } else { "at most " });
    }
}

fn coturn(review: &Review, style: Style, out: &mut String) {
    let Some(c) = &review.coturn else { return };
    style.title(out, "coturn sessions");
    let _ = writeln!(
        out,
        "{} new, {} refreshed, {} closed; credentials refused {}",
        c.new,
        c.refreshed,
        c.closed,
        plural(c.refused, "time")
    );
    let _ = writeln!(
        out,
        "clients: {} received, {} sent; peers: {} received, {} sent",
        size(c.bytes_received),
        size(c.bytes_sent),
        size(c.bytes_peer_received),
        size(c.bytes_peer_sent)
    );
    let _ = writeln!(
        out,
        "at most {} and {} of clients in a window; {} in all",
        plural(c.most_users, "user"),
        plural(c.most_client_networks, "network"),
        plural(c.windows, "window")
    );
    let errors: Vec<String> = c.errors.iter().map(|(code, count)| format!("{code}: {count}")).collect();
    if !errors.is_empty() {
        let _ = writeln!(out, "errors by STUN code: {}", errors.join(", "));
    }
}

fn kinds(title: &str, kinds: &[KindCount], style: Style, out: &mut String) {
    if kinds.is_empty() {
        return;
    }
    style.title(out, title);
    let _ = writeln!(out, "{:30} {:>9} {:>6}  MOST IN", "WHAT", "COUNT", "FILES");
    for kind in kinds.iter().take(MAX_ROWS) {
        let most = kind.files.first().map_or("", |f| &f.file);
        let most = cut_start(most, WIDTH - 50);
        let _ = writeln!(out, "{:30} {:>9} {:>6}  {most}", kind.kind, kind.count, kind.files.len());
    }
    more(kinds.len(), MAX_ROWS, out);
}

fn left(review: &Review, style: Style, out: &mut String) {
    let left = &review.left;
    if !left.rules.is_empty() {
        style.title(out, "Still in the logs");
        let _ = writeln!(out, "{:8}  {:24} {:>9} {:>6}  MOST IN", "SEVERITY", "WHAT", "COUNT", "FILES");
        for rule in &left.rules {
            let severity = style.severity(rule.severity, &format!("{:8}", rule.severity.label()));
            let most = rule.files.first().map_or("", |f| &f.file);
            let count = rule.count + rule.in_payloads;
            let _ = writeln!(
                out,
                "{severity}  {:24} {count:>9} {:>6}  {}",
                cut(&rule.rule, 24),
                rule.files.len(),
                cut_start(most, WIDTH - 54)
            );
        }
    }
    kinds("What coturn-ip-anonymizer would remove", &left.coturn, style, out);
}

fn files(review: &Review, style: Style, out: &mut String) {
    if review.files.is_empty() {
        return;
    }
    style.title(out, "Files");
    let _ = writeln!(
        out,
        "{:30} {:28} {:>8} {:>7} {:>6} {:>7} {:>7}",
        "FILE", "WHAT", "LINES", "EVENTS", "ALERTS", "REMOVED", "LEFT"
    );
    for f in review.files.iter().take(MAX_ROWS) {
        let _ = writeln!(
            out,
            "{:30} {:28} {:>8} {:>7} {:>6} {:>7} {:>7}",
            cut_start(&f.file, 30),
            cut(&f.contents.join(", "), 28),
            f.lines,
            f.events,
            f.alerts,
            f.removed,
            f.left
        );
    }
    more(review.files.len(), MAX_ROWS, out);
}
