use tamis_sdk::{Filter, live};

use super::*;
use crate::config::Config;

fn tagger(config: Config) -> ChatwootAuthTagger {
    ChatwootAuthTagger::new(config, None).unwrap()
}

fn exchange(method: &str, target: &str, status: u16) -> Exchange {
    Exchange {
        method: method.into(),
        target: target.into(),
        client_ip: b"198.51.100.7".to_vec(),
        request: vec![Vec::new(); HEADERS.request.len()],
        status,
        response: vec![Vec::new(); HEADERS.response.len()],
        time_ns: 1_772_438_500_123_000_000,
        ..Exchange::default()
    }
}

fn watch(tagger: &mut ChatwootAuthTagger, exchange: &Exchange) -> Option<live::Event> {
    let mut event = live::Event::default();
    tagger.watch(exchange, &mut event).then_some(event)
}

fn json(event: &live::Event) -> serde_json::Value {
    serde_json::from_slice(&event.json).unwrap()
}

#[test]
fn a_request_and_its_answer_make_an_event() {
    let mut tagger = tagger(Config::default());
    for (method, target, status, location, action, outcome) in [
        ("POST", "/auth/sign_in", 200, "", "user-login", "success"),
        ("POST", "/auth/sign_in", 401, "", "user-login", "failure"),
        ("POST", "/auth/sign_in", 206, "", "mfa-challenge", "unknown"),
        ("POST", "/auth/sign_in", 429, "", "rate-limited", "failure"),
        ("POST", "/super_admin/sign_in", 302, "https://c.example/super_admin", "admin-login", "success"),
        (
            "POST",
            "/super_admin/sign_in",
            302,
            "https://c.example/super_admin/sign_in",
            "admin-login",
            "failure",
        ),
        (
            "GET",
            "/super_admin/users",
            302,
            "https://c.example/super_admin/sign_in",
            "access-denied",
            "failure",
        ),
        (
            "POST",
            "/super_admin/users",
            302,
            "https://c.example/super_admin/users/7",
            "user-create",
            "success",
        ),
        (
            "GET",
            "/omniauth/google_oauth2/callback?code=x",
            302,
            "https://c.example/app/login?sso_auth_token=s3cret",
            "sso-login",
            "success",
        ),
        (
            "GET",
            "/omniauth/saml/callback?account_id=1",
            302,
            "https://c.example/app/login?error=saml-authentication-failed",
            "sso-login",
            "failure",
        ),
        ("GET", "/api/v1/accounts/1/agents", 401, "", "api-auth", "failure"),
        ("POST", "/api/v1/accounts/1/webhooks", 200, "", "webhook-create", "success"),
        ("GET", "/wp-login.php", 404, "", "suspicious-request", "failure"),
    ] {
        let mut request = exchange(method, target, status);
        request.response[LOCATION] = location.into();
        let event = watch(&mut tagger, &request).unwrap_or_else(|| panic!("{method} {target} {status}"));
        assert_eq!((event.action, event.outcome), (action, outcome), "{method} {target} {location}");
        let json = json(&event);
        assert_eq!(json["event"]["action"], action);
        assert_eq!(json["source"]["ip"], "198.51.100.7");
        assert_eq!(json["@timestamp"], json["event"]["end"]);
        assert!(!String::from_utf8_lossy(&event.json).contains("s3cret"));
        assert!(event.relay.is_empty());
    }
    for (method, target, status) in [
        ("GET", "/app/login", 200),
        ("GET", "/cable", 101),
        ("POST", "/auth/sign_in", 502),
        ("GET", "/api", 200),
    ] {
        assert!(
            watch(&mut tagger, &exchange(method, target, status)).is_none(),
            "{method} {target} {status}"
        );
    }
}

#[test]
fn the_body_says_who_and_nothing_more() {
    let mut tagger = tagger(Config::default());
    let sign_in = |content_type: &str, body: &str| {
        let mut request = exchange("POST", "/auth/sign_in", 401);
        assert!(wants_body(&request));
        request.request[CONTENT_TYPE] = content_type.into();
        request.body = Some(body.into());
        request
    };
    for (content_type, body, user, action, confidence) in [
        (
            "application/json",
            r#"{"email":"zoe@a.example","password":"pa55word"}"#,
            "zoe@a.example",
            "user-login",
            "high",
        ),
        (
            "application/json;charset=UTF-8",
            r#"{"email":" zoe@a.example","password":"pa55word","mfa_token":"pa55word","otp_code":"pa55word"}"#,
            "zoe@a.example",
            "mfa-verify",
            "high",
        ),
        (
            "application/x-www-form-urlencoded",
            "super_admin%5Bemail%5D=zoe%40a.example&super_admin%5Bpassword%5D=pa55word",
            "zoe@a.example",
            "user-login",
            "high",
        ),
        (
            "application/x-www-form-urlencoded",
            "email=zoe%2B1%40a.example&password=pa55word",
            "zoe+1@a.example",
            "user-login",
            "high",
        ),
        // Cut, or not what it claims to be: as if it had not been read.
        ("application/json", r#"{"email":"zoe@a.example","password":"pa55"#, "", "user-login", "medium"),
        ("multipart/form-data; boundary=x", "--x\r\npa55word", "", "user-login", "medium"),
        (
            "application/json",
            r#"{"email":["zoe@a.example"],"password":"pa55word"}"#,
            "",
            "user-login",
            "high",
        ),
        ("application/json", "[[[[", "", "user-login", "medium"),
    ] {
        let event = watch(&mut tagger, &sign_in(content_type, body)).unwrap();
        let json = json(&event);
        assert_eq!(event.action, action, "{body}");
        assert_eq!(json["user"]["name"].as_str().unwrap_or(""), user, "{body}");
        assert_eq!(json["chatwoot"]["confidence"], confidence, "{body}");
        assert!(!String::from_utf8_lossy(&event.json).contains("pa55"), "{body}");
    }
    // Chatwoot's word goes before the client's.
    let mut request = sign_in("application/json", r#"{"email":"eve@a.example"}"#);
    request.status = 200;
    request.response[UID] = b"zoe@a.example".to_vec();
    assert_eq!(json(&watch(&mut tagger, &request).unwrap())["user"]["name"], "zoe@a.example");
    assert!(!wants_body(&exchange("POST", "/api/v1/accounts/1/conversations", 200)));
}

#[test]
fn a_refusal_is_sure_if_no_credentials_were_sent() {
    let mut tagger = tagger(Config::default());
    let mut request = exchange("GET", "/api/v1/accounts/1/agents", 401);
    let confidence = |e: &live::Event| json(e)["chatwoot"]["confidence"].as_str().unwrap().to_owned();
    assert_eq!(confidence(&watch(&mut tagger, &request).unwrap()), "high");
    request.request[CREDENTIALS] = b"0123".to_vec();
    assert_eq!(confidence(&watch(&mut tagger, &request).unwrap()), "medium");
}

#[test]
fn alerts_are_raised_by_the_instance_or_by_the_one_that_collects() {
    let failed = |collected: bool, second: u64| {
        let mut request = exchange("POST", "/auth/sign_in", 401);
        request.request[CONTENT_TYPE] = b"application/json".to_vec();
        request.body = Some(br#"{"email":"zoe@a.example","password":"x"}"#.to_vec());
        request.time_ns += second * 1_000_000_000;
        request.collected = collected;
        request
    };
    let mut alone = tagger(Config::default());
    let alerts: Vec<_> =
        (0..6).filter_map(|s| watch(&mut alone, &failed(false, s))).map(|e| e.alerts).collect();
    assert_eq!(alerts.iter().flatten().collect::<Vec<_>>(), [&"brute-force-detected"]);
    assert_eq!(alerts[4].len(), 1);

    // Three workers see two requests each; the fourth instance has them all.
    let mut workers = [(); 3].map(|()| tagger(Config::default()));
    let mut collector = tagger(Config::default());
    let mut raised = Vec::new();
    for second in 0..6 {
        let worker = &mut workers[usize::try_from(second).unwrap() % 3];
        let event = watch(worker, &failed(true, second)).unwrap();
        assert!(event.alerts.is_empty());
        let mut collected = live::Event::default();
        if collector.collect(&event.relay, &mut collected) {
            raised.push((second, collected));
        }
        // Damaged relays are nothing.
        for cut in 0..event.relay.len() {
            let mut none = live::Event::default();
            let mut other = tagger(Config::default());
            assert!(!other.collect(&event.relay[..cut], &mut none));
        }
    }
    assert_eq!(raised.len(), 1);
    let (second, event) = &raised[0];
    assert_eq!(
        (*second, event.summary().as_str()),
        (4, "user-login; outcome=failure; alert=brute-force-detected")
    );
    let json = json(event);
    assert_eq!(json["alerts"][0]["rule"]["id"], "brute-force-detected");
    assert_eq!(json["alerts"][0]["related"]["user"][0], "zoe@a.example");
    assert_eq!(json["user"]["name"], "zoe@a.example");
}

#[test]
fn all_schemas_have_a_time_and_one_line() {
    for (schema, time) in [(Schema::Ecs, "@timestamp"), (Schema::Ocsf, "time"), (Schema::Flat, "event_time")]
    {
        for dotted in [false, true] {
            let mut tagger = tagger(Config { schema, dotted, prefix: "cw_".to_owned(), ..Config::default() });
            let event = watch(&mut tagger, &exchange("POST", "/auth/sign_in", 401)).unwrap();
            let json = json(&event);
            let prefix = if time.starts_with('@') { "" } else { "cw_" };
            assert!(!json[format!("{prefix}{time}")].is_null(), "{json}");
            assert!(!event.json.contains(&b'\n'));
        }
    }
}
