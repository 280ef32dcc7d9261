//! What is in a payload: names of fields, and kinds of values.

use asynq_payload_redactor::{
    coding,
    policy::{PenId, Policy},
    sieve::Form,
};
use tamis_detectors::keys::KeyRules;
use tamis_sdk::record::{
    escape,
    scan::{self, Kind, NO_NODE, Node},
};

use super::mask::{is_identifier, is_redacted};

/// Strings within strings that are undone.
const MAX_ESCAPES: usize = 4;
/// Levels of a field's path.
const MAX_LEVELS: usize = 8;

/// Looks into payloads, with its working memory.
#[derive(Debug, Default)]
pub struct Inside {
    text: Vec<u8>,
    other: Vec<u8>,
    tape: Vec<Node>,
    json: bool,
    /// What kinds of values are in the payload looked at last, one entry per value.
    pub rules: Vec<PenId>,
    /// How many bytes it has.
    pub bytes: usize,
}

impl Inside {
    /// Look into the payload that `text` stands for.
    pub fn look(&mut self, text: &[u8], form: Form, policy: &mut Policy, names: &KeyRules) {
        self.text.clear();
        self.rules.clear();
        match form {
            Form::Plain => self.text.extend_from_slice(text),
            Form::Bytes => {
                let inner = text.strip_prefix(b"[").unwrap_or(text);
                coding::bytes::decode(inner.strip_suffix(b"]").unwrap_or(inner), &mut self.text);
            }
            Form::Base64 => coding::base64::decode(text, &mut self.text),
            Form::Hex => coding::hex::decode(text, &mut self.text),
        }
        self.json = false;
        for _ in 0..MAX_ESCAPES {
            self.json = scan::scan(&self.text, &mut self.tape).is_ok();
            if self.json || !self.text.contains(&b'\\') {
                break;
            }
            self.other.clear();
            escape::decode(&self.text, &mut self.other);
            std::mem::swap(&mut self.text, &mut self.other);
        }
        self.bytes = self.text.len();
        if !self.json {
            self.rules.extend(policy.findings(&self.text).iter().map(|f| PenId::detector(f.detector)));
            return;
        }
        for node in &self.tape {
            let raw = self.text.get(node.start as usize..node.end as usize).unwrap_or_default();
            let before = self.rules.len();
            match node.kind {
                Kind::String => {
                    self.rules.extend(policy.findings(raw).iter().map(|f| PenId::detector(f.detector)));
                }
                Kind::Number => self.rules.extend(policy.number(raw).map(PenId::detector)),
                Kind::Literal => continue,
                Kind::Object | Kind::Array => continue,
            }
            if self.rules.len() == before
                && !is_gone(raw)
                && let Some(class) = names.judge(key(&self.text, node))
            {
                self.rules.push(PenId::class(class));
            }
        }
    }

    /// The paths of its fields, such as `items[].sku`, as allow-lists have them.
    pub fn fields(&self, mut each: impl FnMut(&str)) {
        if !self.json {
            return;
        }
        let mut path = String::new();
        for node in self.tape.iter().filter(|n| !matches!(n.kind, Kind::Object | Kind::Array)) {
            if self.path(node, &mut path) {
                each(&path);
            }
        }
    }

    fn path(&self, leaf: &Node, path: &mut String) -> bool {
        let mut chain = [leaf; MAX_LEVELS];
        let mut len = 1;
        let mut node = leaf;
        while node.parent != NO_NODE {
            let Some(parent) = self.tape.get(node.parent as usize) else { return false };
            if parent.parent == NO_NODE {
                break;
            }
            if len == MAX_LEVELS {
                return false;
            }
            chain[len] = parent;
            len += 1;
            node = parent;
        }
        path.clear();
        for node in chain[..len].iter().rev() {
            let key = key(&self.text, node);
            if key.is_empty() {
                path.push_str("[]");
                continue;
            }
            if !is_identifier(key) {
                return false;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&String::from_utf8_lossy(key));
        }
        !path.is_empty() && !path.starts_with("[]")
    }
}

/// Whether nothing is left of a value: a filter or the program itself has hidden it.
fn is_gone(raw: &[u8]) -> bool {
    raw.is_empty() || raw == b"[FILTERED]" || is_redacted(raw)
}

fn key<'t>(text: &'t [u8], node: &Node) -> &'t [u8] {
    text.get(node.key_start as usize..node.key_end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use asynq_payload_redactor::config::Config;

    use super::*;

    fn look(text: &str, form: Form) -> (Vec<String>, usize) {
        let mut policy = Policy::new(&Config::default(), None).unwrap();
        let mut inside = Inside::default();
        inside.look(text.as_bytes(), form, &mut policy, &KeyRules::default());
        let mut fields = Vec::new();
        inside.fields(|f| fields.push(f.to_owned()));
        (fields, inside.rules.len())
    }

    #[test]
    fn all_forms_are_undone() {
        let fields = |text, form| look(text, form).0;
        let plain = r#"{"user_id":7,"card":{"number":"4111111111111111"},"items":[{"sku":"a"}],"a@b.c":1}"#;
        assert_eq!(fields(plain, Form::Plain), ["user_id", "card.number", "items[].sku"]);
        assert_eq!(look(plain, Form::Plain).1, 1);
        assert_eq!(fields(r#"{\"a\":{\"b\":1}}"#, Form::Plain), ["a.b"]);
        assert_eq!(fields("eyJhIjoxfQ==", Form::Base64), ["a"]);
        assert_eq!(fields("123 34 97 34 58 49 125", Form::Bytes), ["a"]);
        assert_eq!(fields("[123 34 97 34 58 49 125]", Form::Bytes), ["a"]);
        assert_eq!(fields("7b2261223a317d", Form::Hex), ["a"]);
        assert_eq!(fields("{42 ada@example.org}", Form::Plain), Vec::<String>::new());
        assert_eq!(look("{42 ada@example.org}", Form::Plain).1, 1);
        let hidden = r#"{"password":"[FILTERED]","otp":"","name":"[REDACTED:person]"}"#;
        assert_eq!(look(hidden, Form::Plain).1, 0);
        assert_eq!(look(&hidden.replace("FILTERED", "hunter2"), Form::Plain).1, 1);
    }
}
