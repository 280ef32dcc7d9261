fn main() -> anyhow::Result<()> {
    let corpus = tamis_benches::corpus::Corpus::read()?;
    let r = tamis_benches::fuel::measure(&corpus, "coturn-ip-anonymizer")?;
    for l in std::iter::once(&r.total).chain(&r.groups).chain(&r.templates) {
        println!(
            "{:>5} {:>8.0} {:>8.0} {:>6.2}  {:>8.0} {:>8.0} {:>6.2} {}",
            l.records,
            l.identity,
            l.filter,
            l.ratio,
            l.dispatched_identity,
            l.dispatched_filter,
            l.dispatched_ratio,
            l.group
        );
    }
    Ok(())
}
