//! What to do next: a config of the filter to start from.

use std::fmt::Write;

use super::report::{Field, Report};

/// Names on one line of a comment.
const WIDTH: usize = 90;

/// A config with the types of tasks that were seen. Nothing is allowed in it; comments say what there is. Empty if no
/// payload was found.
pub fn config(report: &Report) -> String {
    if report.tasks.is_empty() {
        return String::new();
    }
    let mut out = String::from("{\n  \"tasks\": {\n");
    for (i, task) in report.tasks.iter().enumerate() {
        let name = if task.name.is_empty() { "default" } else { &task.name };
        let sensitive = |yes: bool| task.fields.iter().filter(move |f| f.sensitive.is_some() == yes);
        comment("may be harmless", sensitive(false), &mut out);
        comment("sensitive by name", sensitive(true), &mut out);
        let comma = if i + 1 < report.tasks.len() { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    \"{name}\": {{ \"allow\": [] }}{comma}");
    }
    out.push_str("  }\n}\n");
    out
}

fn comment<'f>(what: &str, fields: impl Iterator<Item = &'f Field>, out: &mut String) {
    let mut line = String::new();
    for field in fields {
        if line.is_empty() {
            let _ = write!(line, "    // {what}: {}", field.path);
        } else if line.len() + field.path.len() > WIDTH {
            out.push_str(&line);
            out.push_str(",\n");
            line = format!("    //   {}", field.path);
        } else {
            let _ = write!(line, ", {}", field.path);
        }
    }
    if !line.is_empty() {
        out.push_str(&line);
        out.push('\n');
    }
}
