//! The records that artifacts are checked with: plain ones, odd ones, and poison.

use crate::host::Encoding;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What its bytes are.
    pub encoding: Encoding,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Sample {
    /// A record of JSON.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self { encoding: Encoding::Json, body: body.into() }
    }
}

/// A record with the name that reports give it.
pub(super) struct Named {
    pub name: &'static str,
    pub sample: Sample,
}

fn named(name: &'static str, body: impl Into<Vec<u8>>) -> Named {
    Named { name, sample: Sample::json(body) }
}

/// Plain records, of the kinds that filters are made for.
pub(super) fn samples() -> Vec<Sample> {
    let lines = [
        r#"{"log":"0: : session 001000000000000001: realm <example.org> user <alice>: incoming packet message processed, error 401: Unauthorized"}"#,
        r#"{"log":"IPv4. tcp or tls connected to: 198.51.100.7:50434","stream":"stderr"}"#,
        r#"{"log":"session 001000000000000002: peer 2001:db8::7 lifetime updated: 600","n":17}"#,
        r#"{"log":"203.0.113.9 - - [21/Nov/2026:10:00:00 +0000] \"GET /api/v1/accounts HTTP/1.1\" 401 17 \"-\" \"curl/8\""}"#,
        r#"{"level":"info","msg":"enqueued task","task_id":"94afbc3f-9ffc-48ea-a403-000000000001","queue":"default","payload":{"user_id":1001,"email":"a@example.org"}}"#,
        r#"{"log":"asynq: pid=14429 2026/11/21 00:18:38.002190 INFO: Starting processing"}"#,
        r#"{"message":"Started POST \"/auth/sign_in\" for 192.0.2.44 at 2026-11-21 10:00:00 +0000"}"#,
        r#"{"message":"hello","time":1795226400,"ok":true,"nothing":null,"list":[1,2,3],"map":{"a":{"b":"c"}}}"#,
        r#"{"log":"a line without anything in it"}"#,
        r#"{"log":""}"#,
        "{\"log\":\"caf\u{e9} \u{1F600} \u{e0ff} tab\\t quote\\\" slash\\/ \\u00e9\"}",
        "{}",
    ];
    lines.into_iter().map(Sample::json).collect()
}

/// Records that are valid, and odd. A Fluent Bit can send all of them.
pub(super) fn hostile() -> Vec<Named> {
    let text = |body: String| format!("{{\"log\":{}}}", serde_json::Value::from(body));
    let many = |n: usize| {
        let members: Vec<String> = (0..n).map(|i| format!("\"k{i}\":{i}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{{\"log\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    vec![
        named("no member", "{}"),
        named("an empty name", r#"{"":"","log":"x"}"#),
        named("duplicate keys", r#"{"log":"a","log":"b","log":{"log":"c"}}"#),
        named("2^53+1", r#"{"log":"x","n":9007199254740993}"#),
        named("the largest u64", r#"{"log":"x","n":18446744073709551615,"m":-9223372036854775808}"#),
        named("a number of 400 digits", format!("{{\"log\":\"x\",\"n\":{}}}", "9".repeat(400))),
        named("1e999", r#"{"log":"x","n":1e999,"m":-1E-999,"z":-0}"#),
        named("log is a number", r#"{"log":12.50}"#),
        named("log is null", r#"{"log":null}"#),
        named("log is a list", r#"{"log":["a",{"b":[]}]}"#),
        named("control characters", r#"{"log":"\u0000\u0001\u001b[31m\u007f\u2028"}"#),
        named("a lone surrogate", r#"{"log":"\ud800 x","m":"\udc00\ud800"}"#),
        named("white space all over", " {\t\"log\" :\n\"x\" ,\r\n \"n\" : 1 } "),
        named("noncharacters", text("\u{FFFE}\u{FFFF}\u{10FFFF}\u{E000}\u{E0FF}".to_owned())),
        named("JSON in a string", text(many(20))),
        named("quotes and backslashes", text("\\\"".repeat(500))),
        named("format characters", text("%s%n%99999999d%p{}{0}${jndi:x}".to_owned())),
        named("1,000 members", many(1_000)),
        named("30 levels of lists", nested("[", "]", 30)),
        named("30 levels of objects", nested("{\"a\":", "}", 30)),
        named("a name of 70,000 bytes", format!("{{\"{}\":1}}", "k".repeat(70_000))),
        named("a string of 70,000 bytes", text("from 198.51.100.7:4711 ".repeat(3_050))),
        named("a string of 1 MB", text("from 198.51.100.7:4711 ".repeat(45_600))),
        named("1 MB of small lists", format!("{{\"log\":[{}0]}}", "[],".repeat(350_000))),
    ]
}

/// Bytes that are no JSON object.
pub(super) fn malformed() -> Vec<Named> {
    vec![
        named("nothing", ""),
        named("white space", " \t"),
        named("plain text", "a line that is no JSON"),
        named("an array", r#"[{"log":"x"},1,null]"#),
        named("a string", r#""log""#),
        named("a number", "-12.5e3"),
        named("null", "null"),
        named("a brace", "{"),
        named("cut in a key", r#"{"lo"#),
        named("cut in a string", r#"{"log":"x"#),
        named("cut in an escape", r#"{"log":"x\u00"#),
        named("cut after a member", r#"{"log":"x","#),
        named("text after the object", r#"{"log":"x"} trailing"#),
        named("two objects", r#"{"log":"x"}{"log":"y"}"#),
        named("a trailing comma", r#"{"log":"x",}"#),
        named("single quotes", "{'log':'x'}"),
        named("a raw control character", b"{\"log\":\"a\x01\x1bb\"}".as_slice()),
        named("a NUL", b"{\"log\":\"a\0b\"}".as_slice()),
        named("NUL alone", b"\0".as_slice()),
        named("a byte order mark", b"\xef\xbb\xbf{\"log\":\"x\"}".as_slice()),
        named("invalid UTF-8", b"{\"log\":\"\xff\xfe\xc3(\xed\xa0\x80\xf8\"}".as_slice()),
        named("10,000 bytes 0xFF", vec![0xFF; 10_000]),
        named("10,000 quotes", vec![b'"'; 10_000]),
        named(
            "100,000 levels of lists",
            format!("{{\"log\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        named("100,000 levels of objects", format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000))),
        named("100,000 brackets", vec![b'['; 100_000]),
    ]
}

/// How much poison is given before good records are looked at.
pub(super) const POISON: usize = 5_000;

/// A record made to hurt, the same for the same number: a sample, or something odd, that was
/// cut, doubled or strewn with what parsers dislike.
pub(super) fn poison(samples: &[Sample], at: usize) -> Sample {
    const PIECES: [&[u8]; 12] = [
        b"\"}{\"log\":\"",
        b"\\u0000\\ud800\\",
        b"[[[[{{{{",
        b"\xff\xfe\xc3(",
        b"\x01\x1b[31m",
        b"}",
        b"]]]]",
        b"\"",
        b"99999999999999999999.1.1.1e99999",
        b"user <a> b> password=hunter2",
        b"2001:db8::1::2:3478",
        b"%s%n",
    ];
    let mut random = Random::new(at as u64);
    let mut sample = match samples.get(random.below(samples.len().max(1))) {
        Some(sample) => sample.clone(),
        None => Sample::json("{}"),
    };
    for _ in 0..=random.below(4) {
        let body = &mut sample.body;
        let cut = random.below(body.len() + 1);
        match random.below(5) {
            0 => body.truncate(cut),
            1 => {
                let piece = PIECES[random.below(PIECES.len())];
                body.splice(cut..cut, piece.repeat(random.below(40) + 1));
            }
            2 => {
                let noise: Vec<u8> = (0..random.below(200)).map(|_| random.next().to_le_bytes()[0]).collect();
                body.splice(cut..cut, noise);
            }
            3 => *body = [vec![b'['; random.below(500)], std::mem::take(body)].concat(),
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                body.splice(cut..cut, piece.iter().copied());
            }
        }
    }
    // One line is one record wherever records are lines.
    sample.body.retain(|byte| !matches!(byte, b'\n' | b'\r'));
    sample
}

/// xorshift64*: the same numbers on every machine.
struct Random(u64);

impl Random {
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
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_valid_is_an_object_and_the_rest_is_none() {
        let object = |body: &[u8]| {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            let raw: Result<Box<serde_json::value::RawValue>, _> =
                serde::Deserialize::deserialize(&mut deserializer);
            raw.is_ok_and(|raw| raw.get().starts_with('{')) && deserializer.end().is_ok()
        };
        for sample in samples() {
            assert!(object(&sample.body), "{}", String::from_utf8_lossy(&sample.body));
        }
        for Named { name, sample } in hostile() {
            assert!(object(&sample.body), "{name}");
        }
        for Named { name, sample } in malformed() {
            assert!(name.starts_with("100,000") || !object(&sample.body), "{name}");
        }
    }

    #[test]
    fn poison_is_the_same_each_time() {
        let samples = samples();
        for at in 0..200 {
            assert_eq!(poison(&samples, at), poison(&samples, at));
        }
        assert_eq!(poison(&[], 3).encoding, Encoding::Json);
    }
}
