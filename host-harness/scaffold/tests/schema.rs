//! The checked-in config schema is the one that the config type generates; `make schema` rewrites it.

#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used)]

#[test]
fn schema_is_current() {
    let schema = schemars::schema_for!(template_filter::config::Config);
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "run `make schema`");
}
