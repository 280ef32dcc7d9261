//! All that is added up over the inputs.

use std::collections::{BTreeMap, VecDeque};

use tamis_detectors::Severity;

use super::{
    event::{Alert, Event, Outcome},
    hours::Hours,
    names::Names,
    session::Sessions,
    top::Top,
};

/// Alerts that are remembered: the last ones.
const MAX_ALERTS: usize = 1000;
const MS_PER_HOUR: u64 = 3_600_000;
/// The count per hour behind those of the outcomes.
pub const ALERTS: usize = 3;

/// How often, in all and per input.
#[derive(Debug, Default)]
pub struct PerInput {
    /// In all.
    pub count: u64,
    /// Per input.
    pub inputs: BTreeMap<usize, u64>,
}

/// Counts per kind.
pub type Kinds = BTreeMap<&'static str, PerInput>;

/// What is known of an input.
#[derive(Debug, Default)]
pub struct InputSums {
    /// It holds events that the filter has written.
    pub tagged: bool,
    /// Events were found in what Chatwoot or something around it has written.
    pub raw_events: bool,
    /// It is coturn's log.
    pub coturn: bool,
    /// It holds summaries of coturn's log.
    pub summaries: bool,
    /// Events.
    pub events: u64,
    /// Alerts.
    pub alerts: u64,
}

/// An alert, with names that may be shown.
#[derive(Debug)]
pub struct NamedAlert {
    /// The alert; its source and user are empty.
    pub alert: Alert,
    /// Who raised it.
    pub by: String,
    /// The input it is in.
    pub input: usize,
}

/// The sums.
#[derive(Debug)]
pub struct Sums {
    names: Names,
    /// Events per action: success, failure, unknown.
    pub actions: BTreeMap<&'static str, [u64; 3]>,
    /// The same per hour, and alerts.
    pub hours: Hours<4>,
    /// Where events came from.
    pub sources: Top,
    /// Whom events were about.
    pub users: Top,
    /// Alerts per rule.
    pub rules: BTreeMap<&'static str, (Severity, u64)>,
    /// The last alerts.
    pub alerts: VecDeque<NamedAlert>,
    /// Alerts before those.
    pub alerts_left_out: u64,
    /// Sessions of coturn.
    pub sessions: Sessions,
    /// What filters have removed.
    pub removed: Kinds,
    /// What coturn-ip-anonymizer would remove.
    pub removable: Kinds,
    /// Per input.
    pub inputs: BTreeMap<usize, InputSums>,
}

impl Sums {
    /// Nothing yet.
    pub fn new(names: Names) -> Self {
        Self {
            names,
            actions: BTreeMap::new(),
            hours: Hours::default(),
            sources: Top::default(),
            users: Top::default(),
            rules: BTreeMap::new(),
            alerts: VecDeque::new(),
            alerts_left_out: 0,
            sessions: Sessions::default(),
            removed: Kinds::new(),
            removable: Kinds::new(),
            inputs: BTreeMap::new(),
        }
    }

    /// An event and the alerts it raised; `hour` is when, if the event does not say.
    pub fn event(&mut self, input: usize, event: &Event, alerts: Vec<Alert>, hour: Option<u64>) {
        let hour = event.time_ms.map(|ms| ms / MS_PER_HOUR).or(hour);
        let outcome = event.outcome as usize;
        self.actions.entry(event.action).or_default()[outcome] += 1;
        let counts = self.hours.at(hour);
        counts[outcome] += 1;
        counts[ALERTS] += alerts.len() as u64;
        let file = self.inputs.entry(input).or_default();
        file.events += 1;
        file.alerts += alerts.len() as u64;
        let names = [self.names.address(&event.source), self.names.user(&event.user)];
        for (name, top) in names.into_iter().zip([&mut self.sources, &mut self.users]) {
            if let Some(name) = name {
                let counts = top.of(&name);
                counts.events += 1;
                counts.failures += u64::from(event.outcome == Outcome::Failure);
                counts.last_hour = counts.last_hour.max(hour.unwrap_or(0));
            }
        }
        for alert in alerts {
            self.alert(input, alert);
        }
    }

    fn alert(&mut self, input: usize, mut alert: Alert) {
        let rule = self.rules.entry(alert.rule).or_insert((alert.severity, 0));
        rule.0 = rule.0.max(alert.severity);
        rule.1 += 1;
        let source = self.names.address(&std::mem::take(&mut alert.source));
        let user = self.names.user(&std::mem::take(&mut alert.user));
        if let Some(name) = &source {
            self.sources.of(name).alerts += 1;
        }
        if let Some(name) = &user {
            self.users.of(name).alerts += 1;
        }
        if self.alerts.len() == MAX_ALERTS {
            self.alerts.pop_front();
            self.alerts_left_out += 1;
        }
        self.alerts.push_back(NamedAlert { alert, by: source.or(user).unwrap_or_default(), input });
    }
}

/// Add counts of an input.
pub fn add(kinds: &mut Kinds, input: usize, counts: impl IntoIterator<Item = (&'static str, u64)>) {
    for (kind, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        let sum = kinds.entry(kind).or_default();
        sum.count = sum.count.saturating_add(count);
        let of_input = sum.inputs.entry(input).or_default();
        *of_input = of_input.saturating_add(count);
    }
}
