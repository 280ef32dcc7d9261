//! Requests put together from lines: interleaved, with ids used again, and with lines that a client wrote.

use super::*;
use crate::event::{Action, Confidence, Event, Outcome, decide};

fn requests() -> Requests {
    Requests::new(&RequestsConfig::default(), 0)
}

/// The events of lines, each with user and address.
fn events(lines: &[String]) -> Vec<(Event, String, String)> {
    let (mut requests, mut prober, mut all) = (requests(), Prober::default(), Vec::new());
    for line in lines {
        if requests.line(b"t", line.as_bytes(), 0, &mut prober)
            && let Some(event) = decide(requests.done(), &mut prober)
        {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            all.push((event, text(&requests.done().user), text(&requests.done().ip)));
        }
    }
    all
}

fn line(pid: u32, second: u32, id: &str, text: &str) -> String {
    format!("I, [2026-03-02T08:00:{second:02}.000001 #{pid}]  INFO -- : [{id}] {text}")
}

fn sign_in(pid: u32, id: &str, user: &str, ip: &str, status: u16) -> Vec<String> {
    vec![
        line(pid, 1, id, &format!("Started POST \"/auth/sign_in\" for {ip} at 2026-03-02 08:00:01 +0000")),
        line(pid, 1, id, "Processing by DeviseOverrides::SessionsController#create as HTML"),
        line(
            pid,
            1,
            id,
            &format!("  Parameters: {{\"email\" => \"{user}\", \"password\" => \"[FILTERED]\"}}"),
        ),
        line(pid, 2, id, &format!("Completed {status} X in 5ms (ActiveRecord: 1.0ms)")),
    ]
}

#[test]
fn interleaved_requests_are_not_mixed() {
    let one = sign_in(7, "a", "ann@x", "192.0.2.1", 401);
    let two = sign_in(7, "b", "bob@x", "192.0.2.2", 200);
    // All ways to put four lines among four.
    for mask in 0u32..256 {
        if mask.count_ones() != 4 {
            continue;
        }
        let (mut a, mut b) = (one.iter(), two.iter());
        let mixed: Vec<String> =
            (0..8).filter_map(|i| if mask >> i & 1 == 1 { a.next() } else { b.next() }).cloned().collect();
        let mut found = events(&mixed);
        found.sort_by(|x, y| x.1.cmp(&y.1));
        assert_eq!(found.len(), 2, "{mask:08b}");
        assert_eq!((found[0].1.as_str(), found[0].2.as_str()), ("ann@x", "192.0.2.1"));
        assert_eq!((found[0].0.action, found[0].0.outcome), (Action::UserLogin, Outcome::Failure));
        assert_eq!((found[1].1.as_str(), found[1].2.as_str()), ("bob@x", "192.0.2.2"));
        assert_eq!(found[1].0.outcome, Outcome::Success);
    }
}

#[test]
fn an_id_that_is_used_again_starts_anew() {
    let mut lines = sign_in(7, "same", "ann@x", "192.0.2.1", 401);
    lines.extend(sign_in(7, "same", "bob@x", "192.0.2.2", 200));
    let found = events(&lines);
    assert_eq!(found.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(), ["ann@x", "bob@x"]);
    assert!(found.iter().all(|f| f.0.confidence == Confidence::High));
}

#[test]
fn an_id_that_two_open_requests_share_names_neither() {
    let one = sign_in(7, "same", "ann@x", "192.0.2.1", 401);
    let two = sign_in(7, "same", "bob@x", "192.0.2.2", 401);
    let mixed: Vec<String> = one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    for (event, user, ip) in events(&mixed) {
        assert_eq!((event.confidence, user.as_str(), ip.as_str()), (Confidence::Low, "", ""));
    }
    // One client that sends the same id all the time is still that client.
    let two = sign_in(7, "same", "ann@x", "192.0.2.1", 401);
    let mixed: Vec<String> = one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let found = events(&mixed);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|f| f.1 == "ann@x" && f.2 == "192.0.2.1"));
}

#[test]
fn lines_of_a_client_are_not_believed() {
    let real = sign_in(7, "a", "ann@x", "192.0.2.1", 200);
    let carrier = line(7, 3, "c", "Article: not found for slug: x");
    // Another process.
    let mut lines = real.clone();
    lines.push(carrier.clone());
    lines.extend(sign_in(1, "f", "eve@x", "203.0.113.9", 401));
    assert_eq!(events(&lines).len(), 1);
    // The same process, but no `Processing`.
    let mut lines = real.clone();
    lines.push(carrier.clone());
    let forged = sign_in(7, "f", "eve@x", "203.0.113.9", 401);
    lines.extend([forged[0].clone(), forged[3].clone()]);
    assert_eq!(events(&lines).len(), 1);
    // A whole request of the same process: known for what it may be.
    let mut lines = real.clone();
    lines.push(carrier.clone());
    lines.extend(forged.clone());
    assert_eq!(events(&lines)[1].0.confidence, Confidence::Low);
    // The path has announced it.
    let path = forged.join("\n").replace('\n', "%0A").replace(' ', "%20").replace('"', "%22");
    let mut lines = real.clone();
    lines.push(line(
        7,
        3,
        "c",
        &format!("Started GET \"/hc/a/articles/x%0A{path}\" for 203.0.113.9 at 2026-03-02 08:00:03 +0000"),
    ));
    lines.push(carrier);
    lines.extend(forged);
    assert_eq!(events(&lines).len(), 1);
    // Bare lines where a logger writes a prefix.
    let mut lines = real;
    lines.extend(
        sign_in(7, "x", "eve@x", "203.0.113.9", 401).iter().map(|l| l.split("] ").last().unwrap().to_owned()),
    );
    assert_eq!(events(&lines).len(), 1);
}

#[test]
fn without_ids_only_requests_on_their_own_are_told() {
    let bare = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|l| l.split_once(": [").unwrap().1.split_once("] ").unwrap().1.to_owned()).collect()
    };
    let one = bare(sign_in(7, "a", "ann@x", "192.0.2.1", 401));
    let two = bare(sign_in(7, "b", "bob@x", "192.0.2.2", 401));
    let found = events(&[one.clone(), two.clone()].concat());
    assert_eq!(found.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(), ["ann@x", "bob@x"]);
    assert!(found.iter().all(|f| f.0.confidence == Confidence::Low));
    // Behind a text of a client, what looks like a request may be one of his.
    let mut requests = requests();
    let mut prober = Prober::default();
    for line in ["Article: not found for slug: x"].into_iter().chain(one.iter().map(String::as_str)) {
        requests.line(b"t", line.as_bytes(), 0, &mut prober);
    }
    assert!(requests.done().suspect);
    let mixed: Vec<String> = one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    assert!(events(&[mixed, two].concat()).len() <= 1);
}

#[test]
fn local_times_become_utc() {
    let mut requests = requests();
    let mut prober = Prober::default();
    let text = "I, [2026-03-02T09:00:01.000 #7]  INFO -- : [a] Started POST \"/auth/sign_in\" for 192.0.2.1 at 2026-03-02 09:00:01 +0100";
    requests.line(b"t", text.as_bytes(), 0, &mut prober);
    assert_eq!(requests.now_ms(), crate::line::stamp::zoned(b"2026-03-02T08:00:01Z").unwrap());
}

#[test]
fn a_process_that_starts_anew_is_believed() {
    let mut lines = sign_in(7, "a", "ann@x", "192.0.2.1", 200);
    lines.push(line(7, 3, "c", "Something that nobody knows"));
    lines.push("*          PID: 8".to_owned());
    lines.extend(sign_in(8, "b", "bob@x", "192.0.2.1", 200));
    assert_eq!(events(&lines).len(), 2);
}
