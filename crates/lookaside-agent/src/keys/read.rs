use std::{
    fmt,
    fs::{self, File, Metadata},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use lookaside_core::{Key, KeyRing, parse_keys};
use zeroize::Zeroizing;

use super::KeyFileError;

/// The longest key file: a ring of long keys with a comment each takes a tenth of it.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024;

/// What the files say.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) ring: Result<KeyRing, KeyFileError>,
    /// Files that hold their secret badly.
    pub(super) exposed: Vec<Exposed>,
}

/// A key file that others than its owner can read or write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exposed {
    path: PathBuf,
    /// Its permission bits.
    mode: u32,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode } = self;
        let path = path.display();
        let (whose, remedy) = if mode & 0o006 != 0 {
            ("everybody", "chmod 600")
        } else {
            // A service that is not its owner has no other way.
            (
                "its group",
                "let only balancers and backends be in it, or chmod 600",
            )
        };
        write!(
            f,
            "key file {path} is open to {whose} (mode {mode:04o}), and whoever reads the key \
             can make tokens: {remedy}"
        )
    }
}

/// Reads all files. Blocks.
pub(super) fn read(paths: &[PathBuf]) -> Read {
    let mut exposed = Vec::new();
    let mut keys = Vec::new();
    let mut read_all = || {
        for path in paths {
            keys.append(&mut read_one(path, &mut exposed)?);
        }
        Ok(KeyRing::new(std::mem::take(&mut keys))?)
    };
    let ring = read_all();
    Read { ring, exposed }
}

fn read_one(path: &Path, exposed: &mut Vec<Exposed>) -> Result<Vec<Key>, KeyFileError> {
    let path = path.to_owned();
    let failed = |error: io::Error| KeyFileError::Read {
        path: path.clone(),
        reason: error.to_string(),
    };
    // Before it is opened: opening a pipe waits for its writer.
    if !fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(KeyFileError::NoFile { path });
    }
    let file = File::open(&path).map_err(failed)?;
    let mode = mode(&file.metadata().map_err(failed)?);
    if mode & 0o066 != 0 {
        exposed.push(Exposed {
            path: path.clone(),
            mode,
        });
    }
    // With room for all of it: a buffer that grows leaves copies of the key behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 1));
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(KeyFileError::TooLong { path });
    }
    let Ok(text) = std::str::from_utf8(&content) else {
        return Err(KeyFileError::NoText { path });
    };
    match parse_keys(text) {
        Ok(keys) if keys.is_empty() => Err(KeyFileError::Empty { path }),
        Ok(keys) => Ok(keys),
        Err(error) => Err(KeyFileError::Line { path, error }),
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

/// Systems whose permissions are not modes are not judged.
#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

#[cfg(test)]
mod tests;
