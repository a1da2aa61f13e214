use std::{future::Future, io, net::IpAddr, pin::Pin, time::Duration};

/// Looks records up.
pub(crate) trait Records: Send + Sync + 'static {
    /// A and AAAA.
    fn addresses(&self, host: &str) -> Answers<IpAddr>;
    /// SRV.
    fn srv(&self, name: &str) -> Answers<Srv>;
    /// TXT, each with its parts put together.
    fn txt(&self, name: &str) -> Answers<String>;
}

/// No records is an answer, too.
pub(crate) type Answers<T> = Pin<Box<dyn Future<Output = io::Result<Answer<T>>> + Send>>;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer<T> {
    pub(crate) records: Vec<T>,
    /// How long it holds.
    pub(crate) ttl: Duration,
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Srv {
    /// The lowest first.
    pub(crate) priority: u16,
    /// The share among those of one priority.
    pub(crate) weight: u16,
    pub(crate) port: u16,
    /// As in the record, with its trailing dot.
    pub(crate) host: String,
}
