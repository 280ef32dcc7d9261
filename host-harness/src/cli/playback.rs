//! `tamis replay --recording`: a recording through filters to standard output, or into a
//! case.

use std::{
    io::{self, BufReader, BufWriter, Read},
    path::{Component, Path},
};

use anyhow::{Context, anyhow};

use super::{
    Failure,
    configs::{self, Config},
    input,
    output::{self, STDOUT},
    replay::{Args, Only},
    run::{open, sink},
};
use crate::{
    input::decode,
    pipeline::Chain,
    recording::{
        case,
        format::Reader,
        player,
        rate::{Rate, SystemClock},
    },
    select::{Opener, Target, is_filter},
};

fn reader(path: &Path) -> Result<Reader<BufReader<Box<dyn Read + Send>>>, Failure> {
    let open = || Ok::<_, io::Error>(decode::decode(input::open(path)?)?.reader);
    let input = open().with_context(|| format!("cannot read {}", path.display())).map_err(Failure::Io)?;
    Reader::new(BufReader::with_capacity(1 << 16, input))
        .map_err(|e| Failure::from(player::cannot_read(&path.display().to_string(), e)))
}

/// Replay a recording through the filters of the command line.
pub(super) fn run(args: &Args, recording: &Path) -> Result<(), Failure> {
    if let Some(wrong) = args.patterns.iter().find(|p| !is_filter(p)) {
        // `find` says what it should have been.
        return Err(Target::find(wrong)
            .map_or_else(Failure::Usage, |_| Failure::Usage(anyhow!("no filter: {wrong}"))));
    }
    let targets = args.patterns.iter().map(|p| Target::find(p)).collect::<anyhow::Result<Vec<_>>>();
    let targets = targets.map_err(Failure::start)?;
    let host = match args.host[..] {
        [] => None,
        [host] => Some(host),
        _ => return Err(Failure::Usage(anyhow!("a recording is replayed in one host: give --host once"))),
    };
    if !args.config.is_empty() && targets.is_empty() {
        return Err(Failure::Usage(anyhow!("--config is for a filter: name one")));
    }
    let configs = configs::of(&args.config, &targets).map_err(Failure::start)?;
    output::check(&[("the records", Path::new(STDOUT))], &[recording]).map_err(Failure::start)?;
    let mut reader = reader(recording)?;
    let opener = Opener::default();
    let mut stages = Vec::new();
    for (target, config) in targets.iter().zip(configs) {
        let kind = target.host(host).map_err(Failure::Usage)?;
        stages.push(open(&opener, target, kind, config, None)?);
    }
    let mut chain = (!stages.is_empty()).then(|| Chain::new(stages));
    let output = BufWriter::new(sink(None).map_err(Failure::Io)?);
    let rate = args.rate.unwrap_or(Rate::Max);
    let name = recording.display().to_string();
    player::play(&mut reader, &name, chain.as_mut(), rate, SystemClock::default(), output)?;
    Ok(())
}

/// Make a case of a recording. Gives the pattern that means this case.
pub(super) fn make_case(args: &Args, recording: &Path, case: &str) -> Result<String, Failure> {
    let parts: Vec<_> = Path::new(case).components().collect();
    let [Component::Normal(filter), Component::Normal(name)] = parts[..] else {
        return Err(Failure::Usage(anyhow!(
            "--case '{case}' must be FILTER/CASE, such as coturn-ip-anonymizer/incident"
        )));
    };
    let (filter, name) = (filter.to_string_lossy(), name.to_string_lossy());
    if args.artifacts.is_none() && crate::host::native::builtin(&filter).is_none() {
        return Err(Failure::Usage(anyhow!(
            "--case '{case}': no built-in filter is called '{filter}'; for one of your own give --artifacts DIR"
        )));
    }
    if !args.patterns.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "--case runs the new case alone: leave {} out",
            args.patterns.join(" ")
        )));
    }
    let config = match &args.config[..] {
        [] => None,
        [path] => Some(Config::read(Path::new(path)).map_err(Failure::start)?.text),
        _ => return Err(Failure::Usage(anyhow!("a case has one config: give --config once"))),
    };
    let mut reader = reader(recording)?;
    let input = case::input(&mut reader, args.only.map(Only::encoding))
        .with_context(|| recording.display().to_string())
        .map_err(Failure::start)?;
    let description = format!("recorded {}", reader.header().created);
    let dir = args.cases.join(&*filter).join(&*name);
    let path = case::write(&dir, &input, &description, config.as_deref()).map_err(Failure::start)?;
    note!("tamis: {} records in {}; read them, and what is expected of them", input.records, path.display());
    if input.broken > 0 {
        note!("tamis: {} of them hold line feeds and are several lines of text now", input.broken);
    }
    if reader.header().filters.is_empty() {
        note!("tamis: warning: this was recorded with --raw: look for what must not be in a repository");
    }
    Ok(format!("{filter}/{name}"))
}
