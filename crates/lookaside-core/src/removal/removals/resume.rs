use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Removals;
use crate::{BackendId, ServiceName, removal::Suspect};

/// Suspects that outlive a process: told to whoever keeps them, and taken over again.
impl Removals {
    /// The suspects of a service, sorted by id.
    pub fn suspects_of(&self, name: &ServiceName) -> Arc<[Suspect]> {
        let guard = self.guards.get(name);
        let suspects = guard.map(|guard| guard.suspects(&self.hold_clock));
        suspects.unwrap_or_default()
    }

    /// A process before this one held backends of these services: their mass removals go
    /// on, however few are missing. To be called between the state that has the suspects
    /// and the one that has not.
    pub fn resume<'a>(
        &mut self,
        services: impl IntoIterator<Item = &'a ServiceName>,
        now: Instant,
    ) {
        for name in services {
            if let Some(guard) = self.guards.get_mut(name) {
                guard.mass(&self.policy, now);
            }
        }
    }

    /// A suspect has been one for longer than this process knows, and its hold has stood
    /// still for a part of that time.
    pub fn held_since(
        &mut self,
        name: &ServiceName,
        id: &BackendId,
        (since, stood): (Instant, Duration),
        now: Instant,
    ) {
        let guard = self.guards.get_mut(name);
        let missing = guard.and_then(|guard| guard.missing.get_mut(id));
        if let Some(missing) = missing.filter(|it| it.is_held()) {
            missing.since = missing.since.min(since);
            let began = since.checked_add(stood).unwrap_or(now);
            missing.held_from = missing.held_from.min(self.hold_clock.at(began));
            self.look(name, now);
        }
    }
}
