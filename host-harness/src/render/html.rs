//! Pages as one HTML file that needs nothing else: no network, no script to read it, and nothing in it that came
//! from a log is ever markup. What the page may do is in its policy, by the hashes of its own style and script.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::columns::is_visible;
use crate::audit::walk::NotScanned;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Start a page: everything up to what is in `main`. `style` comes after the common style.
pub fn open(title: &str, style: &str, out: &mut String) {
    let style = format!("\n{STYLE}{style}");
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; \
         script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n<title>{}</title>\n\
         <style>{style}</style>\n</head>\n<body>\n<main>\n",
        hash(&style),
        hash(SCRIPT),
        esc(title)
    );
}

/// End a page.
pub fn close(footer: &str, out: &mut String) {
    let version = env!("CARGO_PKG_VERSION");
    let _ = write!(
        out,
        "</main>\n<footer>tamis {version} · {}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        esc(footer)
    );
}

/// A number with what it counts, for the list of class `tiles`.
pub fn tile(value: &str, label: &str, class: &str, out: &mut String) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(out, "<li{class}><b>{}</b> {}</li>", esc(value), esc(label));
}

/// Start a table whose rows the script can sort; numbers stand in columns whose head ends in `#`. On a phone a style
/// may make blocks of its rows: the roles say that it is a table all the same.
pub fn table(caption: &str, heads: &[&str], out: &mut String) {
    let _ = write!(
        out,
        "<div class=\"scroll\">\n<table class=\"sortable cards\" role=\"table\">\n<caption>{}</caption>\n\
         <thead role=\"rowgroup\"><tr role=\"row\">",
        esc(caption)
    );
    for head in heads {
        match head.strip_suffix('#') {
            Some(head) => {
                let _ = write!(
                    out,
                    "<th scope=\"col\" role=\"columnheader\" class=\"number\">{}</th>",
                    esc(head)
                );
            }
            None => {
                let _ = write!(out, "<th scope=\"col\" role=\"columnheader\">{}</th>", esc(head));
            }
        }
    }
    out.push_str("</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

/// A row of such a table: its first cell is its head. Under `Severity` stands one, times do not break,
/// paths do anywhere.
pub fn row(heads: &[&str], cells: &[String], out: &mut String) {
    out.push_str("<tr role=\"row\">");
    for (i, (head, cell)) in heads.iter().zip(cells).enumerate() {
        let class = if head.ends_with('#') { " class=\"number\"" } else { "" };
        let label = esc(head.trim_end_matches('#'));
        let class = match *head {
            "Time" | "Since" | "Last" | "From" => " class=\"when\"",
            "File" | "Most in" => " class=\"path\"",
            _ => class,
        };
        let _ = match i {
            _ if *head == "Severity" => write!(
                out,
                "<td role=\"cell\" data-label=\"{label}\"><span class=\"tag {0}\">{0}</span></td>",
                esc(cell)
            ),
            0 => write!(out, "<th scope=\"row\" role=\"rowheader\"{class}>{}</th>", esc(cell)),
            _ => write!(out, "<td role=\"cell\"{class} data-label=\"{label}\">{}</td>", esc(cell)),
        };
    }
    out.push_str("</tr>\n");
}

/// End such a table; `left_out` rows are not in it.
pub fn end_table(left_out: u64, out: &mut String) {
    out.push_str("</tbody>\n</table>\n</div>\n");
    if left_out > 0 {
        let _ = writeln!(out, "<p>and {left_out} more: see the JSON report</p>");
    }
}

/// A section with inputs that were not read, and why; nothing if there are none.
pub fn not_read(title: &str, list: &[NotScanned], rows: usize, out: &mut String) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section>\n<h2>{}</h2>\n<ul>", esc(title));
    for NotScanned { path, reason } in list.iter().take(rows) {
        let _ = writeln!(out, "<li>{}: {}</li>", esc(path), esc(reason));
    }
    out.push_str("</ul>\n</section>\n");
}

/// A text that is nothing but text, in elements and in quoted attributes.
pub fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if !is_visible(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The hash by which the page's policy knows its style and its script.
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let mut out = String::new();
    for chunk in digest.chunks(3) {
        let bits = chunk.iter().fold(0u32, |b, c| b << 8 | u32::from(*c)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(esc("<script>\"'&\u{1b}\u{202e}"), "&lt;script&gt;&quot;&#39;&amp;  ");
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
