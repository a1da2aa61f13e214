//! What a machine cannot run is said, never passed over.

use std::{env, fs::OpenOptions, io::Write, process::Command};

/// Says that something could not run and why, and has `./dev` say it again at its end.
pub fn not_run(what: &str) {
    println!("!! NOT RUN: {what}");
    if let Some(path) = env::var_os("DEV_SKIPPED") {
        let file = OpenOptions::new().append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{what}"));
    }
}

/// The output of a program that may be missing: `None` if this machine cannot run `probe`,
/// which says so.
pub fn run_if_installed(probe: &[&str], command: &[&str]) -> Option<std::process::Output> {
    let run = |words: &[&str]| Command::new(words[0]).args(&words[1..]).output();
    if !run(probe).is_ok_and(|probed| probed.status.success()) {
        not_run(&format!("`{}`: not installed", command.join(" ")));
        return None;
    }
    Some(run(command).expect("it ran a moment ago"))
}
