//! TOML, which Vector reads, too.

use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    node::{Field, Node, Value},
    yaml::Refused,
};

/// Read a text.
///
/// # Errors
/// When it is no TOML.
pub fn parse(text: &str) -> Result<Node, Refused> {
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|e| {
        let line = e.span().map_or(1, |span| lines.of(span.start));
        (line, format!("not TOML: {}", e.message().lines().next().unwrap_or_default()))
    })?;
    Ok(Node { line: 1, value: Value::Map(fields(table.get_ref(), &lines)) })
}

struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { starts: std::iter::once(0).chain(ends).collect() }
    }

    fn of(&self, offset: usize) -> u64 {
        self.starts.partition_point(|start| *start <= offset) as u64
    }
}

fn fields(table: &DeTable<'_>, lines: &Lines) -> Vec<Field> {
    let field = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let text: &std::borrow::Cow<'_, str> = name.get_ref();
        Field { name: text.to_string(), line: lines.of(name.span().start), value: node(value, lines) }
    };
    table.iter().map(field).collect()
}

/// This calls itself, as deep as the parser lets tables be: 80 levels.
fn node(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let scalar = |text: &str| Value::Scalar(text.to_owned());
    let inner = match value.get_ref() {
        DeValue::String(text) => scalar(text),
        DeValue::Integer(number) => scalar(number.as_str()),
        DeValue::Float(number) => scalar(number.as_str()),
        DeValue::Boolean(on) => scalar(if *on { "true" } else { "false" }),
        DeValue::Datetime(time) => scalar(&time.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, lines)).collect()),
        DeValue::Table(table) => Value::Map(fields(table, lines)),
    };
    Node { line: lines.of(value.span().start), value: inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_know_their_lines() {
        let tree =
            parse("[sinks.out]\ntype = \"http\"\ntls.enabled = true\ninputs = [\n  \"a\",\n  \"b\"]\n")
                .unwrap();
        let sink = tree.at(&["sinks", "out"]).unwrap();
        assert_eq!(sink.field("type").unwrap().line, 2);
        assert_eq!(sink.at(&["tls", "enabled"]).unwrap().text(), Some("true"));
        assert_eq!(sink.get("inputs").unwrap().items()[1].line, 6);
        assert_eq!(parse("a = 1\nb =\n").unwrap_err().0, 2);
        assert!(parse(&format!("a = {}1{}", "[".repeat(10_000), "]".repeat(10_000))).is_err());
    }
}
