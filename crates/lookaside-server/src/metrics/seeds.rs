//! Series that are there from the start. A counter that appears with its first event is
//! missed by `rate()`, and so by whoever is to be woken by it.

use tonic::Code;

use super::{Crowded, Ended, Metrics};
use crate::balance_load::Reason;

const CROWDED: [Crowded; 4] = [
    Crowded::Balancer,
    Crowded::Peer,
    Crowded::Admin,
    Crowded::Descriptors,
];

const ENDED: [Ended; 5] = [
    Ended::Silent,
    Ended::Idle,
    Ended::Stalled,
    Ended::Unresponsive,
    Ended::Protocol,
];

/// Why streams are refused, and the code they get for it. A broken first message may get
/// another one.
const REFUSED: [(Reason, Code); 10] = [
    (Reason::Request, Code::InvalidArgument),
    (Reason::Silent, Code::DeadlineExceeded),
    (Reason::Streams, Code::ResourceExhausted),
    (Reason::StreamsPerConnection, Code::ResourceExhausted),
    (Reason::StreamsPerPeer, Code::ResourceExhausted),
    (Reason::NewStreams, Code::ResourceExhausted),
    (Reason::Reopened, Code::ResourceExhausted),
    (Reason::Denied, Code::PermissionDenied),
    (Reason::Unknown, Code::NotFound),
    (Reason::Draining, Code::Unavailable),
];

impl Metrics {
    pub(super) fn seed(&self) {
        for why in CROWDED {
            let _ = self.connections_refused.get_or_create(&why.labels());
        }
        for why in ENDED {
            let _ = self.connections_ended.get_or_create(&why.labels());
        }
        for (reason, code) in REFUSED {
            let _ = self.streams_refused.get_or_create(&reason.labels(code));
        }
    }
}

impl Crowded {
    pub(super) fn labels(self) -> [(&'static str, &'static str); 1] {
        let reason = match self {
            Self::Balancer => "connections",
            Self::Peer => "connections_per_peer",
            Self::Admin => "admin_connections",
            Self::Descriptors => "descriptors",
        };
        [("reason", reason)]
    }
}

impl Ended {
    pub(super) fn labels(self) -> [(&'static str, &'static str); 1] {
        let reason = match self {
            Self::Silent => "silent",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Unresponsive => "keepalive",
            Self::Protocol => "protocol",
        };
        [("reason", reason)]
    }
}

impl Reason {
    pub(super) fn labels(self, code: Code) -> [(&'static str, String); 2] {
        [
            ("reason", self.label().to_owned()),
            ("code", format!("{code:?}")),
        ]
    }
}
