//! Each client is an open file.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open for other reasons: listeners, the registry, the runtime, and
/// connections that hold no stream.
const RESERVE: u64 = 256;

/// Raises the soft limit of open files to the hard one, and warns when even that is
/// too low for `streams` clients with a connection each; 0 of them: any number. Returns how
/// many connections leave enough for everything else; `None`: any number.
pub(crate) fn raise_limit(streams: u32) -> Option<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let wanted = rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => limit = getrlimit(Resource::Nofile),
            Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
        }
    }
    // None: no limit.
    let files = limit.current?;
    let needed = u64::from(streams) + RESERVE;
    if streams > 0 && files < needed {
        tracing::warn!(
            files,
            streams,
            needed,
            "the limit of open files is too low for limits.streams: raise the hard limit \
             (ulimit -Hn, LimitNOFILE=) or lower limits.streams"
        );
    }
    usize::try_from(files - RESERVE.min(files / 2)).ok()
}

/// The lower of two limits on connections, of which 0 is none: a crowd of clients must not
/// take the files that the registry is reached with.
pub(crate) fn within(connections: usize, room: Option<usize>) -> usize {
    match (connections, room) {
        (connections, None) => connections,
        (0, Some(room)) => room,
        (connections, Some(room)) => connections.min(room),
    }
}

#[cfg(test)]
mod tests;
