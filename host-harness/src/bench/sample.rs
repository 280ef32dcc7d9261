//! Recorded log lines that are built in, so that `tamis bench` works without any file. They are
//! taken from `tests/corpus`, a few hundred per filter.

/// The lines that suit a filter: logs of the program it was made for; for any other filter,
/// those of coturn.
#[must_use]
pub fn of(filter: &str) -> (&'static str, &'static [u8]) {
    match filter {
        "asynq-payload-redactor" => {
            ("built-in asynq sample (zerolog)", include_bytes!("samples/asynq-payload-redactor.jsonl"))
        }
        "chatwoot-auth-tagger" => {
            ("built-in chatwoot sample (rails, lograge)", include_bytes!("samples/chatwoot-auth-tagger.log"))
        }
        _ => ("built-in coturn sample", include_bytes!("samples/coturn-ip-anonymizer.log")),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::*;
    use crate::{bench::corpus::Corpus, host::native::BUILTINS};

    #[test]
    fn samples_are_recorded_lines_that_the_filters_have_work_with() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
        let mut recorded = HashSet::new();
        for log in ["coturn/4.6.1-load-mixed.log", "asynq/zerolog.jsonl", "chatwoot/rails-lograge.log"] {
            let text = fs::read(corpus.join(log)).unwrap();
            recorded.extend(text.split(|b| *b == b'\n').map(<[u8]>::to_vec));
        }
        for filter in BUILTINS {
            let (_, bytes) = of(filter.name);
            let sample = Corpus::new(bytes.to_vec()).unwrap();
            let records = sample.records(sample.encoding);
            assert!((150..1000).contains(&records.len()), "{}: {}", filter.name, records.len());
            assert!(records.iter().all(|line| recorded.contains(line)), "{}", filter.name);
        }
    }
}
