//! What to look at first, in words.

use tamis_detectors::Severity;

use super::Review;
use crate::render::columns::plural;

/// Events below which a share of failures says nothing.
const MIN_EVENTS: u64 = 20;

/// What to look at first: a line each, the most urgent first.
pub fn hints(review: &Review) -> Vec<String> {
    let mut hints = Vec::new();
    let unread = review.errors.len() as u64;
    if unread > 0 {
        hints.push(format!("{} could not be read: this review is not complete.", plural(unread, "input")));
    }
    for rule in review.alerts.rules.iter().filter(|rule| rule.severity >= Severity::Critical) {
        hints.push(format!("{} {}: find out whether it was the user.", rule.count, rule.rule));
    }
    let high: u64 =
        review.alerts.rules.iter().filter(|r| r.severity == Severity::High).map(|r| r.count).sum();
    if high > 0 {
        let first = review.sources.top.first().filter(|s| s.alerts > 0);
        let most = first.map_or_else(String::new, |s| format!(", most by {}", s.name));
        hints.push(format!("{} of high severity{most}.", plural(high, "alert")));
    }
    let sign_ins = ["user-login", "admin-login", "mfa-verify", "sso-login"];
    let (mut all, mut failed) = (0, 0);
    for action in review.events.actions.iter().filter(|a| sign_ins.contains(&a.action)) {
        all += action.success + action.failure + action.unknown;
        failed += action.failure;
    }
    if all >= MIN_EVENTS && failed * 5 >= all {
        hints.push(format!("{failed} of {all} sign-ins failed ({} %).", failed * 100 / all));
    }
    if let Some(rule) = review.left.rules.first() {
        let most = rule.files.first().map_or("", |f| &f.file);
        hints.push(format!(
            "{} that should not be in the logs; the worst: {} in {most}.",
            plural(review.summary.left, "value"),
            rule.rule,
        ));
    }
    if let Some(coturn) = &review.coturn
        && coturn.refused > coturn.new
    {
        let refused = plural(coturn.refused, "time");
        hints.push(format!(
            "coturn refused credentials {refused}, more than sessions began ({}).",
            coturn.new
        ));
    }
    hints
}
