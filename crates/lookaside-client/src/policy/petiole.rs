use std::{sync::Arc, time::Instant};

use super::{Controller, Picker, Policy, PolicyOptions, entries::Entries};
use crate::{ResolverUpdate, Subchannel, SubchannelId, SubchannelState};

/// How calls are spread over connected backends: what is left of a policy when the
/// connections are looked after.
pub(crate) trait Spread: Send {
    /// A picker over these READY entries, at least one: in the order of the list, and an
    /// address as often as it is listed.
    fn picker(&mut self, ready: Vec<Subchannel>, now: Instant) -> Arc<dyn Picker>;

    /// Something new from the resolver, before its addresses are looked at.
    fn configure(&mut self, _update: &ResolverUpdate) {}

    /// No connection is READY any more: there is no picker of this one's.
    fn none_ready(&mut self, _now: Instant) {}

    /// A connection has just been made.
    fn connected(&mut self, _id: SubchannelId) {}

    /// Forgets what is known of subchannels that have no entry any more.
    fn retain(&mut self, _has: &dyn Fn(SubchannelId) -> bool) {}

    /// When to look whether a new picker is needed though no state has changed; later than
    /// the last time.
    fn renew_at(&self) -> Option<Instant> {
        None
    }

    /// Whether, now that its time has come, a new picker would differ from the last one. If
    /// not, there is a new time.
    fn is_stale(&mut self, _now: Instant) -> bool {
        true
    }
}

/// A policy over every address of a list, each of them kept connected. gRPC calls these
/// petiole policies: the stalks between a tree of policies and its leaves, the connections
/// (A61).
pub(crate) struct Petiole<S> {
    entries: Entries,
    spread: S,
    /// The last picker came from `spread`.
    ready: bool,
}

impl<S: Spread> Petiole<S> {
    pub(crate) fn with(options: PolicyOptions, spread: S) -> Self {
        Self {
            entries: Entries::new(options.work),
            spread,
            ready: false,
        }
    }

    fn publish(&mut self, controller: &mut dyn Controller) {
        let now = controller.now();
        let (entries, spread) = (&mut self.entries, &mut self.spread);
        let mut ready = false;
        entries.publish(controller, |entries| {
            ready = true;
            spread.picker(entries, now)
        });
        if !ready {
            spread.none_ready(now);
        }
        self.ready = ready;
        spread.retain(&|id| entries.has(id));
        self.ask_for_time(controller);
    }

    fn renew_at(&self) -> Option<Instant> {
        self.spread.renew_at().filter(|_| self.ready)
    }

    fn ask_for_time(&self, controller: &mut dyn Controller) {
        if let Some(at) = self.renew_at() {
            controller.wake_at(at);
        }
    }

    #[cfg(all(test, feature = "policies"))]
    pub(crate) fn spread(&self) -> &S {
        &self.spread
    }

    /// How many subchannels it knows of.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.entries.known()
    }
}

impl<S: Spread> Policy for Petiole<S> {
    fn resolver_update(&mut self, update: &ResolverUpdate, controller: &mut dyn Controller) {
        self.spread.configure(update);
        if self.entries.resolver_update(update, controller) {
            self.publish(controller);
        }
    }

    fn subchannel_update(
        &mut self,
        subchannel: &Subchannel,
        state: &SubchannelState,
        controller: &mut dyn Controller,
    ) {
        if self
            .entries
            .subchannel_update(subchannel, state, controller)
        {
            self.spread.connected(subchannel.id());
        }
    }

    fn work(&mut self, controller: &mut dyn Controller) {
        let now = controller.now();
        let due = self.renew_at().is_some_and(|at| at <= now);
        if self.entries.changed() || due && self.spread.is_stale(now) {
            self.publish(controller);
        } else {
            self.ask_for_time(controller);
        }
    }

    fn exit_idle(&mut self, _: &mut dyn Controller) {}
}
