//! Every recorded case on every host, as `tamis replay` does it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use tamis::{host::HostKind, replay, select::Opener};

#[test]
fn every_case_is_as_expected_on_every_host() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = replay::discover(&dir, &[]).unwrap();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let opener = Opener::default();
    let mut failures = Vec::new();
    let (mut runs, mut skips) = (0, 0);
    for case in &cases {
        assert!(!case.description.is_empty(), "{}/{} needs a describe.txt", case.filter, case.name);
        match replay::check(case, &HostKind::ALL, false, &opener) {
            Ok(outcome) => {
                runs += outcome.passed.len();
                skips += case.skipped.len();
                for (host, difference) in outcome.failed {
                    failures.push(format!("{}/{} on {host}:\n{difference}", case.filter, case.name));
                }
            }
            Err(error) => failures.push(format!("{}/{}: {error:#}", case.filter, case.name)),
        }
    }
    println!("{} cases, {runs} runs, {skips} skips, {} failures", cases.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
