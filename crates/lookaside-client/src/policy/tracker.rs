use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;

/// Follows calls from their picks to their ends. A picker names those of a call with
/// [`Pick::count`](crate::Pick::count) and [`Pick::watch`](crate::Pick::watch).
///
/// Both methods are called in the tasks of the calls: they must not lock, wait or
/// allocate.
pub trait CallTracker: Send + Sync + fmt::Debug + 'static {
    /// A call, or an attempt, begins.
    fn call_started(&self);
    /// It ended: by its trailers, an error, its deadline, or because nobody waits for it
    /// any more.
    fn call_finished(&self, end: &CallEnd<'_>);
}

/// How a call, or an attempt, ended.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CallEnd<'a> {
    /// It was given to a connection, which did not give it back.
    pub sent: bool,
    /// The peer answered with headers.
    pub received: bool,
    /// Since it was picked.
    pub elapsed: Duration,
    /// From the pick to the peer's headers, if they came: how long it took to answer, where
    /// `elapsed` is also how long the answer was, and its reader took.
    pub answered_after: Option<Duration>,
    /// The number of its gRPC status; none if its caller did not wait for the end.
    pub code: Option<i32>,
    /// What came with the peer's status. Attempts are told, calls are not.
    pub trailers: Option<&'a HeaderMap>,
}

/// How many trackers of a kind one pick may have: a policy of a backend's own figures
/// under outlier ejection, and two more around them.
pub const MAX_TRACKERS: usize = 4;

/// The trackers of one kind, the innermost first. Borrowed from the picker: nothing is
/// allocated, and nothing counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trackers<'p>([Option<&'p Arc<dyn CallTracker>>; MAX_TRACKERS]);

impl<'p> Trackers<'p> {
    pub(super) fn add(&mut self, tracker: &'p Arc<dyn CallTracker>) {
        if let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(tracker);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    /// For as long as the call lasts.
    pub(crate) fn hold(&self) -> [Option<Arc<dyn CallTracker>>; MAX_TRACKERS] {
        self.0.map(Option::<&Arc<_>>::cloned)
    }
}
