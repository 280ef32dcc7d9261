//! Any bytes, as lines of text and as JSON, one after the other in one stream: no panic, text becomes JSON, JSON stays JSON.
#![no_main]

use chatwoot_auth_tagger::ChatwootAuthTagger;
use libfuzzer_sys::fuzz_target;
use tamis_sdk::{Action, Encoding, Key, Meta, Session, record::scan};

const CONFIGS: [&str; 4] = [
    "",
    r#"{"schema":"ocsf","crowdsec":true,"requests":{"open":8,"max_age_seconds":1}}"#,
    r#"{"schema":"flat","prefix":"p","alerts":{"keys":8,"list":1,"brute_force":{"failures":1},"web_scan":{"paths":1},"enumeration":{"requests":1}}}"#,
    r#"{"dotted":true,"scrub_record":false,"utc_offset_minutes":-840}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bodies)) = input.split_first() else { return };
    let encoding = if choice & 1 == 0 { Encoding::Text } else { Encoding::Json };
    let config = CONFIGS[usize::from(choice >> 1) % CONFIGS.len()];
    let no_files = |section: &tamis_sdk::KeyConfig| section.resolve(|_| Err(String::new()), |_| Err(String::new()));
    let Ok(mut session) = Session::<ChatwootAuthTagger>::new(config, |k| -> Result<Key, _> { no_files(k) }) else {
        panic!("the config is good");
    };
    let (mut out, mut tape) = (Vec::new(), Vec::new());
    for (n, body) in bodies.split(|b| *b == b'\n').enumerate() {
        out.clear();
        let timestamp_ns = if choice & 128 == 0 { 0 } else { n as u64 * 1_000_000_000 };
        let action = session.process(Meta { tag: b"fuzz", timestamp_ns }, encoding, body, &mut out);
        let was_json = encoding == Encoding::Json && scan::scan(body, &mut tape).is_ok();
        assert!(encoding == Encoding::Json || action == Action::ReplaceJson);
        if action == Action::ReplaceJson || (action == Action::Replace && was_json) {
            assert!(scan::scan(&out, &mut tape).is_ok(), "{}", String::from_utf8_lossy(&out));
        }
    }
});
