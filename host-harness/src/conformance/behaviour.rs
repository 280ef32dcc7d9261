//! What a filter does to records, whatever its ABI.

use std::time::{Duration, Instant};

use super::{
    Options,
    component::is_object,
    corpus::{self, Named, POISON, Sample},
    driver::{Driver, Fate, Fault, Subject},
    report::Verdict,
    spelling::{self, Change},
};
use crate::host::Encoding;

/// How many failures one check names.
const NAMED: usize = 3;

/// Memory may grow by so much while it finds its size, in bytes.
const GROWTH_BYTES: usize = 1 << 20;

/// Records that take longer are worth a word, in milliseconds.
const SLOW_MS: u128 = 100;

/// After so long a check of many records looks at what it has seen.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is wrong, the first of it in words.
#[derive(Default)]
struct Wrong {
    named: Vec<String>,
    count: usize,
}

impl Wrong {
    fn add(&mut self, text: String) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(text);
        }
    }

    fn verdict(self, of: usize, good: String) -> Verdict {
        if self.count == 0 {
            return Verdict::pass(good);
        }
        let more = self.count - self.named.len();
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        Verdict::fail(format!("{} of {of}: {}{rest}", self.count, self.named.join("; ")))
    }
}

/// A record in a report.
fn shown(body: &[u8]) -> String {
    const LONGEST: usize = 80;
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).into_owned();
    let cut = if body.len() > LONGEST { "..." } else { "" };
    format!("{text}{cut}")
}

/// What became of a record where something else was expected, from a little before the first
/// byte that differs.
fn difference(is: &Fate, expected: &Fate, came: &[u8]) -> String {
    const BEFORE: usize = 20;
    let (Some(a), Some(b)) = (is.body(came), expected.body(came)) else {
        return format!("{} is {}, not {}", shown(came), word(is), word(expected));
    };
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(BEFORE);
    let text = |body: &[u8]| {
        format!("{}{}", if from > 0 { "..." } else { "" }, shown(body.get(from..).unwrap_or_default()))
    };
    format!("{} is {}, not {}", shown(came), text(a), text(b))
}

fn word(fate: &Fate) -> String {
    match fate {
        Fate::Kept => "kept".to_owned(),
        Fate::Changed(body) => shown(body),
        Fate::Dropped => "dropped".to_owned(),
        Fate::Refused(status) => format!("refused with {status}"),
        Fate::Lost(why) => format!("lost ({why})"),
    }
}

fn fault(error: &Fault) -> Verdict {
    Verdict::fail(error.text.clone())
}

macro_rules! started {
    ($subject:expr) => {
        match $subject.start() {
            Ok(driver) => driver,
            Err(error) => return fault(&error),
        }
    };
}

/// Plain records come back.
pub(super) fn result(subject: &dyn Subject, samples: &[Sample]) -> Verdict {
    let mut driver = started!(subject);
    let mut wrong = Wrong::default();
    let (mut kept, mut changed, mut dropped, mut refused) = (0, 0, 0, 0);
    for sample in samples {
        match driver.give(sample) {
            Ok(Fate::Kept) => kept += 1,
            Ok(Fate::Changed(_)) => changed += 1,
            Ok(Fate::Dropped) => dropped += 1,
            Ok(Fate::Refused(_)) => refused += 1,
            Ok(Fate::Lost(why)) => wrong.add(format!("{}: {why}", shown(&sample.body))),
            Err(error) => {
                wrong.add(format!("{}: {}", shown(&sample.body), error.text));
                if error.hung {
                    break;
                }
                driver = started!(subject);
            }
        }
    }
    let refusals = if refused > 0 { format!(", {refused} refused") } else { String::new() };
    let counts =
        format!("{} records: {kept} kept, {changed} changed, {dropped} dropped{refusals}", samples.len());
    if wrong.count == 0 && kept + changed == 0 && !samples.is_empty() {
        return Verdict::warn(format!("{counts}: nothing comes out"));
    }
    wrong.verdict(samples.len(), counts)
}

/// Records that are odd, each in an instance that has not failed before. `hung` becomes true if
/// it does not come back from one.
pub(super) fn survives(
    subject: &dyn Subject,
    records: &[Named],
    must_come_out: bool,
    hung: &mut bool,
) -> Verdict {
    let mut driver = started!(subject);
    let mut wrong = Wrong::default();
    let mut slowest = (Duration::ZERO, "");
    for Named { name, sample } in records {
        let started = Instant::now();
        let fate = driver.give(sample);
        slowest = slowest.max((started.elapsed(), name));
        match fate {
            Ok(Fate::Lost(why)) if must_come_out => wrong.add(format!("{name}: {why}")),
            Ok(_) => {}
            Err(error) => {
                wrong.add(format!("{name}: {}", error.text));
                if error.hung {
                    // Each would take as long.
                    *hung = true;
                    break;
                }
                driver = started!(subject);
            }
        }
    }
    let (longest, name) = slowest;
    let slow = match longest.as_millis() {
        0..SLOW_MS => String::new(),
        ms => format!(", the slowest ({name}) in {ms} ms"),
    };
    wrong.verdict(records.len(), format!("{} records{slow}", records.len()))
}

/// Good records after poison come out as without it.
///
/// A filter may remember what came before: a value that goes on in the next line, who has failed to log
/// in. So the good records are given twice, the first time to let it settle, and a few that differ
/// the second time are a warning.
pub(super) fn poison(subject: &dyn Subject, samples: &[Sample]) -> Verdict {
    const GOOD: usize = 500;
    let good: Vec<&Sample> = samples.iter().cycle().take(GOOD.max(samples.len())).collect();
    let (mut healthy, mut twin) = (started!(subject), started!(subject));
    let mut poisoned = started!(subject);
    let mut traps = 0;
    for at in 0..POISON {
        if let Err(error) = poisoned.give(&corpus::poison(samples, at)) {
            traps += 1;
            if error.hung || !subject.outlives_traps() {
                return Verdict::fail(format!("record {at} of the poison: {}", error.text));
            }
        }
    }
    let (mut gone, mut other) = (Wrong::default(), Wrong::default());
    for settled in [false, true] {
        for sample in &good {
            let (expected, same) = match (healthy.give(sample), twin.give(sample)) {
                (Ok(one), Ok(two)) => (one.clone(), one == two),
                (Err(error), _) | (_, Err(error)) => return fault(&error),
            };
            match poisoned.give(sample) {
                Ok(fate) if fate == expected => {}
                Ok(fate) if fate.body(b"").is_none() && expected.body(b"").is_some() => {
                    gone.add(difference(&fate, &expected, &sample.body));
                }
                // Where two healthy ones do not agree, nothing can be compared.
                Ok(fate) if settled && same => other.add(difference(&fate, &expected, &sample.body)),
                Ok(_) => {}
                Err(error) if error.hung => return fault(&error),
                Err(error) => gone.add(format!("{}: {}", shown(&sample.body), error.text)),
            }
        }
    }
    let trapped = if traps > 0 { format!(", {traps} of which trapped") } else { String::new() };
    let done = format!("{POISON} records{trapped}, then {} good ones twice", good.len());
    if gone.count > 0 || other.count == 0 {
        return gone.verdict(2 * good.len(), done);
    }
    let most = other.count * 10 > good.len();
    let Verdict { detail, .. } = other.verdict(good.len(), done);
    if most {
        Verdict::fail(detail)
    } else {
        Verdict::warn(format!("it remembers what came before, or was harmed: {detail}"))
    }
}

/// Two instances agree.
pub(super) fn determinism(subject: &dyn Subject, samples: &[Sample]) -> Verdict {
    let (mut one, mut two) = (started!(subject), started!(subject));
    let odd: Vec<Sample> = spelling::PROBES.iter().map(|probe| Sample::json(*probe)).collect();
    let mut wrong = Wrong::default();
    let all: Vec<&Sample> = samples.iter().chain(&odd).chain(samples).collect();
    for sample in &all {
        match (one.give(sample), two.give(sample)) {
            (Ok(a), Ok(b)) if a == b => {}
            (Ok(a), Ok(b)) => wrong.add(difference(&a, &b, &sample.body)),
            (Err(error), _) | (_, Err(error)) => return fault(&error),
        }
    }
    wrong.verdict(all.len(), format!("{} records in two instances", all.len()))
}

/// What a filter does not mean to change keeps its value.
pub(super) fn untouched(subject: &dyn Subject, spelling_matters: bool) -> Verdict {
    let mut driver = started!(subject);
    let (mut altered, mut respelled) = (Vec::new(), Vec::new());
    let mut compared = 0;
    for probe in spelling::PROBES {
        let fate = match driver.give(&Sample::json(probe)) {
            Ok(fate) => fate,
            Err(error) => return fault(&error),
        };
        let Some(body) = fate.body(probe.as_bytes()) else { continue };
        compared += 1;
        for change in spelling::changes(probe.as_bytes(), body) {
            match change {
                Change::Altered(text) => altered.push(text),
                Change::Respelled(text) => respelled.push(text),
            }
        }
    }
    let first = |list: &[String]| list.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if !altered.is_empty() {
        return Verdict::fail(first(&altered));
    }
    if !respelled.is_empty() {
        let text = format!("values stay, spellings change: {}", first(&respelled));
        return if spelling_matters { Verdict::warn(text) } else { Verdict::pass(text) };
    }
    if compared == 0 {
        return Verdict::skip("it drops these records");
    }
    Verdict::pass(format!("{compared} records with odd spellings"))
}

/// Twice is once.
pub(super) fn idempotence(subject: &dyn Subject, samples: &[Sample], options: &Options) -> Verdict {
    if !options.idempotent {
        return Verdict::skip("not claimed: --idempotent asks for it");
    }
    let (mut once, mut twice) = (started!(subject), started!(subject));
    let mut wrong = Wrong::default();
    for sample in samples {
        let first = match once.give(sample) {
            Ok(fate) => fate,
            Err(error) => return fault(&error),
        };
        let Some(body) = first.body(&sample.body) else { continue };
        // A line to which fields were added has become a record.
        let encoding = if is_object(body) { Encoding::Json } else { sample.encoding };
        let again = Sample { encoding, body: body.to_vec() };
        match twice.give(&again) {
            Ok(Fate::Kept) => {}
            Ok(second) if second.body(body) == Some(body) => {}
            Ok(second) => wrong.add(difference(&second, &Fate::Kept, body)),
            Err(error) => return fault(&error),
        }
    }
    wrong.verdict(samples.len(), format!("{} records", samples.len()))
}

/// Together as one by one.
pub(super) fn batches(subject: &dyn Subject, samples: &[Sample]) -> Verdict {
    let mut single = started!(subject);
    let mut expected = Vec::new();
    for sample in samples {
        match single.give(sample) {
            Ok(fate) => expected.push(fate),
            Err(error) => return fault(&error),
        }
    }
    let sizes = [samples.len(), 2, 3, 7];
    for size in sizes.into_iter().filter(|size| *size > 0) {
        let mut together = started!(subject);
        let mut at = 0;
        for batch in samples.chunks(size) {
            let fates = match together.give_all(batch) {
                Ok(fates) => fates,
                Err(error) => return fault(&error),
            };
            for (fate, (sample, expected)) in fates.iter().zip(batch.iter().zip(&expected[at..])) {
                if fate.body(&sample.body) != expected.body(&sample.body) {
                    return Verdict::fail(format!(
                        "in batches of {size}: {}",
                        difference(fate, expected, &sample.body)
                    ));
                }
            }
            at += batch.len();
        }
    }
    Verdict::pass(format!("{} records in batches of {}, 2, 3 and 7", samples.len(), samples.len()))
}

/// What memory does over many records.
pub(super) struct Growth {
    pub records: usize,
    pub lost: usize,
    /// After a tenth, after half, and at the end, in bytes.
    pub bytes: [usize; 3],
    pub out_of_time: bool,
}

impl Growth {
    /// Whether it goes on growing.
    pub fn grows(&self) -> bool {
        let [start, half, end] = self.bytes;
        end > half && end.saturating_sub(start) > GROWTH_BYTES
    }

    pub fn text(&self) -> String {
        let [start, half, end] = self.bytes.map(|bytes| bytes >> 10);
        let records = self.records;
        let kib = if start == end {
            format!("{end} KiB")
        } else {
            format!("{start} KiB after a tenth, {half} after half, {end} at the end")
        };
        let late = if self.out_of_time { ", then out of time" } else { "" };
        format!("{records} records{late}: {kib}")
    }
}

/// Send many records and watch the memory.
pub(super) fn growth(
    driver: &mut dyn Driver,
    samples: &[Sample],
    records: usize,
) -> Result<Growth, (usize, Fault)> {
    let started = Instant::now();
    let mut growth = Growth { records: 0, lost: 0, bytes: [0; 3], out_of_time: false };
    for sample in samples.iter().cycle().take(records) {
        let fate = driver.give(sample).map_err(|error| (growth.records, error))?;
        growth.lost += usize::from(matches!(fate, Fate::Lost(_)));
        growth.records += 1;
        if growth.records == records.div_ceil(10) {
            growth.bytes[0] = driver.memory_bytes();
        }
        if growth.records == records.div_ceil(2) {
            growth.bytes[1] = driver.memory_bytes();
        }
        if growth.records.is_multiple_of(1_000) && started.elapsed() > PATIENCE {
            growth.out_of_time = true;
            break;
        }
    }
    growth.bytes[2] = driver.memory_bytes();
    Ok(growth)
}

/// Memory stays as it is.
pub(super) fn memory(subject: &dyn Subject, samples: &[Sample], records: usize) -> Verdict {
    let mut driver = started!(subject);
    match growth(&mut *driver, samples, records) {
        Err((at, error)) => Verdict::fail(format!("record {at}: {}", error.text)),
        Ok(growth) if growth.lost > 0 => {
            Verdict::fail(format!("{} of {} are lost", growth.lost, growth.text()))
        }
        Ok(growth) if growth.grows() => Verdict::fail(growth.text()),
        Ok(growth) if growth.out_of_time => Verdict::warn(growth.text()),
        Ok(growth) => Verdict::pass(growth.text()),
    }
}
