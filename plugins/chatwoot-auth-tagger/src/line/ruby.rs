//! Hashes as Ruby's `inspect` prints them, before Ruby 3.4 (`"a"=>"b", :c=>1`) and since (`"a" => "b", c: 1`).

use crate::bytes::take_while;

/// Where in a hash a value stands, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// How many hashes and arrays it is in.
    pub depth: usize,
    /// The key of the outermost hash's value that it is in; empty at depth 1.
    pub parent: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
    /// The text of a string, still escaped; the word of another scalar; empty for a container.
    pub value: &'a [u8],
    /// Whether it is a string.
    pub string: bool,
}

/// Call `seen` with every pair and, with the key of their array, every element, in order. Iterative; what it does not
/// understand it steps over.
pub fn walk<'a>(text: &'a [u8], mut seen: impl FnMut(Pair<'a>)) {
    let (mut depth, mut parent, mut key): (usize, &[u8], &[u8]) = (0, b"", b"");
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        match byte {
            b'{' | b'[' => {
                if depth == 1 {
                    parent = key;
                }
                if depth >= 1 {
                    seen(Pair { depth, parent: outer(depth, parent), key, value: b"", string: false });
                }
                depth += 1;
                rest = &rest[1..];
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    parent = b"";
                }
                if depth == 0 {
                    return;
                }
                rest = &rest[1..];
            }
            b'"' => {
                let Some((string, after)) = crate::bytes::quoted(&rest[1..]) else { return };
                let gap = after.trim_ascii_start();
                if let Some(value) = gap.strip_prefix(b"=>") {
                    key = string;
                    rest = value;
                } else if after.starts_with(b":") {
                    key = string;
                    rest = &after[1..];
                } else {
                    seen(Pair { depth, parent: outer(depth, parent), key, value: string, string: true });
                    rest = after;
                }
            }
            b':' => {
                let (name, after) = take_while(&rest[1..], word);
                if let Some(value) = after.trim_ascii_start().strip_prefix(b"=>") {
                    key = name;
                    rest = value;
                } else {
                    rest = after;
                }
            }
            b'#' if rest.get(1) == Some(&b'<') => rest = past_object(rest),
            _ if word(byte) || byte == b'-' => {
                let (name, after) = take_while(rest, |b| word(b) || matches!(b, b'-' | b'.' | b'+'));
                if let Some(value) = after.strip_prefix(b": ") {
                    key = name;
                    rest = value;
                } else {
                    seen(Pair { depth, parent: outer(depth, parent), key, value: name, string: false });
                    rest = after;
                }
            }
            _ => rest = &rest[1..],
        }
    }
}

fn outer(depth: usize, parent: &[u8]) -> &[u8] {
    if depth <= 1 { b"" } else { parent }
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

/// Behind `#<Class ... >`, in which more of its kind and strings may stand.
fn past_object(text: &[u8]) -> &[u8] {
    let (mut depth, mut rest) = (0usize, text);
    while let Some(&byte) = rest.first() {
        rest = &rest[1..];
        match byte {
            b'<' => depth += 1,
            b'>' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return rest;
                }
            }
            b'"' => match crate::bytes::quoted(rest) {
                Some((_, after)) => rest = after,
                None => return b"",
            },
            _ => {}
        }
    }
    rest
}

/// Undo the escapes of a string's `inspect`.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    if raw.contains(&b'\\') {
        tamis_sdk::record::escape::decode(raw, out);
    } else {
        out.extend_from_slice(raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        walk(text.as_bytes(), |p| {
            let s = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            all.push(format!("{}:{}.{}={}", p.depth, s(p.parent), s(p.key), s(p.value)));
        });
        all
    }

    #[test]
    fn both_forms_of_ruby_say_the_same() {
        let new = r#"{"email" => "a\"b", "user" => {"password" => "[FILTERED]", "n" => -1.5, "l" => ["x", nil]}, id: 3}"#;
        let old =
            r#"{"email"=>"a\"b", "user"=>{"password"=>"[FILTERED]", "n"=>-1.5, "l"=>["x", nil]}, :id=>3}"#;
        let expected = [
            r#"1:.email=a\"b"#,
            "1:.user=",
            "2:user.password=[FILTERED]",
            "2:user.n=-1.5",
            "2:user.l=",
            "3:user.l=x",
            "3:user.l=nil",
            "1:.id=3",
        ];
        assert_eq!(pairs(new), expected);
        assert_eq!(pairs(old), expected);
    }

    #[test]
    fn objects_and_broken_text_are_stepped_over() {
        let upload = r#"{"file" => #<Upload:0x1 @tempfile=#<Tempfile:/tmp/x>, @name="a>b">, "email" => "x"}"#;
        assert_eq!(pairs(upload), ["1:.email=x"]);
        assert_eq!(pairs(r#"{"a" => "b"#), Vec::<String>::new());
        assert_eq!(pairs(&"{".repeat(100_000)).len(), 99_999);
    }
}
