//! The review: what `--format json` writes and the other formats are made from. Its names are an interface; what
//! they mean is in `docs/report.md`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use tamis_detectors::Severity;

use super::{
    Addresses, Options, Users,
    event::Outcome,
    hours::Hours,
    session::{self, Sessions},
    sums::{ALERTS, Kinds, Sums},
    top::Top,
};
use crate::audit::{
    Report, hour,
    report::{FileCount, RuleCount, Tool},
    walk::NotScanned,
};

/// The name of this interface. Fields may be added; anything else gets another number.
pub const SCHEMA: &str = "tamis-report/1";

/// All that is reported.
#[derive(Debug, Clone, Serialize)]
pub struct Review {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The program.
    pub tool: Tool,
    /// How names are shown.
    pub pseudonyms: Pseudonyms,
    /// The hours of the first and last event or session, as in `2026-11-21T00Z`; not there without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Totals.
    pub summary: Summary,
    /// Alerts.
    pub alerts: Alerts,
    /// Events.
    pub events: Events,
    /// Where events came from.
    pub sources: Ranking,
    /// Whom events were about.
    pub users: Ranking,
    /// Sessions of coturn; not there without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coturn: Option<CoturnSessions>,
    /// What filters have removed.
    pub removed: Vec<KindCount>,
    /// What is still there.
    pub left: Left,
    /// What was read.
    pub files: Vec<FileInfo>,
    /// What was left out on purpose.
    pub skipped: Vec<NotScanned>,
    /// What could not be read.
    pub errors: Vec<NotScanned>,
    #[serde(skip)]
    pub(super) event_hours: Hours<4>,
    #[serde(skip)]
    pub(super) session_hours: Hours<3>,
}

/// How names are shown.
#[derive(Debug, Clone, Serialize)]
pub struct Pseudonyms {
    /// `truncate`, `token` or `keep`.
    pub addresses: &'static str,
    /// `token` or `keep`.
    pub users: &'static str,
    /// The id of the key of tokens; `report` is a key that was made for this report and is gone.
    pub key_id: String,
}

/// From when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first hour.
    pub first: String,
    /// The last hour.
    pub last: String,
}

/// Totals.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Files read.
    pub files: u64,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Events that failed.
    pub failures: u64,
    /// Alerts.
    pub alerts: u64,
    /// Sources of events.
    pub sources: u64,
    /// Users that events were about.
    pub users: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Values that filters have removed.
    pub removed: u64,
    /// Values that are still there and should not be.
    pub left: u64,
}

/// Alerts.
#[derive(Debug, Clone, Serialize)]
pub struct Alerts {
    /// Per rule, the most severe first.
    pub rules: Vec<AlertRule>,
    /// The last ones, newest first.
    pub list: Vec<Alert>,
    /// Alerts that are not in the list.
    pub left_out: u64,
}

/// Alerts of a rule.
#[derive(Debug, Clone, Serialize)]
pub struct AlertRule {
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How many.
    pub count: u64,
}

/// An alert.
#[derive(Debug, Clone, Serialize)]
pub struct Alert {
    /// The time of the last event, RFC 3339; empty if not known.
    pub time: String,
    /// The time of the first.
    pub since: String,
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The source or user that raised it; empty if all together did.
    pub by: String,
    /// Events in the window.
    pub count: u64,
    /// The file it is in.
    pub file: String,
}

/// Events.
#[derive(Debug, Clone, Serialize)]
pub struct Events {
    /// Per action, most first.
    pub actions: Vec<ActionCount>,
    /// Hours with events or alerts, in order.
    pub hours: Vec<Hour>,
    /// Events without a time.
    pub untimed: u64,
}

/// Events of an action.
#[derive(Debug, Clone, Serialize)]
pub struct ActionCount {
    /// What happened.
    pub action: &'static str,
    /// It worked.
    pub success: u64,
    /// It did not.
    pub failure: u64,
    /// The log does not tell.
    pub unknown: u64,
}

/// Events of an hour.
#[derive(Debug, Clone, Serialize)]
pub struct Hour {
    /// As in `2026-11-21T00Z`.
    pub hour: String,
    /// Events that worked.
    pub success: u64,
    /// Events that did not.
    pub failure: u64,
    /// Events of which the log does not tell.
    pub unknown: u64,
    /// Alerts.
    pub alerts: u64,
}

/// Who was behind the most.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// How many there are.
    pub distinct: u64,
    /// Whether that is exact; else there may be less.
    pub exact: bool,
    /// Those with most alerts, then failures, then events.
    pub top: Vec<Ranked>,
}

/// A source or a user.
#[derive(Debug, Clone, Serialize)]
pub struct Ranked {
    /// Its name as `pseudonyms` says.
    pub name: String,
    /// Events.
    pub events: u64,
    /// Those that failed.
    pub failures: u64,
    /// Alerts.
    pub alerts: u64,
    /// The hour of the last event; empty if not known.
    pub last: String,
}

/// Sessions of coturn.
#[derive(Debug, Clone, Serialize)]
pub struct CoturnSessions {
    /// Summaries that this is the sum of.
    pub windows: u64,
    /// Session events.
    pub events: u64,
    /// Allocations made.
    pub new: u64,
    /// Allocations refreshed.
    pub refreshed: u64,
    /// Sessions closed.
    pub closed: u64,
    /// Credentials refused.
    pub refused: u64,
    /// Bytes received from clients.
    pub bytes_received: u64,
    /// Bytes sent to clients.
    pub bytes_sent: u64,
    /// Bytes received from peers.
    pub bytes_peer_received: u64,
    /// Bytes sent to peers.
    pub bytes_peer_sent: u64,
    /// Most users in a window.
    pub most_users: u64,
    /// Most networks of clients in a window.
    pub most_client_networks: u64,
    /// Requests by the STUN error that answered them.
    pub errors: BTreeMap<u16, u64>,
    /// Hours with sessions, in order.
    pub hours: Vec<SessionHour>,
    /// Events of sessions without a time of day: new, closed, and errors.
    pub untimed: u64,
}

/// Sessions of an hour.
#[derive(Debug, Clone, Serialize)]
pub struct SessionHour {
    /// As in `2026-11-21T00Z`.
    pub hour: String,
    /// Allocations made.
    pub new: u64,
    /// Sessions closed.
    pub closed: u64,
    /// Requests answered by an error, and refused credentials.
    pub errors: u64,
}

/// Values of a kind.
#[derive(Debug, Clone, Serialize)]
pub struct KindCount {
    /// The kind: a counter or detector of a filter.
    pub kind: &'static str,
    /// How many.
    pub count: u64,
    /// Per file, most first.
    pub files: Vec<FileCount>,
}

/// What is still in the logs.
#[derive(Debug, Clone, Serialize)]
pub struct Left {
    /// Whether files were scanned for it.
    pub scanned: bool,
    /// What `tamis audit` finds, per rule, the most severe first.
    pub rules: Vec<RuleCount>,
    /// What coturn-ip-anonymizer would take from coturn's logs.
    pub coturn: Vec<KindCount>,
}

/// A file that was read.
#[derive(Debug, Clone, Serialize)]
pub struct FileInfo {
    /// The file.
    pub file: String,
    /// What is in it.
    pub contents: Vec<&'static str>,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Alerts.
    pub alerts: u64,
    /// Values that filters have removed.
    pub removed: u64,
    /// Values that are still there and should not be.
    pub left: u64,
}

impl Review {
    pub(super) fn new(found: Report, sums: Sums, options: &Options, names: &[String]) -> Self {
        let file = |input: usize| names.get(input).cloned().unwrap_or_default();
        let kinds = |kinds: &Kinds| kinds_of(kinds, names);
        let removed = kinds(&sums.removed);
        let left = Left {
            scanned: options.scan,
            rules: rules_of(found.rules, &sums, names),
            coturn: kinds(&sums.removable),
        };
        let mut files: Vec<FileInfo> = Vec::new();
        let mut of_file = Files::new(&removed, &left);
        let inputs: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
        // One entry each, in the same order.
        for (info, loggers) in found.files.into_iter().zip(found.loggers) {
            let sums = inputs.get(info.file.as_str()).and_then(|input| sums.inputs.get(input));
            let mut contents = Vec::new();
            if let Some(sums) = sums {
                let all = [
                    (sums.tagged, "events"),
                    (sums.raw_events, "Chatwoot log"),
                    (sums.coturn, "coturn log"),
                    (sums.summaries, "coturn summaries"),
                ];
                contents.extend(all.iter().filter(|(is, _)| *is).map(|(_, name)| *name));
            }
            if contents.is_empty() {
                contents.extend(loggers.loggers.first().map(|l| l.name));
            }
            files.push(FileInfo {
                contents,
                bytes: info.bytes,
                lines: info.lines,
                events: sums.map_or(0, |s| s.events),
                alerts: sums.map_or(0, |s| s.alerts),
                removed: of_file.removed.remove(info.file.as_str()).unwrap_or(0),
                left: of_file.left.remove(info.file.as_str()).unwrap_or(0),
                file: info.file,
            });
        }
        let actions = actions(&sums);
        let sources = ranking(&sums.sources, options.top);
        let users = ranking(&sums.users, options.top);
        let rules = alert_rules(&sums);
        let summary = Summary {
            files: files.len() as u64,
            bytes: files.iter().map(|f| f.bytes).sum(),
            lines: files.iter().map(|f| f.lines).sum(),
            events: actions.iter().map(|a| a.success + a.failure + a.unknown).sum(),
            failures: actions.iter().map(|a| a.failure).sum(),
            alerts: rules.iter().map(|r| r.count).sum(),
            sources: sources.distinct,
            users: users.distinct,
            sessions: sums.sessions.new,
            removed: removed.iter().map(|k| k.count).sum(),
            left: files.iter().map(|f| f.left).sum(),
        };
        Self {
            schema: SCHEMA,
            tool: found.tool,
            pseudonyms: pseudonyms(options),
            period: period(&sums.hours, &sums.sessions.hours),
            summary,
            alerts: Alerts { rules, left_out: sums.alerts_left_out, list: alerts(&sums, file) },
            events: Events {
                actions,
                hours: event_hours(&sums.hours),
                untimed: sums.hours.untimed[..ALERTS].iter().sum(),
            },
            sources,
            users,
            session_hours: sums.sessions.hours.clone(),
            coturn: (sums.sessions.windows > 0).then(|| coturn(sums.sessions)),
            removed,
            left,
            files,
            skipped: found.skipped,
            errors: found.errors,
            event_hours: sums.hours,
        }
    }

    /// Whether there is an alert of this severity or worse.
    pub fn alerts_at(&self, severity: Severity) -> bool {
        self.alerts.rules.iter().any(|rule| rule.severity >= severity)
    }

    /// The review as JSON.
    ///
    /// # Errors
    /// Never for a review; the type cannot say so.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|mut text| {
            text.push('\n');
            text
        })
    }
}

/// The rules without the payloads of tasks in logs that hold no tasks: what a web server or a relay prints as JSON is
/// none, what is in it counts all the same.
fn rules_of(mut rules: Vec<RuleCount>, sums: &Sums, names: &[String]) -> Vec<RuleCount> {
    let no_tasks = |input: &&usize| {
        sums.inputs.get(*input).is_some_and(|s| s.tagged || s.raw_events || s.coturn || s.summaries)
    };
    let others: BTreeSet<&str> =
        sums.inputs.keys().filter(no_tasks).filter_map(|i| names.get(*i)).map(String::as_str).collect();
    for rule in rules.iter_mut().filter(|rule| rule.kind == "payload") {
        rule.files.retain(|f| !others.contains(f.file.as_str()));
        rule.count = rule.files.iter().map(|f| f.count).sum();
    }
    rules.retain(|rule| rule.count + rule.in_payloads > 0);
    rules
}

/// Values per file.
struct Files<'r> {
    removed: BTreeMap<&'r str, u64>,
    left: BTreeMap<&'r str, u64>,
}

impl<'r> Files<'r> {
    fn new(removed: &'r [KindCount], left: &'r Left) -> Self {
        let sum = |counts: &mut dyn Iterator<Item = &'r FileCount>| {
            let mut sums: BTreeMap<&'r str, u64> = BTreeMap::new();
            for FileCount { file, count } in counts {
                *sums.entry(file).or_default() += count;
            }
            sums
        };
        // What the scan does not know, such as user names, beside what it does.
        let coturn = left.coturn.iter().filter(|k| !SCANNED_TOO.contains(&k.kind)).flat_map(|k| &k.files);
        Self {
            removed: sum(&mut removed.iter().flat_map(|k| &k.files)),
            left: sum(&mut left.rules.iter().flat_map(|r| &r.files).chain(coturn)),
        }
    }
}

/// What of coturn-ip-anonymizer's counts the scan finds, too.
const SCANNED_TOO: [&str; 4] = ["ip", "host_name", "secret", "aggregated"];

fn pseudonyms(options: &Options) -> Pseudonyms {
    Pseudonyms {
        addresses: match options.addresses {
            Addresses::Truncate => "truncate",
            Addresses::Token => "token",
            Addresses::Keep => "keep",
        },
        users: match options.users {
            Users::Token => "token",
            Users::Keep => "keep",
        },
        key_id: options.key.as_ref().map_or("report", |key| key.id()).to_owned(),
    }
}

fn period(events: &Hours<4>, sessions: &Hours<3>) -> Option<Period> {
    let hours = || events.hours.keys().chain(sessions.hours.keys());
    Some(Period { first: hour::label(*hours().min()?), last: hour::label(*hours().max()?) })
}

fn kinds_of(kinds: &Kinds, names: &[String]) -> Vec<KindCount> {
    let mut list: Vec<KindCount> = kinds
        .iter()
        .map(|(kind, per)| {
            let count = |(input, count): (&usize, &u64)| {
                Some(FileCount { file: names.get(*input)?.clone(), count: *count })
            };
            let mut files: Vec<FileCount> = per.inputs.iter().filter_map(count).collect();
            files.sort_by(|a, b| (b.count, &a.file).cmp(&(a.count, &b.file)));
            KindCount { kind, count: per.count, files }
        })
        .collect();
    list.sort_by(|a, b| (b.count, a.kind).cmp(&(a.count, b.kind)));
    list
}

fn actions(sums: &Sums) -> Vec<ActionCount> {
    let count = |counts: &[u64; 3], outcome: Outcome| counts[outcome as usize];
    let mut list: Vec<ActionCount> = sums
        .actions
        .iter()
        .map(|(action, counts)| ActionCount {
            action,
            success: count(counts, Outcome::Success),
            failure: count(counts, Outcome::Failure),
            unknown: count(counts, Outcome::Unknown),
        })
        .collect();
    list.sort_by_key(|a| (std::cmp::Reverse(a.success + a.failure + a.unknown), a.action));
    list
}

fn ranking(top: &Top, rows: usize) -> Ranking {
    let (distinct, exact) = top.distinct();
    let ranked = top.first(rows).into_iter().map(|(name, counts)| Ranked {
        name: name.to_owned(),
        events: counts.events,
        failures: counts.failures,
        alerts: counts.alerts,
        last: if counts.last_hour > 0 { hour::label(counts.last_hour) } else { String::new() },
    });
    Ranking { distinct, exact, top: ranked.collect() }
}

fn alert_rules(sums: &Sums) -> Vec<AlertRule> {
    let rules = sums.rules.iter().map(|(rule, (severity, count))| AlertRule {
        rule,
        severity: *severity,
        count: *count,
    });
    let mut rules: Vec<AlertRule> = rules.collect();
    rules.sort_by(|a, b| (b.severity, b.count, a.rule).cmp(&(a.severity, a.count, b.rule)));
    rules
}

fn alerts(sums: &Sums, file: impl Fn(usize) -> String) -> Vec<Alert> {
    let time = |ms: Option<u64>| ms.map_or_else(String::new, |ms| hour::second(ms / 1000));
    let mut named: Vec<_> = sums.alerts.iter().collect();
    named.sort_by_key(|n| std::cmp::Reverse(n.alert.last_ms));
    let alert = |named: &super::sums::NamedAlert| Alert {
        time: time(named.alert.last_ms),
        since: time(named.alert.first_ms),
        rule: named.alert.rule,
        severity: named.alert.severity,
        by: named.by.clone(),
        count: named.alert.count,
        file: file(named.input),
    };
    named.into_iter().map(alert).collect()
}

fn event_hours(hours: &Hours<4>) -> Vec<Hour> {
    let hour = |(hour, counts): (&u64, &[u64; 4])| Hour {
        hour: hour::label(*hour),
        success: counts[Outcome::Success as usize],
        failure: counts[Outcome::Failure as usize],
        unknown: counts[Outcome::Unknown as usize],
        alerts: counts[ALERTS],
    };
    hours.hours.iter().map(hour).collect()
}

fn coturn(s: Sessions) -> CoturnSessions {
    let hour = |(hour, counts): (&u64, &[u64; 3])| SessionHour {
        hour: hour::label(*hour),
        new: counts[session::NEW],
        closed: counts[session::CLOSED],
        errors: counts[session::ERRORS],
    };
    let [bytes_received, bytes_sent, bytes_peer_received, bytes_peer_sent] = s.bytes;
    CoturnSessions {
        windows: s.windows,
        events: s.events,
        new: s.new,
        refreshed: s.refreshed,
        closed: s.closed,
        refused: s.refused,
        bytes_received,
        bytes_sent,
        bytes_peer_received,
        bytes_peer_sent,
        most_users: s.most_users,
        most_client_networks: s.most_client_networks,
        errors: s.errors,
        hours: s.hours.hours.iter().map(hour).collect(),
        untimed: s.hours.untimed.iter().sum(),
    }
}
