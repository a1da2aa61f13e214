//! What a build of the client pulls in, as cargo says.

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;

/// What nobody who only follows a list should have to build.
const NOT_IN_THE_DEFAULT_BUILD: [&str; 9] = [
    "etcd-client",
    "hickory-resolver",
    "lookaside-registry",
    "lookaside-registry-etcd",
    "lookaside-server",
    "prometheus-client",
    "rustls",
    "serde_json",
    "tower",
];

/// What no feature of the client may bring.
const NEVER: [&str; 4] = [
    "etcd-client",
    "lookaside-registry-etcd",
    "lookaside-server",
    "openssl-sys",
];

fn cargo(arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The packages of a build of the client, and those its build scripts are built with.
fn packages(features: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "-p", "lookaside-client", "-e", "normal,build"];
    let shape = ["--prefix", "none", "-f", "{p}"];
    let text = cargo(&[&tree[..], &shape, features].concat());
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

fn metadata(package: &str) -> Value {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&text).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let found = packages.iter().find(|found| found["name"] == package);
    found.expect("a package of this workspace").clone()
}

/// What its dependencies are called in its sources.
pub(crate) fn names(package: &str) -> BTreeSet<String> {
    let metadata = metadata(package);
    let dependencies = metadata["dependencies"].as_array().expect("dependencies");
    let names = dependencies.iter().filter_map(|dependency| {
        let name = dependency["rename"]
            .as_str()
            .or_else(|| dependency["name"].as_str());
        (dependency["kind"] != "dev").then_some(name?)
    });
    names.map(|name| name.replace('-', "_")).collect()
}

#[test]
fn the_default_build_of_the_client_is_thin() {
    let packages = packages(&[]);
    assert!(
        packages.contains("hyper"),
        "what does cargo print? {packages:?}"
    );
    let forbidden: Vec<_> = NOT_IN_THE_DEFAULT_BUILD
        .iter()
        .filter(|name| packages.contains(**name))
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
}

#[test]
fn no_feature_of_the_client_brings_etcd_or_a_balancer() {
    let packages = packages(&["--all-features"]);
    let forbidden: Vec<_> = NEVER
        .iter()
        .filter(|name| packages.contains(**name))
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
}

/// `./dev features` (scripts/full.sh) compiles each of them alone: it must know all.
#[test]
fn the_script_that_checks_features_finds_every_one_of_each_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in std::fs::read_dir(root.join("crates")).expect("crates") {
        let folder = folder.expect("a folder").path();
        let script = "source scripts/full.sh; features_of \"$1\"";
        let manifest = folder.join("Cargo.toml");
        let output = Command::new("bash")
            .args(["-c", script, "bash"])
            .arg(&manifest)
            .current_dir(&root)
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{output:?}");
        let found = String::from_utf8(output.stdout).expect("UTF-8");
        let found: BTreeSet<_> = found.lines().map(str::to_owned).collect();
        let package = folder.file_name().expect("a name").to_string_lossy();
        let metadata = metadata(&package);
        let features = metadata["features"].as_object().expect("features");
        let features = features.keys().filter(|name| *name != "default");
        assert_eq!(found, features.cloned().collect(), "{package}");
    }
}
