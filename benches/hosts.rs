//! Criterion: each host on one batch of a recorded log, with the identity filter as the
//! control. `cargo bench -p tamis-benches --bench hosts -- component`

// What a bench cannot start with, it stops at.
#![allow(missing_docs, clippy::expect_used)]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tamis::{host::Outcome, input::READ_BYTES, select::Opener};
use tamis_benches::{corpus, throughput};

fn hosts(criterion: &mut Criterion) {
    let opener = Opener::default();
    for suite in throughput::SUITES {
        for log in suite.logs {
            let corpus = corpus::read(log).expect("the recorded log");
            let batches = corpus.batches(corpus.encoding, READ_BYTES as u64);
            let mut group = criterion.benchmark_group(*log);
            group.throughput(Throughput::Bytes(batches.bytes));
            for case in suite.cases(corpus.encoding).into_iter().filter(|c| c.encoding == corpus.encoding) {
                let mut host = throughput::open(&opener, case).expect("the filter starts");
                let mut outcome = Outcome::default();
                group.bench_function(BenchmarkId::new(case.host.name(), case.filter), |bencher| {
                    bencher.iter(|| {
                        throughput::pass(host.as_mut(), &batches, &mut outcome).expect("it filters")
                    });
                });
            }
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    // Differences that matter here are tens of per cent, and there are many cases.
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = hosts
}
criterion_main!(benches);
