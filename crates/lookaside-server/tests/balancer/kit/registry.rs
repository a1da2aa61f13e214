use std::{net::SocketAddr, sync::Arc};

use lookaside_core::{
    Backend, BackendId, BackendState, Override, OverrideNote, OverridesSnapshot, Service,
    ServiceName, ServiceOverrides, ServiceSettings, Settings, SettingsSnapshot, Snapshot,
};
use lookaside_registry::{Freshness, Registrar, Registry, RegistryState};
use tokio::{sync::watch, time::Instant};

/// A registry that says what a test tells it to.
#[derive(Debug)]
pub(crate) struct TestRegistry(watch::Sender<Arc<RegistryState>>);

impl Registry for TestRegistry {
    fn url(&self) -> &str {
        "test:"
    }

    fn subscribe(&self) -> watch::Receiver<Arc<RegistryState>> {
        self.0.subscribe()
    }

    fn registrar(&self) -> Option<Arc<dyn Registrar>> {
        None
    }
}

impl TestRegistry {
    /// Read completely, with nothing in it.
    pub(crate) fn empty() -> Self {
        let registry = Self::connecting();
        registry.change(|state| {
            state.backends = Some(Arc::default());
            state.settings = Some(Arc::default());
            state.overrides = Some(Arc::default());
            state.freshness = Freshness::Synced {
                as_of: Instant::now(),
            };
        });
        registry
    }

    /// Not read yet.
    pub(crate) fn connecting() -> Self {
        let state = RegistryState::connecting(Instant::now());
        Self(watch::Sender::new(Arc::new(state)))
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut RegistryState)) {
        self.0.send_modify(|state| change(Arc::make_mut(state)));
    }

    /// Replaces a service's backends.
    pub(crate) fn set(&self, service: &str, backends: impl IntoIterator<Item = Backend>) {
        let service = ServiceName::new(service).unwrap();
        let backends = backends.into_iter().map(Arc::new).collect();
        self.change(|state| {
            let mut snapshot = Snapshot::clone(state.backends.as_deref().unwrap());
            snapshot.revision += 1;
            let new = Service {
                backends,
                problems: Vec::new(),
            };
            snapshot.services.insert(service, Arc::new(new));
            state.backends = Some(Arc::new(snapshot));
        });
    }

    /// Takes all of a service's keys away.
    pub(crate) fn remove(&self, service: &str) {
        self.change(|state| {
            let mut snapshot = Snapshot::clone(state.backends.as_deref().unwrap());
            snapshot.revision += 1;
            snapshot.services.remove(service);
            state.backends = Some(Arc::new(snapshot));
        });
    }

    /// Replaces a service's overrides, all by alice for the sake of a test.
    pub(crate) fn set_overrides(
        &self,
        service: &str,
        overrides: impl IntoIterator<Item = Override>,
    ) {
        let name = ServiceName::new(service).unwrap();
        let noted = overrides.into_iter().map(|it| {
            let note = OverrideNote {
                by: Some("alice".into()),
                reason: Some("a test".into()),
                key: it.target().key(&name).into(),
                ..OverrideNote::default()
            };
            (it, note)
        });
        let overrides = ServiceOverrides::new(noted, Vec::new());
        self.change(|state| {
            let mut snapshot = OverridesSnapshot::clone(state.overrides.as_deref().unwrap());
            snapshot.services.insert(name, Arc::new(overrides));
            state.overrides = Some(Arc::new(snapshot));
        });
    }

    pub(crate) fn set_settings(&self, service: &str, settings: Settings) {
        let service = ServiceName::new(service).unwrap();
        self.change(|state| {
            let mut snapshot = SettingsSnapshot::clone(state.settings.as_deref().unwrap());
            let new = ServiceSettings {
                settings,
                problem: None,
            };
            snapshot.services.insert(service, Arc::new(new));
            state.settings = Some(Arc::new(snapshot));
        });
    }
}

/// A backend of weight 1 at 10.0.0.1 and this port, by the name of `b` and the port.
pub(crate) fn backend(port: u16) -> Backend {
    Backend {
        id: BackendId::new(&format!("b{port}")).unwrap(),
        address: SocketAddr::from(([10, 0, 0, 1], port)).into(),
        weight: 1,
        zone: None,
        state: BackendState::Serving,
        key: format!("services/orders/b{port}").into(),
        revision: 1,
    }
}
