use tamis_benches::fuel::{Count, Meter};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let lines = std::fs::read(&args[1]).unwrap();
    let json = args.get(2).is_none();
    for f in ["identity", "asynq-payload-redactor", "chatwoot-auth-tagger"] {
        let wasm = std::fs::read(format!("target/artifacts/{f}.fluent-bit.wasm")).unwrap();
        let mut m = Meter::start(&wasm, Count::Dispatched).unwrap();
        let recs: Vec<Vec<u8>> = lines
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| {
                if json {
                    l.to_vec()
                } else {
                    serde_json::to_vec(&serde_json::json!({"log": String::from_utf8_lossy(l)})).unwrap()
                }
            })
            .collect();
        if let Ok(n) = std::env::var("WARM") {
            for r in &recs[..n.parse().unwrap()] {
                m.record(r).unwrap();
            }
            for r in &recs[n.parse::<usize>().unwrap()..] {
                println!(
                    "   {f} {} {}",
                    m.record(r).unwrap().instructions,
                    String::from_utf8_lossy(&r[..r.len().min(300)])
                );
            }
            continue;
        }
        for _ in 0..3 {
            for r in &recs {
                m.record(r).unwrap();
            }
        }
        let n: u64 = recs.iter().map(|r| m.record(r).unwrap().instructions).sum();
        let b: usize = recs.iter().map(Vec::len).sum();
        println!("{f}: {} a record of {} bytes", n / recs.len() as u64, b / recs.len());
        if std::env::var_os("EACH").is_some() {
            for r in recs.iter().take(100000) {
                println!(
                    "   {} {}",
                    m.record(r).unwrap().instructions,
                    String::from_utf8_lossy(&r[..r.len().min(420)])
                );
            }
        }
    }
}
