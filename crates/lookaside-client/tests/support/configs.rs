use std::sync::{Arc, Mutex};

use lookaside_client::{
    Address, ResolveError, Resolver, ResolverBuilder, ResolverController, ResolverUpdate,
    WorkScheduler,
};

use super::addr;

/// A resolver that says what the test does.
#[derive(Clone, Debug, Default)]
pub struct Told(Arc<Mutex<(Option<ResolverUpdate>, WorkScheduler)>>);

impl Told {
    pub fn tell(&self, update: ResolverUpdate) {
        let mut state = self.0.lock().unwrap();
        state.0 = Some(update);
        state.1.schedule_work();
    }

    /// Backends, and a service config if there is one.
    pub fn backends(&self, ns: impl IntoIterator<Item = u8>, config: Option<Result<&str, &str>>) {
        self.tell(update(ns, [], config));
    }
}

pub fn update(
    backends: impl IntoIterator<Item = u8>,
    balancers: impl IntoIterator<Item = u8>,
    config: Option<Result<&str, &str>>,
) -> ResolverUpdate {
    let addresses = |ns: Vec<u8>| {
        ns.into_iter()
            .map(|n| Address::new(addr(n)))
            .collect::<Vec<_>>()
    };
    let update = ResolverUpdate::new(addresses(backends.into_iter().collect()))
        .with_balancers(addresses(balancers.into_iter().collect()));
    match config {
        None => update,
        Some(Ok(json)) => update.with_service_config(Ok(json.into())),
        Some(Err(error)) => update.with_service_config(Err(ResolveError::new(error))),
    }
}

impl ResolverBuilder for Told {
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
        let mut state = self.0.lock().unwrap();
        state.1 = work;
        Box::new(self.clone())
    }
}

impl Resolver for Told {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        if let Some(update) = self.0.lock().unwrap().0.take() {
            controller.update(update);
        }
    }
}
