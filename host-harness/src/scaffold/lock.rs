//! `Cargo.lock` of a new crate: that of the template with the crate's own name in its place.
//! Cargo wants packages in the order of their names, else `--locked` fails.

/// The crate in the template's file.
const TEMPLATE: &str = "template-filter";

/// What stands before each package.
const HEAD: &str = "[[package]]\n";

/// The packages of a lock file, each from its name on.
pub(super) fn packages(lock: &str) -> impl Iterator<Item = &str> {
    lock.split(HEAD).skip(1).map(str::trim_end)
}

/// The template's lock file for a crate called `name`.
pub(super) fn with(lock: &str, name: &str) -> String {
    let head = lock.split(HEAD).next().unwrap_or_default();
    let mut packages: Vec<String> = packages(lock)
        .map(|package| package.replacen(&format!("name = \"{TEMPLATE}\""), &format!("name = \"{name}\""), 1))
        .collect();
    packages.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    let mut text = head.to_owned();
    for (i, package) in packages.iter().enumerate() {
        text.push_str(if i == 0 { "" } else { "\n" });
        text.push_str(HEAD);
        text.push_str(package);
        text.push('\n');
    }
    text
}

fn name_of(package: &str) -> &str {
    package.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_moves_to_its_place() {
        let lock = "# x\nversion = 4\n\n[[package]]\nname = \"aa\"\nversion = \"1\"\n\n[[package]]\nname = \"serde\"\nversion = \"1\"\n\n[[package]]\nname = \"template-filter\"\nversion = \"0.1.0\"\ndependencies = [\n \"serde\",\n]\n";
        assert_eq!(with(lock, TEMPLATE), lock);
        let names = |text: &str| packages(text).map(|p| name_of(p).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&with(lock, "bb")), ["name = \"aa\"", "name = \"bb\"", "name = \"serde\""]);
    }
}
