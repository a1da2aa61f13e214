use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lookaside_core::{Override, OverrideNote, OverrideTarget, Revision, ServiceName};
use tokio::{sync::watch, time::timeout};

use crate::{OverrideError, OverrideWriter, RegistryState, Unsaved, memory::MemoryOverrides};

/// How long an order waits to be published. It takes two turns of two tasks; a file that
/// hangs keeps it longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes overrides beside a file, into this process's memory. What was written is part of
/// the file registry's state when a method returns: who saves it looks there.
#[derive(Debug)]
pub(super) struct FileOverrides {
    memory: MemoryOverrides,
    written: watch::Receiver<Arc<RegistryState>>,
    published: watch::Receiver<Arc<RegistryState>>,
}

impl FileOverrides {
    pub(super) fn new(
        memory: MemoryOverrides,
        written: watch::Receiver<Arc<RegistryState>>,
        published: watch::Receiver<Arc<RegistryState>>,
    ) -> Self {
        Self {
            memory,
            written,
            published,
        }
    }

    async fn wait_for_publication(&self) {
        let revision = |state: &RegistryState| state.overrides.as_ref().map(|it| it.revision);
        let wanted = revision(&self.written.borrow());
        let mut published = self.published.clone();
        // In vain where the file has never been read: it is in force as soon as that is.
        let _ = timeout(
            PATIENCE,
            published.wait_for(|state| revision(state) >= wanted),
        )
        .await;
    }
}

#[async_trait]
impl OverrideWriter for FileOverrides {
    async fn put(
        &self,
        service: &ServiceName,
        order: &Override,
        note: &OverrideNote,
        ttl: Option<Duration>,
        expected: Option<Revision>,
    ) -> Result<Revision, OverrideError> {
        let put = self.memory.put(service, order, note, ttl, expected).await?;
        self.wait_for_publication().await;
        Ok(put)
    }

    async fn delete(
        &self,
        service: &ServiceName,
        target: &OverrideTarget,
        expected: Option<Revision>,
    ) -> Result<bool, OverrideError> {
        let deleted = self.memory.delete(service, target, expected).await?;
        self.wait_for_publication().await;
        Ok(deleted)
    }

    async fn saved(&self) -> Result<(), Unsaved> {
        self.memory.saved().await
    }
}
