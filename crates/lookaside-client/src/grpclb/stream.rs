use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};

use super::{GrpclbSettings, events::StreamEvent, stats::Stats};
use crate::{Address, ResolveError, ResolverUpdate, WorkScheduler, resolver::SharedUpdates};

mod channel;
mod interval;
mod newcomers;
mod outgoing;
mod reports;
mod task;

#[cfg(feature = "fuzzing")]
pub(super) use self::interval::clamp as report_interval;
use self::{channel::balancer_channel, newcomers::Known, task::TaskSettings};

/// A `BalanceLoad` stream to one of the balancers, opened again whenever it ends. Ends
/// with its owner.
pub(super) struct BalancerStream {
    settings: TaskSettings,
    updates: SharedUpdates,
    known: Known,
    events: mpsc::Receiver<StreamEvent>,
    task: JoinHandle<()>,
}

/// How many messages of a balancer may wait for the policy task; the stream is not read
/// beyond it.
const EVENTS: usize = 8;

impl BalancerStream {
    /// `service`: the name in the initial request.
    pub(super) fn open(
        settings: &GrpclbSettings,
        service: &str,
        stats: &Arc<Stats>,
        work: WorkScheduler,
    ) -> Self {
        let (channel, updates) = balancer_channel(settings, service);
        let known = Known::default();
        let settings = TaskSettings {
            channel,
            newcomers: known.newcomers(),
            min_report_interval: settings.min_report_interval,
            observers: settings.observers.clone(),
            work,
        };
        let (task, events) = settings.spawn(service, stats);
        Self {
            settings,
            updates,
            known,
            events,
            task,
        }
    }

    /// Ends the stream and opens one for another service, on the same connection. What the
    /// old one had still to tell is void.
    pub(super) fn restart(&mut self, service: &str, stats: &Arc<Stats>) {
        self.task.abort();
        (self.task, self.events) = self.settings.spawn(service, stats);
    }

    /// What happened on it, one thing after the other. Work is scheduled after each, so that
    /// no more need be taken at once than can be waiting: a balancer that is faster than its
    /// client holds up nothing else.
    pub(super) fn take_events(&mut self) -> Vec<StreamEvent> {
        let waiting = || self.events.try_recv().ok();
        std::iter::from_fn(waiting).take(EVENTS).collect()
    }

    /// Balancers that could not be reached are tried at once. How soon a stream that ended
    /// is opened again stays the balancer's matter.
    pub(super) fn reset_backoff(&self) {
        self.settings.channel.reset_connect_backoff();
    }

    /// The balancers, or why there are none.
    pub(super) fn set_balancers(&self, balancers: Result<Arc<[Address]>, ResolveError>) {
        if let Ok(balancers) = &balancers {
            self.known.set(balancers);
        }
        self.updates.set(match balancers {
            Ok(balancers) => ResolverUpdate::new(balancers),
            Err(error) => ResolverUpdate::error(error),
        });
    }
}

impl Drop for BalancerStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
