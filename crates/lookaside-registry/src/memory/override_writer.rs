use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lookaside_core::{
    Override, OverrideNote, OverrideTarget, OverridesSnapshot, Revision, ServiceName,
};

use super::owner::Access;
use crate::{
    OverrideError, OverrideWriter, RegistrarError, Unsaved,
    overrides::{LONGEST_TTL, SHORTEST_TTL},
};

/// Writes overrides into this process's memory.
#[derive(Debug)]
pub(crate) struct MemoryOverrides(Access);

impl MemoryOverrides {
    pub(crate) fn new(access: Access) -> Self {
        Self(access)
    }

    /// Puts back what was saved another time, but for what has ended meanwhile, under the
    /// revisions it had; those to come are higher, so that whoever looked before the
    /// restart replaces what they saw or nothing. Says how many were put back; the log
    /// says which could not be.
    pub(crate) async fn restore(&self, saved: &OverridesSnapshot, now: SystemTime) -> usize {
        let mut restored = 0;
        let revision = saved.revision;
        if let Err(error) = self.0.ask(move |table, _| table.overtake(revision)).await {
            tracing::error!(%error, "no override is restored");
        }
        for (service, overrides) in &saved.services {
            for (order, note) in overrides.iter() {
                let left = note.expires.map(|at| at.duration_since(now));
                let ttl = match left {
                    Some(Err(_)) => continue,
                    // A clock that is years behind leaves it more time than it ever had.
                    Some(Ok(left)) => Some(left.clamp(SHORTEST_TTL, LONGEST_TTL)),
                    None => None,
                };
                match self.put_back(service, &order, note, ttl).await {
                    Ok(()) => restored += 1,
                    Err(error) => {
                        let backend = order.target();
                        tracing::error!(%service, %backend, %error, "an override is not restored");
                    }
                }
            }
        }
        restored
    }

    async fn put_back(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
    ) -> Result<(), OverrideError> {
        let (service, noted) = (service.clone(), (order.clone(), note.clone()));
        self.0
            .ask(move |table, now| table.restore_override(now, service, noted, ttl))
            .await
            .map_err(ended)?
    }
}

fn ended(error: RegistrarError) -> OverrideError {
    OverrideError::Unavailable(error.to_string())
}

#[async_trait]
impl OverrideWriter for MemoryOverrides {
    async fn put(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError> {
        let (service, noted) = (service.clone(), (order.clone(), note.clone()));
        self.0
            .ask(move |table, now| table.put_override(now, service, noted, ttl, expected))
            .await
            .map_err(ended)?
    }

    async fn delete(
        &self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        let (service, target) = (service.clone(), target.clone());
        self.0
            .ask(move |table, _| table.delete_override(&service, &target, expected))
            .await
            .map_err(ended)?
    }

    async fn saved(&self) -> Result<(), Unsaved> {
        Err(Unsaved::MemoryOnly)
    }
}
