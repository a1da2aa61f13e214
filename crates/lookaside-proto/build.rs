//! Compiles `proto/` with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: &[&str] = &[
    "grpc/lb/v1/load_balancer.proto",
    "lookaside/v1/control.proto",
    "lookaside/v1/inspect.proto",
    "lookaside/v1/registration.proto",
    "lookaside/demo/v1/echo.proto",
];

/// Not served by a balancer, so that its reflection must not show them.
const CLIENTS_ONLY: &[&str] = &[
    // A balancer has its own, with its own descriptors.
    "grpc/health/v1/health.proto",
    "xds/service/orca/v3/orca.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(descriptors)?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(protox::compile(CLIENTS_ONLY, [&root])?)?;
    Ok(())
}
