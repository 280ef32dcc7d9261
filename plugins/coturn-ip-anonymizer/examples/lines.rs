use coturn_ip_anonymizer::CoturnIpAnonymizer;
use std::io::{Read, Write};
use tamis_sdk::{Action, Encoding, Meta, Session};
fn main() {
    let config = std::env::args().nth(1).unwrap_or_default();
    let mut s = Session::<CoturnIpAnonymizer>::new(&config, |k| k.resolve_from_process()).unwrap();
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input).unwrap();
    let mut out = Vec::new();
    for line in input.split_inclusive(|b| *b == b'\n') {
        let body = line.strip_suffix(b"\n").unwrap_or(line);
        let a = s.process(Meta { tag: b"", timestamp_ns: 0 }, Encoding::Text, body, &mut out);
        if a == Action::Keep {
            out.extend_from_slice(body)
        }
        if line.ends_with(b"\n") {
            out.push(b'\n')
        }
    }
    std::io::stdout().write_all(&out).unwrap();
    for (n, c) in s.counters() {
        eprint!("{n}={c} ");
    }
    eprintln!();
}
