//! Each block of shell commands runs here, or says what it needs.

use std::{env, fs, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use lookaside_tests::{Backend, Balancer, binary, cli, eventually};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use super::page::{Block, Page, pages, repository};

/// What a block may need that a test cannot give it: so it is only read here. grpcurl's are
/// run beside this; Go is run by `./dev interop`, etcd by the end-to-end tests.
const NEEDS: [&str; 9] = [
    "checkout",
    "deployment",
    "docker",
    "etcd",
    "go",
    "grpcurl",
    "kubernetes",
    "nightly",
    "systemd",
];

pub(crate) const BOUND: Duration = Duration::from_secs(20);

fn is_shell(block: &Block) -> bool {
    ["sh", "bash", "shell", "console"].contains(&block.language.as_str())
}

/// The commands of a block, each with the output that is shown for it.
pub(crate) fn commands(block: &Block) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    // A command may go on in the next line.
    let text = block.text.replace("\\\n", " ");
    for line in text.lines() {
        let command = match block.language.as_str() {
            "console" => line.strip_prefix("$ "),
            _ => Some(line).filter(|line| !line.is_empty() && !line.starts_with('#')),
        };
        match (command, found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), String::new())),
            (None, Some((_, output))) if block.language == "console" => {
                output.push_str(line);
                output.push('\n');
            }
            _ => {}
        }
    }
    found
}

/// The part of a command that is one of the binary: `A=b lookaside services`,
/// `docker compose exec balancer-a lookaside services`, `kubectl exec POD -- lookaside services`.
fn ours<'a>(words: &'a [&'a str]) -> Option<(&'a str, &'a [&'a str])> {
    let program = |word: &&str| ["lookaside", "./dev"].contains(word);
    let start = words.iter().position(program)?;
    let before = &words[..start];
    let run = before.iter().all(|word| word.contains('='))
        || before.last() == Some(&"--")
        || before.starts_with(&["docker", "compose", "exec"]);
    let (program, arguments) = words[start..].split_first().filter(|_| run)?;
    Some((program, arguments))
}

pub(crate) fn shell_blocks(pages: &[Page]) -> impl Iterator<Item = (String, &Block)> {
    pages.iter().flat_map(|page| {
        let shell = page.blocks.iter().filter(|block| is_shell(block));
        shell.map(|block| (format!("{}:{}", page.path.display(), block.line), block))
    })
}

#[test]
fn a_block_that_is_not_run_says_what_it_needs() -> Result<()> {
    let pages = pages()?;
    for (at, block) in shell_blocks(&pages) {
        for need in block.needs.iter().flatten() {
            ensure!(
                NEEDS.contains(&need.as_str()),
                "{at}: {need:?} is none of {NEEDS:?}"
            );
        }
    }
    Ok(())
}

/// Those that need something are still held against the help: a flag that there is not, in a
/// page that nobody runs, is what users stumble over.
#[test]
fn every_command_of_the_binary_that_is_named_is_one() -> Result<()> {
    let pages = pages()?;
    let mut held = 0;
    for (at, block) in shell_blocks(&pages) {
        for (command, _) in commands(block) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let Some((program, arguments)) = ours(&words) else {
                continue;
            };
            let end = arguments
                .iter()
                .position(|word| ["#", "|", ">", "&&"].contains(word));
            let arguments = &arguments[..end.unwrap_or(arguments.len())];
            let name = arguments
                .first()
                .with_context(|| format!("{at}: {command}"))?;
            let help = cli::run(&[name, "--help"]);
            if help.status != 0 && program == "./dev" {
                let script = fs::read_to_string(repository().join("dev"))?;
                ensure!(
                    script.contains(&format!("\n  {name}")),
                    "{at}: there is no ./dev {name}"
                );
                continue;
            }
            ensure!(help.status == 0, "{at}: there is no `lookaside {name}`");
            let flags = arguments.iter().filter(|word| word.starts_with("--"));
            for flag in flags.filter_map(|word| word.split('=').next()) {
                let known = help
                    .stdout
                    .split(|c: char| c.is_whitespace() || ",<>[]=".contains(c));
                ensure!(
                    known.clone().any(|word| word == flag),
                    "{at}: {name} has no {flag}"
                );
            }
            held += 1;
        }
    }
    assert!(held > 20, "only {held} commands were found");
    Ok(())
}

#[tokio::test]
async fn every_other_block_runs() -> Result<()> {
    let balancer = Balancer::start(["--registry", "memory:"]).await;
    let at_balancer = balancer.addr.to_string();
    let arguments = ["--service", "orders", "--balancer", &at_balancer];
    let first = Backend::with("a", "127.0.0.1:0", &arguments).await;
    let second = Backend::with("b", "127.0.0.1:0", &arguments).await;
    let (a, b) = (first.addr.to_string(), second.addr.to_string());
    eventually("both are registered", BOUND, || async {
        let shown = cli::run(&["service", "orders", "--balancer", &at_balancer]);
        let both = shown.stdout.contains(&a) && shown.stdout.contains(&b);
        both.then_some(()).ok_or(shown)
    })
    .await;
    let place = Place::new(balancer, vec![first, second])?;
    let pages = pages()?;
    let mut ran = 0;
    for (at, block) in shell_blocks(&pages).filter(|(_, block)| block.needs.is_none()) {
        for (command, expected) in commands(block) {
            let (status, output) = shell(&place.at_home(&command), &place).await?;
            if block.language == "console" {
                ensure!(
                    output == expected,
                    "{at}: {command}\n{output}\nis not\n{expected}"
                );
            } else {
                ensure!(status, "{at}: {command}\n{output}");
            }
            ran += 1;
        }
    }
    assert!(ran > 5, "only {ran} commands were found");
    Ok(())
}

/// What the pages' addresses stand for.
pub(crate) struct Place {
    balancer: Balancer,
    backends: Vec<Backend>,
    /// Has `lookaside`, by its name alone, as a reader types it.
    programs: TempDir,
}

impl Place {
    /// `backends` are two of `orders`.
    pub(crate) fn new(balancer: Balancer, backends: Vec<Backend>) -> Result<Self> {
        let programs = tempfile::tempdir()?;
        let name = programs.path().join("lookaside");
        std::os::unix::fs::symlink(binary::lookaside(), name)?;
        Ok(Self {
            balancer,
            backends,
            programs,
        })
    }

    /// A command of a page, with the addresses that there are here.
    pub(crate) fn at_home(&self, command: &str) -> String {
        let (a, b) = (&self.backends[0].addr, &self.backends[1].addr);
        command
            .replace("127.0.0.1:7400", &self.balancer.addr.to_string())
            .replace("127.0.0.1:7401", &self.balancer.admin.to_string())
            .replace("127.0.0.1:9001", &a.to_string())
            .replace("10.0.0.1:50051", &a.to_string())
            .replace("127.0.0.1:9002", &b.to_string())
            .replace("10.0.0.2:50051", &b.to_string())
    }
}

/// Whether it ended well, and what it printed: standard output, then standard error.
pub(crate) async fn shell(line: &str, place: &Place) -> Result<(bool, String)> {
    let (programs, balancer) = (place.programs.path(), &place.balancer);
    let mut path = programs.as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(programs)
        .env("PATH", path)
        .env("LOOKASIDE_BALANCER", balancer.addr.to_string())
        .env("LOOKASIDE_ADMIN_BALANCER", balancer.admin.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = timeout(BOUND, command.output()).await;
    let output = ended.with_context(|| format!("{line} did not end"))??;
    let mut text = String::from_utf8(output.stdout)?;
    // What is logged is not what is printed.
    for line in String::from_utf8(output.stderr)?.lines() {
        if !line.contains(" WARN ") && !line.contains(" INFO ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok((output.status.success(), text))
}
