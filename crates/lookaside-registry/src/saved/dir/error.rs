use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the state directory was of no use just now.
#[derive(Debug, thiserror::Error)]
pub(in crate::saved) enum DirError {
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "the state directory {} is in use by another balancer ({holder}): each needs one of its own",
        path.display()
    )]
    Locked { path: PathBuf, holder: String },
    #[error("{} is too large to be kept: over {bytes} bytes", path.display())]
    TooLarge { path: PathBuf, bytes: u64 },
}

impl DirError {
    pub(super) fn new(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
