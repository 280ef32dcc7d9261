use std::io::Read;

use proptest::prelude::*;

use super::*;

/// Gives a few bytes at a time.
struct Dripping<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Dripping<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.step.min(self.bytes.len()).min(buf.len());
        buf[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

/// All bytes and all records that come out.
fn read(input: &[u8], mode: InputMode, max: usize, step: usize, fill: bool) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut lines = Lines::new(Dripping { bytes: input, step }, mode, max, fill);
    let mut chunk = Chunk::new("t");
    let (mut raw, mut records) = (Vec::new(), Vec::new());
    while lines.next_chunk(&mut chunk).unwrap() {
        raw.extend_from_slice(chunk.raw());
        assert_eq!(chunk.spans.len(), chunk.batch.len());
        for (i, span) in chunk.spans.iter().enumerate() {
            let body = &chunk.raw()[span.start as usize..span.body_end as usize];
            assert_eq!(body, chunk.batch.body(i));
            records.push(body.to_vec());
        }
    }
    (raw, records)
}

#[test]
fn terminators() {
    let (raw, records) = read(b"a\r\n\nb\0\xff\n\r\nc\rd\r", InputMode::Auto, 1 << 20, 3, false);
    assert_eq!(raw, b"a\r\n\nb\0\xff\n\r\nc\rd\r");
    let expected: Vec<&[u8]> = vec![b"a", b"", b"b\0\xff", b"", b"c\rd\r"];
    assert_eq!(records, expected);
}

#[test]
fn nothing() {
    assert_eq!(read(b"", InputMode::Auto, 1 << 20, 3, true), (vec![], vec![]));
}

#[test]
fn json_is_told_by_the_first_line_that_is_not_blank() {
    let encoding = |input: &[u8]| {
        let mut chunk = Chunk::new("t");
        let mut lines = Lines::new(input, InputMode::Auto, 1 << 20, false);
        lines.next_chunk(&mut chunk).unwrap();
        (chunk.batch.encoding, chunk.batch.len())
    };
    assert_eq!(encoding(b"\n \r\n{\"a\":1}\n\nx\n"), (Encoding::Json, 2));
    assert_eq!(encoding(b"{a\n{}\n"), (Encoding::Text, 2));
    assert_eq!(encoding(b"[1]\n"), (Encoding::Text, 1));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(encoding(deep.as_bytes()), (Encoding::Json, 1));
}

#[test]
fn long_lines_are_withheld_whole() {
    let long = "x".repeat(5000);
    let notice = "[tamis: line of 5000 bytes withheld, over --max-record-bytes]";
    for step in [1, 7, 1000, 4999, 5000, 5001, 100_000] {
        for fill in [false, true] {
            let input = format!("a\n{long}\nb\n{long}\r\nc\r\n{long}");
            let (raw, records) = read(input.as_bytes(), InputMode::Auto, 1024, step, fill);
            assert_eq!(
                String::from_utf8(raw).unwrap(),
                format!("a\n{notice}\nb\n{notice}\r\nc\r\n{notice}"),
                "{step} {fill}"
            );
            assert_eq!(records, [b"a", b"b", b"c"], "{step} {fill}");
        }
    }
    let (raw, _) = read(format!("{{\"a\":\"{long}\"}}\n{{}}\n").as_bytes(), InputMode::Auto, 1024, 9, false);
    assert_eq!(raw, b"{\"tamis\":\"line of 5008 bytes withheld, over --max-record-bytes\"}\n{}\n");
}

#[test]
fn a_line_of_just_the_limit_passes() {
    for end in ["", "\n", "\r\n"] {
        for step in [1, 1023, 1024, 1025, 5000] {
            let input = format!("{}{end}", "x".repeat(1024));
            let (raw, records) = read(input.as_bytes(), InputMode::Auto, 1024, step, false);
            assert_eq!((raw, records.len()), (input.into_bytes(), 1), "{end:?} {step}");
        }
    }
}

#[test]
fn whole_lines_come_before_the_failure() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("broken"));
            }
            buf[..5].copy_from_slice(b"a\nb\nc");
            Ok(5)
        }
    }
    let mut lines = Lines::new(Failing(false), InputMode::Auto, 1 << 20, true);
    let mut chunk = Chunk::new("t");
    assert!(lines.next_chunk(&mut chunk).unwrap());
    assert_eq!(chunk.raw(), b"a\nb\n");
    assert!(lines.next_chunk(&mut chunk).is_err());
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400),
        step in 1usize..50,
        fill: bool,
        json: bool,
    ) {
        let mode = if json { InputMode::Json } else { InputMode::Text };
        let (raw, records) = read(&input, mode, 1 << 20, step, fill);
        prop_assert_eq!(&raw, &input);
        let (_, whole) = read(&input, mode, 1 << 20, 1000, fill);
        prop_assert_eq!(records, whole);
    }
}
