use std::fs;

use anyhow::{Context, Result, ensure};
use lookaside_tests::{binary, skip::run_if_installed};

use super::{command_line::check_command, manifest::read};

/// How open systemd may find the unit, of 10: below 2 is "OK".
const EXPOSURE: f64 = 2.0;

fn settings() -> Result<Vec<(String, String)>> {
    let unit = read("deploy/lookaside.service")?;
    let lines = unit.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn setting(name: &str) -> Result<String> {
    let all = settings()?;
    let found = all.into_iter().find(|(known, _)| known == name);
    Ok(found.with_context(|| format!("no {name}="))?.1)
}

#[test]
fn the_unit_runs_a_command_that_there_is_and_waits_for_its_word() -> Result<()> {
    let start = setting("ExecStart")?;
    let words: Vec<&str> = start.split_whitespace().collect();
    ensure!(words[0].ends_with("/lookaside"), "{start}");
    check_command(&words[1..])?;
    ensure!(setting("Type")? == "notify");
    setting("WatchdogSec")?;
    ensure!(setting("ExecReload")?.contains("-HUP"));
    // The state directory that it may write is the one that it is told of.
    let state = format!(
        "LOOKASIDE_STATE_DIR=/var/lib/{}",
        setting("StateDirectory")?
    );
    ensure!(setting("Environment")? == state, "{state}");
    // 10 s of waves and 5 s for what is left: `Timeouts::drain` and `close` of the server.
    let stop = setting("TimeoutStopSec")?;
    let seconds: u32 = stop.trim_end_matches('s').parse()?;
    ensure!(
        seconds > 15,
        "clients are handed over within 15 s, not {stop}"
    );
    Ok(())
}

#[test]
fn systemd_knows_every_setting_and_finds_the_unit_closed() -> Result<()> {
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("lookaside.service");
    let binary = binary::lookaside().to_str().context("a path in UTF-8")?;
    let unit = read("deploy/lookaside.service")?.replace("/usr/bin/lookaside", binary);
    fs::write(&file, unit)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let probe = ["systemd-analyze", "--version"];
    if let Some(verified) = run_if_installed(&probe, &["systemd-analyze", "verify", file]) {
        let said = String::from_utf8_lossy(&verified.stderr);
        ensure!(!said.contains("lookaside.service"), "{said}");
    }
    let security = [
        "systemd-analyze",
        "security",
        "--offline=true",
        "--no-pager",
        file,
    ];
    if let Some(judged) = run_if_installed(&probe, &security) {
        let said = String::from_utf8_lossy(&judged.stdout);
        let (_, rest) = said
            .split_once("Overall exposure level for lookaside.service: ")
            .with_context(|| format!("{said}{}", String::from_utf8_lossy(&judged.stderr)))?;
        let level: f64 = rest.split_whitespace().next().context("a level")?.parse()?;
        ensure!(level < EXPOSURE, "{said}");
    }
    Ok(())
}
