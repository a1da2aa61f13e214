use std::fmt;

/// The state of a subchannel or channel, as gRPC defines it (gRPC's
/// connectivity-semantics-and-api).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectivityState {
    /// Not connected and not trying.
    #[default]
    Idle,
    /// Trying to connect.
    Connecting,
    /// Connected: the peer's SETTINGS have arrived.
    Ready,
    /// An attempt failed; the next one waits for its back-off.
    TransientFailure,
    /// Closed for good.
    Shutdown,
}

impl ConnectivityState {
    /// gRPC's name for it, as in `TRANSIENT_FAILURE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Connecting => "CONNECTING",
            Self::Ready => "READY",
            Self::TransientFailure => "TRANSIENT_FAILURE",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

impl fmt::Display for ConnectivityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
