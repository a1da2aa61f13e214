use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::skip::not_run;

/// The real grpcurl: `LOOKASIDE_GRPCURL`, the one that `./dev interop grpcurl` has built, or
/// the one in PATH. None: says loudly that `what` could not run with it.
pub fn program(what: &str) -> Option<PathBuf> {
    let given = env::var_os("LOOKASIDE_GRPCURL").map(PathBuf::from);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = repository.join("target/interop/bin/grpcurl");
    let found = given
        .into_iter()
        .chain([built, "grpcurl".into()])
        .find(|it| {
            let mut version = Command::new(it);
            version.arg("-version").stdout(Stdio::null());
            let ran = version.stderr(Stdio::null()).status();
            ran.is_ok_and(|it| it.success())
        });
    if found.is_none() {
        not_run(&format!(
            "{what} with the real grpcurl: not installed (`./dev interop grpcurl` builds it)"
        ));
    }
    found
}
