use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::FileError;

/// The longest file; 10,000 backends take about 1 MB.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the whole file. Blocks.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::Read(error.to_string());
    // Before it is opened: opening a pipe waits for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(FileError::NoFile);
    }
    let file = File::open(path).map_err(failed)?;
    let mut content = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLong);
    }
    Ok(content)
}
