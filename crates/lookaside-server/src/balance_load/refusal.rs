use tonic::Status;

/// A stream that is not served: what its client is told, and what it is counted as.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) status: Status,
}

/// Why a stream is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its first message asks for nothing, or breaks a rule.
    Request,
    /// Its first message did not come in time.
    Silent,
    /// There are as many streams as there may be,
    Streams,
    /// ... on its connection,
    StreamsPerConnection,
    /// ... or from its address.
    StreamsPerPeer,
    /// Too many begin just now.
    NewStreams,
    /// Its client opens one after the other.
    Reopened,
    /// Its client may not ask for the service.
    Denied,
    /// Nobody knows the service.
    Unknown,
    /// The balancer is being shut down.
    Draining,
}

impl Reason {
    /// As metrics have it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Silent => "silent",
            Self::Streams => "streams",
            Self::StreamsPerConnection => "streams_per_connection",
            Self::StreamsPerPeer => "streams_per_peer",
            Self::NewStreams => "new_streams_per_second",
            Self::Reopened => "streams_per_second_per_name",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
            Self::Draining => "draining",
        }
    }
}

impl Refusal {
    pub(super) fn new(reason: Reason, status: Status) -> Self {
        Self { reason, status }
    }

    /// A limit is reached.
    pub(super) fn exhausted(reason: Reason, why: String) -> Self {
        Self::new(reason, Status::resource_exhausted(why))
    }
}
