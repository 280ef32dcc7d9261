//! What follows from the definition of the command line: man pages, shell completions, and `docs/reference.md`.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::roff::{Roff, roman};

use super::{Cli, Failure, output};

/// Columns of help texts in the reference.
const WIDTH: usize = 100;

const COMPLETIONS_HELP: &str = "\
Examples:
  tamis completions bash > ~/.local/share/bash-completion/completions/tamis
  tamis completions zsh > ~/.zfunc/_tamis        # a directory of $fpath
  tamis completions fish > ~/.config/fish/completions/tamis.fish
  tamis completions powershell >> $PROFILE";

const MAN_HELP: &str = "\
Examples:
  tamis man | man -l -
  tamis man ~/.local/share/man/man1 && man tamis-run";

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the man page, or write those of all commands to a directory.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_HELP)]
pub(super) struct Man {
    /// Where to write the pages of all commands; it is made if it is not there [default: one page
    /// to standard output].
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tamis", &mut script);
    output::write(None, script).map_err(Failure::Io)
}

pub(super) fn man(args: &Man) -> Result<(), Failure> {
    let Some(dir) = output::file(args.dir.as_deref()) else {
        let page = page(command()).map_err(|e| Failure::Io(e.into()))?;
        return output::write(None, page).map_err(Failure::Io);
    };
    let cannot = |path: &Path, error: io::Error| {
        Failure::Io(anyhow!(error).context(format!("cannot write {}", path.display())))
    };
    fs::create_dir_all(dir).map_err(|e| cannot(dir, e))?;
    for (name, command) in all(command()) {
        let path = dir.join(format!("{}.1", name.replace(' ', "-")));
        let page = page(command.display_name(name.replace(' ', "-"))).map_err(|e| cannot(&path, e))?;
        fs::write(&path, page).map_err(|e| cannot(&path, e))?;
    }
    Ok(())
}

/// `docs/reference.md`: the help of every command.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# Reference\n\n\
         <!-- Written from the definition of the command line; `BLESS=1 cargo test --release -p tamis --test reference`. -->\n\n\
         What `--help` says, for every command. [cli.md](cli.md) says more about how they behave. The same texts come as\n\
         man pages (`tamis man DIR`), and names for shells to complete as `tamis completions SHELL`.\n",
    );
    let commands = all(command());
    out.push('\n');
    for (name, _) in &commands {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "- [{name}](#{})", name.replace(' ', "-"));
    }
    for (name, mut command) in commands {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    }
    out
}

/// The definition, with nothing in it that hangs on the terminal.
fn command() -> Command {
    let mut command = Cli::command().term_width(WIDTH).disable_help_subcommand(true);
    command.build();
    command
}

/// A command and all below it, with their full names.
fn all(command: Command) -> Vec<(String, Command)> {
    let mut found = Vec::new();
    let mut waiting = vec![(command.get_name().to_owned(), command)];
    while let Some((name, command)) = waiting.pop() {
        let below: Vec<&Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
        for sub in below.into_iter().rev() {
            waiting.push((format!("{name} {}", sub.get_name()), sub.clone().term_width(WIDTH)));
        }
        found.push((name, command));
    }
    found
}

/// A man page. Prose of the help becomes part of the description; its lists get sections, and stay as they are.
fn page(command: Command) -> io::Result<Vec<u8>> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let is_list = |block: &&str| block.contains("\n  ") || block.starts_with("Exit codes:");
    let (lists, prose): (Vec<&str>, Vec<&str>) = help.split("\n\n").partition(is_list);
    let (mut described, mut listed) = (Roff::default(), Roff::default());
    for text in prose.into_iter().filter(|text| !text.is_empty()) {
        described.control("PP", []).text([roman(text)]);
    }
    for list in lists {
        let (heading, rest) = list.split_once(':').unwrap_or(("Notes", list));
        listed.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
        rest.trim_start_matches(['\n', ' ']).lines().for_each(|line| {
            listed.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        });
        listed.control("fi", []);
    }
    let (arguments, below) = (command.get_arguments().count() > 0, command.has_subcommands());
    let version = command.get_version().is_some();
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    described.to_writer(&mut page)?;
    if arguments {
        man.render_options_section(&mut page)?;
    }
    if below {
        man.render_subcommands_section(&mut page)?;
    }
    listed.to_writer(&mut page)?;
    if version {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let names: Vec<String> = all(command()).into_iter().map(|(name, _)| name).collect();
        for name in ["tamis", "tamis run", "tamis lint coturn", "tamis config check", "tamis man"] {
            assert!(names.iter().any(|n| n == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|n| n.ends_with(" help")), "{names:?}");
    }

    /// Prose is wrapped to the terminal; lists and examples are not, so they have to fit.
    #[test]
    fn help_fits_a_terminal() {
        for (name, command) in all(command()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Examples:\n  "), "{name} has no examples");
            assert!(after.lines().all(|l| !l.starts_with(' ') || l.len() <= 80), "{name}: {after}");
            for paragraph in after.split("\n\n").filter(|p| !p.contains("\n  ")) {
                assert!(!paragraph.contains('\n'), "{name}: broken by hand: {paragraph}");
            }
        }
    }
}
