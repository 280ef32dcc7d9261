//! The sources of the SDK as a table of files, for `tamis new`: the command works without a
//! checkout of the project.

use std::{fs, path::Path};

/// What the SDK needs to be built elsewhere, as paths in the workspace.
const PARTS: [&str; 4] = ["LICENSE", "plugins/sdk/Cargo.toml", "plugins/sdk/src", "wit"];

/// The table's source text: pairs of path and content.
pub fn table(workspace: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    let mut open: Vec<_> = PARTS.iter().map(|part| workspace.join(part)).collect();
    while let Some(path) = open.pop() {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let cannot = |e| format!("cannot read {}: {e}", path.display());
        for entry in fs::read_dir(&path).map_err(cannot)? {
            open.push(entry.map_err(cannot)?.path());
        }
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(workspace).map_err(|e| e.to_string())?;
        let name = name.to_string_lossy().replace('\\', "/");
        table.push_str(&format!("    ({name:?}, include_bytes!({:?})),\n", file.display().to_string()));
    }
    table.push_str("]\n");
    Ok(table)
}

/// The manifest of a workspace that holds nothing but the SDK: versions and lints as here.
pub fn manifest(workspace: &Path) -> Result<String, String> {
    let read = |name: &str| -> Result<toml::Table, String> {
        let path = workspace.join(name);
        let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        text.parse().map_err(|e| format!("{}: {e}", path.display()))
    };
    let sdk = read("plugins/sdk/Cargo.toml")?;
    let needed = |name: &str| {
        ["dependencies", "dev-dependencies"]
            .iter()
            .any(|table| sdk.get(*table).and_then(|t| t.get(name)).is_some())
    };
    let mut top = read("Cargo.toml")?;
    top.retain(|key, _| key == "workspace");
    let here = top.get_mut("workspace").and_then(toml::Value::as_table_mut);
    let here = here.ok_or("Cargo.toml has no [workspace]")?;
    here.remove("exclude");
    here.insert("members".into(), toml::Value::Array(vec!["plugins/sdk".into()]));
    if let Some(dependencies) = here.get_mut("dependencies").and_then(toml::Value::as_table_mut) {
        dependencies.retain(|name, _| needed(name));
    }
    toml::to_string(&top).map_err(|e| e.to_string())
}
