//! What must hold for any traffic: how the lines of requests are mixed, wrapped and cut into batches changes nothing, and
//! what comes out is always JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::{prelude::*, sample::Index, strategy::ValueTree};
use serde_json::Value;
use tamis::{
    host::{Action, Batch, Encoding, Host, HostKind, Outcome},
    select::Opener,
};
use tamis_tests::{
    chatwoot::FILTER,
    poison::{self, CHATWOOT},
    records::{self, TIMESTAMP_NS},
};

thread_local! {
    static OPENER: Opener = Opener::default();
}

fn open(kind: HostKind) -> Box<dyn Host> {
    OPENER.with(|opener| records::open(opener, FILTER, kind, ""))
}

/// A request: its lines in order, without the logger's prefix.
#[derive(Debug, Clone)]
struct Request {
    id: String,
    second: u32,
    lines: Vec<String>,
}

/// What is asked for: path, verb, controller and action, parameters, and what may come of it.
const ROUTES: [(&str, &str, &str, &str, &[&str]); 10] = [
    (
        "POST",
        "/auth/sign_in",
        "DeviseOverrides::SessionsController#create",
        "{\"email\" => \"USER\", \"password\" => \"[FILTERED]\"}",
        &["200", "401", "206", "409", "500"],
    ),
    (
        "POST",
        "/auth/sign_in",
        "DeviseOverrides::SessionsController#create",
        "{:email=>\"USER\", :mfa_token=>\"[FILTERED]\"}",
        &["200", "400", "401"],
    ),
    ("DELETE", "/auth/sign_out", "DeviseOverrides::SessionsController#destroy", "", &["200", "404"]),
    (
        "POST",
        "/auth/password",
        "DeviseOverrides::PasswordsController#create",
        "{\"email\" => \"USER\"}",
        &["200", "404"],
    ),
    (
        "GET",
        "/api/v1/accounts/ACC/agents",
        "Api::V1::Accounts::AgentsController#index",
        "{\"account_id\" => \"ACC\"}",
        &["200", "401 authenticate_user!", "401 current_account", "404"],
    ),
    (
        "POST",
        "/api/v1/accounts/ACC/webhooks",
        "Api::V1::Accounts::WebhooksController#create",
        "{\"account_id\" => \"ACC\", \"webhook\" => {\"url\" => \"https://h.example/?a=b\"}}",
        &["200", "422", "401 authenticate_access_token!"],
    ),
    (
        "POST",
        "/super_admin/sign_in",
        "SuperAdmin::Devise::SessionsController#create",
        "{\"super_admin\" => {\"email\" => \"USER\", \"password\" => \"[FILTERED]\"}}",
        &["302 /super_admin", "302 /super_admin/sign_in"],
    ),
    ("GET", "/wp-login.php?a=../../etc/passwd", "", "", &["routing"]),
    ("GET", "/app/login", "DashboardController#index", "", &["200"]),
    ("POST", "/auth/sign_in", "", "", &["blocked"]),
];

fn request() -> impl Strategy<Value = Request> {
    (any::<Index>(), any::<Index>(), 0u32..20, 0u32..6, 1u32..4).prop_map(|(route, end, second, who, account)| {
        let (verb, path, controller, params, ends) = *route.get(&ROUTES);
        let fill = |text: &str| text.replace("USER", &format!("user{who}@x.example")).replace("ACC", &account.to_string());
        let end = ends[end.index(ends.len())];
        let ip = format!("198.51.100.{}", who % 3);
        let mut lines = vec![format!("Started {verb} \"{}\" for {ip} at 2026-03-02 08:00:00 +0000", fill(path))];
        if !controller.is_empty() {
            lines.push(format!("Processing by {controller} as JSON"));
        }
        if !params.is_empty() {
            lines.push(format!("  Parameters: {}", fill(params)));
        }
        match end.split_once(' ') {
            _ if end == "routing" => {
                lines.push("FATAL".to_owned());
                lines.push(format!("ActionController::RoutingError (No route matches [{verb}] \"/wp-login.php\"):"));
            }
            _ if end == "blocked" => lines.push(format!(
                "[Rack::Attack][Blocked] remote_ip: \"{ip}\", path: \"{path}\", user_identifier: \"\", account_id: \"\", method: \"POST\", user_agent: \"x\""
            )),
            Some((status, to)) if to.starts_with('/') => {
                lines.push(format!("Redirected to https://chat.example{to}"));
                lines.push(format!("Completed {status} Found in 5ms (Allocations: 9)"));
            }
            Some((status, filter)) => {
                lines.push(format!("Filter chain halted as :{filter} rendered or redirected"));
                lines.push(format!("Completed {status} Unauthorized in 5ms"));
            }
            None => lines.push(format!("Completed {end} X in 5ms (Views: 0.2ms)")),
        }
        Request { id: String::new(), second, lines }
    })
}

/// Requests with ids of their own, and an order in which threads may have written their lines.
fn traffic() -> impl Strategy<Value = (Vec<Request>, Vec<Index>)> {
    prop::collection::vec(request(), 1..40)
        .prop_map(|mut requests| {
            for (i, request) in requests.iter_mut().enumerate() {
                request.id = format!("94afbc3f-9ffc-48ea-a403-{i:012x}");
            }
            requests
        })
        .prop_flat_map(|requests| {
            let lines: usize = requests.iter().map(|r| r.lines.len()).sum();
            (Just(requests), prop::collection::vec(any::<Index>(), lines))
        })
}

fn print(request: &Request, line: &str) -> Vec<u8> {
    let time = format!("2026-03-02T08:00:{:02}.278676 #21545", request.second);
    let id = &request.id;
    match line {
        "FATAL" => format!("F, [{time}] FATAL -- : [{id}]   "),
        _ if line.starts_with("ActionController") => format!("[{id}] {line}"),
        _ => format!("I, [{time}]  INFO -- : [{id}] {line}"),
    }
    .into_bytes()
}

/// The lines, always one of the next of any request: the order within a request stays.
fn mixed(requests: &[Request], order: &[Index]) -> Vec<Vec<u8>> {
    let mut next: Vec<(usize, usize)> = (0..requests.len()).map(|r| (r, 0)).collect();
    let mut out = Vec::new();
    for index in order {
        let at = index.index(next.len());
        let (request, line) = next[at];
        out.push(print(&requests[request], &requests[request].lines[line]));
        next[at].1 += 1;
        if next[at].1 == requests[request].lines.len() {
            next.swap_remove(at);
        }
    }
    out
}

/// What comes out, in batches of these lengths, over and over.
fn run(kind: HostKind, lines: &[Vec<u8>], batch_lens: &[usize]) -> Vec<Vec<u8>> {
    let mut host = open(kind);
    let (mut out, mut rest, mut lens) = (Vec::new(), lines, batch_lens.iter().cycle());
    while !rest.is_empty() {
        let (batch, after) = rest.split_at((*lens.next().unwrap()).clamp(1, rest.len()));
        out.extend(process(&mut *host, Encoding::Text, batch));
        rest = after;
    }
    out
}

fn process(host: &mut dyn Host, encoding: Encoding, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut batch = Batch::new("web", encoding);
    records.iter().for_each(|record| batch.push(TIMESTAMP_NS, record));
    let mut outcome = Outcome::default();
    host.process(&batch, &mut outcome).unwrap();
    let mut changed = 0;
    let mut one = |(action, record): (&Action, &Vec<u8>)| match action {
        Action::Keep => record.clone(),
        Action::Drop => panic!("dropped"),
        Action::Replace | Action::ReplaceJson => {
            changed += 1;
            outcome.body(changed - 1).to_vec()
        }
    };
    outcome.actions.iter().zip(records).map(&mut one).collect()
}

/// The events, without the alerts, which depend on what comes first.
fn events(out: &[Vec<u8>]) -> Vec<String> {
    let mut all: Vec<String> = out
        .iter()
        .map(|record| serde_json::from_slice::<Value>(record).unwrap())
        .filter(|json| json["event"]["kind"] == "event")
        .map(|mut json| {
            let fields = json.as_object_mut().unwrap();
            fields.retain(|name, _| !matches!(name.as_str(), "alert" | "alerts"));
            json.to_string()
        })
        .collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn interleaved_requests_are_those_of_one_after_another((requests, order) in traffic()) {
        let mixed = mixed(&requests, &order);
        let single: Vec<Vec<u8>> =
            requests.iter().flat_map(|r| r.lines.iter().map(|l| print(r, l))).collect();
        let (mixed, single) = (run(HostKind::Native, &mixed, &[1000]), run(HostKind::Native, &single, &[1000]));
        prop_assert_eq!(events(&mixed), events(&single));
    }

    #[test]
    fn batches_change_nothing((requests, order) in traffic(), lens in prop::collection::vec(1usize..20, 1..5)) {
        let mixed = mixed(&requests, &order);
        prop_assert_eq!(run(HostKind::Native, &mixed, &lens), run(HostKind::Native, &mixed, &[1000]));
    }

    #[test]
    fn hostile_records_stay_json(start in 0usize..100_000) {
        let mut host = open(HostKind::Native);
        let lines: Vec<Vec<u8>> = (start..start + 20).map(|i| poison::hostile_line(CHATWOOT, i)).collect();
        for out in process(&mut *host, Encoding::Text, &lines) {
            prop_assert!(serde_json::from_slice::<Value>(&out).is_ok());
        }
        let records: Vec<Vec<u8>> = (start..start + 20).map(|i| poison::hostile_record(CHATWOOT, i)).collect();
        for (out, record) in process(&mut *host, Encoding::Json, &records).iter().zip(&records) {
            let was_json = serde_json::from_slice::<Value>(record).is_ok();
            prop_assert!(!was_json || serde_json::from_slice::<Value>(out).is_ok());
        }
    }
}

proptest! {
    // Every case starts a component.
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn batches_change_nothing_in_a_component((requests, order) in traffic(), lens in prop::collection::vec(1usize..20, 1..5)) {
        let mixed = mixed(&requests, &order);
        prop_assert_eq!(run(HostKind::Component, &mixed, &lens), run(HostKind::Native, &mixed, &[1000]));
    }
}

/// The traffic above holds what it is made for.
#[test]
fn every_route_gives_its_event() {
    let mut actions = std::collections::BTreeSet::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..60 {
        let (requests, order) = traffic().new_tree(&mut runner).unwrap().current();
        for event in events(&run(HostKind::Native, &mixed(&requests, &order), &[7])) {
            let event: Value = serde_json::from_str(&event).unwrap();
            actions.insert(event["event"]["action"].as_str().unwrap().to_owned());
        }
    }
    for action in [
        "user-login",
        "mfa-challenge",
        "mfa-verify",
        "session-limit-reached",
        "application-error",
        "user-logout",
        "password-reset-request",
        "api-auth",
        "access-denied",
        "webhook-create",
        "admin-login",
        "suspicious-request",
        "rate-limited",
    ] {
        assert!(actions.contains(action), "{action}: {actions:?}");
    }
}
