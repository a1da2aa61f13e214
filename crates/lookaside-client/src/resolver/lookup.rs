use std::{future::Future, io, net::IpAddr, pin::Pin, time::Duration};

/// A lookup that takes longer has failed.
pub(super) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Finds the addresses of a host name.
pub(crate) trait Lookup: Send + Sync + 'static {
    /// All of them, in the order of preference.
    fn lookup(&self, host: &str) -> LookupFuture;
}

pub(crate) type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The system's resolver, through Tokio. It tells no time to live.
#[derive(Debug)]
pub(crate) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> LookupFuture {
        // Any port will do: only addresses are asked for.
        let query = (host.to_owned(), 0);
        Box::pin(async move {
            let found = tokio::net::lookup_host(query).await?;
            Ok(found.map(|socket| socket.ip()).collect())
        })
    }
}
