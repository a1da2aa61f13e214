use anyhow::{Context, Result, ensure};
use lookaside_tests::skip::run_if_installed;

use super::{
    command_line::check_command,
    manifest::{read, repository},
};

/// The instructions, each in a line, without comments.
fn instructions() -> Result<Vec<String>> {
    let file = read("Dockerfile")?.replace("\\\n", " ");
    let lines = file.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// The words of a JSON list, as in `CMD ["lookaside", "serve"]`.
fn json_words(instruction: &str) -> Result<Vec<String>> {
    let start = instruction.find('[').context("no list of words")?;
    Ok(serde_json::from_str(&instruction[start..])?)
}

fn find(instructions: &[String], name: &str) -> Result<String> {
    let found = instructions.iter().rfind(|line| line.starts_with(name));
    found.cloned().with_context(|| format!("no {name}"))
}

#[test]
fn the_image_runs_commands_that_there_are_without_rights() -> Result<()> {
    let all = instructions()?;
    let entry = json_words(&find(&all, "ENTRYPOINT")?)?;
    ensure!(entry == ["lookaside"], "{entry:?}");
    let command = json_words(&find(&all, "CMD")?)?;
    check_command(&command.iter().map(String::as_str).collect::<Vec<_>>())?;
    let health = json_words(&find(&all, "HEALTHCHECK")?)?;
    ensure!(health[0] == "lookaside", "the image has no other program");
    check_command(&health[1..].iter().map(String::as_str).collect::<Vec<_>>())?;

    let user = find(&all, "USER")?;
    let id = user.trim_start_matches("USER ").split(':').next();
    ensure!(
        id.and_then(|id| id.parse::<u32>().ok())
            .is_some_and(|id| id > 0),
        "{user}"
    );
    // Everything but the last stage stays behind.
    let last = all
        .iter()
        .rposition(|line| line.starts_with("FROM"))
        .context("no FROM")?;
    ensure!(last > 0 && !all[last..].iter().any(|line| line.starts_with("RUN")));
    for from in all.iter().filter(|line| line.starts_with("FROM")) {
        ensure!(
            !from.contains(":latest") && from.contains(':'),
            "{from} is not pinned"
        );
    }
    let ports = find(&all, "EXPOSE")?;
    for port in ports.split_whitespace().skip(1) {
        let word = format!("0.0.0.0:{port}");
        ensure!(
            command.contains(&word),
            "{word} is exposed, nobody listens there"
        );
    }
    Ok(())
}

#[test]
fn the_toolchain_is_no_older_than_what_the_workspace_asks_for() -> Result<()> {
    let manifest = read("Cargo.toml")?;
    let wanted = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \""));
    let wanted = wanted
        .and_then(|rest| rest.split('"').next())
        .context("no rust-version")?;
    let all = instructions()?;
    ensure!(
        all.contains(&format!("ARG RUST={wanted}")),
        "{wanted}: {all:?}"
    );
    Ok(())
}

#[test]
fn what_is_copied_is_not_ignored() -> Result<()> {
    let ignored = read(".dockerignore")?;
    for line in ignored.lines().filter_map(|line| line.strip_prefix('!')) {
        ensure!(
            repository().join(line).exists(),
            "{line} in .dockerignore is not there"
        );
    }
    // What the binary is made of: members of the workspace and what they include.
    for needed in ["!Cargo.toml", "!Cargo.lock", "!crates", "!proto", "!tests"] {
        ensure!(ignored.lines().any(|line| line == needed), "no {needed}");
    }
    Ok(())
}

#[test]
fn hadolint_finds_nothing() -> Result<()> {
    let file = repository().join("Dockerfile");
    let file = file.to_str().context("a path in UTF-8")?;
    // DL3008: the versions of Debian's packages are those of the pinned image.
    let command = ["hadolint", "--ignore", "DL3008", file];
    if let Some(linted) = run_if_installed(&["hadolint", "--version"], &command) {
        ensure!(
            linted.status.success(),
            "{}",
            String::from_utf8_lossy(&linted.stdout)
        );
    }
    Ok(())
}
