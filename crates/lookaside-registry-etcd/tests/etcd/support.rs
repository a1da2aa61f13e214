use std::{net::SocketAddr, sync::Arc, time::Duration};

use lookaside_core::{BackoffConfig, Service, Snapshot};
use lookaside_registry::{Freshness, Registry, RegistryState};
use lookaside_registry_etcd::{EtcdConfig, EtcdRegistry, Timings};
use tokio::{sync::watch, time::timeout};

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);

/// Production's timings divided by about 20.
pub(crate) fn timings() -> Timings {
    Timings {
        silence: Duration::from_millis(250),
        answer: Duration::from_millis(250),
        catch_up: Duration::from_millis(1500),
        resume: Duration::from_millis(700),
        dissent: Duration::from_millis(1500),
        created: Duration::from_secs(1),
        read: Duration::from_secs(1),
        page: Duration::from_secs(5),
        backoff: BackoffConfig {
            initial: Duration::from_millis(20),
            multiplier: 1.6,
            jitter: 0.2,
            max: Duration::from_millis(250),
        },
    }
}

pub(crate) fn config(member: SocketAddr) -> EtcdConfig {
    EtcdConfig {
        timings: timings(),
        ..EtcdConfig::new(vec![member.into()])
    }
}

/// Polls until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    if timeout(PATIENCE, polling).await.is_err() {
        panic!("never: {what}");
    }
}

/// A registry and what it publishes.
pub(crate) struct Followed {
    pub(crate) registry: EtcdRegistry,
    pub(crate) states: watch::Receiver<Arc<RegistryState>>,
}

impl Followed {
    pub(crate) async fn start(config: EtcdConfig) -> Self {
        let registry = EtcdRegistry::connect(config).await.unwrap();
        let states = registry.subscribe();
        Self { registry, states }
    }

    /// Waits for a state.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        is: impl FnMut(&Arc<RegistryState>) -> bool,
    ) -> Arc<RegistryState> {
        match self.try_until(is).await {
            Ok(state) => state,
            Err(last) => panic!("never: {what}; last: {last:#?}"),
        }
    }

    /// Waits for a state, and gives the last one if it does not come.
    pub(crate) async fn try_until(
        &mut self,
        is: impl FnMut(&Arc<RegistryState>) -> bool,
    ) -> Result<Arc<RegistryState>, Arc<RegistryState>> {
        let found = timeout(PATIENCE, self.states.wait_for(is)).await;
        if let Ok(state) = found {
            return Ok(Arc::clone(&*state.unwrap()));
        }
        drop(found);
        Err(Arc::clone(&*self.states.borrow()))
    }

    pub(crate) async fn until_synced(&mut self) -> Arc<RegistryState> {
        self.until("synced", |it| is_synced(it)).await
    }

    /// Waits until a service has these ids and weights.
    pub(crate) async fn until_weights(
        &mut self,
        service: &str,
        expected: &[(&str, u32)],
    ) -> Arc<RegistryState> {
        let what = format!("{service} is {expected:?}");
        self.until(&what, |it| {
            it.is_complete() && weights(it, service) == expected
        })
        .await
    }
}

pub(crate) fn is_synced(state: &RegistryState) -> bool {
    state.is_complete() && matches!(state.freshness, Freshness::Synced { .. })
}

pub(crate) fn is_stale(state: &RegistryState) -> bool {
    matches!(state.freshness, Freshness::Stale { .. })
}

pub(crate) fn backends(state: &RegistryState) -> &Arc<Snapshot> {
    state.backends.as_ref().expect("backends have been read")
}

pub(crate) fn service<'a>(state: &'a RegistryState, service: &str) -> Option<&'a Arc<Service>> {
    state.backends.as_ref()?.services.get(service)
}

/// Ids and weights of a service; nothing if there is no such service.
pub(crate) fn weights<'a>(state: &'a RegistryState, name: &str) -> Vec<(&'a str, u32)> {
    let backends = service(state, name).map(|it| it.backends.iter());
    backends
        .into_iter()
        .flatten()
        .map(|it| (it.id.as_str(), it.weight))
        .collect()
}
