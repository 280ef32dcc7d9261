//! Records that are made to hurt, and good ones that have to come out behind them.

/// How many hostile records the suites send first.
pub const HOSTILE: usize = 5_000;
/// How many good ones follow.
pub const GOOD: usize = 10_000;

/// What a filter's lines look like: good ones, and what to make them hurt with.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// A good line, with a number to recognise it by.
    pub good_line: fn(usize) -> String,
    pieces: &'static [&'static [u8]],
}

/// Lines of the kind that a filter is made for.
#[must_use]
pub fn of(filter: &str) -> Source {
    match filter {
        "asynq-payload-redactor" => ASYNQ,
        "chatwoot-auth-tagger" => CHATWOOT,
        _ => COTURN,
    }
}

/// coturn's lines.
pub const COTURN: Source = Source { good_line: coturn_line, pieces: &COTURN_PIECES };

/// Lines of asynq and of applications on it.
pub const ASYNQ: Source = Source { good_line: asynq_line, pieces: &ASYNQ_PIECES };

/// Lines of Chatwoot and of what runs around it.
pub const CHATWOOT: Source = Source { good_line: chatwoot_line, pieces: &CHATWOOT_PIECES };

fn coturn_line(i: usize) -> String {
    let (session, port) = (10_000_000 + i, 1024 + i % 60_000);
    let (a, b) = (i / 250 % 250, i % 250);
    match i % 4 {
        0 => format!(
            "{i}: : session {session:021}: realm <example.org> user <user{i}>: incoming packet message processed, error 401: Unauthorized"
        ),
        1 => format!("{i}: : IPv4. tcp or tls connected to: 198.51.{a}.{b}:{port}"),
        2 => format!(
            "{i}: : session {session:021}: new, realm=<example.org>, username=<user{i}>, lifetime=600"
        ),
        _ => format!("{i}: : session {session:021}: peer 2001:db8::{a:x}:{b:x} lifetime updated: 600"),
    }
}

fn asynq_line(i: usize) -> String {
    let (id, user) = (format!("94afbc3f-9ffc-48ea-a403-{i:012x}"), 1_000 + i);
    let payload =
        format!("{{\"user_id\":{user},\"email\":\"user{i}@example.org\",\"note\":\"caf\u{e9} {i}\"}}");
    match i % 5 {
        0 => format!("2026/11/21 00:15:48 enqueued task: id={id} queue=critical payload={payload}"),
        1 => format!(
            "asynq: pid=14429 2026/11/21 00:18:38.{:06} INFO: Pushed task id={id} back to queue",
            i % 1_000_000
        ),
        2 => {
            let list: Vec<String> = payload.bytes().map(|b| b.to_string()).collect();
            format!(
                "asynq: pid=1 2026/11/21 00:18:38.002190 DEBUG: scheduler enqueued a task: &{{ID:{id} Queue:default Type:email:welcome Payload:[{}] Headers:map[] State:pending MaxRetry:25 Retried:0}}",
                list.join(" ")
            )
        }
        3 => format!(
            "time=2026-11-21T00:16:39.244Z level=INFO msg=\"enqueued task\" task_id={id} payload={}",
            serde_json::to_string(&payload).unwrap_or_default()
        ),
        _ => {
            format!("{{\"level\":\"info\",\"task_id\":\"{id}\",\"retry\":{},\"payload\":{payload}}}", i % 25)
        }
    }
}

fn chatwoot_line(i: usize) -> String {
    // Requests of five lines, each of which ends in an event, and what other programs write in between.
    let (request, second) = (i / 8, i / 8 % 60);
    let id = format!("94afbc3f-9ffc-48ea-a403-{request:012x}");
    let rails = |text: &str| {
        format!(
            "I, [2026-03-02T08:{:02}:{second:02}.278676 #21545]  INFO -- : [{id}] {text}",
            request / 60 % 60
        )
    };
    let ip = format!("198.51.{}.{}", request / 250 % 250, request % 250);
    let user = format!("user{}@example.org", request % 500);
    match i % 8 {
        0 => rails(&format!("Started POST \"/auth/sign_in\" for {ip} at 2026-03-02 08:00:00 +0000")),
        1 => rails("Processing by DeviseOverrides::SessionsController#create as HTML"),
        2 => rails(&format!("  Parameters: {{\"email\" => \"{user}\", \"password\" => \"[FILTERED]\"}}")),
        3 => rails(&format!("Completed {} Unauthorized in 56ms (Views: 0.2ms)", [200, 401][request % 2])),
        4 => rails(&format!(
            "{{\"method\":\"POST\",\"path\":\"/auth/sign_in\",\"controller\":\"DeviseOverrides::SessionsController\",\"action\":\"create\",\"status\":401,\"params\":{{\"email\":\"{user}\"}},\"remote_ip\":\"{ip}\",\"user_id\":null}}"
        )),
        5 => format!(
            "{ip} - - [02/Mar/2026:08:00:{second:02} +0000] \"GET /api/v1/accounts/{request}/agents HTTP/1.1\" 401 92 \"-\" \"agent/{i}\""
        ),
        6 => format!(
            "2026-03-02 08:00:{second:02}.844 UTC [{request}] FATAL:  password authentication failed for user \"{user}\""
        ),
        _ => format!("caf\u{e9} {i}: RoomChannel is streaming from token{i}"),
    }
}

/// Made-up hostile text, the same for the same `i`: any bytes but a line feed, up to some
/// tens of kilobytes.
#[must_use]
pub fn hostile_line(source: Source, i: usize) -> Vec<u8> {
    let mut rng = Rng::new(i as u64);
    let mut line = (source.good_line)(i).into_bytes();
    for _ in 0..=rng.below(4) {
        mutate(source, &mut line, &mut rng);
    }
    line.retain(|b| *b != b'\n');
    line
}

/// Made-up hostile records, some of which are not JSON at all.
#[must_use]
pub fn hostile_record(source: Source, i: usize) -> Vec<u8> {
    let mut rng = Rng::new(!(i as u64));
    let text = serde_json::to_string(&String::from_utf8_lossy(&hostile_line(source, i))).unwrap_or_default();
    let mut record = format!("{{\"n\":{i},\"log\":{text}}}").into_bytes();
    match rng.below(8) {
        0 => record.truncate(rng.below(record.len())),
        1 => mutate(source, &mut record, &mut rng),
        2 => {
            let depth = rng.below(2_000);
            record = [vec![b'['; depth], record, vec![b']'; depth]].concat();
        }
        3 => record = [vec![b'{'; rng.below(1_000)], record].concat(),
        4 => record = format!("{{\"log\":{text},\"log\":{{\"log\":[{text},{text}]}},\"\":null}}").into(),
        5 => record = [b"\xef\xbb\xbf \t".as_slice(), &record, b"\r\n \0"].concat(),
        6 => record = text.into_bytes(),
        _ => {}
    }
    record
}

fn mutate(source: Source, line: &mut Vec<u8>, rng: &mut Rng) {
    let pieces = source.pieces;
    let at = rng.below(line.len() + 1);
    match rng.below(6) {
        0 | 1 => {
            let piece = pieces[rng.below(pieces.len())];
            line.splice(at..at, piece.iter().copied());
        }
        2 => {
            let piece = pieces[rng.below(pieces.len())];
            // Most some hundred bytes, some tens of kilobytes.
            let times = if rng.below(16) == 0 { 1_500 } else { 40 };
            let many = piece.repeat(rng.below(times) + 1);
            line.splice(at..at, many);
        }
        3 => line.truncate(at),
        4 => {
            let other = (source.good_line)(rng.below(1 << 20));
            line.splice(at..at, other.bytes());
        }
        _ => {
            let noise: Vec<u8> = (0..rng.below(300)).map(|_| rng.next() as u8).collect();
            line.splice(at..at, noise);
        }
    }
}

const COTURN_PIECES: [&[u8]; 22] = [
    b"user <a> b> <c>",
    b"user <",
    b"username=<198.51.100.7>",
    b"realm <>",
    b"\xff\xfe\xc3(\xed\xa0\x80",
    b"\x00\x01\x1b[31m",
    b"2001:db8:1:2:3:4:5:6:7",
    b"2001:db8::1::2:3478",
    b"::ffff:198.51.100.300",
    b"1.2.3.4.5.6.7.8.9",
    b"198.51.100.7-198.51.100.9",
    b"99999999999999999999999999999999999.1.1.1",
    b"\\u0000\\ud800\\\\\\\"",
    b"\"}{\"log\":\"",
    b"[[[[[[[[{{{{{{",
    b"ip-198-51-100-7.example.net",
    b"password=hunter2 Authorization: Basic Og==",
    b"session 000000000000000001: usage: realm=<r>, username=<",
    b"\r",
    b"\xe2\x80\xa8\xf0\x9f\x98\x80",
    b"%s%n%99999999d",
    b"postgres://u:p@[::1]:5432/db?sslmode=",
];

const ASYNQ_PIECES: [&[u8]; 36] = [
    b"payload={\"a\":",
    b"payload=\"{\\\"a\\\":\\\"",
    b" PAYLOAD: [123 34 97 34 58",
    b"[123 34 ",
    b"0x7b, 0x22, ",
    b"7b22 ",
    b"7b 22 ",
    b"eyJhIjoi",
    b"ZXlKaElqb2k",
    b"&{ID:x Type:",
    b"&main.T{A:",
    b"map[a:map[b:[c ",
    b"{[{[{[(((",
    b"]}]}]}",
    b"\\\\\\\\\\\\\\\\\\\"",
    b"\\u007b\\u0022",
    b"\\x7b\\n\\a",
    b"\"",
    b"`",
    b"=",
    b"password=",
    b"token: ",
    b"4111 1111 1111 1111",
    b"a@b.co",
    b"-----BEGIN EC PRIVATE KEY-----\\n",
    b"postgres://u:p@h/d",
    b"%7B%22a%22%3A%22",
    b"\xff\xfe\xc3(\xed\xa0\x80",
    b"\x00\x01\x1b[36mpayload=\x1b[0m",
    b"\xe2\x80\xa8\xf0\x9f\x98\x80",
    b"\xe2\x80\xa6...",
    b"2026-11-21T00:23:23.958335703+00:00 stderr P ",
    b"[REDACTED:payload]",
    b"\"\\n\\remail:welcome\\x12\\x7f{",
    b"\r",
    b"999999999999999999999999999999 ",
];

const CHATWOOT_PIECES: [&[u8]; 40] = [
    b"I, [2026-03-02T08:01:40.750781 #6031]  INFO -- : [",
    b"[94afbc3f-9ffc-48ea-a403-000000000001] ",
    b"W, [2026-03-02T08:01:40.750781 #1]  WARN -- : ",
    b"F, [9999-99-99T99:99:99.999999 #99999999999999999999] FATAL -- : [x] ",
    b"Started POST \"/auth/sign_in?a=\" for ",
    b"Processing by DeviseOverrides::SessionsController#create as HTML",
    b"  Parameters: {",
    b"Parameters: {\"email\" => ",
    b"{\"a\" => {b: [1, {",
    b"\"email\"=>\"a\\\"b\\u0000@c\", :x=>nil, y: \"\"",
    b"#<ActionController::Parameters {",
    b"Filter chain halted as :authenticate_user! rendered or redirected",
    b"Redirected to http://x/app/login?email=a%40b&sso_auth_token=",
    b"Handled error: #<Pundit::NotAuthorizedError: ",
    b"Completed 401 Unauthorized in 1ms",
    b"Completed 99999999999999999999 x in ",
    b"ActionController::RoutingError (No route matches [GET] \"/wp-login.php\"):",
    b"[Rack::Attack][Blocked] remote_ip: \"1.2.3.4\", path: \"/auth/sign_in\", user_identifier: \"",
    b"\", account_id: \"\", method: \"POST\", user_agent: \"",
    b"{\"method\":\"POST\",\"path\":\"/auth/sign_in\",\"status\":401,\"params\":{",
    b"[[[[[[[[{{{{{{",
    b"\"}}]}",
    b"\"SAMLResponse\" => \"",
    b"reset_password_token=",
    b"password[token][secret]=%3D%253D",
    b"_instructions\", args: [#<GlobalID>>, \"",
    b"streaming from ",
    b"/webhooks/telegram/",
    b"/callback?code=provider\"code\": \"",
    b"%0AI%2C%20[2026-03-02T08:01:40.750781%20%231]",
    b"Article: not found for slug: ",
    b"rails-1     | ",
    b"\x1b[36mrails-1  |\x1b[0m ",
    b"Mar 01 07:54:19 host chatwoot-web.1[687]: ",
    b"2026-11-21T00:23:23.958335703+00:00 stderr P ",
    b"198.51.100.7 - - [02/Mar/2026:08:00:15 +0000] \"GET /../../etc/passwd HTTP/1.1\" 404 1 \"-\" \"",
    b"2026-11-21 00:52:29.844 UTC [1988] FATAL:  password authentication failed for user \"",
    b"\xff\xfe\xc3(\xed\xa0\x80\x00\x01",
    b"\xe2\x80\xa8\xf0\x9f\x98\x80\xee\x82\x80",
    b"\r",
];

/// xorshift64*: the same numbers on every machine.
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    /// At least 0, less than `n`; 0 if `n` is 0.
    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.next() % n as u64) as usize }
    }
}
