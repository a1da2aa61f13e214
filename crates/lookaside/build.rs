//! What the program says of how it was built: what is not known is left out, and nothing of
//! it can make a build fail.

use std::{env, path::Path, process::Command};

/// Names the commit where there is no git repository, as in a container.
const COMMIT: &str = "LOOKASIDE_COMMIT";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={COMMIT}");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let given = env::var(COMMIT).ok().filter(|commit| !commit.is_empty());
    // Not for a debug build: every commit would link it anew, or it would tell an old one.
    let commit = given.or_else(|| if release { head() } else { None });
    let rustc = env::var("RUSTC").ok();
    let rustc = rustc.and_then(|rustc| output(&rustc, &["--version"]));
    let features = env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?;
        let feature = feature.to_lowercase().replace('_', "-");
        (feature != "default").then_some(feature)
    });
    let mut features: Vec<_> = features.collect();
    features.sort();
    for (name, value) in [
        ("COMMIT", commit),
        ("TARGET", env::var("TARGET").ok()),
        ("RUSTC", rustc),
        ("PROFILE", env::var("PROFILE").ok()),
        ("FEATURES", Some(features.join(","))),
    ] {
        let value = value.unwrap_or_default();
        // Not LOOKASIDE_: `cargo run` hands them on to the program, which would take them
        // for misspelt settings.
        println!("cargo:rustc-env=BUILT_{name}={value}");
    }
}

/// The commit that is checked out, if these are the sources of a repository of ours.
fn head() -> Option<String> {
    // Sources within somebody else's repository have no commit of their own there.
    output("git", &["ls-files", "--error-unmatch", "build.rs"])?;
    // Grows with every commit and checkout.
    let log = output("git", &["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    output("git", &["rev-parse", "--short=12", "HEAD"])
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
