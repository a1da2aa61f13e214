//! Where the `lookaside` binary is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The binary under test: `$LOOKASIDE_BIN`, or the one of this build, built if need be.
pub fn lookaside() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = env::var_os("LOOKASIDE_BIN") {
            return path.into();
        }
        // target/<profile>/deps/<this test>
        let test = env::current_exe().expect("the path of this test");
        let profile = test
            .parent()
            .and_then(Path::parent)
            .expect("a profile directory");
        let target = profile.parent().expect("a target directory");
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args(["build", "--quiet", "--package", "lookaside", "--target-dir"])
            .arg(target);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let status = build
            .arg("--manifest-path")
            .arg(manifest)
            .status()
            .expect("cargo runs");
        assert!(status.success(), "cargo could not build the binary");
        profile.join("lookaside")
    })
}
