use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process,
};

use super::{DirError, FILE_MODE};

/// Whose lock it is; the file stays when the lock is gone.
const LOCK: &str = "lock";

/// Held by whoever writes into the directory; the kernel takes it back from a process
/// that ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path) -> Result<Self, DirError> {
        let path = dir.join(LOCK);
        let failed = |source| DirError::new("lock", &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for people: without it, the error says less.
                let _ = file.take(64).read_to_string(&mut holder);
                return Err(DirError::Locked {
                    path: dir.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // On a full disk it is a lock all the same.
        let _ = file.set_len(0);
        let _ = writeln!(file, "process {}", process::id());
        Ok(Self { _file: file })
    }
}
