use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::scene::Scene;

/// What there is to see, besides the counts of calls.
#[derive(Debug, Default)]
pub(super) struct View(Mutex<Seen>);

#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) scene: Option<Scene>,
    pub(super) backends: Vec<BackendView>,
    pub(super) balancer: &'static str,
}

/// A backend, dead or alive.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackendView {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) weight: u32,
    pub(super) state: &'static str,
}

impl View {
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    pub(super) fn scene(&self, scene: Scene) {
        self.lock().scene = Some(scene);
    }

    pub(super) fn balancer(&self, state: &'static str) {
        self.lock().balancer = state;
    }

    /// Adds backends that were not seen before; the dead stay.
    pub(super) fn backends(&self, backends: impl IntoIterator<Item = BackendView>) {
        let mut seen = self.lock();
        for backend in backends {
            if !seen.backends.iter().any(|old| old.name == backend.name) {
                seen.backends.push(backend);
            }
        }
    }

    pub(super) fn mark(&self, name: &str, state: &'static str) {
        let mut seen = self.lock();
        let found = seen.backends.iter_mut().find(|it| it.name == name);
        if let Some(backend) = found {
            backend.state = state;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
