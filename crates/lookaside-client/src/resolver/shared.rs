use std::sync::{Arc, Mutex, PoisonError};

use super::{Resolver, ResolverBuilder, ResolverController, ResolverUpdate};
use crate::WorkScheduler;

/// Hands addresses to another channel's resolver: the newest wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedUpdates {
    latest: Arc<Mutex<Option<ResolverUpdate>>>,
    work: WorkScheduler,
}

impl SharedUpdates {
    pub(crate) fn set(&self, update: ResolverUpdate) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
        self.work.schedule_work();
    }
}

/// Makes the resolver at the other end, on the schedule of the [`SharedUpdates`].
#[derive(Debug)]
pub(crate) struct SharedUpdatesBuilder(SharedUpdates);

impl SharedUpdatesBuilder {
    /// Both ends; the channel must use the scheduler that is returned.
    pub(crate) fn new() -> (Self, SharedUpdates, WorkScheduler) {
        let updates = SharedUpdates::default();
        let work = updates.work.clone();
        (Self(updates.clone()), updates, work)
    }
}

impl ResolverBuilder for SharedUpdatesBuilder {
    fn build(&self, _: WorkScheduler) -> Box<dyn Resolver> {
        Box::new(self.0.clone())
    }
}

impl Resolver for SharedUpdates {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let update = self
            .latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(update) = update {
            controller.update(update);
        }
    }
}
