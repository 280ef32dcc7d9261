//! The report: what `--format json` writes and the other formats are made from. Its names are an interface; what
//! they mean is in `docs/audit.md`.

use std::collections::{BTreeMap, BTreeSet};

use asynq_payload_redactor::{
    inspect::{Inspector, RuleKind},
    policy::PenId,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tamis_detectors::{Severity, keys::KeyRules};
use tamis_sdk::ConfigError;

use super::{
    Baseline, Options, hour,
    logger::{Logger, Wrapper},
    pool::Scanned,
    scan::{self, place_label},
    tally::{Entry, Key, Sample},
    walk::{Input, NotScanned, Walked, without_rotation},
};

/// The name of this interface. Fields may be added; anything else gets another number.
pub const SCHEMA: &str = "tamis-audit/1";

/// All that is reported.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The program.
    pub tool: Tool,
    /// Totals.
    pub summary: Summary,
    /// What was found, the most severe first.
    pub findings: Vec<Finding>,
    /// Where payloads are logged.
    pub payloads: Vec<PayloadPlace>,
    /// Types of tasks whose payloads are logged, and what is in them.
    pub tasks: Vec<Task>,
    /// What wrote the lines, per file.
    pub loggers: Vec<FileLoggers>,
    /// What was found, per rule.
    pub rules: Vec<RuleCount>,
    /// What was found, per hour.
    pub timeline: Timeline,
    /// What was scanned.
    pub files: Vec<FileInfo>,
    /// What was left out on purpose.
    pub skipped: Vec<NotScanned>,
    /// What could not be scanned.
    pub errors: Vec<NotScanned>,
}

/// The program that made a report.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Totals.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Files scanned.
    pub files: u64,
    /// Files in which something was found.
    pub files_with_findings: u64,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Findings that are not in the baseline.
    pub findings: u64,
    /// How often they occur.
    pub occurrences: u64,
    /// Findings that are in the baseline.
    pub known: u64,
    /// Findings that are not in the baseline, by severity.
    pub by_severity: BTreeMap<&'static str, u64>,
}

/// The same thing in the same kind of message of the same file.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Stays the same while lines move, files rotate and values change.
    pub fingerprint: String,
    /// The rule that found it.
    pub rule: String,
    /// What kind of rule it is: `payload`, `key` or `detector`.
    pub kind: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// In what form the value stands.
    pub form: &'static str,
    /// The file.
    pub file: String,
    /// Under which name, in which kind of print.
    pub place: String,
    /// The name alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The shape of the message.
    pub message: String,
    /// How often.
    pub count: u64,
    /// Values in payloads.
    pub values: u64,
    /// The line of the first one.
    pub first_line: u64,
    /// The character at which it starts.
    pub first_column: u64,
    /// The line of the last one.
    pub last_line: u64,
    /// What the rules know of the values in payloads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contains: BTreeMap<String, u64>,
    /// Types of tasks, empty if not known, and names of the fields of their payloads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, BTreeSet<String>>,
    /// Lines of the program.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub callers: BTreeSet<String>,
    /// The first occurrences.
    pub samples: Vec<Sample>,
    /// It is in the baseline.
    pub known: bool,
    #[serde(skip)]
    pub(super) stable_file: String,
}

/// Payloads of one file that are printed in the same way.
#[derive(Debug, Clone, Serialize)]
pub struct PayloadPlace {
    /// The file.
    pub file: String,
    /// Under which name, in which kind of print.
    pub place: String,
    /// In what form.
    pub form: &'static str,
    /// How many.
    pub count: u64,
    /// Lines of the program, or shapes of messages where there are none; the first ones.
    pub call_sites: BTreeSet<String>,
}

/// A type of task whose payloads are logged.
#[derive(Debug, Clone, Serialize)]
pub struct Task {
    /// Its type; empty for payloads of tasks whose type is not known.
    #[serde(rename = "type")]
    pub name: String,
    /// Fields of its payloads.
    pub fields: Vec<Field>,
}

/// A field of payloads.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its path, as allow-lists have it.
    pub path: String,
    /// What its name says that it holds, if that is something sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<&'static str>,
}

/// What wrote the lines of a file.
#[derive(Debug, Clone, Serialize)]
pub struct FileLoggers {
    /// The file.
    pub file: String,
    /// Lines per logger, most first.
    pub loggers: Vec<LoggerLines>,
    /// Lines per wrapper, most first.
    pub wrappers: Vec<LoggerLines>,
}

/// Lines of one logger.
#[derive(Debug, Clone, Serialize)]
pub struct LoggerLines {
    /// Its name.
    pub name: &'static str,
    /// How many.
    pub lines: u64,
    /// The share of all lines, in percent.
    pub percent: f64,
}

/// What was found by one rule.
#[derive(Debug, Clone, Serialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// What kind of rule it is.
    pub kind: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How often, outside of payloads.
    pub count: u64,
    /// How often in payloads.
    pub in_payloads: u64,
    /// Per file, both together, most first.
    pub files: Vec<FileCount>,
}

/// A file and a number.
#[derive(Debug, Clone, Serialize)]
pub struct FileCount {
    /// The file.
    pub file: String,
    /// The number.
    pub count: u64,
}

/// What was found when.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Timeline {
    /// Hours with findings, in order.
    pub hours: Vec<Hour>,
    /// In records that carry no time.
    pub untimed: BTreeMap<String, u64>,
}

/// What was found in an hour.
#[derive(Debug, Clone, Serialize)]
pub struct Hour {
    /// As in `2026-11-21T00Z`.
    pub hour: String,
    /// Values per rule.
    pub rules: BTreeMap<String, u64>,
}

/// A file that was scanned.
#[derive(Debug, Clone, Serialize)]
pub struct FileInfo {
    /// The file.
    pub file: String,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Findings, those in the baseline not counted.
    pub findings: u64,
    /// How often they occur.
    pub occurrences: u64,
}

/// Hours in a report; those before them are added up in the first.
const MAX_HOURS: usize = 2000;
/// Call sites of one place.
const MAX_CALL_SITES: usize = 8;

impl Report {
    pub(crate) fn new(walked: Walked, scanned: Vec<Scanned>, options: &Options) -> Result<Self, ConfigError> {
        let inspector = Inspector::new(&options.config, options.secret.as_ref())?;
        let mut report = Self {
            schema: SCHEMA,
            tool: Tool { name: "tamis", version: env!("CARGO_PKG_VERSION") },
            summary: Summary::default(),
            findings: Vec::new(),
            payloads: Vec::new(),
            tasks: Vec::new(),
            loggers: Vec::new(),
            rules: Vec::new(),
            timeline: Timeline::default(),
            files: Vec::new(),
            skipped: walked.skipped,
            errors: walked.errors,
        };
        let mut sums = Sums::default();
        for mut file in scanned {
            let Some(input) = walked.inputs.get(file.input) else { continue };
            let path = || input.name.clone();
            report.errors.extend(file.errors.drain(..).map(|reason| NotScanned { path: path(), reason }));
            if let Some(reason) = file.skipped {
                report.skipped.push(NotScanned { path: path(), reason });
                continue;
            }
            report.add(input, file, &inspector, &mut sums);
        }
        sums.finish(&mut report, &inspector);
        report.findings.sort_by(|a, b| {
            (b.severity, b.count, &a.file, &a.rule, &a.place, &a.form, &a.message)
                .cmp(&(a.severity, a.count, &b.file, &b.rule, &b.place, &b.form, &b.message))
        });
        report.payloads.sort_by(|a, b| (b.count, &a.file, &a.place).cmp(&(a.count, &b.file, &b.place)));
        report.tasks = tasks(&report.findings, &scan::names(&options.config));
        report.count();
        Ok(report)
    }

    fn add(&mut self, input: &Input, file: Scanned, inspector: &Inspector, sums: &mut Sums) {
        let name = &input.name;
        let tally = file.tally;
        self.files.push(FileInfo {
            file: name.clone(),
            bytes: file.bytes,
            lines: file.lines,
            findings: 0,
            occurrences: 0,
        });
        self.loggers.push(FileLoggers {
            file: name.clone(),
            loggers: lines(&tally.loggers, file.lines, |i| Logger::ALL[i].label()),
            wrappers: lines(&tally.wrappers, file.lines, |i| Wrapper::ALL[i].label()),
        });
        for (at, count) in tally.hours {
            *sums.hours.entry(at).or_default() += count;
        }
        for (rule, count) in tally.untimed {
            *sums.untimed.entry(rule).or_default() += count;
        }
        let mut entries = tally.entries;
        let mut places: BTreeMap<(String, &'static str), (u64, BTreeSet<String>)> = BTreeMap::new();
        for (key, index) in tally.index {
            let entry = std::mem::take(&mut entries[index]);
            sums.add(name, &key, &entry);
            if key.rule == 0 {
                let place = places.entry((place_label(&key.place), key.form.name())).or_default();
                place.0 += entry.count;
                let sites = if entry.callers.is_empty() {
                    BTreeSet::from([key.shape.clone()])
                } else {
                    entry.callers.clone()
                };
                place.1.extend(sites);
                while place.1.len() > MAX_CALL_SITES {
                    place.1.pop_last();
                }
            }
            self.findings.push(finding(input, key, entry, inspector));
        }
        self.payloads.extend(places.into_iter().map(|((place, form), (count, call_sites))| PayloadPlace {
            file: name.clone(),
            place,
            form,
            count,
            call_sites,
        }));
    }

    /// Mark what the baseline knows.
    pub fn apply(&mut self, baseline: &Baseline) {
        for finding in &mut self.findings {
            finding.known = baseline.knows(&finding.fingerprint);
        }
        self.count();
    }

    fn count(&mut self) {
        let mut summary = Summary {
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|f| f.bytes).sum(),
            lines: self.files.iter().map(|f| f.lines).sum(),
            ..Summary::default()
        };
        let mut files: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for severity in SEVERITIES {
            summary.by_severity.insert(severity.label(), 0);
        }
        for finding in &self.findings {
            if finding.known {
                summary.known += 1;
                continue;
            }
            summary.findings += 1;
            summary.occurrences += finding.count;
            *summary.by_severity.entry(finding.severity.label()).or_default() += 1;
            let file = files.entry(&finding.file).or_default();
            file.0 += 1;
            file.1 += finding.count;
        }
        summary.files_with_findings = files.len() as u64;
        for info in &mut self.files {
            (info.findings, info.occurrences) = files.get(info.file.as_str()).copied().unwrap_or_default();
        }
        self.summary = summary;
    }

    /// Whether there is a finding of this severity or worse that the baseline does not know.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.findings.iter().any(|f| !f.known && f.severity >= severity)
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// Never for a report; the type cannot say so.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|mut text| {
            text.push('\n');
            text
        })
    }
}

/// All severities, the worst first.
pub const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// What goes over all files.
#[derive(Default)]
struct Sums {
    rules: BTreeMap<u16, (u64, u64, BTreeMap<String, u64>)>,
    hours: BTreeMap<(u64, u16), u64>,
    untimed: BTreeMap<u16, u64>,
}

impl Sums {
    fn add(&mut self, file: &str, key: &Key, entry: &Entry) {
        let outside = [(key.rule, entry.count)];
        let inside = entry.inside.iter().map(|(rule, count)| (*rule, *count));
        for (is_inside, (rule, count)) in
            outside.into_iter().map(|x| (false, x)).chain(inside.map(|x| (true, x)))
        {
            let sum = self.rules.entry(rule).or_default();
            if is_inside {
                sum.1 += count;
            } else {
                sum.0 += count;
            }
            match sum.2.get_mut(file) {
                Some(sum) => *sum += count,
                None => {
                    sum.2.insert(file.to_owned(), count);
                }
            }
        }
    }

    fn finish(self, report: &mut Report, inspector: &Inspector) {
        let name = |rule: u16| inspector.rule(PenId(rule)).to_owned();
        for (rule, (count, in_payloads, files)) in self.rules {
            let mut files: Vec<FileCount> =
                files.into_iter().map(|(file, count)| FileCount { file, count }).collect();
            files.sort_by(|a, b| (b.count, &a.file).cmp(&(a.count, &b.file)));
            report.rules.push(RuleCount {
                rule: name(rule),
                kind: kind(rule),
                severity: inspector.severity(PenId(rule)),
                count,
                in_payloads,
                files,
            });
        }
        report.rules.sort_by(|a, b| {
            (b.severity, b.count + b.in_payloads, &a.rule).cmp(&(
                a.severity,
                a.count + a.in_payloads,
                &b.rule,
            ))
        });
        let mut hours: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::new();
        for ((at, rule), count) in self.hours {
            *hours.entry(at).or_default().entry(name(rule)).or_default() += count;
        }
        while hours.len() > MAX_HOURS {
            let Some((_, first)) = hours.pop_first() else { break };
            let Some(mut next) = hours.first_entry() else { break };
            for (rule, count) in first {
                *next.get_mut().entry(rule).or_default() += count;
            }
        }
        report.timeline.hours =
            hours.into_iter().map(|(at, rules)| Hour { hour: hour::label(at), rules }).collect();
        for (rule, count) in self.untimed {
            *report.timeline.untimed.entry(name(rule)).or_default() += count;
        }
    }
}

fn kind(rule: u16) -> &'static str {
    match Inspector::kind(PenId(rule)) {
        RuleKind::Payload => "payload",
        RuleKind::Key => "key",
        RuleKind::Detector => "detector",
    }
}

fn lines(counts: &[u64], all: u64, label: impl Fn(usize) -> &'static str) -> Vec<LoggerLines> {
    let mut lines: Vec<LoggerLines> = counts
        .iter()
        .enumerate()
        .filter(|(_, lines)| **lines > 0)
        .map(|(i, &lines)| LoggerLines {
            name: label(i),
            lines,
            percent: (lines as f64 * 1000.0 / all.max(1) as f64).round() / 10.0,
        })
        .collect();
    lines.sort_by_key(|l| std::cmp::Reverse(l.lines));
    lines
}

fn finding(input: &Input, key: Key, entry: Entry, inspector: &Inspector) -> Finding {
    let rule = inspector.rule(PenId(key.rule)).to_owned();
    let place = place_label(&key.place);
    let stable_file = without_rotation(&input.stable_name).to_owned();
    // Nothing in here is a value: the shape has none, and neither have the others.
    let mut hash = Sha256::new();
    for part in [&rule, key.form.name(), &place, &key.shape, &stable_file] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let fingerprint = hash.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect();
    let (first_line, first_column) = entry.first.unwrap_or_default();
    let severity = inspector.severity(PenId(key.rule));
    let inside = entry.inside.keys().map(|rule| inspector.severity(PenId(*rule))).max();
    let mut contains: BTreeMap<String, u64> = BTreeMap::new();
    for (rule, count) in &entry.inside {
        *contains.entry(inspector.rule(PenId(*rule)).to_owned()).or_default() += count;
    }
    Finding {
        fingerprint,
        rule,
        kind: kind(key.rule),
        // A payload is as bad as the worst in it.
        severity: inside.map_or(severity, |i| i.max(severity)),
        form: key.form.name(),
        file: input.name.clone(),
        place,
        key: key.place.key,
        message: key.shape,
        count: entry.count,
        values: entry.values,
        first_line,
        first_column,
        last_line: entry.last_line,
        contains,
        tasks: entry.tasks,
        callers: entry.callers,
        samples: entry.samples,
        known: false,
        stable_file,
    }
}

fn tasks(findings: &[Finding], names: &KeyRules) -> Vec<Task> {
    let mut tasks: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (task, fields) in findings.iter().flat_map(|f| &f.tasks) {
        tasks.entry(task).or_default().extend(fields.iter().map(String::as_str));
    }
    let field = |path: &str| {
        let name = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
        Field { path: path.to_owned(), sensitive: names.judge(name.as_bytes()).map(|c| c.label()) }
    };
    let tasks = tasks.into_iter().filter(|(task, fields)| !task.is_empty() || !fields.is_empty());
    tasks
        .map(|(name, fields)| Task { name: name.to_owned(), fields: fields.into_iter().map(field).collect() })
        .collect()
}
