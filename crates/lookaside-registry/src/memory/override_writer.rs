use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lookaside_core::{
    Override, OverrideNote, OverrideTarget, OverridesSnapshot, Revision, ServiceName,
};

use super::owner::Access;
use crate::{
    OverrideError, OverrideWriter, RegistrarError,
    overrides::{LONGEST_TTL, SHORTEST_TTL},
};

/// Writes overrides into this process's memory.
#[derive(Debug)]
pub(crate) struct MemoryOverrides(Access);

impl MemoryOverrides {
    pub(crate) fn new(access: Access) -> Self {
        Self(access)
    }

    /// Puts back what was saved another time, but for what has ended meanwhile. Says how
    /// many were put back; the log says which could not be.
    pub(crate) async fn restore(&self, saved: &OverridesSnapshot, now: SystemTime) -> usize {
        let mut restored = 0;
        for (service, overrides) in &saved.services {
            for (order, note) in overrides.iter() {
                let left = note.expires.map(|at| at.duration_since(now));
                let ttl = match left {
                    Some(Err(_)) => continue,
                    // A clock that is years behind leaves it more time than it ever had.
                    Some(Ok(left)) => Some(left.clamp(SHORTEST_TTL, LONGEST_TTL)),
                    None => None,
                };
                match self.put(service, &order, note, ttl, None).await {
                    Ok(_) => restored += 1,
                    Err(error) => {
                        let target = order.target();
                        tracing::error!(%service, %target, %error, "an override is not restored");
                    }
                }
            }
        }
        restored
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
}
