//! Any bytes, as lines of text and as JSON, one after the other in one stream: no panic, JSON stays JSON, and the audit's
//! notes stand within the record.
#![no_main]

use asynq_payload_redactor::{AsynqPayloadRedactor, config::Config, inspect::Inspector};
use libfuzzer_sys::fuzz_target;
use tamis_sdk::{Action, Encoding, Key, Meta, Session, record::scan};

const CONFIGS: [&str; 4] = [
    "",
    r#"{"key":{"id":"k1","value":"0123456789abcdef"},"payload":{"values":"token"},"deny_keys":{"rules":{"all":"token"}},"detectors":{"all":"token"},"lift":true}"#,
    r#"{"tasks":{"a:b":{"allow":["x","y[].z"]},"default":{"allow":["q.*"]}},"payload":{"encoding":"plain","min_level":"debug"},"counts_field":"n"}"#,
    r#"{"payload":{"values":"remove"},"deny_keys":{"rules":{"all":"remove"}},"detectors":{"all":{"partial":{"first":1,"last":2}}}}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bodies)) = input.split_first() else { return };
    let encoding = if choice & 1 == 0 { Encoding::Text } else { Encoding::Json };
    let config = CONFIGS[usize::from(choice >> 1) % CONFIGS.len()];
    let no_files = |section: &tamis_sdk::KeyConfig| section.resolve(|_| Err(String::new()), |_| Err(String::new()));
    let Ok(mut session) = Session::<AsynqPayloadRedactor>::new(config, |k| -> Result<Key, _> { no_files(k) }) else {
        panic!("the config is good");
    };
    let mut inspector = Inspector::new(&Config::default(), None).expect("the default config is good");
    let (mut out, mut tape) = (Vec::new(), Vec::new());
    for body in bodies.split(|b| *b == b'\n') {
        out.clear();
        let action = session.process(Meta { tag: b"fuzz", timestamp_ns: 0 }, encoding, body, &mut out);
        let was_json = encoding == Encoding::Json && scan::scan(body, &mut tape).is_ok();
        if action == Action::ReplaceJson || (action == Action::Replace && was_json) {
            assert!(scan::scan(&out, &mut tape).is_ok(), "{}", String::from_utf8_lossy(&out));
        }
        for note in inspector.inspect(b"fuzz", body, encoding == Encoding::Json) {
            assert!(note.start <= note.end && note.end <= body.len());
        }
    }
});
