//! What happens in a channel, for metrics and logs of one's own.

#[cfg(feature = "prometheus")]
mod prometheus;

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "prometheus")]
pub use self::prometheus::PrometheusObserver;
use crate::{Address, ConnectivityState, Mode, PickError, ResolveError, SubchannelState};

/// Told of what happens in a channel, as it happens; given to
/// [`Builder::observer`](crate::Builder::observer).
///
/// Events of calls come in the calls' own tasks, many at once; all others in the
/// channel's tasks, one after the other. Whatever is done with them must not block.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
///
/// use lookaside_client::{Event, Mode, Observer};
///
/// /// How often fallback was entered.
/// #[derive(Default)]
/// struct Fallbacks(AtomicUsize);
///
/// impl Observer for Fallbacks {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Mode { to: Mode::Fallback, .. } = event {
///             self.0.fetch_add(1, Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

/// Something that happened in a channel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A call was given to the connection to this address. A call that is sent again is
    /// picked again.
    Picked {
        /// The backend.
        address: &'a Address,
    },
    /// A call waits for another picker, for want of a connection.
    Queued,
    /// A call failed without having been sent.
    PickFailed {
        /// What the call fails with.
        error: &'a PickError,
    },
    /// The balancer's list said to drop a call.
    Dropped {
        /// What the call fails with; names the drop's category.
        error: &'a PickError,
    },
    /// The channel entered a connectivity state.
    State {
        /// The last one.
        from: ConnectivityState,
        /// The one from now on.
        to: ConnectivityState,
    },
    /// The channel's addresses come from somewhere else.
    Mode {
        /// Until now.
        from: Mode,
        /// From now on.
        to: Mode,
    },
    /// Fallback was entered; [`Event::Mode`] follows.
    Fallback {
        /// Why, as the log says it.
        reason: &'a str,
    },
    /// A connection to an address changed its state: an attempt began, failed or
    /// succeeded, or the connection ended.
    Subchannel {
        /// Where to.
        address: &'a Address,
        /// The new state, and what went wrong.
        state: &'a SubchannelState,
    },
    /// The health of the backend behind a connection that stays READY changed, where health
    /// is checked.
    Health {
        /// Which backend.
        address: &'a Address,
        /// Its health, and why it is no better.
        state: &'a SubchannelState,
    },
    /// The resolver said something.
    Resolved {
        /// How many addresses, or why there are none.
        addresses: Result<usize, &'a ResolveError>,
        /// How many balancers, or why there are none.
        balancers: Result<usize, &'a ResolveError>,
    },
    /// A stream to a balancer gave its initial response.
    StreamOpened,
    /// It ended, or could not be opened.
    StreamEnded {
        /// What the balancer, or the connection to it, said.
        why: &'a str,
        /// Since it was asked for.
        lasted: Duration,
    },
    /// A balancer sent a list.
    List(ListSummary),
    /// A load report was taken by the connection to the balancer. All of them together are
    /// the calls that were made over a balancer's lists.
    Report(LoadReport),
}

/// What is in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListSummary {
    /// All entries.
    pub entries: usize,
    /// Those that are backends: an address that is listed twice counts twice.
    pub backends: usize,
    /// Those that drop.
    pub drops: usize,
    /// Those that make no sense.
    pub problems: usize,
    /// It is another one than the list before it.
    pub changed: bool,
}

/// What a load report says happened since the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Calls that began, dropped ones included.
    pub started: i64,
    /// Calls that ended, dropped ones included.
    pub finished: i64,
    /// Of the finished: never reached a backend, without the dropped ones.
    pub failed_to_send: i64,
    /// Of the finished: known to have reached a backend.
    pub known_received: i64,
    /// Of the finished: dropped.
    pub dropped: i64,
}

/// The observers of a channel.
#[derive(Clone, Default)]
pub(crate) struct Observers(Arc<[Arc<dyn Observer>]>);

impl Observers {
    /// One more. Not on any way of calls.
    pub(crate) fn with(&self, observer: Arc<dyn Observer>) -> Self {
        let observers = self.0.iter().cloned().chain([observer]);
        Self(observers.collect())
    }

    /// Tells all of them.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        for observer in &*self.0 {
            observer.observe(event);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observers({})", self.0.len())
    }
}

#[cfg(test)]
mod tests;
