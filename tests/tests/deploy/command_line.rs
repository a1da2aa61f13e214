//! Command lines in other files, held against the binary's own help.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use lookaside_tests::cli;

/// Whether `lookaside` has this command, and the command these flags.
pub(crate) fn check_command(words: &[&str]) -> Result<()> {
    let command = words.first().context("an empty command")?;
    let help = cli::run(&[command, "--help"]);
    ensure!(help.status == 0, "there is no `lookaside {command}`");
    let known: BTreeSet<&str> = help
        .stdout
        .split(|c: char| c.is_whitespace() || ",<>[]=".contains(c))
        .filter(|word| word.starts_with("--"))
        .collect();
    for word in words.iter().filter(|word| word.starts_with("--")) {
        let flag = word.split('=').next().unwrap_or(word);
        ensure!(known.contains(flag), "`lookaside {command}` has no {flag}");
    }
    Ok(())
}

/// The value of a flag.
pub(crate) fn value<'a>(words: &[&'a str], flag: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == flag)?;
    words.get(at + 1).copied()
}

#[test]
fn a_flag_that_there_is_not_is_found() -> Result<()> {
    check_command(&["serve", "--listen", "x", "--registry=memory:"])?;
    assert!(check_command(&["serve", "--lissen", "x"]).is_err());
    assert!(check_command(&["serf"]).is_err());
    Ok(())
}
