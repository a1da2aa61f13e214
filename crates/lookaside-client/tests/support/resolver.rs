use std::sync::{Arc, Mutex};

use lookaside_client::{
    Address, Resolver, ResolverBuilder, ResolverController, ResolverUpdate, WorkScheduler,
};

use super::addr;

/// A resolver that says what the test says.
#[derive(Clone, Debug, Default)]
pub struct Scripted(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: Option<ResolverUpdate>,
    wishes: usize,
    work: WorkScheduler,
}

impl Scripted {
    pub fn say(&self, update: ResolverUpdate) {
        let mut state = self.0.lock().unwrap();
        state.next = Some(update);
        state.work.schedule_work();
    }

    /// How often somebody wished that it look again.
    pub fn wishes(&self) -> usize {
        self.0.lock().unwrap().wishes
    }
}

/// `10.0.0.n:1` for each.
pub fn found(ns: &[u8]) -> ResolverUpdate {
    let addresses: Vec<_> = ns.iter().map(|n| Address::new(addr(*n))).collect();
    ResolverUpdate::new(addresses)
}

pub fn balancers(ns: &[u8]) -> Vec<Address> {
    let named = |n: &u8| {
        let authority = format!("lb-{n}.example").parse().unwrap();
        Address::new(addr(*n)).with_authority(authority)
    };
    ns.iter().map(named).collect()
}

impl ResolverBuilder for Scripted {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        self.0.lock().unwrap().work = work;
        Box::new(self.clone())
    }
}

impl Resolver for Scripted {
    fn resolve_now(&mut self) {
        self.0.lock().unwrap().wishes += 1;
    }

    fn work(&mut self, controller: &mut dyn ResolverController) {
        let next = self.0.lock().unwrap().next.take();
        if let Some(update) = next {
            controller.update(update);
        }
    }
}
