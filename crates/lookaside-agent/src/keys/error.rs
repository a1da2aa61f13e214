use std::path::PathBuf;

use lookaside_core::{KeyLineError, KeyRingError};

use super::read::MAX_FILE_BYTES;

/// Why a text names no keys. It does not repeat the text, which may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// Something else than a file.
    #[error("expected file:PATH, the path of a file with keys")]
    Kind,
    /// `file:` alone.
    #[error("expected file:PATH, there is no path behind `file:`")]
    NoPath,
}

/// What a key file holds, for people whose file does not.
const EXPECTED: &str = "expected one key a line, each at least 16 random bytes in base64 as \
                        `openssl rand -base64 32` prints them";

/// Why keys cannot be had from files. It never says what the keys are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("key file {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A directory, a pipe or a device.
    #[error("key file {}: it is no regular file", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// Longer than any file with keys.
    #[error("key file {}: it is longer than {MAX_FILE_BYTES} bytes; {EXPECTED}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Bytes, such as a key that is not in base64.
    #[error("key file {}: it is no text; {EXPECTED}", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// A line is no key.
    #[error("key file {}: {error}; {EXPECTED}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        error: KeyLineError,
    },
    /// There is no key in it.
    #[error("key file {}: there is no key in it; {EXPECTED}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The keys do not go together.
    #[error("token keys: {0}")]
    Ring(#[from] KeyRingError),
}
