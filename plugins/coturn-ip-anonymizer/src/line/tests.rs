//! Lines: what goes, what stays, and that the fast way and the thorough way agree.

use proptest::prelude::*;
use tamis_sdk::{Action, Edits, Encoding, Meta, Session};

use super::*;
use crate::{
    CoturnIpAnonymizer,
    config::{FieldConfig, UserConfig},
};

const SID: &str = "session 001000000000000005: ";

fn scrubber(config: &Config) -> Scrubber {
    Scrubber::new(config, Some(&Key::new("k1", *b"0123456789abcdef"))).unwrap()
}

fn plain() -> Scrubber {
    Scrubber::new(&Config::default(), None).unwrap()
}

fn apply(edits: &Edits, text: &[u8]) -> Vec<u8> {
    let mut sorted: Vec<_> = edits.iter().map(|(e, new)| (e, new.to_vec())).collect();
    sorted.sort_by_key(|(e, _)| e.start);
    let (mut out, mut done) = (Vec::new(), 0);
    for (edit, new) in sorted {
        assert!(edit.start >= done, "edits overlap");
        out.extend_from_slice(&text[done..edit.start]);
        out.extend_from_slice(&new);
        done = edit.end;
    }
    out.extend_from_slice(&text[done..]);
    out
}

fn run(s: &mut Scrubber, text: &[u8]) -> Vec<u8> {
    let mut edits = Edits::default();
    s.scrub(b"", b"", text, &mut edits);
    apply(&edits, text)
}

fn scrubbed(text: &str) -> String {
    String::from_utf8(run(&mut plain(), text.as_bytes())).unwrap()
}

/// As a host gets it, through the SDK.
fn filtered(encoding: Encoding, body: &str) -> String {
    let mut session = Session::<CoturnIpAnonymizer>::new("", |k| k.resolve_from_process()).unwrap();
    let mut out = Vec::new();
    match session.process(Meta { tag: b"", timestamp_ns: 0 }, encoding, body.as_bytes(), &mut out) {
        Action::Keep => body.to_owned(),
        _ => String::from_utf8(out).unwrap(),
    }
}

#[track_caller]
fn case(text: &str, expected: &str) {
    assert_eq!(scrubbed(text), expected, "{text}");
    assert_eq!(scrubbed(expected), expected, "not idempotent");
}

#[test]
fn hostile_names_end_where_the_template_goes_on() {
    for name in [
        "a>b<c>",
        "x, realm=<y>, username=<z",
        "a> realm <b> user <c",
        "with spaces",
        "203.0.113.77",
        "[2001:db8::1]:5349",
        "a>: incoming packet ",
    ] {
        case(
            &format!("3: : {SID}realm <r.org> user <{name}>: incoming packet REFRESH processed, success"),
            &format!(
                "3: : {SID}realm <r.org> user <[REDACTED:user]>: incoming packet REFRESH processed, success"
            ),
        );
        case(
            &format!(
                "3: : {SID}closed (2nd stage), user <{name}> realm <r> origin <>, local 192.0.2.10:3478, remote 198.51.100.7:1, reason: general"
            ),
            &format!(
                "3: : {SID}closed (2nd stage), user <[REDACTED:user]> realm <r> origin <>, local 192.0.2.0:3478, remote 198.51.100.0:1, reason: general"
            ),
        );
        case(
            &format!(
                "3: : {SID}refreshed, realm=<r>, username=<1795306080:{name}>, lifetime=600, cipher=X, method=TLSv1.2"
            ),
            &format!(
                "3: : {SID}refreshed, realm=<r>, username=<1795306080:[REDACTED:user]>, lifetime=600, cipher=X, method=TLSv1.2"
            ),
        );
        case(
            &format!("3: : {SID}delete: realm=<r>, username=<{name}>"),
            &format!("3: : {SID}delete: realm=<r>, username=<[REDACTED:user]>"),
        );
        case(
            &format!("3: : ERROR: check_stun_auth: Cannot find credentials of user <{name}>"),
            "3: : ERROR: check_stun_auth: Cannot find credentials of user <[REDACTED:user]>",
        );
        case(
            &format!("3: : ERROR: check_stun_auth: user {name} credentials are incorrect"),
            "3: : ERROR: check_stun_auth: user [REDACTED:user] credentials are incorrect",
        );
        case(
            &format!("3: : ERROR: check_stun_auth: wrong username: {name}"),
            "3: : ERROR: check_stun_auth: wrong username: [REDACTED:user]",
        );
    }
}

#[test]
fn records_that_share_a_line_are_told_apart() {
    let one =
        |user: &str| format!("3: : {SID}realm <r> user <{user}>: incoming packet BINDING processed, success");
    let hidden = one("[REDACTED:user]");
    case(&format!("{}{}", one("alice"), one("bob")), &format!("{hidden}{hidden}"));
    // Cut at the limit of a record, within the name.
    let long = format!("3: : {SID}realm <r> user <{}", "M".repeat(970));
    let out = scrubbed(&format!("{long}{}", one("bob")));
    assert_eq!(out, format!("3: : {SID}realm <r> user <[REDACTED:user]{hidden}"));
}

#[test]
fn names_that_go_on_over_lines_are_followed() {
    let mut s = plain();
    let mut line = |text: &str| String::from_utf8(run(&mut s, text.as_bytes())).unwrap();
    assert_eq!(
        line("5: : ERROR: check_stun_auth: wrong username: new"),
        "5: : ERROR: check_stun_auth: wrong username: [REDACTED:user]"
    );
    assert_eq!(line("smith"), "[REDACTED:user]");
    assert_eq!(line("5: : Listener address to use: 192.0.2.10"), "5: : Listener address to use: 192.0.2.0");
    // A log line within the refused text can be forged, so the text may go on behind it, but not for ever.
    assert_eq!(line("smith"), "[REDACTED:user]");
    for _ in 0..20 {
        line("5: : Listener address to use: 192.0.2.10");
    }
    assert_eq!(line("smith"), "smith");
    assert_eq!(
        line(&format!("8: : {SID}realm <r> user <first")),
        format!("8: : {SID}realm <r> user <[REDACTED:user]")
    );
    assert_eq!(
        line("last>: incoming packet message processed, error 401: Unauthorized"),
        "[REDACTED:user]>: incoming packet message processed, error 401: Unauthorized"
    );
    assert_eq!(line("socket: Protocol not supported"), "socket: Protocol not supported");
    // In one text, as a collector that joins lines has it.
    assert_eq!(
        line("5: : ERROR: check_stun_auth: wrong username: new\nsmith\r\n5: : TLS supported"),
        "5: : ERROR: check_stun_auth: wrong username: [REDACTED:user]\n[REDACTED:user]\r\n5: : TLS supported"
    );
}

#[test]
fn credentials_always_go() {
    for (text, expected) in [
        (
            r#"0: : Check config! The following line ends with semicolon: "static-auth-secret=Tr0ub4dor;" "#,
            r#"0: : Check config! The following line ends with semicolon: "static-auth-secret=[REDACTED:secret];" "#,
        ),
        (
            r#"0: : Check config! The following line ends with semicolon: "user=alice:s3cret;" "#,
            r#"0: : Check config! The following line ends with semicolon: "user=[REDACTED:credentials];" "#,
        ),
        (
            "x Redis DB sync connection success: ip=127.0.0.1 dbname=2 password=R3d1s S3cret! port=6379",
            "x Redis DB sync connection success: ip=127.0.0.1 dbname=2 password=[REDACTED:password] port=6379",
        ),
        (
            "x Cannot open PostgreSQL DB connection: <host=h user=turn password='sp ace > pass' connect_timeout=3>, runtime error",
            "x Cannot open PostgreSQL DB connection: <host=h user=turn password=[REDACTED:password] connect_timeout=3>, runtime error",
        ),
        (
            "x Cannot open PostgreSQL DB connection: <postgres://u:p@ss/w@ord@h/d>, runtime error",
            "x Cannot open PostgreSQL DB connection: <postgres://[REDACTED:credentials]@h/d>, runtime error",
        ),
        (
            "x Opened MongoDB URI <mongodb://turn:pa ss@db.example.org/coturn>",
            "x Opened MongoDB URI <mongodb://[REDACTED:credentials]@db.example.org/coturn>",
        ),
        (
            "x Cannot open MySQL DB connection <host=h password=my pass>, connection string format error: pass",
            "x Cannot open MySQL DB connection <host=h password=[REDACTED:password]>, connection string format error: [REDACTED:connection]",
        ),
        (
            "x Wrong key format: notahexkey, user gina",
            "x Wrong key format: [REDACTED:key], user [REDACTED:user]",
        ),
        (
            "x Wrong key format: string length=4 (must be 32): user gina",
            "x Wrong key format: string length=4 (must be 32): user [REDACTED:user]",
        ),
        ("x Wrong user name: dmitri:pw", "x Wrong user name: [REDACTED:credentials]"),
        ("Wrong password: hunter2", "Wrong password: [REDACTED:password]"),
        ("kid=north, ikm_key=YWJj", "kid=north, ikm_key=[REDACTED:key]"),
        (
            "uname=admin&pwd=Adm1nPass&realm=example.org",
            "uname=[REDACTED:user]&pwd=[REDACTED:password]&realm=example.org",
        ),
        ("Cookie: sid=abcdef\r", "Cookie: [REDACTED:cookie]\r"),
        ("authorization: Basic dXNlcg==", "authorization: [REDACTED:authorization]"),
        ("X-Forwarded-For: 203.0.113.44, 10.0.0.1", "X-Forwarded-For: [REDACTED:client]"),
        (
            "1: : f: HTTPS (C TLSv1.2) request: GET /us?uname=zoe HTTP/1.1\r",
            "1: : f: HTTPS (C TLSv1.2) request: GET /us?[REDACTED:query] HTTP/1.1\r",
        ),
        (
            "1: : f: HTTPS (C TLSv1.2) request: GET / HTTP/1.1\r",
            "1: : f: HTTPS (C TLSv1.2) request: GET / HTTP/1.1\r",
        ),
        (
            "1: : f: HTTPS (C TLSv1.2) request: GET / HTTP/1.1 Host: 192.0.2.10 Cookie: a",
            "1: : f: HTTPS (C TLSv1.2) request: GET / HTTP/1.1 [REDACTED:http-headers]",
        ),
        ("1: : f: HTTP connection input: \x16\x03", "1: : f: HTTP connection input: [REDACTED:http-request]"),
        ("1: : read_client_connection: HTTP request: 130", "1: : read_client_connection: HTTP request: 130"),
        (
            "turn/realm/example.org/user/alice/allocation/001000000000000005/status",
            "turn/realm/example.org/user/[REDACTED:user]/allocation/001000000000000005/status",
        ),
        (
            "D TXT2PCAP: 00:00:01.000 0000 00 01 00 00 21 12 a4 42 61 # STUN_PACKET ",
            "D TXT2PCAP: 00:00:01.000 0000 [REDACTED:packet] # STUN_PACKET ",
        ),
        ("id=001000000000000005, user <bob>:", "id=001000000000000005, user <[REDACTED:user]>:"),
        ("C=DE, O=Example, CN=Alice Example", "C=DE, O=Example, CN=[REDACTED:subject]"),
    ] {
        case(text, expected);
    }
}

#[test]
fn addresses_in_every_form() {
    for (text, expected) in [
        (
            "1: : IPv6. Local relay addr: 2001:db8:10::10:3478",
            "1: : IPv6. Local relay addr: 2001:db8:10:::3478",
        ),
        (
            "1: : IPv6. tcp or tls connected to: 2001:db8:20:0:aa:bb:cc:dd:3478",
            "1: : IPv6. tcp or tls connected to: 2001:db8:20:::3478",
        ),
        ("1: : IPv6. TCP listener opened on : ::1:3478", "1: : IPv6. TCP listener opened on : ::1:3478"),
        ("x socket bound to 2001:db8:10::10:3478", "x socket bound to 2001:db8:10:::3478"),
        (
            "A peer IP ::ffff:10.1.2.3 denied in the range: 10.0.0.1-10.255.255.255",
            "A peer IP ::ffff:10.1.2.0 denied in the range: 10.0.0.0-10.255.255.0",
        ),
        ("error resolving 'ip-172-31-35-207' hostname: x", "error resolving 'ip-172-31-35-0' hostname: x"),
        ("from 7.100.51.198.in-addr.arpa", "from 0.100.51.198.in-addr.arpa"),
        (
            "401 rate-limit exceeded from 198.51.100.7, suppressing",
            "401 rate-limit exceeded from 198.51.100.0, suppressing",
        ),
        (
            "eventcb_bev https server socket closed: 0x7f5c5c17b060, st=56, remote addr=198.51.100.99:36090",
            "eventcb_bev https server socket closed: 0x7f5c5c17b060, st=56, remote addr=198.51.100.0:36090",
        ),
        (
            "Trying to bind fd 5 to <192.0.2.10:3478>: errno=98",
            "Trying to bind fd 5 to <192.0.2.0:3478>: errno=98",
        ),
        ("origin <http://203.0.113.9:8080> x", "origin <http://203.0.113.0:8080> x"),
        ("realm <10.1.2.3> x", "realm <10.1.2.0> x"),
    ] {
        case(text, expected);
    }
}

#[test]
fn reported_leaks_stay_closed() {
    for (text, expected) in [
        (
            "3: : session 001000000000000005: peer fd::abcd deleted",
            "3: : session 001000000000000005: peer fd:: deleted",
        ),
        ("peer 20:11:22:33:44:55:66:77 deleted", "peer 20:11:22:: deleted"),
        ("Black listing: fdaa::abcd-fdaa::abce", "Black listing: fdaa::-fdaa::"),
        ("wrong realm: x", "wrong realm: [REDACTED:realm]"),
        ("origin <http://x#012198.51.100.7> r", "origin <http://x#012198.51.100.0> r"),
        ("origin <x#0122001:db8:20::5#012> r", "origin <x#0122001:db8:20::#012> r"),
        ("x%20198.51.100.7 y", "x%20198.51.100.0 y"),
        (
            "x delete: realm=<r>, username=<a>, lifetime=QZQ>",
            "x delete: realm=<r>, username=<[REDACTED:user]>",
        ),
        (
            "Cannot open Redis DB connection <ip=127.0.0.1 pasword=SECR port=6>, connection string format error: pasword",
            "Cannot open Redis DB connection <ip=127.0.0.1 pasword=[REDACTED:password] port=6>, connection string format error: pasword",
        ),
        (
            "Cannot open Redis DB connection <127.0.0.1:SECR@>, connection string format error: 127",
            "Cannot open Redis DB connection <[REDACTED:connection]>, connection string format error: [REDACTED:connection]",
        ),
        (
            r#"0: : Check config! The following line ends with semicolon: "static-auth-secret SECR;" "#,
            r#"0: : Check config! The following line ends with semicolon: "static-auth-secret [REDACTED:secret];" "#,
        ),
        (
            r#"0: : Check config! The following line ends with semicolon: "user = QZ:SECR;" "#,
            r#"0: : Check config! The following line ends with semicolon: "user = [REDACTED:credentials];" "#,
        ),
        (
            "Bad configuration format: cli-password: SECR",
            "Bad configuration format: cli-password: [REDACTED:password]",
        ),
        ("host turnserver-198.51.100.7 x", "host turnserver-198.51.100.0 x"),
        ("x p5b-198-51-100-7-5.example.net", "x p5b-198-51-100-0-5.example.net"),
    ] {
        case(text, expected);
    }
    let nibbles = "f.e.e.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    case(nibbles, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

#[test]
fn sentences_are_no_credentials() {
    for text in [
        "bypass: yes",
        "compass=5",
        "total token: 5",
        "magic cookie: 0x2112a442",
        "packets forwarded: 100",
        "number of secrets: 5",
        "(using password: NO)",
        "12::34",
    ] {
        case(text, text);
    }
}

#[test]
fn what_identifies_no_one_stays() {
    for text in [
        "RFC 3489/5389/5766/5780/6062/6156 STUN/TURN Server",
        "Version Coturn-4.6.1 'Gorst'",
        "0: : Coturn Version Coturn-4.5.0.7 'dan Eider'",
        "OpenSSL compile-time version: OpenSSL 1.1.1n  15 Mar 2022 (0x101010ef)",
        "f: 111.111: thrid=0x1",
        "D TXT2PCAP: 00:00:01.000 0000 67 61 72 # STUN_PACKET ",
        "udp_server_input_handler:623:start",
        "Software: Citrix-3.2.3.1",
        "cipher=TLS_AES_256_GCM_SHA384, method=TLSv1.3",
        "user <>",
        "x.x.x.x:3478 [local.IPv4.x]:3478",
        "password=*********",
        "postgresql://******@127.0.0.1/coturn",
        "0: : Bad configuration format: no-such-option",
        "User-Agent: curl/7.88.1",
        "aa:bb:cc:dd:ee:ff",
        "Cannot open Redis DB connection <ip=127.0.0.1 prt=6379>, connection string format error: prt",
        "",
        "\u{1b}[31m",
        "log file opened: /var/log/turnserver/turn_17409_2026-11-21.log",
    ] {
        case(text, text);
    }
}

#[test]
fn a_cut_address_goes() {
    let pad = "x".repeat(1000);
    case(&format!("{pad} remote 198.51.100."), &format!("{pad} remote [REDACTED:ip]"));
    case(&format!("{pad} remote [2001:db8:20:0:aa"), &format!("{pad} remote [[REDACTED:ip]"));
}

#[test]
fn sessions_realms_and_origins_have_modes() {
    let token = || FieldConfig { mode: FieldMode::Token };
    let config = Config {
        sessions: token(),
        realms: FieldConfig { mode: FieldMode::Replace },
        origins: token(),
        users: UserConfig { mode: Some(FieldMode::Keep), ..UserConfig::default() },
        ..Config::default()
    };
    let mut s = scrubber(&config);
    let mut line = |text: &str| String::from_utf8(run(&mut s, text.as_bytes())).unwrap();
    let first = line(&format!(
        "3: : {SID}origin <https://a.example> realm <r> user <bob>: incoming packet X processed, success"
    ));
    assert!(
        first.contains("realm <[REDACTED:realm]> user <bob>:")
            && first.contains("origin <origin-k1-")
            && !first.contains(SID),
        "{first}"
    );
    let id = first.split(' ').nth(3).unwrap().trim_end_matches(':').to_owned();
    assert!(id.starts_with("session-k1-"));
    let second = line("3: : Session 001000000000000005 to be forcefully canceled");
    assert_eq!(second, format!("3: : Session {id} to be forcefully canceled"));
    assert_eq!(line(&first), first);
    assert_eq!(
        line("3: : ERROR: check_stun_auth: wrong username: bob"),
        "3: : ERROR: check_stun_auth: wrong username: [REDACTED:user]"
    );
}

#[test]
fn one_user_has_one_token_everywhere() {
    let mut s = scrubber(&Config::default());
    let mut line = |text: &str| String::from_utf8(run(&mut s, text.as_bytes())).unwrap();
    let texts = [
        format!("3: : {SID}realm <r> user <1795306080:alice>: incoming packet REFRESH processed, success"),
        format!("3: : {SID}delete: realm=<r>, username=<alice>"),
        "3: : ERROR: check_stun_auth: user alice credentials are incorrect".to_owned(),
        "3: : ERROR: check_stun_auth: wrong username: alice".to_owned(),
        "3: : ERROR: Wrong key format: abc, user alice".to_owned(),
    ];
    let tokens: Vec<String> = texts
        .iter()
        .map(|t| {
            let out = line(t);
            let at = out.find("user-k1-").unwrap_or_else(|| panic!("{out}"));
            out[at..at + 24].to_owned()
        })
        .collect();
    assert!(tokens.windows(2).all(|w| w[0] == w[1]), "{tokens:?}");
}

#[test]
fn work_is_bounded_on_lines_of_nothing_but_beginnings() {
    let start = std::time::Instant::now();
    for piece in [
        "user <",
        "realm <",
        "origin <",
        "username=<",
        "password=",
        "Redis password=a ",
        "Redis ://",
        "x://",
        ":",
        "a:",
        "::",
        "1.",
        "1-",
        "session 001000000000000005: ",
        "/user/",
        "turn/realm/r/user/",
        " request: ",
        "Wrong user name",
        "check_stun_auth: user ",
        "\"password\":\"",
        "user=",
        "TXT2PCAP: ",
        "f",
        "<",
        "user <\n",
        "x\n",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let mut config = Config::default();
        run(&mut scrubber(&config), text.as_bytes());
        config.users.mode = Some(FieldMode::Keep);
        run(&mut scrubber(&config), text.as_bytes());
    }
    let seconds = start.elapsed().as_secs();
    assert!(seconds < 60, "{seconds} s for 5 MB");
}

fn prefix() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "3: : ",
        "2026-11-21T00:06:35+0000: ",
        "3: (7690): INFO: ",
        "2026-11-21T00:16:05+0000(7690): INFO: ",
        "2026-11-21T00:14:07.485+0000 INFO ",
        "3 INFO ",
        "2026-11-21 00:06:43: ",
        "Nov 21 00:10:11 host turnserver: 3: : ",
        "Nov  1 00:10:11 turn-edge-1 turnserver[12]: 2026-11-21T00:14:07.485+0000 DEBUG ",
        "2026-11-21T00:10:11.1+00:00 ip-10-0-0-1 turnserver: 3: : ERROR: ",
        "2026-11-21T00:06:35.1Z stderr F 3: (1): ERROR: ",
        "3 DEBUG ",
        "2026-11-21T00:06:35.1Z stdout F 3: : ",
        "",
        "[x] ",
        "3: ",
        "2026-99-21T00:06:3x+0000: ",
    ])
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{0,12}",
        2 => "1795306080:[a-z@.]{0,20}",
        1 => "[ -~]{0,30}",
        1 => prop::sample::select(vec!["a>b<c>", "> realm <x", ">, lifetime=1", "192.0.2.77", "2001:db8::1", ">: incoming packet ", "é", "\u{1b}[0m"]).prop_map(str::to_owned),
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|o| format!("{}:3478", std::net::Ipv4Addr::from(o))),
        any::<[u8; 4]>().prop_map(|o| std::net::Ipv4Addr::from(o).to_string()),
        any::<[u16; 8]>().prop_map(|o| format!("[{}]:3478", std::net::Ipv6Addr::from(o))),
        any::<[u16; 8]>().prop_map(|o| std::net::Ipv6Addr::from(o).to_string()),
        Just("127.0.0.1:1".to_owned()),
        "[0-9a-f:.]{0,20}",
    ]
}

/// Lines of the common templates, and lines that are nearly such.
fn line() -> impl Strategy<Value = String> {
    let realm = prop::sample::select(vec![
        "example.org",
        "r",
        "",
        "10.1.2.3",
        "turn1.example.com",
        "a b",
        "ip-10-0-0-1.x",
    ]);
    let tail = prop_oneof![8 => Just(""), 1 => Just("\n"), 1 => Just("\r\n"), 1 => Just(" "), 1 => Just(" 203.0.113.5"), 1 => Just("3: : x")];
    (prefix(), 0..16u8, name(), realm, address(), address(), tail, any::<prop::sample::Index>(), 0..12u8).prop_map(
        |(prefix, kind, name, realm, a, b, tail, index, mutate)| {
            let message = match kind {
                0 => format!("{SID}realm <{realm}> user <{name}>: incoming packet REFRESH processed, success"),
                1 => format!("{SID}realm <{realm}> user <{name}>: incoming packet message processed, error 401: Unauthorized"),
                2 => format!("{SID}refreshed, realm=<{realm}>, username=<{name}>, lifetime=600"),
                3 => format!("{SID}new, realm=<{realm}>, username=<{name}>, lifetime=600, cipher=A, method=TLSv1.2"),
                4 => format!("{SID}usage: realm=<{realm}>, username=<{name}>, rp=1, rb=2, sp=3, sb=4"),
                5 => format!("{SID}delete: realm=<{realm}>, username=<{name}>"),
                6 => format!("{SID}peer {a} lifetime updated: 300"),
                7 => format!("{SID}closed (2nd stage), user <{name}> realm <{realm}> origin <>, local {a}, remote {b}, reason: general"),
                8 if index.index(2) == 0 => format!("IPv4. Local relay addr: {a}"),
                8 => format!("IPv6. Local relay addr: {}", a.replace(['[', ']'], "")),
                11 => format!("{SID}peer usage: realm=<{realm}>, username=<{name}>, rp=1, rb=2, sp=3, sb=4"),
                12 => format!("{SID}origin <https://app.example.com:8443> realm <{realm}> user <{name}>: incoming packet ALLOCATE processed, success"),
                13 => format!("Global turn allocation count incremented, now {a}"),
                14 => format!("{SID}closed (1st stage), user <{name}> realm <{realm}> origin <http://{a}>, local {a}, remote {b}, reason: general"),
                15 => format!("check_stun_auth: Cannot find credentials of user <{name}>"),
                9 => format!("handle_udp_packet: New UDP endpoint: local addr {a}, remote addr {b}"),
                _ => format!("{SID}origin <{name}> realm <{realm}> user <{name}>: incoming packet ALLOCATE processed, success"),
            };
            let mut text: Vec<char> = format!("{prefix}{message}{tail}").chars().collect();
            if mutate < 3 && !text.is_empty() {
                let at = index.index(text.len());
                match mutate {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, '<'),
                    _ => text.truncate(at),
                }
            }
            text.into_iter().collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_exact_way_and_the_pass_agree(line in line(), keyed in any::<bool>()) {
        let mut fast = if keyed { scrubber(&Config::default()) } else { plain() };
        let mut slow = if keyed { scrubber(&Config::default()) } else { plain() };
        slow.exact = false;
        let (a, b) = (run(&mut fast, line.as_bytes()), run(&mut slow, line.as_bytes()));
        prop_assert_eq!(String::from_utf8_lossy(&a), String::from_utf8_lossy(&b));
        prop_assert_eq!(fast.counts, slow.counts);
    }

    #[test]
    fn the_short_cut_and_the_long_way_agree(line in line(), quote in any::<bool>()) {
        // White space before a record is enough for it to take the long way.
        let line = if quote { line.replacen('<', "<\"", 1) } else { line };
        let short = format!("{{\"log\":\"{line}\"}}");
        let long = filtered(Encoding::Json, &format!(" {short}"));
        prop_assert_eq!(filtered(Encoding::Json, &short), &long[1..]);
        let slow = String::from_utf8(run(&mut Scrubber { exact: false, ..plain() }, line.as_bytes())).unwrap();
        prop_assert_eq!(filtered(Encoding::Text, &line), slow);
    }

    #[test]
    fn filtering_twice_is_filtering_once(line in line(), keyed in any::<bool>()) {
        let make = || if keyed { scrubber(&Config::default()) } else { plain() };
        let once = run(&mut make(), line.as_bytes());
        let twice = run(&mut make(), &once);
        prop_assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
    }

    #[test]
    fn a_user_name_never_survives(kind in 0..6u8, prefix in prefix(), name in "[a-z]{0,4}[<>, :=]{0,3}QX7Z[ -~]{0,20}") {
        let message = match kind {
            0 => format!("{SID}realm <r> user <{name}>: incoming packet REFRESH processed, success"),
            1 => format!("{SID}refreshed, realm=<r>, username=<{name}>, lifetime=600"),
            2 => format!("{SID}closed (1st stage), user <{name}> realm <r> origin <>, local 1.2.3.4:5, remote 1.2.3.4:5, reason: x"),
            3 => format!("check_stun_auth: user {name} credentials are incorrect"),
            4 => format!("check_stun_auth: Cannot find credentials of user <{name}>"),
            _ => format!("{SID}delete: realm=<r>, username=<{name}>"),
        };
        let out = scrubbed(&format!("{prefix}{message}"));
        prop_assert!(!out.contains("QX7Z"), "{}", out);
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"<>=:./-[]0a \n".to_vec())], 0..200)) {
        let mut s = plain();
        run(&mut s, &bytes);
        run(&mut s, &bytes);
    }
}
