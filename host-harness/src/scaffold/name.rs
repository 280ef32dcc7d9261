//! The name of a new filter, and its forms in files.

use std::{fmt, str::FromStr};

use crate::{artifacts, host::HostKind};

/// The names in the template: of the crate, the module and the type.
const TEMPLATE: [&str; 3] = ["template-filter", "template_filter", "TemplateFilter"];

/// The longest name: it becomes that of files, together with a host's.
const MAX_BYTES: usize = 64;

/// What a crate cannot be called: words of the language and crates that come with it, and
/// those that the SDK brings or that would be mistaken for them.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "memchr",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "tamis",
    "tamis-sdk",
    "template-filter",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// The names of devices, which Windows does not let be those of files.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];

/// A name that a filter, its crate and its files can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// As users write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Put the name, in its three forms, where those of the template stand.
    pub(super) fn put_into(&self, text: &str) -> String {
        let [name, module, ty] = TEMPLATE;
        text.replace(name, &self.0).replace(module, &self.0.replace('-', "_")).replace(ty, &self.type_name())
    }

    /// `pin-masker` is `PinMasker`.
    fn type_name(&self) -> String {
        let capital = |word: &str| {
            let mut chars = word.chars();
            chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
        };
        self.0.split('-').map(capital).collect()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Err("a filter needs a name, such as 'pin-masker'".to_owned());
        }
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !name.split('-').all(word) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let hint = nearest(name).map(|n| format!("; how about '{n}'?")).unwrap_or_default();
            return Err(format!(
                "'{}' is no name for a filter: it starts with a letter, and has lower-case letters and \
                 digits with single '-' between them{hint}",
                name.escape_debug()
            ));
        }
        if name.len() > MAX_BYTES {
            return Err(format!("the name has {} letters, more than {MAX_BYTES}", name.len()));
        }
        if artifacts::filters().any(|f| f == name) {
            return Err(format!("'{name}' is a built-in filter: `tamis run {name}` would run that one"));
        }
        if HostKind::ALL.iter().any(|h| h.name() == name) {
            return Err(format!("'{name}' is the name of a host: files of the filter would be mistaken"));
        }
        let device = |stem: &str| name.strip_prefix(stem).is_some_and(|n| n.len() == 1 && n != "0");
        if RESERVED.contains(&name) || DEVICES.contains(&name) || device("com") || device("lpt") {
            return Err(format!(
                "'{name}' is taken, by the language or a system; how about '{name}-filter'?"
            ));
        }
        Ok(Self(name.to_owned()))
    }
}

/// A valid name like this one.
fn nearest(name: &str) -> Option<String> {
    let mut near = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        let starts_word = c.is_ascii_uppercase() && lower_before;
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        if starts_word || !c.is_ascii_alphanumeric() {
            near.push('-');
        }
        if c.is_ascii_alphanumeric() {
            near.push(c.to_ascii_lowercase());
        }
    }
    let near: Vec<&str> = near.split('-').filter(|word| !word.is_empty()).collect();
    let near = near.join("-").trim_start_matches(|c: char| !c.is_ascii_lowercase()).to_owned();
    (!near.is_empty() && near.len() <= MAX_BYTES && near != name).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names() {
        for (name, ty) in [("pin-masker", "PinMasker"), ("x", "X"), ("http2-log-filter", "Http2LogFilter")] {
            let name: Name = name.parse().unwrap();
            assert_eq!(name.type_name(), ty);
        }
    }

    #[test]
    fn bad_names_come_with_a_cure() {
        for (name, says) in [
            ("", "needs a name"),
            ("My_Filter", "how about 'my-filter'?"),
            ("PinMasker", "how about 'pin-masker'?"),
            ("pin--masker-", "how about 'pin-masker'?"),
            ("2fa", "how about 'fa'?"),
            ("../evil", "how about 'evil'?"),
            ("a/b", "how about 'a-b'?"),
            ("é", "starts with a letter"),
            ("a\nb", "a\\nb"),
            ("--", "starts with a letter"),
            ("coturn-ip-anonymizer", "is a built-in filter"),
            ("fluent-bit", "is the name of a host"),
            ("test", "how about 'test-filter'?"),
            ("match", "is taken"),
            ("com1", "is taken"),
            (&"a".repeat(65), "more than 64"),
        ] {
            let error = name.parse::<Name>().unwrap_err();
            assert!(error.contains(says), "{name}: {error}");
        }
    }
}
