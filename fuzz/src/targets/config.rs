//! Configuration files and the environment over them: TOML, a NUL, `NAME=VALUE` lines.

use std::{ffi::OsString, net::SocketAddr, path::Path};

use crate::config::{Overrides, load_text};

/// Any text: it is refused with a message, or a whole configuration.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (file, environment) = text.split_once('\0').unwrap_or((text, ""));
    let variable = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((OsString::from(name), OsString::from(value)))
    };
    let variables = environment.lines().filter_map(variable);
    let file = Some((Path::new("lookaside.toml"), file));
    match load_text(file, variables, Overrides::default()) {
        Ok(loaded) => {
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            let _ = loaded.config.balancer(any, any);
            let _ = loaded.config.etcd();
            let _ = loaded.config.origin();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
