//! What may be seen: payload keys, allow-lists, sensitive names, detectors, and what takes the place of the rest.

pub mod allow;
pub mod memo;
pub mod pen;

use tamis_detectors::{
    CustomDetector, Detectors, Finding, Severity,
    keys::{KeyClass, KeyRules},
};
use tamis_sdk::{ConfigError, Key, config::unknown, pseudonym::Tokenizer};

use self::{
    allow::{AllowLists, State, same_name},
    memo::{Judgement, Memo, mix},
    pen::Pen,
};
use crate::config::{Config, Level, PayloadMode, Reencode, Rule};

/// In what a value stands, which says what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// In the record itself: names and contents are judged, payloads are looked for.
    Fields,
    /// In a payload, at this place of its allow-list: what is not allowed goes.
    Payload(State),
    /// In a part of a payload that is allowed: names and contents are judged.
    Allowed,
    /// Under a sensitive name: all of it goes.
    Secret(KeyClass),
}

/// The classes of sensitive names, in the order of their pens.
pub const CLASSES: [KeyClass; 8] = [
    KeyClass::Password,
    KeyClass::Secret,
    KeyClass::Code,
    KeyClass::Person,
    KeyClass::Contact,
    KeyClass::NationalId,
    KeyClass::Financial,
    KeyClass::Network,
];

/// Which pen writes: payload values, then [`CLASSES`], then the detectors in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenId(pub u16);

/// The pen of payload values.
pub const PAYLOAD_PEN: PenId = PenId(0);
const FIRST_DETECTOR: u16 = 1 + CLASSES.len() as u16;

impl PenId {
    /// The pen of a detector.
    pub fn detector(detector: u16) -> Self {
        Self(FIRST_DETECTOR + detector)
    }

    /// The pen of a class of names.
    pub fn class(class: KeyClass) -> Self {
        Self(1 + CLASSES.iter().position(|c| *c == class).unwrap_or(0) as u16)
    }
}

/// The policy of a config.
#[derive(Debug)]
pub struct Policy {
    payload_keys: Vec<Vec<u8>>,
    /// See [`Config::payload`].
    pub in_text: bool,
    /// See [`Config::payload`].
    pub mode: PayloadMode,
    /// See [`Config::payload`].
    pub min_level: Option<Level>,
    /// See [`Config::payload`].
    pub encoding: Reencode,
    /// What may be seen of payloads.
    pub allow: AllowLists,
    keys: KeyRules,
    memo: Memo,
    detectors: Detectors,
    has_custom: bool,
    pens: Vec<Pen>,
    /// Those that know their own writing again.
    own: Vec<PenId>,
    /// For [`PayloadMode::SizeAndHash`].
    pub hash: Option<Tokenizer>,
    found: Vec<Finding>,
}

impl Policy {
    /// From a config.
    ///
    /// # Errors
    /// When values do not fit together; the error names the path.
    pub fn new(config: &Config, key: Option<&Key>) -> Result<Self, ConfigError> {
        let cache = config.cache_entries as usize;
        let lists = config.tasks.iter().map(|(task, c)| (task.as_str(), c.allow.as_slice()));
        let allow = AllowLists::new(lists).map_err(|(task, i, message)| {
            ConfigError::new(format!("$.tasks[\"{task}\"].allow[{i}]"), message)
        })?;
        for (path, keys) in
            [("$.payload.keys", &config.payload.keys), ("$.payload.extra_keys", &config.payload.extra_keys)]
        {
            if keys.iter().any(String::is_empty) {
                return Err(ConfigError::new(path, "holds an empty name: leave it out"));
            }
        }
        let payload_keys = config.payload.keys.iter().chain(&config.payload.extra_keys);
        let hash = match (config.payload.mode, key) {
            (PayloadMode::SizeAndHash, None) => {
                return Err(ConfigError::new(
                    "$.payload.mode",
                    "'size-and-hash' needs a key: add a section 'key'",
                ));
            }
            (PayloadMode::SizeAndHash, Some(key)) => Some(Tokenizer::new(key, "payload", cache)),
            _ => None,
        };
        let (detectors, detector_rules) = detectors(config)?;
        let mut policy = Self {
            payload_keys: payload_keys.map(|k| k.as_bytes().to_vec()).collect(),
            in_text: config.payload.in_text,
            mode: config.payload.mode,
            min_level: config.payload.min_level,
            encoding: config.payload.encoding,
            allow,
            keys: KeyRules::new(&config.deny_keys.names, &config.deny_keys.except),
            memo: Memo::default(),
            detectors,
            has_custom: !config.custom.is_empty(),
            pens: Vec::new(),
            own: Vec::new(),
            hash,
            found: Vec::new(),
        };
        let mut add = |path: String, label: &str, rule: Rule| {
            let pen = Pen::new(label, rule, key, cache)
                .ok_or_else(|| ConfigError::new(path, "'token' needs a key: add a section 'key'"))?;
            policy.pens.push(pen);
            Ok(())
        };
        if config.payload.values == Rule::Off {
            let cure = "'off' would let all payloads through: allow paths in 'tasks', such as {\"default\":{\"allow\":[\"*\"]}}";
            return Err(ConfigError::new("$.payload.values", cure));
        }
        add("$.payload.values".to_owned(), "payload", config.payload.values)?;
        let labels = CLASSES.map(KeyClass::label);
        let rules = &config.deny_keys.rules;
        if let Some(bad) = rules.keys().find(|k| *k != "all" && !labels.contains(&k.as_str())) {
            let known: Vec<&str> = labels.into_iter().chain(["all"]).collect();
            return Err(ConfigError::new(format!("$.deny_keys.rules.{bad}"), unknown("class", bad, &known)));
        }
        for label in labels {
            let rule = rules.get(label).or_else(|| rules.get("all")).copied().unwrap_or_default();
            add(format!("$.deny_keys.rules.{label}"), label, rule)?;
        }
        for (name, path, rule) in detector_rules {
            add(path, &name, rule)?;
        }
        for (i, pen) in (0..).zip(&policy.pens) {
            if matches!(pen.rule(), Rule::Token | Rule::Partial { .. }) {
                policy.own.push(PenId(i));
            }
        }
        Ok(policy)
    }

    /// The context of the value under `key` of an object in context `context`; `judgement` is that of the key.
    pub fn enter(&mut self, context: Context, key: &[u8], judgement: Judgement) -> Context {
        let judged = |context| judgement.class.map_or(context, Context::Secret);
        match context {
            Context::Secret(_) => context,
            Context::Payload(state) => match self.allow.key(state, key) {
                allow::ALL => judged(Context::Allowed),
                state => Context::Payload(state),
            },
            Context::Allowed => judged(context),
            Context::Fields if judgement.payload => Context::Payload(self.allow.root(None)),
            Context::Fields => judged(context),
        }
    }

    /// What `key` means, in an object whose own name is `parent`.
    #[inline]
    pub fn judge(&mut self, key: &[u8], parent: &[u8]) -> Judgement {
        self.judge_mixed(key, parent, mix(parent))
    }

    /// As [`judge`](Self::judge), if the [`mix`] of `parent` is known.
    #[inline]
    pub fn judge_mixed(&mut self, key: &[u8], parent: &[u8], parent_mix: u64) -> Judgement {
        let Self { memo, keys, payload_keys, pens, .. } = self;
        memo.get_or(key, parent_mix, || {
            let on = |class: &KeyClass| {
                pens.get(usize::from(PenId::class(*class).0)).is_none_or(|p| p.rule() != Rule::Off)
            };
            Judgement {
                payload: is_payload_key(payload_keys, key),
                class: keys.judge_under(key, parent).filter(on),
                kind: kind_of(key),
            }
        })
    }

    /// The context of the elements of a list in context `context`.
    pub fn element(&self, context: Context) -> Context {
        match context {
            Context::Payload(state) => match self.allow.element(state) {
                allow::ALL => Context::Allowed,
                state => Context::Payload(state),
            },
            _ => context,
        }
    }

    /// Whether a field of this name holds a payload.
    pub fn is_payload_key(&mut self, key: &[u8]) -> bool {
        self.judge(key, b"").payload
    }

    /// Whether the detectors may find anything in `text`.
    #[inline]
    pub fn may_find(&self, text: &[u8]) -> bool {
        self.detectors.may_match(text)
    }

    /// Findings of the detectors in `text`.
    pub fn findings(&mut self, text: &[u8]) -> &[Finding] {
        self.found.clear();
        self.detectors.scan(text, &mut self.found);
        &self.found
    }

    /// One of the [`findings`](Self::findings) made last.
    pub fn found(&self, index: usize) -> Option<&Finding> {
        self.found.get(index)
    }

    /// Append what takes the place of a whole payload.
    pub fn write_whole(&mut self, value: &[u8], out: &mut Vec<u8>) {
        let Self { pens, hash, mode, .. } = self;
        let Some(pen) = pens.first() else { return };
        match mode {
            PayloadMode::SizeAndHash => pen.mask_with_size(value, hash.as_mut(), out),
            PayloadMode::Redact | PayloadMode::Drop => pen.mask(out),
        }
    }

    /// The detector that knows the number `text`.
    pub fn number(&self, text: &[u8]) -> Option<u16> {
        self.detectors.scan_number(text)
    }

    /// Whether there are detectors of the user's own.
    pub fn has_custom(&self) -> bool {
        self.has_custom
    }

    /// How bad it is that what `pen` is for is in a log.
    pub fn severity(&self, pen: PenId) -> Severity {
        match pen.0.checked_sub(FIRST_DETECTOR) {
            Some(detector) => self.detectors.severity(detector),
            None => match CLASSES.get(usize::from(pen.0).wrapping_sub(1)) {
                None => Severity::High,
                Some(KeyClass::Password | KeyClass::Secret | KeyClass::Financial | KeyClass::NationalId) => {
                    Severity::High
                }
                Some(KeyClass::Code | KeyClass::Person | KeyClass::Contact) => Severity::Medium,
                Some(KeyClass::Network) => Severity::Low,
            },
        }
    }

    /// A pen.
    pub fn pen(&self, id: PenId) -> Option<&Pen> {
        self.pens.get(usize::from(id.0))
    }

    /// A pen to write with.
    pub fn pen_mut(&mut self, id: PenId) -> Option<&mut Pen> {
        self.pens.get_mut(usize::from(id.0))
    }

    /// Append what takes the place of a value that `pen` is for. A token names what the value is, if a detector knows
    /// all of it, so that a person has one token wherever the name or address came up.
    pub fn write(&mut self, pen: PenId, value: &[u8], out: &mut Vec<u8>) {
        let mut pen = pen;
        if pen.0 < FIRST_DETECTOR && self.pen(pen).is_some_and(|p| p.rule() == Rule::Token) {
            let whole = self.findings(value).iter().find(|f| f.start == 0 && f.end == value.len()).copied();
            if let Some(finding) = whole {
                let detector = PenId::detector(finding.detector);
                if self.pen(detector).is_some_and(|p| p.rule() == Rule::Token) {
                    pen = detector;
                }
            }
        }
        match self.pen_mut(pen) {
            Some(pen) => pen.write(value, out),
            None => out.extend_from_slice(b"[REDACTED]"),
        }
    }

    /// Whether `value` is a replacement already.
    pub fn is_replacement(&self, value: &[u8]) -> bool {
        value.is_empty()
            || pen::is_marker(value)
            || self.own.iter().any(|p| self.pen(*p).is_some_and(|p| p.is_own(value)))
    }
}

/// The names under which shippers hand over a line as it was printed.
const LINE_KEYS: [&[u8]; 5] = [b"log", b"message", b"MESSAGE", b"msg", b"line"];
/// The names under which loggers give the level.
const LEVEL_KEYS: [&[u8]; 5] = [b"level", b"lvl", b"severity", b"L", b"levelname"];
/// The names under which loggers give the time.
const TIME_KEYS: [&[u8]; 6] = [b"time", b"ts", b"timestamp", b"@timestamp", b"date", b"T"];

/// The names under which container runtimes speak of pieces of lines.
const PIECE_KEYS: [&[u8]; 5] = [b"logtag", b"_p", b"partial_message", b"stream", b"log"];

fn kind_of(key: &[u8]) -> u8 {
    let mut kind = 0;
    let kinds = [
        (&LINE_KEYS[..], memo::LINE),
        (&LEVEL_KEYS, memo::LEVEL),
        (&TIME_KEYS, memo::TIME),
        (&PIECE_KEYS, memo::PIECE),
    ];
    for (names, mark) in kinds {
        if names.contains(&key) {
            kind |= mark;
        }
    }
    if key.eq_ignore_ascii_case(b"name") {
        kind |= memo::NAME;
    }
    // No detector knows anything that short, or without one of these.
    if key.len() >= 6 && key.iter().any(|b| matches!(b, b'@' | b'0'..=b'9')) {
        kind |= memo::ODD;
    }
    kind
}

/// Whether `key`, of a dotted name the last part, is one of `names` in any case style, or one with a suffix that names a
/// coding.
fn is_payload_key(names: &[Vec<u8>], key: &[u8]) -> bool {
    let name = memchr::memrchr(b'.', key).map_or(key, |dot| &key[dot + 1..]);
    if !(3..=40).contains(&name.len()) {
        return false;
    }
    let stem = CODED_SUFFIXES.iter().find_map(|s| name.strip_suffix(*s)).unwrap_or(name);
    let payload = name.len() > 7 && name[name.len() - 7..].eq_ignore_ascii_case(b"payload");
    names.iter().any(|k| same_name(k, name) || same_name(k, stem) || (payload && same_name(k, b"payload")))
}

/// What programs add to the name of a payload that they print in another coding.
const CODED_SUFFIXES: [&[u8]; 10] =
    [b"_hex", b"_b64", b"_base64", b"_raw", b"_json", b"_text", b"_string", b"_str", b"Hex", b"Base64"];

type DetectorRules = Vec<(String, String, Rule)>;

/// The detectors that are on, and for each its name, the path of its rule in the config, and the rule.
fn detectors(config: &Config) -> Result<(Detectors, DetectorRules), ConfigError> {
    let definitions = tamis_detectors::definitions();
    let ids: Vec<&str> = definitions.iter().map(|d| d.id).collect();
    if let Some(bad) = config.detectors.keys().find(|k| *k != "all" && !ids.contains(&k.as_str())) {
        return Err(ConfigError::new(format!("$.detectors.{bad}"), unknown("detector", bad, &ids)));
    }
    let rule = |id: &str, on: bool| {
        let default = if on { Rule::Mask } else { Rule::Off };
        let named = config.detectors.get(id);
        named.or_else(|| config.detectors.get("all").filter(|_| on)).copied().unwrap_or(default)
    };
    let custom: Vec<CustomDetector> = config
        .custom
        .iter()
        .map(|c| CustomDetector {
            name: c.name.clone(),
            pattern: c.pattern.clone(),
            keywords: c.keywords.clone(),
            severity: Severity::High,
        })
        .collect();
    for (i, c) in config.custom.iter().enumerate() {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if c.name.is_empty() || c.name.len() > 32 || !c.name.bytes().all(good) {
            let cure = "must be 1 to 32 lower-case letters, digits and dashes: it stands in markers";
            return Err(ConfigError::new(format!("$.custom[{i}].name"), cure));
        }
        if ids.contains(&c.name.as_str()) || c.name == "all" {
            let cure = format!("'{}' is the name of a built-in detector: choose another", c.name);
            return Err(ConfigError::new(format!("$.custom[{i}].name"), cure));
        }
    }
    let detectors = Detectors::new(|d| rule(d.id, d.on_by_default) != Rule::Off, &custom)
        .map_err(|(i, message)| ConfigError::new(format!("$.custom[{i}].pattern"), message))?;
    let built_in = definitions
        .iter()
        .map(|d| (d.id.to_owned(), format!("$.detectors.{}", d.id), rule(d.id, d.on_by_default)));
    let own = config
        .custom
        .iter()
        .enumerate()
        .map(|(i, c)| (c.name.clone(), format!("$.custom[{i}].rule"), c.rule));
    Ok((detectors, built_in.chain(own).collect()))
}
