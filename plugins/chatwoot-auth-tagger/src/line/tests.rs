//! Lines of every shape, bare and shipped.

use super::*;

fn message(text: &str) -> Message<'_> {
    read(text.as_bytes()).message
}

#[test]
fn messages_of_rails() {
    let logger = "I, [2026-03-02T08:01:40.750781 #6031]  INFO -- : [abc-1] ";
    let line = format!(
        "{logger}Started POST \"/auth/sign_in?a=\\\"b\" for 198.51.100.103 at 2026-03-02 09:01:40 +0100"
    );
    let read = read(line.as_bytes());
    assert_eq!((read.pid, read.id, read.offset_s), (Some(6031), &b"abc-1"[..], Some(3600)));
    assert!(matches!(read.message, Message::Started { method: b"POST", ip: b"198.51.100.103", .. }));
    for (text, expected) in [
        ("Processing by A::B#create as */*", Message::Processing { controller: b"A::B", action: b"create" }),
        ("  Parameters: {}", Message::Parameters(b"{}")),
        ("Completed 422 Unprocessable Content in 4ms", Message::Completed(422)),
        (
            "Filter chain halted as :authenticate_user! rendered or redirected",
            Message::Halted(b"authenticate_user!"),
        ),
        (
            "Handled error: #<Pundit::NotAuthorizedError: not>",
            Message::Handled(b"Pundit::NotAuthorizedError"),
        ),
        ("Can't verify CSRF token authenticity.", Message::Csrf),
        ("Invalid Password", Message::AdminRejected),
        ("[ActiveJob] Enqueued XJob (Job ID: 1)", Message::Quiet),
        ("Article: not found for slug: x", Message::Untrusted),
        ("{\"a\":1}", Message::Object(b"{\"a\":1}")),
        ("Completed nothing in 4ms", Message::Other),
    ] {
        let line = format!("{logger}{text}");
        assert_eq!(message(&line), expected, "{text}");
        assert_eq!(message(&format!("web-1  | {line}")), expected, "{text}");
    }
    assert_eq!(message(logger.replace(" INFO", "FATAL").as_str()), Message::Fatal);
}

#[test]
fn exceptions_have_a_tag_only() {
    let line = r#"[5f49] ActionController::RoutingError (No route matches [GET] "/x"):"#;
    let read = read(line.as_bytes());
    assert_eq!(read.id, b"5f49");
    let message = Message::Exception {
        class: b"ActionController::RoutingError",
        message: br#"No route matches [GET] "/x""#,
    };
    assert_eq!(read.message, message);
    // A request's message needs a logger's prefix if it has a tag.
    assert_eq!(super::read(b"[5f49] Completed 200 OK in 5ms").message, Message::Other);
}

#[test]
fn rack_attack_fields_cannot_be_forged_by_a_header() {
    let line = r#" remote_ip: "192.0.2.1", path: "/auth/sign_in", user_identifier: "x", remote_ip: "203.0.113.1", path: "/", method: "PUT", account_id: "unknown_account", method: "POST", user_agent: "a "b" c""#;
    let field = |name: &str| {
        rails::blocked_field(line.as_bytes(), name.as_bytes())
            .map(|f| String::from_utf8_lossy(f).into_owned())
    };
    assert_eq!(field("remote_ip").as_deref(), Some("192.0.2.1"));
    assert_eq!(field("path").as_deref(), Some("/auth/sign_in"));
    assert_eq!(field("method").as_deref(), Some("POST"));
    assert_eq!(field("user_agent").as_deref(), Some("a \"b\" c"));
    let old = r#" remote_ip: "192.0.2.1", path: "/auth/sign_in""#;
    assert_eq!(rails::blocked_field(old.as_bytes(), b"path"), Some(&b"/auth/sign_in"[..]));
    assert_eq!(rails::blocked_field(old.as_bytes(), b"method"), None);
}

#[test]
fn a_spoofed_address_is_pumas_line() {
    let line = r##"2026-03-02 08:49:04 +0000 Rack app ("GET /api/v1/profile" - (203.0.113.116, 203.0.113.117)): #<ActionDispatch::RemoteIp::IpSpoofAttackError: x>"##;
    assert_eq!(
        message(line),
        Message::Spoof { method: b"GET", path: b"/api/v1/profile", ip: b"203.0.113.117" }
    );
}
