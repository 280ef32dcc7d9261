//! `tamis reveal`: pseudonyms back to what they stand for.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ipnet::IpNet;
use serde_json::json;
use tamis_sdk::{
    Key, KeyConfig,
    pseudonym::{AddressCipher, CipherKind, KeyUse},
};

use super::{Failure, Format, configs::Config, input, output};
use crate::{
    input::decode,
    keys,
    reveal::{
        Candidate, Meaning, Revealer, Tokens, Unknown,
        audit_log::{self, AuditLog, Line, User},
        candidates,
    },
};

/// A longer line is read in pieces: no token is that long.
const MAX_LINE_BYTES: u64 = 1 << 20;

const AFTER_HELP: &str = "\
Addresses of the modes `deterministic` and `prefix-preserving` are decrypted. Tokens \
(user-k1-...) cannot be; candidates are tried: users from a file, all addresses of a network. \
With --log, all tokens of this key in a log are looked for.

The key comes from the `key` section of a filter's config, or from a file, the environment or \
standard input, as `hex:...`, `base64:...` or text; never from the command line, where every \
user of the machine could see it. For each pseudonym a line goes to the audit log before \
anything is printed: time, user, key id, pseudonym, whether it was revealed, the reason; never \
the value.

Exit codes: 1 if a pseudonym could not be revealed; else as `tamis --help` says.

Examples:
  tamis reveal --config coturn.json --audit-log reveal.log --reason 'case 12' \\
      151.82.155.134
  tamis reveal --key-id k1 --key-file /etc/tamis/key --audit-log reveal.log \\
      --reason 'case 4711' --candidates users.txt user-k1-mfzxg4tbonqwg3dp
  tamis reveal --config coturn.json --audit-log reveal.log --reason 'case 12' \\
      --log clean.log.gz --network 198.51.100.0/24 --format json";

/// Say what pseudonyms stand for, given the key; with an audit trail.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Tokens, or addresses that were encrypted.
    #[arg(value_name = "PSEUDONYM")]
    pseudonyms: Vec<String>,

    /// Look for tokens in this log, too (`-` is standard input); gzip and zstd are told by their first
    /// bytes; can be given several times.
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,

    /// Why: for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Where to append a line for each pseudonym; a file for its owner alone.
    #[arg(long, value_name = "FILE")]
    audit_log: PathBuf,

    /// The config of the filter: its `key`, and `ip.mode` and `ip.ipcrypt_key` if it has them.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,

    /// In place of --config: the id of the key, with --key-file, --key-env or --key-stdin.
    #[arg(long, value_name = "ID", conflicts_with = "config")]
    key_id: Option<String>,

    /// A file that holds the key.
    #[arg(long, value_name = "FILE", group = "key_source", requires = "key_id")]
    key_file: Option<String>,

    /// An environment variable that holds the key.
    #[arg(long, value_name = "NAME", group = "key_source", requires = "key_id")]
    key_env: Option<String>,

    /// Read the key from standard input.
    #[arg(long, group = "key_source", requires = "key_id")]
    key_stdin: bool,

    /// Refused: see above.
    #[arg(long, hide = true, value_name = "KEY")]
    key: Option<String>,

    /// How addresses were encrypted [default: as the config says].
    #[arg(long, value_enum, value_name = "MODE")]
    ip_mode: Option<IpMode>,

    /// How the cipher's key came from the key [default: as the config says, else derived].
    #[arg(long, value_enum, value_name = "USE")]
    ipcrypt_key: Option<IpcryptKey>,

    /// A value that a token may stand for; can be given several times.
    #[arg(long, value_name = "TEXT")]
    candidate: Vec<String>,

    /// A file of such values, one on each line (`-` is standard input); can be given several times.
    #[arg(long, value_name = "FILE")]
    candidates: Vec<PathBuf>,

    /// A network (CIDR) whose addresses are tried; at most an IPv4 /8 or an IPv6 /104; can be given
    /// several times.
    #[arg(long, value_name = "CIDR")]
    network: Vec<IpNet>,

    /// How to print what was found; JSON is one object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum IpMode {
    Deterministic,
    PrefixPreserving,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum IpcryptKey {
    Derived,
    Raw,
}

/// What was asked for, and what it is.
struct Answer {
    pseudonym: String,
    meaning: Meaning,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    check(&args).map_err(Failure::start)?;
    let (key, cipher) = key(&args).map_err(Failure::start)?;
    let mut revealer = Revealer::new(key, cipher);
    // Before any work: without it nothing is done.
    let mut audit_log = AuditLog::open(&args.audit_log).map_err(Failure::Io)?;

    let (mut answers, mut tokens) = (Vec::new(), Tokens::default());
    let mut asked = HashSet::new();
    for pseudonym in args.pseudonyms.iter().filter(|p| asked.insert(p.as_str())) {
        if let Some(meaning) = at_once(&mut revealer, pseudonym, &mut tokens).map_err(Failure::Usage)? {
            answers.push(Answer { pseudonym: pseudonym.clone(), meaning });
        }
    }
    for log in &args.log {
        find(&mut revealer, log, &mut tokens).map_err(Failure::Io)?;
    }
    if tokens.is_full() {
        note!("tamis: the logs hold more than {} tokens: those after them are left out", tokens.len());
    }
    let found = try_candidates(&args, &mut revealer, &mut tokens)?;
    let value = |(pseudonym, value)| Answer { pseudonym, meaning: Meaning::Value(value) };
    answers.extend(found.into_iter().map(value));
    let left =
        |token: &str| Answer { pseudonym: token.to_owned(), meaning: Meaning::Unknown(Unknown::NoCandidate) };
    answers.extend(tokens.iter().map(left));
    // In the order in which they were asked for; those of logs behind.
    let place = |answer: &Answer| {
        args.pseudonyms.iter().position(|p| *p == answer.pseudonym).unwrap_or(args.pseudonyms.len())
    };
    answers.sort_by_cached_key(place);

    write_audit(&args, &revealer, &answers, &mut audit_log).map_err(Failure::Io)?;
    print(&args, revealer.key_id(), &answers)?;
    let all = answers.iter().all(|answer| !matches!(answer.meaning, Meaning::Unknown(_)));
    if all { Ok(()) } else { Err(Failure::Findings) }
}

fn check(args: &Args) -> anyhow::Result<()> {
    if args.key.is_some() {
        bail!(
            "a key on the command line can be seen by all users of this machine, and is in the history of the \
             shell: take another one, and give it by --key-file, --key-env or --key-stdin"
        );
    }
    ensure!(!args.reason.trim().is_empty(), "--reason is empty: say why");
    ensure!(
        !args.pseudonyms.is_empty() || !args.log.is_empty(),
        "nothing to reveal: name a pseudonym, or a log that holds some with --log FILE"
    );
    ensure!(
        args.config.is_some() || args.key_id.is_some(),
        "no key: name the config of the filter with --config FILE, or the key with --key-id ID and --key-file FILE"
    );
    let from_elsewhere = args.key_file.is_some() || args.key_env.is_some() || args.key_stdin;
    ensure!(
        args.key_id.is_none() || from_elsewhere,
        "--key-id says which key it is, not what: add --key-file FILE, --key-env NAME or --key-stdin"
    );
    let files = args.log.iter().chain(&args.candidates);
    let stdin = files.clone().filter(|file| input::is_stdin(file)).count() + usize::from(args.key_stdin);
    ensure!(stdin <= 1, "standard input can be read once: as the key, a log, or candidates");
    ensure!(
        output::file(Some(&args.audit_log)).is_some(),
        "--audit-log -: the audit log stays when this is over: name a file"
    );
    let mut inputs: Vec<&Path> = files.map(PathBuf::as_path).collect();
    inputs.extend(args.config.as_deref());
    inputs.extend(args.key_file.as_deref().map(Path::new));
    output::check(&[("--audit-log", &args.audit_log)], &inputs)
}

/// The key, and the cipher of addresses if it is known which.
fn key(args: &Args) -> anyhow::Result<(Key, Option<AddressCipher>)> {
    let (mut section, mut base_dir) = (KeyConfig::default(), None::<PathBuf>);
    let (mut mode, mut key_use) = (args.ip_mode, args.ipcrypt_key);
    if let Some(path) = &args.config {
        let file = Config::read(path)?;
        let config: serde_json::Value =
            serde_json::from_str(&file.text).with_context(|| format!("{} is not JSON", path.display()))?;
        // The config of a proxy's plugin has that of the filter in it.
        let config = config.get("filter").unwrap_or(&config);
        let found = config.get("key").with_context(|| {
            let words =
                "has no section 'key': name the key with --key-id ID and --key-file FILE instead of --config";
            format!("{} {words}", path.display())
        })?;
        section = serde_json::from_value(found.clone())
            .with_context(|| format!("{}: $.key is not right", path.display()))?;
        base_dir = file.base_dir();
        mode = mode.or_else(|| match config["ip"]["mode"].as_str()? {
            "deterministic" => Some(IpMode::Deterministic),
            "prefix-preserving" => Some(IpMode::PrefixPreserving),
            _ => None,
        });
        if key_use.is_none() && config["ip"]["ipcrypt_key"] == "raw" {
            key_use = Some(IpcryptKey::Raw);
        }
    } else {
        section.id = args.key_id.clone().unwrap_or_default();
        section.file.clone_from(&args.key_file);
        section.env.clone_from(&args.key_env);
        if args.key_stdin {
            let mut text = String::new();
            io::stdin().lock().take(1 << 16).read_to_string(&mut text).context("cannot read the key")?;
            section.value = Some(text);
        }
    }
    let key =
        keys::resolve(&section, base_dir.as_deref()).map_err(|e| anyhow!("key{}: {}", e.path, e.message))?;
    let key_use = match key_use {
        Some(IpcryptKey::Raw) => KeyUse::Raw,
        Some(IpcryptKey::Derived) | None => KeyUse::Derived,
    };
    let kind = mode.map(|mode| match mode {
        IpMode::Deterministic => CipherKind::Deterministic,
        IpMode::PrefixPreserving => CipherKind::PrefixPreserving,
    });
    let cipher = kind.map(|kind| AddressCipher::new(kind, &key, key_use)).transpose();
    Ok((key, cipher.map_err(|e| anyhow!("{}", e.0))?))
}

/// What needs no candidates; a token is taken up among those that do.
fn at_once(revealer: &mut Revealer, pseudonym: &str, tokens: &mut Tokens) -> anyhow::Result<Option<Meaning>> {
    if let Ok(address) = pseudonym.parse::<IpAddr>() {
        let meaning = revealer.decrypt(address).with_context(|| {
            format!(
                "{pseudonym}: say how addresses were encrypted: --ip-mode deterministic or prefix-preserving"
            )
        })?;
        return Ok(Some(meaning));
    }
    match revealer.want(pseudonym, tokens) {
        Ok(()) => Ok(None),
        Err(Unknown::NoPseudonym) => bail!(
            "'{}' is neither an address nor a token such as user-{}-mfzxg4tbonqwg3dp",
            pseudonym.escape_debug(),
            revealer.key_id()
        ),
        Err(unknown) => Ok(Some(Meaning::Unknown(unknown))),
    }
}

fn find(revealer: &mut Revealer, log: &Path, tokens: &mut Tokens) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", log.display());
    let decoded = input::open(log).and_then(decode::decode).with_context(cannot)?;
    let mut reader = BufReader::new(decoded.reader);
    let mut line = Vec::new();
    while (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).with_context(cannot)? > 0 {
        revealer.find(&line, tokens);
        // A token may lie across the cut of a long line.
        let whole = line.last() == Some(&b'\n');
        let kept = if whole { 0 } else { line.len().min(128) };
        line.drain(..line.len() - kept);
    }
    Ok(())
}

fn try_candidates(
    args: &Args,
    revealer: &mut Revealer,
    tokens: &mut Tokens,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let mut networks = Vec::new();
    for network in &args.network {
        networks.push(candidates::addresses(*network).map_err(Failure::Usage)?);
    }
    for text in &args.candidate {
        revealer.try_candidate(&Candidate::new(text), tokens, &mut found);
    }
    for path in &args.candidates {
        let cannot = || format!("cannot read the candidates {}", path.display());
        let file = input::open(path).with_context(cannot).map_err(Failure::Io)?;
        for line in BufReader::new(file).lines() {
            let line = line.with_context(cannot).map_err(Failure::Io)?;
            let text = line.trim_end_matches('\r');
            if !text.is_empty() {
                revealer.try_candidate(&Candidate::new(text), tokens, &mut found);
            }
        }
    }
    let total: u128 = networks.iter().map(|(count, _)| count).sum();
    let bar = progress(u64::try_from(total).unwrap_or(u64::MAX));
    for address in networks.into_iter().flat_map(|(_, all)| all) {
        if tokens.is_empty() {
            break;
        }
        let text = address.to_string();
        revealer.try_candidate(&Candidate { text: &text, address: Some(address) }, tokens, &mut found);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(found)
}

fn write_audit(
    args: &Args,
    revealer: &Revealer,
    answers: &[Answer],
    audit_log: &mut AuditLog,
) -> anyhow::Result<()> {
    let (user, time) = (User::current(), audit_log::now());
    let lines: Vec<Line<'_>> = answers
        .iter()
        .map(|answer| Line {
            time: time.clone(),
            user: &user.name,
            uid: user.uid,
            sudo_user: user.sudo_user.as_deref(),
            key_id: revealer.key_id(),
            pseudonym: &answer.pseudonym,
            revealed: !matches!(answer.meaning, Meaning::Unknown(_)),
            reason: args.reason.trim(),
        })
        .collect();
    audit_log.append(&lines)
}

fn print(args: &Args, key_id: &str, answers: &[Answer]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for Answer { pseudonym, meaning } in answers {
        let why = match meaning {
            Meaning::Unknown(unknown) => Some(why(unknown, key_id)),
            _ => None,
        };
        if args.format == Format::Json {
            let line = match meaning {
                Meaning::Value(value) => json!({"pseudonym": pseudonym, "value": value, "certain": true}),
                Meaning::Address { address, certain } => {
                    json!({"pseudonym": pseudonym, "value": address, "certain": certain})
                }
                Meaning::Unknown(_) => json!({"pseudonym": pseudonym, "value": null, "why": why}),
            };
            writeln!(out, "{line}")?;
            continue;
        }
        match meaning {
            Meaning::Value(value) => writeln!(out, "{pseudonym} = {}", value.escape_debug())?,
            Meaning::Address { address, certain: true } => writeln!(out, "{pseudonym} = {address}")?,
            Meaning::Address { address, certain: false } => {
                writeln!(
                    out,
                    "{pseudonym} = {address} (if it was made with this key and mode: nothing in it tells)"
                )?;
            }
            Meaning::Unknown(_) => writeln!(out, "{pseudonym} : {}", why.unwrap_or_default())?,
        }
    }
    out.flush()
}

fn why(unknown: &Unknown, key_id: &str) -> String {
    match unknown {
        Unknown::OtherKey(id) => format!("was made with the key '{id}', and this is '{key_id}'"),
        Unknown::Forged => format!("was not made with this key '{key_id}'"),
        Unknown::NoCandidate => "none of the candidates".to_owned(),
        Unknown::NoPseudonym => "no pseudonym".to_owned(),
    }
}

fn progress(total: u64) -> ProgressBar {
    if total < 1 << 16 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} candidates {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
