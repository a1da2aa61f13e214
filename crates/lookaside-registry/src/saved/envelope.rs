//! What makes a file of saved state fit to be believed: a header line that names format,
//! length and checksum of everything behind it.
//!
//! ```text
//! lookaside-state 1 length=2 sha256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
//! {}
//! ```

use sha2::{Digest, Sha256};

/// First in every file.
const MAGIC: &str = "lookaside-state";

/// The version of all that is behind the header, too. A file of another one is not read.
const VERSION: &str = "1";

/// No header is as long.
const MAX_HEADER_BYTES: usize = 256;

/// Why a file is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Something else altogether, or its beginning is gone.
    #[error("it does not begin with \"{MAGIC} {VERSION}\"")]
    NotState,
    /// Written by another version.
    #[error("it has format {0:?}, this program reads format {VERSION:?}")]
    Version(String),
    /// Cut off, or something was added.
    #[error("{found} bytes follow the header, which says {expected}")]
    Length {
        /// By the header.
        expected: String,
        /// In the file.
        found: usize,
    },
    /// Changed after it was written.
    #[error("its checksum is not that of its content")]
    Checksum,
    /// Whole, but not what this program writes.
    #[error("its content is not understood: {0}")]
    Content(String),
}

/// Puts the header before `body`.
pub(super) fn seal(body: &[u8]) -> Vec<u8> {
    let mut file = header(body).into_bytes();
    file.extend_from_slice(body);
    file
}

/// What is behind the header, if all of it is as it was sealed: there is exactly one
/// header for a body, so that no changed byte goes unnoticed.
pub(super) fn unseal(file: &[u8]) -> Result<&[u8], Damage> {
    let beginning = file.get(..MAX_HEADER_BYTES).unwrap_or(file);
    let end = beginning.iter().position(|byte| *byte == b'\n');
    let (found, body) = file.split_at(end.map_or(0, |end| end + 1));
    let expected = header(body);
    if found == expected.as_bytes() {
        return Ok(body);
    }
    let found = std::str::from_utf8(found).unwrap_or_default().trim_end();
    let mut words = found.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(Damage::NotState);
    }
    let version = words.next().unwrap_or_default();
    if version != VERSION {
        return Err(Damage::Version(version.to_owned()));
    }
    let length = words.next().unwrap_or_default();
    match length.strip_prefix("length=") {
        Some(length) if length != body.len().to_string() => Err(Damage::Length {
            expected: length.to_owned(),
            found: body.len(),
        }),
        _ => Err(Damage::Checksum),
    }
}

fn header(body: &[u8]) -> String {
    use std::fmt::Write;

    let mut header = format!("{MAGIC} {VERSION} length={} sha256=", body.len());
    for byte in Sha256::digest(body) {
        // Writing into a `String` does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header.push('\n');
    header
}

#[cfg(test)]
mod tests;
