//! What must hold for any records at all, through the one path that every host takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use coturn_ip_anonymizer::CoturnIpAnonymizer;
use proptest::{prelude::*, sample::select};
use tamis::host::{Action, Batch, Encoding, HostKind, Outcome};
use tamis_sdk::{Meta, Session};
use tamis_tests::{
    coturn::KEYED,
    records::{self, TIMESTAMP_NS},
};

const CONFIGS: [&str; 4] = [
    "",
    KEYED,
    r#"{"ip":{"mode":"replace"},"sessions":{"mode":"replace"},"realms":{"mode":"replace"},"origins":{"mode":"replace"}}"#,
    r#"{"ip":{"own":{"mode":"keep"},"peer":{"mode":"replace"},"private":{"v4_prefix":8}},"users":{"mode":"keep"}}"#,
];

/// Configs under which a second run finds nothing left to do: not those whose pseudonyms are
/// addresses, nor those that hide the session ids by which records on one line are told apart.
const IDEMPOTENT: [&str; 3] = [CONFIGS[0], r#"{"ip":{"mode":"replace"}}"#, CONFIGS[3]];

fn session_of(config: &str) -> Session<CoturnIpAnonymizer> {
    Session::new(config, |key| key.resolve_from_process()).unwrap()
}

fn filter(session: &mut Session<CoturnIpAnonymizer>, encoding: Encoding, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let meta = Meta { tag: b"coturn", timestamp_ns: TIMESTAMP_NS };
    match session.process(meta, encoding, body, &mut out) {
        Action::Keep => Some(body.to_vec()),
        Action::Replace | Action::ReplaceJson => Some(out),
        Action::Drop => None,
    }
}

/// Pieces that begin, end or break what the filter looks for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => select(vec![
            "3: : ", "ERROR: ", "2026-11-21T00:14:07.485+0000 INFO ", "session 001000000000000005: ", "realm <",
            "user <", "username=<", "realm=<", "origin <", ">", "> user <", ">, username=<", ">, lifetime=600",
            ">: incoming packet ", " processed, success", "closed (2nd stage), user <", ", local ", ", remote ",
            ", reason: x", "peer ", " lifetime updated: 3", "check_stun_auth: ", "wrong username: ", "Cookie: ",
            " credentials are incorrect", "password=", "postgres://u:p@", "Redis DB ", "IPv6. tcp or tls connected to: ",
            "198.51.100.7", "2001:db8::1", "::ffff:10.1.2.3", "[2001:db8:20::beef]:5349", ":3478", "-", "1.", "::", "<",
            "'ip-172-31-35-207'", "1795306080:", "alice", "\n", "\r", "\"", "\\", "\\u003c", "\0", " ", ": ", "é", "\u{e0ff}",
        ]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => "[a-z0-9:.]{0,12}".prop_map(String::into_bytes),
    ]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..14).prop_map(|p| p.concat())
}

/// Pieces that are words of their own: of two numbers that were glued together no one can tell where one ends.
fn spaced_line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..14).prop_map(|p| p.join(&b" "[..]))
}

/// JSON of any shape, with white space, odd numbers, escapes and duplicate keys.
fn json() -> impl Strategy<Value = String> {
    let string = (line(), any::<bool>()).prop_map(|(l, escape)| {
        let text = serde_json::to_string(&String::from_utf8_lossy(&l)).unwrap();
        if escape { text.replace('<', "\\u003c").replace('.', "\\u002e") } else { text }
    });
    let leaf = prop_oneof![
        5 => string,
        1 => select(vec!["null", "true", "-0.0", "1e5", "18446744073709551616", "1.10", "{}", "[ ]"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let space = select(vec!["", " ", "\t ", "\r\n"]);
        let key = select(vec!["log", "message", "msg", "a\\u002eb", "log", "user <x>", "198.51.100.7"]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space.clone())
                .prop_map(|(v, s)| format!("[{s}{}{s}]", v.join(&format!("{s},")))),
            (prop::collection::vec((key, inner), 0..4), space).prop_map(|(v, s)| {
                let fields: Vec<String> = v.iter().map(|(k, v)| format!("{s}\"{k}\"{s}:{v}")).collect();
                format!("{{{}{s}}}", fields.join(","))
            }),
        ]
    })
}

/// The JSON text with every string that is a value emptied: what no filter may touch.
fn without_strings(json: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&byte) = json.get(at) {
        if byte != b'"' {
            out.push(byte);
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while json[end] != b'"' {
            end += 1 + usize::from(json[end] == b'\\');
        }
        let is_key = json[end + 1..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':');
        out.extend_from_slice(if is_key { &json[at..=end] } else { b"\"\"" });
        at = end + 1;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any bytes, as text and as JSON: an answer, no panic; the default loses no record.
    #[test]
    fn any_bytes_are_safe(bodies in prop::collection::vec(prop_oneof![line(), prop::collection::vec(any::<u8>(), 0..64)], 1..6)) {
        for config in CONFIGS {
            for encoding in [Encoding::Text, Encoding::Json] {
                let mut session = session_of(config);
                for body in &bodies {
                    prop_assert!(filter(&mut session, encoding, body).is_some());
                }
            }
        }
    }

    /// A line in which nothing stands for anyone stays, byte for byte.
    #[test]
    fn plain_words_stay(line in "[A-Za-z ,()#'!?*+_~-]{0,80}", number in 0..1000u32) {
        let text = format!("3: : {line} {number}");
        // These words introduce what a client or an operator wrote.
        prop_assume!(!text.contains("Wrong") && !text.contains("wrong"));
        for config in CONFIGS {
            let out = filter(&mut session_of(config), Encoding::Text, text.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), text.as_str());
        }
    }

    /// Whatever is around a line's address stays.
    #[test]
    fn only_the_address_changes(before in "[a-z ]{0,20}(from|to|peer|remote|addr)[,;(]? ", octets in any::<[u8; 4]>(), after in "( [a-z ]{0,20})?") {
        let address = std::net::Ipv4Addr::from(octets);
        prop_assume!(!address.is_loopback() && !address.is_unspecified());
        let out = filter(&mut session_of(""), Encoding::Text, format!("{before}{address}{after}").as_bytes()).unwrap();
        let [a, b, c, _] = octets;
        prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{before}{a}.{b}.{c}.0{after}"));
    }

    /// Line by line: what is left of a name that went on over lines does not start like it any more.
    #[test]
    fn filtering_twice_is_filtering_once(line in spaced_line()) {
        for config in IDEMPOTENT {
            for encoding in [Encoding::Text, Encoding::Json] {
                let once = filter(&mut session_of(config), encoding, &line).unwrap();
                let twice = filter(&mut session_of(config), encoding, &once).unwrap();
                prop_assert_eq!(records::show(&once), records::show(&twice), "{} {:?}", config, encoding);
            }
        }
    }

    #[test]
    fn valid_json_stays_valid_and_keeps_its_shape(json in json()) {
        for config in CONFIGS {
            let out = filter(&mut session_of(config), Encoding::Json, json.as_bytes()).unwrap();
            let valid = serde_json::from_slice::<serde::de::IgnoredAny>(&out);
            prop_assert!(valid.is_ok(), "{:?}: {}", valid, records::show(&out));
            prop_assert_eq!(
                records::show(&without_strings(json.as_bytes())),
                records::show(&without_strings(&out))
            );
        }
    }

    /// However a stream is cut into batches, the same comes out.
    #[test]
    fn batches_do_not_matter(lines in prop::collection::vec(line(), 1..12), len in 1..12usize, json in any::<bool>()) {
        let options = tamis::host::HostOptions::default();
        let encoding = if json { Encoding::Json } else { Encoding::Text };
        for config in CONFIGS {
            let open = || tamis::host::native::open("coturn-ip-anonymizer", config, &options).unwrap();
            let whole = records::run(&mut *open(), encoding, &lines, lines.len());
            prop_assert_eq!(&whole, &records::run(&mut *open(), encoding, &lines, len));
            let mut session = session_of(config);
            let singly: Vec<_> = lines.iter().map(|l| filter(&mut session, encoding, l)).collect();
            prop_assert_eq!(&whole, &singly);
        }
    }
}

/// coturn up to 4.16 cuts a record at 1,024 bytes and glues the next one on: wherever the
/// cut falls, nothing of the address stays that a shorter record would not have shown.
#[test]
fn no_address_survives_a_cut() {
    for (address, gone) in
        [("198.51.100.77", "198.51.100.7"), ("[2001:db8:20:1:aa:bb:cc:dd]", "2001:db8:20:1:")]
    {
        for next in ["", "1234: : ", "7: (7690): INFO: ", "2026-11-21T00:06:35+0000: "] {
            for cut in 1..=address.len() + 2 {
                let session = "session 001000000000000005: ";
                let (user, realm, origin) = ("M".repeat(512), "r".repeat(127), "o".repeat(127));
                let mut record = format!(
                    "{next}{session}closed (2nd stage), user <{user}> realm <{realm}> origin <{origin}>, \
                     local [2001:db8:10:0:11:22:33:44]:65535, remote "
                );
                // The longest that coturn takes; the rest is what a longer prefix would add.
                record.insert_str(0, &"x".repeat(1023 - cut - record.len()));
                record.push_str(&format!("{address}:3478")[..cut]);
                let line = format!(
                    "{record}{next}{session}realm <r> user <bob>: incoming packet REFRESH processed, success"
                );
                let out = filter(&mut session_of(""), Encoding::Text, line.as_bytes()).unwrap();
                let out = String::from_utf8_lossy(&out);
                assert!(
                    !out.contains(gone),
                    "cut after {cut}, then '{next}': {}",
                    &out[out.len().saturating_sub(260)..]
                );
                assert!(!out.contains("bob"), "cut after {cut}, then '{next}': {out}");
            }
        }
    }
}

/// Guests get fewer cases: each costs an instance.
#[test]
fn all_hosts_agree_on_hostile_pieces() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let opener = tamis::select::Opener::default();
    let lines: Vec<Vec<u8>> = (0..3000)
        .map(|_| line().new_tree(&mut runner).unwrap().current())
        // A host that holds text as lines cannot hold line feeds, and one that holds it as
        // JSON makes three bytes of one that is not UTF-8, which counts in how far a name reaches.
        .map(|l| String::from_utf8_lossy(&l).replace(['\n', '\u{e0ff}'], "").into_bytes())
        // Between the records of a text body blank lines are no records.
        .filter(|l| !l.trim_ascii().is_empty())
        .collect();
    let jsons: Vec<Vec<u8>> = (0..1000)
        .map(|_| json().new_tree(&mut runner).unwrap().current())
        // One record is one line of a body.
        .map(|json| json.replace(['\r', '\n'], " ").into_bytes())
        .collect();
    for config in CONFIGS {
        for (encoding, records) in [(Encoding::Text, &lines), (Encoding::Json, &jsons)] {
            let mut expected: Option<Outcome> = None;
            for kind in HostKind::ALL {
                let mut batch = Batch::new("coturn", encoding);
                for record in records {
                    batch.push(TIMESTAMP_NS, record);
                }
                let mut outcome = Outcome::default();
                records::open(&opener, "coturn-ip-anonymizer", kind, config)
                    .process(&batch, &mut outcome)
                    .unwrap();
                let Some(native) = &expected else {
                    expected = Some(outcome);
                    continue;
                };
                let bodies = |o: &Outcome| {
                    let mut changed = 0;
                    let mut body = |action: &Action, i: usize| match action {
                        Action::Keep => Some(batch.body(i).to_vec()),
                        Action::Drop => None,
                        Action::Replace | Action::ReplaceJson => {
                            changed += 1;
                            Some(o.body(changed - 1).to_vec())
                        }
                    };
                    o.actions.iter().enumerate().map(|(i, a)| body(a, i)).collect::<Vec<_>>()
                };
                for (i, (a, b)) in bodies(native).iter().zip(&bodies(&outcome)).enumerate() {
                    let text = |r: &Option<Vec<u8>>| r.as_deref().map(records::show);
                    assert_eq!(text(a), text(b), "{kind} {config}: {}", records::show(&records[i]));
                }
            }
        }
    }
}
