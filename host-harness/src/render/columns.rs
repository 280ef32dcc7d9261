//! Text for a terminal: cut to columns, without what a terminal would obey.

use std::fmt::Write;

use tamis_detectors::Severity;

use crate::audit::walk::NotScanned;

/// Columns of a report.
pub const WIDTH: usize = 100;

/// How a text looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// With colours.
    pub colour: bool,
}

impl Style {
    /// `text` in the colour of an SGR code.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `text` in the colour of a severity.
    pub fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
        };
        self.paint(code, text)
    }

    /// The title of a section.
    pub fn title(self, out: &mut String, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\n{}", self.paint("1", text));
    }
}

/// Say how many of `rows` are not in a table of `shown`.
pub fn more(rows: usize, shown: usize, out: &mut String) {
    if rows > shown {
        let _ = writeln!(out, "... and {} more", rows - shown);
    }
}

/// A section with inputs that were not read, and why; nothing if there are none.
pub fn not_read(title: &str, list: &[NotScanned], rows: usize, style: Style, out: &mut String) {
    if list.is_empty() {
        return;
    }
    style.title(out, title);
    for NotScanned { path, reason } in list.iter().take(rows) {
        let _ = writeln!(out, "{}: {}", cut_start(path, 60), cut(reason, WIDTH - 62));
    }
    more(list.len(), rows, out);
}

/// The first characters of a text.
pub fn cut(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The last characters of a text.
pub fn cut_start(text: &str, width: usize) -> String {
    let text = plain(text);
    let count = text.chars().count();
    if count <= width {
        return text;
    }
    ['…'].into_iter().chain(text.chars().skip(count + 1 - width)).collect()
}

/// A text without control characters, and without those that turn the direction of text around.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect()
}

/// Whether a character stands for itself, and for nothing that happens to others.
pub fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in lines, broken between words.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `1 file`, `2 files`.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A size for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => plural(bytes, "byte"),
        10_000..10_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(cut("a\u{1b}[31m\u{202e}b", 20), "a [31m b");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut_start("abcdef", 4), "…def");
        assert_eq!(wrap("one two  three\nfour", 7), ["one two", "three", "four"]);
        assert_eq!((size(1), size(12_345)), ("1 byte".to_owned(), "12.3 kB".to_owned()));
    }
}
