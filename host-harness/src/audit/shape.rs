//! The shape of a message: what is the same in all records that one statement of a program logs.

use memchr::memmem;
use tamis_sdk::record::scan::{Kind, NO_NODE, Node};

/// Words of a shape.
const MAX_WORDS: usize = 12;
/// Bytes of a shape, but for its last word.
const MAX_BYTES: usize = 100;
/// Longer words are data.
const MAX_WORD: usize = 32;

/// Fields that hold the message, and those in which a collector puts the line.
const MESSAGES: [&[u8]; 6] = [b"msg", b"message", b"M", b"short_message", b"MESSAGE", b"log"];
/// The same, within a line that a collector put into a string.
const INNER: [&[u8]; 2] = [b"\\\"message\\\":\\\"", b"\\\"msg\\\":\\\""];

/// A range that is data, and its name.
pub type Span<'r> = (usize, usize, &'r str);

/// Write the shape of a record. `tape`: where the JSON of it starts and its
/// values, if there is some. `spans`: what was found in it,
/// sorted, without overlaps.
pub fn shape(record: &[u8], tape: Option<(usize, &[Node])>, spans: &[Span<'_>], out: &mut String) {
    out.clear();
    let Some((object, tape)) = tape else {
        return words(record, 0, record.len(), spans, out);
    };
    let top = || tape.iter().filter(|n| n.parent == 0);
    let key =
        |n: &Node| record.get(object + n.key_start as usize..object + n.key_end as usize).unwrap_or_default();
    let message = MESSAGES.iter().find_map(|m| top().find(|n| n.kind == Kind::String && key(n) == *m));
    if message.is_none() && object > 0 {
        // The message stands before the object.
        return words(record, 0, object, spans, out);
    }
    if let Some(node) = message {
        let (start, end) = (object + node.start as usize, object + node.end as usize);
        let text = record.get(start..end).unwrap_or_default();
        if text.starts_with(b"{") {
            let inner = INNER.iter().find_map(|k| memmem::find(text, k).map(|at| start + at + k.len()));
            if let Some(from) = inner {
                let len = memmem::find(&record[from..end], b"\\\"").unwrap_or(end - from);
                return words(record, from, from + len, spans, out);
            }
        }
        return words(record, start, end, spans, out);
    }
    let root = tape.first().filter(|n| n.parent == NO_NODE && n.kind == Kind::Object);
    out.push_str(if root.is_some() { "{" } else { "[" });
    for node in top().take(8) {
        if super::mask::is_identifier(key(node)) {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&String::from_utf8_lossy(key(node)));
        }
    }
    out.push_str(if root.is_some() { "}" } else { "]" });
}

fn words(record: &[u8], from: usize, to: usize, spans: &[Span<'_>], out: &mut String) {
    let mut count = 0;
    let mut at = from;
    let mut spans = spans.iter().skip_while(|s| s.1 <= from).peekable();
    while at < to && count < MAX_WORDS && out.len() < MAX_BYTES {
        let byte = record[at];
        if is_blank(byte) {
            at += 1;
            continue;
        }
        if byte == 0x1b {
            at += record[at..to].iter().position(u8::is_ascii_alphabetic).map_or(to - at, |n| n + 1);
            continue;
        }
        let start = at;
        let mut found = None;
        // A word ends at a blank; one that holds a finding ends after it.
        while at < to && !is_blank(record[at]) && record[at] != 0x1b {
            while spans.next_if(|s| s.1 <= at).is_some() {}
            if let Some(span) = spans.peek().filter(|s| s.0 <= at) {
                found = Some((at, span.2));
                at = span.1.min(to);
                break;
            }
            at += 1;
        }
        let word = &record[start..found.map_or(at, |(end, _)| end)];
        let before = out.len();
        if !out.is_empty() {
            out.push(' ');
        }
        let kept = out.len();
        push_word(word, out);
        if let Some((_, rule)) = found {
            out.push('<');
            out.push_str(rule);
            out.push('>');
            // The rest of the word belongs to the value's print.
            while at < to && !is_blank(record[at]) {
                at += 1;
            }
        }
        // One sign for any number of data words in a row.
        if out.len() == kept || &out[kept..] == "#" && out[..before].ends_with('#') {
            out.truncate(before);
        } else {
            count += 1;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte <= b' ' && byte != 0x1b
}

fn push_word(word: &[u8], out: &mut String) {
    if let Some(sign) =
        word.iter().position(|b| *b == b'=').filter(|at| super::mask::is_identifier(&word[..*at]))
    {
        out.push_str(&String::from_utf8_lossy(&word[..=sign]));
        return;
    }
    if word.iter().any(u8::is_ascii_digit) || word.len() > MAX_WORD {
        out.push('#');
        return;
    }
    out.extend(String::from_utf8_lossy(word).chars().filter(|c| !c.is_control()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, spans: &[Span<'_>]) -> String {
        let mut tape = Vec::new();
        let json = text.starts_with('{') && tamis_sdk::record::scan::scan(text.as_bytes(), &mut tape).is_ok();
        let mut out = String::new();
        shape(text.as_bytes(), json.then_some((0, &tape)), spans, &mut out);
        out
    }

    #[test]
    fn data_is_left_out() {
        for (text, expected) in [
            ("2026/11/21 00:15:48 enqueued task: id=1fae-3 queue=low", "# enqueued task: id= queue="),
            ("asynq: pid=6737 2026/11/21 00:15:48.7 INFO: Starting", "asynq: pid= # INFO: Starting"),
            ("\u{1b}[90m12:17AM\u{1b}[0m \u{1b}[32mINF\u{1b}[0m done", "# INF done"),
            (r#"{"level":"info","msg":"task 17 done","id":9}"#, "task # done"),
            (r#"{"log":"{\"level\":\"info\",\"message\":\"enqueued 5 tasks\"}"}"#, "enqueued # tasks"),
            (r#"{"queues":[1],"a b":2,"c":3}"#, "{queues,c}"),
            ("", ""),
        ] {
            assert_eq!(of(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn findings_are_named() {
        let text = "mail to ada@example.org failed payload={x y} end";
        let at = |s: &str| text.find(s).unwrap();
        let spans = [(at("ada"), at(" failed"), "email"), (at("{x"), at(" end"), "payload")];
        assert_eq!(of(text, &spans), "mail to <email> failed payload=<payload> end");
        let ((short, _), spans) = (text.split_at(8), [(0, 30, "a")]);
        assert_eq!(of(short, &spans), "<a>");
    }
}
