use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{HealthCheck, ResolvedBackend, ServiceName};
use tokio::sync::watch;

/// What is to be checked: the services whose settings say so, and their backends.
pub(crate) type CheckedServices = BTreeMap<ServiceName, Arc<Checked>>;

/// A service whose backends are checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) check: HealthCheck,
    /// All that are believed in, whatever they weigh and announce: one that is drained
    /// for a while is known when it comes back. Sorted by id.
    pub(crate) backends: Arc<[ResolvedBackend]>,
}

/// Where the planner leaves what is to be checked.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    services: Arc<CheckedServices>,
    changed: bool,
}

impl Checks {
    /// Takes over what holds for a service now.
    pub(crate) fn set(
        &mut self,
        name: &ServiceName,
        check: Option<&HealthCheck>,
        backends: &Arc<[ResolvedBackend]>,
    ) {
        let before = self.services.get(name);
        let same = match (before, check) {
            (None, None) => true,
            (Some(before), Some(check)) => {
                before.check == *check && Arc::ptr_eq(&before.backends, backends)
            }
            _ => false,
        };
        if same {
            return;
        }
        let services = Arc::make_mut(&mut self.services);
        match check {
            None => services.remove(name),
            Some(check) => {
                let checked = Checked {
                    check: check.clone(),
                    backends: Arc::clone(backends),
                };
                services.insert(name.clone(), Arc::new(checked))
            }
        };
        self.changed = true;
    }

    /// Tells whoever does the checking, if there is something to tell.
    pub(crate) fn publish(&mut self, to: &watch::Sender<Arc<CheckedServices>>) {
        if std::mem::take(&mut self.changed) {
            to.send_replace(Arc::clone(&self.services));
        }
    }
}
