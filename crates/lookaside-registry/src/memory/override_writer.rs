use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lookaside_core::{
    Override, OverrideNote, OverrideTarget, OverridesSnapshot, Revision, ServiceName,
};

use super::owner::Access;
use crate::{OverrideError, OverrideWriter, RegistrarError};

/// What is left of an override at least that is put back.
const SHORTEST: Duration = Duration::from_secs(1);

/// Writes overrides into this process's memory.
#[derive(Debug)]
pub(crate) struct MemoryOverrides(Access);

impl MemoryOverrides {
    pub(crate) fn new(access: Access) -> Self {
        Self(access)
    }

    /// Puts back what was saved another time, but for what has ended meanwhile. Says how
    /// many were put back.
    pub(crate) async fn restore(
        &self,
        saved: &OverridesSnapshot,
        now: SystemTime,
    ) -> Result<usize, OverrideError> {
        let mut restored = 0;
        for (service, overrides) in &saved.services {
            for (order, note) in overrides.iter() {
                let left = note.expires.map(|at| at.duration_since(now));
                let ttl = match left {
                    Some(Err(_)) => continue,
                    Some(Ok(left)) => Some(left.max(SHORTEST)),
                    None => None,
                };
                self.put(service, &order, note, ttl, None).await?;
                restored += 1;
            }
        }
        Ok(restored)
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
