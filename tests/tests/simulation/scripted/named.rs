//! What the client's resolver finds: the fallback servers, and balancers that come and go.

use std::sync::{Arc, Mutex};

use lookaside_client::{
    Address, Resolver, ResolverBuilder, ResolverController, ResolverUpdate, WorkScheduler,
};

use super::places::{FALLBACKS, balancer_at, fallback_at};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Named(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    balancers: Vec<usize>,
    has_fallback: bool,
    /// It has been handed over.
    told: bool,
    work: WorkScheduler,
}

impl Named {
    /// All of so many balancers.
    pub fn new(balancers: usize, has_fallback: bool) -> Self {
        Self(Arc::new(Mutex::new(State {
            balancers: (0..balancers).collect(),
            has_fallback,
            told: false,
            work: WorkScheduler::default(),
        })))
    }

    /// These and no others from now on, in this order.
    pub fn set(&self, balancers: Vec<usize>) {
        let mut state = self.0.lock().unwrap();
        state.balancers = balancers;
        state.told = false;
        state.work.schedule_work();
    }
}

impl ResolverBuilder for Named {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        let mut state = self.0.lock().unwrap();
        state.work = work;
        state.told = false;
        Box::new(self.clone())
    }
}

impl Resolver for Named {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let mut state = self.0.lock().unwrap();
        if std::mem::replace(&mut state.told, true) {
            return;
        }
        let fallbacks = if state.has_fallback { FALLBACKS } else { 0 };
        let addresses: Vec<_> = (0..fallbacks)
            .map(|n| Address::new(fallback_at(n)))
            .collect();
        let balancers: Vec<_> = state
            .balancers
            .iter()
            .map(|n| Address::new(balancer_at(*n)))
            .collect();
        controller.update(ResolverUpdate::new(addresses).with_balancers(balancers));
    }
}
