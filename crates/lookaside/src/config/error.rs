use std::{io, path::PathBuf};

/// Why a configuration cannot be used: wrong usage, exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {}: {reason}", path.display())]
    Read { path: PathBuf, reason: io::Error },
    /// The parser's own message shows the line and points at the key.
    #[error("configuration file {}: {reason}", path.display())]
    File {
        path: PathBuf,
        reason: Box<toml::de::Error>,
    },
    #[error("environment variable {variable}={value:?}: {reason}")]
    Env {
        variable: String,
        value: String,
        reason: String,
    },
    #[error("configuration: {0}")]
    Check(String),
}
