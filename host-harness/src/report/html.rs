//! The review as one HTML page.

use std::fmt::Write;

use super::{
    Review,
    hints::hints,
    hours::{Step, Steps},
    review::{KindCount, Ranking},
    sums::ALERTS,
};
use crate::{
    audit::hour,
    render::{
        chart::{self, Column, highest},
        columns::{plural, size},
        html::{close, end_table, esc, not_read, open, row, table, tile},
    },
};

const STYLE: &str = include_str!("report.css");
/// Rows of a table: browsers stay quick with that many.
const MAX_ROWS: usize = 1000;
/// Alerts that are listed.
const MAX_ALERTS: usize = 25;
/// Columns of a chart over time.
const MAX_COLUMNS: usize = 96;

/// Write the page.
pub fn html(review: &Review) -> String {
    let mut out = String::new();
    open("tamis report", STYLE, &mut out);
    head(review, &mut out);
    alerts(review, &mut out);
    over_time(review, &mut out);
    actions(review, &mut out);
    out.push_str("<div class=\"pair\">\n");
    ranking("Sources", "Source", &review.sources, &mut out);
    ranking("Users", "User", &review.users, &mut out);
    out.push_str("</div>\n");
    last_alerts(review, &mut out);
    coturn(review, &mut out);
    removed(review, &mut out);
    left(review, &mut out);
    files(review, &mut out);
    not_read("Could not be read", &review.errors, MAX_ROWS, &mut out);
    not_read("Left out", &review.skipped, MAX_ROWS, &mut out);
    close(&footer(review), &mut out);
    out
}

fn footer(review: &Review) -> String {
    let p = &review.pseudonyms;
    let addresses = match p.addresses {
        "truncate" => "addresses are shown by their network",
        "token" => "addresses are tokens",
        _ => "this page shows addresses as the logs have them: keep it like the logs",
    };
    let users = match p.users {
        "token" => "users are tokens",
        _ => "this page shows users as the logs have them: keep it like the logs",
    };
    let key = match p.key_id.as_str() {
        "report" => "of a key that is gone",
        _ => "of your key",
    };
    let key = if p.users == "token" || p.addresses == "token" { format!(" {key}") } else { String::new() };
    format!("{addresses}; {users}{key}; times are UTC")
}

fn head(review: &Review, out: &mut String) {
    let s = &review.summary;
    out.push_str("<h1>tamis report</h1>\n");
    // Writing to a String cannot fail.
    let _ = match &review.period {
        Some(p) if p.first == p.last => writeln!(out, "<p>{}</p>", esc(&p.first)),
        Some(p) => writeln!(out, "<p>{} to {}</p>", esc(&p.first), esc(&p.last)),
        None => writeln!(out, "<p>No event with a time.</p>"),
    };
    out.push_str("<ul class=\"tiles\">\n");
    let worst = review.alerts.rules.first().map_or("", |rule| rule.severity.label());
    let left = review.left.rules.first().map_or("", |rule| rule.severity.label());
    let mut count = |count: u64, label: &str, class: &str| {
        if count > 0 || !class.is_empty() {
            tile(&count.to_string(), label, class, out);
        }
    };
    count(s.alerts, "alerts", worst);
    count(s.events, "events", "");
    count(s.failures, "failures", "");
    count(s.sources, "sources", "");
    count(s.users, "users", "");
    count(s.sessions, "coturn sessions", "");
    count(s.removed, "removed by filters", "");
    count(s.left, "still in the logs", left);
    count(s.files, "files", "");
    count(s.lines, "lines", "");
    tile(&size(s.bytes), "read", "", out);
    out.push_str("</ul>\n");
    let hints = hints(review);
    if !hints.is_empty() {
        out.push_str("<section>\n<h2>What to look at first</h2>\n<ul class=\"hints\">\n");
        for hint in hints {
            let _ = writeln!(out, "<li>{}</li>", esc(&hint));
        }
        out.push_str("</ul>\n</section>\n");
    }
}

fn alerts(review: &Review, out: &mut String) {
    let alerts = &review.alerts;
    out.push_str("<section>\n<h2>Alerts</h2>\n");
    if alerts.rules.is_empty() {
        out.push_str("<p>None.</p>\n</section>\n");
        return;
    }
    let heads = ["Rule", "Severity", "Count#"];
    table("Alerts per rule, the most severe first", &heads, out);
    for rule in &alerts.rules {
        let cells = [rule.rule.to_owned(), rule.severity.label().to_owned(), rule.count.to_string()];
        row(&heads, &cells, out);
    }
    end_table(0, out);
    out.push_str("</section>\n");
}

fn last_alerts(review: &Review, out: &mut String) {
    let alerts = &review.alerts;
    if alerts.list.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Last alerts</h2>\n");
    let heads = ["Time", "Rule", "Severity", "By", "Events#", "Since", "File"];
    table("The last alerts, newest first", &heads, out);
    for alert in alerts.list.iter().take(MAX_ALERTS) {
        let cells = [
            alert.time.clone(),
            alert.rule.to_owned(),
            alert.severity.label().to_owned(),
            alert.by.clone(),
            alert.count.to_string(),
            alert.since.clone(),
            alert.file.clone(),
        ];
        row(&heads, &cells, out);
    }
    end_table((alerts.list.len().saturating_sub(MAX_ALERTS)) as u64 + alerts.left_out, out);
    out.push_str("</section>\n");
}

/// The length of a step, in words.
fn length(hours: u64) -> String {
    match hours {
        1 => "hour".to_owned(),
        24 => "day".to_owned(),
        h if h % 24 == 0 => format!("{} days", h / 24),
        h => format!("{h} hours"),
    }
}

/// Columns of steps: `column` gives the title, without the time, and the heights.
fn columns<const N: usize>(
    steps: &Steps<N>,
    column: impl Fn(&[u64; N]) -> (String, Vec<u64>),
) -> Vec<Column> {
    let each = |step: &Step<N>| {
        let (title, heights) = column(&step.counts);
        let from = hour::label(step.hour);
        let title = if step.gap { format!("nothing from {from} on") } else { format!("{from}: {title}") };
        Column { title, heights, gap: step.gap }
    };
    steps.list.iter().map(each).collect()
}

/// A chart, with what stands below it.
fn chart<const N: usize>(
    what: &str,
    steps: &Steps<N>,
    classes: &[&str],
    columns: &[Column],
    out: &mut String,
) {
    let (max, length) = (highest(columns), length(steps.hours));
    let label = |hour: Option<u64>| hour.map(hour::label).unwrap_or_default();
    let first = label(steps.list.first().map(|s| s.hour));
    let last = label(steps.list.last().map(|s| s.hour));
    chart::columns(
        &format!("{what} per {length} from {first} to {last}, at most {max}"),
        classes,
        columns,
        out,
    );
    let gaps = if columns.iter().any(|c| c.gap) { "; grey: a longer time without any" } else { "" };
    let _ = writeln!(
        out,
        "<p class=\"axis\"><span>{first}</span> <span>per {length}, at most {max}{gaps}</span> <span>{last}</span></p>",
    );
}

fn over_time(review: &Review, out: &mut String) {
    let Some(steps) = &review.event_hours.steps(MAX_COLUMNS) else { return };
    out.push_str("<section>\n<h2>Events over time</h2>\n");
    let outcomes = columns(steps, |[success, failure, unknown, _]| {
        let title = format!("{success} success, {failure} failure, {unknown} unknown");
        (title, vec![*success, *unknown, *failure])
    });
    chart("Events by outcome", steps, &["good", "none", "high"], &outcomes, out);
    chart::legend(&[("good", "success"), ("high", "failure"), ("none", "unknown")], out);
    if review.summary.alerts > 0 {
        out.push_str("<h3>Alerts over time</h3>\n");
        let alerts = columns(steps, |counts| (format!("{} alerts", counts[ALERTS]), vec![counts[ALERTS]]));
        chart("Alerts", steps, &["critical"], &alerts, out);
    }
    let heads = ["From", "Success#", "Failure#", "Unknown#", "Alerts#"];
    let _ = writeln!(out, "<details>\n<summary>The numbers per {}</summary>", length(steps.hours));
    table("Events over time", &heads, out);
    for step in steps.list.iter().filter(|s| s.counts.iter().any(|n| *n > 0)) {
        let [success, failure, unknown, alerts] = step.counts.map(|n| n.to_string());
        row(&heads, &[hour::label(step.hour), success, failure, unknown, alerts], out);
    }
    end_table(0, out);
    out.push_str("</details>\n");
    if review.events.untimed > 0 {
        let _ = writeln!(out, "<p>{} without a time</p>", plural(review.events.untimed, "event"));
    }
    out.push_str("</section>\n");
}

fn actions(review: &Review, out: &mut String) {
    if review.events.actions.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Events by action</h2>\n");
    let heads = ["Action", "Success#", "Failure#", "Unknown#"];
    table("Events by action and outcome, most first", &heads, out);
    for a in &review.events.actions {
        let cells =
            [a.action.to_owned(), a.success.to_string(), a.failure.to_string(), a.unknown.to_string()];
        row(&heads, &cells, out);
    }
    end_table(0, out);
    out.push_str("</section>\n");
}

fn ranking(title: &str, head: &str, ranking: &Ranking, out: &mut String) {
    if ranking.top.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", esc(title));
    let heads = [head, "Alerts#", "Failures#", "Events#", "Last"];
    let least = if ranking.exact { "" } else { "at most " };
    table(&format!("The first {} of {least}{}", ranking.top.len(), ranking.distinct), &heads, out);
    for r in &ranking.top {
        let cells = [
            r.name.clone(),
            r.alerts.to_string(),
            r.failures.to_string(),
            r.events.to_string(),
            r.last.clone(),
        ];
        row(&heads, &cells, out);
    }
    end_table(0, out);
    out.push_str("</section>\n");
}

fn coturn(review: &Review, out: &mut String) {
    let Some(c) = &review.coturn else { return };
    out.push_str("<section>\n<h2>coturn sessions</h2>\n<ul class=\"tiles\">\n");
    for (count, label) in [
        (c.new, "new"),
        (c.refreshed, "refreshed"),
        (c.closed, "closed"),
        (c.refused, "credentials refused"),
        (c.most_users, "users in a window, at most"),
        (c.most_client_networks, "client networks in a window, at most"),
    ] {
        tile(&count.to_string(), label, "", out);
    }
    for (bytes, label) in [
        (c.bytes_received, "from clients"),
        (c.bytes_sent, "to clients"),
        (c.bytes_peer_received, "from peers"),
        (c.bytes_peer_sent, "to peers"),
    ] {
        tile(&size(bytes), label, "", out);
    }
    out.push_str("</ul>\n");
    if let Some(steps) = &review.session_hours.steps(MAX_COLUMNS) {
        let sessions = columns(steps, |[new, closed, errors]| {
            (format!("{new} new, {closed} closed, {errors} errors"), vec![*new, *errors])
        });
        chart("New sessions and errors", steps, &["low", "high"], &sessions, out);
        chart::legend(&[("low", "new sessions"), ("high", "errors and refused credentials")], out);
    }
    if !c.errors.is_empty() {
        let heads = ["STUN error", "Requests#"];
        table("Requests by the STUN error that answered them", &heads, out);
        for (code, count) in &c.errors {
            row(&heads, &[code.to_string(), count.to_string()], out);
        }
        end_table(0, out);
    }
    out.push_str("</section>\n");
}

fn kinds(caption: &str, kinds: &[KindCount], out: &mut String) {
    let heads = ["What", "Count#", "Files#", "Most in"];
    table(caption, &heads, out);
    for kind in kinds.iter().take(MAX_ROWS) {
        let most = kind.files.first().map(|f| format!("{} ({})", f.file, f.count)).unwrap_or_default();
        let cells = [kind.kind.to_owned(), kind.count.to_string(), kind.files.len().to_string(), most];
        row(&heads, &cells, out);
    }
    end_table(0, out);
}

fn removed(review: &Review, out: &mut String) {
    if review.removed.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Removed by filters</h2>\n");
    kinds("Values that filters have removed, by kind", &review.removed, out);
    out.push_str("</section>\n");
}

fn left(review: &Review, out: &mut String) {
    let left = &review.left;
    out.push_str("<section>\n<h2>Still in the logs</h2>\n");
    if !left.scanned {
        out.push_str("<p>The files were not scanned for it.</p>\n");
    } else if left.rules.is_empty() && left.coturn.is_empty() {
        out.push_str("<p>Nothing that tamis audit knows.</p>\n");
    }
    if !left.rules.is_empty() {
        let bars = left.rules.iter().map(|r| (r.rule.clone(), r.count + r.in_payloads, r.severity.label()));
        chart::bars("By detector", bars.collect(), out);
        let heads = ["What", "Severity", "Count#", "In payloads#", "Files#", "Most in"];
        table("Values that should not be there, by the detector that finds them", &heads, out);
        for rule in &left.rules {
            let most = rule.files.first().map(|f| format!("{} ({})", f.file, f.count)).unwrap_or_default();
            let cells = [
                rule.rule.clone(),
                rule.severity.label().to_owned(),
                rule.count.to_string(),
                rule.in_payloads.to_string(),
                rule.files.len().to_string(),
                most,
            ];
            row(&heads, &cells, out);
        }
        end_table(0, out);
    }
    if !left.coturn.is_empty() {
        kinds("What coturn-ip-anonymizer would remove from coturn's logs", &left.coturn, out);
    }
    out.push_str("</section>\n");
}

fn files(review: &Review, out: &mut String) {
    if review.files.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Files</h2>\n");
    let heads = ["File", "What", "Lines#", "Events#", "Alerts#", "Removed#", "Still there#"];
    table("What was read", &heads, out);
    for f in review.files.iter().take(MAX_ROWS) {
        let cells = [
            f.file.clone(),
            f.contents.join(", "),
            f.lines.to_string(),
            f.events.to_string(),
            f.alerts.to_string(),
            f.removed.to_string(),
            f.left.to_string(),
        ];
        row(&heads, &cells, out);
    }
    end_table(review.files.len().saturating_sub(MAX_ROWS) as u64, out);
    out.push_str("</section>\n");
}
