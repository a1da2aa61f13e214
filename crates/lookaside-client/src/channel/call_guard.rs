use std::{sync::Arc, time::Instant};

use http::{HeaderMap, HeaderName};
use tonic::Code;

use crate::{CallEnd, CallTracker, MAX_TRACKERS, Pick, policy::Trackers};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Reports a call's end, and those of its attempts, each exactly once, however it ends: it
/// is dropped with the call.
#[derive(Debug)]
pub(super) struct CallGuard {
    call: Watched,
    attempt: Option<Watched>,
    sent: bool,
    /// When the peer's headers came.
    received: Option<Instant>,
    code: Option<i32>,
}

/// Trackers that were told of a beginning.
#[derive(Debug)]
struct Watched {
    trackers: [Option<Arc<dyn CallTracker>>; MAX_TRACKERS],
    began: Instant,
}

impl Watched {
    fn begin(trackers: &Trackers<'_>) -> Self {
        let trackers = trackers.hold();
        for tracker in trackers.iter().flatten() {
            tracker.call_started();
        }
        Self {
            trackers,
            began: now(),
        }
    }

    fn end(&self, end: &CallEnd<'_>, received: Option<Instant>) {
        let since = |at: Instant| at.saturating_duration_since(self.began);
        let end = CallEnd {
            received: received.is_some(),
            elapsed: since(now()),
            answered_after: received.map(since),
            ..*end
        };
        for tracker in self.trackers.iter().flatten() {
            tracker.call_finished(&end);
        }
    }
}

impl CallGuard {
    /// The call's first pick; none if nobody tracks it. (Who watches one pick of a policy
    /// watches all of them.)
    pub(super) fn start(pick: &Pick<'_>) -> Option<Self> {
        let tracked = !pick.counters.is_empty() || !pick.watchers.is_empty();
        tracked.then(|| Self {
            call: Watched::begin(&pick.counters),
            attempt: None,
            sent: false,
            received: None,
            code: None,
        })
    }

    /// It is given to the connection that was picked.
    pub(super) fn attempt(&mut self, pick: &Pick<'_>) {
        self.sent = true;
        self.attempt = (!pick.watchers.is_empty()).then(|| Watched::begin(&pick.watchers));
    }

    /// The connection gave it back, or the peer did not look at it.
    pub(super) fn unsent(&mut self) {
        self.sent = false;
        self.end_attempt(&CallEnd::default());
    }

    /// The peer answered. Without a message its status is among the headers.
    pub(super) fn received(&mut self, headers: &HeaderMap) {
        self.received = Some(now());
        if headers.contains_key(GRPC_STATUS) {
            self.trailers(headers);
        }
    }

    /// The end of the response.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let code = trailers.get(GRPC_STATUS).and_then(|code| {
            let code = code.to_str().ok()?;
            code.parse().ok()
        });
        self.code = Some(code.unwrap_or(Code::Unknown as i32));
        self.end_attempt(&CallEnd {
            sent: self.sent,
            code: self.code,
            trailers: Some(trailers),
            ..CallEnd::default()
        });
    }

    /// It ended with this status, and the peer did not say so.
    pub(super) fn failed(&mut self, code: Code) {
        self.code = Some(code as i32);
    }

    /// The response ended without another word.
    pub(super) fn ended(&mut self) {
        self.code.get_or_insert(Code::Unknown as i32);
    }

    fn end_attempt(&mut self, end: &CallEnd<'_>) {
        if let Some(attempt) = self.attempt.take() {
            attempt.end(end, self.received);
        }
    }
}

/// The runtime's clock, which tests may pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        let end = CallEnd {
            sent: self.sent,
            code: self.code,
            ..CallEnd::default()
        };
        self.end_attempt(&end);
        self.call.end(&end, self.received);
    }
}
