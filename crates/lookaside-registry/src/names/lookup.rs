use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;

/// How long one lookup may take, all its queries together. As long as the system's
/// resolver waits for one server.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks host names up.
#[async_trait]
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All IPv4 and IPv6 addresses of a host. Given up after [`LOOKUP_TIMEOUT`].
    ///
    /// # Errors
    /// When there is no address.
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError>;
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In any order.
    pub addresses: Vec<IpAddr>,
    /// How long to believe it.
    pub ttl: Duration,
    /// Why the other family of addresses is missing, if that could not be asked for.
    pub incomplete: Option<LookupError>,
}

/// Why a lookup found nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There is no such name, or it has no address.
    #[error("the name has no address")]
    NoAddress,
    /// Nobody answered in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Nobody could be asked, or the answer was an error.
    #[error("{0}")]
    Failed(Arc<str>),
}
