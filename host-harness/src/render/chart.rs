//! Charts as inline SVG. Every number in them stands in a table or title beside them, too.

use std::fmt::Write;

use super::html::esc;

/// Bars of a chart of bars.
const MAX_BARS: usize = 25;

/// A bar: what it is of, how long it is, and the class that gives its colour.
pub type Bar = (String, u64, &'static str);

/// A section with a bar per row, the longest first.
pub fn bars(title: &str, mut rows: Vec<Bar>, out: &mut String) {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let max = rows.first().map_or(1, |r| r.1).max(1);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<section>\n<h2>{}</h2>\n<table class=\"bars\">", esc(title));
    for (label, count, class) in rows.iter().take(MAX_BARS) {
        let width = *count as f64 * 100.0 / max as f64;
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" \
             aria-hidden=\"true\"><rect class=\"{class}\" width=\"{width:.2}\" height=\"10\"/></svg></td><td>{count}</td></tr>",
            esc(label),
        );
    }
    out.push_str("</table>\n");
    if rows.len() > MAX_BARS {
        let _ = writeln!(out, "<p>and {} more</p>", rows.len() - MAX_BARS);
    }
    out.push_str("</section>\n");
}

/// A column of a chart over time.
#[derive(Debug)]
pub struct Column {
    /// What it is of, and its numbers.
    pub title: String,
    /// The heights of what is stacked in it, from the bottom up.
    pub heights: Vec<u64>,
    /// It stands for a time that is left out.
    pub gap: bool,
}

impl Column {
    fn height(&self) -> u64 {
        self.heights.iter().sum()
    }
}

/// The height of the highest one.
pub fn highest(columns: &[Column]) -> u64 {
    columns.iter().map(Column::height).max().unwrap_or(0)
}

/// Columns over time, with the classes of what is stacked in them.
pub fn columns(label: &str, classes: &[&str], columns: &[Column], out: &mut String) {
    let max = highest(columns).max(1);
    let _ = writeln!(
        out,
        "<svg class=\"time\" viewBox=\"0 0 {} 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        columns.len().max(1) * 10,
        esc(label)
    );
    for (i, column) in columns.iter().enumerate() {
        let Column { title, heights, gap } = column;
        if !gap && column.height() == 0 {
            continue;
        }
        let _ = write!(out, "<g><title>{}</title>", esc(title));
        if *gap {
            let _ = write!(out, "<rect class=\"gap\" x=\"{}\" width=\"9\" height=\"100\"/>", i * 10);
        }
        let mut top = 100.0;
        for (class, height) in classes.iter().zip(heights).filter(|(_, h)| **h > 0) {
            // What is there is seen.
            let height = (*height as f64 * 100.0 / max as f64).max(1.0);
            top = f64::max(top - height, 0.0);
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{top:.2}\" width=\"9\" height=\"{height:.2}\"/>",
                i * 10
            );
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
}

/// What the classes of a chart mean.
pub fn legend(entries: &[(&str, &str)], out: &mut String) {
    out.push_str("<ul class=\"legend\">");
    for (class, meaning) in entries {
        let _ = write!(
            out,
            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"10\" height=\"10\"/></svg> {}</li>",
            esc(meaning)
        );
    }
    out.push_str("</ul>\n");
}
