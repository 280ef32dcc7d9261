//! The tables of `docs/chatwoot-auth-tagger.md` are those of the code. `BLESS=1` writes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fmt::Write as _, fs, path::PathBuf};

use chatwoot_auth_tagger::{alert::RULES, config::AlertsConfig, event::Action};
use serde_json::Value;
use tamis::{host::HostKind, select::Opener};
use tamis_tests::{chatwoot::FILTER, records};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/chatwoot-auth-tagger.md")
}

/// The part between the comments `<!-- name -->` and `<!-- /name -->` must be `table`.
fn holds(name: &str, table: &str) {
    let text = fs::read_to_string(path()).unwrap();
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (found, after) = rest.split_once(&format!("<!-- /{name} -->")).unwrap();
    if std::env::var_os("BLESS").is_some() {
        let new = format!("{before}<!-- {name} -->\n{table}<!-- /{name} -->{after}");
        fs::write(path(), new).unwrap();
        return;
    }
    assert!(found == table, "the table '{name}' is not as in the code: run this with BLESS=1\n{table}");
}

fn two<T: PartialEq + ToString>(failure: &T, otherwise: &T) -> String {
    let word = |value: &T| Some(value.to_string()).filter(|v| !v.is_empty()).unwrap_or("-".to_owned());
    if failure == otherwise { word(failure) } else { format!("{}, {}", word(failure), word(otherwise)) }
}

#[test]
fn tables_are_those_of_the_code() {
    let mut table = "| action | category: type | OCSF class/activity | technique | severity | retention |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for action in Action::ALL {
        let spec = action.spec();
        let activity = if spec.class == 4002 { "verb".to_owned() } else { spec.activity.to_string() };
        writeln!(
            table,
            "| `{}` | {}: {} | {}/{activity} | {} | {} | {} |",
            spec.name,
            spec.category.join(", "),
            spec.kind.join(", "),
            spec.class,
            two(&spec.failed_technique, &spec.technique),
            two(&spec.failed_severity, &spec.severity),
            spec.retention.name(),
        )
        .unwrap();
    }
    holds("events", &table);

    let c = AlertsConfig::default();
    let rows = [
        (
            "brute_force",
            c.brute_force.window_seconds,
            "an address",
            format!(
                "{} failed or throttled sign-ins, of at most {} users",
                c.brute_force.failures, c.brute_force.max_users
            ),
        ),
        (
            "distributed_brute_force",
            c.distributed_brute_force.window_seconds,
            "a user",
            format!(
                "{} failed sign-ins, from {} addresses",
                c.distributed_brute_force.failures, c.distributed_brute_force.addresses
            ),
        ),
        (
            "credential_stuffing",
            c.credential_stuffing.window_seconds,
            "an address",
            format!(
                "failed sign-ins of {} users, at most {} each",
                c.credential_stuffing.users, c.credential_stuffing.max_tries
            ),
        ),
        (
            "password_spraying",
            c.password_spraying.window_seconds,
            "all",
            format!(
                "failed sign-ins of {} users, at most {} each, from {} addresses",
                c.password_spraying.users, c.password_spraying.max_tries, c.password_spraying.addresses
            ),
        ),
        (
            "mfa_brute_force",
            c.mfa_brute_force.window_seconds,
            "an address",
            format!("{} wrong second factors", c.mfa_brute_force.failures),
        ),
        (
            "api_token_abuse",
            c.api_token_abuse.window_seconds,
            "an address",
            format!("{} `api-auth`", c.api_token_abuse.failures),
        ),
        (
            "enumeration",
            c.enumeration.window_seconds,
            "an address",
            format!("{} `access-denied` or `resource-not-found`", c.enumeration.requests),
        ),
        (
            "web_scan",
            c.web_scan.window_seconds,
            "an address",
            format!("`suspicious-request` for {} paths", c.web_scan.paths),
        ),
        (
            "account_compromise",
            c.account_compromise.window_seconds,
            "a user or an address",
            format!("a sign-in that worked after {} that failed", c.account_compromise.failures),
        ),
    ];
    let mut table = "| config | `rule.id` | by | window | at least |\n|---|---|---|---|---|\n".to_owned();
    assert_eq!(rows.len(), RULES.len());
    for ((key, window, by, what), rule) in rows.iter().zip(RULES) {
        writeln!(table, "| `{key}` | `{rule}` | {by} | {window} s | {what} |").unwrap();
    }
    holds("alerts", &table);
}

/// Every key of the config stands there, and the defaults of the example are those of the code.
#[test]
fn the_config_is_all_there() {
    let text = fs::read_to_string(path()).unwrap();
    let (_, rest) = text.split_once("```json\n").unwrap();
    let example: Value = serde_json::from_str(rest.split_once("```").unwrap().0).unwrap();
    let schema =
        fs::read_to_string(path().with_file_name("../plugins/chatwoot-auth-tagger/config.schema.json"))
            .unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    same(&schema, &schema, &example, "$");
}

fn same(root: &Value, schema: &Value, example: &Value, path: &str) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let names =
        |v: &serde_json::Map<String, Value>| v.keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(properties), names(example.as_object().unwrap()), "{path}");
    for (name, of) in properties {
        let place = format!("{path}.{name}");
        if !of["default"].is_null() {
            assert_eq!(of["default"], example[name], "{place}");
        }
        let target = of["$ref"].as_str().and_then(|r| r.strip_prefix("#/")).map(|r| format!("/{r}"));
        let inner = target.and_then(|t| root.pointer(&t)).unwrap_or(of);
        same(root, inner, &example[name], &place);
    }
}

#[test]
fn example_configs_are_accepted() {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for (filter, file) in [
        (FILTER, "chatwoot.json"),
        (FILTER, "fluent-bit/chatwoot/chatwoot-auth-tagger.json"),
        ("coturn-ip-anonymizer", "fluent-bit/chatwoot/coturn-ip-anonymizer.json"),
    ] {
        let config = fs::read_to_string(examples.join(file)).unwrap();
        records::open(&Opener::default(), filter, HostKind::Native, &config);
    }
}
