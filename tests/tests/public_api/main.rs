//! What services take on with `lookaside-client`: which types of others its public API
//! names, and what its default build pulls in.
//!
//! rustdoc lists an API as data on nightly toolchains only, so the sources are read. That
//! every `pub` item is part of the API is the compiler's word: the workspace denies
//! `unreachable_pub`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod allowed;
mod dependencies;
mod names;
mod resolve;
mod snippets;
mod source;
mod surface;

use std::{collections::BTreeSet, path::Path};

use source::Module;
use surface::{Scope, Surface};

/// The API of the client, with what it re-exports of crates of ours.
#[test]
fn the_clients_public_api_names_no_type_of_others_but_the_allowed() {
    let mut surface = surface_of("lookaside-client", &Scope::All);
    for (from, package) in [
        ("lookaside_core", "lookaside-core"),
        ("lookaside_tls", "lookaside-tls"),
    ] {
        let names = surface.taken_from(from);
        assert!(!names.is_empty(), "nothing of {from}: take it out");
        surface.absorb(surface_of(package, &Scope::Named(names)));
    }
    assert_eq!(surface.faults(), [""; 0], "see tests/public_api/allowed.rs");
    let unused: Vec<_> = allowed::PATHS
        .iter()
        .filter(|path| !surface.used().contains(**path))
        .collect();
    assert!(unused.is_empty(), "allowed in vain: {unused:?}");
}

/// A type that only a crate of ours has a name for is one that nobody can write down.
#[test]
fn what_the_clients_public_api_names_of_our_other_crates_it_exports_itself() {
    let surface = surface_of("lookaside-client", &Scope::All);
    let exported = root_of("lookaside-client").imports;
    for from in allowed::OURS {
        let missing: Vec<_> = surface
            .taken_from(from)
            .into_iter()
            .filter(|path| !exported.contains_key(path.rsplit("::").next().unwrap()))
            .collect();
        assert_eq!(missing, [""; 0], "of {from}");
    }
}

fn root_of(package: &str) -> Module {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    Module::load(&folder.join(package).join("src/lib.rs"))
}

fn surface_of(package: &str, scope: &Scope) -> Surface {
    let crate_root = root_of(package);
    let others: BTreeSet<String> = dependencies::names(package);
    Surface::of(package, &crate_root, &others, scope)
}
