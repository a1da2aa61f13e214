//! Every input of the fuzz targets' corpus, on the ordinary toolchain: what fuzzing has
//! found once is not lost. (The configuration's is run where the configuration is.)

#![allow(
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "they fail by panicking, and are public for the fuzz targets"
)]

use std::{fs, path::Path};

#[path = "../../../fuzz/src/targets"]
mod targets {
    pub mod balance_load;
    pub mod balancer_response;
    pub mod http2;
    pub mod names;
    pub mod overrides;
    pub mod registry_values;
    pub mod saved_state;
    mod served;
    pub mod settings;
    pub mod tokens;
}

/// Runs each file of a target's folder.
fn run(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus.join(name)).expect("a corpus") {
        let path = entry.expect("an entry").path();
        // Shown when it fails.
        println!("{}", path.display());
        target(&fs::read(&path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "no input for {name}");
}

#[test]
fn streams_of_balance_load() {
    run("balance_load", targets::balance_load::run);
}

#[test]
fn responses_of_a_balancer() {
    run("balancer_response", targets::balancer_response::run);
}

#[test]
fn http2_at_the_client_port() {
    run("http2", targets::http2::run);
}

#[test]
fn names_and_addresses() {
    run("names", targets::names::run);
}

#[test]
fn overrides() {
    run("overrides", targets::overrides::run);
}

#[test]
fn registry_values() {
    run("registry_values", targets::registry_values::run);
}

#[test]
fn files_of_saved_state() {
    run("saved_state", targets::saved_state::run);
}

#[test]
fn settings() {
    run("settings", targets::settings::run);
}

#[test]
fn tokens_and_keys() {
    run("tokens", targets::tokens::run);
}
