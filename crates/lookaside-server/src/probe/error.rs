use std::{fmt, sync::Arc, time::Duration};

/// Why a backend is not well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// It said nothing for too long.
    #[error("no {stage} within {after:?}")]
    Timeout {
        /// What it owed.
        stage: Stage,
        /// How long the whole probe was given.
        after: Duration,
    },
    /// There is no connection to be had, for another reason.
    #[error("cannot connect: {0}")]
    Connect(Arc<str>),
    /// The balancer could not ask: it lacks files, ports or memory. That says nothing of
    /// the backend.
    #[error("the balancer could not probe: {0}")]
    Local(Arc<str>),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(Arc<str>),
    /// It hung up instead of answering.
    #[error("the connection ended before the answer: {0}")]
    Closed(Arc<str>),
    /// What came is no answer of a gRPC server.
    #[error("no gRPC: {0}")]
    Protocol(Arc<str>),
    /// Its health service says so: `NOT_SERVING`, `UNKNOWN`, `SERVICE_UNKNOWN`.
    #[error("it says {0}")]
    Status(Arc<str>),
    /// It has no `grpc.health.v1.Health`. A check was asked for that it cannot pass.
    #[error("it has no service grpc.health.v1.Health (UNIMPLEMENTED)")]
    NoHealthService,
    /// Its health service knows nothing of the service that was asked for.
    #[error("its health service does not know {0:?} (NOT_FOUND)")]
    UnknownService(Arc<str>),
    /// The call failed.
    #[error("its health service answered {code}: {message}")]
    Failed {
        /// The gRPC status code.
        code: tonic::Code,
        /// The server's words, shortened.
        message: Arc<str>,
    },
}

/// What a probe was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A connection.
    Connect,
    /// The TLS handshake's end.
    Handshake,
    /// The answer to the request.
    Answer,
}

impl ProbeError {
    /// All that [`ProbeError::kind`] says.
    pub(crate) const KINDS: [&str; 9] = [
        "refused", "timeout", "connect", "local", "tls", "closed", "protocol", "status", "call",
    ];

    /// Whether the fault is this balancer's own: neither a success nor a failure of the
    /// backend.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// A word for metrics: one of few.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout { .. } => "timeout",
            Self::Connect(_) => "connect",
            Self::Local(_) => "local",
            Self::Tls(_) => "tls",
            Self::Closed(_) => "closed",
            Self::Protocol(_) => "protocol",
            Self::Status(_) => "status",
            Self::NoHealthService | Self::UnknownService(_) | Self::Failed { .. } => "call",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::Handshake => "TLS handshake",
            Self::Answer => "answer",
        })
    }
}

/// The longest text of a peer that is kept.
const MAX_TEXT: usize = 200;

/// A peer's or a library's words: one line, printable, not too long.
pub(super) fn text(words: impl fmt::Display) -> Arc<str> {
    let words = words.to_string();
    let shown = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = shown.take(MAX_TEXT).collect();
    short.trim().into()
}
