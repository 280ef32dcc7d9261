//! Both syntaxes of Fluent Bit, with the files that they include.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::model::{Pipeline, Plugin};
use crate::{
    audit::glob::Glob,
    lint::{
        Place,
        pipeline::{
            node::{Node, Value},
            yaml,
        },
        read,
    },
};

/// Files of one config.
const MAX_FILES: usize = 100;

/// A text to read.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t> {
    /// What the report calls it.
    pub file: &'t str,
    pub text: &'t str,
    /// Lines before its first one.
    pub offset: u64,
    /// Where includes start.
    pub base: &'t Path,
    /// What can be included beside files: the other texts of a ConfigMap.
    pub beside: &'t [Beside<'t>],
}

/// A text that is mounted as a file.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'t> {
    /// Its file name.
    pub name: &'t str,
    pub text: &'t str,
    /// Lines before its first one.
    pub offset: u64,
}

/// A config in the classic syntax.
pub fn classic(text: Text<'_>) -> Pipeline {
    let mut reader = Reader::default();
    reader.classic(text);
    reader.finish()
}

/// A config in YAML.
pub fn yaml(document: &Node, text: Text<'_>) -> Pipeline {
    let mut reader = Reader::default();
    reader.document(document, text);
    reader.finish()
}

#[derive(Default)]
struct Reader {
    pipeline: Pipeline,
    seen: BTreeSet<PathBuf>,
    /// The section of the classic syntax that lines belong to; its kind, and what is known of it.
    open: Option<(String, Plugin)>,
    /// Files whose reading is not over: includes are read in their place.
    depth: usize,
}

impl Reader {
    fn finish(mut self) -> Pipeline {
        self.close();
        self.pipeline
    }

    fn close(&mut self) {
        if let Some((section, plugin)) = self.open.take()
            && let Some(list) = self.pipeline.list(&section)
        {
            list.push(plugin);
        }
    }

    fn problem(&mut self, file: &str, line: u64, reason: impl Into<String>) {
        self.pipeline.problems.push((Place::line(file, line), reason.into()));
    }

    fn classic(&mut self, text: Text<'_>) {
        for (index, line) in text.text.lines().enumerate() {
            let number = index as u64 + 1 + text.offset;
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            if let Some(rest) = trimmed.strip_prefix('@') {
                self.command(rest, number, text);
            } else if let Some(rest) = line.strip_prefix('[') {
                self.close();
                let name = rest.split(']').next().unwrap_or_default().trim();
                let plugin = Plugin { file: text.file.to_owned(), line: number, ..Plugin::default() };
                self.open = Some((name.to_owned(), plugin));
            } else if let Some((_, plugin)) = &mut self.open {
                let (key, value) =
                    trimmed.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((trimmed, ""));
                plugin.set(key, value, number);
            } else {
                let words = "a setting outside of a section: [INPUT], [FILTER], [OUTPUT]";
                return self.problem(text.file, number, words);
            }
        }
    }

    /// `@INCLUDE` and `@SET`.
    fn command(&mut self, rest: &str, line: u64, text: Text<'_>) {
        let (name, argument) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
        let argument = argument.trim();
        if name.eq_ignore_ascii_case("include") {
            self.include(argument, line, text);
        } else if name.eq_ignore_ascii_case("set")
            && let Some((name, value)) = argument.split_once('=')
        {
            self.pipeline.variables.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }

    fn include(&mut self, pattern: &str, line: u64, text: Text<'_>) {
        let glob = Glob::or_literal(pattern.rsplit('/').next().unwrap_or(pattern));
        let named = |name: &str| glob.as_ref().is_some_and(|glob| glob.matches(name));
        let others = text.beside.iter().filter(|b| b.offset != text.offset && named(b.name));
        let others: Vec<Beside<'_>> = others.copied().collect();
        for Beside { name, text: included, offset } in &others {
            if self.seen.insert(PathBuf::from(name)) {
                self.included(Text { text: included, offset: *offset, ..text }, name);
            }
        }
        if !others.is_empty() {
            return;
        }
        let paths = files(pattern, text.base);
        if paths.is_empty() && !pattern.contains('*') {
            self.problem(text.file, line, format!("cannot read the included file {pattern}"));
        }
        for path in paths {
            let whole = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if !self.seen.insert(whole) {
                self.problem(text.file, line, format!("{} is included twice", path.display()));
                continue;
            }
            if self.seen.len() > MAX_FILES || self.depth >= MAX_FILES {
                return self.problem(text.file, line, format!("over {MAX_FILES} included files"));
            }
            let bytes = match read(&path) {
                Ok(bytes) => bytes,
                Err(reason) => {
                    self.problem(text.file, line, format!("{}: {reason}", path.display()));
                    continue;
                }
            };
            let name = path.display().to_string();
            let included = String::from_utf8_lossy(&bytes).into_owned();
            let base = path.parent().unwrap_or(text.base).to_owned();
            self.included(Text { file: &name, text: &included, offset: 0, base: &base, beside: &[] }, &name);
        }
    }

    /// As deep as there are files, of which there are few: none is read twice.
    fn included(&mut self, text: Text<'_>, name: &str) {
        self.depth += 1;
        if super::is_yaml(name) {
            self.yaml_text(text);
        } else {
            self.classic(text);
        }
        self.depth -= 1;
    }

    fn yaml_text(&mut self, text: Text<'_>) {
        match yaml::parse(text.text) {
            Err((line, reason)) => self.problem(text.file, line + text.offset, reason),
            Ok(documents) => {
                for document in &documents {
                    self.document(document, text);
                }
            }
        }
    }

    fn document(&mut self, document: &Node, text: Text<'_>) {
        for field in document.fields() {
            match field.name.as_str() {
                "includes" => {
                    for item in field.value.one_or_more() {
                        if let Some(pattern) = item.text() {
                            self.include(pattern, item.line + text.offset, text);
                        }
                    }
                }
                "env" => {
                    for variable in field.value.fields() {
                        let value = variable.value.text().unwrap_or_default().to_owned();
                        self.pipeline.variables.insert(variable.name.clone(), value);
                    }
                }
                "pipeline" => {
                    for section in field.value.fields() {
                        let plugins: Vec<Plugin> =
                            section.value.items().iter().map(|item| plugin(item, text)).collect();
                        if let Some(list) = self.pipeline.list(&section.name) {
                            list.extend(plugins);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn plugin(node: &Node, text: Text<'_>) -> Plugin {
    let mut plugin = one(node, text);
    // Those of logs; metrics and traces have their own.
    if let Some(processors) = node.at(&["processors", "logs"]) {
        plugin.processors = processors.items().iter().map(|item| one(item, text)).collect();
    }
    plugin
}

fn one(node: &Node, text: Text<'_>) -> Plugin {
    let mut plugin =
        Plugin { file: text.file.to_owned(), line: node.line + text.offset, ..Plugin::default() };
    for field in node.fields() {
        let line = field.line + text.offset;
        match &field.value.value {
            Value::Scalar(value) | Value::Block(value) => plugin.set(&field.name, value, line),
            Value::List(items) => {
                // A list is the setting once for each, but for paths, which are one list.
                if field.name.to_ascii_lowercase().ends_with("paths") {
                    let all: Vec<&str> = items.iter().filter_map(Node::text).collect();
                    plugin.set(&field.name, &all.join(","), line);
                } else {
                    for item in items {
                        plugin.set(&field.name, item.text().unwrap_or_default(), item.line + text.offset);
                    }
                }
            }
            Value::Map(_) => {}
        }
    }
    plugin
}

/// The files that a pattern names; a star stands within the last name only.
fn files(pattern: &str, base: &Path) -> Vec<PathBuf> {
    let direct = PathBuf::from(pattern);
    let near = base.join(pattern);
    if !pattern.contains('*') {
        return [near, direct].into_iter().find(|p| p.is_file()).into_iter().collect();
    }
    for path in [near, direct] {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { continue };
        let Some(glob) = Glob::or_literal(&name.to_string_lossy()) else { continue };
        let found = fs::read_dir(dir).into_iter().flatten().flatten().map(|f| f.path());
        let mut fitting: Vec<PathBuf> = found
            .filter(|p| p.is_file() && p.file_name().is_some_and(|n| glob.matches(&n.to_string_lossy())))
            .collect();
        fitting.sort();
        if !fitting.is_empty() {
            return fitting;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_syntaxes_say_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        put("in.conf", "[INPUT]\n    Name tail\n    Tag  app\n");
        put("filters.conf", "[FILTER]\n    Name wasm\n    Wasm_Path ${W}\n    @INCLUDE no\n");
        let text = "@SET W=/x.wasm\n@INCLUDE in.conf\n@INCLUDE filt*.conf\n\n[OUTPUT]\n    Name  http\n    # no\n    Match *\n";
        let classic = classic(Text { file: "c", text, offset: 0, base: dir.path(), beside: &[] });
        assert_eq!(classic.problems.len(), 1, "{:?}", classic.problems);

        put("in.yaml", "pipeline:\n  inputs:\n    - name: tail\n      tag: app\n");
        let text = "env:\n  W: /x.wasm\nincludes:\n  - in.yaml\npipeline:\n  filters:\n    - name: wasm\n      wasmPath: ${W}\n  \
                    outputs:\n    - name: http\n      match: '*'\n      processors:\n        logs:\n          - name: wasm\n            \
                    accessible_paths: [/a, /b]\n";
        let documents = yaml::parse(text).unwrap();
        let yaml = yaml(&documents[0], Text { file: "y", text, offset: 10, base: dir.path(), beside: &[] });
        for pipeline in [&classic, &yaml] {
            assert_eq!(pipeline.inputs[0].setting("tag").unwrap().text, "app");
            assert_eq!(pipeline.filters[0].setting("wasm_path").unwrap().text, "${W}");
            assert_eq!(pipeline.variables["W"], "/x.wasm");
            assert_eq!(pipeline.outputs[0].name, "http");
        }
        assert_eq!((classic.outputs[0].line, classic.outputs[0].setting("match").unwrap().line), (5, 8));
        assert_eq!(yaml.filters[0].setting("wasm_path").unwrap().line, 18);
        let processor = &yaml.outputs[0].processors[0];
        assert_eq!(processor.setting("accessible_paths").unwrap().text, "/a,/b");
    }

    #[test]
    fn circles_end() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.conf"), "@INCLUDE b.conf\n").unwrap();
        fs::write(dir.path().join("b.conf"), "@INCLUDE a.conf\n").unwrap();
        let pipeline =
            classic(Text { file: "x", text: "@INCLUDE a.conf\n", offset: 0, base: dir.path(), beside: &[] });
        assert_eq!(pipeline.problems.len(), 1);
    }
}
