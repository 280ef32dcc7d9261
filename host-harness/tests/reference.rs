//! `docs/reference.md`, man pages and completions follow from the one definition of the command line.

#![allow(clippy::unwrap_used)]

use std::{fs, process::Command};

fn tamis(args: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_tamis")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn reference_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference.md");
    let wanted = tamis::cli::reference();
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, &wanted).unwrap();
    }
    let got = fs::read_to_string(path).unwrap_or_default();
    assert!(got == wanted, "docs/reference.md is stale: run this test with BLESS=1");
}

#[test]
fn man_pages_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let man = dir.path().join("share/man/man1");
    tamis(&["man", man.to_str().unwrap()]);
    for (name, words) in [
        ("tamis.1", "tamis\\-run(1)"),
        ("tamis-run.1", "\\-\\-max\\-record\\-bytes"),
        ("tamis-lint-coturn.1", "\\-\\-coturn\\-version"),
        ("tamis-config-check.1", ".SH \"EXIT CODES\"\n.nf\n0  accepted\n"),
        ("tamis-bake.1", ".SH EXAMPLES\n.nf\ntamis bake "),
    ] {
        let page = fs::read_to_string(man.join(name)).unwrap();
        assert!(page.contains(words), "{name}: {page}");
    }
    let page = String::from_utf8(tamis(&["man"])).unwrap();
    assert_eq!(page, fs::read_to_string(man.join("tamis.1")).unwrap());
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = String::from_utf8(tamis(&["completions", shell])).unwrap();
        for word in ["audit", "pipeline", "coturn-version"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
