//! Whether a rule of `match` fits the tags that an input gives. A star in a tag stands for what is only known when
//! it runs: the name of a file, or what a client sends.

use regex::bytes::RegexBuilder;

use super::model::Plugin;

/// Longer tags and rules are not compared.
const MAX_CHARS: usize = 256;

/// How a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of the tags.
    All,
    /// Some of them.
    Some,
    /// None.
    None,
    /// It cannot be told.
    Unknown,
}

/// What a filter or an output takes.
#[derive(Debug)]
pub enum Rule {
    /// Nothing is said.
    Missing,
    /// `match`.
    Glob(Vec<char>),
    /// `match_regex`.
    Regex(regex::bytes::Regex),
    /// A variable that is not known, or an expression that is not read here.
    Unknown,
}

impl Rule {
    pub fn of(plugin: &Plugin, resolve: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(setting) = plugin.setting("match_regex") {
            let Some(text) = resolve(&setting.text) else { return Self::Unknown };
            // Fluent Bit looks for it at the start of the tag.
            let built = RegexBuilder::new(&format!("^(?:{text})")).unicode(false).size_limit(1 << 20).build();
            return built.map_or(Self::Unknown, Self::Regex);
        }
        let Some(setting) = plugin.setting("match") else { return Self::Missing };
        match resolve(&setting.text).map(|t| t.chars().collect::<Vec<char>>()) {
            Some(chars) if chars.len() <= MAX_CHARS => Self::Glob(chars),
            _ => Self::Unknown,
        }
    }

    /// The tags that it takes of these: its own, if the others stand for more.
    pub fn narrow(&self, tag: &str) -> String {
        match self {
            Self::Glob(rule) if covers(&tag.chars().collect::<Vec<char>>(), rule) => rule.iter().collect(),
            _ => tag.to_owned(),
        }
    }

    pub fn fit(&self, tag: &str) -> Fit {
        match self {
            Self::Missing => Fit::None,
            Self::Unknown => Fit::Unknown,
            Self::Regex(_) if tag.contains('*') => Fit::Unknown,
            Self::Regex(regex) => {
                if regex.find(tag.as_bytes()).is_some_and(|m| !m.is_empty()) {
                    Fit::All
                } else {
                    Fit::None
                }
            }
            Self::Glob(rule) => {
                let tag: Vec<char> = tag.chars().collect();
                if tag.len() > MAX_CHARS {
                    Fit::Unknown
                } else if covers(rule, &tag) {
                    Fit::All
                } else if meets(rule, &tag) {
                    Fit::Some
                } else {
                    Fit::None
                }
            }
        }
    }
}

/// Whether the rule fits whatever the stars of the tag stand for: only its own stars take those.
fn covers(rule: &[char], tag: &[char]) -> bool {
    let (mut r, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < tag.len() {
        if rule.get(r) == Some(&'*') {
            star = Some((r + 1, t));
            r += 1;
        } else if rule.get(r) == Some(&tag[t]) {
            r += 1;
            t += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (r, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    rule[r..].iter().all(|c| *c == '*')
}

/// Whether there is any tag that both stand for.
fn meets(a: &[char], b: &[char]) -> bool {
    // Row i holds whether a[..i] and b[..j] can be the same.
    let mut row = vec![false; b.len() + 1];
    row[0] = true;
    for (j, c) in b.iter().enumerate() {
        row[j + 1] = row[j] && *c == '*';
    }
    for x in a {
        let mut next = vec![false; b.len() + 1];
        next[0] = row[0] && *x == '*';
        for (j, y) in b.iter().enumerate() {
            next[j + 1] = if *x == '*' || *y == '*' { row[j + 1] || next[j] } else { row[j] && x == y };
        }
        row = next;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: &str, text: &str) -> Rule {
        let mut plugin = Plugin::default();
        plugin.set(key, text, 1);
        Rule::of(&plugin, |t| Some(t.to_owned()))
    }

    #[test]
    fn globs() {
        for (text, tag, fit) in [
            ("*", "app", Fit::All),
            ("app", "app", Fit::All),
            ("app", "app.x", Fit::None),
            ("a*p", "aXp", Fit::All),
            ("*p*", "app", Fit::All),
            ("kube.*", "kube.*", Fit::All),
            ("*", "*", Fit::All),
            ("kube.var.*", "kube.*", Fit::Some),
            ("app", "*", Fit::Some),
            ("kube.*", "app.*", Fit::None),
            ("*.log", "kube.*", Fit::Some),
            ("*b", "a*c", Fit::None),
            ("", "app", Fit::None),
            ("a*b*c", "abcabc", Fit::All),
        ] {
            assert_eq!(rule("match", text).fit(tag), fit, "{text} {tag}");
        }
    }

    #[test]
    fn rules_narrow_tags() {
        for (text, tag, taken) in [
            ("app", "*", "app"),
            ("kube.a.*", "kube.*", "kube.a.*"),
            ("*", "kube.*", "kube.*"),
            ("*.log", "kube.*", "kube.*"),
            ("app", "app", "app"),
        ] {
            assert_eq!(rule("match", text).narrow(tag), taken, "{text} {tag}");
        }
    }

    #[test]
    fn expressions() {
        assert_eq!(rule("match_regex", "app|web").fit("web"), Fit::All);
        assert_eq!(rule("match_regex", "web").fit("my.web"), Fit::None);
        assert_eq!(rule("match_regex", "web").fit("web.*"), Fit::Unknown);
        assert_eq!(rule("match_regex", "(?<!x)web").fit("web"), Fit::Unknown);
        assert_eq!(Rule::of(&Plugin::default(), |_| None).fit("x"), Fit::None);
    }
}
