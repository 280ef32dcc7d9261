//! Records that are made to hurt, and good ones that have to come out behind them.

/// How many hostile records the suites send first.
pub const HOSTILE: usize = 5_000;
/// How many good ones follow.
pub const GOOD: usize = 10_000;

/// A line as coturn writes it, with a number to recognise it by.
#[must_use]
pub fn good_line(i: usize) -> String {
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

/// Made-up hostile text, the same for the same `i`: any bytes but a line feed, up to some
/// tens of kilobytes.
#[must_use]
pub fn hostile_line(i: usize) -> Vec<u8> {
    let mut rng = Rng::new(i as u64);
    let mut line = good_line(i).into_bytes();
    for _ in 0..=rng.below(4) {
        mutate(&mut line, &mut rng);
    }
    line.retain(|b| *b != b'\n');
    line
}

/// Made-up hostile records, some of which are not JSON at all.
#[must_use]
pub fn hostile_record(i: usize) -> Vec<u8> {
    let mut rng = Rng::new(!(i as u64));
    let text = serde_json::to_string(&String::from_utf8_lossy(&hostile_line(i))).unwrap_or_default();
    let mut record = format!("{{\"n\":{i},\"log\":{text}}}").into_bytes();
    match rng.below(8) {
        0 => record.truncate(rng.below(record.len())),
        1 => mutate(&mut record, &mut rng),
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

fn mutate(line: &mut Vec<u8>, rng: &mut Rng) {
    const PIECES: [&[u8]; 22] = [
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
    let at = rng.below(line.len() + 1);
    match rng.below(6) {
        0 | 1 => {
            let piece = PIECES[rng.below(PIECES.len())];
            line.splice(at..at, piece.iter().copied());
        }
        2 => {
            let piece = PIECES[rng.below(PIECES.len())];
            // Most some hundred bytes, some tens of kilobytes.
            let times = if rng.below(16) == 0 { 1_500 } else { 40 };
            let many = piece.repeat(rng.below(times) + 1);
            line.splice(at..at, many);
        }
        3 => line.truncate(at),
        4 => {
            let other = good_line(rng.below(1 << 20));
            line.splice(at..at, other.bytes());
        }
        _ => {
            let noise: Vec<u8> = (0..rng.below(300)).map(|_| rng.next() as u8).collect();
            line.splice(at..at, noise);
        }
    }
}

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
