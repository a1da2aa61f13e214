use lookaside_core::ServiceName;
use tokio::time::Instant;
use tracing::{Span, field::Empty};

/// A change of a service that has not been planned yet.
#[derive(Debug)]
pub(super) struct Waits {
    /// When this process heard of it.
    pub(super) heard_at: Instant,
    /// When the planner did.
    pub(super) noticed_at: Instant,
    /// Its way to the last stream; what is not known yet is recorded in it later.
    pub(super) span: Span,
}

impl Waits {
    pub(super) fn new(service: &ServiceName, heard_at: Instant, noticed_at: Instant) -> Self {
        Self {
            heard_at,
            noticed_at,
            span: tracing::debug_span!(
                "change",
                %service,
                revision = Empty,
                version = Empty,
                streams = Empty
            ),
        }
    }
}
