use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lookaside_core::{Override, OverrideNote, OverrideTarget, Revision, ServiceName};

use super::flusher::Flusher;
use crate::{OverrideError, OverrideWriter, Unsaved};

/// Writes overrides of which the state directory has the only lasting copy.
#[derive(Debug)]
pub(super) struct SavedOverrides {
    inner: Arc<dyn OverrideWriter>,
    flusher: Flusher,
}

impl SavedOverrides {
    pub(super) fn new(inner: Arc<dyn OverrideWriter>, flusher: Flusher) -> Self {
        Self { inner, flusher }
    }
}

#[async_trait]
impl OverrideWriter for SavedOverrides {
    async fn put(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError> {
        self.inner.put(service, order, note, ttl, expected).await
    }

    async fn delete(
        &self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        self.inner.delete(service, target, expected).await
    }

    async fn saved(&self) -> Result<(), Unsaved> {
        match self.inner.saved().await {
            Err(Unsaved::MemoryOnly) => self.flusher.flush().await.map_err(Unsaved::NotYet),
            elsewhere => elsewhere,
        }
    }
}
