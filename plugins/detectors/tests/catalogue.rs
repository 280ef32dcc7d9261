//! `docs/catalogue.md` is written from the definitions: `BLESS=1` writes it anew.

#![allow(clippy::expect_used, clippy::panic)]

use std::{fmt::Write, fs, path::Path};

use tamis_detectors::{Definition, definitions, keys::KeyClass};

const GROUPS: &[(&str, &[&str])] = &[
    ("People", &["email", "phone", "ip-address"]),
    ("Payment", &["payment-card", "iban"]),
    (
        "National ids",
        &[
            "us-ssn",
            "uk-nino",
            "ca-sin",
            "de-steuer-id",
            "fr-nir",
            "it-codice-fiscale",
            "es-dni",
            "ch-ahv",
            "br-cpf",
            "in-aadhaar",
            "passport",
        ],
    ),
    (
        "Logins",
        &[
            "jwt",
            "bearer-auth",
            "basic-auth",
            "cookie",
            "pem-private-key",
            "password-hash",
            "url-credentials",
            "url-token",
            "generic-secret",
        ],
    ),
    (
        "Keys of providers",
        &[
            "aws-access-key-id",
            "aws-secret-access-key",
            "gcp-api-key",
            "azure-storage-key",
            "azure-client-secret",
            "github-token",
            "gitlab-token",
            "slack-token",
            "slack-webhook",
            "stripe-key",
            "sendgrid-key",
            "twilio-key",
            "openai-key",
            "anthropic-key",
            "npm-token",
            "pypi-token",
            "digitalocean-token",
            "shopify-token",
            "huggingface-token",
            "linear-key",
            "sentry-token",
            "resend-key",
            "mailgun-key",
            "telegram-token",
            "discord-webhook",
        ],
    ),
];

#[test]
fn catalogue_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalogue.md");
    let wanted = catalogue();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &wanted).expect("docs is writable");
    }
    let got = fs::read_to_string(&path).unwrap_or_default();
    assert!(got == wanted, "docs/catalogue.md is stale: run this test with BLESS=1");
}

#[test]
fn every_detector_is_in_one_group() {
    let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let mut all: Vec<&str> = definitions().iter().map(|d| d.id).collect();
    grouped.sort_unstable();
    all.sort_unstable();
    assert_eq!(grouped, all);
}

fn catalogue() -> String {
    let mut out = String::from(
        "# Catalogue of sensitive data\n\n\
         <!-- Written from the definitions in plugins/detectors; `BLESS=1 cargo test -p tamis-detectors --test catalogue`. -->\n\n\
         What the detectors find in text, and what the key rules know field names to mean. Only the secret part of a match\n\
         is a finding: in `Bearer abc` the `abc`, in a URL the password and not the user. The patterns say about what is\n\
         found; the matchers are written by hand and check more. Text that is `[REDACTED]`, `[REDACTED:...]`, `[FILTERED]` or\n\
         `***` already is passed over. Examples are made up; `⋅` stands within credential-shaped ones so that scanners of\n\
         repositories leave them alone.\n",
    );
    for (group, ids) in GROUPS {
        let _ = write!(out, "\n- {group}: ");
        let links: Vec<String> = ids.iter().map(|id| format!("[{id}](#{id})")).collect();
        out.push_str(&links.join(", "));
    }
    out.push_str("\n- [Field names](#field-names)\n");
    for (group, ids) in GROUPS {
        let _ = write!(out, "\n## {group}\n");
        for id in *ids {
            let definition = definitions().iter().find(|d| d.id == *id).expect("grouped ids exist");
            entry(&mut out, definition);
        }
    }
    field_names(&mut out);
    out
}

fn entry(out: &mut String, d: &Definition) {
    let _ = write!(
        out,
        "\n### {}\n\n**{}**, {}{}. {}\n",
        d.id,
        d.title,
        d.severity.label(),
        if d.on_by_default { "" } else { ", off by default" },
        d.what
    );
    let _ = write!(out, "\nWhy: {}\n\nPattern: {}\n", d.why, code(d.pattern));
    if !d.validator.is_empty() {
        let _ = write!(out, "\nChecked: {}\n", d.validator);
    }
    out.push_str("\n| text | found |\n|---|---|\n");
    for example in d.matches {
        let found: Vec<String> = example.found.iter().map(|f| cell(f)).collect();
        let _ = writeln!(out, "| {} | {} |", cell(example.text), found.join(", "));
    }
    let not: Vec<String> = d.no_matches.iter().map(|t| cell(t)).collect();
    let _ = write!(out, "\nNot: {}\n", not.join(", "));
}

fn field_names(out: &mut String) {
    out.push_str(
        "\n## Field names\n\n\
         The last word of a name decides: `reset_token` is a token, `token_count` a count. camelCase, snake_case, kebab-case and\n\
         dotted names are the same. Names that start with is, has, max, count and the like say something about a value and are\n\
         not sensitive. Some names count only below a telling one: `name` below `user`, `number` below `card`. The table of all\n\
         words is `plugins/detectors/src/keys/table.rs`, and `plugins/detectors/tests/keys.rs` lists more than 300 judged names.\n\n\
         | class | such as |\n|---|---|\n",
    );
    for class in KeyClass::ALL {
        let examples = match class {
            KeyClass::Password => "`password`, `newPassword`, `db_pass`, `pwd`, `passphrase`",
            KeyClass::Secret => {
                "`token`, `api_key`, `clientSecret`, `X-Amz-Signature`, `authorization`, `session_id`, `Set-Cookie`, `reset_url`, `private_key`"
            }
            KeyClass::Code => "`otp`, `pin`, `cvc`, `mfaCode`, `verification_code`, `backup_codes`",
            KeyClass::Person => {
                "`full_name`, `username`, `card_holder`, `date-of-birth`, `gender`; `name` below `customer`"
            }
            KeyClass::Contact => {
                "`email`, `receipt_email`, `phone_number`, `street`, `Line1`, `postal_code`; `city` below `address`"
            }
            KeyClass::NationalId => "`ssn`, `passport-number`, `tax_id`, `drivers_license`",
            KeyClass::Financial => "`card_number`, `pan`, `iban`, `bank_account`; `number` below `card`",
            KeyClass::Network => "`client_ip`, `SignupIP`, `remote_addr`, `x-forwarded-for`",
        };
        let _ = writeln!(out, "| {} | {examples} |", class.label());
    }
}

/// Text in a table, with what would break it or alarm a scanner of repositories made visible.
fn cell(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '\n' => shown.push('⏎'),
            '\x1b' => shown.push('␛'),
            '|' => shown.push_str("\\|"),
            other => shown.push(other),
        }
    }
    for alarm in [
        "ghp_",
        "github_pat_",
        "glpat-",
        "glrt-",
        "xoxb-",
        "xoxp-",
        "sk_test_",
        "sk_live_",
        "rk_live_",
        "whsec_",
        "sk-proj-",
        "sk-ant-",
        "sk-a1",
        "npm_",
        "pypi-",
        "SG.",
        "SK0",
        "AKIA",
        "ASIA",
        "AIza",
        "8Q~",
        "T00000000/",
        "PRIVATE KEY",
        "wJalr",
        "AccountKey=",
    ] {
        let (head, tail) = alarm.split_at(alarm.len() - 1);
        shown = shown.replace(alarm, &format!("{head}⋅{tail}"));
    }
    code(&shown)
}

fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.starts_with('`') || text.ends_with('`') || text.starts_with(' ') || text.ends_with(' ')
    {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}
