//! `turnserver.conf`, read as coturn reads it: a line is a comment, or a name and after blanks or `=` a value. Bytes
//! are kept as they are, so that a patched copy differs in nothing else.

/// A file, cut in lines.
#[derive(Debug)]
pub struct Config {
    /// Its lines with their line ends.
    pub lines: Vec<Vec<u8>>,
    /// The lines that set something.
    pub settings: Vec<Setting>,
}

/// A line that sets something.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Index in the lines of the file.
    pub index: usize,
    /// The option's name.
    pub name: String,
    /// Its value, without quotes; empty if there is none.
    pub value: String,
    /// The line ends with a semicolon: coturn prints such a line into its log.
    pub semicolon: bool,
}

impl Setting {
    /// The line, from 1.
    pub fn line(&self) -> u64 {
        self.index as u64 + 1
    }

    /// What a flag says; `None` for words that make coturn end.
    pub fn flag(&self) -> Option<bool> {
        match self.value.bytes().next() {
            None | Some(b'1' | b'y' | b'Y' | b't' | b'T') => Some(true),
            Some(b'0' | b'n' | b'N' | b'f' | b'F') => Some(false),
            Some(_) if self.value.eq_ignore_ascii_case("on") => Some(true),
            Some(_) if self.value.eq_ignore_ascii_case("off") => Some(false),
            Some(_) => None,
        }
    }
}

impl Config {
    /// Read a file.
    pub fn parse(bytes: &[u8]) -> Self {
        let lines: Vec<Vec<u8>> = bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        let settings = lines.iter().enumerate().filter_map(|(index, line)| setting(index, line)).collect();
        Self { lines, settings }
    }

    /// What holds for an option: coturn takes the last one.
    pub fn last(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|s| s.name == name)
    }

    /// The flag, if it is on.
    pub fn on(&self, name: &str) -> Option<&Setting> {
        self.last(name).filter(|s| s.flag() == Some(true))
    }

    /// The value of an option, if it has one.
    pub fn value(&self, name: &str) -> Option<&Setting> {
        self.last(name).filter(|s| !s.value.is_empty())
    }
}

fn setting(index: usize, line: &[u8]) -> Option<Setting> {
    let text = String::from_utf8_lossy(line);
    // A byte order mark is no part of the first name for people who read the findings.
    let text =
        text.trim_start_matches('\u{feff}').trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let is_blank = |c: char| matches!(c, ' ' | '=' | '\t');
    let end = text.find(is_blank).unwrap_or(text.len());
    let mut value = text[end..].trim_start_matches(is_blank);
    if let Some(inner) = value.strip_prefix('"') {
        value = inner.strip_suffix('"').unwrap_or(inner);
    }
    Some(Setting {
        index,
        name: text[..end].to_owned(),
        value: value.to_owned(),
        semicolon: text.ends_with(';'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_coturn_reads_them() {
        let config =
            Config::parse(b"# verbose\n verbose\r\n\nrealm = \"a b\" \nuser=a:b=c\nx;\nlog-file\t/x\n\xff=1");
        let all: Vec<(u64, &str, &str)> =
            config.settings.iter().map(|s| (s.line(), s.name.as_str(), s.value.as_str())).collect();
        assert_eq!(
            all,
            [
                (2, "verbose", ""),
                (4, "realm", "a b"),
                (5, "user", "a:b=c"),
                (6, "x;", ""),
                (7, "log-file", "/x"),
                (8, "\u{fffd}", "1")
            ]
        );
        assert!(config.on("verbose").is_some() && config.settings[3].semicolon);
        assert_eq!(
            config.lines.concat(),
            b"# verbose\n verbose\r\n\nrealm = \"a b\" \nuser=a:b=c\nx;\nlog-file\t/x\n\xff=1"
        );
        for (text, flag) in
            [("v=off", Some(false)), ("v on", Some(true)), ("v=2", None), ("v=No", Some(false))]
        {
            assert_eq!(Config::parse(text.as_bytes()).settings[0].flag(), flag, "{text}");
        }
    }
}
