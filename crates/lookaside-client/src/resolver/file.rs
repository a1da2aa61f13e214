//! Addresses in a file that may change.

mod lines;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::sleep;

use super::{
    Resolver, ResolverBuilder, ResolverUpdate,
    task::{Outlet, TaskResolver},
};
use crate::{Address, ResolveError, WorkScheduler};

/// How often the file is read. Its content is compared, not its time: that may have the
/// resolution of a second, and files that are links to others change without one.
const POLL: Duration = Duration::from_secs(1);

/// A change counts if it is the same after this: a file may be read while it is written.
const SETTLE: Duration = Duration::from_millis(100);

/// A longer file is an error: a list of addresses is a few kilobytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads the addresses of a file again and again.
#[derive(Clone, Debug)]
pub(crate) struct FileBuilder {
    pub(crate) path: PathBuf,
}

impl ResolverBuilder for FileBuilder {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        let path = self.path.clone().into();
        TaskResolver::spawn(work, |outlet| watch(path, outlet))
    }
}

/// What a file says; two errors of one kind are the same.
type Content = Result<Vec<u8>, (io::ErrorKind, String)>;

async fn watch(path: Arc<Path>, mut outlet: Outlet) {
    let mut content = read(&path).await;
    loop {
        let mut update = ResolverUpdate::new([]);
        update.addresses = addresses(&path, &content);
        outlet.publish(update);
        content = changed(&path, content, &outlet).await;
    }
}

/// Waits until the file says something else.
async fn changed(path: &Arc<Path>, last: Content, outlet: &Outlet) -> Content {
    let mut seen = None;
    loop {
        if seen.is_none() {
            tokio::select! {
                () = sleep(POLL) => {}
                () = outlet.wished() => sleep(SETTLE).await,
            }
        } else {
            sleep(SETTLE).await;
        }
        let content = read(path).await;
        if content == last {
            seen = None;
        } else if seen.as_ref() == Some(&content) {
            return content;
        } else {
            seen = Some(content);
        }
    }
}

async fn read(path: &Arc<Path>) -> Content {
    let path = Arc::clone(path);
    let read = tokio::task::spawn_blocking(move || {
        let mut content = Vec::new();
        let mut file = File::open(path)?.take(MAX_BYTES + 1);
        file.read_to_end(&mut content)?;
        if content.len() as u64 > MAX_BYTES {
            let text = format!("it has more than {MAX_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(content)
    });
    let content = read.await.unwrap_or_else(|error| Err(error.into()));
    content.map_err(|error| (error.kind(), error.to_string()))
}

fn addresses(path: &Path, content: &Content) -> Result<Arc<[Address]>, ResolveError> {
    let wrong =
        |why: &dyn std::fmt::Display| ResolveError::new(format!("file {}: {why}", path.display()));
    let content = content.as_ref().map_err(|(_, error)| wrong(error))?;
    let text = std::str::from_utf8(content).map_err(|_| wrong(&"it is not UTF-8"))?;
    let addresses = lines::parse(text).map_err(|error| wrong(&error))?;
    if addresses.is_empty() {
        return Err(wrong(&"there is no address in it"));
    }
    Ok(addresses.into())
}

#[cfg(test)]
mod tests;
