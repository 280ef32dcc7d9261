//! Parameters: the few of them that events need.

use tamis_sdk::record::{Kind, escape};

use crate::{
    bytes::{cut, percent_decode},
    event::{Facts, probe::Prober},
    line::{
        object::Object,
        ruby::{self, Pair},
    },
};

/// Take what is needed from a hash as Ruby prints it.
pub fn from_ruby(text: &[u8], facts: &mut Facts, value: &mut Vec<u8>) {
    ruby::walk(text, |pair| {
        if wanted(&pair) {
            value.clear();
            ruby::unescape(pair.value, value);
            take(&pair, value, facts);
        }
    });
}

/// Take what is needed from lograge's `params`, at `index` of the object. Those of a GET come from the path and the
/// query, which lograge does not print, so these are looked at for attacks.
pub fn from_json(
    object: &Object<'_>,
    index: usize,
    facts: &mut Facts,
    prober: &mut Prober,
    value: &mut Vec<u8>,
) {
    let Some(root) = object.nodes.get(index) else { return };
    let query = matches!(facts.method.as_slice(), b"GET" | b"HEAD");
    for node in object.nodes.get(index + 1..root.next as usize).unwrap_or_default() {
        let parent = object.nodes.get(node.parent as usize);
        let (depth, outer) = match parent {
            _ if node.parent as usize == index => (1, &b""[..]),
            Some(p) if p.parent as usize == index => (2, object.key(p)),
            _ => (3, &b""[..]),
        };
        let string = node.kind == Kind::String;
        let scalar = string || matches!(node.kind, Kind::Number | Kind::Literal);
        let raw = if scalar { object.raw(node) } else { b"" };
        let pair = Pair { depth, parent: outer, key: object.key(node), value: raw, string };
        let look = query && string && !facts.attack;
        if look || wanted(&pair) {
            value.clear();
            escape::decode(raw, value);
            if look {
                facts.attack = prober.attack(value);
            }
            take(&pair, value, facts);
        }
    }
}

/// Take what is needed from a form: `email=a&super_admin[email]=b`, percent-encoded.
pub fn from_form(text: &[u8], facts: &mut Facts, value: &mut Vec<u8>) {
    let mut name = Vec::new();
    for field in text.split(|&b| b == b'&') {
        let (raw_name, raw_value) = cut(field, b"=").unwrap_or((field, b""));
        name.clear();
        percent_decode(raw_name, true, &mut name);
        let (parent, key) = match cut(&name, b"[") {
            Some((parent, key)) => (parent, key.strip_suffix(b"]").unwrap_or(key)),
            None => (&b""[..], name.as_slice()),
        };
        let depth = if parent.is_empty() { 1 } else { 2 };
        let pair = Pair { depth, parent, key, value: raw_value, string: true };
        if wanted(&pair) {
            value.clear();
            percent_decode(raw_value, true, value);
            take(&pair, value, facts);
        }
    }
}

fn wanted(pair: &Pair<'_>) -> bool {
    pair.depth <= 2
        && matches!(
            pair.key,
            b"email"
                | b"password"
                | b"mfa_token"
                | b"otp_code"
                | b"backup_code"
                | b"role"
                | b"account_id"
                | b"uid"
        )
}

fn take(pair: &Pair<'_>, value: &[u8], facts: &mut Facts) {
    let empty = value.is_empty() || value == b"nil" || value == b"null";
    match (pair.depth, pair.key) {
        (1, b"mfa_token" | b"otp_code" | b"backup_code") => facts.mfa |= !empty,
        (1 | 2, b"password") => facts.password |= pair.string,
        (1 | 2, b"role") => facts.administrator |= value == b"administrator",
        (1, b"account_id") => facts.account_id(value),
        (1, b"email") if pair.string => facts.user(value.trim_ascii()),
        (2, b"email") if pair.string && pair.parent == b"agent" => facts.target(value.trim_ascii()),
        // Not what an array of addresses holds: nobody signs in with one.
        (2, b"email") if pair.string && pair.parent != b"email" && facts.user.is_empty() => {
            facts.user(value.trim_ascii())
        }
        _ => {}
    }
}
