use std::{fmt, sync::Arc};

use http::HeaderMap;

use super::{CallTracker, Trackers};
use crate::Subchannel;

/// Chooses where one call goes. Called by many tasks at once, for every call: it must
/// not lock, wait or allocate.
pub trait Picker: Send + Sync + 'static {
    /// Chooses.
    fn pick<'p>(&'p self, args: &PickArgs<'_>) -> PickResult<'p>;
}

/// What a picker may look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PickArgs<'a> {
    /// As in `/grpc.health.v1.Health/Check`.
    pub path: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// An earlier pick of this call said where to send it, but it could not be sent there.
    /// Such a call is not dropped any more: the drops had their say.
    pub admitted: bool,
}

impl<'a> PickArgs<'a> {
    /// The first pick of a call.
    pub fn new(path: &'a str, headers: &'a HeaderMap) -> Self {
        Self {
            path,
            headers,
            admitted: false,
        }
    }
}

/// What a picker said.
#[derive(Debug)]
pub enum PickResult<'p> {
    /// Send the call there.
    Pick(Pick<'p>),
    /// Wait for the next picker.
    Queue,
    /// Fail the call, unless it waits for ready: then wait for the next picker.
    Fail(PickError),
    /// Fail the call, whether it waits for ready or not, and never try it again.
    Drop(PickError),
}

/// Where a call goes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pick<'p> {
    /// The connection, and the token to send.
    pub subchannel: &'p Subchannel,
    pub(crate) counters: Trackers<'p>,
    pub(crate) watchers: Trackers<'p>,
}

impl<'p> Pick<'p> {
    /// A pick that nobody tracks.
    pub fn new(subchannel: &'p Subchannel) -> Self {
        Self {
            subchannel,
            counters: Trackers::default(),
            watchers: Trackers::default(),
        }
    }

    /// Has `tracker` told of the **call**: once, however often the call is picked again
    /// because it could not be sent. Only the trackers of a call's first pick are told.
    ///
    /// At most [`MAX_TRACKERS`](crate::MAX_TRACKERS) may count a call, and the earlier ones are the ones kept.
    pub fn count(&mut self, tracker: &'p Arc<dyn CallTracker>) {
        self.counters.add(tracker);
    }

    /// Has `tracker` told of the **attempt**: each pick that leads to a connection begins
    /// one, and being picked again ends it. For what is known of a single backend, such as
    /// how many calls it has.
    ///
    /// At most [`MAX_TRACKERS`](crate::MAX_TRACKERS) may watch a pick, and the earlier ones are the ones kept.
    pub fn watch(&mut self, tracker: &'p Arc<dyn CallTracker>) {
        self.watchers.add(tracker);
    }
}

/// Why calls fail; their status is UNAVAILABLE. Cloning it allocates nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PickError(Arc<str>);

impl PickError {
    /// An error with this text.
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self(message.into())
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
