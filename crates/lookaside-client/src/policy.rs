//! What decides where a call goes. Names and semantics are those of gRPC's own
//! load-balancing API, so that a policy can move from one to the other.
//!
//! A policy runs in one task and owns its state; it never blocks and does no I/O. What
//! it decides it publishes as an immutable [`Picker`], which calls use without asking
//! the policy.

mod builder;
#[cfg(feature = "policies")]
mod by_load;
mod choice;
mod config;
mod entries;
#[cfg(feature = "outlier")]
mod outlier;
mod petiole;
mod pick_first;
mod picker;
mod registry;
mod round_robin;
mod simple_pickers;
mod switch;
#[cfg(test)]
pub(crate) mod testing;
mod tracker;
mod work_scheduler;

use std::{fmt, sync::Arc, time::Instant};

pub use builder::{ChildPolicy, PolicyBuilder, PolicyOptions, UnknownPolicy};
#[cfg(feature = "policies")]
pub use by_load::{LeastRequest, P2c, WeightedRoundRobin};
pub(crate) use choice::PolicyChoice;
pub use config::PolicyConfig;
#[cfg(feature = "outlier")]
pub use outlier::OutlierDetection;
pub use pick_first::PickFirst;
pub use picker::{Pick, PickArgs, PickError, PickResult, Picker};
pub use registry::PolicyRegistry;
pub(crate) use round_robin::RoundRobin;
pub(crate) use simple_pickers::{ClosedPicker, ExitIdlePicker, FailingPicker, QueuingPicker};
pub(crate) use switch::Switch;
pub(crate) use tracker::Trackers;
pub use tracker::{CallEnd, CallTracker, MAX_TRACKERS};
pub use work_scheduler::WorkScheduler;

use crate::{Address, ConnectivityState, ResolverUpdate, Subchannel, SubchannelState};

/// A load-balancing policy. `examples/own_policy` of this crate is one in 58 lines.
pub trait Policy: Send {
    /// The resolver has something new, or an error. Comes first, and never not at all.
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller);

    /// A subchannel changed its state. Also called for subchannels that are none of this
    /// policy's, which it ignores.
    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    );

    /// Something was scheduled: by a [`WorkScheduler`], or by [`Controller::wake_at`].
    fn work(&mut self, controller: &mut dyn Controller);

    /// A call was queued while the policy is IDLE: connect.
    fn exit_idle(&mut self, controller: &mut dyn Controller);

    /// The user has reason to think that what could not be reached now can be: the waits of
    /// the channel's subchannels are over
    /// ([`Channel::reset_connect_backoff`](crate::Channel::reset_connect_backoff)). For
    /// policies with connections of their own; others have nothing to do.
    fn reset_backoff(&mut self) {}
}

/// What a policy can ask of its channel.
pub trait Controller {
    /// The time, on the clock of the channel's runtime.
    fn now(&self) -> Instant;

    /// A handle to the connection to `address`, and its state now. Within a channel there
    /// is one connection per address (whatever its token), and handles share it. It is
    /// kept 10 s after the last handle is gone.
    fn new_subchannel(&mut self, address: &Address) -> (Subchannel, SubchannelState);

    /// Publishes a picker: calls use it at once, and queued calls are picked again.
    fn update_picker(&mut self, state: PolicyState);

    /// Asks the resolver to look again; it decides when.
    fn request_resolution(&mut self);

    /// [`Policy::work`] is called at `at` or before. It forgets earlier wishes: ask again
    /// in `work`.
    fn wake_at(&mut self, at: Instant);
}

/// What a policy publishes.
#[derive(Clone)]
#[non_exhaustive]
pub struct PolicyState {
    /// The channel's state.
    pub connectivity: ConnectivityState,
    /// What calls pick from.
    pub picker: Arc<dyn Picker>,
    /// Where the picked addresses come from.
    pub mode: Mode,
    /// What went wrong last, for the error of a call that waits too long.
    pub last_error: Option<PickError>,
}

impl PolicyState {
    /// A state of a policy without balancers.
    pub fn new(connectivity: ConnectivityState, picker: Arc<dyn Picker>) -> Self {
        Self {
            connectivity,
            picker,
            mode: Mode::Direct,
            last_error: None,
        }
    }

    /// Adds what went wrong last.
    #[must_use]
    pub fn with_last_error(mut self, error: Option<PickError>) -> Self {
        self.last_error = error;
        self
    }
}

impl fmt::Debug for PolicyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyState")
            .field("connectivity", &self.connectivity)
            .field("mode", &self.mode)
            .field("last_error", &self.last_error)
            .finish_non_exhaustive()
    }
}

/// Where a channel's addresses come from at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// From the resolver; there are no balancers.
    #[default]
    Direct,
    /// Neither a list nor a reason to fall back yet.
    Connecting,
    /// From a balancer's list.
    Balancer,
    /// From the fallback addresses.
    Fallback,
}

impl Mode {
    /// As in `balancer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Connecting => "connecting",
            Self::Balancer => "balancer",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
