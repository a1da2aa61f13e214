//! Where data stand, and copies of them.

use std::{
    fs::{copy as copy_file, create_dir_all, read_dir},
    path::Path,
};

use tempfile::TempDir;

/// What a few members with large values need.
const ROOM: u64 = 4 << 30;

/// A temporary directory for a cluster's data, in memory where there is room: what
/// waits for the disk tests nothing here.
pub(super) fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |it| it.f_bavail * it.f_frsize);
    if room >= ROOM {
        tempfile::tempdir_in(memory).expect("a temporary directory")
    } else {
        tempfile::tempdir().expect("a temporary directory")
    }
}

/// Copies a directory.
pub(super) fn copy(from: &Path, to: &Path) {
    create_dir_all(to).expect("a directory");
    for entry in read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            copy_file(entry.path(), to).expect("a copy");
        }
    }
}
